/* SPDX-License-Identifier: Apache-2.0 */
#include "days_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/xalloc.h"

#define LEASE_NS  (30 * DAYS_S)
#define RENEW_NS  (3 * DAYS_S)
#define SILENT_NS (10 * DAYS_S)
#define AGAIN_NS  (1 * DAYS_S)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool chance(struct world *w, unsigned of_1000)
{
	return rng_below(&w->rng, 1000) < of_1000;
}

/* --- the network ---------------------------------------------------------------------------------- */

static bool is_cut(const struct world *w, const struct day_host *h)
{
	return w->now_ns >= h->cut_ns && w->now_ns < h->mends_ns;
}

static void put(struct world *w, const struct day_letter *letter)
{
	uint64_t delay_ns = 100000 + rng_below(&w->rng, 5 * DAYS_MS);

	if (chance(w, w->late))
		delay_ns += rng_below(&w->rng, 4 * DAYS_S);
	if (w->letters_count == w->letters_cap) {
		w->letters_cap = w->letters_cap ? 2 * w->letters_cap : 64;
		w->letters = xrealloc(w->letters, w->letters_cap * sizeof(*w->letters));
	}
	w->letters[w->letters_count] = *letter;
	w->letters[w->letters_count++].at_ns = w->now_ns + delay_ns;
}

static void send(struct world *w, const struct day_letter *letter)
{
	if (is_cut(w, &w->links[letter->worker].host) || chance(w, w->loss))
		return;
	put(w, letter);
	if (chance(w, w->twice))
		put(w, letter);
}

/* --- hosts ---------------------------------------------------------------------------------------- */

static bool stands(const struct world *w, const struct day_host *h)
{
	return w->now_ns >= h->stops_ns && w->now_ns < h->resumes_ns;
}

/* What its agents did meanwhile: they go on while their worker stands still. */
static void count(const struct world *w, struct day_host *h)
{
	uint64_t gate_ns = h->load.epoch.start_ns + h->step_ns;
	uint64_t from_ns = h->counted_ns > gate_ns ? h->counted_ns : gate_ns;
	uint64_t until_ns = least(w->now_ns, h->load_end_ns);

	h->counted_ns = w->now_ns;
	if (!h->loading || h->dead || until_ns <= from_ns)
		return;
	h->due += (double)h->load.epoch.micro_per_s / 1e6 * (double)h->producers /
	          (double)h->load.producers * (double)(until_ns - from_ns) / 1e9;
	h->now.sent = (uint64_t)h->due;
	h->now.acknowledged = h->now.sent > 2 ? h->now.sent - 2 : 0;
}

/* Every message comes at once to one consumer, on the worker that the producers' has a fixed place by. */
static void deliver(struct world *w)
{
	unsigned consumers[DAYS_WORKERS], n = 0;

	for (unsigned i = 0; i < w->count; i++)
		if (w->links[i].host.consumers > 0 && !w->links[i].host.dead)
			consumers[n++] = i;
	for (unsigned i = 0; i < w->count && n > 0; i++)
		w->links[i].host.now.received = 0;
	for (unsigned i = 0; i < w->count && n > 0; i++)
		w->links[consumers[i % n]].host.now.received += w->links[i].host.now.acknowledged;
}

static void stop_load(struct day_host *h)
{
	h->now.acknowledged = h->now.sent;
	h->loading = false;
}

static void reply(struct world *w, unsigned worker, uint64_t id, bool is_stop,
                  const struct worker_call *call)
{
	struct day_letter letter = {
		.id = id,
		.what = DAY_REPLY,
		.worker = worker,
		.is_stop = is_stop,
		.call = *call,
		.counts = w->links[worker].host.now,
	};

	send(w, &letter);
}

static void answer(struct world *w, unsigned worker, bool is_stop, const struct worker_call *call)
{
	struct day_host *h = &w->links[worker].host;
	struct text line = { 0 };

	h->is_running[is_stop] = false;
	if (!h->session.is_live)
		return;
	text_add_bytes(&line, call, sizeof(*call));
	text_add_bytes(&line, &h->now, sizeof(h->now));
	session_answered(&h->session, h->running_id[is_stop], is_stop, &line);
	reply(w, worker, h->running_id[is_stop], is_stop, call);
}

static void carry_out(struct world *w, unsigned worker, struct worker_call *call)
{
	struct day_host *h = &w->links[worker].host;

	h->executed[call->verb]++;
	count(w, h);
	deliver(w);
	switch ((int)call->verb) {
	case WORKER_CREATE_CONSUMERS:
		h->consumers = call->create_consumers.count;
		break;
	case WORKER_CREATE_PRODUCERS:
		h->producers = call->create_producers.count;
		break;
	case WORKER_SET_WINDOW:
		h->load_end_ns = call->window.load_end_ns;
		break;
	case WORKER_START_LOAD:
		h->load = call->load;
		h->loading = true;
		break;
	case WORKER_FINISH:
	case WORKER_STOP_ALL:
		stop_load(h);
		deliver(w);
		break;
	default:
		break;
	}
	call->state = CALL_DONE;
}

static void begin(struct world *w, const struct day_letter *letter)
{
	struct day_host *h = &w->links[letter->worker].host;
	bool is_slow = letter->call.verb == WORKER_INITIALIZE_DRIVER ||
	               letter->call.verb == WORKER_CREATE_PRODUCERS ||
	               letter->call.verb == WORKER_FINISH || letter->is_stop;

	if (letter->is_stop && h->is_running[false]) {
		struct worker_call cancelled = h->running[false];
		error_set(&cancelled.err, ERROR_CANCELLED, "cancelled by stop-all");
		cancelled.state = CALL_FAILED;
		answer(w, letter->worker, false, &cancelled);
	}
	h->running[letter->is_stop] = letter->call;
	h->running_id[letter->is_stop] = letter->id;
	h->is_running[letter->is_stop] = true;
	h->ends_ns[letter->is_stop] =
		w->now_ns + 1000 + rng_below(&w->rng, is_slow ? 2 * DAYS_S : 3 * DAYS_MS);
}

static void repeat(struct world *w, const struct day_letter *ask, const struct text *line)
{
	struct day_letter letter = {
		.id = ask->id, .what = DAY_REPLY, .worker = ask->worker, .is_stop = ask->is_stop
	};

	memcpy(&letter.call, line->data, sizeof(letter.call));
	memcpy(&letter.counts, line->data + sizeof(letter.call), sizeof(letter.counts));
	send(w, &letter);
}

static void host_takes(struct world *w, const struct day_letter *letter)
{
	struct day_host *h = &w->links[letter->worker].host;
	struct day_letter back = { .worker = letter->worker, .id = letter->id };
	const struct text *line = NULL;

	back.what = h->dead ? DAY_REFUSED : DAY_UNKNOWN;
	if (h->dead || !h->session.is_live) {
		send(w, &back);
		return;
	}
	session_renew(&h->session, w->now_ns);
	back.what = DAY_RENEWED;
	if (letter->what == DAY_RENEW) {
		send(w, &back);
		return;
	}
	switch (session_ask(&h->session, letter->id, letter->is_stop, &line)) {
	case SESSION_START:
		begin(w, letter);
		break;
	case SESSION_REPEAT:
		repeat(w, letter, line);
		break;
	case SESSION_JOIN:
	case SESSION_BUSY:
	case SESSION_OLD:
		break;
	}
}

/* A worker of which nobody hears ends its load. */
static void end_session(struct day_host *h)
{
	session_end(&h->session);
	h->is_running[0] = h->is_running[1] = false;
	stop_load(h);
}

static void host_lives(struct world *w, unsigned worker)
{
	struct day_host *h = &w->links[worker].host;

	if (!h->dead && w->now_ns >= h->dies_ns) {
		count(w, h);
		h->dead = true;
		end_session(h);
	}
	if (h->dead || stands(w, h))
		return;
	if (h->session.is_live && w->now_ns >= session_over_ns(&h->session)) {
		count(w, h);
		end_session(h);
	}
	for (int i = 0; i < 2; i++) {
		struct worker_call call = h->running[i];
		if (!h->is_running[i] || w->now_ns < h->ends_ns[i] || w->now_ns >= h->wedged_ns)
			continue;
		carry_out(w, worker, &call);
		answer(w, worker, i == 1, &call);
	}
}

static uint64_t host_next_ns(const struct world *w, const struct day_host *h)
{
	uint64_t next_ns = h->dead ? DAYS_NEVER : h->dies_ns;

	if (stands(w, h))
		return least(next_ns, h->resumes_ns);
	if (h->session.is_live)
		next_ns = least(next_ns, session_over_ns(&h->session));
	for (int i = 0; i < 2; i++)
		if (h->is_running[i] && h->ends_ns[i] < h->wedged_ns)
			next_ns = least(next_ns, h->ends_ns[i]);
	return next_ns;
}

/* --- links ---------------------------------------------------------------------------------------- */

static struct day_link *link_of(struct worker *w)
{
	return (struct day_link *)w;
}

static void ask(struct day_link *l, bool is_stop)
{
	struct day_letter letter = {
		.id = l->ids[is_stop],
		.what = DAY_ASK,
		.worker = l->index,
		.is_stop = is_stop,
		.call = *l->calls[is_stop],
	};

	l->again_ns[is_stop] = l->world->now_ns + AGAIN_NS;
	send(l->world, &letter);
}

static void end_call(struct day_link *l, bool is_stop, const struct error *err)
{
	struct worker_call *call = l->calls[is_stop];

	l->calls[is_stop] = NULL;
	call->state = err == NULL ? CALL_DONE : CALL_FAILED;
	if (err != NULL)
		call->err = *err;
}

static void lose(struct day_link *l, const char *why)
{
	if (l->gone)
		return;
	l->gone = true;
	error_set(&l->why, ERROR_SYSTEM, "%s", why);
	for (int i = 0; i < 2; i++)
		if (l->calls[i] != NULL)
			end_call(l, i == 1, &l->why);
}

static void link_start(struct worker *w, struct worker_call *call)
{
	struct day_link *l = link_of(w);
	bool is_stop = call->verb == WORKER_STOP_ALL;

	assert_null(l->calls[is_stop]);
	l->calls[is_stop] = call;
	l->ids[is_stop] = ++l->next_id;
	if (l->gone)
		end_call(l, is_stop, &l->why);
	else
		ask(l, is_stop);
}

static int link_fd(struct worker *w)
{
	(void)w;
	return -1;
}

static bool ends_by_its_deadline(const struct worker_call *call)
{
	return call->verb != WORKER_FINISH && call->verb != WORKER_STOP_ALL;
}

static void renew(struct day_link *l)
{
	struct day_letter letter = { .what = DAY_RENEW, .worker = l->index };

	if (l->unheard_ns == DAYS_NEVER)
		l->unheard_ns = l->world->now_ns;
	l->renew_ns = l->world->now_ns + RENEW_NS;
	send(l->world, &letter);
}

static void link_serve(struct worker *w)
{
	struct day_link *l = link_of(w);
	uint64_t now_ns = l->world->now_ns;
	struct error late;

	error_set(&late, ERROR_TIMEOUT, "not complete in time");
	if (l->gone)
		return;
	if (now_ns >= l->unheard_ns && now_ns - l->unheard_ns >= SILENT_NS) {
		lose(l, "no sign of life for 10 s");
		return;
	}
	if (now_ns >= l->renew_ns)
		renew(l);
	for (int i = 0; i < 2; i++) {
		struct worker_call *call = l->calls[i];
		if (call != NULL && ends_by_its_deadline(call) && now_ns >= call->deadline_ns)
			end_call(l, i == 1, &late);
		else if (call != NULL && now_ns >= l->again_ns[i])
			ask(l, i == 1);
	}
}

static void link_destroy(struct worker *w)
{
	(void)w;
}

static bool link_is_gone(struct worker *w, struct error *why)
{
	if (link_of(w)->gone)
		*why = link_of(w)->why;
	return link_of(w)->gone;
}

static const struct worker_ops link_ops = {
	.name = "link",
	.start = link_start,
	.fd = link_fd,
	.serve = link_serve,
	.destroy = link_destroy,
	.is_gone = link_is_gone,
};

static void fill_totals(const struct day_link *l, struct worker_call *call, struct fact_totals *t)
{
	const struct day_counts *c = &l->told;
	bool without = t->without_latencies;

	*t = (struct fact_totals){ .without_latencies = without };
	t->snapshot.taken_ns = l->world->now_ns;
	t->agents = arena_alloc(call->arena, 2 * sizeof(*t->agents));
	t->agents_count = 2;
	t->agents[0].role = AGENT_PRODUCER;
	t->agents[1].role = AGENT_CONSUMER;
	t->agents[0].counters[COUNTER_SENT] = c->sent;
	t->agents[0].counters[COUNTER_ACKNOWLEDGED] = c->acknowledged;
	t->agents[1].counters[COUNTER_RECEIVED] = c->received;
	for (int k = 0; k < COUNTER_COUNT; k++)
		t->snapshot.counters[k] = t->agents[0].counters[k] + t->agents[1].counters[k];
	if (!without)
		hist_copy_record(&t->snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH], 5000,
		                 c->acknowledged);
}

static void take_reply(struct day_link *l, const struct day_letter *letter)
{
	struct worker_call *call = l->calls[letter->is_stop];

	if (call == NULL || l->ids[letter->is_stop] != letter->id)
		return; /* nobody asks for it any more */
	if (letter->call.state == CALL_FAILED) {
		end_call(l, letter->is_stop, &letter->call.err);
		return;
	}
	if (call->verb == WORKER_SNAPSHOT || call->verb == WORKER_FINISH) {
		l->told = letter->counts;
		fill_totals(l, call,
		            call->verb == WORKER_FINISH ? &call->finish.totals : &call->totals);
	}
	if (call->verb == WORKER_CREATE_PRODUCERS)
		call->create_producers.lead_ns = 50 * DAYS_MS;
	end_call(l, letter->is_stop, NULL);
}

static void link_takes(struct world *w, const struct day_letter *letter)
{
	struct day_link *l = &w->links[letter->worker];

	if (l->gone || w->ensemble == NULL)
		return;
	l->unheard_ns = DAYS_NEVER;
	if (letter->what == DAY_REFUSED)
		lose(l, "connection refused");
	else if (letter->what == DAY_UNKNOWN)
		lose(l, "its lease has run out");
	else if (letter->what == DAY_REPLY)
		take_reply(l, letter);
}

static uint64_t link_next_ns(const struct day_link *l)
{
	uint64_t next_ns = l->renew_ns;

	if (l->gone)
		return DAYS_NEVER;
	if (l->unheard_ns != DAYS_NEVER)
		next_ns = least(next_ns, l->unheard_ns + SILENT_NS);
	for (int i = 0; i < 2; i++) {
		const struct worker_call *call = l->calls[i];
		if (call == NULL)
			continue;
		next_ns = least(next_ns, l->again_ns[i]);
		if (ends_by_its_deadline(call))
			next_ns = least(next_ns, call->deadline_ns);
	}
	return next_ns;
}

/* --- time ----------------------------------------------------------------------------------------- */

static uint64_t world_now_ns(void *to)
{
	return ((struct world *)to)->now_ns;
}

/* The first that has come by now; those for who stands still wait.  False: none. */
static bool take_letter(struct world *w, bool coordinator_stands, struct day_letter *out)
{
	size_t first = SIZE_MAX;

	for (size_t i = 0; i < w->letters_count; i++) {
		const struct day_letter *l = &w->letters[i];
		bool to_host = l->what == DAY_ASK || l->what == DAY_RENEW;
		bool waits = to_host ? stands(w, &w->links[l->worker].host) : coordinator_stands;

		if (l->at_ns <= w->now_ns && !waits &&
		    (first == SIZE_MAX || l->at_ns < w->letters[first].at_ns))
			first = i;
	}
	if (first == SIZE_MAX)
		return false;
	*out = w->letters[first];
	w->letters[first] = w->letters[--w->letters_count];
	return true;
}

/* False: nothing came to the coordinator. */
static bool carry_letters(struct world *w, bool coordinator_stands)
{
	struct day_letter letter;
	bool came = false;

	while (take_letter(w, coordinator_stands, &letter)) {
		bool to_host = letter.what == DAY_ASK || letter.what == DAY_RENEW;
		if (to_host) {
			host_takes(w, &letter);
			continue;
		}
		link_takes(w, &letter);
		came = true;
	}
	return came;
}

static uint64_t next_ns(const struct world *w)
{
	uint64_t at_ns = DAYS_NEVER;

	for (unsigned i = 0; i < w->count; i++) {
		at_ns = least(at_ns, host_next_ns(w, &w->links[i].host));
		if (w->ensemble != NULL)
			at_ns = least(at_ns, link_next_ns(&w->links[i]));
	}
	for (size_t i = 0; i < w->letters_count; i++)
		if (w->letters[i].at_ns > w->now_ns)
			at_ns = least(at_ns, w->letters[i].at_ns);
	return at_ns;
}

static void all_hosts_live(struct world *w)
{
	for (unsigned i = 0; i < w->count; i++)
		host_lives(w, i);
}

/* Everybody else goes on while the coordinator stands still. */
static void stand(struct world *w)
{
	uint64_t until_ns = w->now_ns + w->coordinator_stands_ns;

	w->coordinator_stops_ns = DAYS_NEVER;
	while (w->now_ns < until_ns) {
		w->now_ns = least(w->now_ns + 50 * DAYS_MS, until_ns);
		all_hosts_live(w);
		(void)carry_letters(w, true);
	}
}

void world_wait(struct world *w, uint64_t until_ns)
{
	bool came = false;

	while (!came && w->now_ns < until_ns) {
		uint64_t at_ns = least(next_ns(w), until_ns);

		w->now_ns = at_ns > w->now_ns ? at_ns : w->now_ns;
		if (w->now_ns >= w->coordinator_stops_ns)
			stand(w);
		all_hosts_live(w);
		came = carry_letters(w, false);
		came |= w->ensemble != NULL && next_ns(w) <= w->now_ns;
	}
}

/* --- days ----------------------------------------------------------------------------------------- */

static void plan_host(struct world *w, struct day_host *h, uint64_t begin_ns)
{
	uint64_t at_ns = begin_ns + rng_below(&w->rng, 30 * DAYS_S);

	h->dies_ns = h->stops_ns = h->resumes_ns = h->cut_ns = h->mends_ns = DAYS_NEVER;
	h->load_end_ns = h->wedged_ns = DAYS_NEVER;
	switch (rng_below(&w->rng, 13)) {
	case 0:
		h->dies_ns = at_ns;
		break;
	case 1:
		h->stops_ns = at_ns;
		h->resumes_ns = at_ns + 1 + rng_below(&w->rng, 60 * DAYS_S);
		break;
	case 2:
		h->cut_ns = at_ns;
		h->mends_ns = at_ns + 1 + rng_below(&w->rng, 60 * DAYS_S);
		break;
	case 3:
		h->step_ns = rng_below(&w->rng, 3 * DAYS_S);
		break;
	case 4:
		h->wedged_ns = at_ns;
		break;
	default:
		break;
	}
}

static void make_ensemble(struct world *w)
{
	struct ensemble_member members[DAYS_WORKERS];
	struct ensemble_options o = { .members = members,
		                      .count = w->count,
		                      .tolerate_losses = w->tolerate,
		                      .now_ns = world_now_ns,
		                      .to = w };
	enum share_role roles[DAYS_WORKERS];
	struct error err;

	shares_roles(w->count, chance(w, 500), roles);
	for (unsigned i = 0; i < w->count; i++) {
		struct day_link *l = &w->links[i];
		(void)snprintf(l->label, sizeof(l->label), "http://w%u", i);
		members[i] = (struct ensemble_member){
			.worker = &l->base, .name = "", .url = l->label, .role = roles[i]
		};
		if (chance(w, 200))
			members[i].role = SHARE_BOTH;
	}
	w->ensemble = ensemble_create(&o, &err);
	assert_non_null(w->ensemble);
}

void world_init(struct world *w, uint64_t seed)
{
	static const unsigned char id[SESSION_ID_CHARS / 2];
	static const unsigned losses[] = { 0, 0, 10, 100, 300 };

	*w = (struct world){ .rng = { seed }, .now_ns = 1000 * DAYS_S };
	w->count = 1 + (unsigned)rng_below(&w->rng, DAYS_WORKERS);
	w->tolerate = (unsigned)rng_below(&w->rng, 3);
	w->loss = losses[rng_below(&w->rng, 5)];
	w->twice = losses[rng_below(&w->rng, 5)];
	w->late = losses[rng_below(&w->rng, 5)];
	w->coordinator_stops_ns = DAYS_NEVER;
	if (chance(w, 150))
		w->coordinator_stops_ns = w->now_ns + rng_below(&w->rng, 30 * DAYS_S);
	w->coordinator_stands_ns = 1 + rng_below(&w->rng, 60 * DAYS_S);
	for (unsigned i = 0; i < w->count; i++) {
		struct day_link *l = &w->links[i];

		*l = (struct day_link){ .base = { &link_ops }, .world = w, .index = i };
		l->unheard_ns = DAYS_NEVER;
		l->renew_ns = w->now_ns + RENEW_NS;
		plan_host(w, &l->host, w->now_ns);
		session_begin(&l->host.session, id, "days", LEASE_NS, w->now_ns);
	}
	make_ensemble(w);
}

void world_fini(struct world *w)
{
	if (w->ensemble != NULL)
		worker_destroy(w->ensemble);
	for (unsigned i = 0; i < w->count; i++)
		session_end(&w->links[i].host.session);
	free(w->letters);
}

bool world_was_bad_for(const struct world *w, unsigned worker)
{
	const struct day_host *h = &w->links[worker].host;

	return h->dies_ns <= w->now_ns || h->stops_ns <= w->now_ns || h->cut_ns <= w->now_ns ||
	       h->wedged_ns <= w->now_ns || w->loss >= 100 || w->late >= 100 ||
	       (w->coordinator_stops_ns == DAYS_NEVER && w->coordinator_stands_ns > 5 * DAYS_S);
}
