/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_worker.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "util/arena.h"

/* Latencies of every message of the fluid. */
#define DELAY_NS        UINT64_C(100000)
#define PUBLISH_NS      UINT64_C(1000000)
#define E2E_NS          UINT64_C(2000000)

/* Rate `max` against a broker without a limit. */
#define UNLIMITED_PER_S 200000.0

static void record(struct fake_worker *f, enum latency which, uint64_t ns, uint64_t n)
{
	bool in = f->now_ns >= f->window.start_ns && f->now_ns < f->window.end_ns;

	hist_copy_record(&f->truth.latencies[in ? WINDOW_MEASURED : WINDOW_OUTSIDE][which], ns, n);
}

static bool has_passed(const struct fake_worker *f, uint64_t at_ns)
{
	return at_ns != 0 && f->now_ns >= f->start_ns + at_ns;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How many of `wanted` a limit lets through now; what is not used is not saved up. */
static uint64_t let_through(double per_s, uint64_t step_ns, uint64_t wanted, double *credit)
{
	if (per_s <= 0)
		return wanted;
	*credit += per_s * (double)step_ns / 1e9;

	uint64_t n = min_u64(wanted, (uint64_t)*credit);
	*credit -= (double)n;
	if (n == wanted && *credit > 1)
		*credit = 1;
	return n;
}

static void send(struct fake_worker *f, uint64_t step_ns)
{
	uint64_t *c = f->truth.counters;

	if (f->now_ns >= f->window.load_end_ns || has_passed(f, f->producer_lost_at_ns))
		return;
	f->due += (f->unlimited ? UNLIMITED_PER_S : f->rate_per_s) * (double)step_ns / 1e9;

	uint64_t owed = (uint64_t)(f->due + 1e-6) - c[COUNTER_SENT];
	double capacity = has_passed(f, f->weaker_at_ns) ? f->weaker_per_s : f->capacity_per_s;
	uint64_t n = let_through(capacity, step_ns, owed, &f->send_credit);
	c[COUNTER_SENT] += n;
	record(f, LATENCY_DELAY, DELAY_NS, n);
	uint64_t swallowed = min_u64(f->swallow, n);
	f->swallow -= swallowed;
	n -= swallowed;
	c[COUNTER_ACKNOWLEDGED] += n;
	record(f, LATENCY_PUBLISH, PUBLISH_NS, n);
	record(f, LATENCY_CORRECTED_PUBLISH, PUBLISH_NS + DELAY_NS, n);
}

static void receive(struct fake_worker *f, uint64_t step_ns)
{
	uint64_t *c = f->truth.counters;
	uint64_t wanted = c[COUNTER_ACKNOWLEDGED] * f->subscriptions;
	uint64_t never = min_u64(f->lose, wanted);
	bool dead = has_passed(f, f->consumer_lost_at_ns) && !has_passed(f, f->consumer_back_at_ns);

	if (f->paused || dead || wanted - never <= c[COUNTER_RECEIVED])
		return;
	uint64_t n = let_through(f->consume_per_s, step_ns, wanted - never - c[COUNTER_RECEIVED],
	                         &f->receive_credit);
	c[COUNTER_RECEIVED] += n;
	record(f, LATENCY_E2E, E2E_NS, n);
	record(f, LATENCY_CORRECTED_E2E, E2E_NS + DELAY_NS, n);
}

/* What was counted at the ends of the window; how far it is to the next one. */
static uint64_t pass_edges(struct fake_worker *f)
{
	const uint64_t at[FACT_EDGES] = { f->window.start_ns, f->window.end_ns };
	uint64_t left_ns = UINT64_MAX;

	for (int e = 0; e < FACT_EDGES; e++) {
		struct fact_edge *edge = &f->edges[e];

		if (at[e] > f->now_ns) {
			left_ns = min_u64(left_ns, at[e] - f->now_ns);
			continue;
		}
		if (edge->at_ns != 0)
			continue;
		edge->at_ns = at[e];
		memcpy(edge->counters, f->truth.counters, sizeof(edge->counters));
	}
	return left_ns;
}

static void move_on(struct fake_worker *f, uint64_t to_ns)
{
	while (f->now_ns < to_ns) {
		uint64_t step = min_u64(FAKE_MS - f->now_ns % FAKE_MS, to_ns - f->now_ns);

		step = min_u64(step, pass_edges(f));
		if (f->loaded && f->now_ns < f->gate_ns)
			step = min_u64(step, f->gate_ns - f->now_ns);
		else if (f->loaded && !f->stopped)
			send(f, step);
		if (f->loaded && !f->stopped)
			receive(f, step);
		f->now_ns += step;
	}
}

/* --- platform ------------------------------------------------------------------------------------- */

static uint64_t fake_now_ns(void *to)
{
	struct fake_worker *f = to;

	return f->now_ns;
}

static uint64_t fake_wall_ns(void *to)
{
	struct fake_worker *f = to;

	return UINT64_C(1700000000) * FAKE_S + fake_elapsed_ns(f);
}

static uint64_t next_signal_ns(const struct fake_worker *f)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < 3; i++) {
		uint64_t at = f->signal_at_ns[i];
		if (at && f->start_ns + at > f->now_ns)
			next = min_u64(next, f->start_ns + at);
	}
	return next;
}

static void fake_wait(void *to, int worker_fd, uint64_t until_ns)
{
	struct fake_worker *f = to;
	uint64_t until = min_u64(until_ns, next_signal_ns(f));

	(void)worker_fd;
	if (has_passed(f, f->stopped_at_ns)) {
		move_on(f, f->now_ns + f->stopped_ns);
		f->stopped_at_ns = 0;
	}
	if (f->call && !f->is_deaf)
		until = min_u64(until, f->call_done_ns);
	assert(until < f->start_ns + UINT64_C(100000) * FAKE_S); /* nobody waits for ever */
	move_on(f, until);
}

static unsigned fake_signals(void *to)
{
	struct fake_worker *f = to;
	unsigned count = f->signals;

	for (size_t i = 0; i < 3; i++)
		count += has_passed(f, f->signal_at_ns[i]);
	return count;
}

struct run_platform fake_platform(struct fake_worker *f)
{
	return (struct run_platform){
		.to = f,
		.now_ns = fake_now_ns,
		.wall_ns = fake_wall_ns,
		.wait = fake_wait,
		.signals = fake_signals,
	};
}

uint64_t fake_elapsed_ns(const struct fake_worker *f)
{
	return f->now_ns - f->start_ns;
}

/* --- answers -------------------------------------------------------------------------------------- */

static void name_topics(struct fake_worker *f, struct worker_call *call)
{
	struct worker_create_topics *c = &call->create_topics;

	f->topics_count = c->topics;
	f->partitions = c->partitions;
	f->topics = arena_alloc(call->arena, c->topics * sizeof(*f->topics));
	for (uint32_t i = 0; i < c->topics; i++)
		f->topics[i] = arena_printf(call->arena, "topic-%u", i);
	c->names = f->topics;
}

static void answer_rows(const struct fake_worker *f, struct worker_call *call)
{
	static struct fact_row rows[] = {
		{ "producer", "bootstrap.servers", "10.0.0.1:9092", "file", "" },
		{ "producer", "sasl.password", "hunter2", "file", "" },
	};

	call->initialize.rows = (struct fact_rows){ rows, 2 };
	call->initialize.standstill_ms = f->standstill_ms;
	call->initialize.redelivery_ms = f->redelivery_ms;
}

/* One subscription of each topic; the last one is the one that may not become ready. */
static void answer_readiness(struct fake_worker *f, struct worker_call *call)
{
	size_t count = (size_t)f->topics_count * f->subscriptions;
	struct worker_ready *items = arena_alloc(call->arena, (count + 1) * sizeof(*items));
	bool ready =
		f->ready_after_ns != FAKE_NEVER && f->now_ns >= f->start_ns + f->ready_after_ns;

	for (size_t i = 0; i < count; i++) {
		bool is_last = i + 1 == count;
		items[i] = (struct worker_ready){
			.topic = f->topics[i / f->subscriptions],
			.subscription = "group",
			.assigned = ready || !is_last ? f->partitions : f->partitions - 1,
			.partitions = f->partitions,
			.members = 1,
			.members_assigned = 1,
			.probe_seen = ready || !is_last,
		};
	}
	call->readiness.items = items;
	call->readiness.count = count;
	call->readiness.ready = ready || count == 0 ? count : count - 1;
	call->readiness.producers = f->producers;
	call->readiness.producers_ready = f->producers - (f->has_silent_producer ? 1 : 0);
	call->readiness.silent = arena_alloc(call->arena, sizeof(*call->readiness.silent));
	call->readiness.silent_count = f->has_silent_producer ? 1 : 0;
	call->readiness.silent[0] = (struct worker_silent){
		.topic = f->producer_topics ? f->producer_topics[f->producers - 1] : NULL,
		.producer = (uint32_t)f->producers - 1,
	};
}

static void end_badly(const struct fake_worker *f, struct fact_agent *agents)
{
	bool hangs[] = { f->producer_hangs, f->consumer_hangs };

	for (size_t i = 0; i < 2; i++) {
		if (!hangs[i])
			continue;
		agents[i].lost = agents[i].hung = true;
		agents[i].ended_ns = f->now_ns;
	}
	agents[0].slow = f->producer_is_slow;
}

static void tell_threads(const struct fake_worker *f, struct arena *arena, struct fact_agent *a)
{
	if (f->busiest_loop > 0) {
		a->loops = a->loops_known = 4;
		a->busiest_loop = f->busiest_loop;
		a->all_loops = f->busiest_loop + 0.09;
	}
	if (f->library_cpu_ns > 0) {
		a->library_threads = 3;
		a->library_cpu_ns = f->library_cpu_ns;
		a->library_thread = "rdk:broker1";
	}
	a->late = arena_alloc(arena, sizeof(*a->late));
	if (f->late_ns > 0)
		hist_copy_record(a->late, f->late_ns, 1000);
}

static void list_agents(struct fake_worker *f, struct arena *arena, struct fact_totals *out)
{
	/* It is started again at once, and its group stands still until it is back. */
	bool restarted = f->consumer_back_at_ns != 0 && has_passed(f, f->consumer_lost_at_ns);
	struct fact_agent *agents = arena_alloc(arena, 3 * sizeof(*agents));
	const uint64_t *c = f->truth.counters;

	agents[0] = (struct fact_agent){
		.role = AGENT_PRODUCER,
		.loops = 1,
		.clients = 1,
		.lost = has_passed(f, f->producer_lost_at_ns),
		.ended_ns = f->start_ns + f->producer_lost_at_ns,
		.cpu_ns = f->truth.counters[COUNTER_SENT] * 1000,
	};
	memcpy(agents[0].counters, c, sizeof(agents[0].counters));
	agents[0].counters[COUNTER_RECEIVED] = 0;
	agents[1] = (struct fact_agent){
		.role = AGENT_CONSUMER,
		.loops = 1,
		.clients = 1,
		.lost = has_passed(f, f->consumer_lost_at_ns),
		.ended_ns = f->start_ns + f->consumer_lost_at_ns,
		.cpu_ns = f->truth.counters[COUNTER_RECEIVED] * 500,
	};
	agents[2] = agents[1];
	agents[2].generation = 1;
	agents[2].lost = false;
	agents[2].is_resuming = f->redelivery_ms == 0 && !has_passed(f, f->consumer_back_at_ns);
	agents[2].cpu_ns = 0;
	out->agents = agents;
	out->agents_count = restarted ? 3 : 2;
	if (f->stopped)
		end_badly(f, agents);
}

static void answer_snapshot(struct fake_worker *f, struct arena *arena, struct fact_totals *out)
{
	snapshot_add(&out->snapshot, &f->truth);
	out->snapshot.taken_ns = f->now_ns;
	/* A host of its own, with two CPUs. */
	(void)snprintf(out->host.environment.host, sizeof(out->host.environment.host), "far-away");
	out->host.environment.cpu_quota = 1.5;
	out->host.usage.ticks = f->now_ns / 5000000;
	out->host.usage.steal_ticks = out->host.usage.ticks * f->steal_percent / 100;
	out->host.usage.throttled_periods = f->truth.counters[COUNTER_SENT] * f->throttled;
	list_agents(f, arena, out);
	(void)pass_edges(f);
	if (!f->has_no_edges)
		memcpy(out->edges, f->edges, sizeof(out->edges));
}

static void answer_finish(struct fake_worker *f, struct worker_call *call)
{
	struct fact_totals *t = &call->finish.totals;
	struct fact_producer *p = arena_alloc(call->arena, sizeof(*p));
	uint64_t *c = f->truth.counters;

	if (!f->unlimited && (uint64_t)f->due > c[COUNTER_SENT])
		c[COUNTER_UNSENT] = (uint64_t)f->due - c[COUNTER_SENT];
	f->stopped = true;
	answer_snapshot(f, call->arena, t);
	t->agents[0].snapshot = arena_alloc(call->arena, sizeof(struct snapshot));
	snapshot_add(t->agents[0].snapshot, &f->truth);
	tell_threads(f, call->arena, &t->agents[0]);
	*p = (struct fact_producer){
		.topic = f->topics[0],
		.sent = c[COUNTER_SENT],
		.acknowledged = c[COUNTER_ACKNOWLEDGED],
	};
	t->producers = p;
	t->producers_count = 1;
}

static void answer_events(struct fake_worker *f, struct worker_call *call)
{
	struct fact_event *items = arena_alloc(call->arena, 5 * sizeof(*items));
	size_t n = 0;

	if (has_passed(f, f->producer_lost_at_ns))
		items[n++] = (struct fact_event){ .kind = EVENT_AGENT_LOST,
			                          .role = AGENT_PRODUCER,
			                          .text = "killed by signal 9" };
	if (f->stopped && f->producer_hangs)
		items[n++] = (struct fact_event){ .kind = EVENT_AGENT_LOST,
			                          .role = AGENT_PRODUCER,
			                          .text = "it did not answer" };
	if (has_passed(f, f->consumer_lost_at_ns))
		items[n++] = (struct fact_event){ .kind = EVENT_AGENT_LOST,
			                          .role = AGENT_CONSUMER,
			                          .text = "killed by signal 9" };
	if (has_passed(f, f->consumer_back_at_ns)) {
		items[n++] = (struct fact_event){ .kind = EVENT_AGENT_RESTARTED,
			                          .role = AGENT_CONSUMER,
			                          .text = "" };
		items[n++] = (struct fact_event){
			.kind = EVENT_AGENT_RESUMED, .role = AGENT_CONSUMER, .gap_ns = 7, .text = ""
		};
	}
	call->events.items = items;
	call->events.count = n;
}

static void start_load(struct fake_worker *f, const struct load_spec *load)
{
	f->loaded = true;
	f->unlimited = load->mode == LOAD_UNLIMITED;
	f->gate_ns = load->epoch.start_ns;
	f->rate_per_s = (double)load->epoch.micro_per_s / 1e6;
}

static void adjust(struct fake_worker *f, const struct worker_adjust *a)
{
	f->rate_per_s = (double)a->epoch.micro_per_s / 1e6;
	if (a->forgive)
		f->due = (double)f->truth.counters[COUNTER_SENT];
}

static void answer(struct fake_worker *f, struct worker_call *call)
{
	switch ((int)call->verb) {
	case WORKER_INITIALIZE_DRIVER:
		answer_rows(f, call);
		break;
	case WORKER_CREATE_PRODUCERS:
		f->producers = call->create_producers.count;
		f->producer_topics = call->create_producers.topics;
		call->create_producers.lead_ns = FAKE_LEAD_NS;
		break;
	case WORKER_READINESS:
		answer_readiness(f, call);
		break;
	case WORKER_START_LOAD:
		start_load(f, &call->load);
		break;
	case WORKER_ADJUST_PUBLISH_RATE:
		adjust(f, &call->adjust);
		break;
	case WORKER_SET_WINDOW:
		f->window = call->window;
		break;
	case WORKER_PAUSE_CONSUMERS:
	case WORKER_RESUME_CONSUMERS:
		f->paused = call->verb == WORKER_PAUSE_CONSUMERS;
		break;
	case WORKER_SNAPSHOT:
		answer_snapshot(f, call->arena, &call->totals);
		break;
	case WORKER_FINISH:
		answer_finish(f, call);
		break;
	case WORKER_STOP_ALL:
		f->stopped = true;
		break;
	case WORKER_TOPIC_ENDS:
		call->topic_ends.ends = (uint64_t *)(uintptr_t)f->topic_ends;
		call->topic_ends.partitions = (uint32_t *)(uintptr_t)f->topic_partitions;
		break;
	case WORKER_DELETE_TOPICS:
		f->topics_deleted = call->remove.topics_count;
		f->groups_deleted = call->remove.groups_count;
		break;
	case WORKER_EVENTS:
		answer_events(f, call);
		break;
	default:
		break;
	}
	call->state = CALL_DONE;
}

/* --- verbs ---------------------------------------------------------------------------------------- */

static struct fake_worker *fake_of(struct worker *w)
{
	return (struct fake_worker *)w;
}

static void fake_start(struct worker *w, struct worker_call *call)
{
	struct fake_worker *f = fake_of(w);

	assert(f->log_len < sizeof(f->log) / sizeof(f->log[0]));
	f->log[f->log_len++] = call->verb;
	f->verbs[call->verb]++;
	if (call->verb == WORKER_CREATE_TOPICS)
		name_topics(f, call); /* before they exist, as the real one */
	if ((int)call->verb == f->signal_on_verb)
		f->signals += f->signals_at_once ? f->signals_at_once : 1;
	if (f->is_deaf && f->call)
		return;
	if (call->verb == WORKER_STOP_ALL && f->call) {
		error_set(&f->call->err, ERROR_CANCELLED, "cancelled by stop-all");
		f->call->state = CALL_FAILED;
		f->call = NULL;
	}
	assert(f->call == NULL);
	if ((int)call->verb == f->lacks_verb) {
		worker_lacks(call);
	} else if ((int)call->verb == f->fail_verb && f->now_ns >= f->start_ns + f->fail_after_ns) {
		error_set(&call->err, ERROR_BROKER, "planted");
		call->state = CALL_FAILED;
	} else if ((int)call->verb == f->slow_verb) {
		f->call = call;
		f->call_done_ns = f->now_ns + f->slow_ns;
	} else {
		answer(f, call);
	}
}

static int fake_fd(struct worker *w)
{
	(void)w;
	return -1;
}

static bool ends_by_its_deadline(enum worker_verb verb)
{
	return verb != WORKER_FINISH && verb != WORKER_STOP_ALL;
}

static void fake_serve(struct worker *w)
{
	struct fake_worker *f = fake_of(w);

	if (f->call && !f->is_deaf && f->now_ns >= f->call_done_ns) {
		struct worker_call *call = f->call;
		f->call = NULL;
		answer(f, call);
	} else if (f->call && !f->is_deaf && ends_by_its_deadline(f->call->verb) &&
	           f->now_ns >= f->call->deadline_ns) {
		error_set(&f->call->err, ERROR_TIMEOUT, "not complete in time");
		f->call->state = CALL_FAILED;
		f->call = NULL;
	}
}

static void fake_destroy(struct worker *w)
{
	(void)w;
}

static const struct worker_ops fake_ops = {
	.name = "fake",
	.start = fake_start,
	.fd = fake_fd,
	.serve = fake_serve,
	.destroy = fake_destroy,
};

void fake_worker_init(struct fake_worker *f, uint32_t subscriptions)
{
	*f = (struct fake_worker){
		.base = { .ops = &fake_ops },
		.start_ns = 1000 * FAKE_S,
		.now_ns = 1000 * FAKE_S,
		.signal_on_verb = -1,
		.fail_verb = -1,
		.lacks_verb = -1,
		.slow_verb = -1,
		.subscriptions = subscriptions,
		.window = { UINT64_MAX, UINT64_MAX, UINT64_MAX },
	};
}

void fake_worker_fini(struct fake_worker *f)
{
	snapshot_fini(&f->truth);
}
