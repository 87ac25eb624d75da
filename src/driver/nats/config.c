/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/nats/config.h"
#include "driver/nats_library.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/driver_file.h"
#include "util/arena.h"

#define AT(member)       offsetof(struct nats_config, member)

#define SERVERS_MAX      64
#define MAX_PENDING_OURS 10000
#define MAX_PENDING_JAVA 1000 /* the server's */
#define RECONNECTS_JAVA  5    /* OMB's */
#define SERVER_PAYLOAD   1048576

/* clang-format off */
static const struct option_choice modes[] = {
	{ .name = "jetstream", .value = NATS_MODE_JETSTREAM },
	{ .name = "core", .value = NATS_MODE_CORE },
	{ 0 },
};
static const struct option_choice storages[] = {
	{ .name = "File", .value = js_FileStorage },
	{ .name = "Memory", .value = js_MemoryStorage },
	{ .name = "file", .value = js_FileStorage, .alias = true },
	{ .name = "memory", .value = js_MemoryStorage, .alias = true },
	{ 0 },
};
static const struct option_choice unlimited[] = {
	{ .name = "-1", .value = 1 },
	{ .name = "unlimited", .value = 1, .alias = true },
	{ 0 },
};
static const struct option_choice deliveries[] = {
	{ .name = "push", .value = NATS_PUSH },
	{ .name = "pull", .value = NATS_PULL },
	{ 0 },
};
static const struct option_choice acks[] = {
	{ .name = "explicit", .value = NATS_ACK_EXPLICIT },
	{ .name = "all", .value = NATS_ACK_ALL },
	{ .name = "none", .value = NATS_ACK_NONE },
	{ 0 },
};
static const struct option_choice paces[] = {
	{ .name = "pass", .value = NATS_PACE_PASS },
	{ .name = "true", .value = NATS_PACE_MESSAGE },
	{ .name = "false", .value = NATS_PACE_LIBRARY },
	{ 0 },
};
static const struct option_choice confirmations[] = {
	{ .name = "server", .value = NATS_CONFIRM_SERVER },
	{ .name = "none", .value = NATS_CONFIRM_NONE },
	{ 0 },
};
static const struct option_choice discards[] = {
	{ .name = "old", .value = js_DiscardOld },
	{ .name = "new", .value = js_DiscardNew },
	{ 0 },
};
static const struct option_choice retentions[] = {
	{ .name = "limits", .value = js_LimitsPolicy },
	{ .name = "interest", .value = js_InterestPolicy },
	{ 0 },
};
/* clang-format on */

const struct option_spec nats_options[] = {
	{
		.name = "natsHostUrl",
		.type = OPTION_TEXT,
		.offset = AT(url),
		.flags = OPTION_OMB | OPTION_REQUIRED,
		.help = "servers, separated by commas: host:4222, nats://host:4222, tls://host:4222, "
			"nats://user:password@host:4222",
	},
	{
		.name = "replicationFactor",
		.type = OPTION_COUNT,
		.offset = AT(replicas),
		.max = 5,
		.fallback = "0",
		.flags = OPTION_OMB,
		.help = "replicas of every created stream; 0 takes the server's default",
	},
	{
		.name = "storageType",
		.type = OPTION_ENUM,
		.offset = AT(storage),
		.choices = storages,
		.fallback = "File",
		.flags = OPTION_OMB,
		.help = "where the servers keep every created stream",
	},
	{
		.name = "maxBytes",
		.type = OPTION_CHOICE_OR_COUNT,
		.offset = AT(max_bytes),
		.choices = unlimited,
		.min = 1,
		.max = 9e15,
		.fallback = "-1",
		.unit = "B",
		.flags = OPTION_OMB,
		.help = "of every created stream; what happens beyond it is `discard`; -1: no limit",
	},
	{
		.name = "mode",
		.type = OPTION_ENUM,
		.offset = AT(mode),
		.choices = modes,
		.fallback = "jetstream",
		.help = "jetstream: messages are kept in streams and acknowledged; core: they go to "
			"whoever listens now, and nobody keeps them",
	},
	{
		.name = "consumer",
		.type = OPTION_ENUM,
		.offset = AT(delivery),
		.choices = deliveries,
		.fallback = "push",
		.help = "push: the server sends what there is, up to maxAckPending; pull: it is "
			"asked for batches of pullBatch; of JetStream",
	},
	{
		.name = "ackPolicy",
		.type = OPTION_ENUM,
		.offset = AT(ack_policy),
		.choices = acks,
		.fallback = "explicit",
		.help = "what consumers confirm: explicit: each message; all: the last one, and "
			"with it all before it, those of other members too; none: nothing; of JetStream",
	},
	{
		.name = "ackWait",
		.type = OPTION_DURATION,
		.offset = AT(ack_wait_ns),
		.min = 1e9,
		.max = 3.6e12,
		.fallback = "30s",
		.help = "a message that is not confirmed for so long is delivered again; of those that "
			"wait in a consumer for their turn omb tells the server three times in it",
	},
	{
		.name = "maxAckPending",
		.type = OPTION_COUNT,
		.offset = AT(max_ack_pending),
		.max = 1000000,
		.fallback = "0",
		.help = "messages of one subscription on their way or not confirmed, at the most; a "
			"consumer may hold as many in memory; 0: 10000, and 1000 (the server's own "
			"default) for files with a driverClass",
	},
	{
		.name = "pullBatch",
		.type = OPTION_COUNT,
		.offset = AT(pull_batch),
		.min = 2,
		.max = 100000,
		.fallback = "1000",
		.help = "messages that a pull consumer has asked for, at the most; asked for again "
			"when half of them came",
	},
	{
		.name = "sendAsap",
		.type = OPTION_ENUM,
		.offset = AT(pace),
		.choices = paces,
		.fallback = "pass",
		.help = "when messages go to the socket: pass: those of one pass of sends together; "
			"true: each by itself, as soon as it is there; false: libnats's own thread "
			"collects them for about a millisecond",
	},
	{
		.name = "confirm",
		.type = OPTION_ENUM,
		.offset = AT(confirm),
		.choices = confirmations,
		.fallback = "server",
		.help = "of mode core, when a message counts as acknowledged: server: the server has "
			"taken all of its pass, which a message to the producer itself shows; none: at "
			"once",
	},
	{
		.name = "discard",
		.type = OPTION_ENUM,
		.offset = AT(discard),
		.choices = discards,
		.fallback = "old",
		.help = "of a stream that is full: old: the oldest messages go; new: publishing fails",
	},
	{
		.name = "retention",
		.type = OPTION_ENUM,
		.offset = AT(retention),
		.choices = retentions,
		.fallback = "limits",
		.help = "of every created stream: limits: messages stay until the run deletes it; "
			"interest: until all subscriptions have confirmed them",
	},
	{
		.name = "publishTimeout",
		.type = OPTION_DURATION,
		.offset = AT(publish_timeout_ns),
		.min = 1e9,
		.max = 3.6e12,
		.fallback = "5s",
		.help = "a message without an answer for so long has failed",
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
		.name = "maxBufferBytes",
		.type = OPTION_BYTES,
		.offset = AT(max_buffer_bytes),
		.min = 65536,
		.max = 1 << 30,
		.fallback = "8MiB",
		.unit = "B",
		.help = "of one producer, waiting for room in its socket; beyond it, sending is BUSY",
	},
	{
		.name = "pendingLimit",
		.type = OPTION_BYTES,
		.offset = AT(pending_limit_bytes),
		.max = INT_MAX,
		.fallback = "0",
		.unit = "B",
		.help = "of one consumer, received and not yet taken; beyond it libnats drops "
			"messages, and the result says so; 0: no limit",
	},
	{
		.name = "maxReconnects",
		.type = OPTION_CHOICE_OR_COUNT,
		.offset = AT(max_reconnects),
		.choices = unlimited,
		.max = 1e9,
		.help = "attempts to connect to each server again before the client is given up; -1: "
			"no limit, the default; 5 for files with a driverClass, as OMB has it",
	},
	{
		.name = "reconnectWait",
		.type = OPTION_DURATION,
		.offset = AT(reconnect_wait_ns),
		.min = 1e6,
		.max = 6e11,
		.fallback = "1s",
		.help = "between two attempts to connect to the same server",
	},
	{
		.name = "connectTimeout",
		.type = OPTION_DURATION,
		.offset = AT(connect_timeout_ns),
		.min = 1e6,
		.max = 6e11,
		.fallback = "5s",
		.help = "of one attempt to connect",
	},
	{
		.name = "pingInterval",
		.type = OPTION_DURATION,
		.offset = AT(ping_interval_ns),
		.min = 1e9,
		.max = 3.6e12,
		.fallback = "60s",
		.help = "how often a silent server is asked; when two answers are missing the "
			"connection counts as lost",
	},
	{
		.name = "user",
		.type = OPTION_TEXT,
		.offset = AT(user),
		.excludes = "token",
		.help = "name to log in with",
	},
	{
		.name = "password",
		.type = OPTION_TEXT,
		.offset = AT(password),
		.flags = OPTION_SECRET,
		.help = "of `user`",
	},
	{
		.name = "token",
		.type = OPTION_TEXT,
		.offset = AT(token),
		.flags = OPTION_SECRET,
		.help = "to log in with, instead of a user",
	},
	{
		.name = "credentialsFile",
		.type = OPTION_TEXT,
		.offset = AT(credentials_file),
		.flags = OPTION_FILE,
		.help = "a .creds file (user JWT and NKey seed) to log in with",
	},
	{
		.name = "tls",
		.type = OPTION_BOOL,
		.offset = AT(tls),
		.fallback = "false",
		.help = "connect with TLS; tlsCaFile and tlsCertFile mean it too, and a server tls://... or "
			"that demands it has it anyway",
	},
	{
		.name = "tlsCaFile",
		.type = OPTION_TEXT,
		.offset = AT(tls_ca_file),
		.flags = OPTION_FILE,
		.help = "PEM file with the authorities to trust; absent: the system's",
	},
	{
		.name = "tlsCertFile",
		.type = OPTION_TEXT,
		.offset = AT(tls_cert_file),
		.flags = OPTION_FILE,
		.help = "PEM file with the client's own certificate",
	},
	{
		.name = "tlsKeyFile",
		.type = OPTION_TEXT,
		.offset = AT(tls_key_file),
		.flags = OPTION_FILE,
		.help = "PEM file with the key of tlsCertFile",
	},
	{
		.name = "tlsHostname",
		.type = OPTION_TEXT,
		.offset = AT(tls_hostname),
		.help = "the name that the server's certificate must have; absent: that of its address",
	},
	{
		.name = "tlsVerify",
		.type = OPTION_BOOL,
		.offset = AT(tls_verify),
		.fallback = "true",
		.help = "false: any certificate of the server will do",
	},
	{ 0 },
};

static void fail(struct error_list *errors, const char *text)
{
	struct error err = { 0 };

	error_set(&err, ERROR_CONFIG, "%s", text);
	error_list_add(errors, &err);
}

/* "a, nats://b" becomes { "nats://a", "nats://b" }. */
static void split_servers(struct nats_config *c, struct arena *arena, struct error_list *errors)
{
	const char **servers = arena_alloc(arena, SERVERS_MAX * sizeof(*servers));
	const char *at = c->url;

	for (;;) {
		size_t len = strcspn(at, ",");
		const char *rest = at + len;
		while (len > 0 && *at == ' ')
			at++, len--;
		while (len > 0 && at[len - 1] == ' ')
			len--;
		char *server = arena_strndup(arena, at, len);
		if (!nats_wire_is_server(server) || c->servers_count == SERVERS_MAX) {
			/* What has a login and no scheme is not shown: nobody could mask it. */
			bool is_bare = strchr(server, '@') != NULL && strstr(server, "://") == NULL;
			fail(errors,
			     arena_printf(arena,
			                  "natsHostUrl: %s%s%s is not a server: host:port, "
			                  "nats://host:port or tls://host:port (with a "
			                  "login nats://user:password@host:port), %d at the "
			                  "most",
			                  is_bare ? "a login without nats:// before it" : "\"",
			                  is_bare ? "" : server, is_bare ? "" : "\"", SERVERS_MAX));
			return;
		}
		if (strstr(server, "://") == NULL)
			server = arena_printf(arena, "nats://%s", server);
		servers[c->servers_count++] = server;
		if (*rest == '\0')
			break;
		at = rest + 1;
	}
	c->servers = servers;
}

void nats_config_fill(struct nats_config *c, bool java_defaults)
{
	c->java_defaults = java_defaults;
	if (c->max_ack_pending == 0)
		c->max_ack_pending = java_defaults ? MAX_PENDING_JAVA : MAX_PENDING_OURS;
	if (c->max_reconnects.choice == 0 && c->max_reconnects.number == 0 && java_defaults)
		c->max_reconnects = (struct option_pick){ OPTION_NUMBER, RECONNECTS_JAVA };
}

void nats_configure(void *config, const struct driver_file *file, struct arena *arena,
                    struct error_list *errors)
{
	struct nats_config *c = config;

	split_servers(c, arena, errors);
	nats_config_fill(c, file->defaults == CLIENT_DEFAULTS_JAVA);
	if (c->password != NULL && c->user == NULL)
		fail(errors, "password needs a user");
	if ((c->tls_cert_file == NULL) != (c->tls_key_file == NULL))
		fail(errors, "tlsCertFile and tlsKeyFile need each other");
	/* Who gives certificates wants no connection in clear. */
	c->tls = c->tls || c->tls_ca_file != NULL || c->tls_cert_file != NULL;
}

void nats_load_doubts(const void *config, const struct driver_load *load, struct arena *arena,
                      driver_doubt_fn *fn, void *to)
{
	const struct nats_config *c = config;

	if (load->payload_bytes + load->key_bytes > SERVER_PAYLOAD) {
		struct driver_doubt d = { .weight = DRIVER_WARNING };
		d.text = arena_printf(arena,
		                      "messageSize: a server takes %d bytes at the most unless its "
		                      "max_payload is larger: every message fails",
		                      SERVER_PAYLOAD);
		d.remedy = arena_printf(arena, "--set messageSize=%d", SERVER_PAYLOAD);
		fn(to, &d);
	}
	bool confirms = c->mode == NATS_MODE_JETSTREAM && c->ack_policy != NATS_ACK_NONE;
	if (load->commits && load->is_consumed && !confirms)
		fn(to, &(struct driver_doubt){ DRIVER_NOTE,
		                               "commitInterval has no effect: consumers confirm "
		                               "nothing in this mode",
		                               NULL });
}
