/* SPDX-License-Identifier: Apache-2.0 */

/* What a driver file may say to the loopback driver, and what that means. */

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "config/option.h"
#include "driver/loopback/client.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/text.h"

#define AT(member)     offsetof(struct loopback_config, member)
#define SCRIPT(member) offsetof(struct loopback_config, script.member)

static const struct option_choice stall_places[] = {
	{ .name = "broker", .value = LOOP_STALL_BROKER },
	{ .name = "send", .value = LOOP_STALL_SEND },
	{ 0 },
};

const struct option_spec loopback_options[] = {
	{
		.name = "address",
		.type = OPTION_TEXT,
		.offset = AT(address),
		.help = "where the broker listens: @name (abstract unix socket), 127.0.0.1:port or "
			"[::1]:port; absent: a unix socket named after the run",
	},
	{
		.name = "external",
		.type = OPTION_BOOL,
		.offset = AT(external),
		.fallback = "false",
		.help = "the broker at `address` runs already; none is started",
	},
	{
		.name = "reportFile",
		.type = OPTION_TEXT,
		.offset = AT(report_file),
		.help = "JSON file in which the broker says, when it ends, what it accepted and "
			"how often each fault struck",
	},
	{
		.name = "maxBytes",
		.type = OPTION_BYTES,
		.offset = SCRIPT(max_bytes),
		.min = 65536,
		.max = 1e15,
		.fallback = "1GiB",
		.unit = "B",
		.help = "messages kept in memory; when they are as many the broker takes no more",
	},
	{
		.name = "maxBufferBytes",
		.type = OPTION_BYTES,
		.offset = AT(max_buffer_bytes),
		.min = 1024,
		.max = 1 << 30,
		.fallback = "1MiB",
		.unit = "B",
		.help = "of each producer: messages that wait for room in its socket (beyond it, "
			"sending is BUSY); of each consumer: messages on their way to it",
	},
	{
		.name = "maxInFlight",
		.type = OPTION_COUNT,
		.offset = AT(max_in_flight),
		.min = 1,
		.max = 1 << 24,
		.fallback = "65536",
		.help = "messages of one producer without an answer; beyond it, sending is BUSY",
	},
	{
		.name = "delay",
		.type = OPTION_DURATION,
		.offset = SCRIPT(delay_ns),
		.max = 3.6e12,
		.fallback = "0s",
		.help = "from the receipt of a message until it is acknowledged and delivered",
	},
	{
		.name = "ackDelay",
		.type = OPTION_DURATION,
		.offset = SCRIPT(ack_delay_ns),
		.max = 3.6e12,
		.fallback = "0s",
		.help = "more delay for the acknowledgement alone",
	},
	{
		.name = "deliveryDelay",
		.type = OPTION_DURATION,
		.offset = SCRIPT(delivery_delay_ns),
		.max = 3.6e12,
		.fallback = "0s",
		.help = "more delay for the delivery alone",
	},
	{
		.name = "capacity",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(capacity_per_s),
		.max = 1e9,
		.fallback = "0",
		.unit = "messages/s",
		.help = "messages that the broker serves in a second, one after the other; the "
			"rest waits; 0: as many as come",
	},
	{
		.name = "stallWhere",
		.type = OPTION_ENUM,
		.offset = SCRIPT(stall_where),
		.choices = stall_places,
		.fallback = "broker",
		.help = "broker: nothing is acknowledged or delivered in a stall; send: sending is "
			"BUSY in a stall, and all else goes on",
	},
	{
		.name = "stallAfter",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(stall_after),
		.fallback = "0",
		.unit = "messages",
		.help = "the clock of the stalls starts when the broker receives the message with "
			"this number, from 0, over all topics, probes included: at 10,000 msg/s, "
			"50000 is 5 s after the start of the load",
	},
	{
		.name = "stallStart",
		.type = OPTION_DURATION,
		.offset = SCRIPT(stall_start_ns),
		.max = 3.6e15,
		.fallback = "0s",
		.help = "the first stall begins so long after its clock started",
	},
	{
		.name = "stallDuration",
		.type = OPTION_DURATION,
		.offset = SCRIPT(stall_duration_ns),
		.max = 3.6e12,
		.fallback = "0s",
		.help = "how long a stall lasts; 0: there is none",
	},
	{
		.name = "stallEvery",
		.type = OPTION_DURATION,
		.offset = SCRIPT(stall_every_ns),
		.max = 3.6e15,
		.fallback = "0s",
		.help = "from the beginning of one stall to that of the next; 0: there is one",
	},
	{
		.name = "faultsAfter",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(faults_after),
		.fallback = "0",
		.unit = "messages",
		.help = "the first so many messages of each partition suffer no fault; counting "
			"for the faults below starts behind them, in each partition on its own",
	},
	{
		.name = "loseEvery",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(lose_every),
		.fallback = "0",
		.help = "every so manieth message is acknowledged and never delivered; 0: none",
	},
	{
		.name = "duplicateEvery",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(duplicate_every),
		.fallback = "0",
		.help = "every so manieth message is delivered twice; 0: none",
	},
	{
		.name = "reorderEvery",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(reorder_every),
		.fallback = "0",
		.help = "every so manieth message changes places with the next of its partition, "
			"if that comes within a second; 0: none",
	},
	{
		.name = "failEvery",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(fail_every),
		.fallback = "0",
		.help = "every so manieth message is refused; 0: none",
	},
	{
		.name = "failStored",
		.type = OPTION_BOOL,
		.offset = SCRIPT(fail_stored),
		.fallback = "false",
		.help = "messages that are refused are delivered all the same",
	},
	{
		.name = "corruptEvery",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(corrupt_every),
		.fallback = "0",
		.help = "every so manieth message has a byte of its last 32 flipped; 0: none",
	},
	{
		.name = "dropConnectionAfter",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(drop_connection_after),
		.fallback = "0",
		.unit = "messages",
		.help = "the connection that brings the message with this number, from 1, over all "
			"topics, is closed before anything under way on it is answered; 0: none",
	},
	{ 0 },
};

void loopback_configure(void *config, const struct driver_file *file, struct arena *arena,
                        struct error_list *errors)
{
	const struct loopback_config *c = config;
	const struct loop_script *s = &c->script;
	struct address address;
	struct error err = { 0 };

	(void)file;
	(void)arena;
	if (c->address != NULL && !loop_address_parse(c->address, "", &address, &err)) {
		error_wrap(&err, "address");
		error_list_add(errors, &err);
	}
	if (c->external && c->address == NULL) {
		error_set(&err, ERROR_CONFIG, "external: true needs an address");
		error_list_add(errors, &err);
	}
	if (s->stall_every_ns != 0 && s->stall_every_ns <= s->stall_duration_ns) {
		error_set(&err, ERROR_CONFIG, "stallEvery must be longer than stallDuration");
		error_list_add(errors, &err);
	}
	if (c->report_file != NULL && !c->external && !file_check_output(c->report_file, &err)) {
		error_wrap(&err, "reportFile");
		error_list_add(errors, &err);
	}
}

struct void_option {
	const char *key;
	bool is_void;
};

static void add_void(const struct loopback_config *c, const struct void_option *options,
                     const char *why, driver_row_fn *fn, void *to)
{
	for (; options->key != NULL; options++) {
		struct text value = { 0 };
		if (!options->is_void)
			continue;
		option_format(option_find(loopback_options, options->key), c, &value);
		struct driver_row row = { "broker", options->key, text_str(&value),
			                  ORIGIN_NO_EFFECT, why };
		fn(to, &row);
		text_fini(&value);
	}
}

/* Options of which nothing comes: another one is missing. */
static void describe_missing(const struct loopback_config *c, driver_row_fn *fn, void *to)
{
	const struct loop_script *s = &c->script;
	bool faults = (s->lose_every | s->duplicate_every | s->reorder_every | s->fail_every |
	               s->corrupt_every) > 0;
	const struct void_option of_stalls[] = {
		{ "stallWhere", s->stall_where != LOOP_STALL_BROKER },
		{ "stallAfter", s->stall_after > 0 },
		{ "stallStart", s->stall_start_ns > 0 },
		{ "stallEvery", s->stall_every_ns > 0 },
		{ NULL, false },
	};
	const struct void_option of_faults[] = { { "faultsAfter", s->faults_after > 0 },
		                                 { NULL, false } };
	const struct void_option of_refusals[] = { { "failStored", s->fail_stored },
		                                   { NULL, false } };

	if (s->stall_duration_ns == 0)
		add_void(c, of_stalls, "stallDuration is 0", fn, to);
	if (!faults)
		add_void(c, of_faults, "there is no fault", fn, to);
	if (s->fail_every == 0)
		add_void(c, of_refusals, "failEvery is 0", fn, to);
}

/* The broker's script, where it is not started here. */
static void describe_external(const struct loopback_config *c, driver_row_fn *fn, void *to)
{
	const struct loop_script *s = &c->script;
	const struct void_option options[] = {
		{ "delay", s->delay_ns > 0 },
		{ "ackDelay", s->ack_delay_ns > 0 },
		{ "deliveryDelay", s->delivery_delay_ns > 0 },
		{ "capacity", s->capacity_per_s > 0 },
		{ "stallDuration", s->stall_duration_ns > 0 },
		{ "loseEvery", s->lose_every > 0 },
		{ "duplicateEvery", s->duplicate_every > 0 },
		{ "reorderEvery", s->reorder_every > 0 },
		{ "failEvery", s->fail_every > 0 },
		{ "corruptEvery", s->corrupt_every > 0 },
		{ "dropConnectionAfter", s->drop_connection_after > 0 },
		{ "reportFile", c->report_file != NULL },
		{ NULL, false },
	};

	if (c->external)
		add_void(c, options, "the broker is external and has a script of its own", fn, to);
}

void loopback_load_doubts(const void *config, const struct driver_load *load, struct arena *arena,
                          driver_doubt_fn *fn, void *to)
{
	const struct loopback_config *c = config;
	uint64_t bytes = (uint64_t)LOOP_MESSAGE_BYTES + load->key_bytes + load->payload_bytes;
	struct driver_doubt d = { .weight = DRIVER_WARNING };

	if (load->payload_bytes > LOOP_PAYLOAD_MAX) {
		d.text = arena_printf(arena,
		                      "messageSize: every message fails: this driver takes %llu "
		                      "bytes at the most",
		                      (unsigned long long)LOOP_PAYLOAD_MAX);
		d.remedy = arena_printf(arena, "--set messageSize=%llu",
		                        (unsigned long long)LOOP_PAYLOAD_MAX);
		fn(to, &d);
	} else if (bytes > c->max_buffer_bytes) {
		d.text = arena_printf(arena,
		                      "messageSize: every message fails: with its head it takes "
		                      "%llu bytes, and maxBufferBytes is %llu",
		                      (unsigned long long)bytes,
		                      (unsigned long long)c->max_buffer_bytes);
		d.remedy =
			arena_printf(arena, "--set maxBufferBytes=%llu", (unsigned long long)bytes);
		fn(to, &d);
	}
}

bool loopback_describe(const struct driver_context *ctx, driver_row_fn *fn, void *to,
                       struct error *err)
{
	static const struct driver_row rows[] = {
		{ "meaning", "acknowledgement", "received by a process of omb's own on this host",
		  "", "" },
		{ "meaning", "replication", "none", "", "" },
		{ "meaning", "persistence", "none: in memory", "", "" },
		{ "meaning", "ordering", "within a partition", "", "" },
		{ "meaning", "batching", "messages of one pass of sends travel together", "", "" },
		{ "meaning", "consumer ack", "the consumer commits its position in each partition",
		  "", "" },
		{ "meaning", "redelivery", "the broker remembers, and says so", "", "" },
		{ "meaning", "tls", "no", "", "" },
	};

	(void)err;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fn(to, &rows[i]);
	describe_missing(ctx->config, fn, to);
	describe_external(ctx->config, fn, to);
	return true;
}
