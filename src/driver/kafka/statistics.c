/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/statistics.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/kafka/kafka_conf.h"
#include "driver/kafka/settings.h"
#include "facts/origin.h"

#define KEY    "statistics.interval.ms"
#define LEVELS 8 /* of objects in objects; none that is wanted lies deeper */

/* --- what is wanted ------------------------------------------------------------------------------- */

#define ANY    "" /* a name that brokers, topics and partitions have */

/*
 * By the path from the outermost object.  `is_sum`: it is of the latest interval, and all of them add
 * up here; else it is of the client's whole life.
 */
static const struct wanted {
	const char *path[5]; /* NULL ends */
	enum claim claim;
	uint64_t factor;
	bool is_sum;
} wanted[] = {
	{ { "msg_cnt" }, CLAIM_QUEUE_MESSAGES, 1, false },
	{ { "msg_size" }, CLAIM_QUEUE_BYTES, 1, false },
	{ { "tx" }, CLAIM_REQUESTS, 1, false },
	{ { "tx_bytes" }, CLAIM_BYTES_OUT, 1, false },
	{ { "rx_bytes" }, CLAIM_BYTES_IN, 1, false },
	{ { "brokers", ANY, "txretries" }, CLAIM_RETRIES, 1, false },
	{ { "brokers", ANY, "disconnects" }, CLAIM_DISCONNECTS, 1, false },
	{ { "brokers", ANY, "rtt", "cnt" }, CLAIM_ROUND_TRIPS, 1, true },
	{ { "brokers", ANY, "rtt", "sum" }, CLAIM_ROUND_TRIP_NS, 1000, true },
	{ { "brokers", ANY, "rtt", "max" }, CLAIM_ROUND_TRIP_MAX_NS, 1000, false },
	{ { "topics", ANY, "batchcnt", "cnt" }, CLAIM_BATCHES, 1, true },
	{ { "topics", ANY, "batchcnt", "sum" }, CLAIM_BATCH_MESSAGES, 1, true },
	{ { "topics", ANY, "batchsize", "sum" }, CLAIM_BATCH_BYTES, 1, true },
	{ { "topics", ANY, "partitions", ANY, "fetchq_cnt" }, CLAIM_QUEUE_MESSAGES, 1, false },
	{ { "topics", ANY, "partitions", ANY, "fetchq_size" }, CLAIM_QUEUE_BYTES, 1, false },
};
#define WANTED (sizeof(wanted) / sizeof(wanted[0]))

struct name {
	const char *text;
	size_t len;
};

struct scan {
	const char *at, *end;
	struct name path[LEVELS]; /* of the value that comes next, from the outermost object on */
	unsigned depth;           /* objects and lists that are open */
	struct claims *latest, *sums;
};

static bool is_at(const struct scan *s, const struct wanted *w)
{
	for (unsigned i = 0; i < s->depth; i++) {
		const char *name = i < 5 ? w->path[i] : NULL;
		if (name == NULL)
			return false;
		if (name[0] != '\0' && (strlen(name) != s->path[i].len ||
		                        memcmp(name, s->path[i].text, s->path[i].len) != 0))
			return false;
	}
	return s->depth == 5 || w->path[s->depth] == NULL;
}

static void add(struct claims *to, enum claim claim, uint64_t value)
{
	struct claims one = { 0 };

	claims_say(&one, claim, value);
	claims_add(to, &one);
}

static void take_number(struct scan *s, uint64_t value)
{
	if (s->depth == 0 || s->depth > 5)
		return;
	for (size_t i = 0; i < WANTED; i++)
		if (is_at(s, &wanted[i]))
			add(wanted[i].is_sum ? s->sums : s->latest, wanted[i].claim,
			    value * wanted[i].factor);
}

/* --- JSON, as far as it has to be understood ------------------------------------------------------- */

/* Behind the opening mark; what has no closing one ends at the end. */
static struct name scan_text(struct scan *s)
{
	struct name n = { .text = s->at };

	while (s->at < s->end && *s->at != '"')
		s->at += *s->at == '\\' && s->at + 1 < s->end ? 2 : 1;
	n.len = (size_t)(s->at - n.text);
	if (s->at < s->end)
		s->at++;
	return n;
}

static void scan_number(struct scan *s)
{
	uint64_t value = 0;

	for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
		value = value < UINT64_MAX / 100000 ? value * 10 + (uint64_t)(*s->at - '0') : value;
	take_number(s, value);
}

/* A fraction or what stands behind a minus: none of these is wanted. */
static void skip_number(struct scan *s)
{
	while (s->at < s->end && strchr("+-.0123456789eE", *s->at) != NULL && *s->at != '\0')
		s->at++;
}

static void open_level(struct scan *s)
{
	if (s->depth < LEVELS)
		s->path[s->depth] = (struct name){ .text = "" };
	s->depth++;
}

static void name_value(struct scan *s, struct name name)
{
	while (s->at < s->end && *s->at == ' ')
		s->at++;
	if (s->at < s->end && *s->at == ':' && s->depth > 0 && s->depth <= LEVELS)
		s->path[s->depth - 1] = name;
}

void kafka_statistics_read(const char *json, size_t len, struct claims *latest, struct claims *sums)
{
	struct scan s = { .at = json, .end = json + len, .latest = latest, .sums = sums };

	*latest = (struct claims){ 0 };
	while (s.at < s.end) {
		char c = *s.at;
		if (c >= '0' && c <= '9') {
			scan_number(&s);
			skip_number(&s);
			continue;
		}
		s.at++;
		if (c == '"')
			name_value(&s, scan_text(&s));
		else if (c == '{' || c == '[')
			open_level(&s);
		else if ((c == '}' || c == ']') && s.depth > 0)
			s.depth--;
		else if (c == '-')
			skip_number(&s);
	}
}

/* --- a client -------------------------------------------------------------------------------------- */

bool kafka_statistics_ask(rd_kafka_conf_t *conf, const struct kafka_settings *settings,
                          unsigned number, struct error *err)
{
	const struct kafka_setting *set = kafka_setting_find(settings, KEY);
	char ms[16], why[256];

	if (set == NULL || strcmp(set->origin, ORIGIN_OMB) != 0)
		return true;
	unsigned long long every_ms = (1 + number / KAFKA_TELLERS) * 1000ULL;
	/* A consumer has to be woken by then. */
	unsigned long long latest_ms = strtoull(set->value, NULL, 10);
	(void)snprintf(ms, sizeof(ms), "%llu", every_ms < latest_ms ? every_ms : latest_ms);
	if (rd_kafka_conf_set(conf, KEY, ms, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return true;
	return error_set(err, ERROR_CONFIG, "%s", why);
}

static void digest(struct kafka_statistics *s)
{
	if (s->json == NULL)
		return;
	kafka_statistics_read(s->json, s->len, &s->latest, &s->sums);
	rd_kafka_mem_free(NULL, s->json);
	s->json = NULL;
}

int kafka_statistics_keep(struct kafka_statistics *s, char *json, size_t len)
{
	digest(s); /* nobody has asked since the last one */
	s->json = json;
	s->len = len;
	return 1;
}

void kafka_statistics_claims(struct kafka_statistics *s, struct claims *out)
{
	digest(s);
	*out = s->latest;
	claims_add(out, &s->sums);
}

void kafka_statistics_fini(struct kafka_statistics *s)
{
	if (s->json != NULL)
		rd_kafka_mem_free(NULL, s->json);
	s->json = NULL;
}
