/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/java.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "config/driver_render.h"
#include "http/client.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"
#include "worker/java_load.h"
#include "worker/java_totals.h"
#include "worker/omb_json.h"
#include "worker/remote_loss.h"

#define MS           UINT64_C(1000000)
#define CALLS_MAX    2             /* one, and the STOP_ALL that ends it */
#define GRACE_NS     (1500 * MS)   /* for an answer after the call's own limit */
#define NO_LIMIT_NS  (600000 * MS) /* as OMB's coordinator waits */

/* Probes that are still on their way would be taken for messages: so long nothing may arrive before the
 * load, and that is waited for so often at most. */
#define QUIET_NS     (100 * MS)
#define QUIET_LOOKS  20

/* From the call to the load: that, statistics, and a pool of payloads as JSON. */
#define LEAD_NS      (1000 * MS)
#define LEAD_BYTE_NS 150

struct java;

/* A call goes through requests, one after the other. */
struct java_call {
	struct http_ask ask;
	struct java *j;
	struct worker_call *call; /* NULL = the place is free */
	void (*next)(struct java_call *c, const struct http_reply *a);
	struct timer pause;
	void (*resume)(struct java_call *c);
	struct text body, url;
	struct worker_counters seen;
	unsigned looks;
};

struct java_edge {
	struct java *j;
	struct timer due;
	bool is_wanted; /* its time has come, and the statistics are to be read */
};

struct java {
	struct worker base;
	struct http_client *http;
	int fd; /* of the client: one for each worker */
	struct arena arena;
	const char *url;
	struct java_facts facts;
	uint64_t heard_ns;
	struct java_call calls[CALLS_MAX];

	/* Beside the calls: its counters, as a sign of life; the end of the load. */
	struct http_ask look, slow_down;
	struct timer look_again, load_end;

	/* One reads statistics at a time: for edges of the window, and for a call. */
	struct http_ask reader;
	bool reads_edge[FACT_EDGES];
	struct java_call *reads_for, *waits_to_read;

	struct java_totals totals;
	struct worker_window window;
	struct java_edge edges[FACT_EDGES];
	uint32_t producers;     /* of its own ... */
	uint32_t all_producers; /* ... of so many in the run */
	bool is_loading;
};

#define OWNER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static struct java *java_of(const struct worker *w)
{
	return (struct java *)(uintptr_t)w;
}

/* --- its end -------------------------------------------------------------------------------------- */

static void end_call(struct java_call *c, const struct error *err)
{
	struct worker_call *call = c->call;
	struct java *j = c->j;

	http_client_cancel(j->http, &c->ask);
	http_client_cancel_timer(j->http, &c->pause);
	text_fini(&c->body);
	text_fini(&c->url);
	c->call = NULL;
	if (j->reads_for == c)
		j->reads_for = NULL;
	if (j->waits_to_read == c)
		j->waits_to_read = NULL;
	if (err != NULL)
		call->err = *err;
	call->state = err != NULL ? CALL_FAILED : CALL_DONE;
}

static void end_load(struct java *j)
{
	http_client_cancel(j->http, &j->reader);
	http_client_cancel(j->http, &j->slow_down);
	http_client_cancel_timer(j->http, &j->load_end);
	for (size_t i = 0; i < FACT_EDGES; i++) {
		http_client_cancel_timer(j->http, &j->edges[i].due);
		j->edges[i].is_wanted = j->reads_edge[i] = false;
	}
	j->reads_for = j->waits_to_read = NULL;
	j->is_loading = false;
}

static void end_calls(struct java *j, const struct error *err)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (j->calls[i].call != NULL)
			end_call(&j->calls[i], err);
}

/* Everything that is asked of it from now on is told the same. */
static void lose(struct java *j, const struct error *err, const char *what)
{
	struct remote_loss loss = { .url = j->url,
		                    .what = what,
		                    .silence_ns = clock_ns() - j->heard_ns,
		                    .wall_ns = clock_wall_ns() };

	if (j->facts.stage == JAVA_LOST)
		return;
	j->facts.why = *err;
	if (j->facts.stage == JAVA_READY)
		remote_loss_tell(&j->facts.why, &loss);
	else
		remote_loss_tell_unreached(&j->facts.why, &loss);
	j->facts.stage = JAVA_LOST;
	j->facts.lost_ns = clock_ns();
	http_client_cancel(j->http, &j->look);
	http_client_cancel_timer(j->http, &j->look_again);
	end_load(j);
	end_calls(j, &j->facts.why);
}

static void hear(struct java *j, const struct http_reply *a)
{
	if (a->status != 0)
		j->heard_ns = clock_ns();
}

/* False: the call has failed, or the worker is lost. */
static bool is_good(struct java_call *c, const struct http_reply *a)
{
	struct java *j = c->j;
	struct error err = a->err;

	hear(j, a);
	if (a->err.kind == ERROR_NONE)
		return true;
	if (a->status == 0 || a->status == 200 || a->err.kind == ERROR_TIMEOUT) {
		lose(j, &err, worker_verb_name(c->call->verb));
		return false;
	}
	error_set(&err, ERROR_SYSTEM, "worker %s (OMB's own program): %s; its log says more",
	          j->url, a->err.text);
	end_call(c, &err);
	return false;
}

/* What it answered makes no sense. */
static void lose_by(struct java_call *c, const struct error *err)
{
	lose(c->j, err, worker_verb_name(c->call->verb));
}

/* --- requests ------------------------------------------------------------------------------------- */

static uint64_t limit_of(const struct worker_call *call)
{
	uint64_t limit_ns = worker_verbs[call->verb].limit_ns;

	if (call->deadline_ns != 0)
		return call->deadline_ns + GRACE_NS;
	return clock_ns() + (limit_ns == UINT64_MAX ? NO_LIMIT_NS : limit_ns);
}

static void call_done(struct http_ask *ask, const struct http_reply *a)
{
	struct java_call *c = OWNER(ask, struct java_call, ask);

	if (is_good(c, a))
		c->next(c, a);
}

/* The request's body is c->body. */
static void send(struct java_call *c, const char *method, const char *path,
                 void (*next)(struct java_call *, const struct http_reply *))
{
	text_fini(&c->url);
	text_addf(&c->url, "%s/%s", c->j->url, path);
	c->next = next;
	c->ask.method = method;
	c->ask.url = text_str(&c->url);
	c->ask.body = text_str(&c->body);
	c->ask.body_len = c->body.len;
	c->ask.may_repeat = strcmp(path, "counters-stats") == 0;
	c->ask.deadline_ns = limit_of(c->call);
	http_client_start(c->j->http, &c->ask);
}

static void send_empty(struct java_call *c, const char *method, const char *path,
                       void (*next)(struct java_call *, const struct http_reply *))
{
	text_fini(&c->body);
	send(c, method, path, next);
}

static void succeed(struct java_call *c, const struct http_reply *a)
{
	(void)a;
	end_call(c, NULL);
}

static bool take_counters(struct java_call *c, const struct http_reply *a,
                          struct worker_counters *out)
{
	struct error err;

	if (omb_counters_read(a->body, a->body_len, out, &err)) {
		java_totals_add_counters(&c->j->totals, out);
		return true;
	}
	lose_by(c, &err);
	return false;
}

/* --- reading statistics ----------------------------------------------------------------------------- */

/* An edge whose time has come goes before what a call wants to read. */
static void see_edges(struct java *j)
{
	uint64_t now_ns = clock_ns();
	const uint64_t at_ns[FACT_EDGES] = { j->window.start_ns, j->window.end_ns };

	for (size_t i = 0; i < FACT_EDGES; i++)
		if (now_ns >= at_ns[i] && j->totals.edges[i].at_ns == 0)
			j->edges[i].is_wanted = true;
}

static void begin_to_read(struct java *j)
{
	bool wants = j->waits_to_read != NULL;

	if (j->reader.exchange != NULL || !j->totals.is_based)
		return;
	see_edges(j);
	for (size_t i = 0; i < FACT_EDGES; i++) {
		j->reads_edge[i] = j->edges[i].is_wanted;
		j->edges[i].is_wanted = false;
		wants = wants || j->reads_edge[i];
	}
	if (!wants)
		return;
	j->reads_for = j->waits_to_read;
	j->waits_to_read = NULL;
	j->reader.deadline_ns = clock_ns() + JAVA_ANSWER_NS;
	http_client_start(j->http, &j->reader);
}

static void pass_edges(struct java *j)
{
	const uint64_t at_ns[FACT_EDGES] = { j->window.start_ns, j->window.end_ns };

	for (size_t i = 0; i < FACT_EDGES; i++)
		if (j->reads_edge[i])
			java_totals_pass(&j->totals, (enum fact_edge_of)i, at_ns[i]);
}

static void tell_totals(struct java_call *c)
{
	java_totals_tell(&c->j->totals, clock_ns(), &c->call->totals);
	end_call(c, NULL);
}

static void period_read(struct http_ask *ask, const struct http_reply *a)
{
	struct java *j = OWNER(ask, struct java, reader);
	struct omb_period period;
	struct error err = a->err;

	hear(j, a);
	/* What was in an answer that is lost is nowhere any more. */
	if (a->err.kind != ERROR_NONE || !omb_period_read(a->body, a->body_len, &period, &err)) {
		lose(j, &err, "reading its statistics");
		return;
	}
	java_totals_add_period(&j->totals, &period);
	omb_period_fini(&period);
	pass_edges(j);
	if (j->reads_for != NULL)
		tell_totals(j->reads_for);
	begin_to_read(j);
}

static void edge_due(struct timer *t, uint64_t now_ns)
{
	struct java_edge *e = OWNER(t, struct java_edge, due);

	(void)now_ns;
	e->is_wanted = true;
	begin_to_read(e->j);
}

static void snapshot_counted(struct java_call *c, const struct http_reply *a)
{
	struct worker_counters now;

	if (take_counters(c, a, &now))
		tell_totals(c);
}

static void snapshot(struct java_call *c)
{
	struct java *j = c->j;

	/* Before the load there are only probes, and nothing of them is kept. */
	if (c->call->totals.without_latencies || !j->totals.is_based) {
		send_empty(c, "GET", "counters-stats", snapshot_counted);
		return;
	}
	j->waits_to_read = c;
	begin_to_read(j);
}

/* --- from probes to the load ------------------------------------------------------------------------ */

static void drop_probes(struct java_call *c, const struct http_reply *a)
{
	struct omb_period period;
	struct error err;

	if (!omb_period_read(a->body, a->body_len, &period, &err)) {
		lose_by(c, &err);
		return;
	}
	java_totals_add_period(&c->j->totals, &period);
	omb_period_fini(&period);
	java_totals_begin(&c->j->totals);
	c->resume(c);
}

static void look_for_probes(struct java_call *c, const struct http_reply *a);

static void look_again(struct timer *t, uint64_t now_ns)
{
	struct java_call *c = OWNER(t, struct java_call, pause);

	(void)now_ns;
	send_empty(c, "GET", "counters-stats", look_for_probes);
}

static void look_for_probes(struct java_call *c, const struct http_reply *a)
{
	struct worker_counters now;

	if (!take_counters(c, a, &now))
		return;
	bool is_quiet =
		c->looks > 0 && now.sent == c->seen.sent && now.received == c->seen.received;
	c->seen = now;
	if (is_quiet || ++c->looks > QUIET_LOOKS) {
		send_empty(c, "GET", "period-stats", drop_probes);
		return;
	}
	c->pause.due = look_again;
	http_client_set_timer(c->j->http, &c->pause, clock_ns() + QUIET_NS);
}

/* Once for each run; then `resume`. */
static void await_quiet(struct java_call *c, void (*resume)(struct java_call *))
{
	c->resume = resume;
	c->looks = 0;
	if (c->j->totals.is_based)
		resume(c);
	else
		send_empty(c, "GET", "counters-stats", look_for_probes);
}

/* --- the load --------------------------------------------------------------------------------------- */

/* Of the whole run, each producer has its part. */
static double own_rate(const struct java *j, uint64_t micro_per_s)
{
	double all = j->all_producers > 0 ? j->all_producers : 1;

	return (double)micro_per_s / 1e6 * j->producers / all;
}

static void loading(struct java_call *c, const struct http_reply *a)
{
	(void)a;
	c->j->is_loading = true;
	end_call(c, NULL);
}

static void open_gate(struct timer *t, uint64_t now_ns)
{
	(void)now_ns;
	send(OWNER(t, struct java_call, pause), "POST", "start-load", loading);
}

static void prepare_load(struct java_call *c)
{
	const struct load_spec *load = &c->call->load;
	struct error err;

	c->j->all_producers = load->producers;
	c->j->totals.message_bytes = load->payload.size;
	text_fini(&c->body);
	if (!java_load_write(load, own_rate(c->j, load->epoch.micro_per_s), &c->body, &err)) {
		end_call(c, &err);
		return;
	}
	c->pause.due = open_gate;
	http_client_set_timer(c->j->http, &c->pause, load->epoch.start_ns);
}

static void start_load(struct java_call *c)
{
	struct error err;

	if (c->call->load.mode == LOAD_UNLIMITED) {
		error_set(&err, ERROR_UNSUPPORTED,
		          "worker %s is OMB's own program, whose rates are finite: producerRate "
		          "max needs workers of omb",
		          c->j->url);
		end_call(c, &err);
		return;
	}
	await_quiet(c, prepare_load);
}

static void adjust_rate(struct java_call *c)
{
	text_fini(&c->body);
	omb_rate_write(own_rate(c->j, c->call->adjust.epoch.micro_per_s), &c->body);
	send(c, "POST", "adjust-publish-rate", succeed);
}

/* --- the window --------------------------------------------------------------------------------------- */

static void slowed_down(struct http_ask *ask, const struct http_reply *a)
{
	struct java *j = OWNER(ask, struct java, slow_down);
	struct error err = a->err;

	hear(j, a);
	if (a->err.kind != ERROR_NONE)
		lose(j, &err, "ending its load");
}

/* Nobody can be told to send nothing and go on receiving. */
static void load_is_over(struct timer *t, uint64_t now_ns)
{
	struct java *j = OWNER(t, struct java, load_end);

	(void)now_ns;
	if (!j->is_loading || j->slow_down.exchange != NULL)
		return;
	j->is_loading = false;
	j->slow_down.deadline_ns = clock_ns() + JAVA_ANSWER_NS;
	http_client_start(j->http, &j->slow_down);
}

static void set_or_cancel(struct java *j, struct timer *t, uint64_t at_ns)
{
	if (at_ns == UINT64_MAX)
		http_client_cancel_timer(j->http, t);
	else
		http_client_set_timer(j->http, t, at_ns);
}

static void set_window(struct java_call *c)
{
	struct java *j = c->j;

	j->window = c->call->window;
	if (j->window.start_ns > clock_ns())
		java_totals_forget_edges(&j->totals);
	set_or_cancel(j, &j->edges[FACT_WINDOW_START].due,
	              j->totals.edges[FACT_WINDOW_START].at_ns == 0 ? j->window.start_ns
	                                                            : UINT64_MAX);
	set_or_cancel(j, &j->edges[FACT_WINDOW_END].due,
	              j->totals.edges[FACT_WINDOW_END].at_ns == 0 ? j->window.end_ns : UINT64_MAX);
	set_or_cancel(j, &j->load_end, j->window.load_end_ns);
	end_call(c, NULL);
}

/* --- everything else -------------------------------------------------------------------------------- */

static void send_driver(struct java_call *c, const struct http_reply *a)
{
	const struct worker_initialize *s = &c->call->initialize;
	struct config_mode mode = { .lenient = s->lenient,
		                    .overrides = s->overrides,
		                    .override_count = s->overrides_count };
	struct error err = { 0 };

	(void)a;
	text_fini(&c->body);
	if (driver_render(s->text, s->text_len, &mode, c->call->arena, &c->body, &err)) {
		send(c, "POST", "initialize-driver", succeed);
		return;
	}
	error_wrap(&err, "driver file %s", s->path);
	end_call(c, &err);
}

static void initialize(struct java_call *c)
{
	struct java *j = c->j;

	java_totals_fini(&j->totals);
	j->window = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	j->producers = j->all_producers = 0;
	send_empty(c, "POST", "stop-all", send_driver);
}

static void topics_created(struct java_call *c, const struct http_reply *a)
{
	struct worker_create_topics *s = &c->call->create_topics;
	struct omb_topics made;
	struct error err;

	if (!omb_topics_read(a->body, a->body_len, c->call->arena, &made, &err) ||
	    (made.count != s->topics &&
	     !error_set(&err, ERROR_PROTOCOL, "it made %zu topics instead of %u", made.count,
	                s->topics))) {
		lose_by(c, &err);
		return;
	}
	s->names = (const char **)(uintptr_t)made.names;
	end_call(c, NULL);
}

static void create_topics(struct java_call *c)
{
	const struct worker_create_topics *s = &c->call->create_topics;

	omb_topics_info_write(&(struct omb_topics_info){ s->topics, s->partitions }, &c->body);
	send(c, "POST", "create-topics", topics_created);
}

static void create_consumers(struct java_call *c)
{
	const struct worker_create_consumers *s = &c->call->create_consumers;

	omb_consumers_write(&(struct omb_consumers){ s->items, s->count }, &c->body);
	send(c, "POST", "create-consumers", succeed);
}

static void producers_created(struct java_call *c, const struct http_reply *a)
{
	const struct payload_spec *p = c->call->create_producers.payload;
	uint64_t bytes = p != NULL ? (uint64_t)p->size * p->count : 0;

	(void)a;
	c->j->producers = (uint32_t)c->call->create_producers.count;
	c->call->create_producers.lead_ns = LEAD_NS + bytes * LEAD_BYTE_NS;
	end_call(c, NULL);
}

static void create_producers(struct java_call *c)
{
	const struct worker_create_producers *s = &c->call->create_producers;

	omb_topics_write(&(struct omb_topics){ s->topics, s->count }, &c->body);
	send(c, "POST", "create-producers", producers_created);
}

static void counters_told(struct java_call *c, const struct http_reply *a)
{
	if (take_counters(c, a, &c->call->counters))
		end_call(c, NULL);
}

static void ask_counters(struct java_call *c)
{
	send_empty(c, "GET", "counters-stats", counters_told);
}

static void has_stopped(struct java_call *c, const struct http_reply *a)
{
	(void)a;
	java_totals_fini(&c->j->totals);
	end_call(c, NULL);
}

static void stop_all(struct java_call *c)
{
	struct java *j = c->j;
	struct error cancelled;

	error_set(&cancelled, ERROR_CANCELLED, "stopped");
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (j->calls[i].call != NULL && &j->calls[i] != c)
			end_call(&j->calls[i], &cancelled);
	end_load(j);
	send_empty(c, "POST", "stop-all", has_stopped);
}

static void window_announced(struct java_call *c)
{
	await_quiet(c, set_window);
}

static void post(struct java_call *c)
{
	send_empty(c, "POST", worker_verb_name(c->call->verb), succeed);
}

/* What is not here it does not have. */
static void (*const verbs[WORKER_VERB_COUNT])(struct java_call *c) = {
	[WORKER_INITIALIZE_DRIVER] = initialize,
	[WORKER_CREATE_TOPICS] = create_topics,
	[WORKER_CREATE_CONSUMERS] = create_consumers,
	[WORKER_CREATE_PRODUCERS] = create_producers,
	[WORKER_PROBE_PRODUCERS] = post,
	[WORKER_START_LOAD] = start_load,
	[WORKER_ADJUST_PUBLISH_RATE] = adjust_rate,
	[WORKER_PAUSE_CONSUMERS] = post,
	[WORKER_RESUME_CONSUMERS] = post,
	[WORKER_RESET_STATS] = post,
	[WORKER_STOP_ALL] = stop_all,
	[WORKER_COUNTERS_STATS] = ask_counters,
	[WORKER_SET_WINDOW] = window_announced,
	[WORKER_SNAPSHOT] = snapshot,
};

static void java_start(struct worker *w, struct worker_call *call)
{
	struct java *j = java_of(w);
	size_t place = 0;

	if (j->facts.stage != JAVA_READY) {
		assert(j->facts.stage == JAVA_LOST);
		call->err = j->facts.why;
		call->state = CALL_FAILED;
		return;
	}
	if (verbs[call->verb] == NULL) {
		worker_lacks(call);
		return;
	}
	while (place < CALLS_MAX && j->calls[place].call != NULL)
		place++;
	assert(place < CALLS_MAX);
	j->calls[place].call = call;
	verbs[call->verb](&j->calls[place]);
}

/* --- the form ----------------------------------------------------------------------------------------- */

static void looked(struct http_ask *ask, const struct http_reply *a)
{
	struct java *j = OWNER(ask, struct java, look);
	struct worker_counters now;
	struct error err = a->err;

	hear(j, a);
	if (a->err.kind != ERROR_NONE) {
		lose(j, &err, j->facts.stage == JAVA_READY ? "asking for its counters" : NULL);
		return;
	}
	if (!omb_counters_read(a->body, a->body_len, &now, &err)) {
		error_wrap(&err, "it is neither a worker of omb nor one of OMB");
		lose(j, &err, NULL);
		return;
	}
	j->facts.stage = JAVA_READY;
	http_client_set_timer(j->http, &j->look_again, clock_ns() + JAVA_LOOK_NS);
}

static void look_once_more(struct timer *t, uint64_t now_ns)
{
	struct java *j = OWNER(t, struct java, look_again);

	(void)now_ns;
	j->look.deadline_ns = clock_ns() + JAVA_ANSWER_NS;
	http_client_start(j->http, &j->look);
}

static int java_fd(struct worker *w)
{
	return java_of(w)->fd;
}

static void java_serve(struct worker *w)
{
	http_client_serve(java_of(w)->http);
}

static void java_destroy(struct worker *w)
{
	struct java *j = java_of(w);

	end_calls(j, &(struct error){ .kind = ERROR_CANCELLED });
	end_load(j);
	http_client_cancel(j->http, &j->look);
	http_client_cancel_timer(j->http, &j->look_again);
	java_totals_fini(&j->totals);
	file_close(j->fd);
	arena_fini(&j->arena);
	free(j);
}

static bool java_is_gone(struct worker *w, struct error *why)
{
	const struct java_facts *f = &java_of(w)->facts;

	if (f->stage == JAVA_LOST)
		*why = f->why;
	return f->stage == JAVA_LOST;
}

static const struct worker_ops java_ops = {
	.name = "java",
	.start = java_start,
	.fd = java_fd,
	.serve = java_serve,
	.destroy = java_destroy,
	.is_gone = java_is_gone,
};

static void describe_requests(struct java *j)
{
	struct http_ask get = { .method = "GET", .answer_max = OMB_BODY_MAX };

	j->look = j->reader = get;
	j->look.url = arena_printf(&j->arena, "%s/counters-stats", j->url);
	j->look.may_repeat = true;
	j->look.done = looked;
	j->look_again.due = look_once_more;
	j->reader.url = arena_printf(&j->arena, "%s/period-stats", j->url);
	j->reader.done = period_read;
	j->slow_down = (struct http_ask){
		.method = "POST",
		.url = arena_printf(&j->arena, "%s/adjust-publish-rate", j->url),
		.body = "1.0",
		.body_len = 3,
		.answer_max = OMB_BODY_MAX,
		.done = slowed_down,
	};
	j->load_end.due = load_is_over;
	for (size_t i = 0; i < FACT_EDGES; i++)
		j->edges[i] = (struct java_edge){ .j = j, .due = { .due = edge_due } };
	for (size_t i = 0; i < CALLS_MAX; i++)
		j->calls[i] = (struct java_call){
			.j = j,
			.ask = { .answer_max = OMB_BODY_MAX, .done = call_done },
		};
}

struct worker *worker_java_create(struct http_client *http, const char *url)
{
	struct java *j = xcalloc(1, sizeof(*j));

	j->base.ops = &java_ops;
	j->http = http;
	j->fd = fcntl(http_client_fd(http), F_DUPFD_CLOEXEC, 0);
	j->url = arena_strdup(&j->arena, url);
	j->window = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	describe_requests(j);
	look_once_more(&j->look_again, 0);
	return &j->base;
}

const struct java_facts *worker_java_facts(const struct worker *w)
{
	assert(w->ops == &java_ops);
	return &java_of(w)->facts;
}
