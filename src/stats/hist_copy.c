/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/hist_copy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/xalloc.h"

/* Buckets added beyond what is asked when a window grows, so that it grows seldom. */
#define SLACK ((size_t)256)

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static bool is_empty(const struct hist_copy *c)
{
	return c->lo == c->hi;
}

/* An empty window has no place yet and may start anywhere. */
static void move_window(struct hist_copy *c, size_t lo)
{
	if (is_empty(c))
		c->first = c->lo = c->hi = lo;
}

/* Makes room for the buckets from..to-1; the new ones are zero. */
static void reserve(struct hist_copy *c, size_t from, size_t to)
{
	size_t buckets = hist_layout_buckets(hist_copy_layout(c));
	assert(from < to && to <= buckets);

	move_window(c, from);
	if (from >= c->first && to <= c->first + c->cap)
		return;

	size_t lo = is_empty(c) ? from : min_size(from, c->lo);
	size_t hi = max_size(to, c->hi);
	size_t slack = max_size(SLACK, (hi - lo) / 4);
	lo -= min_size(lo, slack);
	hi = min_size(buckets, hi + slack);

	uint64_t *counts = xcalloc(hi - lo, sizeof(*counts));
	if (!is_empty(c))
		memcpy(counts + (c->lo - lo), c->counts + (c->lo - c->first),
		       (c->hi - c->lo) * sizeof(*counts));
	free(c->counts);
	c->counts = counts;
	c->first = lo;
	c->cap = hi - lo;
}

static void widen_range(struct hist_copy *c, size_t from, size_t to)
{
	bool empty = is_empty(c);

	c->lo = empty ? from : min_size(c->lo, from);
	c->hi = empty ? to : max_size(c->hi, to);
}

static void widen_values(struct hist_copy *c, uint64_t min, uint64_t max)
{
	if (c->count == 0 || min < c->min)
		c->min = min;
	if (c->count == 0 || max > c->max)
		c->max = max;
}

static void add_to_sum(struct hist_copy *c, uint64_t value, uint64_t n)
{
	uint64_t product;

	if (__builtin_mul_overflow(value, n, &product))
		c->sum_wrapped = true;
	if (__builtin_add_overflow(c->sum, product, &c->sum))
		c->sum_wrapped = true;
}

void hist_copy_init(struct hist_copy *c, const struct hist_layout *layout)
{
	assert(layout->bits >= 1 && layout->bits <= 18 && layout->highest < UINT64_C(1) << 62);
	*c = (struct hist_copy){ .layout = *layout };
}

void hist_copy_fini(struct hist_copy *c)
{
	free(c->counts);
	*c = (struct hist_copy){ .layout = c->layout };
}

void hist_copy_clear(struct hist_copy *c)
{
	if (!is_empty(c))
		memset(c->counts + (c->lo - c->first), 0, (c->hi - c->lo) * sizeof(*c->counts));
	*c = (struct hist_copy){
		.layout = c->layout,
		.counts = c->counts,
		.first = c->first,
		.cap = c->cap,
		.lo = c->first,
		.hi = c->first,
	};
}

const struct hist_layout *hist_copy_layout(const struct hist_copy *c)
{
	return c->layout.bits == 0 ? &hist_layout_ns : &c->layout;
}

void hist_copy_record(struct hist_copy *c, uint64_t value, uint64_t n)
{
	const struct hist_layout *l = hist_copy_layout(c);
	uint64_t kept = value < l->highest ? value : l->highest;
	size_t index = hist_layout_index(l, kept);

	if (n == 0)
		return;
	reserve(c, index, index + 1);
	widen_range(c, index, index + 1);
	widen_values(c, value, value);
	add_to_sum(c, value, n);
	c->counts[index - c->first] += n;
	c->count += n;
	if (value > l->highest)
		c->overflow += n;
}

void hist_copy_put(struct hist_copy *c, size_t index, uint64_t n)
{
	const struct hist_layout *l = hist_copy_layout(c);

	if (n == 0)
		return;
	reserve(c, index, index + 1);
	widen_range(c, index, index + 1);
	widen_values(c, hist_layout_lowest(l, index), hist_layout_highest(l, index));
	c->counts[index - c->first] += n;
	c->count += n;
	c->sum_unknown = true;
}

uint64_t hist_copy_count_at(const struct hist_copy *c, size_t index)
{
	return index >= c->lo && index < c->hi ? c->counts[index - c->first] : 0;
}

void hist_copy_add(struct hist_copy *dst, const struct hist_copy *src)
{
	hist_copy_add_times(dst, src, 1);
}

void hist_copy_add_times(struct hist_copy *dst, const struct hist_copy *src, uint64_t times)
{
	const struct hist_layout *to = hist_copy_layout(dst);
	const struct hist_layout *from = hist_copy_layout(src);
	assert(to->bits == from->bits && to->unit_ns == from->unit_ns);

	if (times == 0)
		return;
	dst->overflow += src->overflow * times;
	dst->sum_unknown |= src->sum_unknown;
	dst->sum_wrapped |= src->sum_wrapped;
	add_to_sum(dst, src->sum, times);
	if (is_empty(src))
		return;
	reserve(dst, src->lo, src->hi);
	widen_range(dst, src->lo, src->hi);
	if (src->count > 0)
		widen_values(dst, src->min, src->max);
	for (size_t i = src->lo; i < src->hi; i++)
		dst->counts[i - dst->first] += src->counts[i - src->first] * times;
	dst->count += src->count * times;
}

void hist_copy_assign(struct hist_copy *out, const struct hist_copy *src)
{
	hist_copy_clear(out);
	out->layout = src->layout;
	hist_copy_add(out, src);
}

/* What is known of the values of a difference: the edges of its outermost buckets, narrowed by the
 * exact values of the whole. */
static void narrow_values(struct hist_copy *out, const struct hist_copy *whole)
{
	const struct hist_layout *l = hist_copy_layout(out);
	uint64_t lowest = hist_layout_lowest(l, out->lo);
	uint64_t highest = hist_layout_highest(l, out->hi - 1);
	bool clipped = out->hi == hist_layout_buckets(l);

	out->min = lowest > whole->min ? lowest : whole->min;
	/* The last bucket also holds what is above its edge. */
	out->max = clipped || whole->max < highest ? whole->max : highest;
	if (out->max < out->min)
		out->max = out->min;
}

void hist_copy_diff(const struct hist_copy *newer, const struct hist_copy *older,
                    struct hist_copy *out)
{
	assert(out != newer && out != older);
	hist_copy_clear(out);
	out->layout = newer->layout;
	assert(older->count <= newer->count);

	size_t lo = newer->hi, hi = newer->hi;
	for (size_t i = newer->lo; i < newer->hi; i++) {
		uint64_t was = hist_copy_count_at(older, i);
		uint64_t is = newer->counts[i - newer->first];
		assert(is >= was);
		if (is == was)
			continue;
		lo = min_size(lo, i);
		hi = i + 1;
	}
	/* Right even when the sums have wrapped.  A writer counts first and sums then, so a snapshot
	 * may come between the two: the next interval has the sum of what this one has counted, also
	 * when it counts nothing itself. */
	out->sum = newer->sum - older->sum;
	out->sum_unknown = newer->sum_unknown || older->sum_unknown;
	out->overflow = newer->overflow - older->overflow;
	if (lo == newer->hi)
		return;

	reserve(out, lo, hi);
	widen_range(out, lo, hi);
	for (size_t i = lo; i < hi; i++) {
		uint64_t n = newer->counts[i - newer->first] - hist_copy_count_at(older, i);
		out->counts[i - out->first] = n;
		out->count += n;
	}
	narrow_values(out, newer);
}

/* Bucket `index` of `src` as a value of another layout; rounded down to its unit. */
static uint64_t convert_value(const struct hist_copy *src, size_t index,
                              const struct hist_layout *to)
{
	const struct hist_layout *from = hist_copy_layout(src);
	uint64_t value = hist_layout_highest(from, index);
	bool last = index + 1 == hist_layout_buckets(from);

	/* The last bucket also holds what is above its edge. */
	if (last || value > src->max)
		value = src->max;
	if (to->unit_ns >= from->unit_ns)
		return value / (to->unit_ns / from->unit_ns);

	uint64_t product;
	bool fits = !__builtin_mul_overflow(value, from->unit_ns / to->unit_ns, &product);
	return fits ? product : UINT64_MAX;
}

/* The same, as far as the layout reaches. */
static uint64_t kept_value(const struct hist_copy *src, size_t index, const struct hist_layout *to)
{
	uint64_t value = convert_value(src, index, to);

	return value < to->highest ? value : to->highest;
}

void hist_copy_convert(const struct hist_copy *src, const struct hist_layout *to,
                       struct hist_copy *out)
{
	assert(out != src);
	hist_copy_clear(out);
	out->layout = *to;
	if (src->count > 0) /* a finer layout has many more buckets: room for all of them at once */
		reserve(out, hist_layout_index(to, kept_value(src, src->lo, to)),
		        hist_layout_index(to, kept_value(src, src->hi - 1, to)) + 1);
	for (size_t i = src->lo; i < src->hi; i++) {
		uint64_t n = src->counts[i - src->first];
		if (n > 0)
			hist_copy_record(out, convert_value(src, i, to), n);
	}
	out->sum_unknown = true;
}
