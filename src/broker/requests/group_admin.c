/* SPDX-License-Identifier: Apache-2.0 */

/* handle_group_admin -- the requests by which groups are listed, described and deleted. */

#include "broker/groups/groups.h"
#include "broker/requests/api.h"
#include "broker/state.h"
#include "kafka/wire.h"

/* Nobody asked which operations are allowed, or there is no authorization. */
#define OPERATIONS_UNKNOWN INT32_MIN

/* ---- ListGroups ---- */

enum handled handle_list_groups(struct state *b, struct request *req, uint64_t now_ns,
                                struct writer *out)
{
	const struct groups *groups = b->groups;
	uint32_t listed = 0;

	(void)now_ns;
	if (req->version >= 1)
		write_i32(out, 0);
	write_i16(out, KAFKA_NONE);
	size_t count_at = out->len;
	write_u32(out, 0);
	for (size_t i = 0; i < groups->count; i++) {
		const struct group *g = groups->items[i];
		/* A client asks every node and puts the answers together. */
		if (group_coordinator(b, kafka_string_of(g->id)) != req->listener)
			continue;
		write_string(out, g->id);
		write_string(out, g->protocol_type ? g->protocol_type : "");
		listed++;
	}
	patch_u32(out, count_at, listed);
	return HANDLED_REPLY;
}

/* ---- DescribeGroups ---- */

static void write_member(struct writer *out, int16_t version, const struct group *g,
                         const struct group_member *m)
{
	bool stable = g->state == GROUP_STABLE;
	struct kafka_string metadata = stable ? group_metadata(g, m) : kafka_string_of("");
	struct kafka_string assignment = stable ? m->assignment : kafka_string_of("");

	write_string(out, m->id);
	if (version >= 4)
		write_string(out, m->instance_id);
	write_string(out, m->client_id);
	write_string(out, m->client_host);
	write_kafka_bytes(out, metadata.data, metadata.len);
	write_kafka_bytes(out, assignment.data, assignment.len);
}

/* A group that does not exist is told as dead, without an error, as Kafka does. */
static void write_group(struct writer *out, int16_t version, struct kafka_string id,
                        const struct group *g)
{
	bool fits = out->len < GROUP_ANSWER_MAX;
	int16_t code = fits ? KAFKA_NONE : KAFKA_UNKNOWN_SERVER_ERROR;
	const char *state = g ? group_state_name(g->state) : "Dead";
	size_t members = g && fits ? g->member_count : 0;

	if (!group_id_is_legal(id))
		code = KAFKA_INVALID_GROUP_ID;
	write_i16(out, code);
	write_string_n(out, id.data ? id : kafka_string_of(""));
	write_string(out, code == KAFKA_NONE ? state : "");
	write_string(out, g && g->protocol_type ? g->protocol_type : "");
	write_string(out, g && g->state == GROUP_STABLE ? g->protocol : "");
	write_i32(out, (int32_t)members);
	for (size_t i = 0; i < members; i++)
		write_member(out, version, g, g->members[i]);
	if (version >= 3)
		write_i32(out, OPERATIONS_UNKNOWN);
}

enum handled handle_describe_groups(struct state *b, struct request *req, uint64_t now_ns,
                                    struct writer *out)
{
	struct reader *r = &req->body;
	size_t count = read_count(r, 2);

	(void)now_ns;
	if (req->version >= 1)
		write_i32(out, 0);
	write_i32(out, (int32_t)count);
	for (size_t i = 0; i < count && !r->broken; i++) {
		struct kafka_string id = read_string(r);
		write_group(out, req->version, id, groups_find(b->groups, id));
	}
	if (req->version >= 3)
		read_u8(r); /* asks for allowed operations */
	return r->broken ? HANDLED_BAD : HANDLED_REPLY;
}

/* ---- DeleteGroups ---- */

static int16_t delete_group(struct state *b, struct kafka_string id)
{
	struct groups *groups = b->groups;

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

enum handled handle_delete_groups(struct state *b, struct request *req, uint64_t now_ns,
                                  struct writer *out)
{
	struct reader *r = &req->body;
	struct reader ahead = *r;

	(void)now_ns;
	for (size_t left = read_count(&ahead, 2); left > 0 && !ahead.broken; left--)
		read_string(&ahead);
	if (ahead.broken)
		return HANDLED_BAD;

	size_t count = read_count(r, 2);
	write_i32(out, 0);
	write_i32(out, (int32_t)count);
	for (size_t i = 0; i < count; i++) {
		struct kafka_string id = read_string(r);
		write_string_n(out, id.data ? id : kafka_string_of(""));
		write_i16(out, delete_group(b, id));
	}
	return HANDLED_REPLY;
}
