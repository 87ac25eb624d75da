/* SPDX-License-Identifier: Apache-2.0 */

/*
 * handle_group -- the requests by which members come, stay and go.
 *
 * JoinGroup and SyncGroup wait by being handled again: a JoinGroup remembers which member it stands
 * for, a SyncGroup is simply asked again, since asking twice changes nothing.
 */

#include <stdlib.h>
#include <string.h>

#include "broker/groups/groups.h"
#include "broker/requests/api.h"
#include "broker/state.h"
#include "kafka/wire.h"
#include "util/xalloc.h"

#define MS_NS UINT64_C(1000000)

/* Kafka's default maximum.  Its minimum of 6 s is not kept: tests want short sessions. */
enum { SESSION_MS_MIN = 100, SESSION_MS_MAX = 1800000, REBALANCE_MS_MIN = 100 };

static void write_throttle(struct writer *out, const struct request *req, int16_t from_version)
{
	if (req->version >= from_version)
		write_i32(out, 0);
}

static struct kafka_string client_id_of(const struct request *req)
{
	return (struct kafka_string){ .data = req->client_id, .len = req->client_id_len };
}

/* ---- FindCoordinator ---- */

int32_t group_coordinator(const struct state *b, struct kafka_string id)
{
	return (int32_t)(kafka_string_hash(id) % (uint32_t)b->options.nodes);
}

/* Any node would do in fact. */
enum handled handle_find_coordinator(struct state *b, struct request *req, uint64_t now_ns,
                                     struct writer *out)
{
	struct kafka_string key = read_string(&req->body);
	bool is_group = req->version == 0 || read_i8(&req->body) == 0;
	const char *host = "", *message = NULL;
	int32_t node = -1, port = -1;
	int16_t code = KAFKA_NONE;

	(void)now_ns;
	if (req->body.broken)
		return HANDLED_BAD;
	if (!is_group) {
		code = KAFKA_INVALID_REQUEST;
		message = "this broker has no transactions";
	} else if (!group_id_is_legal(key)) {
		code = KAFKA_INVALID_GROUP_ID;
		message = "a group id has 1 to 255 bytes";
	} else {
		node = group_coordinator(b, key);
		host = b->host;
		port = b->ports[node];
	}
	write_throttle(out, req, 1);
	write_i16(out, code);
	if (req->version >= 1)
		write_string(out, message);
	write_i32(out, node);
	write_string(out, host);
	write_i32(out, port);
	return HANDLED_REPLY;
}

/* ---- JoinGroup ---- */

struct join_request {
	struct kafka_string group_id;
	int32_t session_ms, rebalance_ms;
	struct group_join join;
	struct group_protocol protocols[GROUP_PROTOCOLS_MAX];
	char host[80], new_id[MEMBER_ID_CAP]; /* what `join` has of its own */
};

/* What a JoinGroup that waits remembers. */
struct join_note {
	uint64_t member, ticket;
};

_Static_assert(sizeof(struct join_note) <= REQUEST_NOTE_LEN, "the note of a JoinGroup is too long");

/* False: malformed.  Protocols beyond the maximum are counted and not kept. */
static bool join_parse(struct request *req, struct join_request *out)
{
	struct reader *r = &req->body;
	struct group_join *join = &out->join;

	out->group_id = read_string(r);
	out->session_ms = read_i32(r);
	out->rebalance_ms = req->version >= 1 ? read_i32(r) : out->session_ms;
	join->member_id = read_string(r);
	join->instance_id = req->version >= 5 ? read_string(r) : (struct kafka_string){ 0 };
	join->protocol_type = read_string(r);
	join->protocols = out->protocols;
	join->protocol_count = read_count(r, 6);
	for (size_t i = 0; i < join->protocol_count && !r->broken; i++) {
		struct group_protocol p = { .name = read_string(r) };
		p.metadata = read_kafka_bytes(r);
		if (i < GROUP_PROTOCOLS_MAX)
			out->protocols[i] = p;
	}
	join->id_required = req->version >= 4;
	join->client_id = client_id_of(req);
	return !r->broken;
}

/* A text of ours ends at the first NUL, so that foreign ones may not have any. */
static bool has_nul(struct kafka_string s)
{
	return s.len > 0 && memchr(s.data, '\0', s.len);
}

static int16_t join_check(const struct join_request *in)
{
	const struct group_join *join = &in->join;

	if (has_nul(join->instance_id) || has_nul(join->protocol_type) ||
	    (join->instance_id.data && join->instance_id.len == 0))
		return KAFKA_INVALID_REQUEST;
	for (size_t i = 0; i < join->protocol_count && i < GROUP_PROTOCOLS_MAX; i++) {
		if (has_nul(join->protocols[i].name))
			return KAFKA_INVALID_REQUEST;
	}
	if (in->session_ms < SESSION_MS_MIN || in->session_ms > SESSION_MS_MAX)
		return KAFKA_INVALID_SESSION_TIMEOUT;
	return KAFKA_NONE;
}

/* "/127.0.0.1" for "127.0.0.1:40312", as Kafka names hosts. */
static void format_host(const char *peer, char *out, size_t cap)
{
	const char *colon = peer ? strrchr(peer, ':') : NULL;
	size_t len = !peer ? 0 : colon ? (size_t)(colon - peer) : strlen(peer);

	if (len > cap - 2)
		len = cap - 2;
	out[0] = '/';
	if (len > 0)
		memcpy(out + 1, peer, len);
	out[1 + len] = '\0';
}

static void write_join_error(struct writer *out, const struct request *req, int16_t code,
                             struct kafka_string member_id)
{
	write_throttle(out, req, 2);
	write_i16(out, code);
	write_i32(out, -1);
	write_string(out, "");
	write_string(out, "");
	write_string_n(out, member_id.data ? member_id : kafka_string_of(""));
	write_i32(out, 0);
}

/*
 * The leader learns of everybody and assigns.  A static leader that came back into a stable group
 * must not: its former self has done it, and it is not told that it leads.
 */
static void write_joined(struct writer *out, const struct request *req, const struct group *g,
                         const struct group_member *m)
{
	bool leads = m == g->leader && g->state != GROUP_STABLE;
	bool known = g->leader && (leads || m != g->leader);

	write_throttle(out, req, 2);
	write_i16(out, KAFKA_NONE);
	write_i32(out, g->generation);
	write_string(out, g->protocol ? g->protocol : "");
	write_string(out, known ? g->leader->id : "");
	write_string(out, m->id);
	write_i32(out, leads ? (int32_t)g->member_count : 0);
	for (size_t i = 0; leads && i < g->member_count; i++) {
		const struct group_member *other = g->members[i];
		struct kafka_string metadata = group_metadata(g, other);
		write_string(out, other->id);
		if (req->version >= 5)
			write_string(out, other->instance_id);
		write_kafka_bytes(out, metadata.data, metadata.len);
	}
}

static enum handled wait_for_group(struct request *req, struct group *g)
{
	sleeper_wait_on(&req->sleeper, &g->waiting);
	return HANDLED_WAIT;
}

static enum handled join_first(struct state *b, struct request *req, struct join_request *in,
                               uint64_t now_ns, struct writer *out)
{
	struct groups *groups = b->groups;
	struct group_join *join = &in->join;
	struct group *g = NULL;
	struct group_member *m = NULL;

	int16_t code = join_check(in);
	if (code == KAFKA_NONE)
		code = groups_open(groups, in->group_id, &g);
	if (code != KAFKA_NONE) {
		write_join_error(out, req, code, join->member_id);
		return HANDLED_REPLY;
	}

	format_host(req->peer, in->host, sizeof(in->host));
	groups_new_member_id(groups, join->client_id, in->new_id);
	join->client_host = in->host;
	join->new_id = in->new_id;
	join->session_ns = (uint64_t)in->session_ms * MS_NS;
	int32_t rebalance_ms =
		in->rebalance_ms > REBALANCE_MS_MIN ? in->rebalance_ms : REBALANCE_MS_MIN;
	join->rebalance_ns = (uint64_t)rebalance_ms * MS_NS;
	code = group_join(g, join, now_ns, &m);
	if (code != KAFKA_NONE) {
		write_join_error(out, req, code,
		                 code == KAFKA_MEMBER_ID_REQUIRED ? kafka_string_of(in->new_id)
		                                                  : join->member_id);
		groups_settle(groups, g);
		return HANDLED_REPLY;
	}
	groups_settle(groups, g);
	if (!m->joined) {
		write_joined(out, req, g, m);
		return HANDLED_REPLY;
	}
	struct join_note note = { .member = m->number, .ticket = m->ticket };
	memcpy(req->note, &note, sizeof(note));
	return wait_for_group(req, g);
}

/* Woken: joining is over, or its member has left or has joined again elsewhere. */
static enum handled join_look(struct state *b, struct request *req, const struct join_request *in,
                              struct writer *out)
{
	struct group *g = groups_find(b->groups, in->group_id);
	struct join_note note;

	memcpy(&note, req->note, sizeof(note));
	const struct group_member *m = g ? group_member_numbered(g, note.member) : NULL;
	if (!m)
		write_join_error(out, req,
		                 in->join.instance_id.data ? KAFKA_FENCED_INSTANCE_ID
		                                           : KAFKA_UNKNOWN_MEMBER_ID,
		                 in->join.member_id);
	else if (m->ticket != note.ticket)
		write_join_error(out, req, KAFKA_REBALANCE_IN_PROGRESS, in->join.member_id);
	else if (m->joined)
		return wait_for_group(req, g);
	else
		write_joined(out, req, g, m);
	return HANDLED_REPLY;
}

enum handled handle_join_group(struct state *b, struct request *req, uint64_t now_ns,
                               struct writer *out)
{
	struct join_request in = { 0 };

	if (!join_parse(req, &in))
		return HANDLED_BAD;
	if (req->visits > 0)
		return join_look(b, req, &in, out);
	return join_first(b, req, &in, now_ns, out);
}

/* ---- SyncGroup ---- */

struct sync_request {
	struct kafka_string group_id;
	struct group_sender sender;
	struct group_assignment *assignments; /* owned */
	size_t count;
};

static bool sync_parse(struct request *req, struct sync_request *out)
{
	struct reader *r = &req->body;

	out->group_id = read_string(r);
	out->sender.generation = read_i32(r);
	out->sender.member_id = read_string(r);
	if (req->version >= 3)
		out->sender.instance_id = read_string(r);
	out->count = read_count(r, 6);
	if (r->broken)
		return false;
	if (out->count > 0)
		out->assignments = xcalloc(out->count, sizeof(*out->assignments));
	for (size_t i = 0; i < out->count; i++) {
		out->assignments[i].member_id = read_string(r);
		out->assignments[i].data = read_kafka_bytes(r);
	}
	return !r->broken;
}

static enum handled sync_answer(struct state *b, struct request *req, const struct sync_request *in,
                                uint64_t now_ns, struct writer *out)
{
	struct groups *groups = b->groups;
	struct group *g = groups_find(groups, in->group_id);
	struct group_member *m = NULL;
	struct kafka_string assignment = { 0 };
	int16_t code = KAFKA_UNKNOWN_MEMBER_ID;

	/* Each is looked for among the members: more of them than members there may be is malice. */
	if (in->count > groups->shared.members_max)
		code = KAFKA_INVALID_REQUEST;
	else if (g)
		code = group_sync(g, &in->sender, in->assignments, in->count, now_ns, &m);
	/* What it waited for went by with the rebalance that ended its wait. */
	if (code == KAFKA_ILLEGAL_GENERATION && req->visits > 0)
		code = KAFKA_REBALANCE_IN_PROGRESS;
	if (g)
		groups_settle(groups, g);
	if (code == KAFKA_NONE && g->state == GROUP_COMPLETING)
		return wait_for_group(req, g);
	if (code == KAFKA_NONE)
		assignment = m->assignment;

	write_throttle(out, req, 1);
	write_i16(out, code);
	write_kafka_bytes(out, assignment.data, assignment.len);
	return HANDLED_REPLY;
}

enum handled handle_sync_group(struct state *b, struct request *req, uint64_t now_ns,
                               struct writer *out)
{
	struct sync_request in = { 0 };
	enum handled how = HANDLED_BAD;

	if (sync_parse(req, &in))
		how = sync_answer(b, req, &in, now_ns, out);
	free(in.assignments);
	return how;
}

/* ---- Heartbeat and LeaveGroup ---- */

static void write_code(struct writer *out, const struct request *req, int16_t code)
{
	write_throttle(out, req, 1);
	write_i16(out, code);
}

enum handled handle_heartbeat(struct state *b, struct request *req, uint64_t now_ns,
                              struct writer *out)
{
	struct reader *r = &req->body;
	struct kafka_string group_id = read_string(r);
	struct group_sender sender = { .generation = read_i32(r) };

	sender.member_id = read_string(r);
	if (req->version >= 3)
		sender.instance_id = read_string(r);
	if (r->broken)
		return HANDLED_BAD;

	struct group *g = groups_find(b->groups, group_id);
	int16_t code = KAFKA_UNKNOWN_MEMBER_ID;
	if (g) {
		code = group_heartbeat(g, &sender, now_ns);
		groups_settle(b->groups, g);
	}
	write_code(out, req, code);
	return HANDLED_REPLY;
}

enum handled handle_leave_group(struct state *b, struct request *req, uint64_t now_ns,
                                struct writer *out)
{
	struct kafka_string group_id = read_string(&req->body);
	struct kafka_string member_id = read_string(&req->body);

	if (req->body.broken)
		return HANDLED_BAD;

	struct group *g = groups_find(b->groups, group_id);
	int16_t code = KAFKA_UNKNOWN_MEMBER_ID;
	if (g) {
		code = group_leave(g, member_id, now_ns);
		groups_settle(b->groups, g);
	}
	write_code(out, req, code);
	return HANDLED_REPLY;
}
