/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/message_tables.h"

#include <jansson.h>
#include <string.h>

#include "config/override.h"
#include "facts/fact_fields.h"
#include "load/stamp.h"
#include "util/arena.h"
#include "util/base64.h"
#include "worker/call.h"
#include "worker/omb_json.h"

static bool refuse(struct fields_in *in, const char *what)
{
	return error_set(in->err, ERROR_CONFIG, "%s", what);
}

/* --- lists of single values --------------------------------------------------------------------- */

static bool write_texts(const char *const *items, size_t count, struct fields_out *out)
{
	if (items == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		text_add(out->text, i > 0 ? "," : "[");
		fields_write_text(items[i], out->text);
	}
	text_add(out->text, count > 0 ? "]" : "[]");
	return true;
}

/* NULL without a list. */
static bool read_texts(const json_t *v, const char ***items, size_t *count, struct fields_in *in)
{
	*items = NULL;
	*count = json_array_size(v);
	if (v == NULL)
		return true;
	*items = arena_alloc(in->arena, (*count + 1) * sizeof(**items));
	for (size_t i = 0; i < *count; i++) {
		const char *text = json_string_value(json_array_get(v, i));
		if (text == NULL)
			return refuse(in, "a list of texts has something else in it");
		(*items)[i] = arena_strdup(in->arena, text);
	}
	return json_is_array(v) || refuse(in, "a list of texts is none");
}

/* How the member `items` of a struct, with `count` texts, is written and read. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type has none */
#define TEXTS(name, type, items, count)                                           \
	static bool write_##name(const void *from, struct fields_out *out)        \
	{                                                                         \
		const type *s = from;                                             \
		return write_texts((const char *const *)s->items, s->count, out); \
	}                                                                         \
	static bool read_##name(const json_t *v, void *to, struct fields_in *in)  \
	{                                                                         \
		type *s = to;                                                     \
		const char **texts;                                               \
		size_t read;                                                      \
		bool ok = read_texts(v, &texts, &read, in);                       \
		s->items = texts;                                                 \
		s->count = (__typeof__(s->count))read;                            \
		return ok;                                                        \
	}                                                                         \
	static const struct field_custom name = { write_##name, read_##name }
/* NOLINTEND(bugprone-macro-parentheses) */

TEXTS(created_topics, struct worker_create_topics, names, topics);
TEXTS(producer_topics, struct worker_create_producers, topics, count);
TEXTS(coming_topics, struct worker_create_consumers, producer_topics, producers);
TEXTS(ends_topics, struct worker_topic_ends, topics, topics_count);
TEXTS(delete_topics, struct worker_delete, topics, topics_count);

static bool write_ends(const void *from, struct fields_out *out)
{
	const struct worker_topic_ends *s = from;

	if (s->ends == NULL)
		return false;
	text_add(out->text, "[");
	for (size_t i = 0; i < s->topics_count; i++) {
		text_add(out->text, i > 0 ? "," : "");
		if (s->ends[i] == WORKER_NO_TOPIC)
			text_add(out->text, "null");
		else
			text_addf(out->text, "%llu", (unsigned long long)s->ends[i]);
	}
	text_add(out->text, "]");
	return true;
}

static bool write_partitions(const void *from, struct fields_out *out)
{
	const struct worker_topic_ends *s = from;

	if (s->partitions == NULL)
		return false;
	for (size_t i = 0; i < s->topics_count; i++)
		text_addf(out->text, "%s%u", i > 0 ? "," : "[", s->partitions[i]);
	text_add(out->text, s->topics_count > 0 ? "]" : "[]");
	return true;
}

static bool read_partitions(const json_t *v, void *to, struct fields_in *in)
{
	struct worker_topic_ends *s = to;

	s->partitions = NULL;
	if (v == NULL)
		return true;
	if (json_array_size(v) != s->topics_count)
		return refuse(in, "there is not one count of partitions for each topic");
	s->partitions = arena_alloc(in->arena, (s->topics_count + 1) * sizeof(*s->partitions));
	for (size_t i = 0; i < s->topics_count; i++)
		s->partitions[i] = (uint32_t)json_integer_value(json_array_get(v, i));
	return true;
}

static const struct field_custom partitions_of = { write_partitions, read_partitions };

static bool read_ends(const json_t *v, void *to, struct fields_in *in)
{
	struct worker_topic_ends *s = to;

	s->ends = NULL;
	if (v == NULL)
		return true;
	if (json_array_size(v) != s->topics_count)
		return refuse(in, "there is not one end for each topic");
	s->ends = arena_alloc(in->arena, (s->topics_count + 1) * sizeof(*s->ends));
	for (size_t i = 0; i < s->topics_count; i++) {
		const json_t *one = json_array_get(v, i);
		s->ends[i] =
			json_is_null(one) ? WORKER_NO_TOPIC : (uint64_t)json_integer_value(one);
	}
	return true;
}

static const struct field_custom ends = { write_ends, read_ends };

static bool write_cpus(const void *from, struct fields_out *out)
{
	const struct deal_spec *s = from;

	for (uint32_t i = 0; i < s->pin_count; i++)
		text_addf(out->text, "%s%u", i > 0 ? "," : "[", (unsigned)s->pin_cpus[i]);
	text_add(out->text, s->pin_count > 0 ? "]" : "");
	return s->pin_count > 0;
}

static bool read_cpus(const json_t *v, void *to, struct fields_in *in)
{
	struct deal_spec *s = to;
	uint16_t *cpus = arena_alloc(in->arena, (json_array_size(v) + 1) * sizeof(*cpus));

	s->pin_count = (uint32_t)json_array_size(v);
	for (size_t i = 0; i < s->pin_count; i++) {
		json_int_t cpu = json_integer_value(json_array_get(v, i));
		if (cpu < 0 || cpu > UINT16_MAX)
			return refuse(in, "a CPU is none");
		cpus[i] = (uint16_t)cpu;
	}
	s->pin_cpus = s->pin_count > 0 ? cpus : NULL;
	return true;
}

static const struct field_custom pin_cpus = { write_cpus, read_cpus };

/* --- what is unknown, or open --------------------------------------------------------------------- */

static bool write_open_instant(uint64_t at_ns, struct fields_out *out)
{
	if (at_ns == UINT64_MAX)
		return false;
	text_addf(out->text, "%llu",
	          (unsigned long long)(at_ns > out->origin_ns ? at_ns - out->origin_ns : 0));
	return true;
}

static bool read_open_instant(const json_t *v, uint64_t *to, struct fields_in *in)
{
	json_int_t since_ns = json_integer_value(v);

	*to = v == NULL || json_is_null(v) ? UINT64_MAX : in->origin_ns + (uint64_t)since_ns;
	if (v != NULL && !json_is_null(v) && (!json_is_integer(v) || since_ns < 0))
		return refuse(in, "an instant of the window is none");
	return true;
}

#define OPEN_INSTANT(name, member)                                                            \
	static bool write_##name(const void *from, struct fields_out *out)                    \
	{                                                                                     \
		return write_open_instant(((const struct worker_window *)from)->member, out); \
	}                                                                                     \
	static bool read_##name(const json_t *v, void *to, struct fields_in *in)              \
	{                                                                                     \
		return read_open_instant(v, &((struct worker_window *)to)->member, in);       \
	}                                                                                     \
	static const struct field_custom name = { write_##name, read_##name }

OPEN_INSTANT(window_start, start_ns);
OPEN_INSTANT(window_end, end_ns);
OPEN_INSTANT(window_load_end, load_end_ns);

/* --- specs ---------------------------------------------------------------------------------------- */

static const char *const deal_names[] = {
	[DEAL_PER_CORE] = "per-core",
	[DEAL_PER_CLIENT] = "per-client",
	[DEAL_NUMBER] = "number",
};

/* Not `cpus`: they are those of the worker's own host. */
static const struct field deal_items[] = {
	FIELD(struct deal_spec, mode, "mode", FIELD_NAME, .names = deal_names,
	      .names_count = sizeof(deal_names) / sizeof(deal_names[0])),
	FIELD(struct deal_spec, agents, "agents", FIELD_UINT),
	FIELD(struct deal_spec, loops, "threads", FIELD_UINT),
	FIELD(struct deal_spec, nice, "nice", FIELD_INT),
	FIELD(struct deal_spec, pin_cpus, "pinCpus", FIELD_CUSTOM, .custom = &pin_cpus),
};
static const struct fields deal_fields = FIELDS(struct deal_spec, deal_items);

static const struct field consume_items[] = {
	FIELD(struct consume_spec, processing_ns, "processingNs", FIELD_COUNT),
	FIELD(struct consume_spec, commit_interval_ns, "commitIntervalNs", FIELD_COUNT),
	FIELD(struct consume_spec, commit_messages, "commitMessages", FIELD_COUNT),
	FIELD(struct consume_spec, unstamped, "unstamped", FIELD_BOOL),
	FIELD(struct consume_spec, clocks_unknown, "clocksUnknown", FIELD_BOOL),
	FIELD(struct consume_spec, own_first, "ownFirst", FIELD_UINT),
	FIELD(struct consume_spec, own_count, "ownCount", FIELD_UINT),
};
static const struct fields consume_fields = FIELDS(struct consume_spec, consume_items);

static bool write_contents(const void *from, struct fields_out *out)
{
	const struct payload_spec *p = from;

	if (p->contents == NULL)
		return false;
	for (uint32_t i = 0; i < p->count; i++) {
		text_add(out->text, i > 0 ? ",\"" : "[\"");
		base64_encode(p->contents[i], p->size, BASE64_STANDARD, out->text);
		text_add(out->text, "\"");
	}
	text_add(out->text, "]");
	return true;
}

static const void *decode_content(const json_t *v, uint32_t size, struct fields_in *in)
{
	struct text bytes = { 0 };
	void *content = NULL;

	if (!json_is_string(v))
		(void)refuse(in, "payloadData: a payload is no text");
	else if (base64_decode(json_string_value(v), json_string_length(v), BASE64_STANDARD, &bytes,
	                       in->err) &&
	         bytes.len != size)
		(void)refuse(in, "payloadData: a payload is not of the size");
	else if (bytes.len == size && size > 0)
		content = memcpy(arena_alloc(in->arena, size), bytes.data, size);
	text_fini(&bytes);
	return content;
}

static bool read_contents(const json_t *v, void *to, struct fields_in *in)
{
	struct payload_spec *p = to;
	size_t count = json_array_size(v);

	if (v == NULL)
		return true;
	if (count != p->count)
		return refuse(in, "payloadData: there are not as many as said");
	const void **contents = arena_alloc(in->arena, (count + 1) * sizeof(*contents));
	for (size_t i = 0; i < count; i++) {
		contents[i] = decode_content(json_array_get(v, i), p->size, in);
		if (contents[i] == NULL)
			return false;
	}
	p->contents = contents;
	return true;
}

static const struct field_custom contents = { write_contents, read_contents };

static const struct field payload_items[] = {
	FIELD(struct payload_spec, size, "size", FIELD_UINT),
	FIELD(struct payload_spec, count, "count", FIELD_UINT),
	FIELD(struct payload_spec, random_ratio, "randomRatio", FIELD_REAL),
	FIELD(struct payload_spec, seed, "seed", FIELD_WALL),
	FIELD(struct payload_spec, contents, "payloadData", FIELD_CUSTOM, .custom = &contents),
};
static const struct fields payload_fields = FIELDS(struct payload_spec, payload_items);

static const struct field epoch_items[] = {
	FIELD(struct pacer_epoch, start_ns, "startNs", FIELD_INSTANT),
	FIELD(struct pacer_epoch, micro_per_s, "microPerS", FIELD_COUNT),
};
static const struct fields epoch_fields = FIELDS(struct pacer_epoch, epoch_items);

static const char *const mode_names[] = { [LOAD_PACED] = "paced", [LOAD_UNLIMITED] = "max" };

/* --- the verbs ------------------------------------------------------------------------------------ */

static const struct field override_items[] = {
	FIELD(struct override, key, "key", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct override, value, "value", FIELD_TEXT, .flags = FIELD_MUST),
};
static const struct fields override_fields = FIELDS(struct override, override_items);

static bool write_driver_text(const void *from, struct fields_out *out)
{
	fields_write_text(((const struct worker_initialize *)from)->text, out->text);
	return true;
}

static bool read_driver_text(const json_t *v, void *to, struct fields_in *in)
{
	struct worker_initialize *s = to;

	if (!json_is_string(v))
		return refuse(in, "driver is missing: the text of the driver file");
	s->text_len = json_string_length(v);
	s->text = arena_strdup(in->arena, json_string_value(v));
	return true;
}

static const struct field_custom driver_text = { write_driver_text, read_driver_text };

static const struct field initialize_ask[] = {
	FIELD(struct worker_initialize, path, "path", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct worker_initialize, text, "driver", FIELD_CUSTOM, .custom = &driver_text),
	FIELD(struct worker_initialize, lenient, "lenient", FIELD_BOOL),
	FIELD(struct worker_initialize, overrides, "set", FIELD_LIST, .of = &override_fields,
	      .count = offsetof(struct worker_initialize, overrides_count)),
	FIELD(struct worker_initialize, run_id, "runId", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct worker_initialize, run, "run", FIELD_UINT),
	FIELD(struct worker_initialize, keep_topics, "keepTopics", FIELD_BOOL),
	FIELD(struct worker_initialize, run_of_topic, "runOfTopic", FIELD_BOOL),
	FIELD(struct worker_initialize, is_share, "isShare", FIELD_BOOL),
};

static const struct field initialize_answer[] = {
	FIELD(struct worker_initialize, rows.items, "rows", FIELD_LIST, .of = &row_fields,
	      .count = offsetof(struct worker_initialize, rows.count)),
	FIELD(struct worker_initialize, standstill_ms, "standstillMs", FIELD_UINT),
	FIELD(struct worker_initialize, redelivery_ms, "redeliveryMs", FIELD_UINT),
	FIELD(struct worker_initialize, broker_is_local, "brokerIsLocal", FIELD_BOOL),
	FIELD(struct worker_initialize, broker_is_own, "brokerIsOwn", FIELD_BOOL),
};

static const struct field create_topics_ask[] = {
	FIELD(struct worker_create_topics, topics, "numberOfTopics", FIELD_UINT),
	FIELD(struct worker_create_topics, partitions, "numberOfPartitionsPerTopic", FIELD_UINT),
};

static const struct field create_topics_answer[] = {
	FIELD(struct worker_create_topics, names, "topics", FIELD_CUSTOM,
	      .custom = &created_topics),
};

static const struct field subscription_items[] = {
	FIELD(struct worker_subscription, topic, "topic", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct worker_subscription, subscription, "subscription", FIELD_TEXT,
	      .flags = FIELD_MUST),
};
static const struct fields subscription_fields =
	FIELDS(struct worker_subscription, subscription_items);

/* NULL where there is none. */
static bool read_payload(const json_t *v, const struct payload_spec **to, struct fields_in *in)
{
	*to = NULL;
	if (v == NULL || json_is_null(v))
		return true;
	struct payload_spec *payload = arena_alloc(in->arena, sizeof(*payload));
	*to = payload;
	return fields_read(&payload_fields, v, payload, in);
}

static bool write_payload(const struct payload_spec *payload, struct fields_out *out)
{
	if (payload != NULL)
		fields_write(&payload_fields, payload, out);
	return payload != NULL;
}

static bool write_verify(const void *from, struct fields_out *out)
{
	return write_payload(((const struct worker_create_consumers *)from)->verify, out);
}

/* Whoever is asked to compare cannot do without what it compares with. */
static bool read_verify(const json_t *v, void *to, struct fields_in *in)
{
	struct worker_create_consumers *s = to;

	if (!read_payload(v, &s->verify, in))
		return false;
	return s->verify == NULL || s->verify->size >= STAMP_BYTES ||
	       refuse(in, "verify: payloads have no room for a stamp");
}

static const struct field_custom verify = { write_verify, read_verify };

static const struct field id_range_items[] = {
	FIELD(struct producer_ids, base, "base", FIELD_UINT),
	FIELD(struct producer_ids, count, "count", FIELD_UINT),
};
static const struct fields id_range_fields = FIELDS(struct producer_ids, id_range_items);

static const struct field create_consumers_ask[] = {
	FIELD(struct worker_create_consumers, items, "topicsSubscriptions", FIELD_LIST,
	      .of = &subscription_fields, .count = offsetof(struct worker_create_consumers, count)),
	FIELD(struct worker_create_consumers, partitions, "numberOfPartitionsPerTopic", FIELD_UINT),
	FIELD(struct worker_create_consumers, deal, "deal", FIELD_STRUCT, .of = &deal_fields),
	FIELD(struct worker_create_consumers, consume, "consume", FIELD_STRUCT,
	      .of = &consume_fields),
	FIELD(struct worker_create_consumers, verify, "verify", FIELD_CUSTOM, .custom = &verify),
	FIELD(struct worker_create_consumers, verify_seed, "verifySeed", FIELD_WALL,
	      .flags = FIELD_OMIT),
	FIELD(struct worker_create_consumers, account, "account", FIELD_BOOL),
	FIELD(struct worker_create_consumers, producer_topics, "producerTopics", FIELD_CUSTOM,
	      .custom = &coming_topics),
	FIELD(struct worker_create_consumers, id_base, "idBase", FIELD_UINT),
	FIELD(struct worker_create_consumers, id_ranges, "idRanges", FIELD_LIST,
	      .flags = FIELD_OMIT, .of = &id_range_fields,
	      .count = offsetof(struct worker_create_consumers, id_ranges_count)),
};

static bool write_coming_payload(const void *from, struct fields_out *out)
{
	return write_payload(((const struct worker_create_producers *)from)->payload, out);
}

static bool read_coming_payload(const json_t *v, void *to, struct fields_in *in)
{
	return read_payload(v, &((struct worker_create_producers *)to)->payload, in);
}

static const struct field_custom coming_payload = { write_coming_payload, read_coming_payload };

static const struct field create_producers_ask[] = {
	FIELD(struct worker_create_producers, topics, "topics", FIELD_CUSTOM,
	      .custom = &producer_topics),
	FIELD(struct worker_create_producers, payload, "payload", FIELD_CUSTOM,
	      .custom = &coming_payload),
	FIELD(struct worker_create_producers, window_messages, "windowMessages", FIELD_UINT),
	FIELD(struct worker_create_producers, id_base, "idBase", FIELD_UINT),
	FIELD(struct worker_create_producers, account, "account", FIELD_BOOL),
	FIELD(struct worker_create_producers, deal, "deal", FIELD_STRUCT, .of = &deal_fields),
};

static const struct field create_producers_answer[] = {
	FIELD(struct worker_create_producers, lead_ns, "leadNs", FIELD_COUNT),
};

static const struct field load_ask[] = {
	FIELD(struct load_spec, mode, "mode", FIELD_NAME, .names = mode_names, .names_count = 2),
	FIELD(struct load_spec, epoch, "epoch", FIELD_STRUCT, .of = &epoch_fields),
	FIELD(struct load_spec, first_producer, "firstProducer", FIELD_UINT),
	FIELD(struct load_spec, producers, "producers", FIELD_UINT),
	FIELD(struct load_spec, keys, "keyDistributorType", FIELD_NAME, .names = omb_key_names,
	      .names_count = 3),
	FIELD(struct load_spec, payload, "payload", FIELD_STRUCT, .of = &payload_fields),
	FIELD(struct load_spec, wake_interval_ns, "wakeIntervalNs", FIELD_COUNT),
	FIELD(struct load_spec, spin_ns, "spinNs", FIELD_COUNT),
	FIELD(struct load_spec, max_block_ns, "maxBlockNs", FIELD_COUNT),
	FIELD(struct load_spec, window_messages, "windowMessages", FIELD_UINT),
	FIELD(struct load_spec, subscriptions, "subscriptions", FIELD_UINT),
	FIELD(struct load_spec, shared, "shared", FIELD_BOOL),
	FIELD(struct load_spec, seed, "seed", FIELD_WALL),
};

static const struct field adjust_ask[] = {
	FIELD(struct worker_adjust, epoch, "epoch", FIELD_STRUCT, .of = &epoch_fields),
	FIELD(struct worker_adjust, forgive, "forgive", FIELD_BOOL),
};

static const struct field window_ask[] = {
	FIELD(struct worker_window, start_ns, "startNs", FIELD_CUSTOM, .custom = &window_start),
	FIELD(struct worker_window, end_ns, "endNs", FIELD_CUSTOM, .custom = &window_end),
	FIELD(struct worker_window, load_end_ns, "loadEndNs", FIELD_CUSTOM,
	      .custom = &window_load_end),
};

static const struct field ready_items[] = {
	FIELD(struct worker_ready, topic, "topic", FIELD_TEXT),
	FIELD(struct worker_ready, subscription, "subscription", FIELD_TEXT),
	FIELD(struct worker_ready, assigned, "assigned", FIELD_UINT),
	FIELD(struct worker_ready, partitions, "partitions", FIELD_UINT),
	FIELD(struct worker_ready, members, "members", FIELD_UINT),
	FIELD(struct worker_ready, members_assigned, "membersAssigned", FIELD_UINT),
	FIELD(struct worker_ready, probe_seen, "probeSeen", FIELD_BOOL),
};
static const struct fields ready_fields = FIELDS(struct worker_ready, ready_items);

static const struct field silent_items[] = {
	FIELD(struct worker_silent, topic, "topic", FIELD_TEXT),
	FIELD(struct worker_silent, producer, "producer", FIELD_UINT),
};
static const struct fields silent_fields = FIELDS(struct worker_silent, silent_items);

static const struct field readiness_answer[] = {
	FIELD(struct worker_readiness, items, "subscriptions", FIELD_LIST, .of = &ready_fields,
	      .count = offsetof(struct worker_readiness, count)),
	FIELD(struct worker_readiness, ready, "subscriptionsReady", FIELD_COUNT),
	FIELD(struct worker_readiness, producers, "producers", FIELD_COUNT),
	FIELD(struct worker_readiness, producers_ready, "producersReady", FIELD_COUNT),
	FIELD(struct worker_readiness, silent, "silent", FIELD_LIST, .of = &silent_fields,
	      .count = offsetof(struct worker_readiness, silent_count)),
};

static const struct field snapshot_ask[] = {
	FIELD(struct fact_totals, without_latencies, "withoutLatencies", FIELD_BOOL),
	FIELD(struct fact_totals, without_slowest, "withoutSlowest", FIELD_BOOL),
};

static const struct field finish_ask[] = {
	FIELD(struct worker_finish, most_ms, "mostMs", FIELD_UINT),
};

static const struct field finish_answer[] = {
	FIELD(struct worker_finish, totals, "totals", FIELD_STRUCT, .of = &totals_fields),
};

static const struct field stop_ask[] = {
	FIELD(struct worker_stop, most_ms, "mostMs", FIELD_UINT),
};

static const struct field ends_ask[] = {
	FIELD(struct worker_topic_ends, topics, "topics", FIELD_CUSTOM, .custom = &ends_topics),
};

static const struct field ends_answer[] = {
	FIELD(struct worker_topic_ends, ends, "ends", FIELD_CUSTOM, .custom = &ends),
	FIELD(struct worker_topic_ends, partitions, "partitions", FIELD_CUSTOM,
	      .custom = &partitions_of),
};

static const struct field delete_ask[] = {
	FIELD(struct worker_delete, topics, "topics", FIELD_CUSTOM, .custom = &delete_topics),
	FIELD(struct worker_delete, groups, "groups", FIELD_LIST, .of = &subscription_fields,
	      .count = offsetof(struct worker_delete, groups_count)),
	FIELD(struct worker_delete, timeout_ms, "timeoutMs", FIELD_UINT),
	FIELD(struct worker_delete, groups_timeout_ms, "groupsTimeoutMs", FIELD_UINT),
};

static bool write_chunks(const void *from, struct fields_out *out)
{
	const struct worker_account *a = from;

	text_add(out->text, "\"");
	base64_encode(a->chunks, a->chunks_len, BASE64_STANDARD, out->text);
	text_add(out->text, "\"");
	return true;
}

static bool read_chunks(const json_t *v, void *to, struct fields_in *in)
{
	struct worker_account *a = to;
	struct text bytes = { 0 };

	if (v == NULL || json_is_null(v))
		return true;
	if (!json_is_string(v))
		return refuse(in, "chunks is no text");
	bool ok = base64_decode(json_string_value(v), json_string_length(v), BASE64_STANDARD,
	                        &bytes, in->err);
	if (ok) {
		a->chunks =
			memcpy(arena_alloc(in->arena, bytes.len + 1), text_str(&bytes), bytes.len);
		a->chunks_len = bytes.len;
	}
	text_fini(&bytes);
	return ok;
}

static const struct field_custom chunks = { write_chunks, read_chunks };

static const struct field missed_items[] = {
	FIELD(struct worker_missed, producer, "producer", FIELD_UINT),
	FIELD(struct worker_missed, from, "from", FIELD_COUNT),
};
static const struct fields missed_fields = FIELDS(struct worker_missed, missed_items);

static const struct field damaged_items[] = {
	FIELD(struct worker_damaged, subscription, "subscription", FIELD_UINT),
	FIELD(struct worker_damaged, partition, "partition", FIELD_UINT),
	FIELD(struct worker_damaged, messages, "messages", FIELD_COUNT),
};
static const struct fields damaged_fields = FIELDS(struct worker_damaged, damaged_items);

static const struct field account_answer[] = {
	FIELD(struct worker_account, is_kept, "isKept", FIELD_BOOL),
	FIELD(struct worker_account, is_whole, "isWhole", FIELD_BOOL),
	FIELD(struct worker_account, is_order_known, "isOrderKnown", FIELD_BOOL),
	FIELD(struct worker_account, chunks, "chunks", FIELD_CUSTOM, .custom = &chunks),
	FIELD(struct worker_account, subscriptions, "subscriptions", FIELD_LIST,
	      .of = &subscription_fields,
	      .count = offsetof(struct worker_account, subscriptions_count)),
	FIELD(struct worker_account, missed, "missed", FIELD_LIST, .of = &missed_fields,
	      .count = offsetof(struct worker_account, missed_count)),
	FIELD(struct worker_account, damaged, "damaged", FIELD_LIST, .of = &damaged_fields,
	      .count = offsetof(struct worker_account, damaged_count)),
	FIELD(struct worker_account, at_ns, "atNs", FIELD_INSTANT),
	FIELD(struct worker_account, clock_ns, "clockNs", FIELD_WALL),
};

static const struct field counters_answer[] = {
	FIELD(struct worker_counters, sent, "messagesSent", FIELD_COUNT),
	FIELD(struct worker_counters, received, "messagesReceived", FIELD_COUNT),
	FIELD(struct worker_counters, send_errors, "messageSendErrors", FIELD_COUNT),
};

static const struct field period_answer[] = {
	FIELD(struct worker_period, interval, "interval", FIELD_STRUCT, .of = &interval_fields),
	FIELD(struct worker_period, totals.sent, "totalMessagesSent", FIELD_COUNT),
	FIELD(struct worker_period, totals.received, "totalMessagesReceived", FIELD_COUNT),
	FIELD(struct worker_period, totals.send_errors, "totalMessageSendErrors", FIELD_COUNT),
};

static bool write_offset(const void *from, struct fields_out *out)
{
	text_addf(out->text, "%lld", (long long)((const struct worker_clock *)from)->offset_ns);
	return true;
}

static bool read_offset(const json_t *v, void *to, struct fields_in *in)
{
	((struct worker_clock *)to)->offset_ns = json_integer_value(v);
	return json_is_integer(v) || refuse(in, "offsetNs is no number");
}

static const struct field_custom offset = { write_offset, read_offset };

static const struct field clock_items[] = {
	FIELD(struct worker_clock, worker, "worker", FIELD_UINT),
	FIELD(struct worker_clock, offset_ns, "offsetNs", FIELD_CUSTOM, .custom = &offset),
	FIELD(struct worker_clock, is_unknown, "unknown", FIELD_BOOL, .flags = FIELD_OMIT),
};
static const struct fields clock_fields = FIELDS(struct worker_clock, clock_items);

static const struct field clocks_ask[] = {
	FIELD(struct worker_clocks, items, "clocks", FIELD_LIST, .of = &clock_fields,
	      .count = offsetof(struct worker_clocks, count)),
};

static const struct field events_answer[] = {
	FIELD(struct fact_events, items, "events", FIELD_LIST, .of = &event_fields,
	      .count = offsetof(struct fact_events, count)),
};

static const struct field clock_answer[] = {
	{ .name = "nowNs", .size = sizeof(uint64_t), .kind = FIELD_INSTANT },
};

static const char *const error_names[] = {
#define X(enumerator, name, exit_code, http) [ERROR_##enumerator] = (name),
	ERROR_KINDS(X)
#undef X
};

static const struct field error_items[] = {
	FIELD(struct error, kind, "kind", FIELD_NAME, .names = error_names,
	      .names_count = sizeof(error_names) / sizeof(error_names[0])),
	FIELD(struct error, text, "text", FIELD_CHARS),
};
const struct fields message_error = FIELDS(struct error, error_items);

/* A reader blanks what `size` says: the whole argument, and nothing beside an answer. */
#define ASK(type, table) .ask = FIELDS(type, table)
#define ANSWER(table)    .answer = { .items = (table), .count = sizeof(table) / sizeof((table)[0]) }
#define OF(member)       .offset = offsetof(struct worker_call, member)

/* clang-format off */
const struct message_form message_forms[WORKER_VERB_COUNT] = {
	[WORKER_INITIALIZE_DRIVER]    = { OF(initialize), ASK(struct worker_initialize, initialize_ask),
	                                  ANSWER(initialize_answer) },
	[WORKER_CREATE_TOPICS]        = { OF(create_topics), ASK(struct worker_create_topics, create_topics_ask),
	                                  ANSWER(create_topics_answer) },
	[WORKER_CREATE_CONSUMERS]     = { OF(create_consumers), ASK(struct worker_create_consumers, create_consumers_ask) },
	[WORKER_CREATE_PRODUCERS]     = { OF(create_producers), ASK(struct worker_create_producers, create_producers_ask),
	                                  ANSWER(create_producers_answer) },
	[WORKER_START_LOAD]           = { OF(load), ASK(struct load_spec, load_ask) },
	[WORKER_ADJUST_PUBLISH_RATE]  = { OF(adjust), ASK(struct worker_adjust, adjust_ask) },
	[WORKER_SET_WINDOW]           = { OF(window), ASK(struct worker_window, window_ask) },
	[WORKER_READINESS]            = { OF(readiness), ANSWER(readiness_answer) },
	[WORKER_SNAPSHOT]             = { OF(totals), ASK(struct fact_totals, snapshot_ask), ANSWER(totals_items) },
	[WORKER_FINISH]               = { OF(finish), ASK(struct worker_finish, finish_ask), ANSWER(finish_answer) },
	[WORKER_STOP_ALL]             = { OF(stop), ASK(struct worker_stop, stop_ask) },
	[WORKER_ACCOUNT]              = { OF(account), ANSWER(account_answer) },
	[WORKER_TOPIC_ENDS]           = { OF(topic_ends), ASK(struct worker_topic_ends, ends_ask), ANSWER(ends_answer) },
	[WORKER_DELETE_TOPICS]        = { OF(remove), ASK(struct worker_delete, delete_ask) },
	[WORKER_COUNTERS_STATS]       = { OF(counters), ANSWER(counters_answer) },
	[WORKER_PERIOD_STATS]         = { OF(period), ANSWER(period_answer) },
	[WORKER_CUMULATIVE_LATENCIES] = { OF(period), ANSWER(period_answer) },
	[WORKER_SET_CLOCKS]           = { OF(clocks), ASK(struct worker_clocks, clocks_ask) },
	[WORKER_EVENTS]               = { OF(events), ANSWER(events_answer) },
	[WORKER_CLOCK]                = { OF(clock_ns), ANSWER(clock_answer) },
};
/* clang-format on */
