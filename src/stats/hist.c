/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/hist.h"

#include <assert.h>

#include "util/error.h"

static_assert(sizeof(struct hist_words) == 64, "one cache line");
static_assert(sizeof(struct hist) == 64 + HIST_BUCKETS * 8, "and nothing between");
static_assert(HIST_OCTAVES <= 64, "one bit for each octave");

static uint64_t in_range(uint64_t ns)
{
	return ns < HIST_NS_MAX ? ns : HIST_NS_MAX;
}

static void raise_to(_Atomic uint64_t *word, uint64_t ns)
{
	if (ns > counter_read(word))
		counter_set(word, ns);
}

void hist_put_n(struct hist_words *w, struct hist_buckets *b, uint64_t ns, uint64_t n)
{
	size_t index = hist_index(in_range(ns));
	uint64_t octaves = counter_read(&w->octaves);

	counter_add(&b->counts[index], n);
	counter_add(&w->sum_ns, ns * n);
	if (octaves == 0 || ns < counter_read(&w->min_ns))
		counter_set(&w->min_ns, ns);
	if (ns <= HIST_NS_MAX) {
		raise_to(&w->max_ns, ns);
	} else {
		raise_to(&w->beyond_ns, ns);
		counter_add(&w->overflow, n);
	}
	counter_set(&w->octaves, octaves | UINT64_C(1) << (index / HIST_PER_OCTAVE));
}

static void copy_octave(const struct hist_buckets *b, size_t octave, struct hist_copy *out)
{
	size_t first = octave * HIST_PER_OCTAVE;

	for (size_t i = first; i < first + HIST_PER_OCTAVE; i++) {
		uint64_t n = counter_read(&b->counts[i]);
		if (n > 0)
			hist_copy_put(out, i, n);
	}
}

/*
 * The words are not of the same instant as the buckets.  A count whose maximum is not yet visible
 * widens max to the edge of its bucket, a maximum whose count is not is narrowed to the edge; the
 * next snapshot has both.
 */
static void copy_extremes(const struct hist_words *w, struct hist_copy *out)
{
	uint64_t beyond = counter_read(&w->beyond_ns);
	uint64_t max = beyond != 0 ? beyond : counter_read(&w->max_ns);
	uint64_t min = counter_read(&w->min_ns);
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

void hist_read(const struct hist_words *w, const struct hist_buckets *b, struct hist_copy *out)
{
	uint64_t octaves = counter_read(&w->octaves);

	assert(hist_copy_layout(out)->bits == HIST_BITS && hist_copy_layout(out)->unit_ns == 1);
	hist_copy_clear(out);
	for (; octaves != 0; octaves &= octaves - 1)
		copy_octave(b, (size_t)__builtin_ctzll(octaves), out);

	out->sum = counter_read(&w->sum_ns);
	out->sum_unknown = false;
	out->overflow = counter_read(&w->overflow);
	if (out->count == 0)
		return;
	copy_extremes(w, out);
	out->sum_wrapped = sum_may_have_wrapped(out);
}
