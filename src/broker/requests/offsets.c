/* SPDX-License-Identifier: Apache-2.0 */

/*
 * handle_offsets -- the requests that store and ask for the offsets of a group.
 *
 * A request is read through once before anything is done: a malformed one changes nothing.
 */

#include "broker/groups/groups.h"
#include "broker/requests/api.h"
#include "broker/state.h"
#include "kafka/wire.h"

/* ---- OffsetCommit ---- */

static struct committed read_committed(struct reader *r, int16_t version)
{
	struct committed c = { .partition = read_i32(r), .leader_epoch = -1 };

	c.offset = read_i64(r);
	if (version >= 6)
		c.leader_epoch = read_i32(r);
	if (version == 1)
		read_i64(r); /* time of the commit */
	c.metadata = read_string(r);
	return c;
}

static size_t committed_bytes_min(int16_t version)
{
	return 14 + (version >= 6 ? 4u : 0u) + (version == 1 ? 8u : 0u);
}

/* Reads to the end of the topics; false: malformed. */
static bool commit_is_whole(struct reader r, int16_t version)
{
	for (size_t topics = read_count(&r, 6); topics > 0 && !r.broken; topics--) {
		read_string(&r);
		size_t partitions = read_count(&r, committed_bytes_min(version));
		for (; partitions > 0 && !r.broken; partitions--)
			read_committed(&r, version);
	}
	return !r.broken;
}

struct commit {
	struct state *b;
	struct group *g;
	int16_t code; /* of the whole request */
};

static int16_t commit_one(const struct commit *commit, struct kafka_string topic,
                          const struct committed *c)
{
	if (commit->code != KAFKA_NONE)
		return commit->code;
	if (topics_partition(&commit->b->store.topics, topic, c->partition) == NULL)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	return offsets_set(&commit->g->offsets, &commit->g->shared->budget, topic, c);
}

static void commit_all(const struct commit *commit, struct reader *r, int16_t version,
                       struct writer *out)
{
	size_t topics = read_count(r, 6);

	write_i32(out, (int32_t)topics);
	for (; topics > 0; topics--) {
		struct kafka_string topic = read_string(r);
		size_t partitions = read_count(r, committed_bytes_min(version));

		write_string_n(out, topic.data ? topic : kafka_string_of(""));
		write_i32(out, (int32_t)partitions);
		for (; partitions > 0; partitions--) {
			struct committed c = read_committed(r, version);
			write_i32(out, c.partition);
			write_i16(out, commit_one(commit, topic, &c));
		}
	}
}

static int16_t commit_begin(struct state *b, struct kafka_string group_id,
                            const struct group_sender *sender, uint64_t now_ns, struct group **out)
{
	*out = groups_find(b->groups, group_id);
	/* A group comes into being for a consumer that is not a member of anything. */
	if (!*out) {
		int16_t code = KAFKA_ILLEGAL_GENERATION;
		if (sender->generation < 0)
			code = groups_open(b->groups, group_id, out);
		if (code != KAFKA_NONE)
			return code;
	}
	return group_may_commit(*out, sender, now_ns);
}

enum handled handle_offset_commit(struct state *b, struct request *req, uint64_t now_ns,
                                  struct writer *out)
{
	struct reader *r = &req->body;
	struct group_sender sender = { .generation = -1, .member_id = kafka_string_of("") };
	struct kafka_string group_id = read_string(r);

	if (req->version >= 1) {
		sender.generation = read_i32(r);
		sender.member_id = read_string(r);
	}
	if (req->version >= 7)
		sender.instance_id = read_string(r);
	if (req->version >= 2 && req->version <= 4)
		read_i64(r); /* retention: they are kept */
	if (!commit_is_whole(*r, req->version))
		return HANDLED_BAD;

	struct commit commit = { .b = b };
	commit.code = commit_begin(b, group_id, &sender, now_ns, &commit.g);
	if (req->version >= 3)
		write_i32(out, 0);
	commit_all(&commit, r, req->version, out);
	if (commit.g)
		groups_settle(b->groups, commit.g);
	return HANDLED_REPLY;
}

/* ---- OffsetFetch ---- */

static bool fetch_is_whole(struct reader r)
{
	for (size_t topics = read_count(&r, 6); topics > 0 && !r.broken; topics--) {
		read_string(&r);
		size_t partitions = read_count(&r, 4);
		read_bytes(&r, 4 * partitions);
	}
	return !r.broken;
}

static void write_committed(struct writer *out, int16_t version, const struct committed *c,
                            int16_t code)
{
	write_i32(out, c->partition);
	write_i64(out, c->offset);
	if (version >= 5)
		write_i32(out, c->leader_epoch);
	write_string_n(out, c->metadata);
	write_i16(out, code);
}

/* `code` is for each partition, too: before version 2 there is no other place. */
static void write_asked(struct writer *out, const struct group *g, struct reader *r,
                        int16_t version, int16_t code)
{
	size_t topics = read_count(r, 6);

	write_i32(out, (int32_t)topics);
	for (; topics > 0; topics--) {
		struct kafka_string topic = read_string(r);
		size_t partitions = read_count(r, 4);

		write_string_n(out, topic.data ? topic : kafka_string_of(""));
		write_i32(out, (int32_t)partitions);
		for (; partitions > 0; partitions--) {
			int32_t partition = read_i32(r);
			const struct committed none = {
				.partition = partition,
				.leader_epoch = -1,
				.offset = -1,
				.metadata = kafka_string_of(""),
			};
			const struct committed *c = NULL;

			if (out->len >= GROUP_ANSWER_MAX)
				code = KAFKA_UNKNOWN_SERVER_ERROR;
			else if (g)
				c = offsets_find(&g->offsets, topic, partition);
			write_committed(out, version, c ? c : &none, code);
		}
	}
}

static void write_all(struct writer *out, const struct group *g, int16_t version)
{
	size_t topics = g ? g->offsets.count : 0;

	write_i32(out, (int32_t)topics);
	for (size_t i = 0; i < topics; i++) {
		const struct offset_topic *t = &g->offsets.topics[i];
		write_string_n(out, t->name);
		write_i32(out, (int32_t)t->count);
		for (size_t k = 0; k < t->count; k++)
			write_committed(out, version, &t->items[k], KAFKA_NONE);
	}
}

enum handled handle_offset_fetch(struct state *b, struct request *req, uint64_t now_ns,
                                 struct writer *out)
{
	struct reader *r = &req->body;
	struct kafka_string group_id = read_string(r);
	struct reader ahead = *r;
	bool all = req->version >= 2 && read_i32(&ahead) == -1; /* null: everything there is */

	(void)now_ns;
	if (!fetch_is_whole(*r))
		return HANDLED_BAD;

	bool legal = group_id_is_legal(group_id);
	int16_t code = legal ? KAFKA_NONE : KAFKA_INVALID_GROUP_ID;
	const struct group *g = legal ? groups_find(b->groups, group_id) : NULL;
	if (req->version >= 3)
		write_i32(out, 0);
	if (all)
		write_all(out, g, req->version);
	else
		write_asked(out, g, r, req->version, code);
	if (req->version >= 2)
		write_i16(out, code);
	return HANDLED_REPLY;
}
