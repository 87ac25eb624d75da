/* SPDX-License-Identifier: Apache-2.0 */
#include "load/search.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load/pacer.h"

#define MS                    UINT64_C(1000000)

#define RATE_LEAST            1.0 /* a second; OMB's workers do not go below it either */
#define NOT_EVEN_LEAST        "not even the lowest rate, 1 msg/s, was sustained"

#define SETTLE_NS             (500 * MS)
#define CAUTIOUS_NS           (300 * MS)
#define CAUTIOUS_TRIALS       2
#define CAUTIOUS_SHARE        0.4 /* of what was offered: more arrives, or the rate is far too high */

#define APPROACH_SHARE        0.0005 /* of the first rate of the ramp */
#define APPROACH_STEP         4
#define APPROACH_NS           (200 * MS)
#define APPROACH_POLL_NS      (100 * MS)
#define APPROACH_NS_MAX       (3000 * MS) /* of the first step; later ones may take ... */
#define APPROACH_SLOWER       1.5         /* ... so many times what the one before took */
#define APPROACH_NS_LEAST     (500 * MS)

#define HUNG_NS               (15000 * MS) /* nothing at all arrived for so long, at any rate */

#define WINDOW_NS             (1000 * MS)
#define WINDOWS_MAX           3 /* a rate that is short in each of these is not sustained */

/* Few messages make coarse fractions: a window lasts until this many were offered ... */
#define WINDOW_MESSAGES       300
#define WINDOW_NS_LONG        (5000 * MS) /* ... but no longer, if it has this many: */
#define WINDOW_MESSAGES_LEAST 60          /* one of them is as much as the tolerance */
#define WINDOW_NS_MAX         (20000 * MS)

#define DRAIN_POLL_NS         (100 * MS)
#define DRAIN_STUCK_NS        (2000 * MS)  /* no progress for so long: what is left is lost ... */
#define DRAIN_STUCK_NS_MAX    (15000 * MS) /* ... unless so little comes that it may be the next */
#define DRAIN_STUCK_MESSAGES  5
#define DRAIN_SHARE           0.001    /* of the next rate is sent meanwhile */
#define DRAINED_NS            (5 * MS) /* outstanding is nothing if the next rate offers it so fast */

#define TOLERANCE             0.015 /* of what a window offered: what acknowledgements jitter */
#define TOLERANCE_MESSAGES    3
#define GAP                   1.04 /* between good and bad at the end */
#define GUESS                 0.98 /* of what an overloaded broker carried */
#define HOLD_SHARE            0.97 /* the same, when it stopped sustaining what was found */
#define HOLD_MOST \
	0.985             /* of what was carried at the bad rate: the tolerance lets good
                                    rates be a little above the capacity */
#define BAD_WINDOWS    3  /* of hold, in a row, until it backs off ... */
#define OUTAGE_WINDOWS 20 /* ... and where it carries less than half: an outage passes */

static const char *const phase_names[] = {
	[SEARCH_APPROACH] = "approach", [SEARCH_RAMP] = "ramp", [SEARCH_DRAIN] = "drain",
	[SEARCH_BISECT] = "bisect",     [SEARCH_HOLD] = "hold", [SEARCH_GIVE_UP] = "give up",
};

const char *search_phase_name(enum search_phase phase)
{
	return phase_names[phase];
}

static bool parameter(char *(*lookup)(const char *name), const char *name, double min,
                      double *value, struct error *err)
{
	const char *text = lookup(name);
	char *end;

	if (text == NULL || text[0] == '\0')
		return true;
	errno = 0;
	double parsed = strtod(text, &end);
	if (*end != '\0' || errno != 0 || !isfinite(parsed))
		return error_set(err, ERROR_CONFIG, "environment: %s: \"%s\" is not a number", name,
		                 text);
	if (parsed < min)
		return error_set(err, ERROR_CONFIG, "environment: %s: %s is below %g", name, text,
		                 min);
	*value = parsed;
	return true;
}

bool search_options_init(struct search_options *o, uint32_t subscriptions,
                         char *(*lookup)(const char *name), struct error *err)
{
	*o = (struct search_options){
		.start_per_s = SEARCH_START_PER_S,
		.max_per_s = (double)PACER_MICRO_PER_S_MAX / 1e6,
		.subscriptions = subscriptions,
		.min_ramping = 0.01, /* OMB's defaults */
		.max_ramping = 1,
	};
	return parameter(lookup, "PUBLISH_BACKLOG_LIMIT", 1, &o->publish_backlog_limit, err) &&
	       parameter(lookup, "RECEIVE_BACKLOG_LIMIT", 1, &o->receive_backlog_limit, err) &&
	       parameter(lookup, "MIN_RAMPING_FACTOR", 0.0001, &o->min_ramping, err) &&
	       parameter(lookup, "MAX_RAMPING_FACTOR", 0.01, &o->max_ramping, err);
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* A window whose messages suffice for a verdict. */
static uint64_t window_ns(double rate_per_s)
{
	double wish_ns = fmin(WINDOW_MESSAGES / rate_per_s * 1e9, (double)WINDOW_NS_LONG);
	double need_ns = fmin(WINDOW_MESSAGES_LEAST / rate_per_s * 1e9, (double)WINDOW_NS_MAX);

	return (uint64_t)fmax(fmax(wish_ns, need_ns), (double)WINDOW_NS);
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Sent and not yet received by everybody who should. */
static uint64_t outstanding(const struct search *s, const struct search_sample *now)
{
	uint64_t in_flight = minus(now->sent, now->acknowledged + now->failed);

	return in_flight + minus(now->acknowledged * s->options.subscriptions, now->received);
}

/* What happened between two samples. */
struct flow {
	double offered, carried; /* messages; carried = by whoever is slower */
	double per_s;            /* carried */
	bool falls_short;
};

static struct flow flow_between(const struct search *s, const struct search_sample *from,
                                const struct search_sample *to)
{
	const struct search_options *o = &s->options;
	double time_s = seconds(to->at_ns - from->at_ns);
	double offered = s->trial.rate_per_s * time_s;
	double published = (double)minus(to->acknowledged, from->acknowledged);
	double tolerated = fmax(offered * TOLERANCE, TOLERANCE_MESSAGES);
	double limit = o->publish_backlog_limit > 0 ? o->publish_backlog_limit : tolerated;
	struct flow flow = { .offered = offered, .carried = published };

	flow.falls_short = offered - published > limit;
	if (o->subscriptions > 0) {
		double received = (double)minus(to->received, from->received) / o->subscriptions;
		limit = o->receive_backlog_limit > 0 ? o->receive_backlog_limit / o->subscriptions
		                                     : tolerated;
		flow.falls_short = flow.falls_short || offered - received > limit;
		flow.carried = fmin(published, received);
	}
	flow.per_s = time_s > 0 ? flow.carried / time_s : 0;
	return flow;
}

static double within(double value, double least, double most)
{
	return value < least ? least : value > most ? most : value;
}

static struct search_decision decide(const struct search *s, double rate_per_s, bool change,
                                     uint64_t next_ns)
{
	return (struct search_decision){
		.phase = s->phase,
		.rate_per_s = rate_per_s,
		.change = change,
		.converged = s->phase == SEARCH_HOLD && s->confirmed,
		.gave_up = s->phase == SEARCH_GIVE_UP,
		.next_ns = next_ns,
	};
}

/* --- trying a rate --------------------------------------------------------------------------- */

static struct search_decision try_rate(struct search *s, enum search_phase phase, double rate_per_s,
                                       const struct search_sample *now)
{
	rate_per_s = within(rate_per_s, RATE_LEAST, s->options.max_per_s);
	s->phase = phase;
	s->trials++;
	s->bad_windows = 0;
	s->trial = (struct search_trial){
		.rate_per_s = rate_per_s,
		.start = *now,
		.last = *now,
	};
	uint64_t settle_ns = s->cautious ? CAUTIOUS_NS : SETTLE_NS;
	return decide(s, rate_per_s, true, now->at_ns + settle_ns);
}

static struct search_decision drain_then(struct search *s, enum search_phase then,
                                         double rate_per_s, const struct search_sample *now)
{
	s->phase = SEARCH_DRAIN;
	s->then = then;
	s->then_per_s = within(rate_per_s, RATE_LEAST, s->options.max_per_s);
	s->drain_progress_ns = now->at_ns;
	s->drain_carried_per_s = s->trial.carried_per_s;
	s->outstanding = outstanding(s, now);
	s->trial.start = *now;

	return decide(s, fmax(s->then_per_s * DRAIN_SHARE, 0.1), true, now->at_ns + DRAIN_POLL_NS);
}

/* So long without progress, and no more is to come.  A broker of one message a second is not stuck
 * while it works at the next one. */
static uint64_t stuck_ns(const struct search *s)
{
	double slow_ns = DRAIN_STUCK_MESSAGES / fmax(s->drain_carried_per_s, 1e-3) * 1e9;

	return (uint64_t)within(slow_ns, (double)DRAIN_STUCK_NS, (double)DRAIN_STUCK_NS_MAX);
}

static struct search_decision drain_step(struct search *s, const struct search_sample *now)
{
	uint64_t left = outstanding(s, now);
	uint64_t nothing = (uint64_t)(s->then_per_s * seconds(DRAINED_NS)) + TOLERANCE_MESSAGES;

	if (left < s->outstanding) {
		s->outstanding = left;
		s->drain_progress_ns = now->at_ns;
	}
	bool stuck = now->at_ns - s->drain_progress_ns >= stuck_ns(s);
	if (stuck)
		s->lost = left;
	if (stuck || left <= s->lost + nothing)
		return try_rate(s, s->then, s->then_per_s, now);
	return decide(s, fmax(s->then_per_s * DRAIN_SHARE, 0.1), false, now->at_ns + DRAIN_POLL_NS);
}

/* --- where to go next -------------------------------------------------------------------------- */

/* At a few messages a second the tolerance is coarse, and nothing finer can be told apart. */
static double gap(const struct search *s)
{
	double rate = s->trial.rate_per_s;
	double coarse = TOLERANCE_MESSAGES / (rate * seconds(window_ns(rate)));

	return fmax(fmax(GAP, 1 + 2 * coarse), 1 + s->options.min_ramping);
}

/* The answer: the best rate known to be good, less what the tolerance may have hidden. */
static double found(const struct search *s)
{
	double most = s->bad_carried_per_s > 0 ? s->bad_carried_per_s * HOLD_MOST : INFINITY;

	return fmin(s->good_per_s, fmax(most, s->good_per_s / gap(s)));
}

/* Both ends are known: is anything worth trying between them? */
static bool gap_is_closed(const struct search *s)
{
	return s->good_per_s > 0 && s->bad_per_s <= s->good_per_s * gap(s) * 1.001;
}

static void remember(struct search *s, double carried_per_s, bool sustained)
{
	if (s->readings_count == SEARCH_READINGS_MAX)
		memmove(&s->readings[0], &s->readings[1],
		        --s->readings_count * sizeof(s->readings[0]));
	s->readings[s->readings_count++] = (struct search_reading){
		.rate_per_s = s->trial.rate_per_s,
		.carried_per_s = carried_per_s,
		.sustained = sustained,
	};
}

static struct search_decision give_up(struct search *s, const char *why,
                                      const struct search_sample *now)
{
	s->phase = SEARCH_GIVE_UP;
	s->gave_up_word = why;
	return decide(s, s->trial.rate_per_s, false, now->at_ns + WINDOW_NS);
}

static struct search_decision after_good(struct search *s, double carried_per_s,
                                         const struct search_sample *now)
{
	remember(s, carried_per_s, true);
	s->good_per_s = s->trial.rate_per_s;
	s->cautious = false;
	s->retried = false;

	if (s->good_per_s >= s->options.max_per_s || gap_is_closed(s)) {
		s->confirmed = true;
		return try_rate(s, SEARCH_HOLD, found(s), now);
	}
	if (isinf(s->bad_per_s))
		return try_rate(s, SEARCH_RAMP, s->good_per_s * (1 + s->options.max_ramping), now);

	/* Good rates come from a guess close below the capacity: the bad one is likely just above, and
	 * finding that out ends the search.  Only a wide gap is halved. */
	double next = s->good_per_s * gap(s);
	if (s->phase == SEARCH_RAMP || s->bad_per_s < next)
		next = sqrt(s->good_per_s * s->bad_per_s);
	return try_rate(s, SEARCH_BISECT, next, now);
}

static struct search_decision after_bad(struct search *s, double carried_per_s,
                                        const struct search_sample *now)
{
	bool hung = carried_per_s <= 0 && now->at_ns - s->trial.start.at_ns >= HUNG_NS;
	double rate = s->trial.rate_per_s;
	double guess = carried_per_s * GUESS;

	remember(s, carried_per_s, false);
	s->cautious = false;
	if (rate <= RATE_LEAST)
		return give_up(s, NOT_EVEN_LEAST, now);
	if (hung && s->good_per_s == 0)
		return give_up(s, "nothing at all arrived", now);

	/* It did worse than a rate known to be good: a disturbance, or that verdict was wrong. */
	if (s->good_per_s > 0 && guess < s->good_per_s * 0.95) {
		if (!s->retried) {
			s->retried = true;
			return drain_then(s, SEARCH_BISECT, rate, now);
		}
		s->good_per_s = 0;
	}
	s->retried = false;
	s->bad_per_s = rate;
	s->bad_carried_per_s = carried_per_s;
	if (gap_is_closed(s)) {
		s->confirmed = true;
		return drain_then(s, SEARCH_HOLD, found(s), now);
	}
	if (s->good_per_s == 0)
		return drain_then(s, SEARCH_BISECT, within(guess, rate / 10, rate / gap(s)), now);
	/* At least one step above what is good, and one below what is not. */
	double least = fmin(s->good_per_s * sqrt(gap(s)), sqrt(s->good_per_s * rate));
	return drain_then(s, SEARCH_BISECT, within(guess, least, fmax(least, rate / gap(s))), now);
}

/* --- verdicts ---------------------------------------------------------------------------------- */

/* The rate of the very first trial may be hundreds of times too high: what it leaves behind would
 * take minutes to drain.  This says nothing but "start lower": acknowledgements may be late only. */
static bool must_start_lower(const struct search *s, const struct search_sample *now)
{
	struct flow flow = flow_between(s, &s->trial.start, now);

	return s->cautious && s->trials <= CAUTIOUS_TRIALS &&
	       flow.carried < flow.offered * CAUTIOUS_SHARE;
}

static struct search_decision approach(struct search *s, double rate_per_s, uint64_t limit_ns,
                                       const struct search_sample *now)
{
	rate_per_s = within(rate_per_s, RATE_LEAST, s->options.max_per_s);
	if (rate_per_s >= s->options.start_per_s)
		return try_rate(s, SEARCH_RAMP, s->options.start_per_s, now);
	s->phase = SEARCH_APPROACH;
	s->approach_limit_ns = limit_ns;
	s->trial = (struct search_trial){ .rate_per_s = rate_per_s, .start = *now, .last = *now };
	return decide(s, rate_per_s, true, now->at_ns + APPROACH_NS);
}

static struct search_decision approach_step(struct search *s, const struct search_sample *now)
{
	double rate = s->trial.rate_per_s;
	uint64_t took_ns = now->at_ns - s->trial.start.at_ns;
	struct flow flow = flow_between(s, &s->trial.start, now);

	if (flow.carried >= 1 && flow.carried >= flow.offered * CAUTIOUS_SHARE) {
		double limit_ns = fmax(APPROACH_SLOWER * (double)took_ns, APPROACH_NS_LEAST);
		return approach(s, rate * APPROACH_STEP, (uint64_t)limit_ns, now);
	}
	if (took_ns < s->approach_limit_ns)
		return decide(s, rate, false, now->at_ns + APPROACH_POLL_NS);
	/* Slow, or only late: from here on rates are judged, from what was carried on. */
	s->cautious = false;
	s->trial.carried_per_s = flow.per_s;
	return flow.carried > 0 ? drain_then(s, SEARCH_RAMP, flow.per_s * GUESS, now)
	                        : try_rate(s, SEARCH_RAMP, rate, now);
}

static struct search_decision settled(struct search *s, const struct search_sample *now)
{
	double rate = s->trial.rate_per_s;

	if (must_start_lower(s, now))
		return drain_then(s, SEARCH_RAMP, rate / 10, now);
	s->trial.settled = true;
	s->trial.start = s->trial.last = *now;
	return decide(s, rate, false, now->at_ns + window_ns(rate));
}

/* Whatever the rate: it is not the rate that is wrong. */
static bool nothing_but_failures(const struct search_sample *from, const struct search_sample *to)
{
	return to->failed > from->failed && to->acknowledged == from->acknowledged;
}

static struct search_decision judge(struct search *s, const struct search_sample *now)
{
	struct search_trial *t = &s->trial;
	struct flow all = flow_between(s, &t->start, now);
	struct flow last = flow_between(s, &t->last, now);
	double before_per_s = t->carried_per_s;

	t->windows++;
	t->last = *now;
	t->carried_per_s = last.per_s;
	if (!all.falls_short || !last.falls_short)
		return after_good(s, fmax(all.per_s, last.per_s), now);
	if (nothing_but_failures(&t->start, now)) {
		remember(s, all.per_s, false);
		return give_up(s, "whatever was sent failed", now);
	}

	/* Far too short and not getting better: no need to wait for the last window. */
	bool saturated = t->windows > 1 && last.carried < last.offered * 0.9 &&
	                 last.per_s < before_per_s * 1.05;
	if (saturated || t->windows == WINDOWS_MAX)
		return after_bad(s, all.per_s, now);
	return decide(s, t->rate_per_s, false, now->at_ns + window_ns(t->rate_per_s));
}

static struct search_decision hold(struct search *s, const struct search_sample *now)
{
	struct search_trial *t = &s->trial;
	double rate = t->rate_per_s;
	struct flow last = flow_between(s, &t->last, now);
	struct flow all = flow_between(s, &t->start, now);

	t->last = *now;
	if (!last.falls_short) {
		s->bad_windows = 0;
		s->confirmed = true;
		t->start = *now;
		return decide(s, rate, false, now->at_ns + window_ns(rate));
	}
	s->bad_windows++;
	bool outage = all.per_s < rate / 2;
	if (s->bad_windows < (outage ? OUTAGE_WINDOWS : BAD_WINDOWS))
		return decide(s, rate, false, now->at_ns + window_ns(rate));
	remember(s, all.per_s, false);
	s->confirmed = false;
	s->good_per_s = 0;
	t->carried_per_s = all.per_s;
	if (rate <= RATE_LEAST)
		return give_up(s, NOT_EVEN_LEAST, now);
	return drain_then(s, SEARCH_HOLD, fmin(all.per_s, last.per_s) * HOLD_SHARE, now);
}

/* --- the two calls ----------------------------------------------------------------------------- */

struct search_decision search_init(struct search *s, const struct search_options *o,
                                   const struct search_sample *now)
{
	assert(o->start_per_s > 0 && o->max_per_s >= 1);

	*s = (struct search){ .options = *o, .bad_per_s = INFINITY, .cautious = true };
	return approach(s, o->start_per_s * APPROACH_SHARE, APPROACH_NS_MAX, now);
}

struct search_decision search_step(struct search *s, const struct search_sample *now)
{
	switch (s->phase) {
	case SEARCH_APPROACH:
		return approach_step(s, now);
	case SEARCH_DRAIN:
		return drain_step(s, now);
	case SEARCH_RAMP:
	case SEARCH_BISECT:
		return s->trial.settled ? judge(s, now) : settled(s, now);
	case SEARCH_HOLD:
		return s->trial.settled ? hold(s, now) : settled(s, now);
	case SEARCH_GIVE_UP:
		return give_up(s, s->gave_up_word, now);
	}
	abort();
}

struct search_decision search_conclude(struct search *s, const struct search_sample *now)
{
	bool is_held =
		s->phase == SEARCH_HOLD || (s->phase == SEARCH_DRAIN && s->then == SEARCH_HOLD);

	if (is_held && s->confirmed)
		return search_step(s, now);
	if (s->good_per_s == 0)
		return give_up(s, "no rate was confirmed in time", now);
	s->confirmed = true;
	return drain_then(s, SEARCH_HOLD, found(s), now);
}
