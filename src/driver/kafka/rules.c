/* SPDX-License-Identifier: Apache-2.0 */
/* rules -- options of the Java client that take more than a name, and those that depend on others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver/driver.h"
#include "driver/kafka/address.h"
#include "driver/kafka/java.h"
#include "driver/kafka/translate.h"
#include "driver/kafka/translation.h"
#include "util/arena.h"

/* How often an idle consumer is woken, so that it is seen polling; see default_statistics. */
#define HEARTBEAT_MS 60000

/* A whole number; false and an error for anything else. */
static bool number_of(struct translation *t, const struct java_property *p, long long *out)
{
	char *end;

	errno = 0;
	*out = strtoll(p->value, &end, 10);
	if (end == p->value || *end != '\0' || errno == ERANGE) {
		translation_fail(t, p->line, "%s: \"%s\" is not a whole number", p->key, p->value);
		return false;
	}
	return true;
}

static char *lower(struct translation *t, const char *text)
{
	char *copy = arena_strdup(t->arena, text);

	for (char *c = copy; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return copy;
}

/* "org.apache.kafka.clients.consumer.RangeAssignor" -> "RangeAssignor" */
static const char *class_base(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot == NULL ? name : dot + 1;
}

/* --- one option ------------------------------------------------------------------------------- */

void rule_keep(struct translation *t, const struct java_property *p)
{
	translation_keep(t, p);
}

void rule_acks(struct translation *t, const struct java_property *p)
{
	static const char *const allowed[] = { "all", "-1", "0", "1" };

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (strcmp(p->value, allowed[i]) == 0) {
			translation_put(t, p, "acks", i == 1 ? "all" : p->value, NULL);
			return;
		}
	translation_fail(t, p->line, "acks: \"%s\" is none of: all -1 0 1", p->value);
}

void rule_buffer_memory(struct translation *t, const struct java_property *p)
{
	long long bytes;

	if (!number_of(t, p, &bytes))
		return;
	const char *kbytes = arena_printf(t->arena, "%lld", bytes / 1024);
	if (bytes % 1024 == 0 || bytes < 1024)
		translation_put(t, p, "queue.buffering.max.kbytes", kbytes, NULL);
	else
		translation_alter(t, p, "queue.buffering.max.kbytes", kbytes,
		                  "librdkafka counts in units of 1024 bytes");
}

void rule_max_block(struct translation *t, const struct java_property *p)
{
	long long ms;

	if (!number_of(t, p, &ms))
		return;
	if (ms < 0) {
		translation_fail(t, p->line, "max.block.ms: %s is below 0", p->value);
		return;
	}
	t->c->max_block_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* Java's -1, "the system's" or "never", is librdkafka's 0. */
void rule_minus_one(struct translation *t, const struct java_property *p)
{
	static const char *const targets[][2] = {
		{ "connections.max.idle.ms", "connections.max.idle.ms" },
		{ "receive.buffer.bytes", "socket.receive.buffer.bytes" },
		{ "send.buffer.bytes", "socket.send.buffer.bytes" },
	};
	bool none = strcmp(p->value, "-1") == 0;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strcmp(p->key, targets[i][0]) == 0 ||
		    name_find(p->key) == name_find(targets[i][1]))
			translation_put(t, p, targets[i][1], none ? "0" : p->value,
			                none ? "-1 in the Java client" : NULL);
}

void rule_client_id(struct translation *t, const struct java_property *p)
{
	static const char mark[] = "{zone.id}";
	const char *rest = p->value, *at;
	char *out = arena_strdup(t->arena, "");

	if (t->opts->zone_id != NULL)
		for (; (at = strstr(rest, mark)) != NULL; rest = at + strlen(mark))
			out = arena_printf(t->arena, "%s%.*s%s", out, (int)(at - rest), rest,
			                   t->opts->zone_id);
	if (t->opts->zone_id == NULL && strstr(p->value, mark) != NULL)
		translation_alter(t, p, "client.id", p->value,
		                  "OMB_ZONE_ID is not set: nothing replaces {zone.id}");
	else
		translation_put(t, p, "client.id", arena_printf(t->arena, "%s%s", out, rest), "");
}

/* Java: how often metadata is asked for anew.  librdkafka's property of this name only says when
 * what is cached counts as stale; the period is another one. */
void rule_metadata_age(struct translation *t, const struct java_property *p)
{
	translation_put(t, p,
	                t->opts->java_defaults ? "topic.metadata.refresh.interval.ms" : p->key,
	                p->value, NULL);
}

/* The rest, for socket.timeout.ms, comes at the end. */
void rule_request_timeout(struct translation *t, const struct java_property *p)
{
	long long ms;

	if (!number_of(t, p, &ms))
		return;
	translation_keep(t, p);
	translation_put(t, p, "request.timeout.ms", p->value, NULL);
}

void rule_security_protocol(struct translation *t, const struct java_property *p)
{
	translation_put(t, p, "security.protocol", lower(t, p->value), NULL);
}

void rule_endpoint(struct translation *t, const struct java_property *p)
{
	translation_put(t, p, "ssl.endpoint.identification.algorithm",
	                p->value[0] == '\0' ? "none" : lower(t, p->value), NULL);
}

void rule_ciphers(struct translation *t, const struct java_property *p)
{
	if (strncmp(p->value, "TLS_", 4) == 0 || strncmp(p->value, "SSL_", 4) == 0)
		translation_fail(
			t, p->line,
			"ssl.cipher.suites: write OpenSSL's names (openssl ciphers -stdname "
			"shows both) or leave it out");
	else
		translation_put(t, p, "ssl.cipher.suites", p->value, NULL);
}

/* Java: the path of the program.  librdkafka: the whole command with its arguments. */
void rule_kinit(struct translation *t, const struct java_property *p)
{
	if (strchr(p->value, ' ') == NULL)
		translation_lose(t, p,
		                 "librdkafka takes kinit from PATH; it wants the whole command");
	else
		translation_put(t, p, p->key, p->value, NULL);
}

void rule_group_protocol(struct translation *t, const struct java_property *p)
{
	if (strcasecmp(p->value, "classic") == 0)
		translation_ignore(t, p, "the only one of librdkafka before 2.4, and its default");
	else
		translation_put(t, p, "group.protocol", lower(t, p->value), NULL);
}

void rule_offset_reset(struct translation *t, const struct java_property *p)
{
	static const char *const first[] = { "earliest", "smallest", "beginning" };
	static const char *const last[] = { "latest", "largest", "end" };

	for (size_t i = 0; i < 3; i++) {
		if (strcasecmp(p->value, first[i]) == 0) {
			translation_put(t, p, p->key, "earliest", NULL);
			return;
		}
		if (strcasecmp(p->value, last[i]) == 0) {
			translation_alter(
				t, p, p->key, "earliest",
				"would miss what is sent to a partition before its end was "
				"looked up; the topics are new, so there is nothing to skip");
			return;
		}
	}
	if (strcasecmp(p->value, "none") == 0 || strcasecmp(p->value, "error") == 0)
		translation_fail(
			t, p->line,
			"auto.offset.reset: %s: a new group has no position to start from; "
			"write earliest",
			p->value);
	else
		translation_fail(t, p->line,
		                 "auto.offset.reset: \"%s\" is none of: earliest latest", p->value);
}

void rule_partitioner(struct translation *t, const struct java_property *p)
{
	const char *name = class_base(p->value);

	if (name[0] == '\0' || strcmp(name, "DefaultPartitioner") == 0) {
		translation_put(t, p, "partitioner", "murmur2_random", NULL);
	} else if (strcmp(name, "RoundRobinPartitioner") == 0) {
		translation_alter(
			t, p, "partitioner", "random",
			"librdkafka does not take turns: each message goes to a partition "
			"drawn at random");
		translation_alter(t, p, "sticky.partitioning.linger.ms", "0",
		                  "no partition is kept for a while");
	} else if (strcmp(name, "UniformStickyPartitioner") == 0) {
		translation_alter(
			t, p, "partitioner", "random",
			"sticky for messages without a key, at random for those with one");
	} else {
		translation_fail(t, p->line,
		                 "partitioner.class: the class %s cannot run here; librdkafka's "
		                 "`partitioner` is one of: %s",
		                 p->value, name_find("partitioner")->words);
	}
}

void rule_ignore_keys(struct translation *t, const struct java_property *p)
{
	if (strcasecmp(p->value, "true") == 0)
		translation_alter(t, p, "partitioner", "random",
		                  "those with a key go to partitions drawn at random, one by one");
	else if (strcasecmp(p->value, "false") == 0)
		translation_ignore(t, p, "the default");
	else
		translation_fail(t, p->line, "%s: \"%s\" is neither true nor false", p->key,
		                 p->value);
}

/* --- partition.assignment.strategy ------------------------------------------------------------ */

static const struct {
	const char *java, *name;
	bool cooperative, approximate;
} assignors[] = {
	{ "RangeAssignor", "range", false, false },
	{ "RoundRobinAssignor", "roundrobin", false, false },
	{ "CooperativeStickyAssignor", "cooperative-sticky", true, false },
	{ "StickyAssignor", "cooperative-sticky", true, true },
};
#define ASSIGNORS (sizeof(assignors) / sizeof(assignors[0]))

static size_t assignor_find(const char *word)
{
	for (size_t i = 0; i < ASSIGNORS; i++)
		if (strcmp(class_base(word), assignors[i].java) == 0 ||
		    strcmp(word, assignors[i].name) == 0)
			return i;
	return ASSIGNORS;
}

void rule_assignment(struct translation *t, const struct java_property *p)
{
	char *list = arena_strdup(t->arena, p->value), *rest = list, *word;
	const char *out = NULL, *why = NULL;
	bool cooperative = false;

	while ((word = strsep(&rest, ", \t")) != NULL) {
		if (word[0] == '\0')
			continue;
		size_t i = assignor_find(word);
		if (i == ASSIGNORS) {
			translation_fail(t, p->line,
			                 "%s: the class %s cannot run here; librdkafka has range, "
			                 "roundrobin and cooperative-sticky",
			                 p->key, word);
			return;
		}
		if (assignors[i].approximate)
			why = "librdkafka has the cooperative form of it only";
		if (out != NULL && assignors[i].cooperative != cooperative) {
			why = "librdkafka refuses eager and cooperative ones together; the first "
			      "counts";
			continue;
		}
		cooperative = assignors[i].cooperative;
		out = out == NULL ? assignors[i].name
		                  : arena_printf(t->arena, "%s,%s", out, assignors[i].name);
	}
	if (out == NULL)
		translation_fail(t, p->line, "%s: is empty", p->key);
	else if (why != NULL)
		translation_alter(t, p, p->key, out, why);
	else if (cooperative)
		translation_put(t, p, p->key, out,
		                "librdkafka 2.0 loses its partitions when it commits in the middle "
		                "of such a rebalance: messages come twice");
	else
		translation_put(t, p, p->key, out, strcmp(out, p->value) == 0 ? "" : p->value);
}

/* --- options that depend on each other -------------------------------------------------------- */

static long long setting_number(const struct kafka_settings *list, const char *key,
                                long long otherwise)
{
	const struct kafka_setting *s = kafka_setting_find(list, key);

	if (s == NULL)
		return otherwise;
	return strtoll(s->asked != NULL ? s->asked : s->value, NULL, 10);
}

/* What rules out idempotence: "acks=1"; NULL = nothing.  `max_in_flight`: when it is not set. */
static const char *against_idempotence(struct translation *t)
{
	const struct kafka_settings *list = &t->c->roles[KAFKA_PRODUCER];
	const char *acks = kafka_setting_value(list, "acks", "all");
	long long retries = setting_number(list, "retries", 1);
	long long in_flight = setting_number(list, "max.in.flight.requests.per.connection", 5);

	if (strcmp(acks, "all") != 0)
		return arena_printf(t->arena, "acks=%s", acks);
	if (retries == 0)
		return "retries=0";
	if (in_flight > 5)
		return arena_printf(t->arena, "max.in.flight.requests.per.connection=%lld",
		                    in_flight);
	return NULL;
}

/* The Java client is idempotent unless told otherwise, and says nothing when another option turns
 * that off.  Asked for by name it insists, and so does librdkafka. */
static void finish_idempotence(struct translation *t)
{
	const struct kafka_setting *asked =
		kafka_setting_find(&t->c->roles[KAFKA_PRODUCER], "enable.idempotence");
	const char *against = against_idempotence(t);

	if (asked != NULL) {
		if (strcasecmp(asked->value, "true") == 0 && against != NULL)
			translation_fail(t, asked->line,
			                 "enable.idempotence: true is not possible with %s",
			                 against);
		return;
	}
	if (!t->opts->java_defaults)
		return;
	if (against == NULL)
		translation_default(t, KAFKA_PRODUCER, "enable.idempotence", "true", ORIGIN_JAVA,
		                    "");
	else
		translation_default(
			t, KAFKA_PRODUCER, "enable.idempotence", "false", ORIGIN_JAVA,
			arena_printf(t->arena, "the Java client turns it off with %s", against));
}

/* Java: delivery.timeout.ms must leave room for lingering and one request.  When the file does not
 * say it, it is raised; when it does, the client refuses to start. */
static void finish_delivery_timeout(struct translation *t)
{
	struct kafka_settings *list = &t->c->roles[KAFKA_PRODUCER];
	const struct kafka_setting *asked = kafka_setting_find(list, "delivery.timeout.ms");
	long long needed = setting_number(list, "linger.ms", 0) +
	                   setting_number(list, "request.timeout.ms", 30000);

	if (!t->opts->java_defaults)
		return;
	if (needed > INT32_MAX)
		needed = INT32_MAX;
	if (asked != NULL) {
		if (setting_number(list, "delivery.timeout.ms", 0) < needed)
			translation_fail(t, asked->line,
			                 "delivery.timeout.ms: %s is less than linger.ms + "
			                 "request.timeout.ms = %lld",
			                 asked->asked, needed);
	} else if (needed > 120000) {
		translation_default(t, KAFKA_PRODUCER, "delivery.timeout.ms",
		                    arena_printf(t->arena, "%lld", needed), ORIGIN_JAVA,
		                    "raised to linger.ms + request.timeout.ms");
	} else {
		translation_default(t, KAFKA_PRODUCER, "delivery.timeout.ms", "120000", ORIGIN_JAVA,
		                    "");
	}
}

/* How long the client itself waits for an answer is one option in Java and two in librdkafka:
 * request.timeout.ms (told to the broker, producer only) and socket.timeout.ms. */
static void finish_socket_timeout(struct translation *t, enum kafka_role role)
{
	const struct kafka_setting *asked =
		kafka_setting_find(&t->seen[role], "request.timeout.ms");

	if (kafka_setting_find(&t->c->roles[role], "socket.timeout.ms") != NULL)
		return;
	/* In a file for librdkafka, request.timeout.ms of the producer is only what it says. */
	if (!t->opts->java_defaults && (role == KAFKA_PRODUCER || asked == NULL))
		return;
	if (asked == NULL) {
		translation_default(t, role, "socket.timeout.ms", "30000", ORIGIN_JAVA,
		                    "request.timeout.ms");
		return;
	}
	struct java_property p = { asked->key, asked->value, asked->line, KAFKA_ROLE_BIT(role) };
	translation_put(t, &p, "socket.timeout.ms", p.value, NULL);
}

static void finish_compression_level(struct translation *t)
{
	static const char *const codecs[] = { "gzip", "lz4", "zstd" };
	const char *type =
		kafka_setting_value(&t->c->roles[KAFKA_PRODUCER], "compression.type", "none");

	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
		const char *key = arena_printf(t->arena, "compression.%s.level", codecs[i]);
		const struct kafka_setting *s = kafka_setting_find(&t->seen[KAFKA_PRODUCER], key);
		if (s == NULL)
			continue;
		struct java_property p = { s->key, s->value, s->line,
			                   KAFKA_ROLE_BIT(KAFKA_PRODUCER) };
		if (strcmp(type, codecs[i]) == 0)
			translation_put(t, &p, "compression.level", p.value, NULL);
		else
			translation_lose(t, &p,
			                 arena_printf(t->arena, "compression.type is %s", type));
	}
}

static bool is_true(const char *value)
{
	return strcasecmp(value, "true") == 0 || strcasecmp(value, "t") == 0 ||
	       strcmp(value, "1") == 0;
}

/* Positions are stored by hand, so that what is committed is what was handed over. */
static void finish_commit(struct translation *t)
{
	struct kafka_settings *list = &t->c->roles[KAFKA_CONSUMER];
	const struct kafka_setting *store = kafka_setting_find(list, "enable.auto.offset.store");
	struct kafka_setting by_hand = {
		.key = "enable.auto.offset.store",
		.value = "false",
		.asked = store == NULL ? NULL : store->asked,
		.origin = store == NULL           ? ORIGIN_OMB
		          : is_true(store->value) ? ORIGIN_ALTERED
		                                  : ORIGIN_FILE,
		.note = "only what omb has been given is committed",
	};

	translation_default(t, KAFKA_CONSUMER, "enable.auto.commit", "false", ORIGIN_OMB,
	                    "left out means that omb commits, as in OMB");
	t->c->manual_commit = !is_true(kafka_setting_value(list, "enable.auto.commit", "false"));
	translation_set(t, list, &by_hand);
}

/*
 * An agent waits for descriptors and calls the library only when something came.  A consumer that
 * is idle or paused for max.poll.interval.ms would be taken out of its group, so the library is
 * asked for its statistics: an event that makes the consumer poll.  How often at the least is said
 * here; most clients tell more often (statistics.h).
 */
static void default_statistics(struct translation *t)
{
	struct kafka_settings *list = &t->c->roles[KAFKA_CONSUMER];
	long long every_ms = setting_number(list, "max.poll.interval.ms", 300000) / 3;

	if (every_ms > HEARTBEAT_MS)
		every_ms = HEARTBEAT_MS;
	if (every_ms < 1000)
		every_ms = 1000; /* the library's granularity */
	const char *value = arena_printf(t->arena, "%lld", every_ms);
	const struct kafka_setting *asked = kafka_setting_find(list, "statistics.interval.ms");
	struct kafka_setting ours = {
		.key = "statistics.interval.ms",
		.value = value,
		.asked = asked == NULL ? NULL : asked->asked,
		.origin = asked == NULL ? ORIGIN_OMB : ORIGIN_ALTERED,
		.note = "at the latest: the first clients of a loop tell every second what they are at; "
			"wakes an idle consumer before max.poll.interval.ms",
	};

	long long asked_ms = setting_number(list, ours.key, 0);
	if (asked_ms <= 0 || asked_ms > every_ms)
		translation_set(t, list, &ours);
}

/* The Java client takes any two; librdkafka wants the first not to be above the second. */
static void finish_reconnect(struct translation *t, enum kafka_role role)
{
	struct kafka_settings *list = &t->c->roles[role];
	const struct kafka_setting *first = kafka_setting_find(list, "reconnect.backoff.ms");
	const struct kafka_setting *most = kafka_setting_find(list, "reconnect.backoff.max.ms");

	if (!t->opts->java_defaults || (first == NULL && most == NULL))
		return;
	long long first_ms = setting_number(list, "reconnect.backoff.ms", 50);
	long long most_ms = setting_number(list, "reconnect.backoff.max.ms", 1000);
	if (first_ms <= most_ms)
		return;
	if (most == NULL) {
		translation_default(t, role, "reconnect.backoff.max.ms", first->value, ORIGIN_JAVA,
		                    "raised to reconnect.backoff.ms");
	} else if (first == NULL) {
		translation_default(t, role, "reconnect.backoff.ms", most->value, ORIGIN_JAVA,
		                    "no more than reconnect.backoff.max.ms");
	} else {
		struct java_property p = { most->key, most->asked, most->line,
			                   KAFKA_ROLE_BIT(role) };
		translation_alter(t, &p, "reconnect.backoff.max.ms", first->value,
		                  "librdkafka wants no less than reconnect.backoff.ms");
	}
}

/* librdkafka wants a fetch to have room for the largest message, and that is 1000 bytes at least. */
static void finish_fetch(struct translation *t)
{
	struct kafka_settings *list = &t->c->roles[KAFKA_CONSUMER];
	const struct kafka_setting *asked = kafka_setting_find(list, "fetch.max.bytes");
	long long fetch = setting_number(list, "fetch.max.bytes", 52428800);

	if (asked != NULL && fetch < 1000) {
		struct java_property p = { asked->key, asked->asked, asked->line,
			                   KAFKA_ROLE_BIT(KAFKA_CONSUMER) };
		translation_alter(t, &p, "fetch.max.bytes", "1000", "librdkafka fetches no less");
	}
	if (fetch < 1000000 && kafka_setting_find(list, "message.max.bytes") == NULL)
		translation_default(t, KAFKA_CONSUMER, "message.max.bytes",
		                    arena_printf(t->arena, "%lld", fetch < 1000 ? 1000 : fetch),
		                    ORIGIN_OMB, "librdkafka wants fetch.max.bytes to be no less");
}

/* They are told where it is by us, and by nobody else. */
static void set_embedded(struct translation *t)
{
	const struct kafka_setting *asked =
		kafka_setting_find(&t->c->roles[KAFKA_ADMIN], "bootstrap.servers");

	if (asked != NULL)
		translation_fail(t, asked->line,
		                 "commonConfig: bootstrap.servers: the broker is embedded and says "
		                 "itself where it is: leave one of the two out");
	for (enum kafka_role role = 0; role < KAFKA_ROLES; role++)
		translation_default(t, role, "bootstrap.servers", t->c->servers, ORIGIN_OMB,
		                    "the embedded broker of this run");
}

static void finish_servers(struct translation *t)
{
	if (t->c->servers != NULL)
		set_embedded(t);
	if (kafka_setting_find(&t->c->roles[KAFKA_ADMIN], "bootstrap.servers") == NULL)
		translation_fail(
			t, t->c->common_block.line,
			"commonConfig: bootstrap.servers is missing: it says where the broker is");
	for (unsigned role = 0; role < KAFKA_ROLES; role++) {
		const struct kafka_settings *list = &t->c->roles[role];
		const struct kafka_setting *s = kafka_setting_find(list, "bootstrap.servers");
		const char *protocol = kafka_setting_value(list, "security.protocol", "plaintext");
		struct error err = { 0 };

		if (s != NULL && !address_check(s->value, protocol, &err))
			translation_fail(t, s->line, "%s: bootstrap.servers: %s",
			                 s->block ? s->block : "commonConfig", err.text);
	}
}

void rules_finish(struct translation *t)
{
	finish_servers(t);
	finish_idempotence(t);
	finish_delivery_timeout(t);
	finish_compression_level(t);
	for (unsigned role = 0; role < KAFKA_ROLES; role++) {
		finish_socket_timeout(t, role);
		finish_reconnect(t, role);
		security_finish(t, role);
	}
	for (unsigned i = 0; t->opts->java_defaults && java_default_at(i) != NULL; i++) {
		const struct java_default *d = java_default_at(i);
		translation_default(t, d->role, d->key, d->value, ORIGIN_JAVA, d->note);
	}
	finish_commit(t);
	finish_fetch(t);
	default_statistics(t);
	translation_default(t, KAFKA_PRODUCER, "statistics.interval.ms", "60000", ORIGIN_OMB,
	                    "at the latest: the first clients of a loop tell every second what "
	                    "they are at");
	translation_default(t, KAFKA_CONSUMER, "auto.offset.reset", "earliest", ORIGIN_OMB,
	                    "latest would miss what is sent to a partition before its end was "
	                    "looked up; the topics are new");
	for (unsigned role = 0; role < KAFKA_ROLES; role++) {
		translation_default(t, role, "socket.nagle.disable", "true", ORIGIN_OMB,
		                    "as the Java client");
		/* librdkafka 2.8: closing a producer took 1.0 s in one case of four, 1 ms without. */
		translation_default(t, role, "enable.metrics.push", "false", ORIGIN_OMB,
		                    "what measures sends no metrics of its own to the broker; and "
		                    "closing would wait for them");
	}
	effects_finish(t);
}
