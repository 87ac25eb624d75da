/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_RUN_BENCH_H
#define OMB_TESTS_RUN_BENCH_H

/*
 * run_bench -- a whole run in simulated time, and what it leaves behind.
 *
 *     struct bench b;
 *     bench_setup(&b, FIXED);
 *     b.fake->consume_per_s = 800;
 *     bench_go(&b);
 *     ... look at b.outcome, b.side, b.summary ...
 *     bench_teardown(&b);
 *
 * Failures end the test.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/driver_file.h"
#include "config/workload.h"
#include "fake_worker.h"
#include "plan/plan.h"
#include "run/run.h"
#include "util/arena.h"

/* One run against the fake worker, and what came of it. */
struct bench {
	struct fake_worker *fake;
	struct arena arena;
	struct workload workload;
	struct driver_file driver;
	struct plan plan;
	char folder[64];
	struct run_report report;
	struct error err;
	enum run_outcome outcome;
	json_t *side, *omb; /* the files; NULL = not written */
	bool quiet, without_files;
	char *summary, *progress;
	size_t summary_len, progress_len;
	unsigned files; /* in the folder afterwards */
};

/* 1,000 messages/s to 2 topics of 4 partitions, 1 subscription each. */
#define BASE                                                                                  \
	"name: simulated\ntopics: 2\npartitionsPerTopic: 4\nmessageSize: 100\n"               \
	"useRandomizedPayloads: true\nrandomBytesRatio: 0.5\nrandomizedPayloadPoolSize: 10\n" \
	"consumerPerSubscription: 1\nproducersPerTopic: 1\nsamplePeriod: 2s\n"

#define FIXED                                                                                   \
	BASE "subscriptionsPerTopic: 1\nproducerRate: 1000\nwarmupDuration: 2s\ntestDuration: " \
	     "10s\n"

void bench_setup(struct bench *b, const char *workload);
void bench_go(struct bench *b);
void bench_teardown(struct bench *b);

/* Members of our own file. */
json_t *bench_member(const struct bench *b, const char *outer, const char *inner);
json_int_t bench_counter(json_t *counters, const char *name);
/* The text of a reason of the verdict; NULL = there is none of this name. */
const char *bench_reason(const struct bench *b, const char *name);

bool bench_ends_with(const char *text, const char *end);
void bench_assert_reason(const struct bench *b, const char *name);
/* Clients were closed, then topics deleted, then the worker stopped. */
void bench_assert_cleaned_up(const struct bench *b);

#endif
