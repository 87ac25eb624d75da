/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/hist.h"

#include <assert.h>

#include "util/error.h"

static_assert(sizeof(struct hist) == 64 + HIST_BUCKETS * 8, "the words come first, in one line");
static_assert(HIST_OCTAVES <= 64, "one bit for each octave");

static void copy_octave(const struct hist *h, size_t octave, struct hist_copy *out)
{
	size_t first = octave * HIST_PER_OCTAVE;

	for (size_t i = first; i < first + HIST_PER_OCTAVE; i++) {
		uint64_t n = counter_read(&h->counts[i]);
		if (n > 0)
			hist_copy_put(out, i, n);
	}
}

/*
 * The words are not of the same instant as the buckets.  A count whose maximum is not yet visible
 * widens max to the edge of its bucket, a maximum whose count is not is narrowed to the edge; the
 * next snapshot has both.
 */
static void copy_extremes(const struct hist *h, struct hist_copy *out)
{
	uint64_t max = counter_read(&h->max_ns);
	uint64_t min = ~counter_read(&h->min_inverted_ns);
	bool max_fits = out->hi == HIST_BUCKETS || max <= out->max;
	bool min_fits = min <= hist_layout_highest(&hist_layout_ns, out->lo);

	if (max_fits && max >= hist_layout_lowest(&hist_layout_ns, out->hi - 1))
		out->max = max;
	if (min_fits && min >= out->min)
		out->min = min;
	if (out->min > out->max)
		out->min = out->max;
}

/* Whether the writer's sum may have passed 2^64: buckets tell within 0.1 %. */
static bool sum_may_have_wrapped(const struct hist_copy *c)
{
	const double limit = 0.99 * 0x1p64;
	double sum = 0;

	if ((double)c->count * (double)c->max < limit)
		return false;
	for (size_t i = c->lo; i < c->hi; i++)
		sum += (double)hist_copy_count_at(c, i) *
		       (double)hist_layout_highest(&hist_layout_ns, i);
	/* Values in the last bucket may be of any size. */
	return sum >= limit || c->hi == HIST_BUCKETS;
}

void hist_snapshot(const struct hist *h, struct hist_copy *out)
{
	uint64_t octaves = counter_read(&h->octaves);

	assert(hist_copy_layout(out)->bits == HIST_BITS && hist_copy_layout(out)->unit_ns == 1);
	hist_copy_clear(out);
	for (; octaves != 0; octaves &= octaves - 1)
		copy_octave(h, (size_t)__builtin_ctzll(octaves), out);

	out->sum = counter_read(&h->sum_ns);
	out->sum_unknown = false;
	out->overflow = counter_read(&h->overflow);
	if (out->count == 0)
		return;
	copy_extremes(h, out);
	out->sum_wrapped = sum_may_have_wrapped(out);
}
