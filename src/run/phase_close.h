/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PHASE_CLOSE_H
#define OMB_RUN_PHASE_CLOSE_H

/*
 * phase_close -- the last phases, however a run came to them: final totals, deletion, nothing left
 * behind.
 *
 * All of it is tried whatever failed before, each step within its limit.
 */

#include <stdbool.h>
#include <stdint.h>

struct run;

/* Closes the clients and takes the final totals. */
void close_clients(struct run *r);
uint64_t close_clients_limit_ns(const struct run *r);

/* Instead, where there are none to take: stops everybody, and reads what the clients said. */
void close_abort(struct run *r);

/* After either: why was nothing measured? */
void close_explain(struct run *r);

/* Topics and groups, unless they are to be kept.  A failure is a warning: the result stands. */
bool close_delete_is_wanted(const struct run *r);
void close_delete(struct run *r);
uint64_t close_delete_limit_ns(const struct run *r);

/* Stops whatever is left. */
void close_stop(struct run *r);
uint64_t close_stop_limit_ns(const struct run *r);

#endif
