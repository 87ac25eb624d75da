/* SPDX-License-Identifier: Apache-2.0 */
#include "results/omb_csv.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "results/omb_fields.h"
#include "results/omb_result.h"
#include "stats/percentile.h"
#include "util/file.h"
#include "util/java_number.h"
#include "util/text.h"
#include "util/xalloc.h"

/* OMB's rates go through one significant digit.  Its range ends at 10^7, where its tool dies at
 * 16,777,216 messages/s; the range changes nothing below. */
static const struct hist_layout rate_layout = {
	.highest = (UINT64_C(1) << 60) - 1,
	.unit_ns = 1,
	.digits = 1,
	.bits = 5,
};

/* What a table says of a series. */
struct sums {
	size_t count;
	double sum, min, max;
	struct hist_copy coarse; /* of a rate; owned */
};

struct row {
	char *file; /* owned: its name in the folder */
	struct omb_result result;
	struct sums publish_rate, publish_error_rate, consume_rate, backlog;
};

struct table {
	struct row *rows; /* owned */
	size_t count;
};

static int is_result_name(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_shape(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = compare(x->result.message_size, y->result.message_size);

	if (order == 0)
		order = compare(x->result.topics, y->result.topics);
	if (order == 0)
		order = compare(x->result.partitions, y->result.partitions);
	return order != 0 ? order : strcmp(x->file, y->file);
}

/* A double as Java's cast to long, for a rate. */
static uint64_t truncate_rate(double rate)
{
	if (!(rate > 0))
		return 0;
	return rate < (double)rate_layout.highest ? (uint64_t)rate : rate_layout.highest;
}

static void add_number_to(struct sums *s, double value)
{
	s->min = s->count == 0 || value < s->min ? value : s->min;
	s->max = s->count == 0 || value > s->max ? value : s->max;
	s->sum += value;
	s->count++;
	hist_copy_record(&s->coarse, truncate_rate(value), 1);
}

static void take_number(void *to, struct omb_series *series, double value)
{
	struct row *row = to;
	const struct omb_result *r = &row->result;

	if (series == &r->publish_rate)
		add_number_to(&row->publish_rate, value);
	else if (series == &r->publish_error_rate)
		add_number_to(&row->publish_error_rate, value);
	else if (series == &r->consume_rate)
		add_number_to(&row->consume_rate, value);
	else if (series == &r->backlog)
		add_number_to(&row->backlog, value);
}

static void init_sums(struct row *row)
{
	hist_copy_init(&row->publish_rate.coarse, &rate_layout);
	hist_copy_init(&row->publish_error_rate.coarse, &rate_layout);
	hist_copy_init(&row->consume_rate.coarse, &rate_layout);
	hist_copy_init(&row->backlog.coarse, &rate_layout);
}

static void fini_sums(struct row *row)
{
	hist_copy_fini(&row->publish_rate.coarse);
	hist_copy_fini(&row->publish_error_rate.coarse);
	hist_copy_fini(&row->consume_rate.coarse);
	hist_copy_fini(&row->backlog.coarse);
}

/* Adds the result of one file, unless it is no regular file. */
static bool load_row(const char *folder, const char *name, struct table *t, struct error *err)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct stat st;
	bool ok = true;

	if (stat(path, &st) < 0) {
		ok = error_set_errno(err, errno, "result %s", path);
	} else if (S_ISREG(st.st_mode)) {
		struct row *row = &t->rows[t->count];
		init_sums(row);
		ok = omb_result_load(path, &row->result, take_number, row, err);
		row->file = xstrdup(name);
		t->count++;
	}
	free(path);
	return ok;
}

static bool load_table(const char *folder, struct table *t, struct error *err)
{
	struct dirent **names = NULL;
	int len = scandir(folder, &names, is_result_name, by_name);
	bool ok = true;

	if (len < 0)
		return error_set_errno(err, errno, "folder %s", folder);
	t->rows = xcalloc((size_t)len + 1, sizeof(*t->rows));
	for (int i = 0; i < len; i++) {
		ok = ok && load_row(folder, names[i]->d_name, t, err);
		free(names[i]);
	}
	free(names);
	if (ok && t->count == 0)
		return error_set(err, ERROR_USAGE, "folder %s: no result file (*.json)", folder);
	qsort(t->rows, t->count, sizeof(*t->rows), by_shape);
	return ok;
}

static void fini_table(struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->rows[i].file);
		omb_result_fini(&t->rows[i].result);
		fini_sums(&t->rows[i]);
	}
	free(t->rows);
}

/* Up to two decimals, as Java's pattern "#.##". */
static void add_two_decimals(double value, struct text *out)
{
	text_addf(out, "%.2f", value);
	while (out->data[out->len - 1] == '0')
		out->data[--out->len] = '\0';
	if (out->data[out->len - 1] == '.')
		out->data[--out->len] = '\0';
}

static uint64_t min_above_zero(const struct hist_copy *c)
{
	for (size_t i = c->lo > 0 ? c->lo : 1; i < c->hi; i++) {
		if (hist_copy_count_at(c, i) > 0)
			return hist_layout_lowest(hist_copy_layout(c), i);
	}
	return INT64_MAX;
}

/* min, avg, std-dev, max by OMB's rules.  OMB records each rate twice, which changes nothing. */
static void add_coarse_rates(const struct sums *rates, struct text *out)
{
	const struct hist_copy *c = &rates->coarse;

	text_addf(out, ",%llu,%.0f,", (unsigned long long)min_above_zero(c),
	          percentile_bucket_mean(c));
	add_two_decimals(percentile_bucket_deviation(c), out);
	text_addf(out, ",%llu", (unsigned long long)percentile_max(c));
}

static void add_omb_header(struct text *out)
{
	text_add(out, "topics,partitions,message-size,producers-per-topic,consumers-per-topic,"
	              "prod-rate-min,prod-rate-avg,prod-rate-std-dev,prod-rate-max,"
	              "con-rate-min,con-rate-avg,con-rate-std-dev,con-rate-max,\n");
}

static void add_omb_row(const struct row *row, struct text *out)
{
	const struct omb_result *r = &row->result;

	text_addf(out, "%lld,%lld,%lld,%lld,%lld", (long long)r->topics, (long long)r->partitions,
	          (long long)r->message_size, (long long)r->producers_per_topic,
	          (long long)r->consumers_per_topic);
	add_coarse_rates(&row->publish_rate, out);
	add_coarse_rates(&row->consume_rate, out);
	text_add(out, "\n");
}

/* RFC 4180: quoted when it must be. */
static void add_cell(const char *s, struct text *out)
{
	if (s[strcspn(s, ",\"\r\n")] == '\0') {
		text_add(out, s);
		return;
	}
	text_add(out, "\"");
	for (; *s != '\0'; s++) {
		if (*s == '"')
			text_add(out, "\"");
		text_add_bytes(out, s, 1);
	}
	text_add(out, "\"");
}

static void add_number(double value, struct text *out)
{
	char number[JAVA_NUMBER_SIZE];

	text_addf(out, ",%s", java_number_format(value, number));
}

/* avg, min, max of a series; empty cells when it has no samples. */
static void add_exact_series(const struct sums *s, struct text *out)
{
	if (s->count == 0) {
		text_add(out, ",,,");
		return;
	}
	add_number(s->sum / (double)s->count, out);
	add_number(s->min, out);
	add_number(s->max, out);
}

/* The aggregated figures: all fields that are one number with a unit. */
static bool is_figure(const struct omb_field *f)
{
	return f->type == OMB_DOUBLE || f->type == OMB_WHOLE;
}

static void add_full_header(struct text *out)
{
	text_add(out, "file,workload,driver,messageSize,topics,partitions,producersPerTopic,"
	              "consumersPerTopic,samples,"
	              "publishRateAvg,publishRateMin,publishRateMax,"
	              "publishErrorRateAvg,publishErrorRateMin,publishErrorRateMax,"
	              "consumeRateAvg,consumeRateMin,consumeRateMax,"
	              "backlogAvg,backlogMin,backlogMax");
	for (size_t i = 0; i < OMB_FIELDS; i++) {
		if (is_figure(&omb_fields[i]))
			text_addf(out, ",%s_%s", omb_fields[i].name, omb_fields[i].unit);
	}
	text_add(out, "\n");
}

static void add_full_row(const struct row *row, struct text *out)
{
	const struct omb_result *r = &row->result;

	add_cell(row->file, out);
	text_add(out, ",");
	add_cell(r->workload ? r->workload : "", out);
	text_add(out, ",");
	add_cell(r->driver ? r->driver : "", out);
	text_addf(out, ",%lld,%lld,%lld,%lld,%lld,%zu", (long long)r->message_size,
	          (long long)r->topics, (long long)r->partitions, (long long)r->producers_per_topic,
	          (long long)r->consumers_per_topic, row->publish_rate.count);
	add_exact_series(&row->publish_rate, out);
	add_exact_series(&row->publish_error_rate, out);
	add_exact_series(&row->consume_rate, out);
	add_exact_series(&row->backlog, out);
	for (size_t i = 0; i < OMB_FIELDS; i++) {
		const char *at = (const char *)r + omb_fields[i].offset;
		if (is_figure(&omb_fields[i]))
			add_number(*(const double *)(const void *)at, out);
	}
	text_add(out, "\n");
}

bool omb_csv_format(const char *folder, enum omb_csv_form form, struct text *out, struct error *err)
{
	bool full = form == OMB_CSV_FULL;
	struct table t = { .rows = NULL };

	bool ok = load_table(folder, &t, err);
	if (ok) {
		(full ? add_full_header : add_omb_header)(out);
		for (size_t i = 0; i < t.count; i++)
			(full ? add_full_row : add_omb_row)(&t.rows[i], out);
	}
	fini_table(&t);
	return ok;
}

bool omb_csv_write(const char *folder, enum omb_csv_form form, const char *path, struct error *err)
{
	struct text out = { 0 };
	bool ok = omb_csv_format(folder, form, &out, err) &&
	          file_write_atomic(path, out.data, out.len, err);

	text_fini(&out);
	return ok;
}
