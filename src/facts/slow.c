/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/slow.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "util/arena.h"

uint64_t fact_slow_ns(const struct fact_slow *m, enum fact_slow_by by)
{
	uint64_t since_ns = m->due_ns != 0 ? m->due_ns : m->sent_ns;
	uint64_t done_ns = by == FACT_SLOW_ACKNOWLEDGED ? m->acknowledged_ns : m->received_ns;

	return done_ns > since_ns ? done_ns - since_ns : 0;
}

/* Does `a` come before `b`? */
static bool is_before(const struct fact_slow *a, const struct fact_slow *b, enum fact_slow_by by)
{
	uint64_t a_ns = fact_slow_ns(a, by), b_ns = fact_slow_ns(b, by);

	if (a_ns != b_ns)
		return a_ns > b_ns;
	if (a->producer != b->producer)
		return a->producer < b->producer;
	return a->sequence < b->sequence;
}

void fact_slow_add(struct fact_slow_list *to, enum fact_slow_by by, const struct fact_slow *m)
{
	size_t at = to->count;

	while (at > 0 && is_before(m, &to->items[at - 1], by))
		at--;
	if (at == FACT_SLOW_MAX)
		return;
	size_t moved = to->count < FACT_SLOW_MAX ? to->count - at : FACT_SLOW_MAX - 1 - at;
	memmove(&to->items[at + 1], &to->items[at], moved * sizeof(*to->items));
	to->items[at] = *m;
	to->count += to->count < FACT_SLOW_MAX;
}

void fact_slowest_add(struct fact_slowest *to, const struct fact_slowest *from)
{
	for (int by = 0; by < FACT_SLOW_KINDS; by++)
		for (size_t i = 0; i < from->of[by].count; i++)
			fact_slow_add(&to->of[by], (enum fact_slow_by)by, &from->of[by].items[i]);
}

void fact_slowest_cut(struct fact_slowest *s, size_t most)
{
	for (int by = 0; by < FACT_SLOW_KINDS; by++)
		if (s->of[by].count > most)
			s->of[by].count = most;
}

bool fact_slowest_is_empty(const struct fact_slowest *s)
{
	return s->of[FACT_SLOW_ACKNOWLEDGED].count + s->of[FACT_SLOW_RECEIVED].count == 0;
}

void fact_slow_learn(struct fact_slow *m, enum fact_slow_by by, const struct fact_slow *other)
{
	if (m->producer != other->producer || m->sequence != other->sequence)
		return;
	if (m->partition < 0)
		m->partition = other->partition;
	if (by == FACT_SLOW_RECEIVED && other->acknowledged_ns != 0) {
		m->acknowledged_ns = other->acknowledged_ns;
		m->producer_agent = other->producer_agent;
	}
	if (by == FACT_SLOW_ACKNOWLEDGED && other->received_ns > m->received_ns) {
		m->received_ns = other->received_ns;
		m->consumer_agent = other->consumer_agent;
		m->consumer_generation = other->consumer_generation;
		memcpy(m->subscription, other->subscription, sizeof(m->subscription));
	}
}

void fact_slowest_join(struct fact_slowest *s)
{
	struct fact_slow_list *acknowledged = &s->of[FACT_SLOW_ACKNOWLEDGED];
	struct fact_slow_list *received = &s->of[FACT_SLOW_RECEIVED];

	for (size_t a = 0; a < acknowledged->count; a++)
		for (size_t r = 0; r < received->count; r++) {
			struct fact_slow *sent = &acknowledged->items[a];
			struct fact_slow *arrived = &received->items[r];
			fact_slow_learn(sent, FACT_SLOW_ACKNOWLEDGED, arrived);
			fact_slow_learn(arrived, FACT_SLOW_RECEIVED, sent);
		}
}

/* --- as JSON -------------------------------------------------------------------------------------- */

/* -1 is null. */
static bool write_known(int value, struct fields_out *out)
{
	if (value < 0)
		text_add(out->text, "null");
	else
		text_addf(out->text, "%d", value);
	return true;
}

static bool read_known(const json_t *v, const char *name, int *to, struct fields_in *in)
{
	json_int_t value = v != NULL ? json_integer_value(v) : -1;

	*to = (int)value;
	if (v != NULL && (!json_is_integer(v) || value < 0 || value > INT32_MAX))
		return error_set(in->err, ERROR_CONFIG, "%s is no count", name);
	return true;
}

#define KNOWN(member, key)                                                         \
	static bool write_##member(const void *from, struct fields_out *out)       \
	{                                                                          \
		return write_known(((const struct fact_slow *)from)->member, out); \
	}                                                                          \
	static bool read_##member(const json_t *v, void *to, struct fields_in *in) \
	{                                                                          \
		return read_known(v, key, &((struct fact_slow *)to)->member, in);  \
	}                                                                          \
	static const struct field_custom member##_known = { write_##member, read_##member }

KNOWN(partition, "partition");
KNOWN(producer_agent, "producerAgent");
KNOWN(consumer_agent, "consumerAgent");
KNOWN(consumer_generation, "consumerGeneration");

static const struct field slow_items[] = {
	FIELD(struct fact_slow, producer, "producer", FIELD_UINT),
	FIELD(struct fact_slow, sequence, "sequence", FIELD_COUNT),
	FIELD(struct fact_slow, partition, "partition", FIELD_CUSTOM, .custom = &partition_known),
	FIELD(struct fact_slow, due_ns, "dueNs", FIELD_INSTANT, .flags = FIELD_NULL),
	FIELD(struct fact_slow, sent_ns, "sentNs", FIELD_INSTANT),
	FIELD(struct fact_slow, acknowledged_ns, "acknowledgedNs", FIELD_INSTANT,
	      .flags = FIELD_NULL),
	FIELD(struct fact_slow, received_ns, "receivedNs", FIELD_INSTANT, .flags = FIELD_NULL),
	FIELD(struct fact_slow, is_measured, "measured", FIELD_BOOL),
	FIELD(struct fact_slow, producer_agent, "producerAgent", FIELD_CUSTOM,
	      .custom = &producer_agent_known),
	FIELD(struct fact_slow, consumer_agent, "consumerAgent", FIELD_CUSTOM,
	      .custom = &consumer_agent_known),
	FIELD(struct fact_slow, consumer_generation, "consumerGeneration", FIELD_CUSTOM,
	      .custom = &consumer_generation_known),
	FIELD(struct fact_slow, subscription, "subscription", FIELD_CHARS, .flags = FIELD_NULL),
};
const struct fields slow_fields = FIELDS(struct fact_slow, slow_items);

/* A list as the tables of fields know lists. */
struct rows {
	const struct fact_slow *items;
	size_t count;
};

static const struct field rows_field =
	FIELD(struct rows, items, "slowest", FIELD_ROWS, .of = &slow_fields,
              .count = offsetof(struct rows, count));

static bool write_list(const struct fact_slow_list *list, struct fields_out *out)
{
	const struct rows rows = { list->items, list->count };

	if (list->count > 0)
		fields_write_value(&rows_field, &rows, out);
	return list->count > 0;
}

/* A run has one in each period: what they are read into goes at once. */
static bool read_list(const json_t *v, struct fact_slow_list *to, struct fields_in *in)
{
	struct arena scratch = { 0 };
	struct fields_in here = { .arena = &scratch, .origin_ns = in->origin_ns, .err = in->err };
	struct rows rows = { 0 };

	*to = (struct fact_slow_list){ .count = 0 };
	bool ok = v == NULL || fields_read_value(&rows_field, v, &rows, &here);
	if (ok && rows.count > FACT_SLOW_MAX)
		ok = error_set(in->err, ERROR_CONFIG, "slowest has more than %d", FACT_SLOW_MAX);
	if (ok && rows.count > 0) {
		memcpy(to->items, rows.items, rows.count * sizeof(*rows.items));
		to->count = rows.count;
	}
	arena_fini(&scratch);
	return ok;
}

#define LIST_OF(name, by)                                                             \
	static bool write_##name(const void *from, struct fields_out *out)            \
	{                                                                             \
		return write_list(&((const struct fact_slowest *)from)->of[by], out); \
	}                                                                             \
	static bool read_##name(const json_t *v, void *to, struct fields_in *in)      \
	{                                                                             \
		return read_list(v, &((struct fact_slowest *)to)->of[by], in);        \
	}                                                                             \
	static const struct field_custom name = { write_##name, read_##name }

LIST_OF(acknowledged, FACT_SLOW_ACKNOWLEDGED);
LIST_OF(received, FACT_SLOW_RECEIVED);

static const struct field slowest_items[] = {
	FIELD(struct fact_slowest, of, "acknowledged", FIELD_CUSTOM, .custom = &acknowledged),
	FIELD(struct fact_slowest, of, "received", FIELD_CUSTOM, .custom = &received),
};
const struct fields slowest_fields = FIELDS(struct fact_slowest, slowest_items);
