/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_VERBS_H
#define OMB_WORKER_LOCAL_VERBS_H

/*
 * local_verbs -- the table of what the local worker does for each verb, and how it goes on.
 *
 * All of it is about the call under way, l->call; what happens meanwhile is told by local.c.
 */

struct local;
struct local_slots;

/* Begins it; it may be complete, or have failed, when this returns. */
void local_verb_start(struct local *l);
/* Something has happened: perhaps the call is complete.  Without a call nothing. */
void local_verb_look(struct local *l);
/* The driver's broker is up; the job of the call has ended. */
void local_verb_broker_open(struct local *l);
void local_verb_job_ended(struct local *l);
/* Its limit, or the instant that it asked to be looked at. */
void local_verb_timed_out(struct local *l);

/* Whose clients the call opens; NULL = nobody's. */
const struct local_slots *local_verb_opening(const struct local *l);

#endif
