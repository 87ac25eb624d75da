/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/omb_json.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/hdr_codec.h"
#include "util/arena.h"
#include "util/base64.h"
#include "util/json_stream.h"
#include "util/xalloc.h"

/* A number as a text has this many bytes at most, and the rest of a name that is not known is not told. */
#define NUMBER_TEXT_MAX 400
#define TOLD            60

struct body {
	struct json_stream s;
	struct arena *arena;
	struct error *err;
	struct text key;
};

struct member;

/* Into what stands at `to`; the value is not null. */
typedef bool take_fn(struct body *b, const struct member *m, void *to);

struct member {
	const char *name;
	size_t offset;
	take_fn *take;
	uint64_t max;                     /* of a count */
	const struct hist_layout *layout; /* of a histogram */
};

#define MEMBER(type, member, key, ...)                                       \
	{                                                                    \
		.name = (key), .offset = offsetof(type, member), __VA_ARGS__ \
	}
#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

__attribute__((format(printf, 2, 3))) static bool refuse(struct body *b, const char *fmt, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	error_set(b->err, ERROR_PROTOCOL, "%s", what);
	b->err->line = b->s.line;
	b->err->column = b->s.column;
	return false;
}

/* --- lists that grow ---------------------------------------------------------------------------- */

struct list {
	void *items; /* owned */
	size_t count, cap, size;
};

/* The next item, which is not set; NULL: it would be one too many. */
static void *append(struct body *b, struct list *l, size_t max)
{
	if (l->count == max) {
		refuse(b, "a list of more than %zu", max);
		return NULL;
	}
	if (l->count == l->cap) {
		l->cap = l->cap > 0 ? 2 * l->cap : 16;
		l->items = xrealloc(l->items, l->cap * l->size);
	}
	return (char *)l->items + l->size * l->count++;
}

/* Never NULL. */
static void *settle(struct body *b, const struct list *l)
{
	void *items = arena_alloc(b->arena, l->count * l->size + 1);

	if (l->count > 0)
		memcpy(items, l->items, l->count * l->size);
	return items;
}

/* --- numbers ------------------------------------------------------------------------------------ */

struct number {
	bool is_whole;
	int64_t whole;
	double real;
};

static bool is_word(const char *text, double *out)
{
	static const struct {
		const char *word;
		double value;
	} words[] = { { "NaN", NAN },
		      { "Infinity", INFINITY },
		      { "INF", INFINITY },
		      { "-Infinity", -INFINITY },
		      { "-INF", -INFINITY } };

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(text, words[i].word) != 0)
			continue;
		*out = words[i].value;
		return true;
	}
	return false;
}

/* "12", " 1.5E3 ", "NaN"; an empty text is 0, as Jackson has it. */
static bool take_quoted(struct body *b, struct number *out)
{
	const char *text;
	char number[NUMBER_TEXT_MAX + 1], *end;
	size_t len;

	if (!json_stream_text(&b->s, NUMBER_TEXT_MAX, &text, &len, b->err))
		return false;
	while (len > 0 && *text == ' ')
		text++, len--;
	while (len > 0 && text[len - 1] == ' ')
		len--;
	memcpy(number, text, len);
	number[len] = '\0';
	if (len == 0 || is_word(number, &out->real)) {
		out->is_whole = len == 0;
		return true;
	}
	/* strtod takes more than numbers. */
	if (strspn(number, "+-.0123456789eE") != len)
		return refuse(b, "\"%.*s\" is no number", TOLD, number);
	errno = 0;
	out->is_whole = strpbrk(number, ".eE") == NULL;
	if (out->is_whole)
		out->whole = strtoll(number, &end, 10);
	else
		out->real = strtod(number, &end);
	if (*end != '\0' || (out->is_whole && errno == ERANGE))
		return refuse(b, "\"%.*s\" is no number", TOLD, number);
	return true;
}

static bool take_number(struct body *b, struct number *out)
{
	*out = (struct number){ .is_whole = false };
	if (json_stream_is_at(&b->s, '"')) {
		if (!take_quoted(b, out))
			return false;
	} else {
		/* Of another kind it might be large. */
		if (json_stream_is_at(&b->s, '{') || json_stream_is_at(&b->s, '['))
			return refuse(b, "a number is missing");
		json_t *v = json_stream_value(&b->s, b->err);
		bool is_number = json_is_number(v);
		out->is_whole = json_is_integer(v);
		out->whole = json_integer_value(v);
		out->real = json_real_value(v);
		json_decref(v);
		if (v == NULL || !is_number)
			return v != NULL ? refuse(b, "a number is missing") : false;
	}
	if (out->is_whole)
		out->real = (double)out->whole;
	return true;
}

/* Fractions are cut. */
static bool take_whole(struct body *b, const struct member *m, uint64_t *out)
{
	struct number n;

	if (!take_number(b, &n))
		return false;
	if (!n.is_whole && !(n.real > -1 && n.real < 0x1p63))
		return refuse(b, "%g is outside 0..%" PRIu64, n.real, m->max);
	int64_t whole = n.is_whole ? n.whole : (int64_t)n.real;
	if (whole < 0 || (uint64_t)whole > m->max)
		return refuse(b, "%" PRId64 " is outside 0..%" PRIu64, whole, m->max);
	*out = (uint64_t)whole;
	return true;
}

static bool take_count(struct body *b, const struct member *m, void *to)
{
	return take_whole(b, m, to);
}

static bool take_count32(struct body *b, const struct member *m, void *to)
{
	uint64_t wide = 0;
	uint32_t *out = to;

	assert(m->max <= UINT32_MAX);
	if (!take_whole(b, m, &wide))
		return false;
	*out = (uint32_t)wide;
	return true;
}

static bool take_real(struct body *b, const struct member *m, void *to)
{
	struct number n;
	double *out = to;

	(void)m;
	if (!take_number(b, &n))
		return false;
	*out = n.real;
	return true;
}

/* --- structure ---------------------------------------------------------------------------------- */

static const struct member *member_named(const struct member *members, size_t count,
                                         const struct text *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(members[i].name) == key->len &&
		    memcmp(members[i].name, key->data, key->len) == 0)
			return &members[i];
	}
	return NULL;
}

/* Null: `to` stays as it is. */
static bool take_null(struct body *b)
{
	json_t *v = json_stream_value(&b->s, b->err);

	json_decref(v); /* jansson takes no other word with this letter */
	return v != NULL;
}

static bool take_member(struct body *b, const struct member *m, void *to)
{
	if (m == NULL)
		return json_stream_skip(&b->s, b->err);
	if (json_stream_is_at(&b->s, 'n'))
		return take_null(b);
	return m->take(b, m, (char *)to + m->offset) || error_wrap(b->err, "%s", m->name);
}

static bool take_object(struct body *b, const struct member *members, size_t count, void *to)
{
	enum json_stream_step step;

	if (!json_stream_enter(&b->s, '{', b->err))
		return false;
	while ((step = json_stream_next(&b->s, &b->key, b->err)) == JSON_STREAM_ITEM) {
		if (!take_member(b, member_named(members, count, &b->key), to))
			return false;
	}
	return step == JSON_STREAM_END;
}

/* Each of a list by `take`, into the next item. */
static bool take_items(struct body *b, struct list *l, size_t max, take_fn *take)
{
	enum json_stream_step step;

	if (!json_stream_enter(&b->s, '[', b->err))
		return false;
	while ((step = json_stream_next(&b->s, NULL, b->err)) == JSON_STREAM_ITEM) {
		void *item = append(b, l, max);
		if (item == NULL || !take(b, NULL, item))
			return false;
	}
	return step == JSON_STREAM_END;
}

static bool take_name(struct body *b, const struct member *m, void *to)
{
	const char *text, **out = to;
	size_t len;

	(void)m;
	if (!json_stream_text(&b->s, OMB_NAME_BYTES_MAX, &text, &len, b->err))
		return false;
	if (len == 0)
		return refuse(b, "a name is empty");
	*out = arena_strndup(b->arena, text, len);
	return true;
}

/* --- bodies ------------------------------------------------------------------------------------- */

static bool begin(struct body *b, const char *body, size_t len, struct arena *arena,
                  struct error *err)
{
	*b = (struct body){ .arena = arena, .err = err };
	json_stream_over(&b->s, body, len);
	return len <= OMB_BODY_MAX ||
	       error_set(err, ERROR_PROTOCOL, "%zu bytes, at most %zu", len, OMB_BODY_MAX);
}

/* `taken`: whether all went well so far.  `what`: OMB's name of the body. */
static bool end(struct body *b, bool taken, const char *what)
{
	bool ok = taken && json_stream_end(&b->s, b->err);

	if (!ok) {
		b->err->kind = ERROR_PROTOCOL;
		error_wrap(b->err, "%s", what);
	}
	json_stream_fini(&b->s);
	text_fini(&b->key);
	return ok;
}

bool omb_topics_info_read(const char *body, size_t len, struct omb_topics_info *out,
                          struct error *err)
{
	static const struct member members[] = {
		MEMBER(struct omb_topics_info, topics, "numberOfTopics", take_count32,
		       .max = OMB_TOPICS_MAX),
		MEMBER(struct omb_topics_info, partitions, "numberOfPartitionsPerTopic",
		       take_count32, .max = OMB_PARTITIONS_MAX),
	};
	struct body b;

	*out = (struct omb_topics_info){ .topics = 0 };
	bool ok =
		begin(&b, body, len, NULL, err) && take_object(&b, members, COUNT_OF(members), out);
	return end(&b, ok, "TopicsInfo");
}

bool omb_topics_read(const char *body, size_t len, struct arena *arena, struct omb_topics *out,
                     struct error *err)
{
	struct list names = { .size = sizeof(const char *) };
	struct body b;

	*out = (struct omb_topics){ .count = 0 };
	bool ok = begin(&b, body, len, arena, err) &&
	          take_items(&b, &names, OMB_NAMES_MAX, take_name);
	if (ok)
		*out = (struct omb_topics){ .names = settle(&b, &names), .count = names.count };
	free(names.items);
	return end(&b, ok, "the list of topics");
}

static bool take_subscription(struct body *b, const struct member *m, void *to)
{
	static const struct member members[] = {
		MEMBER(struct worker_subscription, topic, "topic", take_name),
		MEMBER(struct worker_subscription, subscription, "subscription", take_name),
	};
	struct worker_subscription *out = to;

	(void)m;
	*out = (struct worker_subscription){ .topic = NULL };
	if (!take_object(b, members, COUNT_OF(members), out))
		return false;
	return (out->topic != NULL && out->subscription != NULL) ||
	       refuse(b, "a consumer without a %s", out->topic == NULL ? "topic" : "subscription");
}

static bool take_subscriptions(struct body *b, const struct member *m, void *to)
{
	struct list items = { .size = sizeof(struct worker_subscription) };
	struct omb_consumers *out = to;
	bool ok = take_items(b, &items, OMB_NAMES_MAX, take_subscription);

	(void)m;
	if (ok)
		*out = (struct omb_consumers){ .items = settle(b, &items), .count = items.count };
	free(items.items);
	return ok;
}

bool omb_consumers_read(const char *body, size_t len, struct arena *arena,
                        struct omb_consumers *out, struct error *err)
{
	static const struct member members[] = {
		{ .name = "topicsSubscriptions", .take = take_subscriptions },
	};
	struct body b;

	*out = (struct omb_consumers){ .count = 0 };
	bool ok = begin(&b, body, len, arena, err) &&
	          take_object(&b, members, COUNT_OF(members), out);
	if (ok && out->items == NULL)
		out->items = arena_alloc(arena, sizeof(*out->items));
	return end(&b, ok, "ConsumerAssignment");
}

/* --- the load ----------------------------------------------------------------------------------- */

struct payload {
	const void *bytes;
	uint32_t size;
};

static bool take_payload(struct body *b, const struct member *m, void *to)
{
	struct payload *out = to;
	struct text bytes = { 0 };
	const char *text;
	size_t len;

	(void)m;
	if (!json_stream_text(&b->s, (OMB_PAYLOAD_MAX + 2) / 3 * 4, &text, &len, b->err))
		return false;
	if (!base64_decode(text, len, BASE64_STANDARD, &bytes, b->err))
		return false;
	bool ok = bytes.len > 0 || refuse(b, "an empty payload");
	if (ok) {
		*out = (struct payload){ .size = (uint32_t)bytes.len };
		out->bytes = arena_strndup(b->arena, bytes.data, bytes.len);
	}
	text_fini(&bytes);
	return ok;
}

/* As columns. */
static void settle_payloads(struct body *b, const struct list *l, struct omb_assignment *out)
{
	const void **contents = arena_alloc(b->arena, l->count * sizeof(*contents) + 1);
	uint32_t *sizes = arena_alloc(b->arena, l->count * sizeof(*sizes) + 1);
	const struct payload *items = l->items;

	out->size = l->count > 0 ? items[0].size : 0;
	for (size_t i = 0; i < l->count; i++) {
		contents[i] = items[i].bytes;
		sizes[i] = items[i].size;
		if (sizes[i] != out->size)
			out->size = 0;
	}
	out->contents = contents;
	out->sizes = sizes;
	out->count = l->count;
}

static bool take_payloads(struct body *b, const struct member *m, void *to)
{
	struct list items = { .size = sizeof(struct payload) };
	bool ok = take_items(b, &items, OMB_PAYLOADS_MAX, take_payload);

	(void)m;
	if (ok)
		settle_payloads(b, &items, to);
	free(items.items);
	return ok;
}

struct assignment {
	struct omb_assignment out; /* first: take_payloads fills it */
	bool has_keys;
};

static bool take_keys(struct body *b, const struct member *m, void *to)
{
	struct assignment *a = to;
	const char *text;
	size_t len;

	(void)m;
	if (!json_stream_text(&b->s, OMB_NAME_BYTES_MAX, &text, &len, b->err))
		return false;
	for (size_t i = 0; i < OMB_KEY_NAMES; i++) {
		if (strcmp(text, omb_key_names[i]) != 0)
			continue;
		a->out.keys = (enum key_pick)i;
		a->has_keys = true;
		return true;
	}
	return refuse(b, "\"%.*s\" is none of NO_KEY, KEY_ROUND_ROBIN, RANDOM_NANO", TOLD, text);
}

static bool judge_assignment(const struct assignment *a, struct error *err)
{
	if (a->out.count == 0)
		return error_set(err, ERROR_PROTOCOL, "payloadData: there is none");
	if (!isfinite(a->out.rate_per_s) || a->out.rate_per_s <= 0)
		return error_set(err, ERROR_PROTOCOL, "publishRate: %g is not above 0 and finite",
		                 a->out.rate_per_s);
	return a->has_keys || error_set(err, ERROR_PROTOCOL, "keyDistributorType is missing");
}

bool omb_assignment_read(const char *body, size_t len, struct arena *arena,
                         struct omb_assignment *out, struct error *err)
{
	static const struct member members[] = {
		{ .name = "payloadData", .take = take_payloads },
		MEMBER(struct assignment, out.rate_per_s, "publishRate", take_real),
		{ .name = "keyDistributorType", .take = take_keys },
	};
	struct assignment a = { .has_keys = false };
	struct body b;

	*out = (struct omb_assignment){ .count = 0 };
	bool ok = begin(&b, body, len, arena, err) &&
	          take_object(&b, members, COUNT_OF(members), &a) && judge_assignment(&a, err);
	if (ok)
		*out = a.out;
	return end(&b, ok, "ProducerWorkAssignment");
}

bool omb_rate_read(const char *body, size_t len, double *rate_per_s, struct error *err)
{
	struct body b;

	*rate_per_s = 0;
	bool ok = begin(&b, body, len, NULL, err) && take_real(&b, NULL, rate_per_s);
	if (ok && !isfinite(*rate_per_s))
		ok = refuse(&b, "%g is not finite", *rate_per_s);
	if (*rate_per_s < 1)
		*rate_per_s = 1;
	return end(&b, ok, "the rate");
}

/* --- answers ------------------------------------------------------------------------------------ */

/* clang-format off */
#define COUNT(type, member, key) MEMBER(type, member, key, take_count, .max = INT64_MAX)
/* clang-format on */

bool omb_counters_read(const char *body, size_t len, struct worker_counters *out, struct error *err)
{
	static const struct member members[] = {
		COUNT(struct worker_counters, sent, "messagesSent"),
		COUNT(struct worker_counters, received, "messagesReceived"),
		COUNT(struct worker_counters, send_errors, "messageSendErrors"),
	};
	struct body b;

	*out = (struct worker_counters){ .sent = 0 };
	bool ok =
		begin(&b, body, len, NULL, err) && take_object(&b, members, COUNT_OF(members), out);
	return end(&b, ok, "CountersStats");
}

static bool has_layout(const struct hist_copy *c, const struct hist_layout *l)
{
	const struct hist_layout *of = hist_copy_layout(c);

	return of->highest == l->highest && of->digits == l->digits && of->unit_ns == l->unit_ns;
}

static bool take_histogram(struct body *b, const struct member *m, void *to)
{
	struct hist_copy came = { 0 }, *out = to;
	const char *text;
	size_t len;

	if (!json_stream_text(&b->s, HDR_CODEC_TEXT_MAX, &text, &len, b->err) ||
	    !hdr_codec_decode(text, len, m->layout->unit_ns, &came, b->err))
		return false;
	hist_copy_fini(out);
	if (has_layout(&came, m->layout)) {
		*out = came;
		return true;
	}
	hist_copy_convert(&came, m->layout, out);
	hist_copy_fini(&came);
	return true;
}

/* clang-format off */
#define HISTOGRAM(type, member, key, of) \
	MEMBER(type, member, key, take_histogram, .layout = &hist_layout_omb_##of), \
	MEMBER(type, member, key "Bytes", take_histogram, .layout = &hist_layout_omb_##of)
#define LATENCIES_OF(type, member) \
	HISTOGRAM(type, member publish, "publishLatency", publish), \
	HISTOGRAM(type, member delay, "publishDelayLatency", publish), \
	HISTOGRAM(type, member e2e, "endToEndLatency", e2e)
/* clang-format on */

static void init_latencies(struct omb_latencies *l)
{
	hist_copy_init(&l->publish, &hist_layout_omb_publish);
	hist_copy_init(&l->delay, &hist_layout_omb_publish);
	hist_copy_init(&l->e2e, &hist_layout_omb_e2e);
}

bool omb_period_read(const char *body, size_t len, struct omb_period *out, struct error *err)
{
	static const struct member members[] = {
		COUNT(struct omb_period, sent, "messagesSent"),
		COUNT(struct omb_period, send_errors, "messageSendErrors"),
		COUNT(struct omb_period, send_errors, "errors"), /* Redpanda's */
		COUNT(struct omb_period, bytes_sent, "bytesSent"),
		COUNT(struct omb_period, received, "messagesReceived"),
		COUNT(struct omb_period, bytes_received, "bytesReceived"),
		COUNT(struct omb_period, totals.sent, "totalMessagesSent"),
		COUNT(struct omb_period, totals.send_errors, "totalMessageSendErrors"),
		COUNT(struct omb_period, totals.send_errors, "totalErrors"), /* Redpanda's */
		COUNT(struct omb_period, totals.received, "totalMessagesReceived"),
		LATENCIES_OF(struct omb_period, latencies.),
	};
	struct body b;

	*out = (struct omb_period){ .sent = 0 };
	init_latencies(&out->latencies);
	bool ok =
		begin(&b, body, len, NULL, err) && take_object(&b, members, COUNT_OF(members), out);
	ok = end(&b, ok, "PeriodStats");
	if (!ok)
		omb_period_fini(out);
	return ok;
}

bool omb_latencies_read(const char *body, size_t len, struct omb_latencies *out, struct error *err)
{
	static const struct member members[] = { LATENCIES_OF(struct omb_latencies, ) };
	struct body b;

	init_latencies(out);
	bool ok =
		begin(&b, body, len, NULL, err) && take_object(&b, members, COUNT_OF(members), out);
	ok = end(&b, ok, "CumulativeLatencies");
	if (!ok)
		omb_latencies_fini(out);
	return ok;
}
