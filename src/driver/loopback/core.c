/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/core.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "driver/loopback/groups.h"
#include "driver/loopback/wire.h"
#include "util/xalloc.h"

/* A message that waits to change places with the next one does so no longer than this: without a
 * next one it would never be delivered. */
#define HOLD_NS            UINT64_C(1000000000)

#define TABLE_CAP_AT_FIRST 64

/* Over the life of a broker: more is a client gone wild. */
#define TOPICS_MAX         1000000

struct visible { /* records below `end` of this partition become visible */
	uint64_t visible_ns;
	struct loop_topic *topic;
	uint32_t partition;
	uint64_t end;
};

struct hold {
	uint64_t until_ns;
	struct loop_topic *topic;
	uint32_t partition;
	uint64_t number; /* what is held under another one now is none of its business */
};

struct loop_core {
	struct loop_script script;
	struct loop_timeline timeline;
	struct loop_counts counts;
	int64_t wall_offset_ns;
	struct loop_pool pool;
	struct loop_queue acks;     /* struct loop_ack, by ack_ns */
	struct loop_queue visible;  /* struct visible, by visible_ns */
	struct loop_queue holds;    /* struct hold, by until_ns */
	uint64_t held;              /* so many were ever held */
	uint64_t last_visible_ns;   /* keeps `visible` in order */
	struct loop_list ready;     /* members */
	struct loop_topic **topics; /* owned, deleted ones included */
	size_t topics_count, topics_cap;
	uint64_t partitions_count; /* of topics that are not deleted */
	struct loop_topic **table; /* by name: open addressing, NULL = free */
	size_t table_cap;          /* a power of two; never more than half full */
};

struct loop_core *loop_core_create(const struct loop_script *script, uint64_t now_ns,
                                   int64_t wall_offset_ns)
{
	struct loop_core *core = xcalloc(1, sizeof(*core));

	core->script = *script;
	core->timeline.faults = faults_create(script->faults, script->faults_count,
	                                      script->fault_seed, script->load_start_ns, now_ns);
	core->wall_offset_ns = wall_offset_ns;
	core->table_cap = TABLE_CAP_AT_FIRST;
	core->table = xcalloc(core->table_cap, sizeof(struct loop_topic *));
	loop_queue_init(&core->acks, sizeof(struct loop_ack));
	loop_queue_init(&core->visible, sizeof(struct visible));
	loop_queue_init(&core->holds, sizeof(struct hold));
	loop_list_init(&core->ready);
	return core;
}

void loop_core_destroy(struct loop_core *core)
{
	if (core == NULL)
		return;
	for (size_t i = 0; i < core->topics_count; i++) {
		loop_topic_empty(core->topics[i], &core->pool);
		free(core->topics[i]->name);
		free(core->topics[i]);
	}
	free(core->topics);
	free(core->table);
	loop_queue_fini(&core->acks);
	loop_queue_fini(&core->visible);
	loop_queue_fini(&core->holds);
	loop_pool_fini(&core->pool);
	faults_destroy(core->timeline.faults);
	free(core);
}

const struct loop_counts *loop_core_counts(const struct loop_core *core)
{
	return &core->counts;
}

/* --- topics ------------------------------------------------------------------------------------ */

/* FNV-1a. */
static uint64_t hash(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* Where the topic is, or would be.  Deleted topics keep their place so that searches go on. */
static struct loop_topic **slot_of(const struct loop_core *core, const char *name)
{
	size_t at = hash(name, strlen(name)) & (core->table_cap - 1);

	while (core->table[at] != NULL && strcmp(core->table[at]->name, name) != 0)
		at = (at + 1) & (core->table_cap - 1);
	return &core->table[at];
}

static void grow_table(struct loop_core *core)
{
	struct loop_topic **old = core->table;
	size_t old_cap = core->table_cap;

	core->table_cap *= 2;
	core->table = xcalloc(core->table_cap, sizeof(struct loop_topic *));
	for (size_t i = 0; i < old_cap; i++)
		if (old[i] != NULL && !old[i]->is_deleted)
			*slot_of(core, old[i]->name) = old[i];
	free(old);
}

static void keep_topic(struct loop_core *core, struct loop_topic *topic)
{
	if (core->topics_count == core->topics_cap) {
		core->topics_cap = core->topics_cap == 0 ? 64 : 2 * core->topics_cap;
		core->topics =
			xrealloc(core->topics, core->topics_cap * sizeof(struct loop_topic *));
	}
	core->topics[core->topics_count++] = topic;
	if (2 * core->topics_count > core->table_cap)
		grow_table(core);
	*slot_of(core, topic->name) = topic; /* in place of a deleted one of the same name, too */
}

struct loop_topic *loop_core_topic(struct loop_core *core, const char *name)
{
	struct loop_topic *topic = *slot_of(core, name);

	return topic != NULL && !topic->is_deleted ? topic : NULL;
}

uint32_t loop_topic_partitions(const struct loop_topic *topic)
{
	return topic->partitions_count;
}

bool loop_core_create_topic(struct loop_core *core, const char *name, uint32_t partitions,
                            struct error *err)
{
	struct loop_topic *topic = loop_core_topic(core, name);

	if (topic != NULL && topic->partitions_count != partitions)
		return error_set(err, ERROR_BROKER, "topic %s exists with %u partitions, not %u",
		                 name, topic->partitions_count, partitions);
	if (topic != NULL)
		return true;
	if (partitions == 0 || partitions > LOOP_PARTITIONS_MAX - core->partitions_count)
		return error_set(err, ERROR_BROKER,
		                 "topic %s: %u partitions are outside 1..%" PRIu64, name,
		                 partitions, LOOP_PARTITIONS_MAX - core->partitions_count);
	if (core->topics_count == TOPICS_MAX)
		return error_set(err, ERROR_BROKER, "topic %s is one too many", name);

	topic = xcalloc(1, sizeof(*topic));
	topic->name = xstrdup(name);
	topic->partitions_count = partitions;
	topic->partitions = xcalloc(partitions, sizeof(*topic->partitions));
	core->partitions_count += partitions;
	keep_topic(core, topic);
	return true;
}

void loop_core_delete_topic(struct loop_core *core, const char *name)
{
	struct loop_topic *topic = loop_core_topic(core, name);

	if (topic == NULL)
		return;
	topic->is_deleted = true;
	core->partitions_count -= topic->partitions_count;
	loop_topic_disown_members(topic, &core->ready);
	loop_topic_empty(topic, &core->pool);
}

bool loop_core_delete_group(struct loop_core *core, const char *topic, const char *name)
{
	bool all = true;

	/* Deleted ones of the same name, too. */
	for (size_t i = 0; i < core->topics_count; i++) {
		struct loop_group *group = strcmp(core->topics[i]->name, topic) == 0
		                                   ? loop_topic_group(core->topics[i], name)
		                                   : NULL;
		if (group == NULL)
			continue;
		if (group->members_count > 0)
			all = false;
		else
			loop_topic_delete_group(core->topics[i], group, &core->pool);
	}
	return all;
}

void loop_core_list(const struct loop_core *core, const char *prefix, loop_name_fn *fn, void *to)
{
	size_t len = strlen(prefix);

	for (size_t i = 0; i < core->topics_count; i++) {
		const struct loop_topic *topic = core->topics[i];
		bool is_read = false;
		for (const struct loop_group *g = topic->groups; g != NULL; g = g->next) {
			is_read = is_read || g->members_count > 0;
			if (strncmp(g->name, prefix, len) == 0 && g->members_count == 0)
				fn(to, topic->name, g->name);
		}
		if (!topic->is_deleted && !is_read && strncmp(topic->name, prefix, len) == 0)
			fn(to, topic->name, NULL);
	}
}

/* --- messages in ------------------------------------------------------------------------------- */

bool loop_core_has_room(const struct loop_core *core, uint32_t len)
{
	/* Twice: the script may deliver it in two copies.  An empty broker takes a message of any
	 * size: it would wait for ever. */
	return core->pool.bytes == 0 ||
	       core->pool.bytes + 2 * loop_record_bytes(len) <= core->script.max_bytes;
}

static uint32_t pick_partition(const struct loop_incoming *in)
{
	struct loop_topic *topic = in->topic;

	if (in->partition >= 0)
		return (uint32_t)in->partition % topic->partitions_count;
	if (in->key != NULL)
		return (uint32_t)(hash(in->key, in->key_len) % topic->partitions_count);
	return topic->next_partition++ % topic->partitions_count;
}

/* From visible_ns on, consumers see all that is in the partition now. */
static void publish(struct loop_core *core, struct loop_topic *topic, uint32_t partition,
                    uint64_t visible_ns)
{
	struct visible *last = loop_queue_last(&core->visible);

	if (visible_ns < core->last_visible_ns)
		visible_ns = core->last_visible_ns;
	core->last_visible_ns = visible_ns;
	if (last == NULL || last->topic != topic || last->partition != partition ||
	    last->visible_ns != visible_ns) {
		last = loop_queue_push(&core->visible);
		*last = (struct visible){ visible_ns, topic, partition, 0 };
	}
	last->end = topic->partitions[partition].log.end;
}

static uint32_t tail_bytes(const struct loop_incoming *in)
{
	return loop_tail_bytes(in->key != NULL, in->key_len, in->headers_len);
}

/* Payload and tail have their lengths. */
static void fill(const struct loop_core *core, struct loop_record *record,
                 const struct loop_incoming *in, uint64_t now_ns)
{
	const struct loop_tail tail = {
		.key = in->key,
		.headers = in->headers,
		.key_len = in->key_len,
		.headers_len = in->headers_len,
	};

	record->broker_ms = ((int64_t)now_ns + core->wall_offset_ns) / 1000000;
	memcpy(record->payload, in->payload, in->payload_len);
	if (record->tail_len > 0)
		loop_tail_write(&tail, record->payload + in->payload_len);
}

static struct loop_record *store(struct loop_core *core, struct loop_partition *part,
                                 const struct loop_incoming *in, uint64_t now_ns)
{
	struct loop_record *record =
		loop_log_append(&part->log, &core->pool, in->payload_len, tail_bytes(in));

	fill(core, record, in, now_ns);
	core->counts.stored++;
	return record;
}

/* An accepted message on its way into its partition, and what the script does to it there. */
struct arrival {
	const struct loop_incoming *in;
	struct fault_subject who;
	unsigned faults;
	uint32_t partition;
	uint64_t visible_ns, now_ns;
};

static struct loop_partition *partition_of(const struct arrival *a)
{
	return &a->in->topic->partitions[a->partition];
}

static struct fault_event event_of(enum fault_kind kind, const struct arrival *a)
{
	return (struct fault_event){
		.kind = kind,
		.topic = a->in->topic->name,
		.partition = (int32_t)a->partition,
		.offset = -1,
		.who = a->who,
	};
}

static void tell(const struct loop_core *core, enum fault_kind kind, const struct arrival *a)
{
	struct fault_event event = event_of(kind, a);

	fault_log_add(core->script.fault_log, &event);
}

/* Where the held one of its producer is, or would be. */
static struct loop_held **held_like(const struct arrival *a)
{
	struct loop_held **at = &partition_of(a)->held;

	while (*at != NULL && !fault_subjects_are_alike(&(*at)->who, &a->who))
		at = &(*at)->next;
	return at;
}

/* The message that was kept back goes behind all that is in its partition now. */
static void release_hold(struct loop_core *core, struct loop_partition *part, struct loop_held **at)
{
	struct loop_held *held = *at;
	const struct loop_record *from = held->record;
	struct loop_record *record =
		loop_log_append(&part->log, &core->pool, from->payload_len, from->tail_len);

	record->broker_ms = from->broker_ms;
	memcpy(record->payload, from->payload, (size_t)from->payload_len + from->tail_len);
	core->counts.stored++;
	*at = held->next;
	loop_held_destroy(held);
}

static void hold_back(struct loop_core *core, const struct arrival *a)
{
	uint32_t tail_len = tail_bytes(a->in);
	struct loop_held *held = xcalloc(1, sizeof(*held));
	struct hold *hold = loop_queue_push(&core->holds);

	held->number = ++core->held;
	held->who = a->who;
	held->record = xmalloc(sizeof(*held->record) + a->in->payload_len + tail_len);
	held->record->payload_len = a->in->payload_len;
	held->record->tail_len = tail_len;
	fill(core, held->record, a->in, a->now_ns);
	*held_like(a) = held;
	*hold = (struct hold){ a->now_ns + HOLD_NS, a->in->topic, a->partition, held->number };
}

/* The message `a` has overtaken it. */
static void overtake(struct loop_core *core, const struct arrival *a, struct loop_held **at)
{
	struct fault_event event = event_of(FAULT_REORDER, a);

	event.who = (*at)->who;
	event.overtaken_by = a->who;
	fault_log_add(core->script.fault_log, &event);
	core->counts.reordered++;
	release_hold(core, partition_of(a), at);
}

static void damage(struct loop_core *core, const struct arrival *a, struct loop_record *record)
{
	struct loop_counts *counts = &core->counts;

	/* Which byte is spoiled is read from the stamp: it is damaged last. */
	if (a->faults & FAULT_BIT(FAULT_SPOIL) &&
	    fault_damage(FAULT_SPOIL, record->payload, record->payload_len)) {
		counts->spoiled++;
		tell(core, FAULT_SPOIL, a);
	}
	if (a->faults & FAULT_BIT(FAULT_CORRUPT) &&
	    fault_damage(FAULT_CORRUPT, record->payload, record->payload_len)) {
		counts->corrupted++;
		tell(core, FAULT_CORRUPT, a);
	}
}

/* Puts it where consumers will find it, less what the script does to it. */
static void deliver(struct loop_core *core, const struct arrival *a)
{
	struct loop_partition *part = partition_of(a);
	struct loop_counts *counts = &core->counts;

	if (a->faults & FAULT_BIT(FAULT_LOSE)) {
		counts->lost++;
		tell(core, FAULT_LOSE, a);
		return;
	}
	if (a->in->topic->groups == NULL)
		return;
	struct loop_held **held = held_like(a);
	if (a->faults & FAULT_BIT(FAULT_REORDER) && *held == NULL) {
		hold_back(core, a);
		return;
	}

	damage(core, a, store(core, part, a->in, a->now_ns));
	if (a->faults & FAULT_BIT(FAULT_DUPLICATE)) {
		store(core, part, a->in, a->now_ns);
		counts->duplicated++;
		tell(core, FAULT_DUPLICATE, a);
	}
	if (*held != NULL)
		overtake(core, a, held);
	publish(core, a->in->topic, a->partition, a->visible_ns);
}

static unsigned strike(struct loop_core *core, struct arrival *a)
{
	unsigned struck = 0;

	if (core->script.faults_count == 0)
		return 0;
	a->who = fault_subject(a->in->payload, a->in->payload_len);
	faults_strike_each(core->timeline.faults, &a->who, 1, a->now_ns, &struck);
	return struck;
}

static void accept(struct loop_core *core, const struct arrival *a)
{
	if (a->faults & FAULT_BIT(FAULT_DENY))
		tell(core, FAULT_DENY, a);
	if (a->faults & FAULT_BIT(FAULT_ERROR))
		tell(core, FAULT_ERROR, a);
	else
		deliver(core, a);
}

enum loop_append_status loop_core_append(struct loop_core *core, const struct loop_incoming *in,
                                         uint64_t now_ns, struct loop_receipt *out)
{
	struct loop_topic *topic = in->topic;

	if (!loop_core_has_room(core, in->payload_len + tail_bytes(in)))
		return LOOP_FULL;

	struct arrival a = { .in = in, .now_ns = now_ns };
	a.faults = strike(core, &a);
	bool refused = topic->is_deleted || a.faults & FAULTS_OF_ANSWERS;
	struct loop_due due = loop_script_receive(&core->script, &core->timeline, now_ns);
	a.visible_ns = due.visible_ns;
	if (!topic->is_deleted) {
		a.partition = pick_partition(in);
		accept(core, &a);
	}
	core->counts.accepted++;
	core->counts.refused += refused;

	struct loop_ack *ack = loop_queue_push(&core->acks);
	*ack = (struct loop_ack){ due.ack_ns, in->owner, (int32_t)a.partition, !refused };
	*out = (struct loop_receipt){
		.ack_ns = due.ack_ns,
		.partition = (int32_t)a.partition,
		.drop_connection = faults_close(core->timeline.faults, now_ns),
	};
	return LOOP_APPENDED;
}

/* Both acknowledgements and deliveries stop in a stall of the broker, also those that were due
 * before it was known that there would be one. */
static bool is_standing_still(const struct loop_core *core, uint64_t now_ns, uint64_t *end_ns)
{
	*end_ns = faults_stall_end_ns(core->timeline.faults, FAULT_STALL, now_ns);
	return *end_ns > now_ns;
}

bool loop_core_take_ack(struct loop_core *core, uint64_t now_ns, struct loop_ack *out)
{
	const struct loop_ack *first = loop_queue_first(&core->acks);
	uint64_t end_ns;

	if (first == NULL || first->ack_ns > now_ns || is_standing_still(core, now_ns, &end_ns))
		return false;
	*out = *first;
	loop_queue_pop(&core->acks);
	return true;
}

/* --- messages out ------------------------------------------------------------------------------ */

/* Nothing has overtaken it. */
static void end_hold(struct loop_core *core, const struct hold *hold, uint64_t now_ns)
{
	struct loop_partition *part = &hold->topic->partitions[hold->partition];
	struct loop_held **at = &part->held;

	while (*at != NULL && (*at)->number != hold->number)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	release_hold(core, part, at);
	publish(core, hold->topic, hold->partition, now_ns);
}

static void end_holds(struct loop_core *core, uint64_t now_ns)
{
	const struct hold *hold;

	while ((hold = loop_queue_first(&core->holds)) != NULL && hold->until_ns <= now_ns) {
		if (!hold->topic->is_deleted)
			end_hold(core, hold, now_ns);
		loop_queue_pop(&core->holds);
	}
}

/* Lets time pass: what has become due becomes visible. */
static void advance(struct loop_core *core, uint64_t now_ns)
{
	const struct visible *v;

	end_holds(core, now_ns);
	while ((v = loop_queue_first(&core->visible)) != NULL && v->visible_ns <= now_ns) {
		if (!v->topic->is_deleted)
			loop_topic_show(v->topic, v->partition, v->end, &core->ready);
		loop_queue_pop(&core->visible);
	}
}

struct loop_member *loop_core_join(struct loop_core *core, struct loop_topic *topic,
                                   const char *group, void *owner)
{
	return loop_topic_join(topic, group, owner, &core->ready);
}

void loop_core_leave(struct loop_core *core, struct loop_member *member)
{
	loop_member_leave(member, &core->ready);
}

struct loop_member *loop_core_take_ready(struct loop_core *core, uint64_t now_ns)
{
	uint64_t end_ns;

	if (is_standing_still(core, now_ns, &end_ns))
		return NULL;
	advance(core, now_ns);
	return loop_member_of(loop_list_take_first(&core->ready));
}

bool loop_core_fetch(struct loop_core *core, struct loop_member *member, uint64_t now_ns,
                     struct loop_delivery *out)
{
	uint64_t end_ns;

	if (is_standing_still(core, now_ns, &end_ns)) {
		loop_member_mark_ready(member, &core->ready); /* for the end of the stall */
		return false;
	}
	advance(core, now_ns);
	return loop_member_next(member, out);
}

void loop_core_commit(struct loop_core *core, struct loop_member *member, uint32_t partition,
                      uint64_t offset)
{
	loop_member_commit(member, partition, offset, &core->pool);
}

/* --- time -------------------------------------------------------------------------------------- */

bool loop_core_refuses_sends(const struct loop_core *core, uint64_t now_ns)
{
	return faults_stall_end_ns(core->timeline.faults, FAULT_BUSY, now_ns) > now_ns;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

uint64_t loop_core_next_event_ns(const struct loop_core *core, uint64_t now_ns)
{
	const struct loop_ack *ack = loop_queue_first(&core->acks);
	const struct visible *visible = loop_queue_first(&core->visible);
	const struct hold *hold = loop_queue_first(&core->holds);
	uint64_t next_ns;

	if (is_standing_still(core, now_ns, &next_ns))
		return next_ns;
	if (!loop_list_is_empty(&core->ready))
		return now_ns;
	next_ns = earlier(faults_stall_edge_ns(core->timeline.faults, FAULT_STALL, now_ns),
	                  faults_stall_edge_ns(core->timeline.faults, FAULT_BUSY, now_ns));
	if (ack != NULL)
		next_ns = earlier(next_ns, ack->ack_ns);
	if (visible != NULL)
		next_ns = earlier(next_ns, visible->visible_ns);
	if (hold != NULL)
		next_ns = earlier(next_ns, hold->until_ns);
	return next_ns;
}
