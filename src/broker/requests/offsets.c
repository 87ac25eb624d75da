/* SPDX-License-Identifier: Apache-2.0 */
/* offsets -- the requests that store and ask for the offsets of a group. */
#include "broker/requests/call.h"
#include "kafka/messages/groups.h"

/* ---- OffsetCommit ---- */

struct commit {
	struct call *c;
	struct group *g;
	int16_t code; /* of the whole request */
};

static int16_t commit_one(const struct commit *commit, struct kafka_string topic,
                          const struct kafka_commit_partition *p)
{
	const struct committed value = {
		.partition = p->index,
		.offset = p->offset,
		.leader_epoch = p->leader_epoch,
		.metadata = p->metadata,
	};

	if (commit->code != KAFKA_NONE)
		return commit->code;
	if (topics_partition(&commit->c->state->store.topics, topic, p->index) == NULL)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	return offsets_set(&commit->g->offsets, &commit->g->shared->budget, topic, &value);
}

static void commit_all(const struct commit *commit, const struct kafka_offset_commit_request *in,
                       struct kafka_offset_commit_response *out)
{
	struct kafka_memory *memory = commit->c->memory;

	KAFKA_MAKE(out->topics, memory, &committed_topic, in->topics.count);
	for (size_t i = 0; i < in->topics.count; i++) {
		const struct kafka_commit_topic *from = &in->topics.items[i];
		struct kafka_committed_topic *to = &out->topics.items[i];
		to->name = from->name;
		KAFKA_MAKE(to->partitions, memory, &committed_partition, from->partitions.count);
		for (size_t k = 0; k < from->partitions.count; k++) {
			const struct kafka_commit_partition *p = &from->partitions.items[k];
			to->partitions.items[k].index = p->index;
			to->partitions.items[k].error = commit_one(commit, from->name, p);
		}
	}
}

static int16_t commit_begin(struct call *c, const struct kafka_offset_commit_request *in,
                            struct group **out)
{
	const struct group_sender sender = {
		.generation = in->generation,
		.member_id = in->member,
		.instance_id = in->instance,
	};

	*out = groups_find(c->state->groups, in->group);
	/* A group comes into being for a consumer that is not a member of anything. */
	if (!*out) {
		int16_t code = KAFKA_ILLEGAL_GENERATION;
		if (sender.generation < 0)
			code = groups_open(c->state->groups, in->group, out);
		if (code != KAFKA_NONE)
			return code;
	}
	return group_may_commit(*out, &sender, c->now_ns);
}

/* How long they are to be kept is not asked: they are. */
enum handled handle_offset_commit(struct call *c, const void *in, void *out)
{
	struct commit commit = { .c = c };

	commit.code = commit_begin(c, in, &commit.g);
	commit_all(&commit, in, out);
	if (commit.g)
		groups_settle(c->state->groups, commit.g);
	return HANDLED_REPLY;
}

/* ---- OffsetFetch ---- */

static void tell_committed(const struct committed *c, struct kafka_position *out)
{
	out->index = c->partition;
	out->offset = c->offset;
	out->leader_epoch = c->leader_epoch;
	out->metadata = c->metadata;
}

/* `bytes`: of the answer so far. */
static void tell_position(const struct group *g, struct kafka_string topic, int32_t partition,
                          size_t *bytes, struct kafka_position *out)
{
	const struct committed none = {
		.partition = partition,
		.leader_epoch = -1,
		.offset = -1,
		.metadata = kafka_string_of(""),
	};
	const struct committed *c = NULL;

	if (*bytes >= GROUP_ANSWER_MAX)
		out->error = KAFKA_UNKNOWN_SERVER_ERROR;
	else if (g)
		c = offsets_find(&g->offsets, topic, partition);
	tell_committed(c ? c : &none, out);
	*bytes += sizeof(*out) + out->metadata.len;
}

/* The code is for each partition, too: before version 2 there is no other place. */
static void tell_asked(struct call *c, const struct group *g,
                       const struct kafka_offset_fetch_request *in,
                       struct kafka_offset_fetch_response *out)
{
	size_t bytes = 0;

	KAFKA_MAKE(out->topics, c->memory, &positions_topic, in->topics.count);
	for (size_t i = 0; i < in->topics.count; i++) {
		const struct kafka_position_topic *from = &in->topics.items[i];
		struct kafka_positions_topic *to = &out->topics.items[i];
		to->name = from->name;
		KAFKA_MAKE(to->partitions, c->memory, &position, from->partitions.count);
		for (size_t k = 0; k < from->partitions.count; k++) {
			to->partitions.items[k].error = out->error;
			tell_position(g, from->name, from->partitions.items[k], &bytes,
			              &to->partitions.items[k]);
		}
	}
}

static void tell_all(struct call *c, const struct group *g, struct kafka_offset_fetch_response *out)
{
	KAFKA_MAKE(out->topics, c->memory, &positions_topic, g ? g->offsets.count : 0);
	for (size_t i = 0; i < out->topics.count; i++) {
		const struct offset_topic *from = &g->offsets.topics[i];
		struct kafka_positions_topic *to = &out->topics.items[i];
		to->name = from->name;
		KAFKA_MAKE(to->partitions, c->memory, &position, from->count);
		for (size_t k = 0; k < from->count; k++)
			tell_committed(&from->items[k], &to->partitions.items[k]);
	}
}

enum handled handle_offset_fetch(struct call *c, const void *in, void *out)
{
	const struct kafka_offset_fetch_request *request = in;
	struct kafka_offset_fetch_response *answer = out;
	bool legal = group_id_is_legal(request->group);
	const struct group *g = legal ? groups_find(c->state->groups, request->group) : NULL;

	answer->error = legal ? KAFKA_NONE : KAFKA_INVALID_GROUP_ID;
	if (request->topics.items == NULL) /* null: everything there is */
		tell_all(c, g, answer);
	else
		tell_asked(c, g, request, answer);
	return HANDLED_REPLY;
}
