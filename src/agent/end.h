/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_END_H
#define OMB_AGENT_END_H

/*
 * end -- when an agent has to end without being told to.
 *
 * The kernel sends SIGTERM when the parent dies (agent_enter_child asks for it).  A SIGTERM from
 * elsewhere means nothing: the parent lives and commands.  An orphan has 5 s, whatever it is at: the
 * alarm that is set with the signal ends a client library that hangs.
 *
 * One for each process; before end_watch, and in a process that is no agent (tests), nothing ends.
 */

#include <stdbool.h>

/* Handles SIGTERM from here on. */
void end_watch(int parent_pid);

/* Readable, for good, once the agent has to end; -1 = nobody watches. */
int end_fd(void);

/* The parent has died. */
bool end_is_orphan(void);

/* The agent ends: one of its loops failed.  Any thread. */
void end_request(void);

/* The parent is dead, as a closed channel tells earlier than the signal. */
void end_orphaned(void);

#endif
