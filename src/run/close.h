/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_CLOSE_H
#define OMB_RUN_CLOSE_H

/*
 * close -- the end of a run, however it came to it: final totals, deletion, nothing left behind.
 *
 * All of it is tried whatever failed before, each step within its limit.
 */

struct run;

/* Closes the clients and takes the final totals.  After a run without load only stops. */
void close_clients(struct run *r);

/* Topics and groups, unless they are to be kept.  A failure is a warning: the result stands. */
void close_delete(struct run *r);

/* Stops whatever is left. */
void close_worker(struct run *r);

/* After a run that failed before its load: stops everybody, and reads what the clients said. */
void close_failed(struct run *r);

#endif
