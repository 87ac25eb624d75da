/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/percentile.h"

#include <assert.h>
#include <math.h>

#include "util/error.h"

/* Above this variance the normal distribution stands in for the binomial one: the interval is then
 * more than 120 ranks wide and the two differ by about one rank. */
#define NORMAL_VARIANCE 1000.0

/* Both tails together leave 5 % outside. */
#define TAIL            0.025
#define TAIL_SIGMAS     1.959964

/* The rank, from 1, of the sample that is the percentile.  nextafter as HdrHistogram has it: it
 * takes the rounding error of percentiles such as 99.9 out of the ceil. */
static uint64_t rank_of(uint64_t count, double percentile)
{
	double p = fmin(fmax(nextafter(percentile, -INFINITY), 0.0), 100.0);
	double rank = ceil(p * (double)count / 100.0);

	return rank < 1.0 ? 1 : (uint64_t)rank;
}

/* The bucket that holds the sample of this rank. */
static size_t bucket_of_rank(const struct hist_copy *c, uint64_t rank)
{
	uint64_t seen = 0;

	for (size_t i = c->lo; i < c->hi; i++) {
		seen += hist_copy_count_at(c, i);
		if (seen >= rank)
			return i;
	}
	return c->hi - 1; /* a rank above the count, by rounding above 2^53 */
}

uint64_t percentile_value(const struct hist_copy *c, double percentile)
{
	uint64_t value;

	percentile_values(c, &percentile, 1, &value);
	return value;
}

void percentile_values(const struct hist_copy *c, const double *percentiles, size_t len,
                       uint64_t *out)
{
	const struct hist_layout *l = hist_copy_layout(c);
	size_t i = c->lo;
	uint64_t seen = c->count > 0 ? hist_copy_count_at(c, i) : 0;

	for (size_t k = 0; k < len; k++) {
		assert(k == 0 || percentiles[k - 1] <= percentiles[k]);
		out[k] = 0;
		if (c->count == 0)
			continue;
		uint64_t rank = rank_of(c->count, percentiles[k]);
		while (seen < rank && i + 1 < c->hi)
			seen += hist_copy_count_at(c, ++i);
		out[k] = percentiles[k] == 0.0 ? hist_layout_lowest(l, i)
		                               : hist_layout_highest(l, i);
	}
}

uint64_t percentile_max(const struct hist_copy *c)
{
	return c->count == 0 ? 0 : hist_layout_highest(hist_copy_layout(c), c->hi - 1);
}

double percentile_mean(const struct hist_copy *c)
{
	if (c->count == 0 || c->sum_unknown || c->sum_wrapped)
		return percentile_bucket_mean(c);
	return (double)c->sum / (double)c->count;
}

double percentile_bucket_mean(const struct hist_copy *c)
{
	const struct hist_layout *l = hist_copy_layout(c);
	double sum = 0;

	if (c->count == 0)
		return 0;
	for (size_t i = c->lo; i < c->hi; i++) {
		uint64_t n = c->counts[i - c->first];
		if (n > 0)
			sum += (double)hist_layout_median(l, i) * (double)n;
	}
	return sum / (double)c->count;
}

double percentile_bucket_deviation(const struct hist_copy *c)
{
	const struct hist_layout *l = hist_copy_layout(c);
	double mean = percentile_bucket_mean(c);
	double sum = 0;

	if (c->count == 0)
		return 0;
	for (size_t i = c->lo; i < c->hi; i++) {
		double away = (double)hist_layout_median(l, i) - mean;
		sum += away * away * (double)hist_copy_count_at(c, i);
	}
	return sqrt(sum / (double)c->count);
}

/* Probability of exactly k of n, each with chance q (0 < q < 1). */
static double binomial_point(double n, double k, double q)
{
	double ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);

	return exp(ways + k * log(q) + (n - k) * log1p(-q));
}

/*
 * The ranks l and u (1 to n; 0 and n + 1 when there is none) with P(B < l) <= 2.5 % and
 * P(B >= u) <= 2.5 %, where B is the number of samples not above the true percentile.  Both start
 * 10 standard deviations out, where the probability beyond is nothing, and walk inwards.
 */
static void exact_ranks(uint64_t n, double q, uint64_t *l, uint64_t *u)
{
	double mean = (double)n * q;
	double reach = 10 * sqrt(mean * (1 - q)) + 10;
	double below = 0, above = 0;

	*l = mean > reach ? (uint64_t)(mean - reach) : 0;
	for (; *l < n; (*l)++) {
		below += binomial_point((double)n, (double)*l, q);
		if (below > TAIL)
			break; /* P(B <= l) is too much, P(B <= l - 1) is not */
	}

	*u = mean + reach < (double)n ? (uint64_t)(mean + reach) + 1 : n;
	for (; *u > 0; (*u)--) {
		above += binomial_point((double)n, (double)*u, q);
		if (above > TAIL)
			break;
	}
	*u += 1;
}

static void normal_ranks(uint64_t n, double q, uint64_t *l, uint64_t *u)
{
	double mean = (double)n * q;
	double reach = TAIL_SIGMAS * sqrt(mean * (1 - q));

	*l = (uint64_t)(mean - reach);
	*u = (uint64_t)ceil(mean + reach) + 1;
}

struct percentile_interval percentile_interval(const struct hist_copy *c, double percentile)
{
	const struct hist_layout *layout = hist_copy_layout(c);
	double q = percentile / 100;
	uint64_t l, u;

	assert(percentile > 0 && percentile < 100);
	if (c->count == 0)
		return (struct percentile_interval){ .open_above = true };

	if ((double)c->count * q * (1 - q) < NORMAL_VARIANCE)
		exact_ranks(c->count, q, &l, &u);
	else
		normal_ranks(c->count, q, &l, &u);

	bool open = u > c->count;
	size_t lower = bucket_of_rank(c, l < 1 ? 1 : l);
	size_t upper = bucket_of_rank(c, open ? c->count : u);
	return (struct percentile_interval){
		.lower = hist_layout_lowest(layout, lower),
		.upper = hist_layout_highest(layout, upper),
		.open_above = open,
	};
}

/* The first level above `percentile`: steps halve each time the distance to 100 % has halved.  The
 * natural logarithms are HdrHistogram's; their rounding at powers of two decides the step. */
static double next_level(double level, double percentile, unsigned ticks)
{
	while (level <= percentile) {
		double halvings = trunc(log(100.0 / (100.0 - level)) / log(2.0)) + 1;
		double next = level + 100.0 / (ticks * exp2(halvings));
		/* Above some 2^45 samples the step vanishes beside the level. */
		if (!(next > level))
			return 100.0;
		level = next;
	}
	return level;
}

void percentile_curve(const struct hist_copy *c, unsigned ticks, percentile_visit *visit, void *arg)
{
	const struct hist_layout *l = hist_copy_layout(c);
	uint64_t seen = 0;
	double level = 0;

	for (size_t i = c->lo; i < c->hi; i++) {
		if (hist_copy_count_at(c, i) == 0)
			continue;
		seen += hist_copy_count_at(c, i);
		double percentile = 100.0 * (double)seen / (double)c->count;
		if (seen == c->count) {
			visit(arg, 100.0, hist_layout_highest(l, i));
			return;
		}
		if (percentile >= level) {
			visit(arg, percentile, hist_layout_highest(l, i));
			level = next_level(level, percentile, ticks);
		}
	}
}
