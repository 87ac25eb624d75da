/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_BACKOFF_H
#define OMB_NET_BACKOFF_H

/*
 * backoff -- when to try again what has failed: later each time, and not all at once.
 *
 * The n-th failure in a row waits first * 2^(n-1), at most `max`, less a random part of it up to a
 * half: a hundred clients that lost the same broker at the same instant come back spread over half
 * of the time.  Pure: the time and the random source are the caller's.
 */

#include <stdint.h>

#include "util/rng.h"

struct backoff {
	uint64_t first_ns, max_ns; /* first 0: never again */
	struct rng rng;            /* the caller seeds it */
	uint32_t failures;         /* in a row */
};

/* It has failed at now_ns; returns when to try again, UINT64_MAX = never. */
uint64_t backoff_failed(struct backoff *b, uint64_t now_ns);
void backoff_succeeded(struct backoff *b);

#endif
