/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_CONSUMER_H
#define OMB_AGENT_CONSUMER_H

/*
 * consumer -- the loop that receives, and times what arrives.
 *
 * Messages are drained in batches; a batch shares a reading of the clock (loop.h).  Counts and
 * latencies are recorded before anything else happens to a message.
 *
 * A slow consumer (`processing_ns`) spends a fixed time on each message after it was recorded.
 * Nothing sleeps: the consumer gets no message before its "not before" time, and its neighbours in
 * the agent go on.  While messages wait for it the time counts on from the previous "not before",
 * so that late wake-ups do not make it slower than asked.
 */

#include "agent/loop.h"

/* Opens all clients of loop `index`, serves until told to close, closes.  False: *err. */
bool consumer_loop(const struct agent_spec *spec, struct agent_shm *shm, unsigned index,
                   int channel_fd, struct error *err);

#endif
