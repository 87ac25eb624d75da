/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_STATS_HIST_COPY_H
#define OMB_STATS_HIST_COPY_H

/*
 * hist_copy -- a histogram in private memory: a snapshot, a merge, an interval or a decoded blob.
 *
 * It holds a window of the buckets, grown as needed, so a histogram of a quiet broker is a few kB.
 * Zeroed is valid, empty and in our layout (nanoseconds); hist_copy_init chooses another one.
 * Snapshots of one histogram only grow, so an interval is hist_copy_diff(newer, older), and the
 * intervals add up to the whole, bucket by bucket.
 *
 * For the parent, reports and tests, never for the loops: it allocates.
 *
 * max is exact in a snapshot, min within the width of its bucket.  In an interval max is exact when
 * the interval saw a new
 * maximum; else it is the upper edge of the highest bucket in use, never above the whole's maximum.
 * So the largest max of all intervals is the max of the whole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/hist_layout.h"

struct hist_copy {
	struct hist_layout layout; /* all zero means hist_layout_ns: ask hist_copy_layout */
	uint64_t *counts;          /* owned; counts[i - first] is bucket i, zero outside lo..hi */
	size_t first, cap;
	size_t lo, hi;     /* the buckets in use are in lo <= i < hi; lo == hi when empty */
	uint64_t count;    /* always the sum of the buckets */
	uint64_t sum;      /* of the exact values, modulo 2^64 */
	uint64_t min, max; /* 0 when empty */
	uint64_t overflow; /* values above layout.highest, counted as `highest` */
	bool sum_unknown;  /* decoded, converted or put: `sum` means nothing */
	bool sum_wrapped;  /* 2^64 was passed: only differences of `sum` mean something */
};

/* For memory that holds nothing yet. */
void hist_copy_init(struct hist_copy *c, const struct hist_layout *layout);
void hist_copy_fini(struct hist_copy *c);

/* Empty again, same layout; keeps its memory for the next use. */
void hist_copy_clear(struct hist_copy *c);

/* Borrowed. */
const struct hist_layout *hist_copy_layout(const struct hist_copy *c);

/* `n` times `value`, in the unit of the layout. */
void hist_copy_record(struct hist_copy *c, uint64_t value, uint64_t n);

/* Puts `n` into bucket `index` (below hist_layout_buckets); the exact values are not known. */
void hist_copy_put(struct hist_copy *c, size_t index, uint64_t n);

uint64_t hist_copy_count_at(const struct hist_copy *c, size_t index);

/* Merge.  The layouts must have the same unit and digits, and `dst` the larger range. */
void hist_copy_add(struct hist_copy *dst, const struct hist_copy *src);

/* The same, so many times. */
void hist_copy_add_times(struct hist_copy *dst, const struct hist_copy *src, uint64_t times);

/* out = src, reusing the memory of `out`. */
void hist_copy_assign(struct hist_copy *out, const struct hist_copy *src);

/* out = newer - older: what was recorded between two snapshots of one histogram (or of the same
 * set of histograms, merged).  `out` is neither of the two. */
void hist_copy_diff(const struct hist_copy *newer, const struct hist_copy *older,
                    struct hist_copy *out);

/*
 * Replaces what `out` held by `src` in another layout.  Every value of a bucket becomes the upper
 * edge of that bucket (or max, if that is lower), in whole units of the new layout rounded down as
 * OMB rounds nanoseconds to microseconds.  So no value comes out below what OMB would have
 * recorded, and with 3 digits at most 0.1 % above.
 */
void hist_copy_convert(const struct hist_copy *src, const struct hist_layout *to,
                       struct hist_copy *out);

#endif
