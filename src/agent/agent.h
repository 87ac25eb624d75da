/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_AGENT_H
#define OMB_AGENT_AGENT_H

/*
 * agent -- the process that owns clients and makes or takes the load.
 *
 * An agent is forked with everything it needs to know (`struct agent_spec`), opens its clients,
 * says that it is open, obeys commands and counts into shared memory until it is told to close.
 * Producer agents and consumer agents are separate; administration and a driver's own broker run in
 * agents of their own (admin.h).
 *
 * Life of a loop:   open clients -> answer 0 -> { wait, serve, send } -> CLOSE -> close clients
 *
 * Signals: SIGINT and SIGHUP are ignored (a terminal sends them to the whole group), and so is SIGTERM as long as
 * the parent lives (`timeout` and service managers send it to the whole group too): the parent
 * commands.  When the parent dies the kernel sends SIGTERM; then it means what CLOSE means, whatever
 * the agent is at, and an alarm kills it after 5 s.  The first producer agent deletes the topics and
 * groups of the run then, if it can.
 */

#include <stdint.h>

#include "agent/spec.h"

/* In the child, right after the fork.  `channels`: the agent's ends, one for each loop.  Returns the
 * exit status; the caller leaves with _exit. */
int agent_main(const struct agent_spec *spec, struct agent_shm *shm, const int *channels);

/* The driver that a file asks for, with its configuration read by its own table, translated and
 * checked (in *config, of the arena).  Pure: no client library.  NULL: something was added to
 * *errors. */
const struct driver *agent_configure(const struct driver_file *file, struct arena *arena,
                                     void **config, struct error_list *errors,
                                     struct error_list *warnings);

/* First thing in any child: dies with its parent, signals, timer slack, no descriptors but
 * `keep` and stdio, stderr to `stderr_fd`. */
void agent_enter_child(int parent_pid, const int *keep, uint32_t keep_count, int stderr_fd);

#endif
