/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_ACCOUNT_H
#define OMB_WORKER_LOCAL_ACCOUNT_H

/*
 * local_account -- the book of the local worker (account/book.h): what became of every message of its
 * producers; of the files of local_state.h.  A worker that has a share of a load keeps no book: it packs
 * what its loops hand over (account/parcel.h) for who asks with the verb ACCOUNT.
 *
 * Loops hand over chunks, and are looked at ten times a second, whoever else has something to do: so a
 * loop finds chunks free, and a look takes some milliseconds at 1 M msg/s.  When an agent has ended, in
 * whatever way, all that it left is taken over, before its successor may be started.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts/totals.h"
#include "stats/snapshot.h"
#include "util/error.h"

struct agent;
struct arena;
struct debt_terms;
struct local;
struct worker_account;

/* Once the roster is known.  False: it cannot be kept as it was asked for. */
bool local_account_open(struct local *l, struct error *err);
void local_account_close(struct local *l);

/* Whenever something has happened: takes what was handed over, if it is time to. */
void local_account_look(struct local *l);
/* Messages that are still to come to a subscription although by the counts of *now all has arrived; 0 as
 * long as the load goes on, and where it is not known. */
uint64_t local_account_outstanding(struct local *l, const struct snapshot *now);
/* Once for each agent. */
void local_account_agent_ended(struct local *l, const struct agent *a);

/* Of a share: what loops have handed over since the last time. */
void local_account_share(struct local *l, struct arena *arena, struct worker_account *out);

/* All agents have ended, and what they owe is counted. */
void local_account_settle(struct local *l);
/* Charges what was never received, message by message, to l->debts.missing.  False: no account is
 * kept, or it is not exact, and nothing was charged. */
bool local_account_charge(struct local *l, const struct debt_terms *terms);

/* Of one of the worker's subscriptions; what is not known is FACT_UNKNOWN. */
struct book_counts local_account_partition(const struct local *l, size_t subscription,
                                           uint32_t partition);
/* Of producers that are listed in *out, and of the whole. */
void local_account_tell(struct local *l, struct arena *arena, struct fact_totals *out);

#endif
