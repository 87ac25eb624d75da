/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_DEBTS_H
#define OMB_WORKER_LOCAL_DEBTS_H

/*
 * local_debts -- what the agents of the local worker owe when they have ended (agent/debt.h); of the files
 * of local_state.h.
 */

struct load_spec;
struct local;
struct worker_adjust;

void local_debts_begin(struct local *l, const struct load_spec *load);
void local_debts_rate(struct local *l, const struct worker_adjust *adjust);
/* All producer and consumer agents are gone: what they owe is counted and charged, once; totals
 * have it from here on. */
void local_debts_settle(struct local *l);
void local_debts_forget(struct local *l);

#endif
