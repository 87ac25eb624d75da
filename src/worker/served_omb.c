/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OMB's worker protocol, as its Java worker answers it.
 *
 * What is deliberately better: commands are carried out one after the other (there: beside each other,
 * without a lock), and one that comes again because its answer was lost makes nothing twice.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/names.h"
#include "util/clock.h"
#include "util/xalloc.h"
#include "worker/omb_json.h"
#include "worker/served_state.h"

#define ANSWER_FAILED "Internal server error"

/* One, and those that ask for the same again: a Java coordinator five times. */
#define WAITERS_MAX   8

/* Answers that nobody has had are kept of so many asks. */
#define LOST_MAX      16

/* Of producers that a worker may number from its base. */
#define ID_ROOM       (UINT32_C(1) << 24)

struct omb_ask {
	struct served_waiter base;
	struct served *served;
	enum worker_verb verb;
	uint64_t digest;
	struct http_request *waiters[WAITERS_MAX];
	struct omb_ask *next;
	bool is_complete;
	unsigned status;
	struct text answer; /* owned */
};

enum begun {
	BEGUN,   /* the call is filled in */
	NOTHING, /* there is nothing to do: 200, with what was added to the answer */
	REFUSED, /* *err */
};

struct omb_endpoint {
	enum begun (*begin)(struct served *s, const struct text *body, struct served_call *c,
	                    struct text *answer, struct error *err);
	/* After success: what it means, and the answer.  NULL = nothing, and an empty one. */
	void (*end)(struct served *s, struct served_call *c, struct text *answer);
	bool is_made; /* the same once more makes nothing, and gives the same answer */
};

/* --- what is there ------------------------------------------------------------------------------------ */

static uint64_t digest_of(const struct text *body)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < body->len; i++)
		hash = (hash ^ (unsigned char)body->data[i]) * UINT64_C(1099511628211);
	return hash ^ body->len;
}

static void forget(struct omb_made *m)
{
	text_fini(&m->answer);
	*m = (struct omb_made){ 0 };
}

static void forget_all(struct served *s)
{
	for (int v = 0; v < WORKER_VERB_COUNT; v++)
		forget(&s->omb.made[v]);
	s->omb.producers = 0;
	s->omb.is_broken = false;
}

static bool has(const struct served *s, enum worker_verb verb)
{
	return s->omb.made[verb].is_there;
}

/* Clients of which only some were made are no start for others. */
static bool needs_driver(const struct served *s, struct error *err)
{
	if (s->omb.is_broken)
		return error_set(err, ERROR_USAGE,
		                 "what came before has failed: stop-all comes first");
	return has(s, WORKER_INITIALIZE_DRIVER) ||
	       error_set(err, ERROR_USAGE, "no driver is present: initialize-driver comes first");
}

/* --- the endpoints ------------------------------------------------------------------------------------ */

static enum begun begin_nothing(struct served *s, const struct text *body, struct served_call *c,
                                struct text *answer, struct error *err)
{
	(void)s;
	(void)body;
	(void)c;
	(void)answer;
	(void)err;
	return BEGUN;
}

static enum begun begin_initialize(struct served *s, const struct text *body, struct served_call *c,
                                   struct text *answer, struct error *err)
{
	const struct served_settings *set = s->options.settings;
	char run_id[RUN_ID_CHARS + 1];

	(void)answer;
	if (has(s, WORKER_INITIALIZE_DRIVER)) {
		error_set(err, ERROR_USAGE, "a driver is present: stop-all comes first");
		return REFUSED;
	}
	run_id_format(run_id, (uint64_t)time(NULL), name_chance());
	/* Room behind it, so that numbers do not begin anew. */
	s->omb.id_base = (uint32_t)(name_chance() % (UINT32_MAX - ID_ROOM));
	c->call.initialize = (struct worker_initialize){
		.path = "posted to initialize-driver",
		.text = arena_strndup(&c->arena, text_str(body), body->len),
		.text_len = body->len,
		.lenient = true, /* as Java: other drivers' keys are passed over */
		.overrides = set->overrides,
		.overrides_count = set->overrides_count,
		.run_id = arena_strdup(&c->arena, run_id),
		.run_of_topic = true,
		.keep_topics = true, /* they are the coordinator's */
	};
	return served_may_initialize(s, &c->call.initialize, err) ? BEGUN : REFUSED;
}

static enum begun begin_topics(struct served *s, const struct text *body, struct served_call *c,
                               struct text *answer, struct error *err)
{
	struct omb_topics_info info;

	if (!needs_driver(s, err) || !omb_topics_info_read(text_str(body), body->len, &info, err))
		return REFUSED;
	if (info.topics == 0) {
		text_add(answer, "[ ]");
		return NOTHING;
	}
	c->call.create_topics = (struct worker_create_topics){ .topics = info.topics,
		                                               .partitions = info.partitions };
	return BEGUN;
}

static void end_topics(struct served *s, struct served_call *c, struct text *answer)
{
	struct omb_topics topics = { .names = c->call.create_topics.names,
		                     .count = c->call.create_topics.topics };

	(void)s;
	omb_topics_write(&topics, answer);
}

static enum begun begin_consumers(struct served *s, const struct text *body, struct served_call *c,
                                  struct text *answer, struct error *err)
{
	const struct served_settings *set = s->options.settings;
	struct omb_consumers list;

	(void)answer;
	if (!needs_driver(s, err) ||
	    !omb_consumers_read(text_str(body), body->len, &c->arena, &list, err))
		return REFUSED;
	if (has(s, WORKER_CREATE_CONSUMERS)) {
		error_set(err, ERROR_USAGE, "there are consumers already: stop-all comes first");
		return REFUSED;
	}
	if (list.count == 0)
		return NOTHING;
	c->call.create_consumers = (struct worker_create_consumers){
		.items = list.items,
		.count = list.count,
		.deal = set->deal,
		.consume = set->consume,
	};
	/* Messages of Java's producers have no stamps, those of other workers stamps by clocks that
	 * nobody has compared with ours. */
	c->call.create_consumers.consume.unstamped = true;
	c->call.create_consumers.consume.clocks_unknown = true;
	c->call.create_consumers.consume.own_first = s->omb.id_base;
	c->call.create_consumers.consume.own_count = ID_ROOM;
	return BEGUN;
}

static enum begun begin_producers(struct served *s, const struct text *body, struct served_call *c,
                                  struct text *answer, struct error *err)
{
	const struct served_settings *set = s->options.settings;
	struct omb_topics topics;

	(void)answer;
	if (!needs_driver(s, err) ||
	    !omb_topics_read(text_str(body), body->len, &c->arena, &topics, err))
		return REFUSED;
	if (has(s, WORKER_CREATE_PRODUCERS)) {
		error_set(err, ERROR_USAGE, "there are producers already: stop-all comes first");
		return REFUSED;
	}
	if (topics.count == 0)
		return NOTHING;
	c->call.create_producers = (struct worker_create_producers){
		.topics = topics.names,
		.count = topics.count,
		.window_messages = set->load.window_messages,
		.id_base = s->omb.id_base,
		.deal = set->deal,
	};
	return BEGUN;
}

static void end_producers(struct served *s, struct served_call *c, struct text *answer)
{
	(void)answer;
	s->omb.producers = (uint32_t)c->call.create_producers.count;
	s->omb.lead_ns = c->call.create_producers.lead_ns;
}

static bool check_load(const struct served *s, const struct omb_assignment *a, struct error *err)
{
	if (has(s, WORKER_START_LOAD))
		return error_set(err, ERROR_USAGE, "the load was started already");
	if (a->size == 0)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "the payloads are of several sizes: all have to be of one");
	return true;
}

static enum begun begin_load(struct served *s, const struct text *body, struct served_call *c,
                             struct text *answer, struct error *err)
{
	struct omb_assignment a;

	(void)answer;
	if (!needs_driver(s, err) ||
	    !omb_assignment_read(text_str(body), body->len, &c->arena, &a, err) ||
	    !check_load(s, &a, err))
		return REFUSED;
	if (s->omb.producers == 0)
		return NOTHING; /* the surplus ones of an ensemble are told too */
	struct load_spec *load = &c->call.load;
	*load = s->options.settings->load;
	load->mode = LOAD_PACED;
	load->epoch = (struct pacer_epoch){
		.start_ns = clock_ns() + s->omb.lead_ns,
		.micro_per_s = pacer_micro_per_s(a.rate_per_s),
	};
	load->first_producer = 0;
	load->producers = s->omb.producers;
	load->keys = a.keys;
	load->payload = (struct payload_spec){
		.size = a.size,
		.count = (uint32_t)a.count,
		.seed = load->seed,
		.contents = a.contents,
	};
	return BEGUN;
}

static enum begun begin_adjust(struct served *s, const struct text *body, struct served_call *c,
                               struct text *answer, struct error *err)
{
	double rate_per_s = 0;

	(void)answer;
	if (!omb_rate_read(text_str(body), body->len, &rate_per_s, err))
		return REFUSED;
	if (!has(s, WORKER_START_LOAD) || s->omb.producers == 0)
		return NOTHING; /* there, too, it changes a limiter that nobody asks */
	c->call.adjust = (struct worker_adjust){
		.epoch = { .start_ns = clock_ns() + s->omb.lead_ns,
		           .micro_per_s = pacer_micro_per_s(rate_per_s) },
		.forgive = true, /* only the search for the maximum adjusts, and there it is so */
	};
	return BEGUN;
}

static enum begun begin_probe(struct served *s, const struct text *body, struct served_call *c,
                              struct text *answer, struct error *err)
{
	(void)body;
	(void)c;
	(void)answer;
	(void)err;
	return s->omb.producers > 0 ? BEGUN : NOTHING;
}

/* Counts are those since the last stop: without a driver there are none. */
static enum begun begin_counters(struct served *s, const struct text *body, struct served_call *c,
                                 struct text *answer, struct error *err)
{
	const struct worker_counters none = { 0 };

	(void)body;
	(void)c;
	(void)err;
	if (has(s, WORKER_INITIALIZE_DRIVER))
		return BEGUN;
	omb_counters_write(&none, answer);
	return NOTHING;
}

static void end_counters(struct served *s, struct served_call *c, struct text *answer)
{
	(void)s;
	omb_counters_write(&c->call.counters, answer);
}

static void write_period(const struct worker_period *from, struct text *answer)
{
	struct omb_period period;

	omb_period_of(from, &period);
	omb_period_write(&period, answer);
	omb_period_fini(&period);
}

static enum begun begin_period(struct served *s, const struct text *body, struct served_call *c,
                               struct text *answer, struct error *err)
{
	const struct worker_period none = { 0 };

	(void)body;
	(void)c;
	(void)err;
	if (has(s, WORKER_INITIALIZE_DRIVER))
		return BEGUN;
	write_period(&none, answer);
	return NOTHING;
}

static void end_period(struct served *s, struct served_call *c, struct text *answer)
{
	(void)s;
	write_period(&c->call.period, answer);
}

static void write_latencies(const struct snapshot *from, struct text *answer)
{
	struct omb_latencies latencies;

	omb_latencies_of(from, &latencies);
	omb_latencies_write(&latencies, answer);
	omb_latencies_fini(&latencies);
}

static enum begun begin_latencies(struct served *s, const struct text *body, struct served_call *c,
                                  struct text *answer, struct error *err)
{
	const struct snapshot none = { 0 };

	(void)body;
	(void)c;
	(void)err;
	if (has(s, WORKER_INITIALIZE_DRIVER))
		return BEGUN;
	write_latencies(&none, answer);
	return NOTHING;
}

static void end_latencies(struct served *s, struct served_call *c, struct text *answer)
{
	(void)s;
	write_latencies(&c->call.period.interval, answer);
}

/* Whatever becomes of the calls that were under way: a new run begins. */
static enum begun begin_stop(struct served *s, const struct text *body, struct served_call *c,
                             struct text *answer, struct error *err)
{
	(void)body;
	(void)c;
	(void)answer;
	(void)err;
	forget_all(s);
	return BEGUN;
}

/* What became complete between the two. */
static void end_stop(struct served *s, struct served_call *c, struct text *answer)
{
	(void)c;
	(void)answer;
	forget_all(s);
}

/* clang-format off */
static const struct omb_endpoint endpoints[WORKER_VERB_COUNT] = {
	[WORKER_INITIALIZE_DRIVER]    = { begin_initialize, NULL, true },
	[WORKER_CREATE_TOPICS]        = { begin_topics, end_topics, true },
	[WORKER_CREATE_CONSUMERS]     = { begin_consumers, NULL, true },
	[WORKER_CREATE_PRODUCERS]     = { begin_producers, end_producers, true },
	[WORKER_PROBE_PRODUCERS]      = { begin_probe, NULL, false },
	[WORKER_START_LOAD]           = { begin_load, NULL, true },
	[WORKER_ADJUST_PUBLISH_RATE]  = { begin_adjust, NULL, false },
	[WORKER_PAUSE_CONSUMERS]      = { begin_nothing, NULL, false },
	[WORKER_RESUME_CONSUMERS]     = { begin_nothing, NULL, false },
	[WORKER_RESET_STATS]          = { begin_nothing, NULL, false },
	[WORKER_STOP_ALL]             = { begin_stop, end_stop, false },
	[WORKER_COUNTERS_STATS]       = { begin_counters, end_counters, false },
	[WORKER_PERIOD_STATS]         = { begin_period, end_period, false },
	[WORKER_CUMULATIVE_LATENCIES] = { begin_latencies, end_latencies, false },
};
/* clang-format on */

/* --- asks --------------------------------------------------------------------------------------------- */

static void ask_destroy(struct omb_ask *a)
{
	for (struct omb_ask **at = &a->served->omb.asks; *at != NULL; at = &(*at)->next) {
		if (*at != a)
			continue;
		*at = a->next;
		break;
	}
	text_fini(&a->answer);
	free(a);
}

static bool has_waiters(const struct omb_ask *a)
{
	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (a->waiters[i] != NULL)
			return true;
	return false;
}

/* Of those that nobody waits for the oldest ones go: the list is newest first. */
static void limit_lost(struct served *s)
{
	size_t lost = 0;

	for (struct omb_ask *a = s->omb.asks, *next; a != NULL; a = next) {
		next = a->next;
		if (a->is_complete && !has_waiters(a) && ++lost > LOST_MAX)
			ask_destroy(a);
	}
}

static void answer(const struct omb_ask *a, struct http_request *r)
{
	struct text body = { 0 };

	text_add_bytes(&body, text_str(&a->answer), a->answer.len);
	served_answer(r, a->status, SERVED_TEXT, &body);
}

static void on_left(struct served_waiter *w, struct http_request *r)
{
	(void)w;
	served_answer(r, 503, NULL, NULL); /* for nobody: it ends the connection */
}

/* One that was not delivered is kept for whoever asks again. */
static void on_done(struct served_waiter *w, struct http_request *r, bool delivered)
{
	struct omb_ask *a = (struct omb_ask *)w;

	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (a->waiters[i] == r)
			a->waiters[i] = NULL;
	if (!a->is_complete || has_waiters(a))
		return;
	if (delivered || a->status != 200)
		ask_destroy(a);
	else
		limit_lost(a->served);
}

static void complete(struct omb_ask *a, unsigned status)
{
	a->is_complete = true;
	a->status = status;
	if (status != 200) {
		text_fini(&a->answer);
		text_add(&a->answer, ANSWER_FAILED);
	}
	bool is_waited_for = has_waiters(a);
	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (a->waiters[i] != NULL && !a->waiters[i]->has_left)
			answer(a, a->waiters[i]);
	if (!is_waited_for && status != 200)
		ask_destroy(a);
}

static void fail(struct omb_ask *a, const struct error *err)
{
	served_log(a->served, "%s: %s", worker_verb_name(a->verb), err->text);
	complete(a, 500);
}

static void succeed(struct omb_ask *a)
{
	struct omb_made *made = &a->served->omb.made[a->verb];

	if (endpoints[a->verb].is_made) {
		forget(made);
		made->is_there = true;
		made->digest = a->digest;
		text_add_bytes(&made->answer, text_str(&a->answer), a->answer.len);
	}
	complete(a, 200);
}

static void on_stopped(struct served_call *c)
{
	served_call_destroy(c);
}

/* The Java worker must be started anew after that; here the next driver may come. */
static void undo_initialize(struct served *s)
{
	served_queue_add(&s->queue, served_call_create(WORKER_STOP_ALL, on_stopped, s));
}

static void on_ended(struct served_call *c)
{
	struct omb_ask *a = c->to;
	struct served *s = a->served;

	if (c->call.state == CALL_FAILED) {
		if (a->verb == WORKER_INITIALIZE_DRIVER && c->call.err.kind != ERROR_CANCELLED)
			undo_initialize(s);
		else if (endpoints[a->verb].is_made)
			s->omb.is_broken = true;
		fail(a, &c->call.err);
	} else {
		if (endpoints[a->verb].end != NULL)
			endpoints[a->verb].end(s, c, &a->answer);
		succeed(a);
	}
	served_call_destroy(c);
}

static void begin(struct omb_ask *a, const struct text *body)
{
	struct served *s = a->served;
	struct served_call *c = served_call_create(a->verb, on_ended, a);
	struct error err = { 0 };

	switch (endpoints[a->verb].begin(s, body, c, &a->answer, &err)) {
	case BEGUN:
		served_queue_add(&s->queue, c);
		return;
	case NOTHING:
		succeed(a);
		break;
	case REFUSED:
		fail(a, &err);
		break;
	}
	served_call_destroy(c);
}

static bool add_waiter(struct omb_ask *a, struct http_request *r)
{
	for (size_t i = 0; i < WAITERS_MAX; i++) {
		if (a->waiters[i] != NULL)
			continue;
		a->waiters[i] = r;
		r->context = &a->base;
		return true;
	}
	return false;
}

static bool is_waited_for(const struct omb_ask *a)
{
	for (size_t i = 0; i < WAITERS_MAX; i++)
		if (a->waiters[i] != NULL && !a->waiters[i]->has_left)
			return true;
	return false;
}

/* The ask that this one repeats: of a command that makes something any that is under way, else one
 * whose answer nobody has had and nobody waits for. */
static struct omb_ask *find_repeated(struct served *s, enum worker_verb verb, uint64_t digest)
{
	for (struct omb_ask *a = s->omb.asks; a != NULL; a = a->next) {
		if (a->verb != verb || a->digest != digest)
			continue;
		if (!is_waited_for(a) || (endpoints[verb].is_made && !a->is_complete))
			return a;
	}
	return NULL;
}

static bool join(struct served *s, enum worker_verb verb, uint64_t digest, struct http_request *r)
{
	struct omb_ask *a = find_repeated(s, verb, digest);

	if (a == NULL || !add_waiter(a, r))
		return false;
	served_log(s, "%s: asked for again", worker_verb_name(verb));
	if (a->is_complete)
		answer(a, r);
	return true;
}

/* Answers that nobody has had of a run that is over. */
static void forget_lost(struct served *s)
{
	for (struct omb_ask *a = s->omb.asks, *next; a != NULL; a = next) {
		next = a->next;
		if (a->is_complete && !has_waiters(a))
			ask_destroy(a);
	}
}

void omb_ask(struct served *s, enum worker_verb verb, struct http_request *r)
{
	uint64_t digest = digest_of(&r->body);
	const struct omb_made *made = &s->omb.made[verb];

	assert(endpoints[verb].begin != NULL);
	if (join(s, verb, digest, r))
		return;
	if (made->is_there && made->digest == digest) {
		struct text body = { 0 };
		text_add_bytes(&body, text_str(&made->answer), made->answer.len);
		served_answer(r, 200, SERVED_TEXT, &body);
		return;
	}
	if (verb == WORKER_STOP_ALL)
		forget_lost(s);
	struct omb_ask *a = xcalloc(1, sizeof(*a));
	*a = (struct omb_ask){
		.base = { .left = on_left, .done = on_done },
		.served = s,
		.verb = verb,
		.digest = digest,
		.next = s->omb.asks,
	};
	s->omb.asks = a;
	(void)add_waiter(a, r);
	begin(a, &r->body);
}

bool omb_is_in_use(const struct served *s)
{
	for (const struct omb_ask *a = s->omb.asks; a != NULL; a = a->next)
		if (!a->is_complete)
			return true;
	for (int v = 0; v < WORKER_VERB_COUNT; v++)
		if (s->omb.made[v].is_there)
			return true;
	return false;
}

void omb_fini(struct served *s)
{
	for (struct omb_ask *next, *a = s->omb.asks; a != NULL; a = next) {
		next = a->next;
		ask_destroy(a);
	}
	forget_all(s);
}
