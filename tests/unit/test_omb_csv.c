/* SPDX-License-Identifier: Apache-2.0 */
#include "results/omb_csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/file.h"
#include "util/xalloc.h"

#define OMB_HEADER                                                                \
	"topics,partitions,message-size,producers-per-topic,consumers-per-topic," \
	"prod-rate-min,prod-rate-avg,prod-rate-std-dev,prod-rate-max,"            \
	"con-rate-min,con-rate-avg,con-rate-std-dev,con-rate-max,\n"

/* One folder for each test, removed with all that is in it. */
static int make_folder(void **state)
{
	char template[] = "/tmp/omb-test-csv-XXXXXX";

	if (mkdtemp(template) == NULL)
		return -1;
	*state = xstrdup(template);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {
		"a.json", "b.json", "c.json", "d.json.partial", "e.txt", "f.json", "out.csv",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = xasprintf("%s/%s", (char *)*state, names[i]);
		if (unlink(path) < 0)
			(void)rmdir(path);
		free(path);
	}
	int rc = rmdir(*state);
	free(*state);
	return rc;
}

static void put(const char *folder, const char *name, const char *content)
{
	struct error err = { 0 };
	char *path = xasprintf("%s/%s", folder, name);

	assert_true(file_write_atomic(path, content, strlen(content), &err));
	free(path);
}

static char *csv_of(const char *folder, enum omb_csv_form form)
{
	struct error err = { 0 };
	size_t len;
	char *path = xasprintf("%s/out.csv", folder);

	if (!omb_csv_write(folder, form, path, &err))
		fail_msg("%s", err.text);
	char *text = file_read(path, 1 << 20, &len, &err);
	assert_non_null(text);
	free(path);
	return text;
}

static void a_steady_rate_of_500_reads_496_504_0_511(void **state)
{
	put(*state, "a.json",
	    "{ \"topics\" : 1, \"partitions\" : 16, \"messageSize\" : 100,"
	    "  \"producersPerTopic\" : 2, \"consumersPerTopic\" : 3,"
	    "  \"publishRate\" : [ 500.9, 500.0, 500.1 ], \"consumeRate\" : [ 500.0 ] }");
	char *csv = csv_of(*state, OMB_CSV_OMB);
	assert_string_equal(csv, OMB_HEADER "1,16,100,2,3,496,504,0,511,496,504,0,511\n");
	free(csv);
}

static void rates_have_one_digit_and_zero_is_no_minimum(void **state)
{
	put(*state, "a.json",
	    "{ \"topics\" : 1, \"publishRate\" : [ 0.0, 3.7, 100.0 ],"
	    "  \"consumeRate\" : [ 0.0, 0.9 ] }");
	/* 100 is in 100..103: middle 102.  Mean of 0, 3, 102 is 35; deviation sqrt(2246). */
	char *csv = csv_of(*state, OMB_CSV_OMB);
	assert_string_equal(csv, OMB_HEADER "1,0,0,0,0,3,35,47.39,103,9223372036854775807,0,0,0\n");
	free(csv);
}

static void rates_that_kill_omb_s_own_tool_are_fine(void **state)
{
	put(*state, "a.json", "{ \"publishRate\" : [ 2.0E7 ], \"consumeRate\" : [ ] }");
	char *csv = csv_of(*state, OMB_CSV_OMB);
	assert_string_equal(csv, OMB_HEADER
	                    "0,0,0,0,0,19922944,20447232,0,20971519,9223372036854775807,0,0,0\n");
	free(csv);
}

static void rows_are_sorted_by_size_topics_partitions_and_name(void **state)
{
	put(*state, "a.json", "{ \"messageSize\" : 1024, \"topics\" : 1, \"partitions\" : 1 }");
	put(*state, "b.json", "{ \"messageSize\" : 100, \"topics\" : 10, \"partitions\" : 1 }");
	put(*state, "c.json", "{ \"messageSize\" : 100, \"topics\" : 2, \"partitions\" : 9 }");
	put(*state, "f.json", "{ \"messageSize\" : 100, \"topics\" : 2, \"partitions\" : 9 }");
	/* Neither is a result. */
	put(*state, "d.json.partial", "not JSON");
	put(*state, "e.txt", "not JSON");

	char *csv = csv_of(*state, OMB_CSV_FULL);
	const char *line = strchr(csv, '\n');
	static const char *const want[] = { "c.json,", "f.json,", "b.json,", "a.json," };
	for (size_t i = 0; i < 4; i++) {
		assert_non_null(line);
		assert_int_equal(strncmp(line + 1, want[i], strlen(want[i])), 0);
		line = strchr(line + 1, '\n');
	}
	assert_string_equal(line, "\n");
	free(csv);
}

static size_t count(const char *s, size_t len, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += s[i] == c;
	return n;
}

static void our_table_has_names_exact_means_and_all_latencies(void **state)
{
	put(*state, "a.json",
	    "{ \"workload\" : \"say \\\"hi\\\", all\", \"driver\" : \"Kafka\", \"messageSize\" : "
	    "100,"
	    "  \"publishRate\" : [ 500.5, 501.5 ], \"backlog\" : [ 0, 7 ],"
	    "  \"aggregatedPublishLatency99pct\" : 7.404,"
	    "  \"aggregatedPublishDelayLatencyMax\" : 25078,"
	    "  \"aggregatedEndToEndLatencyMax\" : 67.0 }");
	char *csv = csv_of(*state, OMB_CSV_FULL);
	const char *row = strchr(csv, '\n') + 1;

	assert_int_equal(count(csv, (size_t)(row - csv), ','), 9 + 12 + 24 - 1);
	assert_int_equal(count(row, strlen(row), ','), 9 + 12 + 24 - 1 + 1); /* one is quoted */
	assert_non_null(strstr(csv, ",aggregatedPublishLatency99pct_ms,"));
	assert_non_null(strstr(csv, ",aggregatedPublishDelayLatencyMax_us,"));
	static const char start[] =
		"a.json,\"say \"\"hi\"\", all\",Kafka,100,0,0,0,0,2,501.0,500.5,501.5,"
		",,,,,,3.5,0.0,7.0,";
	assert_memory_equal(row, start, strlen(start));
	assert_non_null(strstr(row, ",7.404,"));
	assert_non_null(strstr(row, ",25078.0,"));
	assert_string_equal(row + strlen(row) - 6, ",67.0\n");
	free(csv);
}

static void a_broken_file_fails_the_table_and_is_named(void **state)
{
	struct error err = { 0 };
	char *path = xasprintf("%s/out.csv", (char *)*state);
	char *want = xasprintf("result %s/b.json: \"extra\" is not a field of a result file",
	                       (char *)*state);

	put(*state, "a.json", "{ \"topics\" : 1 }");
	put(*state, "b.json", "{ \"topics\" : 1, \"extra\" : 1 }");
	put(*state, "c.json", "{ \"topics\" : 1 }");
	assert_false(omb_csv_write(*state, OMB_CSV_OMB, path, &err));
	assert_string_equal(err.text, want);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
	free(want);
}

static void a_folder_without_results_is_an_error(void **state)
{
	struct error err = { 0 };
	char *inner = xasprintf("%s/a.json", (char *)*state);

	assert_int_equal(mkdir(inner, 0700), 0); /* a folder is no result, whatever its name */
	assert_false(omb_csv_write(*state, OMB_CSV_OMB, "never.csv", &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_false(omb_csv_write("/nowhere/at/all", OMB_CSV_OMB, "never.csv", &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	free(inner);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(a_steady_rate_of_500_reads_496_504_0_511),
		IN_FOLDER(rates_have_one_digit_and_zero_is_no_minimum),
		IN_FOLDER(rates_that_kill_omb_s_own_tool_are_fine),
		IN_FOLDER(rows_are_sorted_by_size_topics_partitions_and_name),
		IN_FOLDER(our_table_has_names_exact_means_and_all_latencies),
		IN_FOLDER(a_broken_file_fails_the_table_and_is_named),
		IN_FOLDER(a_folder_without_results_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
