/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_VERDICT_H
#define OMB_RESULTS_VERDICT_H

/*
 * verdict -- may the numbers of a run be believed?  A pure function of what was seen.
 *
 * The worst reason decides.  VALID and SUSPECT exit 0, INVALID exits 3.
 *
 *     name            SUSPECT                                     INVALID
 *     rate            < 99.9 % of what was due was acknowledged   < 95 %
 *     throughput      < 99 % of what was due was acknowledged      < 95 %
 *                     before the end of the window
 *     sampling        the window's last sample was late by         -
 *                     > 1 % of it: the coordinator stood still
 *     search          out of time before the maximum was sure     refused rates carried much more (a note)
 *     publishDelay    at p50, p95 or p99 what is beyond            -
 *                     wakeInterval is > 1 ms and > 25 % of
 *                     the corrected publish latency
 *     failed          any message failed or had no answer         > 1 % of those sent
 *     lost            -                                           any acknowledged message was never
 *                                                                 received, after the drain
 *     neverSent       -                                           received, and no producer sent it
 *     duplicated      any (after a consumer agent's death: a note) -
 *     redelivered     the same                                    -
 *     outOfOrder      the same                                    -
 *     deliveredThoughFailed                                       -
 *                     any
 *     missing         -                                           sums: fewer received than acknowledged
 *                                                                 x subscriptions, after the drain
 *     topics          -                                           gone, or took fewer than acknowledged
 *                                                                 (nobody could look: a note)
 *     surplus         sums: more received than acknowledged       -
 *     foreign         messages without our stamp, or another's    -
 *     corrupt         -                                           any damaged stamp or content
 *     contents        were to be compared, and were not           -
 *     agents          restarted with success                      lost for good (after everything
 *                                                                 had arrived: a note)
 *     agentStalled    stood still for seconds during the load     -
 *     clients         a client will never work again              -
 *     idleConsumers   more consumers than partitions              -
 *     queue           > 1 % of the window's messages were BUSY    -
 *                     when due, or > 1 % of its time was
 *                     spent waiting so
 *     samples         fewer than 1000 for the p99                 no message was measured
 *     backlog         grew by > 2 % of what was sent, late in     grew while it was to be
 *                     the window; not built or drained in time    drained
 *     sentinel        at p50, p95 or p99 agents of a role woke up  (the coordinator by more than
 *                     > 1 ms late and > 25 % of the latency         a second: a note)
 *     agentCpu        a loop of an agent worked > 95 % of a core  -
 *     libraryCpu      a thread of the client library did          -
 *     hostCpu         steal > 1 %, or throttled by a cgroup       -
 *                     (these three only beside a publishDelay or a
 *                     sentinel, which they explain; alone: notes)
 *     negative        any message was received before it was sent -
 *     clock           workers' clocks may be wrong by > 25 % of   (a clock was set, and is known
 *                     the end-to-end p50, or by any amount        well enough: a note)
 *     overflow        any latency was above what histograms hold  -
 *     accounting      payload too small for the stamp: what is     -
 *                     missing is INVALID all the same; or the
 *                     account of messages is not exact
 *     interrupted     by a signal                                 -
 *     failure         -                                           something failed in the middle
 *     recovered       -                                           made from the journal of a killed run
 *     brokerLocal, events, journal, leftBehind, rates, recordingTime, slowToClose, drain, settings,
 *     workerLacks: notes, which weigh nothing
 *
 * A loss is the broker's doing, and what is said of the other messages is true; but a gate must not pass such
 * a run: INVALID.  What came twice, out of order or although it had failed is told, and passes.  Where an
 * account of every message was kept (`lost` and the five below it) sums are asked only for what it does not
 * know (`missing`, `surplus`), so that nothing is said twice.
 *
 * The rules of rate, throughput, publishDelay and queue need a schedule and do not hold for rate `max`; after a
 * search for the maximum they speak of the rate that was found.
 */

#include <stddef.h>
#include <stdint.h>

#include "facts/verdict_facts.h"

enum verdict { VERDICT_VALID, VERDICT_SUSPECT, VERDICT_INVALID };

struct verdict_reason {
	enum verdict weight; /* VERDICT_VALID: a note */
	const char *name;    /* static; the first column above */
	char text[400];
};

/* More than verdict.c has rules. */
#define VERDICT_REASONS_MAX 64

struct verdict_result {
	enum verdict verdict;
	struct verdict_reason reasons[VERDICT_REASONS_MAX]; /* worst first */
	size_t count;
};

/* Of one percentile: how much beyond the wake interval the messages were late, and which part of their
 * corrected latency that is. */
uint64_t verdict_excess_ns(const struct verdict_facts *f, enum verdict_point at);
double verdict_excess_share(const struct verdict_facts *f, enum verdict_point at);

void verdict_judge(const struct verdict_facts *f, struct verdict_result *out);

const char *verdict_name(enum verdict v); /* "VALID" */

#endif
