/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol between a coordinator of this program and its workers: a session with a lease, in which
 * calls go as message.h has them.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/names.h"
#include "util/clock.h"
#include "util/host_clock.h"
#include "util/xalloc.h"
#include "worker/message.h"
#include "worker/served_state.h"

#define PROTOCOL     1
#define LEASE_MIN_NS UINT64_C(1000000000)
#define LEASE_MAX_NS UINT64_C(3600000000000)
#define WAITERS_MAX  4

/* A call of the session, or one to clean up behind it (without number and waiters). */
struct own_call {
	struct served_waiter base;
	struct served *served;
	uint64_t ask;
	bool is_stop;
	struct http_request *waiters[WAITERS_MAX];
	struct own_call *next;
};

/* --- hello and clock ---------------------------------------------------------------------------------- */

void own_hello(struct served *s, struct http_request *r, const char *rest)
{
	struct environment program = { 0 };
	struct text body = { 0 }, user = { 0 };
	char clock[HOST_CLOCK_NAME];

	(void)rest;
	environment_set_program(&program);
	text_add(&body, "{\"program\":\"omb\",\"version\":");
	fields_write_text(program.version, &body);
	text_add(&body, ",\"commit\":");
	fields_write_text(program.commit, &body);
	text_addf(&body, ",\"protocol\":%d,\"worker\":", PROTOCOL);
	fields_write_text(s->options.settings->name, &body);
	host_clock_name(clock);
	text_add(&body, ",\"clock\":");
	fields_write_text(clock[0] != '\0' ? clock : NULL, &body);
	text_add(&body, ",\"verbs\":[");
	for (int v = 0; v < WORKER_VERB_COUNT; v++)
		text_addf(&body, "%s\"%s\"", v > 0 ? "," : "",
		          worker_verb_name((enum worker_verb)v));
	text_add(&body, "],\"inUse\":");
	fields_write_text(served_user(s, &user) ? text_str(&user) : NULL, &body);
	text_add(&body, "}");
	text_fini(&user);
	served_answer(r, 200, SERVED_JSON, &body);
}

/* How well this host follows it: a coordinator may go by that instead of by probes. */
static void add_time_of_day(struct text *body)
{
	struct host_clock c;
	struct error lack;

	if (host_clock_read(&c, &lack)) {
		text_addf(body,
		          ",\"system\":{\"monotonicNs\":%" PRIu64 ",\"wallNs\":%" PRIu64
		          ",\"errorNs\":%" PRIu64 "}",
		          c.monotonic_ns, c.wall_ns, c.error_ns);
		return;
	}
	text_add(body, ",\"systemLack\":");
	fields_write_text(lack.text, body);
}

void own_clock(struct served *s, struct http_request *r, const char *rest)
{
	struct text body = { 0 };

	(void)s;
	(void)rest;
	text_addf(&body, "{\"receivedNs\":%" PRIu64, r->came_ns);
	add_time_of_day(&body);
	text_addf(&body, ",\"sentNs\":%" PRIu64 "}", clock_ns());
	served_answer(r, 200, SERVED_JSON, &body);
}

/* --- the end of a session -------------------------------------------------------------------------------- */

static void end_session(struct served *s)
{
	served_log(s, "session of %s: over", s->own.session.who);
	timers_cancel(&s->options.poller->timers, &s->own.lease);
	session_end(&s->own.session);
	s->own.is_cleaning = false;
}

static void on_deleted(struct served_call *c)
{
	struct served *s = c->to;

	if (c->call.state == CALL_FAILED)
		served_log(s, "session of %s: its topics stay: %s", s->own.session.who,
		           c->call.err.text);
	served_call_destroy(c);
	end_session(s);
}

static void on_stopped(struct served_call *c)
{
	struct served *s = c->to;
	const struct session *of = &s->own.session;

	served_call_destroy(c);
	if (of->topics_count == 0) {
		end_session(s);
		return;
	}
	served_log(s, "session of %s: deleting %zu topics", of->who, of->topics_count);
	c = served_call_create(WORKER_DELETE_TOPICS, on_deleted, s);
	c->call.remove = (struct worker_delete){
		.topics = (const char *const *)of->topics,
		.topics_count = of->topics_count,
	};
	served_queue_add(&s->queue, c);
}

static void on_lease(struct timer *t, uint64_t now_ns)
{
	struct served *s = (struct served *)((char *)t - offsetof(struct served, own.lease));

	if (now_ns < session_over_ns(&s->own.session)) { /* renewed meanwhile */
		timers_set(&s->options.poller->timers, t, session_over_ns(&s->own.session));
		return;
	}
	served_log(s, "session of %s: its lease of %.3g s has run out", s->own.session.who,
	           (double)s->own.session.lease_ns / 1e9);
	s->own.is_cleaning = true;
	served_queue_add(&s->queue, served_call_create(WORKER_STOP_ALL, on_stopped, s));
}

/* --- the beginning ----------------------------------------------------------------------------------------- */

struct begin_ask {
	unsigned protocol, worker;
	const char *version, *coordinator;
	uint64_t lease_ns;
};

static const struct field begin_items[] = {
	FIELD(struct begin_ask, protocol, "protocol", FIELD_UINT, .flags = FIELD_MUST),
	FIELD(struct begin_ask, version, "version", FIELD_TEXT),
	FIELD(struct begin_ask, coordinator, "coordinator", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct begin_ask, worker, "worker", FIELD_UINT),
	FIELD(struct begin_ask, lease_ns, "leaseNs", FIELD_COUNT, .flags = FIELD_MUST),
};
static const struct fields begin_fields = FIELDS(struct begin_ask, begin_items);

static bool read_begin(const struct text *body, struct arena *arena, struct begin_ask *out,
                       struct error *err)
{
	struct fields_in in = { .arena = arena, .err = err };
	json_error_t why;
	json_t *root = json_loadb(text_str(body), body->len, 0, &why);
	bool ok = false;

	if (!json_is_object(root))
		error_set(err, ERROR_PROTOCOL, "the body is no JSON object");
	else
		ok = fields_read(&begin_fields, root, out, &in);
	json_decref(root);
	if (!ok)
		return false;
	if (out->protocol != PROTOCOL)
		return error_set(
			err, ERROR_UNSUPPORTED,
			"protocol %u of %s is not spoken here: this is omb with protocol %d",
			out->protocol, out->version != NULL ? out->version : "?", PROTOCOL);
	if (out->lease_ns < LEASE_MIN_NS || out->lease_ns > LEASE_MAX_NS)
		return error_set(err, ERROR_USAGE, "leaseNs: %" PRIu64 " is outside 1 s .. 1 h",
		                 out->lease_ns);
	return true;
}

static void begin_session(struct served *s, const struct begin_ask *ask, struct http_request *r)
{
	struct session *session = &s->own.session;
	unsigned char random[SESSION_ID_CHARS / 2];
	struct text body = { 0 };

	for (size_t i = 0; i < sizeof(random); i += sizeof(uint64_t)) {
		uint64_t bits = name_chance();
		memcpy(random + i, &bits, sizeof(bits));
	}
	session_begin(session, random, ask->coordinator, ask->lease_ns, clock_ns());
	s->own.lease.due = on_lease;
	timers_set(&s->options.poller->timers, &s->own.lease, session_over_ns(session));
	served_log(s, "session of %s: began, as worker %u", session->who, ask->worker);
	text_addf(&body, "{\"session\":\"%s\",\"originNs\":%" PRIu64 "}", session->id,
	          session->origin_ns);
	served_answer(r, 200, SERVED_JSON, &body);
}

void own_begin(struct served *s, struct http_request *r, const char *rest)
{
	struct arena arena = { 0 };
	struct begin_ask ask = { 0 };
	struct text user = { 0 };
	struct error err;

	(void)rest;
	if (!read_begin(&r->body, &arena, &ask, &err)) {
		served_answer_error(r, 400, &err);
	} else if (served_user(s, &user)) {
		error_set(&err, ERROR_USAGE, "the worker is in use: %s", text_str(&user));
		served_answer_error(r, 409, &err);
	} else {
		begin_session(s, &ask, r);
	}
	text_fini(&user);
	arena_fini(&arena);
}

/* --- calls -------------------------------------------------------------------------------------------------- */

/* `rest` is the session's id, up to a slash.  False: answered. */
static bool find_session(struct served *s, struct http_request *r, const char *rest)
{
	char id[SESSION_ID_CHARS + 1];
	struct error err;

	snprintf(id, sizeof(id), "%s", rest);
	size_t len = strcspn(rest, "/");
	if (len == SESSION_ID_CHARS && session_is_id(&s->own.session, id) && !s->own.is_cleaning) {
		session_renew(&s->own.session, clock_ns());
		return true;
	}
	error_set(&err, ERROR_USAGE,
	          "there is no such session: its lease may have run out, or the worker was "
	          "started anew");
	served_answer_error(r, 404, &err);
	return false;
}

static struct message_clock clock_of(const struct served *s)
{
	return (struct message_clock){ .origin_ns = s->own.session.origin_ns,
		                       .now_ns = clock_ns() };
}

static void answer_line(struct http_request *r, const struct text *line)
{
	struct text body = { 0 };

	text_add_bytes(&body, text_str(line), line->len);
	served_answer(r, 200, SERVED_JSON, &body);
}

static void on_gone(struct served_waiter *w, struct http_request *r, bool delivered)
{
	struct own_call *o = (struct own_call *)w;

	(void)delivered;
	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (o->waiters[i] == r)
			o->waiters[i] = NULL;
	r->context = NULL;
}

static void on_left(struct served_waiter *w, struct http_request *r)
{
	on_gone(w, r, false);
	served_answer(r, 503, NULL, NULL); /* for nobody: it ends the connection */
}

static void note_topics(struct served *s, const struct worker_call *call)
{
	if (call->verb == WORKER_CREATE_TOPICS && call->create_topics.names != NULL)
		session_has_created(&s->own.session, call->create_topics.names,
		                    call->create_topics.topics);
	else if (call->verb == WORKER_DELETE_TOPICS && call->state == CALL_DONE)
		session_has_deleted(&s->own.session, call->remove.topics,
		                    call->remove.topics_count);
}

static void own_call_destroy(struct own_call *o)
{
	for (struct own_call **at = &o->served->own.calls; *at != NULL; at = &(*at)->next) {
		if (*at != o)
			continue;
		*at = o->next;
		break;
	}
	free(o);
}

static void on_answered(struct served_call *c)
{
	struct own_call *o = c->to;
	struct served *s = o->served;
	struct message_clock clock = clock_of(s);
	struct text line = { 0 };

	if (c->call.state == CALL_FAILED)
		served_log(s, "%s: %s", worker_verb_name(c->call.verb), c->call.err.text);
	note_topics(s, &c->call);
	message_write_answer(&c->call, o->ask, &clock, &line);
	for (size_t i = 0; i < WAITERS_MAX; i++) {
		if (o->waiters[i] == NULL)
			continue;
		o->waiters[i]->context = NULL;
		answer_line(o->waiters[i], &line);
	}
	session_answered(&s->own.session, o->ask, o->is_stop, &line);
	own_call_destroy(o);
	served_call_destroy(c);
}

static void wait(struct own_call *o, struct http_request *r)
{
	struct error err;

	for (size_t i = 0; i < WAITERS_MAX; i++) {
		if (o->waiters[i] != NULL)
			continue;
		o->waiters[i] = r;
		r->context = &o->base;
		return;
	}
	error_set(&err, ERROR_USAGE, "the call is waited for by too many");
	served_answer_error(r, 409, &err);
}

static void join(struct served *s, uint64_t ask, struct http_request *r)
{
	for (struct own_call *o = s->own.calls; o != NULL; o = o->next) {
		if (o->ask != ask)
			continue;
		wait(o, r);
		return;
	}
	abort(); /* what is under way has its place in the list */
}

static void start(struct served *s, struct served_call *c, uint64_t ask, struct http_request *r)
{
	struct own_call *o = xcalloc(1, sizeof(*o));

	*o = (struct own_call){
		.base = { .left = on_left, .done = on_gone },
		.served = s,
		.ask = ask,
		.is_stop = c->call.verb == WORKER_STOP_ALL,
		.next = s->own.calls,
	};
	s->own.calls = o;
	c->to = o;
	wait(o, r);
	if (c->call.verb != WORKER_INITIALIZE_DRIVER ||
	    served_may_initialize(s, &c->call.initialize, &c->call.err)) {
		served_queue_add(&s->queue, c);
		return;
	}
	c->call.state = CALL_FAILED;
	on_answered(c);
}

/* One that cannot be read is answered as one that failed, if its number can. */
static void answer_unread(struct served *s, struct served_call *c, uint64_t ask,
                          const struct error *err, struct http_request *r)
{
	struct message_clock clock = clock_of(s);
	struct text line = { 0 };

	if (!c->call.lacking) {
		served_answer_error(r, 400, err);
	} else { /* a verb of a later version */
		c->call.err = *err;
		c->call.state = CALL_FAILED;
		c->call.verb = WORKER_STOP_ALL; /* whose answer has nothing in it */
		message_write_answer(&c->call, ask, &clock, &line);
		served_answer(r, 200, SERVED_JSON, &line);
	}
	served_call_destroy(c);
}

void own_call(struct served *s, struct http_request *r, const char *rest)
{
	const struct text *known = NULL;
	struct error err = { 0 };
	uint64_t ask = 0;

	if (!find_session(s, r, rest))
		return;
	struct served_call *c = served_call_create(WORKER_STOP_ALL, on_answered, NULL);
	struct message_clock clock = clock_of(s);
	if (!message_read_ask(text_str(&r->body), r->body.len, &clock, &c->call, &ask, &err)) {
		answer_unread(s, c, ask, &err, r);
		return;
	}
	switch (session_ask(&s->own.session, ask, c->call.verb == WORKER_STOP_ALL, &known)) {
	case SESSION_START:
		start(s, c, ask, r);
		return;
	case SESSION_JOIN:
		join(s, ask, r);
		break;
	case SESSION_REPEAT:
		answer_line(r, known);
		break;
	case SESSION_OLD:
		error_set(&err, ERROR_USAGE, "%s: a later call was carried out before",
		          worker_verb_name(c->call.verb));
		served_answer_error(r, 409, &err);
		break;
	case SESSION_BUSY:
		error_set(&err, ERROR_USAGE, "%s: another call is under way",
		          worker_verb_name(c->call.verb));
		served_answer_error(r, 409, &err);
		break;
	}
	served_call_destroy(c);
}

void own_renew(struct served *s, struct http_request *r, const char *rest)
{
	if (find_session(s, r, rest))
		served_answer_text(r, 200, "{}");
}

/* --- its end by the coordinator --------------------------------------------------------------------------- */

static void on_end_gone(struct served_waiter *w, struct http_request *r, bool delivered)
{
	struct served *s = (struct served *)((char *)w - offsetof(struct served, own.ending));

	(void)delivered;
	s->own.ending_request = NULL;
	r->context = NULL;
}

static void on_end_left(struct served_waiter *w, struct http_request *r)
{
	on_end_gone(w, r, false);
	served_answer(r, 503, NULL, NULL);
}

static void on_ended(struct served_call *c)
{
	struct served *s = c->to;
	struct http_request *r = s->own.ending_request;

	end_session(s);
	s->own.ending_request = NULL;
	if (r != NULL) {
		r->context = NULL;
		served_answer_text(r, 200, "{}");
	}
	served_call_destroy(c);
}

void own_end(struct served *s, struct http_request *r, const char *rest)
{
	if (!find_session(s, r, rest))
		return;
	/* Topics are the coordinator's own business: it may want to keep them. */
	s->own.is_cleaning = true;
	timers_cancel(&s->options.poller->timers, &s->own.lease);
	s->own.ending = (struct served_waiter){ .left = on_end_left, .done = on_end_gone };
	s->own.ending_request = r;
	r->context = &s->own.ending;
	served_queue_add(&s->queue, served_call_create(WORKER_STOP_ALL, on_ended, s));
}

void own_fini(struct served *s)
{
	timers_cancel(&s->options.poller->timers, &s->own.lease);
	for (struct own_call *next, *o = s->own.calls; o != NULL; o = next) {
		next = o->next;
		own_call_destroy(o);
	}
	session_end(&s->own.session);
}
