/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/clock_table.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load/clock_fit.h"
#include "util/arena.h"
#include "util/xalloc.h"

#define MS            UINT64_C(1000000)

/* A round is due when a pair is off by more than this part of its error. */
#define OFF_SHARE     0.25

/* Rounds are judged at points so far apart, as long as they are not too many. */
#define POINT_GAP_NS  (125 * MS)
#define POINTS_MIN    8
#define POINTS_MAX    64

#define ROUND_GAP_NS  (1000 * MS)
#define ROUND_EACH_NS (10 * MS)

#define NEVER         UINT64_MAX

struct member {
	struct clock_member as;
	unsigned group; /* the first member that has the same clock; OURS */
	uint64_t lost_ns;
	uint64_t worst_ns; /* of what was claimed of it within the window */
};

#define OURS UINT_MAX

/* What was claimed of a member's clock: in a round, or for an instant. */
struct belief {
	bool is_known;
	int64_t offset_ns;
	double error_ns, spread;
};

struct round {
	uint64_t made_ns;
	bool is_nothing; /* nobody has been told anything: stamps are taken as they are */
	struct belief *claims;
	bool *told;
};

struct clock_table {
	struct member *members;
	unsigned count;
	struct round rounds[2]; /* [now] is being told, or was; the other one is what it replaces */
	unsigned now;
	bool is_telling;
	uint64_t from_ns, until_ns;
	bool is_unknown; /* of a pair, within the window */
	double worst_ns;
	struct belief *claims; /* for an instant */
	bool is_finished;
};

/* --- members ------------------------------------------------------------------------------------ */

static bool same_clock(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* How far its clock is from ours, when it was asked last. */
static struct clock_estimate last_known(const struct clock_member *m)
{
	if (m == NULL || m->fit == NULL)
		return (struct clock_estimate){ .known = m == NULL };
	return clock_fit_at(m->fit, clock_fit_facts(m->fit).last_ns);
}

/* Whether two clocks of one name may be one, by what is known of them; NULL = ours. */
static bool may_be_one(const struct clock_member *a, const struct clock_member *b)
{
	struct clock_estimate x = last_known(a), y = last_known(b);

	if (!x.known || !y.known)
		return true;
	return fabs((double)(x.offset_ns - y.offset_ns)) <= (double)x.error_ns + (double)y.error_ns;
}

static unsigned group_of(const struct clock_member *members, unsigned i, const char *our_clock)
{
	if (same_clock(members[i].clock, our_clock) && may_be_one(&members[i], NULL))
		return OURS;
	for (unsigned k = 0; k < i; k++)
		if (same_clock(members[k].clock, members[i].clock) &&
		    may_be_one(&members[i], &members[k]))
			return k;
	return i;
}

struct clock_table *clock_table_create(const struct clock_member *members, unsigned count,
                                       const char *our_clock)
{
	struct clock_table *t = xcalloc(1, sizeof(*t));

	t->members = xcalloc(count + 1, sizeof(*t->members));
	t->claims = xcalloc(count + 1, sizeof(*t->claims));
	t->count = count;
	t->from_ns = NEVER;
	t->until_ns = NEVER;
	for (unsigned i = 0; i < count; i++) {
		t->members[i] = (struct member){ .as = members[i], .lost_ns = NEVER };
		t->members[i].as.clock = NULL;
		t->members[i].group = group_of(members, i, our_clock);
	}
	for (unsigned r = 0; r < 2; r++) {
		t->rounds[r].is_nothing = true;
		t->rounds[r].claims = xcalloc(count + 1, sizeof(struct belief));
		t->rounds[r].told = xcalloc(count + 1, sizeof(bool));
	}
	return t;
}

void clock_table_destroy(struct clock_table *t)
{
	if (t == NULL)
		return;
	for (unsigned r = 0; r < 2; r++) {
		free(t->rounds[r].claims);
		free(t->rounds[r].told);
	}
	free(t->members);
	free(t->claims);
	free(t);
}

static bool is_alive(const struct member *m, uint64_t at_ns)
{
	return at_ns < m->lost_ns;
}

static struct belief claim_at(const struct member *m, uint64_t at_ns)
{
	if (m->group == OURS)
		return (struct belief){ .is_known = true };
	if (m->as.fit == NULL)
		return (struct belief){ .is_known = false };
	struct clock_estimate e = clock_fit_at(m->as.fit, at_ns);
	return (struct belief){ e.known, e.offset_ns, (double)e.error_ns, e.spread_ppm * 1e-6 };
}

/* --- pairs -------------------------------------------------------------------------------------- */

/* The largest value, and the largest of another clock. */
struct best {
	double value[2];
	unsigned group[2];
	unsigned count;
};

static void best_add(struct best *b, double value, unsigned group)
{
	unsigned place = 0;

	while (place < b->count && b->group[place] != group)
		place++;
	if (place < b->count) {
		b->value[place] = fmax(b->value[place], value);
	} else if (b->count < 2) {
		b->value[b->count] = value;
		b->group[b->count++] = group;
	} else if (value > b->value[1]) {
		b->value[1] = value;
		b->group[1] = group;
	}
	if (b->count == 2 && b->value[1] > b->value[0])
		*b = (struct best){ { b->value[1], b->value[0] }, { b->group[1], b->group[0] }, 2 };
}

/* The largest of those that are not of this clock; -INFINITY = there is none. */
static double best_beside(const struct best *b, unsigned group)
{
	for (unsigned i = 0; i < b->count; i++)
		if (b->group[i] != group)
			return b->value[i];
	return -INFINITY;
}

/* What was told of a clock less what is true of it: a pair's latencies are wrong by the difference of two. */
static double off_by(const struct round *told, const struct belief *now, unsigned i)
{
	int64_t was_ns = told->is_nothing ? 0 : told->claims[i].offset_ns;

	return (double)(was_ns - now[i].offset_ns);
}

/*
 * Over all pairs of one that produces and one that consumes, whose clocks are not one, the largest
 * |off of the one - off of the other| + part * (the errors of both).  Of those alone is spoken that are
 * known in both.  -INFINITY: there is no such pair.
 */
static double worst_pair(const struct clock_table *t, const struct round *told,
                         const struct belief *now, uint64_t at_ns, double part)
{
	struct best high = { .count = 0 }, low = { .count = 0 };
	double worst = -INFINITY;

	for (unsigned i = 0; i < t->count; i++) {
		const struct member *m = &t->members[i];
		if (!m->as.produces || !now[i].is_known || !is_alive(m, at_ns))
			continue;
		double off = off_by(told, now, i), error = part * now[i].error_ns;
		best_add(&high, off + error, m->group);
		best_add(&low, -off + error, m->group);
	}
	for (unsigned i = 0; i < t->count; i++) {
		const struct member *m = &t->members[i];
		if (!m->as.consumes || !now[i].is_known || !is_alive(m, at_ns))
			continue;
		double off = off_by(told, now, i), error = part * now[i].error_ns;
		worst = fmax(worst, off + error + best_beside(&low, m->group));
		worst = fmax(worst, -off + error + best_beside(&high, m->group));
	}
	return worst;
}

/* Somebody produces whose clock, or somebody consumes whose clock is not known, and another one has to do
 * with it. */
static bool is_any_unknown(const struct clock_table *t, const struct round *told,
                           const struct belief *now, uint64_t at_ns)
{
	for (unsigned a = 0; a < t->count; a++) {
		const struct member *m = &t->members[a];
		bool is_known = now[a].is_known && (told->is_nothing || told->claims[a].is_known);
		if (is_known || !is_alive(m, at_ns))
			continue;
		for (unsigned b = 0; b < t->count; b++) {
			const struct member *o = &t->members[b];
			bool meet = (m->as.produces && o->as.consumes) ||
			            (m->as.consumes && o->as.produces);
			if (meet && o->group != m->group && is_alive(o, at_ns))
				return true;
		}
	}
	return false;
}

/* --- judging a round ---------------------------------------------------------------------------- */

static void claim_all(const struct clock_table *t, uint64_t at_ns, struct belief *out)
{
	for (unsigned i = 0; i < t->count; i++)
		out[i] = claim_at(&t->members[i], at_ns);
}

/* Between points an error may be larger by what it grows on half of the way. */
static void judge_at(struct clock_table *t, const struct round *told, uint64_t at_ns,
                     uint64_t step_ns)
{
	claim_all(t, at_ns, t->claims);
	for (unsigned i = 0; i < t->count; i++) {
		struct belief *c = &t->claims[i];
		struct member *m = &t->members[i];
		c->error_ns += ceil(c->spread * (double)step_ns / 2);
		if (c->is_known && is_alive(m, at_ns) && c->error_ns > (double)m->worst_ns)
			m->worst_ns = (uint64_t)c->error_ns;
	}
	t->is_unknown = t->is_unknown || is_any_unknown(t, told, t->claims, at_ns);
	t->worst_ns = fmax(t->worst_ns, worst_pair(t, told, t->claims, at_ns, 1));
}

/* It was in force from when it was made until `until_ns`. */
static void judge(struct clock_table *t, const struct round *told, uint64_t until_ns)
{
	uint64_t from_ns = told->made_ns > t->from_ns ? told->made_ns : t->from_ns;

	until_ns = until_ns < t->until_ns ? until_ns : t->until_ns;
	if (from_ns >= until_ns)
		return;
	uint64_t points = (until_ns - from_ns) / POINT_GAP_NS;
	points = points < POINTS_MIN ? POINTS_MIN : points > POINTS_MAX ? POINTS_MAX : points;
	uint64_t step_ns = (until_ns - from_ns) / points + 1;
	for (uint64_t at_ns = from_ns; at_ns < until_ns; at_ns += step_ns)
		judge_at(t, told, at_ns, step_ns);
	judge_at(t, told, until_ns, 0);
}

/* --- rounds ------------------------------------------------------------------------------------- */

uint64_t clock_table_gap_ns(unsigned members)
{
	return ROUND_GAP_NS + members * ROUND_EACH_NS;
}

void clock_table_window(struct clock_table *t, uint64_t from_ns, uint64_t until_ns)
{
	t->from_ns = from_ns;
	t->until_ns = until_ns;
}

static bool learns(const struct clock_table *t, unsigned i)
{
	return t->members[i].as.consumes && t->members[i].lost_ns == NEVER;
}

/* All have answered: nobody goes by what was told before. */
static void end_telling(struct clock_table *t, uint64_t now_ns)
{
	const struct round *now = &t->rounds[t->now];

	for (unsigned i = 0; i < t->count; i++)
		if (learns(t, i) && !now->told[i])
			return;
	t->is_telling = false;
	judge(t, &t->rounds[1 - t->now], now_ns);
}

void clock_table_lost(struct clock_table *t, unsigned member, uint64_t now_ns)
{
	assert(member < t->count);
	if (t->members[member].lost_ns != NEVER)
		return;
	t->members[member].lost_ns = now_ns;
	if (t->is_telling)
		end_telling(t, now_ns);
}

static bool learned_more(const struct clock_table *t, const struct round *told)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->claims[i].is_known != told->claims[i].is_known &&
		    t->members[i].lost_ns == NEVER)
			return true;
	return false;
}

bool clock_table_is_due(const struct clock_table *t, uint64_t now_ns)
{
	const struct round *told = &t->rounds[t->now];
	uint64_t gap_ns = clock_table_gap_ns(t->count);

	if (t->is_telling || t->is_finished)
		return false;
	if (told->is_nothing)
		return true;
	if (now_ns < told->made_ns + gap_ns)
		return false;
	claim_all(t, now_ns + gap_ns / 2, t->claims);
	return learned_more(t, told) || worst_pair(t, told, t->claims, now_ns, -OFF_SHARE) > 0;
}

void clock_table_round(struct clock_table *t, uint64_t now_ns)
{
	assert(!t->is_telling && !t->is_finished);
	t->now = 1 - t->now;
	t->is_telling = true;

	struct round *r = &t->rounds[t->now];
	r->made_ns = now_ns;
	r->is_nothing = false;
	memset(r->told, 0, t->count * sizeof(*r->told));
	claim_all(t, now_ns + clock_table_gap_ns(t->count) / 2, r->claims);
	end_telling(t, now_ns); /* nobody consumes */
}

bool clock_table_wants(const struct clock_table *t, unsigned member)
{
	assert(member < t->count);
	return t->is_telling && learns(t, member) && !t->rounds[t->now].told[member];
}

struct worker_clocks clock_table_make(const struct clock_table *t, unsigned member,
                                      struct arena *arena)
{
	const struct round *r = &t->rounds[t->now];
	const struct member *to = &t->members[member];
	struct worker_clock *items = arena_alloc(arena, (t->count + 1) * sizeof(*items));
	size_t count = 0;

	assert(member < t->count && !r->is_nothing);
	for (unsigned i = 0; i < t->count; i++) {
		const struct member *m = &t->members[i];
		bool is_one = m->group == to->group;
		bool is_known = r->claims[i].is_known && r->claims[member].is_known;
		if (i == member || !m->as.produces)
			continue;
		int64_t ahead_ns = r->claims[member].offset_ns - r->claims[i].offset_ns;
		items[count++] = (struct worker_clock){
			.worker = m->as.worker,
			.offset_ns = is_one || !is_known ? 0 : ahead_ns,
			.is_unknown = !is_one && !is_known,
		};
	}
	return (struct worker_clocks){ items, count };
}

void clock_table_told(struct clock_table *t, unsigned member, uint64_t now_ns)
{
	assert(member < t->count);
	if (!t->is_telling)
		return;
	t->rounds[t->now].told[member] = true;
	end_telling(t, now_ns);
}

/* --- the end ------------------------------------------------------------------------------------ */

void clock_table_finish(struct clock_table *t, uint64_t now_ns)
{
	if (t->is_finished)
		return;
	t->is_finished = true;
	judge(t, &t->rounds[t->now], now_ns);
	if (t->is_telling)
		judge(t, &t->rounds[1 - t->now], now_ns);
	t->is_telling = false;
}

static unsigned clocks_count(const struct clock_table *t)
{
	unsigned count = 0;
	bool is_ours = false;

	for (unsigned i = 0; i < t->count; i++) {
		count += t->members[i].group == i;
		is_ours = is_ours || t->members[i].group == OURS;
	}
	return count + is_ours;
}

struct fact_clocks clock_table_facts(const struct clock_table *t)
{
	struct fact_clocks f = { .count = clocks_count(t), .is_known = !t->is_unknown };

	f.error_ns = f.is_known ? (uint64_t)ceil(t->worst_ns) : UINT64_MAX;
	for (unsigned i = 0; i < t->count; i++)
		if (t->members[i].as.fit != NULL && t->members[i].group != OURS)
			f.steps += clock_fit_facts(t->members[i].as.fit).steps;
	return f;
}

struct fact_clock clock_table_fact(const struct clock_table *t, unsigned member)
{
	assert(member < t->count);

	const struct member *m = &t->members[member];
	struct fact_clock f = { .source = m->as.source };
	if (m->group == OURS) {
		f.is_known = true;
		return f;
	}
	if (m->as.fit == NULL)
		return f;
	struct clock_fit_facts fit = clock_fit_facts(m->as.fit);
	struct clock_estimate e = clock_fit_at(m->as.fit, fit.last_ns);
	f.is_known = e.known;
	f.offset_ns = e.offset_ns;
	f.drift_ppm = e.drift_ppm;
	f.error_ns = m->worst_ns > 0 ? m->worst_ns : e.error_ns;
	f.probes = fit.probes;
	f.lost = fit.lost;
	f.round_trip_min_ns = fit.round_trip_min_ns;
	f.steps = fit.steps;
	f.bends = fit.bends;
	f.step_most_ns = fit.step_most_ns;
	return f;
}
