/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration means, and every line of it. */
#include <stdio.h>
#include <string.h>

#include "config/driver_file.h"
#include "driver/nats/nats.h"
#include "facts/origin.h"
#include "util/arena.h"
#include "util/text.h"

struct description {
	const struct nats_config *config;
	driver_row_fn *fn;
	void *to;
};

static void row(const struct description *d, const char *section, const char *key,
                const char *value, const char *why_void)
{
	bool is_void = why_void != NULL;
	struct driver_row r = { section, key, value, is_void ? ORIGIN_NO_EFFECT : "",
		                is_void ? why_void : "" };

	d->fn(d->to, &r);
}

static void meaning(const struct description *d, const char *key, const char *value)
{
	row(d, "meaning", key, value, NULL);
}

static void describe_stream(const struct description *d)
{
	const struct nats_config *c = d->config;
	char text[120];

	meaning(d, "acknowledgement",
	        c->replicas > 1 ? "most replicas of the stream have it" : "the stream has it");
	if (c->replicas == 0)
		snprintf(text, sizeof(text), "the server's default number of replicas");
	else
		snprintf(text, sizeof(text), "%u replica%s", c->replicas,
		         c->replicas == 1 ? "" : "s");
	meaning(d, "replication", text);
	meaning(d, "persistence",
	        c->storage == js_MemoryStorage
	                ? "none: in the servers' memory"
	                : "files, written out when the servers see fit (sync_interval)");
	meaning(d, "ordering", "within a topic, for a subscription with one consumer");
}

static void describe_core(const struct description *d)
{
	meaning(d, "acknowledgement",
	        d->config->confirm == NATS_CONFIRM_SERVER
	                ? "the server has taken it; whether anybody gets it is not known"
	                : "none: given to the client library counts");
	meaning(d, "replication", "none");
	meaning(d, "persistence", "none: nothing is kept");
	meaning(d, "ordering", "of each producer, for a subscription with one consumer");
}

static void describe_consumers(const struct description *d)
{
	static const char *const acks[] = {
		[NATS_ACK_EXPLICIT] = "each message is confirmed by omb, without waiting",
		[NATS_ACK_ALL] = "the last message is confirmed by omb, and with it all before it",
		[NATS_ACK_NONE] = "none: sent to the consumer counts",
	};

	meaning(d, "consumer ack",
	        d->config->mode == NATS_MODE_CORE ? "none: nothing is kept"
	                                          : acks[d->config->ack_policy]);
	meaning(d, "redelivery",
	        d->config->mode == NATS_MODE_CORE ? "never: a message is delivered once, or not"
	                                          : "the server counts it, and says so");
}

static bool is_tls(const struct nats_config *c)
{
	bool is_said = c->tls;

	for (size_t i = 0; i < c->servers_count; i++)
		is_said |= strncmp(c->servers[i], "tls://", 6) == 0;
	return is_said;
}

/* --- keys of which nothing comes ------------------------------------------------------------- */

#define OF_CORE (1 << NATS_MODE_CORE)
#define OF_JS   (1 << NATS_MODE_JETSTREAM)

static bool is_any(const struct nats_config *c)
{
	(void)c;
	return true;
}

static bool is_pushed(const struct nats_config *c)
{
	return c->delivery == NATS_PUSH;
}

static bool is_unconfirmed(const struct nats_config *c)
{
	return c->ack_policy == NATS_ACK_NONE;
}

/* Requests of a pull consumer last as long as ackWait. */
static bool is_pushed_unconfirmed(const struct nats_config *c)
{
	return is_pushed(c) && is_unconfirmed(c);
}

static bool is_done_at_once(const struct nats_config *c)
{
	return c->confirm == NATS_CONFIRM_NONE;
}

static const char core_keeps_nothing[] = "mode core keeps nothing";
static const char nothing_is_confirmed[] = "with ackPolicy none nothing is confirmed";
static const char is_acknowledged_at_once[] = "with confirm none messages are acknowledged at once";

static const struct void_key {
	const char *key;
	unsigned modes;
	bool (*is_void)(const struct nats_config *c);
	const char *why;
} void_keys[] = {
	{ "replicationFactor", OF_CORE, is_any, core_keeps_nothing },
	{ "storageType", OF_CORE, is_any, core_keeps_nothing },
	{ "maxBytes", OF_CORE, is_any, core_keeps_nothing },
	{ "discard", OF_CORE, is_any, core_keeps_nothing },
	{ "retention", OF_CORE, is_any, core_keeps_nothing },
	{ "consumer", OF_CORE, is_any, core_keeps_nothing },
	{ "ackPolicy", OF_CORE, is_any, core_keeps_nothing },
	{ "ackWait", OF_CORE, is_any, core_keeps_nothing },
	{ "maxAckPending", OF_CORE, is_any, core_keeps_nothing },
	{ "pullBatch", OF_CORE, is_any, core_keeps_nothing },
	{ "maxInFlight", OF_CORE, is_done_at_once, is_acknowledged_at_once },
	{ "publishTimeout", OF_CORE, is_done_at_once, is_acknowledged_at_once },
	{ "confirm", OF_JS, is_any, "JetStream confirms every message" },
	{ "pullBatch", OF_JS, is_pushed, "consumers that the server pushes to ask for nothing" },
	{ "maxAckPending", OF_JS, is_unconfirmed, nothing_is_confirmed },
	{ "ackWait", OF_JS, is_pushed_unconfirmed, nothing_is_confirmed },
};

static const char *why_void(const struct nats_config *c, const char *key)
{
	for (size_t i = 0; i < sizeof(void_keys) / sizeof(void_keys[0]); i++) {
		const struct void_key *v = &void_keys[i];
		if (strcmp(v->key, key) == 0 && (v->modes & 1U << c->mode) && v->is_void(c))
			return v->why;
	}
	return NULL;
}

/* What the file leaves out stands at its default, and is nobody's wish. */
static bool is_wished(const struct option_spec *o, const struct text *value, const void *defaults)
{
	struct text left_out = { 0 };

	option_format(o, defaults, &left_out);
	bool is_other = strcmp(text_str(value), text_str(&left_out)) != 0;
	text_fini(&left_out);
	return is_other;
}

static void describe_options(const struct description *d)
{
	struct nats_config defaults = { .max_ack_pending = 0 };
	struct arena arena = { 0 };

	option_defaults(nats_options, &arena, &defaults);
	nats_config_fill(&defaults, d->config->java_defaults);
	for (const struct option_spec *o = nats_options; o->name != NULL; o++) {
		struct text value = { 0 };
		option_format(o, d->config, &value);
		row(d, "client", o->name, text_str(&value),
		    is_wished(o, &value, &defaults) ? why_void(d->config, o->name) : NULL);
		text_fini(&value);
	}
	row(d, "library", "libnats", nats_GetVersion(), NULL);
	arena_fini(&arena);
}

bool nats_describe(const struct driver_context *ctx, driver_row_fn *fn, void *to, struct error *err)
{
	static const char *const batching[] = {
		[NATS_PACE_PASS] = "messages of one pass of sends travel together",
		[NATS_PACE_MESSAGE] = "none: each message by itself (sendAsap)",
		[NATS_PACE_LIBRARY] = "libnats collects them for about a millisecond",
	};
	struct description d = { .config = ctx->config, .fn = fn, .to = to };
	natsOptions *options = NULL;

	/* Files that cannot be read are told before the load. */
	if (!nats_link_options(d.config, ctx->client_id, &options, err))
		return false;
	natsOptions_Destroy(options);
	meaning(&d, "client defaults",
	        d.config->java_defaults ? "the Java client's, as OMB has them" : "omb's");
	if (d.config->mode == NATS_MODE_CORE)
		describe_core(&d);
	else
		describe_stream(&d);
	meaning(&d, "batching", batching[d.config->pace]);
	describe_consumers(&d);
	meaning(&d, "tls", is_tls(d.config) ? "yes" : "no");
	describe_options(&d);
	return true;
}
