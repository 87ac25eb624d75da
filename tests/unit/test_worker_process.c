/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole run over a worker that is another program, exec'ed, behind messages of JSON: what a run
 * knows of its worker is the table of verbs and nothing else.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "config/driver_file.h"
#include "config/workload.h"
#include "piped_worker.h"
#include "plan/plan.h"
#include "run/run.h"
#include "util/arena.h"
#include "util/text.h"
#include "util/xalloc.h"
#include "worker/local.h"

static const char workload_text[] =
	"name: whole\ntopics: 2\npartitionsPerTopic: 4\nmessageSize: 100\n"
	"subscriptionsPerTopic: 2\nconsumerPerSubscription: 2\nproducersPerTopic: 2\n"
	"useRandomizedPayloads: true\nrandomBytesRatio: 0.5\nrandomizedPayloadPoolSize: 10\n"
	"keyDistributor: KEY_ROUND_ROBIN\nproducerRate: 2000\nagents: 2\nsamplePeriod: 1s\n"
	"warmupDuration: 250ms\ntestDuration: 1s\nverifyPayload: true\n";

static const char driver_text[] = "driver: loopback\nname: Loopback\ndelay: 5ms\n";

/* One run, and what it left behind. */
struct whole {
	struct arena arena;
	char folder[64];
	struct workload workload;
	struct driver_file driver;
	struct plan plan;
	struct run_report report;
	struct error err;
	char *progress, *summary;
	size_t progress_len, summary_len;
	json_t *side; /* NULL = none was written */
};

static void set_up_over(struct whole *t, const char *driver)
{
	static const struct override overrides[] = { { "delay", "1ms" } };
	static const struct config_mode mode = { .overrides = overrides, .override_count = 1 };
	struct error_list errors = { 0 }, warnings = { 0 };
	struct config_source source = { "w.yaml", workload_text, strlen(workload_text) };
	const struct plan_host host = { .cpus = 2, .run = 7 };

	*t = (struct whole){ .folder = "/tmp/omb-test-process-XXXXXX" };
	assert_non_null(mkdtemp(t->folder));
	assert_int_equal(setenv("XDG_STATE_HOME", t->folder, 1), 0);
	if (!workload_parse(&source, &mode, &t->arena, &t->workload, &errors, &warnings))
		fail_msg("%s", errors.items[0].text);
	t->driver = (struct driver_file){ .path = "d.yaml", .mode = &mode, .arena = &t->arena };
	if (!driver_file_parse(driver, strlen(driver), &t->driver, &errors, &warnings))
		fail_msg("%s", errors.items[0].text);
	error_list_fini(&warnings);
	assert_true(plan_make(&t->plan, &t->workload, &host, &t->arena, &t->err));
}

static void set_up(struct whole *t)
{
	set_up_over(t, driver_text);
}

/* The loopback broker's address is made of it: whoever else runs this test has another one. */
static const char *own_run_id(void)
{
	static char id[24];

	(void)snprintf(id, sizeof(id), "01lg%d", (int)getpid());
	return id;
}

static enum run_outcome go(struct whole *t, struct worker *w)
{
	FILE *progress = open_memstream(&t->progress, &t->progress_len);
	FILE *summary = open_memstream(&t->summary, &t->summary_len);
	const struct run_options options = {
		.workload = &t->workload,
		.driver = &t->driver,
		.plan = &t->plan,
		.worker = w,
		.run_id = own_run_id(),
		.run = 7,
		.workload_path = "w.yaml",
		.driver_path = "d.yaml",
		.output = t->folder,
		.console = { .progress = progress, .summary = summary },
	};
	enum run_outcome outcome = run_one(&options, &t->report, &t->err);

	worker_destroy(w);
	(void)fclose(progress);
	(void)fclose(summary);
	if (t->report.side_path.len > 0)
		t->side = json_load_file(t->report.side_path.data, 0, NULL);
	return outcome;
}

static void tear_down(struct whole *t)
{
	char *command = xasprintf("rm -rf '%s'", t->folder);

	assert_int_equal(system(command), 0);
	free(command);
	json_decref(t->side);
	free(t->progress);
	free(t->summary);
	run_report_fini(&t->report);
	arena_fini(&t->arena);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
	assert_int_equal(errno, ECHILD);
}

static json_t *member(const struct whole *t, const char *outer, const char *inner)
{
	return json_object_get(json_object_get(t->side, outer), inner);
}

static void assert_same(json_t *a, json_t *b, const char *what)
{
	char *x = json_dumps(a, JSON_ENCODE_ANY | JSON_SORT_KEYS);
	char *y = json_dumps(b, JSON_ENCODE_ANY | JSON_SORT_KEYS);

	if (x == NULL || y == NULL || strcmp(x, y) != 0)
		fail_msg("%s: %s is not %s", what, x ? x : "none", y ? y : "none");
	free(x);
	free(y);
}

/* "INVALID: missing SUSPECT, rates note": the verdict without the reasons that are about how busy this
 * host was just then, of which either run may have some. */
static void describe_verdict(const struct whole *t, struct text *out)
{
	static const char *const of_the_host[] = { "publishDelay", "sentinel",    "hostCpu",
		                                   "agentCpu",     "queue",       "throughput",
		                                   "sampling",     "agentStalled" };
	bool is_of_the_host = false;
	json_t *one;
	size_t i;

	json_array_foreach(member(t, "verdict", "reasons"), i, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));
		bool is_hosts = false;
		for (size_t k = 0; k < sizeof(of_the_host) / sizeof(of_the_host[0]); k++)
			is_hosts |= strcmp(name, of_the_host[k]) == 0;
		is_of_the_host |= is_hosts;
		if (!is_hosts)
			text_addf(out, "%s %s, ", name,
			          json_string_value(json_object_get(one, "weight")));
	}
	const char *word = json_string_value(member(t, "verdict", "verdict"));
	text_add(out, is_of_the_host && strcmp(word, "SUSPECT") == 0 ? "VALID" : word);
}

static void assert_same_verdict(const struct whole *a, const struct whole *b)
{
	struct text x = { 0 }, y = { 0 };

	describe_verdict(a, &x);
	describe_verdict(b, &y);
	assert_string_equal(text_str(&x), text_str(&y));
	assert_string_equal(text_str(&x), "VALID");
	text_fini(&x);
	text_fini(&y);
}

static json_t *count_of(const struct whole *t, const char *latency)
{
	return json_object_get(member(t, "latencies", latency), "count");
}

static void a_worker_of_another_program_runs_a_whole_workload_as_a_local_one_does(void **state)
{
	static const char *const counters[] = {
		"sent",   "acknowledged", "failed",        "unacknowledged", "bytesAcknowledged",
		"unsent", "received",     "bytesReceived", "corrupt",        "foreign",
	};
	static const char *const latencies[] = { "publish", "correctedPublish", "endToEnd",
		                                 "correctedEndToEnd", "publishDelay" };
	static const char *const host_facts[] = { "name", "kernel", "cpuModel", "memoryBytes" };
	struct whole here, there;

	(void)state;
	set_up(&here);
	set_up(&there);
	/* Neither is INVALID; whether this host was fast enough just then is another matter. */
	assert_int_equal(go(&here, worker_local_create()), RUN_GOOD);
	enum run_outcome outcome = go(&there, piped_worker_create(WORKER_PROCESS, NULL));
	if (outcome != RUN_GOOD)
		fail_msg("%s\n%s", there.err.text, there.summary);

	assert_int_equal(json_integer_value(member(&there, "totals", "sent")), 2500);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		assert_same(member(&there, "totals", counters[i]),
		            member(&here, "totals", counters[i]), counters[i]);
	assert_int_equal(json_integer_value(count_of(&there, "publish")), 2000);
	for (size_t i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++)
		assert_same(count_of(&there, latencies[i]), count_of(&here, latencies[i]),
		            latencies[i]);
	assert_same(json_object_get(there.side, "driver"), json_object_get(here.side, "driver"),
	            "driver");
	assert_same(json_object_get(there.side, "workload"), json_object_get(here.side, "workload"),
	            "workload");
	assert_int_equal(json_array_size(json_object_get(there.side, "agents")),
	                 json_array_size(json_object_get(here.side, "agents")));
	assert_same_verdict(&there, &here);
	/* What its loops counted at the ends of the window comes over, too. */
	assert_string_equal(json_string_value(member(&there, "window", "ratesBy")), "edges");
	/* The host that made the load tells of itself. */
	assert_true(json_is_string(member(&there, "host", "kernel")));
	for (size_t i = 0; i < sizeof(host_facts) / sizeof(host_facts[0]); i++)
		assert_same(member(&there, "host", host_facts[i]),
		            member(&here, "host", host_facts[i]), host_facts[i]);
	tear_down(&here);
	tear_down(&there);
}

static void a_worker_that_is_killed_in_the_middle_ends_the_run_with_the_reason(void **state)
{
	struct whole t;

	(void)state;
	set_up(&t);
	struct worker *w = piped_worker_create(WORKER_PROCESS, NULL);
	piped_worker_kill_at(w, WORKER_SNAPSHOT,
	                     3); /* the first is that at the start of the window */
	assert_int_equal(go(&t, w), RUN_FAILED);
	if (strstr(t.err.text, "the worker's process was killed by signal 9") == NULL)
		fail_msg("%s", t.err.text);
	/* What was measured until then is kept. */
	const char *path = text_str(&t.report.result_path);
	assert_non_null(strstr(path, ".json.partial"));
	tear_down(&t);
}

static const char *reason(const struct whole *t, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach(member(t, "verdict", "reasons"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
			return json_string_value(json_object_get(one, "text"));
	}
	return NULL;
}

static void what_a_worker_lacks_is_named_in_the_result_and_ends_nothing(void **state)
{
	struct whole t;

	(void)state;
	set_up(&t);
	assert_int_equal(go(&t, piped_worker_create(WORKER_PROCESS, "readiness topic-ends events")),
	                 RUN_GOOD);
	assert_int_equal(json_integer_value(member(&t, "totals", "received")), 5000);
	assert_non_null(reason(&t, "workerLacks"));
	assert_string_equal(reason(&t, "workerLacks"),
	                    "the worker does not have: readiness, events, topic-ends");
	tear_down(&t);
}

/* Each subscription receives both of them. */
static void what_consumers_compare_with_comes_over(void **state)
{
	static const char spoiling[] = "driver: loopback\nname: Loopback\ndelay: 5ms\n"
				       "brokerFaults: spoil:1@1#7..9\n";
	struct whole t;

	(void)state;
	set_up_over(&t, spoiling);
	assert_int_equal(go(&t, piped_worker_create(WORKER_PROCESS, NULL)), RUN_INVALID);
	assert_int_equal(json_integer_value(member(&t, "totals", "spoiled")), 4);
	assert_string_equal(reason(&t, "corrupt"),
	                    "4 messages were received with other contents than were sent, the "
	                    "first of them number 7 of producer 1");
	tear_down(&t);
}

/* Its clients are closed and its counts are those of a complete drain all the same. */
static void a_worker_without_finish_is_stopped_and_its_counts_are_complete(void **state)
{
	struct whole t;

	(void)state;
	set_up(&t);
	assert_int_equal(go(&t, piped_worker_create(WORKER_PROCESS, "finish")), RUN_GOOD);
	assert_int_equal(json_integer_value(member(&t, "totals", "sent")), 2500);
	assert_int_equal(json_integer_value(member(&t, "totals", "acknowledged")), 2500);
	assert_int_equal(json_integer_value(member(&t, "totals", "unacknowledged")), 0);
	assert_int_equal(json_integer_value(member(&t, "totals", "received")), 5000);
	assert_non_null(reason(&t, "workerLacks"));
	assert_null(reason(&t, "leftBehind"));
	tear_down(&t);
}

/* Nothing can be measured without these: the run ends at the first one, by its name. */
static void a_worker_that_lacks_what_a_load_needs_fails_the_run_by_the_name_of_the_verb(
	void **state)
{
	static const char *const verbs[] = {
		"initialize-driver", "create-topics", "create-consumers", "create-producers",
		"probe-producers",   "set-window",    "start-load",       "snapshot",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct whole t;
		char want[96];

		(void)snprintf(want, sizeof(want), "%s: the worker does not have this verb",
		               verbs[i]);
		set_up(&t);
		assert_int_equal(go(&t, piped_worker_create(WORKER_PROCESS, verbs[i])), RUN_FAILED);
		assert_string_equal(t.err.text, want);
		tear_down(&t);
	}
}

int main(void)
{
	struct error err;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_worker_of_another_program_runs_a_whole_workload_as_a_local_one_does),
		cmocka_unit_test(what_consumers_compare_with_comes_over),
		cmocka_unit_test(what_a_worker_lacks_is_named_in_the_result_and_ends_nothing),
		cmocka_unit_test(a_worker_without_finish_is_stopped_and_its_counts_are_complete),
		cmocka_unit_test(
			a_worker_that_is_killed_in_the_middle_ends_the_run_with_the_reason),
		cmocka_unit_test(
			a_worker_that_lacks_what_a_load_needs_fails_the_run_by_the_name_of_the_verb),
	};

	if (!run_block_signals(&err))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
