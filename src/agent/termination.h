/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_TERMINATION_H
#define OMB_AGENT_TERMINATION_H

/*
 * termination -- when an agent has to end without being told to.
 *
 * The kernel sends SIGTERM when the parent dies (agent_enter_child asks for it).  A SIGTERM from
 * elsewhere means nothing: the parent lives and commands.  An orphan has 5 s, whatever it is at: the
 * alarm that is set with the signal ends a client library that hangs.
 *
 * One for each process; before termination_watch, and in a process that is no agent (tests), nothing ends.
 */

#include <stdbool.h>

/* Handles SIGTERM from here on. */
void termination_watch(int parent_pid);

/* Readable, for good, once the agent has to end; -1 = nobody watches. */
int termination_fd(void);

/* The parent has died. */
bool termination_is_orphan(void);

/* The agent ends: one of its loops failed.  Any thread. */
void termination_request(void);

/* The parent is dead, as a closed channel tells earlier than the signal. */
void termination_orphaned(void);

#endif
