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
		.flags = OPTION_FILE,
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
		.name = "brokerFaults",
		.type = OPTION_TEXT,
		.offset = AT(broker_faults),
		.help = "what the broker does wrong on purpose, as `omb help faults` says: "
			"\"stall:500ms@10s lose:1000@1\"",
	},
	{
		.name = "brokerFaultSeed",
		.type = OPTION_COUNT64,
		.offset = SCRIPT(fault_seed),
		.max = 1e15,
		.fallback = "1",
		.help = "of faults that draw lots",
	},
	{
		.name = "brokerFaultLog",
		.type = OPTION_TEXT,
		.offset = AT(fault_log),
		.flags = OPTION_FILE,
		.help = "file in which the broker names each message that a fault struck, a line "
			"of JSON for each",
	},
	{ 0 },
};

static void take_faults(struct loopback_config *c, struct arena *arena, struct error_list *errors)
{
	struct fault *faults = arena_alloc(arena, FAULTS_MAX * sizeof(*faults));
	struct error err = { 0 };

	if (c->broker_faults == NULL)
		return;
	int count = fault_list_parse(c->broker_faults, FAULTS_OF_LOOPBACK, faults, &err);
	if (count < 0) {
		err.kind = ERROR_CONFIG;
		error_wrap(&err, "brokerFaults");
		error_list_add(errors, &err);
		return;
	}
	c->script.faults_count = (size_t)count;
	c->script.faults = faults;
}

static void check_output(const char *path, const char *option, struct error_list *errors)
{
	struct error err = { 0 };

	if (path == NULL || file_check_output(path, &err))
		return;
	error_wrap(&err, "%s", option);
	error_list_add(errors, &err);
}

void loopback_configure(void *config, const struct driver_file *file, struct arena *arena,
                        struct error_list *errors)
{
	struct loopback_config *c = config;
	struct address address;
	struct error err = { 0 };

	(void)file;
	if (c->address != NULL && !loop_address_parse(c->address, "", &address, &err)) {
		error_wrap(&err, "address");
		error_list_add(errors, &err);
	}
	if (c->external && c->address == NULL) {
		error_set(&err, ERROR_CONFIG, "external: true needs an address");
		error_list_add(errors, &err);
	}
	take_faults(c, arena, errors);
	if (!c->external) {
		check_output(c->report_file, "reportFile", errors);
		check_output(c->fault_log, "brokerFaultLog", errors);
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

/* The broker's script, where it is not started here. */
static void describe_external(const struct loopback_config *c, driver_row_fn *fn, void *to)
{
	const struct loop_script *s = &c->script;
	const struct void_option options[] = {
		{ "delay", s->delay_ns > 0 },
		{ "ackDelay", s->ack_delay_ns > 0 },
		{ "deliveryDelay", s->delivery_delay_ns > 0 },
		{ "capacity", s->capacity_per_s > 0 },
		{ "brokerFaults", s->faults_count > 0 },
		{ "brokerFaultLog", c->fault_log != NULL },
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
	describe_external(ctx->config, fn, to);
	return true;
}
