/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_CLOCKS_H
#define OMB_AGENT_CLOCKS_H

/*
 * clocks -- what the clocks of the workers say whose messages arrive at an agent.
 *
 * Stamps are of their producer's clock.  Its number names its worker, and each worker has a word here:
 * what has to be added to an instant of its clock to have it on this host's; 0 for workers of this host;
 * SHM_CLOCK_UNKNOWN where nobody knows.  Words of the parent, in the memory that it shares with the agent.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/stamp.h"
#include "stats/counter.h"

#define SHM_CLOCK_UNKNOWN (UINT64_C(1) << 63)

struct shm_clocks {
	_Alignas(64) _Atomic uint64_t offset_ns[STAMP_WORKERS]; /* two's complement */
};

/* One of them, as a value. */
struct shm_clock {
	uint32_t worker; /* below STAMP_WORKERS */
	int64_t offset_ns;
	bool is_unknown;
};

/* The parent, before the fork and later. */
static inline void shm_clocks_put(struct shm_clocks *to, const struct shm_clock *clocks,
                                  size_t count)
{
	for (size_t i = 0; i < count; i++)
		counter_set(&to->offset_ns[clocks[i].worker],
		            clocks[i].is_unknown ? SHM_CLOCK_UNKNOWN
		                                 : (uint64_t)clocks[i].offset_ns);
}

/* The stamp's instants become this host's.  False: nobody knows its clock, and they stay as they are. */
static inline bool shm_clocks_apply(const struct shm_clocks *clocks, struct stamp *s)
{
	uint64_t offset_ns = counter_read(&clocks->offset_ns[stamp_worker(s)]);

	if (__builtin_expect(offset_ns == SHM_CLOCK_UNKNOWN, 0))
		return false;
	s->due_ns += offset_ns;
	return true;
}

#endif
