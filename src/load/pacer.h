/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_LOAD_PACER_H
#define OMB_LOAD_PACER_H

/*
 * pacer -- when each message of a producer is due.
 *
 * A rate is the total over all producers of a run.  Message k of the whole schedule is due at
 *
 *     start + floor(k / rate)
 *
 * and belongs to producer k mod producers: the producers take turns, so they never fire in step.
 * The schedule is absolute: start and rate alone set it, never when earlier messages went out.  A
 * producer that falls behind sends at once until it has caught up, and each late message is charged
 * its delay from its due time.  Measuring from the actual send instead would hide every stall of
 * the broker ("coordinated omission").
 *
 * Rates are integers of a millionth of a message per second, and the fraction of a nanosecond is
 * carried along exactly: no rate drifts (a rounded interval would make 3,000,000 msg/s 0.1 % too
 * fast), and advancing costs an addition and a compare.
 *
 * A change of rate opens a new epoch at a given instant.  Numbering goes on: the first message of
 * the new epoch is the one that the old one would have had next, so the turns of the producers go on
 * too.  What the old epoch had due before that instant is still owed ("debt"), unless it is
 * forgiven, which only the search for the maximum does.  A change that comes to know late, when
 * messages due after that instant are sent already, sends none of them again.
 *
 * One thread.  All times are clock_ns().
 */

#include <stdbool.h>
#include <stdint.h>

#define PACER_MICRO_PER_S_MAX (UINT64_C(1000000000) * 1000000) /* 1e9 messages per second */

/* Changes of rate that may be pending at once; beyond them the latest replaces the one before. */
#define PACER_CHANGES         4

struct pacer_epoch {
	uint64_t start_ns;    /* the first message of the epoch is due here */
	uint64_t micro_per_s; /* total rate in millionths of a message per second; never 0 */
};

struct pacer {
	uint64_t next_ns; /* when the next message is due */

	/* next_ns moves by step_ns + rem / micro_per_s; acc is the fraction gathered so far. */
	uint64_t step_ns, rem, acc, micro_per_s;

	uint64_t change_ns; /* the next epoch rules from here; UINT64_MAX = no change is coming */
	uint32_t index, producers;
	struct pacer_epoch epoch; /* ruling now ... */
	uint64_t first; /* ... and the number of its first message in the whole schedule */
	struct pacer_epoch changes[PACER_CHANGES]; /* pending, by start_ns */
	uint32_t changes_count;
};

/* 0.1 msg/s is 100,000.  Never 0: rates below a millionth are raised to it. */
uint64_t pacer_micro_per_s(double rate_per_s);

/* `index` of `producers` in the whole run. */
void pacer_init(struct pacer *p, const struct pacer_epoch *epoch, uint32_t index,
                uint32_t producers);

/* From epoch->start_ns on the rate is another; later than any change before.  With `forgive`
 * whatever was due before `now_ns` or epoch->start_ns and not sent is dropped. */
void pacer_change(struct pacer *p, const struct pacer_epoch *epoch, bool forgive, uint64_t now_ns);

/* The same schedule without memory: when message n of a producer is due.  For tests and reports. */
uint64_t pacer_due_ns(const struct pacer_epoch *epoch, uint32_t index, uint32_t producers,
                      uint64_t n);

/* How many messages this producer has due before `end_ns`, the next one included. */
uint64_t pacer_owed(const struct pacer *p, uint64_t end_ns);

/* As if pacer_advance were called so often, whatever changes of rate lie on the way; costs the same
 * for one and for 10^9 messages. */
void pacer_skip(struct pacer *p, uint64_t messages);

/* Slow path of pacer_advance. */
void pacer_enter_next_epoch(struct pacer *p);

/* The message due at next_ns is dealt with. */
static inline void pacer_advance(struct pacer *p)
{
	p->next_ns += p->step_ns;
	p->acc += p->rem;
	if (p->acc >= p->micro_per_s) {
		p->acc -= p->micro_per_s;
		p->next_ns++;
	}
	if (p->next_ns >= p->change_ns)
		pacer_enter_next_epoch(p);
}

#endif
