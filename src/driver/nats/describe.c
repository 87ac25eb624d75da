/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration means, and every line of it. */
#include <stdio.h>
#include <string.h>

#include "config/driver_file.h"
#include "driver/nats/nats.h"
#include "util/text.h"

struct description {
	const struct nats_config *config;
	driver_row_fn *fn;
	void *to;
};

static void row(const struct description *d, const char *section, const char *key,
                const char *value, const char *origin)
{
	struct driver_row r = { section, key, value, origin, "" };

	d->fn(d->to, &r);
}

static void meaning(const struct description *d, const char *key, const char *value)
{
	row(d, "meaning", key, value, "");
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
	bool is_said = c->tls || c->tls_ca_file != NULL || c->tls_cert_file != NULL;

	for (size_t i = 0; i < c->servers_count; i++)
		is_said |= strncmp(c->servers[i], "tls://", 6) == 0;
	return is_said;
}

static void describe_options(const struct description *d)
{
	for (const struct option_spec *o = nats_options; o->name != NULL; o++) {
		struct text value = { 0 };
		option_format(o, d->config, &value);
		row(d, "client", o->name, text_str(&value), "");
		text_fini(&value);
	}
	row(d, "library", "libnats", nats_GetVersion(), "");
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
