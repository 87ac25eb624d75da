/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_MEMBERS_H
#define OMB_DRIVER_KAFKA_MEMBERS_H

/*
 * members -- takes those members out of a group whom a run left in it.
 *
 * A consumer that was killed, or whose goodbye was lost with its connection, is a member until its session
 * times out, and a group with members cannot be deleted.  librdkafka (2.8) cannot remove members, so their
 * coordinator is told past it.  Where brokers want a login that is not done, and the end of the session has
 * to be waited for.
 *
 * For the administration of a run whose consumers have ended, or are about to.
 */

#include <stdbool.h>

#include "driver/kafka/admin_client.h"

/* Was it a consumer of this run, by its client.id?  `set` is the one of the driver file; NULL: none, and
 * consumers have one that is made of the run's id.  Pure. */
bool kafka_member_is_of_run(const char *client_id, const char *run_id, const char *set);

/* Lets those of this run go.  *removed: how many.  False: who is in it could not be learned. */
bool kafka_members_remove(struct admin *a, const char *group, int timeout_ms, unsigned *removed);

#endif
