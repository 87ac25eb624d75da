/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_RNG_H
#define OMB_UTIL_RNG_H

/*
 * rng -- numbers that look random and are the same again for the same seed (SplitMix64).
 *
 * For jitter and the like, never for secrets.
 */

#include <stdint.h>

struct rng {
	uint64_t state; /* the seed; any value will do */
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0..limit-1, each alike but for a part in 2^64 / limit; 0 for a limit of 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t limit)
{
	return limit == 0 ? 0 : rng_next(r) % limit;
}

#endif
