/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/remote.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts/environment.h"
#include "http/client.h"
#include "load/clock_fit.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/host_clock.h"
#include "util/units.h"
#include "util/xalloc.h"
#include "worker/message.h"
#include "worker/remote_loss.h"

#define MS        UINT64_C(1000000)
#define CALLS_MAX 2 /* one, and the STOP_ALL that ends it */
#define RETRY_NS  (300 * MS)
#define RETRIES_MAX \
	8 /* of one call, while the worker is heard of; each later than the one before */
#define GRACE_NS       (1500 * MS)   /* for an answer after the call's own limit */
#define NO_LIMIT_NS    (600000 * MS) /* calls that name no limit and have none: as in OMB */
#define PARTING_NS     (5000 * MS)

#define PROBES_AT_ONCE 8 /* before anything is asked; one second apart from then on */
#define PROBE_EACH_NS  (1000 * MS)

/* On top of what the worker says and the message takes: it is written, read and carried out. */
#define LEAD_NS        (20 * MS)
#define LEAD_BYTE_NS   50 /* at 1 Gbit/s, read as JSON and decoded */

/* Of instants: nobody sees whether a load begins so much earlier. */
#define ORIGIN_NS      (200 * UINT64_C(1000))

#define SMALL_ANSWER   65536
#define ANSWER_MAX     ((size_t)512 << 20) /* the names of a million topics are 50 MB */

struct remote_call {
	struct http_ask ask;
	struct remote *r;
	struct worker_call *call; /* NULL = the place is free */
	uint64_t id;
	struct text body;
	struct timer again;
	unsigned tries;
};

/* What goes on beside the calls: one request, again and again. */
struct remote_rhythm {
	struct http_ask ask;
	struct remote *r;
	struct timer next;
};

struct remote {
	struct worker base;
	struct http_client *http;
	int fd; /* of the client: one for each worker, so that all can be watched beside each other */
	struct arena arena;
	const char *url, *coordinator, *version;
	const char *calls_url, *session_url, *renew_url;
	unsigned index;
	struct remote_facts facts;
	struct clock_fit *fit;
	enum fact_clock_source clock_source;
	struct remote_session session;
	int64_t origin_ns; /* of instants, on our clock; 0 = not known yet */
	bool is_open;
	uint64_t heard_ns; /* when anything came from it for the last time */
	uint64_t next_id;
	unsigned probes;
	struct remote_call calls[CALLS_MAX];
	struct remote_rhythm opening, renewal, probing;
	struct text opening_body;
};

static struct remote *remote_of(const struct worker *w)
{
	return (struct remote *)(uintptr_t)w;
}

#define OWNER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* --- its clock ------------------------------------------------------------------------------------ */

/* Instants are told as since the session began, which each side has on its own clock: ours is what
 * is known of theirs.  It is kept as long as it may be true: two instants that are told one after the
 * other are exactly as far apart there as here. */
static struct message_clock clock_of(struct remote *r)
{
	uint64_t now_ns = clock_ns();
	struct clock_estimate e = clock_fit_at(r->fit, now_ns);
	int64_t origin_ns = (int64_t)r->session.origin_ns - e.offset_ns;
	int64_t off_ns = origin_ns - r->origin_ns;

	if (r->origin_ns == 0 || (uint64_t)llabs(off_ns) > e.error_ns + ORIGIN_NS)
		r->origin_ns = origin_ns;
	return (struct message_clock){
		.origin_ns = r->origin_ns > 0 ? (uint64_t)r->origin_ns : 0,
		.now_ns = now_ns,
	};
}

/* What a message takes to arrive, at most as far as is known. */
static uint64_t way_ns(const struct remote *r)
{
	return 2 * clock_fit_at(r->fit, clock_ns()).error_ns;
}

/* --- its end -------------------------------------------------------------------------------------- */

static void end_call(struct remote_call *c, const struct error *err)
{
	struct worker_call *call = c->call;

	http_client_cancel(c->r->http, &c->ask);
	http_client_cancel_timer(c->r->http, &c->again);
	c->call = NULL;
	text_fini(&c->body);
	if (err == NULL)
		return;
	call->err = *err;
	call->state = CALL_FAILED;
}

static void end_rhythm(struct remote *r, struct remote_rhythm *x)
{
	http_client_cancel(r->http, &x->ask);
	http_client_cancel_timer(r->http, &x->next);
}

/* Everything that is asked of it from now on is told the same. */
static void lose_because(struct remote *r, const struct error *err, const char *what)
{
	struct remote_loss loss = { .url = r->url,
		                    .what = what,
		                    .silence_ns = clock_ns() - r->heard_ns,
		                    .wall_ns = clock_wall_ns() };

	if (r->facts.stage == REMOTE_LOST)
		return;
	r->facts.why = *err;
	if (r->facts.stage == REMOTE_READY)
		remote_loss_tell(&r->facts.why, &loss);
	else
		remote_loss_tell_unreached(&r->facts.why, &loss);
	r->facts.stage = REMOTE_LOST;
	r->facts.lost_ns = clock_ns();
	end_rhythm(r, &r->opening);
	end_rhythm(r, &r->renewal);
	end_rhythm(r, &r->probing);
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (r->calls[i].call != NULL)
			end_call(&r->calls[i], &r->facts.why);
}

/* A connection broke, perhaps in the middle of an answer, or was never made; nobody has said that the worker is gone. */
static bool may_recover(const struct remote *r, const struct http_reply *a)
{
	return (a->status == 0 || a->status == 200) && !a->is_refused &&
	       a->err.kind != ERROR_TIMEOUT && clock_ns() - r->heard_ns < REMOTE_ANSWER_NS;
}

static void hear(struct remote *r, const struct http_reply *a)
{
	if (a->status != 0)
		r->heard_ns = clock_ns();
}

/* Its session is not known there. */
static void lose_session(struct remote *r, const char *what)
{
	struct error err;

	error_set(&err, ERROR_SYSTEM,
	          "its session has ended: it was started anew, or heard nothing of this "
	          "coordinator for %.0f s",
	          (double)REMOTE_LEASE_NS / 1e9);
	lose_because(r, &err, what);
}

/* --- asking --------------------------------------------------------------------------------------- */

static void send_ask(struct remote *r, struct remote_rhythm *x, const char *method, const char *url,
                     uint64_t limit_ns)
{
	x->ask.method = method;
	x->ask.url = url;
	x->ask.deadline_ns = clock_ns() + limit_ns;
	http_client_start(r->http, &x->ask);
}

static void set_rhythm(struct remote *r, struct remote_rhythm *x,
                       void (*done)(struct http_ask *, const struct http_reply *),
                       void (*due)(struct timer *, uint64_t))
{
	*x = (struct remote_rhythm){
		.r = r,
		.ask = { .done = done, .answer_max = SMALL_ANSWER, .may_repeat = true },
		.next = { .due = due },
	};
}

/* --- renewing ------------------------------------------------------------------------------------- */

static void renew(struct timer *t, uint64_t now_ns)
{
	struct remote_rhythm *x = OWNER(t, struct remote_rhythm, next);

	(void)now_ns;
	send_ask(x->r, x, "POST", x->r->renew_url, REMOTE_ANSWER_NS);
}

static void renewed(struct http_ask *ask, const struct http_reply *a)
{
	struct remote *r = OWNER(ask, struct remote_rhythm, ask)->r;

	hear(r, a);
	if (a->status == 404)
		lose_session(r, "renewing its session");
	else if (a->err.kind != ERROR_NONE && !may_recover(r, a))
		lose_because(r, &a->err, "renewing its session");
	else
		http_client_set_timer(
			r->http, &r->renewal.next,
			clock_ns() + (a->err.kind == ERROR_NONE ? REMOTE_RENEW_NS : RETRY_NS));
}

/* --- from the greeting to the session ------------------------------------------------------------- */

static void opened(struct http_ask *ask, const struct http_reply *a)
{
	struct remote *r = OWNER(ask, struct remote_rhythm, ask)->r;
	struct error err = a->err;

	hear(r, a);
	if (a->err.kind != ERROR_NONE && a->status != 0)
		(void)remote_error_read(a->body, a->body_len, &err);
	if (a->err.kind != ERROR_NONE ||
	    !remote_session_read(a->body, a->body_len, &r->session, &err)) {
		lose_because(r, &err, "opening a session");
		return;
	}
	r->is_open = true;
	r->facts.stage = REMOTE_READY;
	r->session_url = arena_printf(&r->arena, "%s/omb/v1/sessions/%s", r->url, r->session.id);
	r->calls_url = arena_printf(&r->arena, "%s/calls", r->session_url);
	r->renew_url = arena_printf(&r->arena, "%s/renew", r->session_url);
	http_client_set_timer(r->http, &r->renewal.next, clock_ns() + REMOTE_RENEW_NS);
}

static void open_session(struct remote *r)
{
	struct remote_opening o = { .version = r->version,
		                    .coordinator = r->coordinator,
		                    .worker = r->index,
		                    .lease_ns = REMOTE_LEASE_NS };

	remote_opening_write(&o, &r->opening_body);
	set_rhythm(r, &r->opening, opened, NULL);
	r->opening.ask.body = text_str(&r->opening_body);
	r->opening.ask.body_len = r->opening_body.len;
	r->opening.ask.content_type = "application/json";
	r->opening.ask.may_repeat = false;
	send_ask(r, &r->opening, "POST", arena_printf(&r->arena, "%s/omb/v1/sessions", r->url),
	         REMOTE_ANSWER_NS);
}

static void probe(struct timer *t, uint64_t now_ns)
{
	struct remote_rhythm *x = OWNER(t, struct remote_rhythm, next);

	(void)now_ns;
	send_ask(x->r, x, "GET", x->ask.url, REMOTE_ANSWER_NS);
}

/* Both hosts follow the time of day: the way between them does not matter. */
static bool take_system(struct remote *r, const struct remote_reading *reading, struct error *err)
{
	struct host_clock ours;

	if (!reading->has_system)
		return error_set(err, ERROR_UNSUPPORTED, "%s",
		                 reading->system_lack[0] != '\0'
		                         ? reading->system_lack
		                         : "it does not say how well its host is synchronised");
	if (!host_clock_read(&ours, err))
		return error_wrap(err, "of this host");
	const struct clock_system s = { ours.monotonic_ns, ours.wall_ns, ours.error_ns };
	(void)clock_fit_add_system(r->fit, &s, &reading->system);
	return true;
}

static bool take_reading(struct remote *r, const struct http_reply *a, struct error *err)
{
	struct remote_reading reading;

	if (!remote_reading_read(a->body, a->body_len, &reading, err))
		return false;
	if (r->clock_source == CLOCK_BY_SYSTEM)
		return take_system(r, &reading, err);
	const struct clock_probe p = { a->sent_ns, reading.received_ns, reading.sent_ns,
		                       a->answered_ns };
	(void)clock_fit_add(r->fit, &p);
	return true;
}

/* One without an answer is no reason to give the worker up, once there is a session: that is for the
 * renewals to find out. */
static void probed(struct http_ask *ask, const struct http_reply *a)
{
	struct remote *r = OWNER(ask, struct remote_rhythm, ask)->r;
	struct error err = a->err;

	hear(r, a);
	if (a->err.kind != ERROR_NONE || !take_reading(r, a, &err)) {
		clock_fit_lost(r->fit);
		if (r->facts.stage == REMOTE_GREETING) {
			lose_because(r, &err, "asking its clock");
			return;
		}
	} else {
		r->probes++;
	}
	if (r->probes == PROBES_AT_ONCE && r->facts.stage == REMOTE_GREETING &&
	    r->opening.ask.exchange == NULL)
		open_session(r);
	http_client_set_timer(r->http, &r->probing.next,
	                      clock_ns() + (r->probes < PROBES_AT_ONCE ? 0 : PROBE_EACH_NS));
}

static void greeted(struct http_ask *ask, const struct http_reply *a)
{
	struct remote *r = OWNER(ask, struct remote_rhythm, ask)->r;
	struct error err = a->err;

	hear(r, a);
	if (a->status == 404) {
		r->facts.stage = REMOTE_FOREIGN;
		return;
	}
	if (a->err.kind != ERROR_NONE) {
		lose_because(r, &err, NULL);
		return;
	}
	if (!remote_hello_read(a->body, a->body_len, &r->arena, &r->facts.hello, &err) ||
	    !remote_hello_check(&r->facts.hello, r->version, &err)) {
		lose_because(r, &err, NULL);
		return;
	}
	r->probing.ask.url = arena_printf(&r->arena, "%s/omb/v1/clock", r->url);
	probe(&r->probing.next, 0);
}

/* --- calls ---------------------------------------------------------------------------------------- */

static void send_call(struct remote_call *c)
{
	const struct worker_call *call = c->call;
	uint64_t limit_ns = worker_verbs[call->verb].limit_ns, now_ns = clock_ns();
	uint64_t deadline_ns = call->deadline_ns;

	if (deadline_ns == 0)
		deadline_ns = now_ns + (limit_ns == UINT64_MAX ? NO_LIMIT_NS : limit_ns);
	c->ask.deadline_ns = deadline_ns + GRACE_NS;
	c->ask.url = c->r->calls_url;
	c->ask.body = text_str(&c->body);
	c->ask.body_len = c->body.len;
	http_client_start(c->r->http, &c->ask);
}

static void send_again(struct timer *t, uint64_t now_ns)
{
	(void)now_ns;
	send_call(OWNER(t, struct remote_call, again));
}

static void take_answer(struct remote_call *c, const struct http_reply *a)
{
	struct message_clock clock = clock_of(c->r);
	struct worker_call *call = c->call;
	struct error err;
	uint64_t id = 0;
	bool ok = message_read_id(a->body, a->body_len, &id, &err) &&
	          (id == c->id ||
	           error_set(&err, ERROR_PROTOCOL, "it answered number %" PRIu64, id)) &&
	          message_read_answer(a->body, a->body_len, &clock, call, &err) &&
	          (call->state > CALL_RUNNING ||
	           error_set(&err, ERROR_PROTOCOL, "its answer says that there is none yet"));

	if (!ok) {
		call->state = CALL_RUNNING;
		lose_because(c->r, &err, worker_verb_name(call->verb));
		return;
	}
	if (call->state == CALL_DONE && call->verb == WORKER_CREATE_PRODUCERS)
		call->create_producers.lead_ns +=
			LEAD_NS + way_ns(c->r) + c->body.len * LEAD_BYTE_NS;
	end_call(c, NULL);
}

static void answered(struct http_ask *ask, const struct http_reply *a)
{
	struct remote_call *c = OWNER(ask, struct remote_call, ask);
	const char *verb = worker_verb_name(c->call->verb);
	struct remote *r = c->r;
	struct error err = a->err;

	hear(r, a);
	if (a->err.kind == ERROR_NONE) {
		take_answer(c, a);
	} else if (a->status == 404) {
		lose_session(r, verb);
	} else if (may_recover(r, a) && c->tries < RETRIES_MAX) {
		c->tries++;
		http_client_set_timer(r->http, &c->again, clock_ns() + c->tries * RETRY_NS);
	} else if (a->status == 0 || a->status == 200 || a->err.kind == ERROR_TIMEOUT) {
		lose_because(r, &err, verb);
	} else {
		/* It lives, and does not want to. */
		(void)remote_error_read(a->body, a->body_len, &err);
		error_wrap(&err, "worker %s", r->url);
		end_call(c, &err);
	}
}

static void remote_start(struct worker *w, struct worker_call *call)
{
	struct remote *r = remote_of(w);
	struct message_clock clock;
	size_t place = 0;

	if (r->facts.stage != REMOTE_READY) {
		assert(r->facts.stage == REMOTE_LOST);
		call->err = r->facts.why;
		call->state = CALL_FAILED;
		return;
	}
	if (!r->facts.hello.has[call->verb]) {
		worker_lacks(call);
		return;
	}
	while (place < CALLS_MAX && r->calls[place].call != NULL)
		place++;
	assert(place < CALLS_MAX);
	struct remote_call *c = &r->calls[place];
	clock = clock_of(r);
	c->call = call;
	c->id = ++r->next_id;
	c->tries = 0;
	text_fini(&c->body);
	message_write_ask(call, c->id, &clock, &c->body);
	send_call(c);
}

/* --- the form ------------------------------------------------------------------------------------- */

static int remote_fd(struct worker *w)
{
	return remote_of(w)->fd;
}

static void remote_serve(struct worker *w)
{
	http_client_serve(remote_of(w)->http);
}

static void parted(struct http_ask *ask, const struct http_reply *a)
{
	(void)a; /* whatever it says: its lease runs out */
	OWNER(ask, struct remote_rhythm, ask)->r->is_open = false;
}

/* The worker stops what is open, and is free for others. */
static void part(struct remote *r)
{
	set_rhythm(r, &r->opening, parted, NULL);
	send_ask(r, &r->opening, "DELETE", r->session_url, PARTING_NS);
	while (r->is_open) {
		struct pollfd fd = { .fd = r->fd, .events = POLLIN };
		poll(&fd, 1, -1);
		http_client_serve(r->http);
	}
}

static void remote_destroy(struct worker *w)
{
	struct remote *r = remote_of(w);

	for (size_t i = 0; i < CALLS_MAX; i++)
		if (r->calls[i].call != NULL)
			end_call(&r->calls[i], &(struct error){ .kind = ERROR_CANCELLED });
	end_rhythm(r, &r->opening);
	end_rhythm(r, &r->renewal);
	end_rhythm(r, &r->probing);
	if (r->is_open && r->facts.stage == REMOTE_READY)
		part(r);
	end_rhythm(r, &r->opening);
	file_close(r->fd);
	text_fini(&r->opening_body);
	clock_fit_destroy(r->fit);
	arena_fini(&r->arena);
	free(r);
}

static bool remote_is_gone(struct worker *w, struct error *why)
{
	const struct remote_facts *f = &remote_of(w)->facts;

	if (f->stage == REMOTE_LOST)
		*why = f->why;
	return f->stage == REMOTE_LOST;
}

static const struct worker_ops remote_ops = {
	.name = "remote",
	.start = remote_start,
	.fd = remote_fd,
	.serve = remote_serve,
	.destroy = remote_destroy,
	.is_gone = remote_is_gone,
};

static void learn_who_we_are(struct remote *r)
{
	struct environment us = { 0 };
	char host[HOST_NAME_MAX + 1] = "";

	environment_set_program(&us);
	r->version = us.version; /* static */
	(void)gethostname(host, sizeof(host) - 1);
	r->coordinator = arena_printf(&r->arena, "%s %ld", host, (long)getpid());
}

struct worker *worker_remote_create(const struct remote_options *options)
{
	struct remote *r = xcalloc(1, sizeof(*r));

	r->base.ops = &remote_ops;
	r->http = options->http;
	r->fd = fcntl(http_client_fd(options->http), F_DUPFD_CLOEXEC, 0);
	r->url = arena_strdup(&r->arena, options->url);
	learn_who_we_are(r);
	r->index = options->index;
	r->clock_source = options->clock_source;
	r->fit = clock_fit_create();
	r->facts.clock = r->fit;
	for (size_t i = 0; i < CALLS_MAX; i++)
		r->calls[i] = (struct remote_call){
			.r = r,
			.ask = { .method = "POST",
			         .content_type = "application/json",
			         .answer_max = ANSWER_MAX,
			         .may_repeat = true,
			         .done = answered },
			.again = { .due = send_again },
		};
	set_rhythm(r, &r->renewal, renewed, renew);
	set_rhythm(r, &r->probing, probed, probe);
	r->probing.ask.lane = HTTP_LANE_PROBES;
	set_rhythm(r, &r->opening, greeted, NULL);
	send_ask(r, &r->opening, "GET", arena_printf(&r->arena, "%s/omb/v1/hello", r->url),
	         REMOTE_ANSWER_NS);
	return &r->base;
}

const struct remote_facts *worker_remote_facts(const struct worker *w)
{
	assert(w->ops == &remote_ops);
	return &remote_of(w)->facts;
}

/* Clocks of two hosts count from each one's start: of one host they are the same. */
void worker_remote_introduce(const struct worker *w, struct text *out)
{
	const struct remote *r = remote_of(w);
	const struct remote_hello *hello = &r->facts.hello;
	struct clock_estimate e = clock_fit_at(r->fit, clock_ns());
	uint64_t size_ns = e.offset_ns < 0 ? (uint64_t)-e.offset_ns : (uint64_t)e.offset_ns;
	bool is_same = size_ns <= e.error_ns;
	char size[UNITS_TEXT], error[UNITS_TEXT];

	text_addf(out, "omb %s%s%s; its clock ", hello->version,
	          hello->name[0] != '\0' ? " on " : "", hello->name);
	if (is_same)
		text_add(out, "is ours");
	else
		text_addf(out, "%s %s", format_duration_short(size_ns, size),
		          e.offset_ns < 0 ? "behind" : "ahead");
	text_addf(out, ", known to %s", format_duration_short(e.error_ns, error));
}
