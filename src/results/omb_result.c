/* SPDX-License-Identifier: Apache-2.0 */
#include "results/omb_result.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/omb_fields.h"
#include "stats/percentile.h"
#include "util/java_number.h"
#include "util/xalloc.h"

#define US_PER_MS 1000.0
#define NS_PER_S  1e9

void omb_series_add(struct omb_series *s, double value)
{
	if (s->count == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 32;
		s->items = xrealloc(s->items, s->cap * sizeof(*s->items));
	}
	s->items[s->count++] = value;
}

static void quantiles_add(struct omb_quantiles *q, double percentile, double value)
{
	if (q->count == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 256;
		q->items = xrealloc(q->items, q->cap * sizeof(*q->items));
	}
	q->items[q->count++] = (struct omb_quantile){ percentile, value };
}

/* OMB's histogram for end-to-end latency serves for all three: the one for publishing differs by
 * its range only, and would clip at 60 s. */
static void to_microseconds(const struct hist_copy *latency, struct hist_copy *us)
{
	hist_copy_convert(latency, &hist_layout_omb_e2e, us);
}

/* All in microseconds, divided by `per_unit`. */
static void figures_of(const struct hist_copy *us, double per_unit, double out[OMB_FIGURES])
{
	static const double percentiles[] = { 50, 75, 95, 99, 99.9, 99.99 };
	enum { PERCENTILES = sizeof(percentiles) / sizeof(percentiles[0]) };
	uint64_t values[PERCENTILES];

	percentile_values(us, percentiles, PERCENTILES, values);
	out[OMB_AVG] = percentile_bucket_mean(us) / per_unit;
	for (size_t i = 0; i < PERCENTILES; i++)
		out[OMB_P50 + i] = (double)values[i] / per_unit;
	out[OMB_MAX] = (double)percentile_max(us) / per_unit;
}

/* `us` is room for the conversion. */
static void add_figures(struct omb_series series[OMB_FIGURES], const struct hist_copy *latency,
                        double per_unit, struct hist_copy *us)
{
	double figures[OMB_FIGURES];

	to_microseconds(latency, us);
	figures_of(us, per_unit, figures);
	for (size_t i = 0; i < OMB_FIGURES; i++)
		omb_series_add(&series[i], figures[i]);
}

void omb_result_add_sample(struct omb_result *r, const struct omb_sample *s)
{
	assert(s->elapsed_ns > 0);

	double elapsed_s = (double)s->elapsed_ns / NS_PER_S;
	struct hist_copy us = { 0 };

	omb_series_add(&r->publish_rate, (double)s->acknowledged / elapsed_s);
	omb_series_add(&r->publish_error_rate, (double)s->failed / elapsed_s);
	omb_series_add(&r->consume_rate, (double)s->received / elapsed_s);
	omb_series_add(&r->backlog, (double)s->backlog);
	add_figures(r->publish_ms, s->latencies.publish, US_PER_MS, &us);
	add_figures(r->publish_delay_us, s->latencies.publish_delay, 1, &us);
	add_figures(r->end_to_end_ms, s->latencies.end_to_end, US_PER_MS, &us);
	hist_copy_fini(&us);
}

struct curve {
	struct omb_quantiles *out;
	double per_unit;
};

static void add_point(void *arg, double percentile, uint64_t us)
{
	struct curve *curve = arg;

	quantiles_add(curve->out, percentile, (double)us / curve->per_unit);
}

static void set_totals(const struct hist_copy *latency, double per_unit,
                       double figures[OMB_FIGURES], struct omb_quantiles *quantiles)
{
	struct curve curve = { .out = quantiles, .per_unit = per_unit };
	struct hist_copy us = { 0 };

	to_microseconds(latency, &us);
	figures_of(&us, per_unit, figures);
	quantiles->count = 0;
	percentile_curve(&us, 100, add_point, &curve);
	hist_copy_fini(&us);
}

void omb_result_set_totals(struct omb_result *r, const struct omb_latencies *window)
{
	set_totals(window->publish, US_PER_MS, r->aggregated_publish_ms, &r->publish_quantiles_ms);
	set_totals(window->publish_delay, 1, r->aggregated_publish_delay_us,
	           &r->publish_delay_quantiles_us);
	set_totals(window->end_to_end, US_PER_MS, r->aggregated_end_to_end_ms,
	           &r->end_to_end_quantiles_ms);
}

/* As Jackson escapes: control characters, quote and backslash, nothing else. */
static void format_string(const char *s, struct text *out)
{
	static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\"; /* character, its letter */

	if (s == NULL) {
		text_add(out, "null");
		return;
	}
	text_add(out, "\"");
	for (; *s != '\0'; s++) {
		const char *known = shorts;
		while (*known != '\0' && *known != *s)
			known += 2;
		if (*known != '\0')
			text_addf(out, "\\%c", known[1]);
		else if ((unsigned char)*s < 0x20)
			text_addf(out, "\\u%04X", (unsigned)*s);
		else
			text_add_bytes(out, s, 1);
	}
	text_add(out, "\"");
}

static void format_double(double value, struct text *out)
{
	char number[JAVA_NUMBER_SIZE];

	java_number_format(value, number);
	/* JSON has no word for them; Jackson writes a string. */
	if (!isfinite(value))
		text_addf(out, "\"%s\"", number);
	else
		text_add(out, number);
}

static void format_number(double value, bool whole, struct text *out)
{
	if (whole)
		text_addf(out, "%.0f", value);
	else
		format_double(value, out);
}

static void format_series(const struct omb_series *s, bool whole, struct text *out)
{
	text_add(out, "[ ");
	for (size_t i = 0; i < s->count; i++) {
		format_number(s->items[i], whole, out);
		text_add(out, i + 1 < s->count ? ", " : " ");
	}
	text_add(out, "]");
}

static void format_quantiles(const struct omb_quantiles *q, bool whole, struct text *out)
{
	char percentile[JAVA_NUMBER_SIZE];

	if (q->count == 0) {
		text_add(out, "{ }");
		return;
	}
	for (size_t i = 0; i < q->count; i++) {
		java_number_format(q->items[i].percentile, percentile);
		text_addf(out, "%s\n    \"%s\" : ", i == 0 ? "{" : ",", percentile);
		format_number(q->items[i].value, whole, out);
	}
	text_add(out, "\n  }");
}

static void format_field(const struct omb_field *f, const void *at, struct text *out)
{
	switch (f->type) {
	case OMB_TEXT:
		format_string(*(char *const *)at, out);
		return;
	case OMB_COUNT:
		text_addf(out, "%lld", (long long)*(const int64_t *)at);
		return;
	case OMB_DOUBLE:
	case OMB_WHOLE:
		format_number(*(const double *)at, f->type == OMB_WHOLE, out);
		return;
	case OMB_DOUBLES:
	case OMB_WHOLES:
		format_series(at, f->type == OMB_WHOLES, out);
		return;
	case OMB_DOUBLE_BY_PCT:
	case OMB_WHOLE_BY_PCT:
		format_quantiles(at, f->type == OMB_WHOLE_BY_PCT, out);
		return;
	}
	abort();
}

void omb_result_write(const struct omb_result *r, struct file_draft *out)
{
	for (size_t i = 0; i < OMB_FIELDS && file_draft_pass(out); i++) {
		const void *at = (const char *)r + omb_fields[i].offset;
		text_addf(&out->text, "%s\n  \"%s\" : ", i == 0 ? "{" : ",", omb_fields[i].name);
		format_field(&omb_fields[i], at, &out->text);
	}
	text_add(&out->text, "\n}");
}

static void fini_field(const struct omb_field *f, void *at)
{
	switch (f->type) {
	case OMB_TEXT:
		free(*(char **)at);
		return;
	case OMB_DOUBLES:
	case OMB_WHOLES:
		free(((struct omb_series *)at)->items);
		return;
	case OMB_DOUBLE_BY_PCT:
	case OMB_WHOLE_BY_PCT:
		free(((struct omb_quantiles *)at)->items);
		return;
	case OMB_COUNT:
	case OMB_DOUBLE:
	case OMB_WHOLE:
		return;
	}
	abort();
}

void omb_result_fini(struct omb_result *r)
{
	for (size_t i = 0; i < OMB_FIELDS; i++)
		fini_field(&omb_fields[i], (char *)r + omb_fields[i].offset);
	*r = (struct omb_result){ .workload = NULL };
}
