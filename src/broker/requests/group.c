/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group -- the requests by which members come, stay and go.
 *
 * JoinGroup and SyncGroup wait by being handled again: a JoinGroup remembers which member it stands
 * for, a SyncGroup is simply asked again, since asking twice changes nothing.
 */
#include <string.h>

#include "broker/requests/call.h"
#include "broker/requests/coordinator.h"
#include "kafka/messages/groups.h"

#define MS_NS UINT64_C(1000000)

/* Kafka's default maximum.  Its minimum of 6 s is not kept: tests want short sessions. */
enum { SESSION_MS_MIN = 100, SESSION_MS_MAX = 1800000, REBALANCE_MS_MIN = 100 };

/* ---- FindCoordinator ---- */

/* Any node would do in fact. */
enum handled handle_find_coordinator(struct call *c, const void *in, void *out)
{
	const struct kafka_find_coordinator_request *request = in;
	struct kafka_find_coordinator_response *answer = out;
	const struct state *s = c->state;

	answer->node = answer->port = -1;
	if (request->type != KAFKA_COORDINATOR_GROUP) {
		answer->error = KAFKA_INVALID_REQUEST;
		answer->error_message = kafka_string_of("this broker has no transactions");
	} else if (!group_id_is_legal(request->key)) {
		answer->error = KAFKA_INVALID_GROUP_ID;
		answer->error_message = kafka_string_of("a group id has 1 to 255 bytes");
	} else {
		answer->node = group_coordinator(s, request->key);
		answer->host = kafka_string_of(s->host);
		answer->port = s->ports[answer->node];
	}
	return HANDLED_REPLY;
}

/* ---- JoinGroup ---- */

/* What a JoinGroup that waits remembers. */
struct join_note {
	uint64_t member, ticket;
};

_Static_assert(sizeof(struct join_note) <= REQUEST_NOTE_LEN, "the note of a JoinGroup is too long");

/* A text of ours ends at the first NUL, so that foreign ones may not have any. */
static bool has_nul(struct kafka_string s)
{
	return s.len > 0 && memchr(s.data, '\0', s.len);
}

static int16_t join_check(const struct kafka_join_group_request *in)
{
	if (has_nul(in->instance) || has_nul(in->protocol_type) ||
	    (in->instance.data && in->instance.len == 0))
		return KAFKA_INVALID_REQUEST;
	for (size_t i = 0; i < in->protocols.count && i < GROUP_PROTOCOLS_MAX; i++) {
		if (has_nul(in->protocols.items[i].name))
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

static void join_refuse(struct kafka_join_group_response *out, int16_t code,
                        struct kafka_string member)
{
	out->error = code;
	out->member = member;
}

/*
 * The leader learns of everybody and assigns.  A static leader that came back into a stable group
 * must not: its former self has done it, and it is not told that it leads.
 */
static void join_tell(struct call *c, const struct group *g, const struct group_member *m,
                      struct kafka_join_group_response *out)
{
	bool leads = m == g->leader && g->state != GROUP_STABLE;
	bool known = g->leader && (leads || m != g->leader);

	out->generation = g->generation;
	out->protocol = kafka_string_of(g->protocol);
	out->leader = kafka_string_of(known ? g->leader->id : NULL);
	out->member = kafka_string_of(m->id);
	KAFKA_MAKE(out->members, c->memory, &joined_member, leads ? g->member_count : 0);
	for (size_t i = 0; i < out->members.count; i++) {
		const struct group_member *other = g->members[i];
		out->members.items[i] = (struct kafka_joined_member){
			.member = kafka_string_of(other->id),
			.instance = kafka_string_of(other->instance_id),
			.metadata = group_metadata(g, other),
		};
	}
}

static enum handled wait_for_group(struct call *c, struct group *g)
{
	sleeper_wait_on(&c->req->sleeper, &g->waiting);
	return HANDLED_WAIT;
}

/* Its strings are the request's and the call's.  Protocols beyond the maximum are counted and not
 * kept. */
static struct group_join join_of(struct call *c, const struct kafka_join_group_request *in)
{
	struct request *req = c->req;
	size_t kept = in->protocols.count < GROUP_PROTOCOLS_MAX ? in->protocols.count
	                                                        : GROUP_PROTOCOLS_MAX;
	struct group_protocol *protocols = kafka_memory_take(c->memory, kept * sizeof(*protocols));
	char *host = kafka_memory_take(c->memory, 80);
	char *new_id = kafka_memory_take(c->memory, MEMBER_ID_CAP);
	struct kafka_string client_id = { .data = req->client_id, .len = req->client_id_len };
	int32_t rebalance_ms = c->req->version >= 1 ? in->rebalance_ms : in->session_ms;

	for (size_t i = 0; i < kept; i++) {
		protocols[i].name = in->protocols.items[i].name;
		protocols[i].metadata = in->protocols.items[i].metadata;
	}
	if (rebalance_ms < REBALANCE_MS_MIN)
		rebalance_ms = REBALANCE_MS_MIN;
	format_host(req->peer, host, 80);
	groups_new_member_id(c->state->groups, client_id, new_id);
	return (struct group_join){
		.member_id = in->member,
		.instance_id = in->instance,
		.client_id = client_id,
		.client_host = host,
		.new_id = new_id,
		.protocol_type = in->protocol_type,
		.protocols = protocols,
		.protocol_count = in->protocols.count,
		.session_ns = (uint64_t)in->session_ms * MS_NS,
		.rebalance_ns = (uint64_t)rebalance_ms * MS_NS,
		.id_required = req->version >= 4,
	};
}

static enum handled join_first(struct call *c, const struct kafka_join_group_request *in,
                               struct kafka_join_group_response *out)
{
	struct groups *groups = c->state->groups;
	struct group *g = NULL;
	struct group_member *m = NULL;

	int16_t code = join_check(in);
	if (code == KAFKA_NONE)
		code = groups_open(groups, in->group, &g);
	if (code != KAFKA_NONE) {
		join_refuse(out, code, in->member);
		return HANDLED_REPLY;
	}

	const struct group_join join = join_of(c, in);
	code = group_join(g, &join, c->now_ns, &m);
	groups_settle(groups, g);
	if (code != KAFKA_NONE) {
		join_refuse(out, code,
		            code == KAFKA_MEMBER_ID_REQUIRED ? kafka_string_of(join.new_id)
		                                             : in->member);
		return HANDLED_REPLY;
	}
	if (!m->joined) {
		join_tell(c, g, m, out);
		return HANDLED_REPLY;
	}
	struct join_note note = { .member = m->number, .ticket = m->ticket };
	memcpy(c->req->note, &note, sizeof(note));
	return wait_for_group(c, g);
}

/* Woken: joining is over, or its member has left or has joined again elsewhere. */
static enum handled join_look(struct call *c, const struct kafka_join_group_request *in,
                              struct kafka_join_group_response *out)
{
	struct group *g = groups_find(c->state->groups, in->group);
	struct join_note note;

	memcpy(&note, c->req->note, sizeof(note));
	const struct group_member *m = g ? group_member_numbered(g, note.member) : NULL;
	if (!m)
		join_refuse(out,
		            in->instance.data ? KAFKA_FENCED_INSTANCE_ID : KAFKA_UNKNOWN_MEMBER_ID,
		            in->member);
	else if (m->ticket != note.ticket)
		join_refuse(out, KAFKA_REBALANCE_IN_PROGRESS, in->member);
	else if (m->joined)
		return wait_for_group(c, g);
	else
		join_tell(c, g, m, out);
	return HANDLED_REPLY;
}

enum handled handle_join_group(struct call *c, const void *in, void *out)
{
	return c->req->visits > 0 ? join_look(c, in, out) : join_first(c, in, out);
}

/* ---- SyncGroup ---- */

static int16_t sync_group(struct call *c, struct group *g,
                          const struct kafka_sync_group_request *in, struct group_member **m)
{
	const struct group_sender sender = {
		.generation = in->generation,
		.member_id = in->member,
		.instance_id = in->instance,
	};
	size_t count = in->assignments.count;

	/* Each is looked for among the members: more of them than members there may be is malice. */
	if (count > c->state->groups->shared.members_max)
		return KAFKA_INVALID_REQUEST;
	if (!g)
		return KAFKA_UNKNOWN_MEMBER_ID;
	struct group_assignment *assignments =
		kafka_memory_take(c->memory, count * sizeof(*assignments));
	for (size_t i = 0; i < count; i++) {
		assignments[i].member_id = in->assignments.items[i].member;
		assignments[i].data = in->assignments.items[i].assignment;
	}
	return group_sync(g, &sender, assignments, count, c->now_ns, m);
}

enum handled handle_sync_group(struct call *c, const void *in, void *out)
{
	const struct kafka_sync_group_request *request = in;
	struct kafka_sync_group_response *answer = out;
	struct group *g = groups_find(c->state->groups, request->group);
	struct group_member *m = NULL;
	int16_t code = sync_group(c, g, request, &m);

	/* What it waited for went by with the rebalance that ended its wait. */
	if (code == KAFKA_ILLEGAL_GENERATION && c->req->visits > 0)
		code = KAFKA_REBALANCE_IN_PROGRESS;
	if (g)
		groups_settle(c->state->groups, g);
	if (code == KAFKA_NONE && g != NULL && g->state == GROUP_COMPLETING)
		return wait_for_group(c, g);
	if (code == KAFKA_NONE)
		answer->assignment = m->assignment;
	answer->error = code;
	return HANDLED_REPLY;
}

/* ---- Heartbeat and LeaveGroup ---- */

enum handled handle_heartbeat(struct call *c, const void *in, void *out)
{
	const struct kafka_heartbeat_request *request = in;
	struct kafka_heartbeat_response *answer = out;
	const struct group_sender sender = {
		.generation = request->generation,
		.member_id = request->member,
		.instance_id = request->instance,
	};
	struct group *g = groups_find(c->state->groups, request->group);

	answer->error = KAFKA_UNKNOWN_MEMBER_ID;
	if (g) {
		answer->error = group_heartbeat(g, &sender, c->now_ns);
		groups_settle(c->state->groups, g);
	}
	return HANDLED_REPLY;
}

enum handled handle_leave_group(struct call *c, const void *in, void *out)
{
	const struct kafka_leave_group_request *request = in;
	struct kafka_leave_group_response *answer = out;
	struct group *g = groups_find(c->state->groups, request->group);

	answer->error = KAFKA_UNKNOWN_MEMBER_ID;
	if (g) {
		answer->error = group_leave(g, request->member, c->now_ns);
		groups_settle(c->state->groups, g);
	}
	return HANDLED_REPLY;
}
