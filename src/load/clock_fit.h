/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_LOAD_CLOCK_FIT_H
#define OMB_LOAD_CLOCK_FIT_H

/*
 * clock_fit -- how far the clock of another host is ahead of ours, and how wrong that may be.
 *
 *     ours    asked_ns ─────────┐                      ┌───────► answered_ns
 *     theirs                    └─► received_ns  sent_ns
 *
 * What is looked for is the offset, theirs - ours.  No way takes less than nothing, so each probe
 * bounds it for certain, however unlike its two ways are: it lies between sent - answered and
 * received - asked.  The middle of these is wrong by at most half of the round trip (without the time
 * that the answer took to be made): a probe with a short round trip says much, one that waited in a
 * queue says little and does no harm.  So the best probe of each stretch of time is kept, at most
 * CLOCK_FIT_KEPT of them; when there are more the stretches double.
 *
 * The drift comes from all pairs of good probes: two bounds some time apart bound the rate between.
 * Clocks are taken to drift by at most CLOCK_DRIFT_MOST_PPM against each other, and each rate to stay
 * within CLOCK_WANDER_PPM of its mean.  An instant is answered by the one probe that knows most of it:
 *
 *     error = half of its round trip + (what its rate may be wrong by) * (how far away it is)
 *
 * Guarantees, as long as both clocks keep to the two limits above:
 *   - The truth lies within offset_ns +- error_ns, at each instant, with delays as unequal as may be.
 *   - error_ns is never below half of the shortest round trip of that stretch.
 *   - An instant in the past is answered with what became known later: the fit over a whole run.
 *
 * A probe that cannot be true together with those before it means that a clock did not keep to them: it
 * was set, its host was suspended (a monotonic clock stands still meanwhile), or its rate was changed.
 * From there on the fit begins anew, what was known stays for instants before, and from the asking of the
 * last probe of the one to the answer of the first of the other both count: the error spans them.  CLOCK_FIT_STRETCHES
 * such beginnings are remembered; of instants before them nothing is known any more.
 *
 * Where both hosts follow the time of day, and say how well (util/host_clock.h), a reading of that takes the
 * place of a probe: what the two are ahead of it bounds the offset as certainly as they are synchronised.
 *
 * Limits: a step smaller than the round trip may pass for a delay, until a probe with a shorter one comes.
 *
 * Pure: neither clock nor socket.  Nothing allocates after clock_fit_create.  One thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_FIT_KEPT       512
#define CLOCK_FIT_STRETCHES  16

/* Two kernels correct their clocks by 500 ppm each at most, and crystals are wrong by 100. */
#define CLOCK_DRIFT_MOST_PPM 1200.0
/* A crystal changes by less than 1 ppm for each degree; time daemons steer by a few. */
#define CLOCK_WANDER_PPM     5.0

/* First and last of our clock, the two between of theirs.  Nobody's clock is past 2^61 (73 years). */
struct clock_probe {
	uint64_t asked_ns, received_ns, sent_ns, answered_ns;
};

/* How far a host's monotonic clock is ahead of the time of day, at one instant of it, and how wrong its time
 * of day may be. */
struct clock_system {
	uint64_t monotonic_ns, wall_ns;
	uint64_t error_ns;
};

struct clock_estimate {
	bool known; /* false: no probe came back, or the instant is forgotten; all else is 0 */
	int64_t offset_ns; /* theirs - ours */
	double drift_ppm;  /* by which theirs is faster; 0 until there are two probes */
	uint64_t error_ns; /* the truth is at most so far from offset_ns */
	double spread_ppm; /* by which the error grows from one instant to another, at most */
};

enum clock_news {
	CLOCK_NEWS_NONE, /* as those before it */
	CLOCK_NEWS_REFUSED, /* no probe at all: it ends before it begins, or began before the last one */
	CLOCK_NEWS_STEP, /* an offset that no drift explains: a clock was set, or stood still */
	CLOCK_NEWS_BEND, /* another rate than before */
};

struct clock_fit_facts {
	uint64_t probes, refused, lost; /* taken; clock_fit_add did not; clock_fit_lost */
	uint64_t steps, bends;
	int64_t step_most_ns;       /* the largest step, by how much theirs went ahead of ours */
	uint64_t step_most_at_ns;   /* of our clock, when it was found; 0 = none */
	uint64_t round_trip_min_ns; /* of all probes; 0 while there is none */
	uint64_t first_ns, last_ns; /* asked and answered: what the probes span */
	double drift_ppm;           /* of the newest stretch */
	double drift_error_ppm;     /* by which that may be wrong, on the average of the stretch */
};

struct clock_fit;

struct clock_fit *clock_fit_create(void);
void clock_fit_destroy(struct clock_fit *fit);

/* In the order of asking; one at a time under way, so that none waits behind another. */
enum clock_news clock_fit_add(struct clock_fit *fit, const struct clock_probe *probe);
/* The same of two readings, made at about the same time: ours and theirs. */
enum clock_news clock_fit_add_system(struct clock_fit *fit, const struct clock_system *ours,
                                     const struct clock_system *theirs);
/* One had no answer: it is only counted. */
void clock_fit_lost(struct clock_fit *fit);

/* In force at an instant of our clock: before the first probe and after the last one, too. */
struct clock_estimate clock_fit_at(const struct clock_fit *fit, uint64_t our_ns);

/* No instant of [from, until] has a larger error; UINT64_MAX: of some nothing is known. */
uint64_t clock_fit_worst_ns(const struct clock_fit *fit, uint64_t from_ns, uint64_t until_ns);

struct clock_fit_facts clock_fit_facts(const struct clock_fit *fit);

#endif
