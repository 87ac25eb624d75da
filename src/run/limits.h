/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_LIMITS_H
#define OMB_RUN_LIMITS_H

/*
 * limits -- how long verbs may take.
 *
 * Phases that are one verb have it from here (phases.c); settle and drain from the workload, the search
 * from rate_search.h, backlogs from backlog.c.  A verb's limit is made from its parts, so a worker that keeps to its own
 * limits always answers before the coordinator stops waiting.  docs/limits.md is the list for users.
 */

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"

#define LIMITS_MS                UINT64_C(1000000)
#define LIMITS_S                 UINT64_C(1000000000)

/* Answered at once by a healthy worker. */
#define LIMITS_QUICK             (10 * LIMITS_S)
/* The driver's description: a process that loads a library and asks no broker. */
#define LIMITS_INITIALIZE        (60 * LIMITS_S)
/* Agents map the payloads, which may be gigabytes. */
#define LIMITS_START_LOAD        (60 * LIMITS_S)
#define LIMITS_PAUSE             (30 * LIMITS_S)
/* After a call's limit, and one failed attempt to stop it: the worker broke its word. */
#define LIMITS_GRACE             (5 * LIMITS_S)

/* For agents to close, where somebody waits for the end: the first signal and the second. */
#define LIMITS_CANCEL_MS         10000
#define LIMITS_HASTY_MS          2000

/* On top of the session timeout: the group's members come together, and the first messages. */
#define LIMITS_STANDSTILL_MARGIN (10 * LIMITS_S)

uint64_t limits_create_topics(const struct plan *plan);
uint64_t limits_create_clients(uint64_t clients);

/* FINISH and STOP_ALL, with `most_ms` of closing.h. */
uint64_t limits_finish(const struct plan *plan, uint32_t most_ms);
uint64_t limits_stop(const struct plan *plan, uint32_t most_ms);

/* Deletion: a group with members cannot be deleted.  One whose members have left is empty at
 * once; one that lost a member keeps it until the session times out. */
uint32_t limits_delete_topics_ms(const struct plan *plan);
uint32_t limits_delete_groups_ms(uint64_t standstill_ns, bool members_may_be_left);
/* To look at the topics once more. */
uint64_t limits_topic_ends(const struct plan *plan);
uint64_t limits_delete(uint32_t topics_ms, uint32_t groups_ms);

#endif
