/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_STATS_HIST_LAYOUT_H
#define OMB_STATS_HIST_LAYOUT_H

/*
 * hist_layout -- HdrHistogram's bucket arithmetic for any number of digits.
 *
 *     digits  sub-buckets  bits     values are exact below
 *          1           32     5         32
 *          3         2048    11       2048
 *          5       262144    18     262144
 *
 * With S = 2^bits sub-buckets, values below S have a bucket each.  Above, each doubling of the
 * value has S/2 buckets, so that a bucket is never wider than 2/S of its values:
 *
 *     shift = max(0, bit length of value - bits)      index = shift * S/2 + (value >> shift)
 *
 * Words as in HdrHistogram: the *lowest*, *median* and *highest equivalent* of a value are those
 * of the bucket that it falls into.
 */

#include <stddef.h>
#include <stdint.h>

struct hist_layout {
	uint64_t highest; /* larger values are recorded as this one; below 2^62 */
	uint32_t unit_ns; /* one count of value in nanoseconds: 1 or 1000 */
	uint16_t digits;  /* significant decimal digits, 1 to 5 */
	uint16_t bits;    /* 2^bits sub-buckets */
};

/* Ours: nanoseconds, 3 digits, 1 ns to 2^42 - 1 ns (73 minutes). */
extern const struct hist_layout hist_layout_ns;

/* OMB's, in microseconds with 5 digits: up to 60 s for publish latency and delay, up to 12 h for
 * end-to-end latency. */
extern const struct hist_layout hist_layout_omb_publish;
extern const struct hist_layout hist_layout_omb_e2e;

/* 2^bits is the smallest power of two >= 2 * 10^digits, as HdrHistogram has it. */
uint16_t hist_layout_bits(unsigned digits);

static inline unsigned hist_layout_bit_length(uint64_t value)
{
	return value == 0 ? 0 : 64u - (unsigned)__builtin_clzll(value);
}

/* The value is not clamped here: at most hist_layout_limit. */
static inline size_t hist_layout_index(const struct hist_layout *l, uint64_t value)
{
	uint64_t mask = (UINT64_C(1) << l->bits) - 1;
	unsigned shift = hist_layout_bit_length(value | mask) - l->bits;

	return ((size_t)shift << (l->bits - 1)) + (size_t)(value >> shift);
}

static inline unsigned hist_layout_shift(const struct hist_layout *l, size_t index)
{
	size_t octave = index >> (l->bits - 1);

	return octave == 0 ? 0 : (unsigned)octave - 1;
}

static inline uint64_t hist_layout_lowest(const struct hist_layout *l, size_t index)
{
	unsigned shift = hist_layout_shift(l, index);

	return ((uint64_t)index - ((uint64_t)shift << (l->bits - 1))) << shift;
}

static inline uint64_t hist_layout_width(const struct hist_layout *l, size_t index)
{
	return UINT64_C(1) << hist_layout_shift(l, index);
}

static inline uint64_t hist_layout_median(const struct hist_layout *l, size_t index)
{
	return hist_layout_lowest(l, index) + hist_layout_width(l, index) / 2;
}

static inline uint64_t hist_layout_highest(const struct hist_layout *l, size_t index)
{
	return hist_layout_lowest(l, index) + hist_layout_width(l, index) - 1;
}

/* The largest value that has a bucket; at least `highest`, because buckets come by the octave. */
static inline uint64_t hist_layout_limit(const struct hist_layout *l)
{
	unsigned length = hist_layout_bit_length(l->highest);

	return (UINT64_C(1) << (length > l->bits ? length : l->bits)) - 1;
}

static inline size_t hist_layout_buckets(const struct hist_layout *l)
{
	return hist_layout_index(l, hist_layout_limit(l)) + 1;
}

#endif
