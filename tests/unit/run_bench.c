/* SPDX-License-Identifier: Apache-2.0 */
#include "run_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/xalloc.h"

static void load_files(struct bench *b, const char *workload)
{
	static const struct config_mode mode = { 0 };
	static const char driver[] = "driver: kafka\nname: Simulated\n";
	struct error_list errors = { 0 }, warnings = { 0 };
	struct config_source source = { "/nowhere/w.yaml", workload, strlen(workload) };

	bool ok = workload_parse(&source, &mode, &b->arena, &b->workload, &errors, &warnings);
	if (!ok)
		fail_msg("%s", errors.items[0].text);
	b->driver = (struct driver_file){ .path = "d.yaml", .mode = &mode, .arena = &b->arena };
	ok = driver_file_parse(driver, strlen(driver), &b->driver, &errors, &warnings);
	if (!ok)
		fail_msg("%s", errors.items[0].text);
	error_list_fini(&warnings);

	const struct plan_host host = { .cpus = 2, .run = 7 };
	assert_true(plan_make(&b->plan, &b->workload, &host, &b->arena, &b->err));
}

void bench_setup(struct bench *b, const char *workload)
{
	*b = (struct bench){ .folder = "/tmp/omb-test-run-XXXXXX" };
	assert_non_null(mkdtemp(b->folder));
	assert_int_equal(setenv("XDG_STATE_HOME", b->folder, 1), 0);
	load_files(b, workload);
	b->fake = xcalloc(1, sizeof(*b->fake));
	fake_worker_init(b->fake, b->plan.subscriptions);
}

bool bench_ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static json_t *load_json(const struct text *path)
{
	return path->len ? json_load_file(path->data, 0, NULL) : NULL;
}

static void count_files(struct bench *b)
{
	DIR *dir = opendir(b->folder);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		b->files += entry->d_type == DT_REG;
	(void)closedir(dir);
}

void bench_go(struct bench *b)
{
	struct run_platform platform = fake_platform(b->fake);
	FILE *progress = open_memstream(&b->progress, &b->progress_len);
	FILE *summary = open_memstream(&b->summary, &b->summary_len);
	const struct run_options options = {
		.workload = &b->workload,
		.driver = &b->driver,
		.plan = &b->plan,
		.worker = &b->fake->base,
		.run_id = "01lg22la7e2p",
		.run = 7,
		.workload_path = "w.yaml",
		.driver_path = "d.yaml",
		.output = b->folder,
		.without_files = b->without_files,
		.command_line = "omb run --set sasl.password=hunter2",
		.console = { .progress = progress, .summary = summary, .quiet = b->quiet },
		.platform = &platform,
	};

	b->outcome = run_one(&options, &b->report, &b->err);
	(void)fclose(progress);
	(void)fclose(summary);
	b->side = load_json(&b->report.side_path);
	b->omb = load_json(&b->report.result_path);
	count_files(b);
}

void bench_teardown(struct bench *b)
{
	char *command = xasprintf("rm -rf '%s'", b->folder);

	assert_int_equal(system(command), 0);
	free(command);
	json_decref(b->side);
	json_decref(b->omb);
	free(b->summary);
	free(b->progress);
	run_report_fini(&b->report);
	fake_worker_fini(b->fake);
	free(b->fake);
	arena_fini(&b->arena);
}

json_int_t bench_counter(json_t *counters, const char *name)
{
	return json_integer_value(json_object_get(counters, name));
}

json_t *bench_member(const struct bench *b, const char *outer, const char *inner)
{
	return json_object_get(json_object_get(b->side, outer), inner);
}

/* Clients were closed before their groups were deleted. */
static void assert_closed_before_deleted(const struct bench *b)
{
	bool closed = false;

	for (size_t i = 0; i < b->fake->log_len; i++) {
		enum worker_verb verb = b->fake->log[i];
		closed |= verb == WORKER_FINISH || verb == WORKER_STOP_ALL;
		if (verb == WORKER_DELETE_TOPICS)
			assert_true(closed);
	}
}

void bench_assert_cleaned_up(const struct bench *b)
{
	assert_closed_before_deleted(b);
	assert_int_equal(b->fake->topics_deleted, 2);
	assert_true(b->fake->verbs[WORKER_STOP_ALL] > 0);
	assert_int_equal(b->fake->log[b->fake->log_len - 1], WORKER_STOP_ALL);
}

void bench_assert_reason(const struct bench *b, const char *name)
{
	json_t *reasons = bench_member(b, "verdict", "reasons");
	json_t *reason;
	size_t i;

	json_array_foreach(reasons, i, reason)
	{
		if (strcmp(json_string_value(json_object_get(reason, "name")), name) == 0)
			return;
	}
	fail_msg("no reason \"%s\"", name);
}

const char *bench_reason(const struct bench *b, const char *name)
{
	json_t *reason;
	size_t i;

	json_array_foreach(bench_member(b, "verdict", "reasons"), i, reason)
	{
		if (strcmp(json_string_value(json_object_get(reason, "name")), name) == 0)
			return json_string_value(json_object_get(reason, "text"));
	}
	return NULL;
}
