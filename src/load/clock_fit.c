/* SPDX-License-Identifier: Apache-2.0 */
#include "load/clock_fit.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

#define DRIFT_MOST    (CLOCK_DRIFT_MOST_PPM * 1e-6)
#define WANDER        (CLOCK_WANDER_PPM * 1e-6)
#define INSTANT_LIMIT (UINT64_C(1) << 61) /* differences of differences still fit into 64 bits */
#define FIRST_SPAN_NS UINT64_C(100000000) /* of a stretch of time of which one probe is kept */
#define GROUPS        16                  /* of probes of which one speaks for the drift */
#define WORST_POINTS  256                 /* between which errors are bounded by their slope */

/* Half of the width may stand for the drift while the probe was under way, too. */
struct kept {
	uint64_t at_ns; /* the middle, of our clock */
	int64_t offset_ns;
	uint64_t half_ns;
};

/* Between two beginnings. */
struct stretch {
	uint64_t from_ns, until_ns; /* what it holds of for certain: first answered, last asked */
	unsigned first, count;      /* of kept */
	double rate, spread;        /* the true rate at each instant is within rate +- spread */
	double mean_error;          /* the same of its mean */
};

struct clock_fit {
	struct kept kept[CLOCK_FIT_KEPT];
	unsigned count;
	struct stretch stretches[CLOCK_FIT_STRETCHES];
	unsigned stretches_count;
	uint64_t span_ns;
	bool is_broken; /* a clock changed while a probe was under way: the next one begins anew */
	bool has_forgotten;
	struct clock_fit_facts facts;
};

struct claim {
	int64_t offset_ns;
	uint64_t error_ns;
};

struct clock_fit *clock_fit_create(void)
{
	struct clock_fit *fit = xcalloc(1, sizeof(*fit));

	fit->span_ns = FIRST_SPAN_NS;
	return fit;
}

void clock_fit_destroy(struct clock_fit *fit)
{
	free(fit);
}

/* --- one probe ---------------------------------------------------------------------------------- */

static bool is_probe(const struct clock_fit *fit, const struct clock_probe *p)
{
	return p->asked_ns <= p->answered_ns && p->received_ns <= p->sent_ns &&
	       p->answered_ns < INSTANT_LIMIT && p->sent_ns < INSTANT_LIMIT &&
	       (fit->facts.probes == 0 || p->asked_ns >= fit->facts.last_ns);
}

/* Without the time that the answer took to be made; below 0 when a clock changed meanwhile. */
static int64_t round_trip_of(const struct clock_probe *p)
{
	return (int64_t)(p->answered_ns - p->asked_ns) - (int64_t)(p->sent_ns - p->received_ns);
}

/* What both clocks may have drifted apart while it was under way, rounded up. */
static int64_t drifted_within(const struct clock_probe *p)
{
	return (int64_t)((double)(p->answered_ns - p->asked_ns) * DRIFT_MOST) + 1;
}

static struct kept kept_of(const struct clock_probe *p)
{
	int64_t least = (int64_t)p->sent_ns - (int64_t)p->answered_ns;
	int64_t round_trip = round_trip_of(p);

	return (struct kept){
		.at_ns = p->asked_ns + (p->answered_ns - p->asked_ns) / 2,
		.offset_ns = least + round_trip / 2,
		.half_ns = (uint64_t)((round_trip + drifted_within(p) + 1) / 2 + 1),
	};
}

/* --- rates -------------------------------------------------------------------------------------- */

static double seconds_apart(const struct kept *a, const struct kept *b)
{
	return (double)(b->at_ns - a->at_ns) * 1e-9;
}

/* Two in the order of time: the rate between them, give or take. */
static bool rate_between(const struct kept *a, const struct kept *b, double *rate, double *error)
{
	if (b->at_ns <= a->at_ns)
		return false;
	double apart_ns = (double)(b->at_ns - a->at_ns);
	*rate = (double)(b->offset_ns - a->offset_ns) / apart_ns;
	*error = (double)(a->half_ns + b->half_ns) / apart_ns;
	return true;
}

/* The mean rate that all pairs allow.  False: they contradict each other. */
static bool mean_rate_bounds(const struct kept *k, unsigned count, double *least, double *most)
{
	*least = -DRIFT_MOST;
	*most = DRIFT_MOST;
	for (unsigned j = 1; j < count; j++) {
		for (unsigned i = 0; i < j; i++) {
			double rate, error;
			if (!rate_between(&k[i], &k[j], &rate, &error))
				continue;
			*least = fmax(*least, rate - error - WANDER);
			*most = fmin(*most, rate + error + WANDER);
		}
	}
	return *least <= *most;
}

/* Least squares; the shorter a round trip, the more it counts.  Differences to the first one, which a
 * double holds exactly enough. */
static double likely_rate(const struct kept *k, unsigned count)
{
	double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;

	for (unsigned i = 0; i < count; i++) {
		double weight = 1 / ((double)k[i].half_ns * (double)k[i].half_ns);
		double x = seconds_apart(&k[0], &k[i]);
		double y = (double)(k[i].offset_ns - k[0].offset_ns) * 1e-9;
		w += weight;
		wx += weight * x;
		wy += weight * y;
		wxx += weight * x * x;
		wxy += weight * x * y;
	}
	double spread = w * wxx - wx * wx;
	return spread > 0 ? (w * wxy - wx * wy) / spread : 0;
}

/* The best of each of GROUPS parts, and the newcomer: in the order of time. */
static unsigned speakers_of(const struct clock_fit *fit, const struct stretch *s,
                            const struct kept *newest, struct kept out[GROUPS + 1])
{
	unsigned groups = s->count < GROUPS ? s->count : GROUPS;

	for (unsigned g = 0; g < groups; g++) {
		const struct kept *all = &fit->kept[s->first];
		unsigned end = (g + 1) * s->count / groups;
		out[g] = all[g * s->count / groups];
		for (unsigned i = g * s->count / groups; i < end; i++)
			if (all[i].half_ns < out[g].half_ns)
				out[g] = all[i];
	}
	out[groups] = *newest;
	return groups + 1;
}

/* False: with this one the stretch contradicts itself; it stays as it is. */
static bool fit_rate(const struct clock_fit *fit, struct stretch *s, const struct kept *newest)
{
	struct kept speakers[GROUPS + 1];
	unsigned count = speakers_of(fit, s, newest, speakers);
	double least, most;

	if (!mean_rate_bounds(speakers, count, &least, &most))
		return false;
	s->rate = fmin(fmax(likely_rate(speakers, count), least), most);
	s->mean_error = fmax(s->rate - least, most - s->rate);
	s->spread = s->mean_error + WANDER;
	return true;
}

/* --- what is claimed of an instant -------------------------------------------------------------- */

static uint64_t apart_ns(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static struct claim claim_of(const struct clock_fit *fit, const struct stretch *s, uint64_t at_ns)
{
	const struct kept *best = NULL;
	double best_error = INFINITY;

	for (unsigned i = s->first; i < s->first + s->count; i++) {
		const struct kept *k = &fit->kept[i];
		double error = (double)k->half_ns + s->spread * (double)apart_ns(at_ns, k->at_ns);
		if (error < best_error) {
			best_error = error;
			best = k;
		}
	}
	assert(best != NULL);
	double since_ns = (double)apart_ns(at_ns, best->at_ns);
	double drifted = s->rate * (at_ns < best->at_ns ? -since_ns : since_ns);
	return (struct claim){ best->offset_ns + (int64_t)llround(drifted),
		               (uint64_t)ceil(best_error) + 1 };
}

static struct claim both(struct claim a, struct claim b)
{
	int64_t a_least = a.offset_ns - (int64_t)a.error_ns;
	int64_t b_least = b.offset_ns - (int64_t)b.error_ns;
	int64_t a_most = a.offset_ns + (int64_t)a.error_ns;
	int64_t b_most = b.offset_ns + (int64_t)b.error_ns;
	int64_t least = a_least < b_least ? a_least : b_least;
	int64_t most = a_most > b_most ? a_most : b_most;
	uint64_t width = (uint64_t)most - (uint64_t)least;

	return (struct claim){ least + (int64_t)(width / 2), width / 2 + 1 };
}

static double steepest_of(const struct clock_fit *fit)
{
	double steepest = 0;

	for (unsigned i = 0; i < fit->stretches_count; i++) {
		const struct stretch *s = &fit->stretches[i];
		steepest = fmax(steepest, s->spread + fabs(s->rate));
	}
	return 2 * steepest; /* where two claims are spanned, each moves */
}

struct clock_estimate clock_fit_at(const struct clock_fit *fit, uint64_t our_ns)
{
	unsigned n = fit->stretches_count;
	unsigned i = n;

	while (i > 0 && our_ns < fit->stretches[i - 1].from_ns)
		i--;
	if (n == 0 || (i == 0 && fit->has_forgotten))
		return (struct clock_estimate){ .known = false };
	const struct stretch *s = &fit->stretches[i > 0 ? i - 1 : 0];
	bool is_between = i > 0 && i < n && our_ns > s->until_ns;
	struct claim c = claim_of(fit, s, our_ns);
	if (is_between)
		c = both(c, claim_of(fit, s + 1, our_ns));
	return (struct clock_estimate){
		.known = true,
		.offset_ns = c.offset_ns,
		.drift_ppm = s->rate * 1e6,
		.error_ns = c.error_ns,
		.spread_ppm = (is_between ? steepest_of(fit) : s->spread) * 1e6,
	};
}

/* --- taking one --------------------------------------------------------------------------------- */

static struct stretch *newest_of(struct clock_fit *fit)
{
	return fit->stretches_count > 0 ? &fit->stretches[fit->stretches_count - 1] : NULL;
}

static void forget_oldest(struct clock_fit *fit)
{
	unsigned gone = fit->stretches[0].count;

	memmove(fit->kept, fit->kept + gone, (fit->count - gone) * sizeof(*fit->kept));
	fit->count -= gone;
	fit->stretches_count--;
	memmove(fit->stretches, fit->stretches + 1, fit->stretches_count * sizeof(*fit->stretches));
	for (unsigned i = 0; i < fit->stretches_count; i++)
		fit->stretches[i].first -= gone;
	fit->has_forgotten = true;
}

static bool share_a_span(const struct clock_fit *fit, const struct kept *a, const struct kept *b)
{
	return a->at_ns / fit->span_ns == b->at_ns / fit->span_ns;
}

/* The best of each span stays. */
static void thin_out(struct clock_fit *fit)
{
	unsigned used = 0;

	for (unsigned n = 0; n < fit->stretches_count; n++) {
		struct stretch *s = &fit->stretches[n];
		unsigned first = used;
		for (unsigned i = s->first; i < s->first + s->count; i++) {
			struct kept k = fit->kept[i];
			bool is_new = used == first || !share_a_span(fit, &k, &fit->kept[used - 1]);
			if (is_new)
				fit->kept[used++] = k;
			else if (k.half_ns < fit->kept[used - 1].half_ns)
				fit->kept[used - 1] = k;
		}
		s->first = first;
		s->count = used - first;
	}
	fit->count = used;
}

/* Ends: with spans long enough a stretch keeps one, and there are fewer stretches than room. */
static void make_room(struct clock_fit *fit)
{
	while (fit->count == CLOCK_FIT_KEPT) {
		fit->span_ns *= 2;
		thin_out(fit);
	}
}

static void keep(struct clock_fit *fit, const struct kept *k)
{
	struct stretch *s = newest_of(fit);

	if (s->count > 0) {
		struct kept *last = &fit->kept[fit->count - 1];
		if (share_a_span(fit, k, last)) {
			if (k->half_ns < last->half_ns)
				*last = *k;
			return;
		}
	}
	make_room(fit);
	s->count++;
	fit->kept[fit->count++] = *k;
}

static void begin(struct clock_fit *fit, uint64_t answered_ns)
{
	make_room(fit);
	if (fit->stretches_count == CLOCK_FIT_STRETCHES)
		forget_oldest(fit);
	fit->stretches[fit->stretches_count++] = (struct stretch){
		.from_ns = answered_ns,
		.first = fit->count,
		.spread = DRIFT_MOST,
		.mean_error = DRIFT_MOST,
	};
	fit->is_broken = false;
}

static uint64_t magnitude(int64_t x)
{
	return x < 0 ? (uint64_t)-x : (uint64_t)x;
}

static void note_step(struct clock_fit *fit, int64_t by_ns, uint64_t at_ns)
{
	struct clock_fit_facts *f = &fit->facts;

	f->steps++;
	if (f->step_most_at_ns == 0 || magnitude(by_ns) > magnitude(f->step_most_ns)) {
		f->step_most_ns = by_ns;
		f->step_most_at_ns = at_ns;
	}
}

/* What the newest stretch says to one more.  A rate that fits is taken over. */
static enum clock_news judge(struct clock_fit *fit, const struct kept *k)
{
	struct stretch *s = newest_of(fit);
	struct claim c = claim_of(fit, s, k->at_ns);
	int64_t off_ns = k->offset_ns - c.offset_ns;

	if (fit->is_broken || magnitude(off_ns) > k->half_ns + c.error_ns) {
		note_step(fit, off_ns, k->at_ns);
		return CLOCK_NEWS_STEP;
	}
	if (!fit_rate(fit, s, k)) {
		fit->facts.bends++;
		return CLOCK_NEWS_BEND;
	}
	return CLOCK_NEWS_NONE;
}

static void count_one(struct clock_fit *fit, uint64_t asked_ns, uint64_t answered_ns)
{
	struct clock_fit_facts *f = &fit->facts;

	if (f->probes == 0)
		f->first_ns = asked_ns;
	f->last_ns = answered_ns;
	f->probes++;
}

static void count_round_trip(struct clock_fit_facts *f, int64_t took_ns)
{
	uint64_t round_trip = took_ns > 1 ? (uint64_t)took_ns : 1;

	if (f->round_trip_min_ns == 0 || round_trip < f->round_trip_min_ns)
		f->round_trip_min_ns = round_trip;
}

static enum clock_news refuse(struct clock_fit *fit)
{
	fit->facts.refused++;
	return CLOCK_NEWS_REFUSED;
}

static enum clock_news take(struct clock_fit *fit, const struct kept *k, uint64_t asked_ns,
                            uint64_t answered_ns)
{
	enum clock_news news = fit->stretches_count > 0 ? judge(fit, k) : CLOCK_NEWS_NONE;

	if (fit->stretches_count == 0 || news != CLOCK_NEWS_NONE)
		begin(fit, answered_ns);
	keep(fit, k);
	newest_of(fit)->until_ns = asked_ns;
	count_one(fit, asked_ns, answered_ns);
	return news;
}

enum clock_news clock_fit_add(struct clock_fit *fit, const struct clock_probe *p)
{
	if (!is_probe(fit, p))
		return refuse(fit);
	if (round_trip_of(p) + drifted_within(p) < 0) {
		/* It tells that a clock changed, and of neither side of that anything. */
		fit->is_broken = fit->stretches_count > 0;
		return refuse(fit);
	}

	struct kept k = kept_of(p);
	enum clock_news news = take(fit, &k, p->asked_ns, p->answered_ns);
	count_round_trip(&fit->facts, round_trip_of(p));
	return news;
}

static bool is_reading(const struct clock_system *s)
{
	return s->monotonic_ns < INSTANT_LIMIT && s->wall_ns < INSTANT_LIMIT &&
	       s->error_ns < INSTANT_LIMIT / 4;
}

enum clock_news clock_fit_add_system(struct clock_fit *fit, const struct clock_system *ours,
                                     const struct clock_system *theirs)
{
	uint64_t at_ns = ours->monotonic_ns;

	if (!is_reading(ours) || !is_reading(theirs) ||
	    (fit->facts.probes > 0 && at_ns < fit->facts.last_ns))
		return refuse(fit);
	struct kept k = {
		.at_ns = at_ns,
		.offset_ns = ((int64_t)theirs->monotonic_ns - (int64_t)theirs->wall_ns) -
		             ((int64_t)ours->monotonic_ns - (int64_t)ours->wall_ns),
		.half_ns = ours->error_ns + theirs->error_ns + 1,
	};
	return take(fit, &k, at_ns, at_ns);
}

void clock_fit_lost(struct clock_fit *fit)
{
	fit->facts.lost++;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static uint64_t error_at(const struct clock_fit *fit, uint64_t at_ns)
{
	struct clock_estimate e = clock_fit_at(fit, at_ns);

	return e.known ? e.error_ns : UINT64_MAX;
}

/* Errors change no faster than by the steepest slope, but jump at the ends of stretches. */
uint64_t clock_fit_worst_ns(const struct clock_fit *fit, uint64_t from_ns, uint64_t until_ns)
{
	uint64_t worst = error_at(fit, until_ns);
	uint64_t step_ns = (until_ns - from_ns) / WORST_POINTS + 1;

	assert(from_ns <= until_ns);
	for (uint64_t at = from_ns; at < until_ns; at += step_ns) {
		uint64_t error = error_at(fit, at);
		worst = error > worst ? error : worst;
	}
	for (unsigned i = 0; i + 1 < fit->stretches_count; i++) {
		const struct stretch *s = &fit->stretches[i];
		const uint64_t edges[] = { s->until_ns + 1, s[1].from_ns - 1 };
		for (unsigned e = 0; e < 2; e++) {
			if (edges[e] < from_ns || edges[e] > until_ns)
				continue;
			uint64_t error = error_at(fit, edges[e]);
			worst = error > worst ? error : worst;
		}
	}
	if (worst == UINT64_MAX)
		return worst;
	return worst + (uint64_t)ceil(steepest_of(fit) * (double)step_ns / 2);
}

struct clock_fit_facts clock_fit_facts(const struct clock_fit *fit)
{
	struct clock_fit_facts f = fit->facts;

	if (fit->stretches_count > 0) {
		const struct stretch *s = &fit->stretches[fit->stretches_count - 1];
		f.drift_ppm = s->rate * 1e6;
		f.drift_error_ppm = s->mean_error * 1e6;
	}
	return f;
}
