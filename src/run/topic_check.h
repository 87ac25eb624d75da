/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_TOPIC_CHECK_H
#define OMB_RUN_TOPIC_CHECK_H

/*
 * topic_check -- whether the topics of a run are still what it wrote to.
 *
 * Somebody else may delete a topic under a run, and a broker may make it anew for the next message:
 * acknowledgements go on, and without consumers nothing tells.  So when all clients are closed the
 * driver is asked how many messages each topic ever took and how many partitions it has.  One that is
 * gone, that took fewer than were acknowledged in it, or has other partitions makes the result INVALID.
 */

#include <stdbool.h>

struct run;

/* After FINISH, before the topics are deleted.  Bounded; never fails the run. */
bool topic_check_is_wanted(const struct run *r);
void topic_check(struct run *r);

#endif
