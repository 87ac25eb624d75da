/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sampler.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "results/result.h"
#include "run/limits.h"
#include "util/xalloc.h"

#define SECOND_NS UINT64_C(1000000000)

static void copy_snapshot(struct snapshot *to, const struct snapshot *from)
{
	snapshot_fini(to);
	*to = (struct snapshot){ 0 };
	snapshot_add(to, from);
}

/* Counts and times without the histograms. */
static void copy_counts(struct snapshot *to, const struct snapshot *from)
{
	to->taken_ns = from->taken_ns;
	to->cpu_ns = from->cpu_ns;
	memcpy(to->counters, from->counters, sizeof(to->counters));
}

void sampler_init(struct sampler *s, uint64_t sample_ns, uint64_t subscriptions, uint64_t now_ns)
{
	*s = (struct sampler){
		.sample_ns = sample_ns,
		.subscriptions = subscriptions,
		.slowest_each = FACT_SLOW_MAX,
		.next_second_ns = now_ns + SECOND_NS,
		.next_period_ns = UINT64_MAX,
		.changed_ns = now_ns,
	};
}

void sampler_fini(struct sampler *s)
{
	for (size_t i = 0; i < s->kept_count; i++)
		snapshot_fini(&s->kept[i].interval);
	snapshot_fini(&s->newest.interval);
	omb_result_fini(&s->samples);
	free(s->seconds);
	free(s->cpu_start.items);
	free(s->cpu_end.items);
	free(s->cpu_start.usages);
	free(s->cpu_end.usages);
	snapshot_fini(&s->last);
	snapshot_fini(&s->second);
	snapshot_fini(&s->before);
	snapshot_fini(&s->base);
	snapshot_fini(&s->shown);
	*s = (struct sampler){ 0 };
}

/* Is there an agent that took this one's place? */
static bool is_replaced(const struct fact_totals *t, const struct fact_agent *a)
{
	for (size_t i = 0; i < t->agents_count; i++) {
		const struct fact_agent *other = &t->agents[i];
		if (other->role == a->role && other->worker == a->worker &&
		    other->index == a->index && other->generation > a->generation)
			return true;
	}
	return false;
}

/* Lost when everything had arrived.  One that did not answer may have hung since long before: a
 * producer that had not ended its load did. */
static bool is_late(const struct sampler *s, const struct fact_agent *a)
{
	return s->drained_ns != 0 && a->ended_ns >= s->drained_ns && !(a->hung && a->is_offering);
}

static void look_at_producer(struct sampler_fleet *fleet, const struct fact_agent *a)
{
	const uint64_t *c = a->counters;
	uint64_t answered = c[COUNTER_ACKNOWLEDGED] + c[COUNTER_FAILED] + c[COUNTER_UNACKNOWLEDGED];

	fleet->producers++;
	fleet->producers_lost += a->lost;
	fleet->offering += !a->lost && a->is_offering;
	/* Counters are read one by one: an answer may be seen before its question. */
	if (!a->lost && c[COUNTER_SENT] > answered)
		fleet->unanswered += c[COUNTER_SENT] - answered;
}

static void look_at_consumer(struct sampler_fleet *fleet, const struct fact_agent *a, bool replaced)
{
	fleet->consumers += a->generation == 0;
	fleet->restarted += a->generation > 0;
	fleet->consumers_lost += a->lost && !replaced;
	fleet->resuming += a->is_resuming;
	if (a->lost && a->ended_ns > fleet->consumer_lost_ns)
		fleet->consumer_lost_ns = a->ended_ns;
}

static void look_at_fleet(struct sampler *s, const struct fact_totals *t)
{
	struct sampler_fleet fleet = { 0 };

	for (size_t i = 0; i < t->agents_count; i++) {
		const struct fact_agent *a = &t->agents[i];
		bool replaced = is_replaced(t, a);

		if (a->role == AGENT_PRODUCER)
			look_at_producer(&fleet, a);
		else if (a->role == AGENT_CONSUMER)
			look_at_consumer(&fleet, a, replaced);
		fleet.slow += a->slow;
		fleet.stalled += a->stalled;
		if (a->silence_ns > fleet.silence_ns)
			fleet.silence_ns = a->silence_ns;
		fleet.lost_late += a->lost && !replaced && is_late(s, a);
	}
	s->fleet = fleet;
}

bool sampler_resume_is_expected(const struct sampler *s, uint64_t standstill_ns, uint64_t now_ns)
{
	const struct sampler_fleet *fleet = &s->fleet;
	bool others_live = standstill_ns > 0 && fleet->consumers_lost > 0 &&
	                   fleet->consumers_lost < fleet->consumers;

	return (fleet->resuming > 0 || others_live) &&
	       now_ns < fleet->consumer_lost_ns + standstill_ns + LIMITS_STANDSTILL_MARGIN;
}

static void add_slow(struct sampler *s, enum fact_slow_by by, const struct fact_slow *items,
                     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fact_slow_add(&s->slowest_now.of[by], by, &items[i]);
		if (items[i].is_measured)
			fact_slow_add(&s->slowest.of[by], by, &items[i]);
	}
}

/* One may be acknowledged in this period and received in the next: the lists learn as they grow. */
static void take_slowest(struct sampler *s, const struct fact_totals *t)
{
	add_slow(s, FACT_SLOW_ACKNOWLEDGED, t->slow_acknowledged, t->slow_acknowledged_count);
	add_slow(s, FACT_SLOW_RECEIVED, t->slow_received, t->slow_received_count);
	fact_slowest_join(&s->slowest_now);
	fact_slowest_join(&s->slowest);
}

void sampler_feed(struct sampler *s, struct fact_totals *totals)
{
	static const enum counter progress[] = { COUNTER_SENT, COUNTER_ACKNOWLEDGED, COUNTER_FAILED,
		                                 COUNTER_RECEIVED };

	for (size_t i = 0; i < sizeof(progress) / sizeof(progress[0]); i++) {
		if (s->last.counters[progress[i]] != totals->snapshot.counters[progress[i]])
			s->changed_ns = totals->snapshot.taken_ns;
	}
	if (totals->without_latencies) /* those of before stay, until they are read again */
		for (int w = 0; w < WINDOW_COUNT; w++)
			for (int l = 0; l < LATENCY_COUNT; l++) {
				hist_copy_fini(&totals->snapshot.latencies[w][l]);
				totals->snapshot.latencies[w][l] = s->last.latencies[w][l];
				s->last.latencies[w][l] = (struct hist_copy){ 0 };
			}
	snapshot_fini(&s->last);
	s->last = totals->snapshot;
	totals->snapshot = (struct snapshot){ 0 };
	s->host = totals->host;
	s->outstanding = totals->outstanding;
	take_slowest(s, totals);
	look_at_fleet(s, totals);
}

uint64_t sampler_backlog(const struct sampler *s)
{
	uint64_t wanted = s->last.counters[COUNTER_ACKNOWLEDGED] * s->subscriptions;
	uint64_t received = s->last.counters[COUNTER_RECEIVED];

	return wanted > received ? wanted - received : 0;
}

const struct record_second *sampler_add_second(struct sampler *s, const char *phase,
                                               uint64_t now_ns)
{
	const uint64_t *c = s->last.counters;

	if (s->seconds_count == s->seconds_cap) {
		s->seconds_cap = s->seconds_cap ? 2 * s->seconds_cap : 256;
		s->seconds = xrealloc(s->seconds, s->seconds_cap * sizeof(*s->seconds));
	}
	s->seconds[s->seconds_count] = (struct record_second){
		.at_ns = s->last.taken_ns,
		.phase = phase,
		.sent = c[COUNTER_SENT],
		.acknowledged = c[COUNTER_ACKNOWLEDGED],
		.failed = c[COUNTER_FAILED],
		.received = c[COUNTER_RECEIVED],
		.backlog = sampler_backlog(s),
	};
	/* Ticks that were missed while something else took long are left out, not made up for. */
	while (s->next_second_ns <= now_ns)
		s->next_second_ns += SECOND_NS;
	snapshot_fini(&s->before);
	s->before = s->second;
	s->second = (struct snapshot){ 0 };
	copy_snapshot(&s->second, &s->last);
	return &s->seconds[s->seconds_count++];
}

static void remember_cpu(struct sampler_agents *to, const struct fact_totals *t)
{
	free(to->items);
	to->items = xcalloc(t->agents_count + 1, sizeof(*to->items));
	to->count = t->agents_count;
	for (size_t i = 0; i < t->agents_count; i++) {
		const struct fact_agent *a = &t->agents[i];

		to->items[i] = (struct sampler_cpu){
			.role = a->role,
			.worker = a->worker,
			.index = a->index,
			.generation = a->generation,
			.cpu_ns = a->cpu_ns,
		};
	}
	free(to->usages);
	to->usages = xcalloc(t->workers_count + 1, sizeof(*to->usages));
	to->usages_count = t->workers_count;
	for (size_t i = 0; i < t->workers_count; i++)
		to->usages[i] = t->workers[i].host.usage;
}

static uint64_t cpu_of(const struct sampler_agents *in, const struct fact_agent *a)
{
	for (size_t i = 0; i < in->count; i++) {
		const struct sampler_cpu *c = &in->items[i];
		if (c->role == a->role && c->worker == a->worker && c->index == a->index &&
		    c->generation == a->generation)
			return c->cpu_ns;
	}
	return 0;
}

uint64_t sampler_window_cpu_ns(const struct sampler *s, const struct fact_agent *a)
{
	uint64_t start = cpu_of(&s->cpu_start, a);
	uint64_t end = cpu_of(&s->cpu_end, a);

	return end > start ? end - start : 0;
}

struct host_usage sampler_window_usage(const struct sampler *s, const struct fact_worker *w)
{
	if (w->index >= s->cpu_start.usages_count || w->index >= s->cpu_end.usages_count)
		return (struct host_usage){ 0 };
	return host_usage_diff(&s->cpu_end.usages[w->index], &s->cpu_start.usages[w->index]);
}

void sampler_begin_window(struct sampler *s, const struct fact_totals *totals, uint64_t start_ns)
{
	s->measuring = true;
	copy_snapshot(&s->base, &s->last);
	/* Taken a moment after the start: what was due in the window and recorded before it belongs
	 * to the first period, or the periods would not add up to the whole. */
	for (size_t i = 0; i < LATENCY_COUNT; i++)
		hist_copy_clear(&s->base.latencies[WINDOW_MEASURED][i]);
	s->slowest_now = s->slowest;
	copy_counts(&s->window_start, &s->last);
	s->usage_start = s->host.usage;
	if (totals)
		remember_cpu(&s->cpu_start, totals);
	s->next_period_ns = start_ns + s->sample_ns;
	s->next_second_ns = start_ns + SECOND_NS;
}

void sampler_end_window(struct sampler *s, const struct fact_totals *totals)
{
	copy_counts(&s->window_end, &s->last);
	s->usage_end = s->host.usage;
	if (totals)
		remember_cpu(&s->cpu_end, totals);
	s->next_period_ns = UINT64_MAX;
}

const struct record_period *sampler_add_period(struct sampler *s, const char *kind)
{
	snapshot_fini(&s->newest.interval);
	s->newest = (struct record_period){
		.kind = kind,
		.start_ns = s->base.taken_ns,
		.end_ns = s->last.taken_ns,
		.backlog = sampler_backlog(s),
	};
	snapshot_diff(&s->last, &s->base, &s->newest.interval);
	s->newest.slowest = s->slowest_now;
	fact_slowest_cut(&s->newest.slowest, s->slowest_each);
	s->slowest_now = (struct fact_slowest){ 0 };
	copy_snapshot(&s->base, &s->last);
	while (s->next_period_ns <= s->last.taken_ns)
		s->next_period_ns += s->sample_ns;
	return &s->newest;
}

void sampler_set_written(struct sampler *s)
{
	result_add_period(&s->samples, &s->newest);
}

void sampler_keep(struct sampler *s)
{
	const struct record_period *p = &s->newest;

	if (s->kept_count == 0 || strcmp(s->kept[s->kept_count - 1].kind, p->kind) != 0) {
		assert(s->kept_count < SAMPLER_KINDS);
		s->kept[s->kept_count++] =
			(struct record_period){ .kind = p->kind, .start_ns = p->start_ns };
	}
	struct record_period *whole = &s->kept[s->kept_count - 1];
	struct claims said = whole->interval.claims;
	claims_follow(&said, &p->interval.claims);
	snapshot_add(&whole->interval, &p->interval);
	fact_slowest_add(&whole->slowest, &p->slowest);
	fact_slowest_join(&whole->slowest);
	whole->interval.claims = said; /* time has passed; there are no more clients */
	whole->end_ns = p->end_ns;
	whole->backlog = p->backlog;
	whole->interval.taken_ns = whole->end_ns - whole->start_ns;
}

void sampler_set_drained(struct sampler *s)
{
	s->drained_ns = s->last.taken_ns;
}

void sampler_show(struct sampler *s)
{
	copy_snapshot(&s->shown, &s->last);
}
