/* SPDX-License-Identifier: Apache-2.0 */
/* group_admin -- the requests by which groups are listed, described and deleted. */
#include "kafka/messages/group_admin.h"
#include "broker/requests/call.h"
#include "broker/requests/coordinator.h"

/* ---- ListGroups ---- */

enum handled handle_list_groups(struct call *c, const void *in, void *out)
{
	const struct groups *groups = c->state->groups;
	struct kafka_list_groups_response *answer = out;
	size_t listed = 0;

	(void)in;
	KAFKA_MAKE(answer->groups, c->memory, &listed_group, groups->count);
	for (size_t i = 0; i < groups->count; i++) {
		const struct group *g = groups->items[i];
		/* A client asks every node and puts the answers together. */
		if (group_coordinator(c->state, kafka_string_of(g->id)) != c->req->listener)
			continue;
		answer->groups.items[listed].group = kafka_string_of(g->id);
		answer->groups.items[listed].protocol_type = kafka_string_of(g->protocol_type);
		listed++;
	}
	answer->groups.count = listed;
	return HANDLED_REPLY;
}

/* ---- DescribeGroups ---- */

static size_t tell_member(const struct group *g, const struct group_member *m,
                          struct kafka_described_member *out)
{
	bool stable = g->state == GROUP_STABLE;

	out->member = kafka_string_of(m->id);
	out->instance = kafka_string_of(m->instance_id);
	out->client_id = kafka_string_of(m->client_id);
	out->client_host = kafka_string_of(m->client_host);
	if (stable) {
		out->metadata = group_metadata(g, m);
		out->assignment = m->assignment;
	}
	return sizeof(*out) + out->metadata.len + out->assignment.len;
}

/* A group that does not exist is told as dead, without an error, as Kafka does.  `bytes`: of the
 * answer so far. */
static void tell_group(struct call *c, struct kafka_string id, size_t *bytes,
                       struct kafka_described_group *out)
{
	const struct group *g = groups_find(c->state->groups, id);
	bool fits = *bytes < GROUP_ANSWER_MAX;
	size_t members = g && fits ? g->member_count : 0;

	out->error = fits ? KAFKA_NONE : KAFKA_UNKNOWN_SERVER_ERROR;
	if (!group_id_is_legal(id))
		out->error = KAFKA_INVALID_GROUP_ID;
	out->group = id;
	if (out->error == KAFKA_NONE)
		out->state = kafka_string_of(g ? group_state_name(g->state) : "Dead");
	if (g)
		out->protocol_type = kafka_string_of(g->protocol_type);
	if (g && g->state == GROUP_STABLE)
		out->protocol = kafka_string_of(g->protocol);
	KAFKA_MAKE(out->members, c->memory, &described_member, members);
	for (size_t i = 0; i < members; i++)
		*bytes += tell_member(g, g->members[i], &out->members.items[i]);
}

enum handled handle_describe_groups(struct call *c, const void *in, void *out)
{
	const struct kafka_describe_groups_request *request = in;
	struct kafka_describe_groups_response *answer = out;
	size_t bytes = 0;

	KAFKA_MAKE(answer->groups, c->memory, &described_group, request->groups.count);
	for (size_t i = 0; i < request->groups.count; i++)
		tell_group(c, request->groups.items[i], &bytes, &answer->groups.items[i]);
	return HANDLED_REPLY;
}

/* ---- DeleteGroups ---- */

static int16_t delete_group(struct groups *groups, struct kafka_string id)
{
	if (!group_id_is_legal(id))
		return KAFKA_INVALID_GROUP_ID;

	struct group *g = groups_find(groups, id);
	if (!g)
		return KAFKA_GROUP_ID_NOT_FOUND;
	if (g->state != GROUP_EMPTY)
		return KAFKA_NON_EMPTY_GROUP;
	group_say(g, "deleted");
	groups_delete(groups, g);
	return KAFKA_NONE;
}

enum handled handle_delete_groups(struct call *c, const void *in, void *out)
{
	const struct kafka_delete_groups_request *request = in;
	struct kafka_delete_groups_response *answer = out;

	KAFKA_MAKE(answer->groups, c->memory, &deleted_group, request->groups.count);
	for (size_t i = 0; i < request->groups.count; i++) {
		struct kafka_string id = request->groups.items[i];
		answer->groups.items[i].group = id;
		answer->groups.items[i].error = delete_group(c->state->groups, id);
	}
	return HANDLED_REPLY;
}
