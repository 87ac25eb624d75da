/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_ID_H
#define OMB_BROKER_ID_H

/*
 * id -- numbers for the ids that clients are told.
 *
 * Clients outlive a broker and go on with the ids that it gave them.  If the next broker counted from
 * the same beginning, a new client would be taken for an old one.
 */

#include <stdint.h>

/* Of this machine's randomness; never 0. */
uint64_t id_draw_seed(void);

/* A bijection of 64-bit numbers, so that different inputs stay different (SplitMix64's). */
uint64_t id_scatter(uint64_t x);

#endif
