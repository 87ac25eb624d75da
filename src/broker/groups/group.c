/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/groups/group.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/groups/group_members.h"
#include "kafka/wire.h"
#include "util/text.h"
#include "util/xalloc.h"

/* How long a rebalance waits for a client to come back with the id that it was given. */
#define PENDING_HOLD_NS   UINT64_C(500000000)

/* More subscribed topics than this are not listed: the group then reads all topics. */
#define TOPICS_LISTED_MAX 100000

struct group *group_create(struct group_shared *shared, struct kafka_string id)
{
	struct group *g = xcalloc(1, sizeof(*g));

	g->shared = shared;
	g->id = xstrndup(id.data, id.len);
	g->id_len = id.len;
	g->next_ns = UINT64_MAX;
	return g;
}

void group_destroy(struct group *g)
{
	if (!g)
		return;
	assert(!g->waiting.first);
	while (g->member_count > 0)
		members_remove(g, g->members[g->member_count - 1]);
	while (g->pending_count > 0)
		pending_take(g, kafka_string_of(g->pending[0].id));
	offsets_fini(&g->offsets, &g->shared->budget);
	free(g->members);
	free(g->pending);
	free(g->topics);
	free(g->protocol_type);
	free(g->protocol);
	free(g->id);
	free(g);
}

const char *group_state_name(enum group_state state)
{
	switch (state) {
	case GROUP_EMPTY:
		return "Empty";
	case GROUP_PREPARING:
		return "PreparingRebalance";
	case GROUP_COMPLETING:
		return "CompletingRebalance";
	case GROUP_STABLE:
		return "Stable";
	}
	abort();
}

void group_say(const struct group *g, const char *fmt, ...)
{
	struct text text = { 0 };
	va_list ap;

	if (!g->shared->notice)
		return;
	text_addf(&text, "group %.128s: ", g->id);
	va_start(ap, fmt);
	text_vaddf(&text, fmt, ap);
	va_end(ap);
	/* Names are foreign, and this goes to a terminal. */
	for (char *c = text.data; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	g->shared->notice(g->shared->notice_context, text_str(&text));
	text_fini(&text);
}

bool group_is_idle(const struct group *g)
{
	return g->member_count == 0 && g->pending_count == 0 && g->offsets.count == 0;
}

struct group_member *group_member_numbered(const struct group *g, uint64_t number)
{
	for (size_t i = 0; i < g->member_count; i++) {
		if (g->members[i]->number == number)
			return g->members[i];
	}
	return NULL;
}

struct kafka_string group_metadata(const struct group *g, const struct group_member *m)
{
	struct kafka_string chosen = kafka_string_of(g->protocol);

	for (size_t i = 0; g->protocol && i < m->protocol_count; i++) {
		if (kafka_string_compare(m->protocols[i].name, chosen) == 0)
			return m->protocols[i].metadata;
	}
	return kafka_string_of("");
}

/* ---- Deadlines ---- */

static void lower(uint64_t *next_ns, uint64_t at_ns)
{
	if (at_ns < *next_ns)
		*next_ns = at_ns;
}

static void start_session(struct group *g, struct group_member *m, uint64_t now_ns)
{
	m->deadline_ns = now_ns + m->session_ns;
	lower(&g->next_ns, m->deadline_ns);
}

/* A request of it is under way: it lives. */
static bool is_waiting(const struct group *g, const struct group_member *m)
{
	return (g->state == GROUP_PREPARING && m->joined) ||
	       (g->state == GROUP_COMPLETING && m->synced);
}

static uint64_t longest_rebalance_ns(const struct group *g)
{
	uint64_t longest_ns = 0;

	for (size_t i = 0; i < g->member_count; i++) {
		if (g->members[i]->rebalance_ns > longest_ns)
			longest_ns = g->members[i]->rebalance_ns;
	}
	return longest_ns;
}

static void find_next(struct group *g, uint64_t now_ns)
{
	g->next_ns = UINT64_MAX;
	for (size_t i = 0; i < g->member_count; i++) {
		if (!is_waiting(g, g->members[i]))
			lower(&g->next_ns, g->members[i]->deadline_ns);
	}
	for (size_t i = 0; i < g->pending_count; i++) {
		lower(&g->next_ns, g->pending[i].deadline_ns);
		if (g->state == GROUP_PREPARING && g->pending[i].hold_ns > now_ns)
			lower(&g->next_ns, g->pending[i].hold_ns);
	}
	if (g->state == GROUP_PREPARING || g->state == GROUP_COMPLETING)
		lower(&g->next_ns, g->limit_ns);
	if (g->state == GROUP_PREPARING && g->hold_ns > now_ns)
		lower(&g->next_ns, g->hold_ns);
}

/* ---- Rebalances ---- */

static void drop_member(struct group *g, struct group_member *m, const char *why)
{
	group_say(g, "member %s left%s", m->id, why);
	if (is_waiting(g, m))
		g->wake = true;
	members_remove(g, m);
}

/* All members are to join again. */
static void prepare(struct group *g, uint64_t now_ns)
{
	bool first = g->state == GROUP_EMPTY;

	assert(g->state != GROUP_PREPARING);
	for (size_t i = 0; i < g->member_count; i++) {
		struct group_member *m = g->members[i];
		if (is_waiting(g, m)) {
			start_session(g, m, now_ns);
			g->wake = true;
		}
		m->joined = m->synced = false;
	}
	g->state = GROUP_PREPARING;
	g->hold_ns = first ? now_ns + g->shared->initial_delay_ns : 0;
	g->limit_ns = now_ns + longest_rebalance_ns(g);
	lower(&g->next_ns, g->limit_ns);
}

static void become_empty(struct group *g)
{
	g->generation++;
	g->state = GROUP_EMPTY;
	free(g->protocol);
	g->protocol = NULL;
	group_say(g, "empty");
}

/* The leader stays while it lives and joins; after it comes the longest member. */
static bool elect(struct group *g)
{
	if (g->leader && g->leader->joined)
		return true;
	for (size_t i = 0; i < g->member_count; i++) {
		if (g->members[i]->joined) {
			g->leader = g->members[i];
			return true;
		}
	}
	return false;
}

static void begin_generation(struct group *g, uint64_t now_ns)
{
	struct kafka_string chosen = members_choose(g);

	g->generation++;
	free(g->protocol);
	g->protocol = xstrndup(chosen.data, chosen.len);
	g->state = GROUP_COMPLETING;
	g->limit_ns = now_ns + longest_rebalance_ns(g);
	lower(&g->next_ns, g->limit_ns);
	for (size_t i = 0; i < g->member_count; i++) {
		struct group_member *m = g->members[i];
		/* Also of those whose connection died while they waited: they are not answered,
		 * and end with their session. */
		if (m->joined)
			start_session(g, m, now_ns);
		m->joined = m->synced = false;
		members_assign(g, m, (struct kafka_string){ 0 });
	}
	g->wake = true;
}

/* Joining is over.  A static member may be away until its session ends, as on Kafka. */
static void complete(struct group *g, uint64_t now_ns)
{
	for (size_t i = g->member_count; i-- > 0;) {
		struct group_member *m = g->members[i];
		if (!m->joined && !m->instance_id)
			drop_member(g, m, " (did not join again)");
	}
	if (g->member_count == 0) {
		become_empty(g);
	} else if (elect(g)) {
		begin_generation(g, now_ns);
	} else {
		g->limit_ns = now_ns + longest_rebalance_ns(g);
		lower(&g->next_ns, g->limit_ns);
	}
}

static bool all_joined(const struct group *g)
{
	for (size_t i = 0; i < g->member_count; i++) {
		if (!g->members[i]->joined)
			return false;
	}
	return true;
}

static bool is_held(struct group *g, uint64_t now_ns)
{
	uint64_t until_ns = g->hold_ns;

	if (g->member_count == 0)
		return false;
	for (size_t i = 0; i < g->pending_count; i++) {
		if (g->pending[i].hold_ns > until_ns)
			until_ns = g->pending[i].hold_ns;
	}
	if (until_ns > now_ns)
		lower(&g->next_ns, until_ns);
	return until_ns > now_ns;
}

static void maybe_complete(struct group *g, uint64_t now_ns)
{
	if (g->state != GROUP_PREPARING)
		return;
	if (now_ns >= g->limit_ns || (all_joined(g) && !is_held(g, now_ns)))
		complete(g, now_ns);
}

/* Somebody came, changed or left. */
static void rebalance(struct group *g, uint64_t now_ns)
{
	if (g->state != GROUP_PREPARING)
		prepare(g, now_ns);
	maybe_complete(g, now_ns);
}

void group_tick(struct group *g, uint64_t now_ns)
{
	bool changed = false;

	if (now_ns < g->next_ns)
		return;
	for (size_t i = g->pending_count; i-- > 0;) {
		if (g->pending[i].deadline_ns <= now_ns)
			pending_take(g, kafka_string_of(g->pending[i].id));
	}
	bool late = g->state == GROUP_COMPLETING && now_ns >= g->limit_ns;
	for (size_t i = g->member_count; i-- > 0;) {
		struct group_member *m = g->members[i];
		bool silent = !is_waiting(g, m) && m->deadline_ns <= now_ns;
		if (!silent && !(late && !m->synced))
			continue;
		drop_member(g, m, silent ? " (session timeout)" : " (sent no SyncGroup)");
		changed = true;
	}
	if (changed)
		rebalance(g, now_ns);
	else
		maybe_complete(g, now_ns);
	find_next(g, now_ns);
}

/* ---- Requests ---- */

static void wait_to_join(struct group *g, struct group_member *m, uint64_t now_ns)
{
	if (g->state != GROUP_PREPARING)
		prepare(g, now_ns);
	m->joined = true;
	maybe_complete(g, now_ns);
}

static int16_t join_new(struct group *g, const struct group_join *join, struct kafka_string id,
                        uint64_t now_ns, struct group_member **out)
{
	struct group_member *m = members_add(g, join, id);

	if (!m)
		return KAFKA_GROUP_MAX_SIZE_REACHED;
	if (g->state == GROUP_EMPTY) {
		free(g->protocol_type);
		g->protocol_type = xstrndup(join->protocol_type.data, join->protocol_type.len);
	}
	*out = m;
	wait_to_join(g, m, now_ns);
	return KAFKA_NONE;
}

/* A new member: it may have to come back with its id first. */
static int16_t join_unknown(struct group *g, const struct group_join *join, uint64_t now_ns,
                            struct group_member **out)
{
	if (!join->id_required || join->instance_id.data)
		return join_new(g, join, kafka_string_of(join->new_id), now_ns, out);
	if (!pending_add(g, join->new_id, now_ns + PENDING_HOLD_NS, now_ns + join->session_ns))
		return KAFKA_GROUP_MAX_SIZE_REACHED;
	lower(&g->next_ns, now_ns + join->session_ns);
	return KAFKA_MEMBER_ID_REQUIRED;
}

static int16_t join_again(struct group *g, struct group_member *m, const struct group_join *join,
                          uint64_t now_ns, struct group_member **out)
{
	bool same = members_same_protocols(m, join);

	assert(g->state != GROUP_EMPTY);
	/* Its answer was lost, or there is nothing new about a follower: the group stays as it is.
	 * A leader that joins a stable group wants the partitions to be assigned anew. */
	bool keep = same &&
	            (g->state == GROUP_COMPLETING || (g->state == GROUP_STABLE && m != g->leader));

	if (!members_update(g, m, join))
		return KAFKA_GROUP_MAX_SIZE_REACHED;
	if (is_waiting(g, m))
		g->wake = true; /* whoever waits for it on an older connection */
	*out = m;
	if (keep) {
		start_session(g, m, now_ns);
		return KAFKA_NONE;
	}
	wait_to_join(g, m, now_ns);
	return KAFKA_NONE;
}

/* A static member has started anew: it takes the place of its former self, with its partitions. */
static int16_t join_replace(struct group *g, struct group_member *m, const struct group_join *join,
                            uint64_t now_ns, struct group_member **out)
{
	bool keep = g->state == GROUP_STABLE && members_same_protocols(m, join);

	if (!members_update(g, m, join) || !members_rename(g, m, join->new_id))
		return KAFKA_GROUP_MAX_SIZE_REACHED;
	if (is_waiting(g, m))
		g->wake = true;
	m->joined = m->synced = false;
	*out = m;
	if (keep) {
		start_session(g, m, now_ns);
		return KAFKA_NONE;
	}
	wait_to_join(g, m, now_ns);
	return KAFKA_NONE;
}

static bool protocols_fit(const struct group *g, const struct group_join *join,
                          const struct group_member *except)
{
	if (join->protocol_type.len == 0 || join->protocol_count == 0 ||
	    join->protocol_count > GROUP_PROTOCOLS_MAX)
		return false;
	if (g->state == GROUP_EMPTY)
		return true;
	return kafka_string_compare(kafka_string_of(g->protocol_type), join->protocol_type) == 0 &&
	       members_support(g, join, except);
}

static int16_t join_any(struct group *g, const struct group_join *join, uint64_t now_ns,
                        struct group_member **out)
{
	struct group_member *m = NULL, *same = NULL;

	if (join->instance_id.data)
		same = members_find_instance(g, join->instance_id);
	if (join->member_id.len > 0) {
		m = members_find(g, join->member_id);
		if (same && same != m)
			return KAFKA_FENCED_INSTANCE_ID;
	}
	if (!protocols_fit(g, join, m ? m : same))
		return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
	if (m)
		return join_again(g, m, join, now_ns, out);
	if (join->member_id.len > 0) {
		if (!pending_take(g, join->member_id))
			return KAFKA_UNKNOWN_MEMBER_ID;
		return join_new(g, join, join->member_id, now_ns, out);
	}
	if (same)
		return join_replace(g, same, join, now_ns, out);
	return join_unknown(g, join, now_ns, out);
}

int16_t group_join(struct group *g, const struct group_join *join, uint64_t now_ns,
                   struct group_member **out)
{
	*out = NULL;

	int16_t code = join_any(g, join, now_ns, out);
	if (*out)
		(*out)->ticket = ++g->shared->numbers;
	return code;
}

static int16_t find_sender(const struct group *g, const struct group_sender *sender,
                           struct group_member **out)
{
	struct group_member *m = members_find(g, sender->member_id);

	if (sender->instance_id.data) {
		const struct group_member *same = members_find_instance(g, sender->instance_id);
		if (same && same != m)
			return KAFKA_FENCED_INSTANCE_ID;
	}
	if (!m)
		return KAFKA_UNKNOWN_MEMBER_ID;
	if (sender->generation != g->generation)
		return KAFKA_ILLEGAL_GENERATION;
	*out = m;
	return KAFKA_NONE;
}

static int16_t assign(struct group *g, const struct group_assignment *assignments, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct group_member *m = members_find(g, assignments[i].member_id);
		if (m && !members_assign(g, m, assignments[i].data))
			return KAFKA_UNKNOWN_SERVER_ERROR;
	}
	return KAFKA_NONE;
}

static void become_stable(struct group *g, uint64_t now_ns)
{
	for (size_t i = 0; i < g->member_count; i++) {
		struct group_member *m = g->members[i];
		if (m->synced)
			start_session(g, m, now_ns);
		m->synced = false;
	}
	g->state = GROUP_STABLE;
	g->wake = true;
	group_say(g, "%zu member%s, generation %" PRId32, g->member_count,
	          g->member_count == 1 ? "" : "s", g->generation);
}

int16_t group_sync(struct group *g, const struct group_sender *sender,
                   const struct group_assignment *assignments, size_t count, uint64_t now_ns,
                   struct group_member **out)
{
	int16_t code = find_sender(g, sender, out);

	if (code != KAFKA_NONE)
		return code;
	if (g->state == GROUP_PREPARING)
		return KAFKA_REBALANCE_IN_PROGRESS;

	struct group_member *m = *out;
	start_session(g, m, now_ns);
	if (g->state == GROUP_STABLE)
		return KAFKA_NONE;
	m->synced = true;
	if (m != g->leader)
		return KAFKA_NONE;
	code = assign(g, assignments, count);
	if (code != KAFKA_NONE) {
		m->synced = false;
		return code;
	}
	become_stable(g, now_ns);
	return KAFKA_NONE;
}

int16_t group_heartbeat(struct group *g, const struct group_sender *sender, uint64_t now_ns)
{
	struct group_member *m = NULL;
	int16_t code = find_sender(g, sender, &m);

	if (code != KAFKA_NONE)
		return code;
	start_session(g, m, now_ns);
	return g->state == GROUP_PREPARING ? KAFKA_REBALANCE_IN_PROGRESS : KAFKA_NONE;
}

int16_t group_leave(struct group *g, struct kafka_string member_id, uint64_t now_ns)
{
	if (pending_take(g, member_id)) {
		maybe_complete(g, now_ns);
		return KAFKA_NONE;
	}

	struct group_member *m = members_find(g, member_id);
	if (!m)
		return KAFKA_UNKNOWN_MEMBER_ID;
	drop_member(g, m, "");
	rebalance(g, now_ns);
	return KAFKA_NONE;
}

int16_t group_may_commit(struct group *g, const struct group_sender *sender, uint64_t now_ns)
{
	struct group_member *m = NULL;

	/* Consumers that are assigned their partitions by hand only store offsets. */
	if (sender->generation < 0 && g->state == GROUP_EMPTY)
		return KAFKA_NONE;

	int16_t code = find_sender(g, sender, &m);
	if (code != KAFKA_NONE)
		return code;
	if (g->state == GROUP_COMPLETING)
		return KAFKA_REBALANCE_IN_PROGRESS;
	start_session(g, m, now_ns);
	return KAFKA_NONE;
}

/* ---- Subscriptions ---- */

static int compare_topics(const void *a, const void *b)
{
	return kafka_string_compare(*(const struct kafka_string *)a,
	                            *(const struct kafka_string *)b);
}

/* ConsumerProtocolSubscription: version i16 | topics [string] | ...; false: too many. */
static bool list_topics(struct group *g, const struct group_member *m, size_t *cap)
{
	struct kafka_string metadata = m->protocols[0].metadata;
	struct reader r = reader_over(metadata.data, metadata.len);

	read_i16(&r);
	for (size_t left = read_count(&r, 2); left > 0; left--) {
		struct kafka_string topic = read_string(&r);
		if (r.broken)
			return true;
		if (g->topic_count == TOPICS_LISTED_MAX)
			return false;
		if (g->topic_count == *cap) {
			*cap = *cap > 0 ? 2 * *cap : 16;
			g->topics = xrealloc(g->topics, *cap * sizeof(*g->topics));
		}
		g->topics[g->topic_count++] = topic;
	}
	return true;
}

static void know_topics(struct group *g)
{
	size_t cap = 0;

	free(g->topics);
	g->topics = NULL;
	g->topic_count = 0;
	g->topics_all = false;
	g->topics_known = true;
	if (!g->protocol_type || strcmp(g->protocol_type, "consumer") != 0)
		return;
	for (size_t i = 0; i < g->member_count && !g->topics_all; i++)
		g->topics_all = !list_topics(g, g->members[i], &cap);
	if (g->topic_count > 0)
		qsort(g->topics, g->topic_count, sizeof(*g->topics), compare_topics);
}

bool group_subscribes(struct group *g, struct kafka_string topic)
{
	if (g->member_count == 0)
		return false;
	if (!g->topics_known)
		know_topics(g);
	return g->topics_all || (g->topic_count > 0 && bsearch(&topic, g->topics, g->topic_count,
	                                                       sizeof(*g->topics), compare_topics));
}

bool group_is_assigned(const struct group *g)
{
	return g->state == GROUP_STABLE && g->protocol_type &&
	       strcmp(g->protocol_type, "consumer") == 0;
}

/* An assignment: version (i16), then topics, each with its partitions (i32). */
bool group_owns(const struct group_member *m, struct kafka_string topic, int32_t partition)
{
	struct reader r = reader_over(m->assignment.data, m->assignment.len);

	read_i16(&r);
	for (size_t topics = read_count(&r, 6); topics > 0 && !r.broken; topics--) {
		bool same = kafka_string_compare(read_string(&r), topic) == 0;
		for (size_t parts = read_count(&r, 4); parts > 0 && !r.broken; parts--)
			if (read_i32(&r) == partition && same)
				return true;
	}
	return false;
}
