/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_UNHEARD_H
#define OMB_WORKER_LOCAL_UNHEARD_H

/*
 * local_unheard -- the silences in which consumers were at the end: what a partition owed a subscription
 * and never brought.
 *
 * A consumer does not know what it should have received; the account does.  Messages that were
 * acknowledged, are behind the last that any member of the subscription received of their partition, and
 * never came, were owed since that receipt, or since the first of them was due, whichever is later, until
 * the consumers were closed.  What is lost in front of a later receipt is a hole and no silence.
 */

#include "agent/silence.h"

struct agent;
struct local;

/* When the books are closed.  The longest silence at the end of this client of the agent, who was the last
 * of its subscription to receive something there.  False: it had none that counts, or without an account,
 * or where messages have no known partition, nobody knows. */
bool local_unheard(struct local *l, const struct agent *a, uint32_t client,
                   struct silence_found *out);

#endif
