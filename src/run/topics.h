/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_TOPICS_H
#define OMB_RUN_TOPICS_H

/*
 * topics -- whether the topics of a run are still what it wrote to.
 *
 * Somebody else may delete a topic under a run, and a broker may make it anew for the next message:
 * acknowledgements go on, and without consumers nothing tells.  So when all clients are closed the
 * driver is asked how many messages each topic ever took.  One that is gone, or that took fewer than
 * were acknowledged in it, makes the result INVALID.
 */

#include <stdint.h>

struct run;

struct topics_found {
	uint64_t gone, shorter; /* topics that are not there; that took fewer than acknowledged */
	const char *example;    /* of the worst one, in words; NULL = all is well, or unknown */
	const char *unknown;    /* why nothing is known; NULL = it is, or the driver cannot tell */
};

/* After FINISH, before the topics are deleted.  Bounded; never fails the run. */
void topics_look(struct run *r);

#endif
