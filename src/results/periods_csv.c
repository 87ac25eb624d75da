/* SPDX-License-Identifier: Apache-2.0 */
#include "results/periods_csv.h"

#include <errno.h>
#include <stdio.h>

#include "results/side_reader.h"
#include "stats/percentile.h"
#include "util/file.h"

static const double columns[] = { 50, 95, 99, 99.9 };
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* A draft without a name is standard output. */
static bool pass(struct file_draft *out, struct error *err)
{
	if (out->path != NULL || out->text.len == 0) {
		(void)file_draft_pass(out);
		return true;
	}
	size_t len = out->text.len;
	out->text.len = 0;
	return fwrite(out->text.data, 1, len, stdout) == len ||
	       error_set_errno(err, errno, "standard output");
}

static void add_header(struct text *out)
{
	text_add(out, "kind,start_s,end_s,publishRate,publishErrorRate,consumeRate,backlog");
	for (unsigned l = 0; l < LATENCY_COUNT; l++) {
		for (size_t i = 0; i < COLUMNS; i++)
			text_addf(out, ",%s%gpct_ms", latency_name((enum latency)l), columns[i]);
		text_addf(out, ",%sMax_ms", latency_name((enum latency)l));
	}
	text_add(out, "\n");
}

/* Empty cells where nothing was recorded. */
static void add_latency(const struct hist_copy *h, struct text *out)
{
	uint64_t ns[COLUMNS];

	if (h->count == 0) {
		text_add(out, ",,,,,");
		return;
	}
	percentile_values(h, columns, COLUMNS, ns);
	for (size_t i = 0; i < COLUMNS; i++)
		text_addf(out, ",%.6f", (double)ns[i] / 1e6);
	text_addf(out, ",%.6f", (double)h->max / 1e6);
}

static bool add_period(void *to, const struct side_reader *r, const struct record_period *p,
                       struct error *err)
{
	struct file_draft *out = to;
	const uint64_t *c = p->interval.counters;
	double length_s = (double)(p->end_ns - p->start_ns) / 1e9;
	double per_s = length_s > 0 ? 1 / length_s : 0;
	uint64_t failed = c[COUNTER_FAILED] + c[COUNTER_UNACKNOWLEDGED];

	(void)r;
	text_addf(&out->text, "%s,%.3f,%.3f,%.3f,%.3f,%.3f,%llu", p->kind,
	          (double)p->start_ns / 1e9, (double)p->end_ns / 1e9,
	          (double)c[COUNTER_ACKNOWLEDGED] * per_s, (double)failed * per_s,
	          (double)c[COUNTER_RECEIVED] * per_s, (unsigned long long)p->backlog);
	for (unsigned l = 0; l < LATENCY_COUNT; l++)
		add_latency(&p->interval.latencies[WINDOW_MEASURED][l], &out->text);
	text_add(&out->text, "\n");
	return pass(out, err);
}

static bool write_table(const char *side_path, struct file_draft *out, struct error *err)
{
	struct side_reader reader;

	add_header(&out->text);
	bool ok = side_reader_load(&reader, side_path, add_period, out, err);
	side_reader_fini(&reader);
	return ok && pass(out, err);
}

bool periods_csv_write(const char *side_path, const char *path, struct error *err)
{
	struct file_draft out = { .path = NULL };
	bool ok = path == NULL || file_draft_begin(&out, path, err);

	ok = ok && write_table(side_path, &out, err);
	if (ok && path != NULL)
		ok = file_draft_end(&out, path, err) &&
		     file_draft_place(&out, path, FILE_REPLACE, err);
	file_draft_fini(&out);
	return ok;
}
