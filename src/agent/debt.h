/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_DEBT_H
#define OMB_AGENT_DEBT_H

/*
 * debt -- what nobody can report any more: messages never sent, never answered, never received.
 *
 * They are the slowest of all, so they are counted and charged their age, or a run would look the
 * better the more of them there are.  The agents' loops know nothing of this: the parent closes the
 * books from the shared memory once the agents have ended, in whatever way.
 *
 *     never sent       due before the end of the load, and not sent when the loop gave up: age then
 *                      (a dead agent's: at the end of the grace), in publish delay, corrected
 *                      publish and, for each subscription, corrected end to end
 *     never answered   in flight when the agent died: unacknowledged, age at the close, in corrected
 *                      publish (send -> acknowledged without a schedule)
 *     never received   missing at a subscription after the drain: age then, in corrected end to end
 *                      (end to end without a schedule)
 *
 * What is never sent follows from the schedule and is charged by bucket: 10^9 of them cost no more
 * than some thousand buckets.
 *
 * What is missing comes from the account (account/book.h) as ranges, whatever the answer was, and is
 * charged as if each were recorded.  Without an account, or with one that is not exact, only what was
 * acknowledged can be called missing, and is known by its due time to 134 ms (shm.h): charged from
 * the start of that span, up to so much more, never less.  A loss and a duplicate, or a loss and an
 * arrival without an acknowledgement, that were due in the same span cancel there.
 *
 * In the parent.  It allocates.
 */

#include <stdbool.h>

#include "agent/shm.h"
#include "load/assignment.h"
#include "stats/snapshot.h"

/* A change of rate, as all producers were told. */
struct debt_change {
	struct pacer_epoch epoch;
	bool forgive;
	uint64_t told_ns;
};

/* What the parent asked for. */
struct debt_terms {
	const struct load_spec *load; /* NULL: no load was started */
	const struct debt_change *changes;
	size_t changes_count;
	uint64_t closed_ns; /* the drain was over, or given up */
};

/* The account of one producer, closed: sent = acknowledged + failed + unacknowledged, and what was
 * due = sent + unsent. */
struct debt_account {
	uint64_t sent, acknowledged, failed, unacknowledged, unsent;
};

/* Of a producer agent that has ended; `loop` is that of the client. */
struct debt_client {
	struct agent_shm *shm;
	uint32_t client, loop;
	uint32_t schedule_index;
};

/* Closes the account of one producer and charges its debts to *to: latencies only. */
struct debt_account debt_settle(const struct debt_client *c, const struct debt_terms *terms,
                                struct snapshot *to);

/* Adds what the closed accounts of an agent say beyond what its clients counted to *to. */
void debt_count(const struct debt_account *accounts, const struct agent_shm *shm,
                struct snapshot *to);

/* --- never received ----------------------------------------------------------------------------- */

/* When a message of it was due, by its schedule.  False: the load has none, or the rate changed since. */
bool debt_due_ns(const struct debt_client *c, const struct debt_terms *terms, uint64_t sequence,
                 uint64_t *due_ns);

/* Messages that one subscription misses; evenly due from the first to the last. */
struct debt_missing {
	uint64_t messages; /* never 0 */
	uint64_t first_due_ns, last_due_ns;
};

/* Charges them to *to: latencies only.  `control` of any agent. */
void debt_charge_missing(const struct debt_missing *m, const struct debt_terms *terms,
                         const struct shm_control *control, struct snapshot *to);

/* --- the same without an account ---------------------------------------------------------------- */

/* Messages by due time, over all agents of a role; zeroed is valid. */
struct debt_slots {
	uint64_t *counts[WINDOW_COUNT];
};

/* Of what was due before `end_ns`, and in the last slot. */
void debt_slots_add(struct debt_slots *to, const struct agent_shm *shm, uint64_t end_ns);
void debt_slots_fini(struct debt_slots *s);

/* Charges what was acknowledged and is missing to *to: latencies only. */
void debt_charge_slots(const struct debt_slots *acknowledged, const struct debt_slots *received,
                       const struct debt_terms *terms, const struct shm_control *control,
                       struct snapshot *to);

#endif
