/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_PRODUCER_H
#define OMB_AGENT_PRODUCER_H

/*
 * producer -- the loop that sends by schedule and times what comes back.
 *
 * A *pass of sends* offers every message that is due, in order of due time over all producers of
 * the loop; at most one pass begins in a wake interval, because waking is what costs at ordinary
 * rates.  Nothing is sent early.  Acknowledgements and commands are served whenever they come, and
 * serving them sends nothing; but without a schedule (rate `max`) whatever comes back makes room in
 * a window, and a pass follows at once: the window alone sets the rate.
 *
 * The clock is read once for each message sent: the reading after send returned is also the
 * reading before the next send is called.  Acknowledgements share a reading (loop.h).
 *
 * A producer that gets BUSY steps aside (its neighbours go on) and is offered again after an
 * acknowledgement of its own, and after 1, 2, 4, 4 ... ms besides.  The message stays due when it was
 * due.  One that is still BUSY `max_block_ns` after it was first offered has failed: at once, where
 * that is 0.  Without a schedule a full window is no refusal: no message is at hand before there is
 * room.
 *
 * The load ends at load_end_ns: what is due before it and late is still sent for a second;
 * what remains then was never offered, and the parent counts and charges it (debt.h).
 */

#include "agent/loop.h"

/* Opens all clients of loop `index`, serves until told to close, closes.  False: *err. */
bool producer_loop(const struct agent_spec *spec, struct agent_shm *shm, unsigned index,
                   int channel_fd, struct error *err);

#endif
