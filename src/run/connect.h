/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_CONNECT_H
#define OMB_RUN_CONNECT_H

/*
 * connect -- the first two phases: everything is created, and everything is ready.
 *
 * Consumers come before producers, as in OMB.  Readiness is that every subscription of every topic
 * has all of its partitions and has received a probe; probes are repeated, because one that was sent
 * before a consumer had its partitions is never seen.
 */

struct run;

/* PHASE_CONNECT to PHASE_SETTLE; or to an end, with the failure in the run. */
void connect_clients(struct run *r);

/* PHASE_SETTLE to what follows it. */
void connect_settle(struct run *r);

#endif
