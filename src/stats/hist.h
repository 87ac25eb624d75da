/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_STATS_HIST_H
#define OMB_STATS_HIST_H

/*
 * hist -- a latency histogram in shared memory: one writer, readers in other processes, no lock.
 *
 * HdrHistogram's buckets with 3 significant digits (hist_layout.h), values in nanoseconds from 0
 * to 2^42 - 1 (73 minutes).  Larger ones go into the last bucket and are counted in `overflow`, so
 * nothing is clipped silently.  Recording costs 20 instructions or so and allocates nothing.
 *
 * A histogram is two parts: its words, one cache line that every recording touches, and its buckets.
 * Who keeps several for the same messages puts their words side by side (shm.h), so that they share
 * a page; `struct hist` is one by itself.
 *
 * Memory zeroed by mmap is a valid empty histogram; there is no init.  The buckets are 264 kB of
 * address space, of which only the pages with recorded values ever become memory.  Reading a page
 * of a shared mapping allocates it too, so readers look only at the octaves (1024 buckets, 8 kB)
 * whose bit is set in `octaves`.
 *
 * Everything only grows and nobody resets.  A snapshot taken while the writer works may miss the
 * last few values in some words and not in others; it has them in the next one.  After the writer
 * has ended, a snapshot is exact.
 *
 * hist_put, hist_record, hist_record_n: the one owner thread only.  hist_read, hist_snapshot: any thread
 * or process.
 */

#include <stddef.h>
#include <stdint.h>

#include "stats/counter.h"
#include "stats/hist_copy.h"

#define HIST_BITS       11
#define HIST_NS_BITS    42
#define HIST_NS_MAX     ((UINT64_C(1) << HIST_NS_BITS) - 1)
#define HIST_PER_OCTAVE ((size_t)1 << (HIST_BITS - 1))
#define HIST_OCTAVES    ((size_t)33)
#define HIST_BUCKETS    (HIST_OCTAVES * HIST_PER_OCTAVE)

struct hist_words {
	/* The first value of the lowest bucket: within 0.1 % of the smallest; means nothing as long as
	 * `octaves` is 0. */
	_Alignas(64) _Atomic uint64_t min_ns;
	_Atomic uint64_t max_ns; /* of those in range */
	/* 2^64 ns are 584 years of latency: 5 hours of 1 M messages/s that take 1 s each.  When it
	 * wraps, intervals stay right and hist_read marks the sum of the whole. */
	_Atomic uint64_t sum_ns;
	/* Bit i: buckets i * 1024 to i * 1024 + 1023 were written. */
	_Atomic uint64_t octaves;
	_Atomic uint64_t beyond_ns; /* the largest out of range; 0 = none */
	_Atomic uint64_t overflow;  /* how many those are */
};

struct hist_buckets {
	_Alignas(64) _Atomic uint64_t counts[HIST_BUCKETS];
};

struct hist {
	struct hist_words words;
	struct hist_buckets buckets;
};

/* The arithmetic of hist_layout_index with our constants folded in.  `ns` is at most HIST_NS_MAX. */
static inline size_t hist_index(uint64_t ns)
{
	uint64_t mask = (UINT64_C(1) << HIST_BITS) - 1;
	unsigned shift = 64u - HIST_BITS - (unsigned)__builtin_clzll(ns | mask);

	return shift * HIST_PER_OCTAVE + (size_t)(ns >> shift);
}

/* Any value, `n` times: also the first one, a new extreme, one that is out of range. */
void hist_put_n(struct hist_words *w, struct hist_buckets *b, uint64_t ns, uint64_t n);

/* Inlined even where the compiler would rather not: four of them a message are most of its cost.  A
 * new maximum is no rare event: who falls behind has one with every message. */
static inline __attribute__((always_inline)) void hist_put(struct hist_words *w,
                                                           struct hist_buckets *b, uint64_t ns)
{
	if (__builtin_expect(ns > counter_read(&w->max_ns), 0)) {
		if (__builtin_expect(ns >> HIST_NS_BITS != 0, 0))
			goto rare;
		counter_set(&w->max_ns, ns);
	}

	_Atomic uint64_t *count = &b->counts[hist_index(ns)];
	uint64_t seen = counter_read(count);
	if (__builtin_expect(seen == 0, 0))
		goto rare;
	counter_set(count, seen + 1);
	counter_add(&w->sum_ns, ns);
	return;
rare:
	hist_put_n(w, b, ns, 1);
}

static inline void hist_record(struct hist *h, uint64_t ns)
{
	hist_put(&h->words, &h->buckets, ns);
}

static inline void hist_record_n(struct hist *h, uint64_t ns, uint64_t n)
{
	hist_put_n(&h->words, &h->buckets, ns, n);
}

/* Replaces what `out` held; its memory is reused. */
void hist_read(const struct hist_words *w, const struct hist_buckets *b, struct hist_copy *out);

static inline void hist_snapshot(const struct hist *h, struct hist_copy *out)
{
	hist_read(&h->words, &h->buckets, out);
}

#endif
