/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/groups/group_members.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

static bool is_id(const char *id, struct kafka_string s)
{
	return id && s.data && kafka_string_compare(kafka_string_of(id), s) == 0;
}

struct group_member *members_find(const struct group *g, struct kafka_string id)
{
	for (size_t i = 0; i < g->member_count; i++) {
		if (is_id(g->members[i]->id, id))
			return g->members[i];
	}
	return NULL;
}

struct group_member *members_find_instance(const struct group *g, struct kafka_string instance_id)
{
	for (size_t i = 0; i < g->member_count; i++) {
		if (is_id(g->members[i]->instance_id, instance_id))
			return g->members[i];
	}
	return NULL;
}

/* ---- Memory ---- */

/* What the protocols of `join` use. */
static size_t protocols_bytes(const struct group_join *join)
{
	size_t bytes = join->protocol_count * sizeof(struct group_protocol);

	for (size_t i = 0; i < join->protocol_count; i++)
		bytes += join->protocols[i].name.len + join->protocols[i].metadata.len;
	return bytes;
}

static struct kafka_string put(char **at, struct kafka_string s)
{
	struct kafka_string copy = { .data = *at, .len = s.len };

	if (s.len > 0)
		memcpy(*at, s.data, s.len);
	*at += s.len;
	return copy;
}

/* All protocols of a member stand in one block: the array, then the bytes it points to. */
static void copy_protocols(struct group_member *m, const struct group_join *join, size_t len)
{
	struct group_protocol *protocols = xmalloc(len);
	char *at = (char *)(protocols + join->protocol_count);

	for (size_t i = 0; i < join->protocol_count; i++) {
		protocols[i].name = put(&at, join->protocols[i].name);
		protocols[i].metadata = put(&at, join->protocols[i].metadata);
	}
	m->protocols = protocols;
	m->protocol_count = join->protocol_count;
	m->protocols_len = len;
}

/* What a member uses besides its protocols and its assignment. */
static size_t member_bytes(const struct group_member *m)
{
	return sizeof(*m) + strlen(m->id) + (m->instance_id ? strlen(m->instance_id) : 0) +
	       strlen(m->client_id) + strlen(m->client_host);
}

static void member_free(struct group_member *m)
{
	free(m->id);
	free(m->instance_id);
	free(m->client_id);
	free(m->client_host);
	free(m->protocols);
	free((void *)m->assignment.data);
	free(m);
}

static char *text_of(struct kafka_string s)
{
	return xstrndup(s.data ? s.data : "", s.len);
}

static bool is_full(const struct group *g)
{
	return g->member_count + g->pending_count >= g->shared->members_max;
}

struct group_member *members_add(struct group *g, const struct group_join *join,
                                 struct kafka_string id)
{
	if (is_full(g))
		return NULL;

	struct group_member *m = xcalloc(1, sizeof(*m));
	m->id = text_of(id);
	m->instance_id = join->instance_id.data ? text_of(join->instance_id) : NULL;
	m->client_id = text_of(join->client_id);
	m->client_host = xstrdup(join->client_host);
	if (!budget_take(&g->shared->budget, member_bytes(m))) {
		member_free(m);
		return NULL;
	}
	if (!members_update(g, m, join)) {
		budget_give(&g->shared->budget, member_bytes(m));
		member_free(m);
		return NULL;
	}
	m->number = ++g->shared->numbers;
	g->members = xrealloc(g->members, (g->member_count + 1) * sizeof(struct group_member *));
	g->members[g->member_count++] = m;
	return m;
}

bool members_update(struct group *g, struct group_member *m, const struct group_join *join)
{
	struct group_budget *budget = &g->shared->budget;
	size_t len = protocols_bytes(join);

	if (!budget_take(budget, len))
		return false;
	budget_give(budget, m->protocols_len);
	free(m->protocols);
	copy_protocols(m, join, len);
	m->session_ns = join->session_ns;
	m->rebalance_ns = join->rebalance_ns;
	g->topics_known = false;
	return true;
}

bool members_rename(struct group *g, struct group_member *m, const char *id)
{
	if (!budget_take(&g->shared->budget, strlen(id)))
		return false;
	budget_give(&g->shared->budget, strlen(m->id));
	free(m->id);
	m->id = xstrdup(id);
	m->number = ++g->shared->numbers;
	return true;
}

void members_remove(struct group *g, struct group_member *m)
{
	size_t i = 0;

	while (g->members[i] != m)
		i++;
	g->member_count--;
	memmove(&g->members[i], &g->members[i + 1],
	        (g->member_count - i) * sizeof(struct group_member *));
	if (g->leader == m)
		g->leader = NULL;
	g->topics_known = false;
	budget_give(&g->shared->budget, member_bytes(m) + m->protocols_len + m->assignment.len);
	member_free(m);
}

bool members_assign(struct group *g, struct group_member *m, struct kafka_string assignment)
{
	if (!budget_take(&g->shared->budget, assignment.len))
		return false;
	budget_give(&g->shared->budget, m->assignment.len);
	free((void *)m->assignment.data);
	m->assignment = kafka_string_copy(assignment);
	return true;
}

/* ---- Protocols ---- */

static const struct group_protocol *protocol_named(const struct group_member *m,
                                                   struct kafka_string name)
{
	for (size_t i = 0; i < m->protocol_count; i++) {
		if (kafka_string_compare(m->protocols[i].name, name) == 0)
			return &m->protocols[i];
	}
	return NULL;
}

static bool all_support(const struct group *g, struct kafka_string name,
                        const struct group_member *except)
{
	for (size_t i = 0; i < g->member_count; i++) {
		if (g->members[i] != except && !protocol_named(g->members[i], name))
			return false;
	}
	return true;
}

bool members_support(const struct group *g, const struct group_join *join,
                     const struct group_member *except)
{
	for (size_t i = 0; i < join->protocol_count; i++) {
		if (all_support(g, join->protocols[i].name, except))
			return true;
	}
	return false;
}

bool members_same_protocols(const struct group_member *m, const struct group_join *join)
{
	if (m->protocol_count != join->protocol_count)
		return false;
	for (size_t i = 0; i < m->protocol_count; i++) {
		const struct group_protocol *a = &m->protocols[i], *b = &join->protocols[i];
		if (kafka_string_compare(a->name, b->name) != 0 ||
		    kafka_string_compare(a->metadata, b->metadata) != 0)
			return false;
	}
	return true;
}

/* A member votes for the first of its protocols that all support. */
static bool votes_for(const struct group *g, const struct group_member *m, struct kafka_string name)
{
	for (size_t i = 0; i < m->protocol_count; i++) {
		if (kafka_string_compare(m->protocols[i].name, name) == 0)
			return true;
		if (all_support(g, m->protocols[i].name, NULL))
			return false;
	}
	return false;
}

struct kafka_string members_choose(const struct group *g)
{
	const struct group_member *first = g->members[0];
	struct kafka_string best = { 0 };
	size_t best_votes = 0;

	/* What all support, the first member supports. */
	for (size_t i = 0; i < first->protocol_count; i++) {
		struct kafka_string name = first->protocols[i].name;
		size_t votes = 0;

		if (!all_support(g, name, NULL))
			continue;
		for (size_t k = 0; k < g->member_count; k++)
			votes += votes_for(g, g->members[k], name);
		if (!best.data || votes > best_votes) {
			best = name;
			best_votes = votes;
		}
	}
	assert(best.data);
	return best;
}

/* ---- Ids that were given out ---- */

static size_t pending_bytes(const char *id)
{
	return sizeof(struct group_pending) + strlen(id);
}

bool pending_add(struct group *g, const char *id, uint64_t hold_ns, uint64_t deadline_ns)
{
	if (is_full(g) || !budget_take(&g->shared->budget, pending_bytes(id)))
		return false;

	g->pending = xrealloc(g->pending, (g->pending_count + 1) * sizeof(*g->pending));
	g->pending[g->pending_count++] = (struct group_pending){
		.id = xstrdup(id),
		.hold_ns = hold_ns,
		.deadline_ns = deadline_ns,
	};
	return true;
}

bool pending_take(struct group *g, struct kafka_string id)
{
	size_t i = 0;

	while (i < g->pending_count && !is_id(g->pending[i].id, id))
		i++;
	if (i == g->pending_count)
		return false;

	budget_give(&g->shared->budget, pending_bytes(g->pending[i].id));
	free(g->pending[i].id);
	g->pending[i] = g->pending[--g->pending_count];
	return true;
}
