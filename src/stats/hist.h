/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_STATS_HIST_H
#define OMB_STATS_HIST_H

/*
 * hist -- a latency histogram in shared memory: one writer, readers in other processes, no lock.
 *
 * HdrHistogram's buckets with 3 significant digits (hist_layout.h), values in nanoseconds from 0
 * to 2^42 - 1 (73 minutes).  Larger ones go into the last bucket and are counted in `overflow`, so
 * nothing is clipped silently.  Recording costs a few nanoseconds, allocates nothing and has no
 * branch that is taken more than now and then.
 *
 * Memory zeroed by mmap is a valid empty histogram; there is no init.  The struct is 264 kB of
 * address space, of which only the pages with recorded values ever become memory.  Reading a page
 * of a shared mapping allocates it too, so readers look only at the octaves (1024 buckets, 8 kB)
 * whose bit is set in `octaves`.
 *
 * Everything only grows and nobody resets.  A snapshot taken while the writer works may miss the
 * last few values in some words and not in others; it has them in the next one.  After the writer
 * has ended, a snapshot is exact.
 *
 * hist_record, hist_record_n: the one owner thread only.  hist_snapshot: any thread or process.
 */

#include <stddef.h>
#include <stdint.h>

#include "stats/counter.h"
#include "stats/hist_copy.h"

#define HIST_BITS       11
#define HIST_NS_MAX     ((UINT64_C(1) << 42) - 1)
#define HIST_PER_OCTAVE ((size_t)1 << (HIST_BITS - 1))
#define HIST_OCTAVES    ((size_t)33)
#define HIST_BUCKETS    (HIST_OCTAVES * HIST_PER_OCTAVE)

struct hist {
	/* Bit i: buckets i * 1024 to i * 1024 + 1023 were written. */
	_Alignas(64) _Atomic uint64_t octaves;
	/* 2^64 ns are 584 years of latency: 5 hours of 1 M messages/s that take 1 s each.  When it
	 * wraps, intervals stay right and hist_snapshot marks the sum of the whole. */
	_Atomic uint64_t sum_ns;
	_Atomic uint64_t max_ns;
	_Atomic uint64_t min_inverted_ns; /* ~minimum, so that zero means nothing recorded */
	_Atomic uint64_t overflow;
	_Alignas(64) _Atomic uint64_t counts[HIST_BUCKETS];
};

/* The arithmetic of hist_layout_index with our constants folded in. */
static inline size_t hist_index(uint64_t ns)
{
	uint64_t v = ns < HIST_NS_MAX ? ns : HIST_NS_MAX;
	uint64_t mask = (UINT64_C(1) << HIST_BITS) - 1;
	unsigned shift = 64u - HIST_BITS - (unsigned)__builtin_clzll(v | mask);

	return shift * HIST_PER_OCTAVE + (size_t)(v >> shift);
}

/* Inlined even where the compiler would rather not: four records a message are most of its cost. */
static inline __attribute__((always_inline)) void hist_record_n(struct hist *h, uint64_t ns,
                                                                uint64_t n)
{
	size_t index = hist_index(ns);
	uint64_t octave = UINT64_C(1) << (index / HIST_PER_OCTAVE);

	counter_add(&h->counts[index], n);
	counter_add(&h->sum_ns, ns * n);
	/* Four branches that are hardly ever taken cost less than four stores each time. */
	if (__builtin_expect((counter_read(&h->octaves) & octave) == 0, 0))
		counter_set(&h->octaves, counter_read(&h->octaves) | octave);
	if (__builtin_expect(ns > counter_read(&h->max_ns), 0))
		counter_set(&h->max_ns, ns);
	if (__builtin_expect(~ns > counter_read(&h->min_inverted_ns), 0))
		counter_set(&h->min_inverted_ns, ~ns);
	if (__builtin_expect(ns > HIST_NS_MAX, 0))
		counter_add(&h->overflow, n);
}

static inline __attribute__((always_inline)) void hist_record(struct hist *h, uint64_t ns)
{
	hist_record_n(h, ns, 1);
}

/* Replaces what `out` held; its memory is reused. */
void hist_snapshot(const struct hist *h, struct hist_copy *out);

#endif
