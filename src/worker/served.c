/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/served.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/xalloc.h"
#include "worker/omb_json.h"
#include "worker/served_state.h"

#define BODY_SMALL ((size_t)64 << 10)
#define BODY_LARGE OMB_BODY_MAX
#define BODY_FILE  ((size_t)4 << 20) /* as much as a YAML file may have (config/yaml.h) */

#define OWN        "/omb/v1/"

/* --- routes ------------------------------------------------------------------------------------------- */

struct route {
	const char *method, *path; /* one that ends in a slash has more behind it */
	enum worker_verb verb;     /* of OMB's protocol, where there is no handler */
	void (*handle)(struct served *s, struct http_request *r, const char *rest);
	size_t body_max;
	const char *help; /* for the documentation */
};

/* clang-format off */
static const struct route routes[] = {
	{ "POST", "/initialize-driver",   WORKER_INITIALIZE_DRIVER,    NULL, BODY_FILE,  "the driver's file, as it is" },
	{ "POST", "/create-topics",       WORKER_CREATE_TOPICS,        NULL, BODY_SMALL, "how many topics and partitions; answers their names" },
	{ "POST", "/create-consumers",    WORKER_CREATE_CONSUMERS,     NULL, BODY_LARGE, "a topic and a subscription for each consumer" },
	{ "POST", "/create-producers",    WORKER_CREATE_PRODUCERS,     NULL, BODY_LARGE, "a topic for each producer" },
	{ "POST", "/probe-producers",     WORKER_PROBE_PRODUCERS,      NULL, BODY_SMALL, "every producer sends one message" },
	{ "POST", "/start-load",          WORKER_START_LOAD,           NULL, BODY_LARGE, "payloads, rate and keys" },
	{ "POST", "/adjust-publish-rate", WORKER_ADJUST_PUBLISH_RATE,  NULL, BODY_SMALL, "a number" },
	{ "POST", "/pause-consumers",     WORKER_PAUSE_CONSUMERS,      NULL, BODY_SMALL, "nothing is received" },
	{ "POST", "/resume-consumers",    WORKER_RESUME_CONSUMERS,     NULL, BODY_SMALL, "it goes on" },
	{ "POST", "/reset-stats",         WORKER_RESET_STATS,          NULL, BODY_SMALL, "latencies begin anew" },
	{ "POST", "/stop-all",            WORKER_STOP_ALL,             NULL, BODY_SMALL, "stops and closes everything" },
	{ "GET",  "/counters-stats",      WORKER_COUNTERS_STATS,       NULL, BODY_SMALL, "totals since the last stop" },
	{ "GET",  "/period-stats",        WORKER_PERIOD_STATS,         NULL, BODY_SMALL, "since it was read before" },
	{ "GET",  "/cumulative-latencies", WORKER_CUMULATIVE_LATENCIES, NULL, BODY_SMALL, "since reset-stats, or it was read before" },
	{ "GET",    OWN "hello",     0, own_hello, BODY_SMALL, "who this is, and who has it" },
	{ "GET",    OWN "clock",     0, own_clock, BODY_SMALL, "when the request came and its answer left" },
	{ "POST",   OWN "sessions",  0, own_begin, BODY_SMALL, "begins a session" },
	{ "POST",   OWN "sessions/", 0, NULL,      BODY_LARGE, "ID/calls: a call; ID/renew: the lease" },
	{ "DELETE", OWN "sessions/", 0, own_end,   BODY_SMALL, "ID: ends it" },
};
/* clang-format on */

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static bool is_prefix(const char *path)
{
	size_t len = strlen(path);

	return path[len - 1] == '/';
}

/* *rest: what is behind the route's path.  NULL: there is none. */
static const struct route *find_route(const char *method, const char *path, const char **rest)
{
	for (size_t i = 0; i < ROUTES; i++) {
		const struct route *at = &routes[i];
		size_t len = strlen(at->path);
		bool is_it = is_prefix(at->path) ? strncmp(path, at->path, len) == 0
		                                 : strcmp(path, at->path) == 0;
		if (!is_it || strcmp(method, at->method) != 0)
			continue;
		*rest = path + len;
		return at;
	}
	return NULL;
}

static void not_found(struct http_request *r)
{
	struct error err;

	if (strncmp(r->path, OWN, strlen(OWN)) != 0) {
		served_answer_text(r, 404, "Not found");
		return;
	}
	error_set(&err, ERROR_USAGE, "there is no %s %s", r->method, r->path);
	served_answer_error(r, 404, &err);
}

/* Whose worker it is not must not disturb. */
static void handle_omb(struct served *s, enum worker_verb verb, struct http_request *r)
{
	struct text why = { 0 };

	if (!own_is_in_use(s)) {
		omb_ask(s, verb, r);
		return;
	}
	text_add(&why, "the worker is in use: ");
	(void)served_user(s, &why);
	served_log(s, "%s: refused: %s", worker_verb_name(verb), text_str(&why));
	served_answer(r, 409, SERVED_TEXT, &why);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void own_renew_or_none(struct served *s, struct http_request *r, const char *rest)
{
	if (ends_with(rest, "/renew"))
		own_renew(s, r, rest);
	else
		not_found(r);
}

static void handle(struct served *s, struct http_request *r)
{
	const char *rest = NULL;
	const struct route *at = find_route(r->method, r->path, &rest);

	if (at == NULL && strcmp(r->method, "HEAD") == 0 &&
	    find_route("GET", r->path, &rest) != NULL)
		served_answer(r, 200, SERVED_TEXT, NULL); /* as Java: without running it */
	else if (at == NULL)
		not_found(r);
	else if (at->handle != NULL)
		at->handle(s, r, rest);
	else if (!is_prefix(at->path))
		handle_omb(s, at->verb, r);
	else if (ends_with(rest, "/calls"))
		own_call(s, r, rest);
	else
		own_renew_or_none(s, r, rest);
}

/* --- the server's calls ------------------------------------------------------------------------------- */

/* In a time that tells its length alone. */
static bool is_token(const char *shown, const char *token)
{
	static const char scheme[] = "Bearer ";
	unsigned char differ = 0;

	if (shown == NULL || strncasecmp(shown, scheme, sizeof(scheme) - 1) != 0)
		return false;
	shown += sizeof(scheme) - 1;
	size_t len = strlen(token);
	if (strlen(shown) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)(shown[i] ^ token[i]);
	return differ == 0;
}

/* A page that a browser of this host has open must not use the worker: only browsers say Origin. */
static unsigned refuse(const struct served *s, const struct http_request *r, struct text *why)
{
	if (http_header(r, "Origin") != NULL) {
		text_add(why, "not for browsers");
		return 403;
	}
	if (s->options.token == NULL || is_token(http_header(r, "Authorization"), s->options.token))
		return 0;
	text_add(why, "Unauthorized");
	return 401;
}

static unsigned on_accepts(void *to, const struct http_request *r, size_t *body_max,
                           struct text *refusal)
{
	const char *rest;
	const struct route *at = find_route(r->method, r->path, &rest);

	*body_max = at != NULL ? at->body_max : BODY_SMALL;
	return refuse(to, r, refusal);
}

static void on_asked(void *to, struct http_request *r)
{
	handle(to, r);
}

static void on_left(void *to, struct http_request *r)
{
	struct served_waiter *w = r->context;

	(void)to;
	if (w != NULL && w->left != NULL)
		w->left(w, r);
}

static void on_done(void *to, struct http_request *r, bool delivered)
{
	struct served_waiter *w = r->context;

	(void)to;
	if (w != NULL && w->done != NULL)
		w->done(w, r, delivered);
}

const struct http_calls served_calls = {
	.accepts = on_accepts,
	.asked = on_asked,
	.left = on_left,
	.done = on_done,
};

/* --- the worker --------------------------------------------------------------------------------------- */

static void on_worker(struct watch *w, uint32_t events)
{
	struct served *s = (struct served *)((char *)w - offsetof(struct served, watch));

	(void)events;
	served_queue_serve(&s->queue);
}

struct served *served_create(const struct served_options *options, struct error *err)
{
	struct served *s = xcalloc(1, sizeof(*s));

	s->options = *options;
	s->queue.w = options->worker;
	s->watch.event = on_worker;
	if (poller_add(options->poller, &s->watch, worker_fd(options->worker), EPOLLIN, err))
		return s;
	served_destroy(s);
	return NULL;
}

void served_destroy(struct served *s)
{
	if (s == NULL)
		return;
	poller_remove(s->options.poller, &s->watch);
	served_queue_fini(&s->queue);
	omb_fini(s);
	own_fini(s);
	free(s);
}

static void on_stopped(struct served_call *c)
{
	served_call_destroy(c);
}

void served_stop(struct served *s)
{
	served_queue_add(&s->queue, served_call_create(WORKER_STOP_ALL, on_stopped, s));
}

static void on_looked(struct served_call *c)
{
	struct served *s = c->to;
	void (*told)(void *to, const struct fact_totals *totals) = s->told;

	s->told = NULL;
	told(s->told_to, c->call.state == CALL_DONE ? &c->call.totals : NULL);
	served_call_destroy(c);
}

void served_look(struct served *s, void (*told)(void *to, const struct fact_totals *totals),
                 void *to)
{
	struct served_call *c = served_call_create(WORKER_SNAPSHOT, on_looked, s);

	assert(s->told == NULL);
	s->told = told;
	s->told_to = to;
	c->call.totals.without_slowest = true; /* they are the coordinator's, once */
	served_queue_add(&s->queue, c);
}

bool served_is_idle(const struct served *s)
{
	return !served_queue_is_busy(&s->queue);
}
