/* SPDX-License-Identifier: Apache-2.0 */
#include "config/payload_files.h"

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

#include "util/arena.h"
#include "util/file.h"

static struct arena arena;
static char home[] = "/tmp/omb-payload-XXXXXX";

static const char *at(const char *name)
{
	return arena_printf(&arena, "%s/%s", home, name);
}

static void put(const char *name, const char *content)
{
	struct error err;

	assert_true(file_write_atomic(at(name), content, strlen(content), &err));
}

static int make_home(void **state)
{
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(home));
	assert_true(file_make_dirs(at("set/sub"), &err));
	assert_true(file_make_dirs(at("empty"), &err));
	assert_true(file_make_dirs(at("uneven"), &err));
	put("one.data", "12345");
	put("set/b", "bbbbb");
	put("set/a", "aaaaa");
	put("set/C", "CCCCC");
	put("set/.hidden", "not a payload");
	put("uneven/a", "12345");
	put("uneven/b", "1234");
	return 0;
}

static int remove_home(void **state)
{
	char command[sizeof(home) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", home);
	int status = system(command);
	arena_fini(&arena);
	return status;
}

static void one_file_is_one_payload(void **state)
{
	(void)state;
	struct payload_files files;
	struct error err;

	assert_true(payload_files_load(at("one.data"), 5, &arena, &files, &err));
	assert_int_equal(files.count, 1);
	assert_int_equal(files.size, 5);
	assert_memory_equal(files.contents[0], "12345", 5);
}

static void every_file_of_a_folder_is_one_in_the_order_of_names(void **state)
{
	(void)state;
	struct payload_files files;
	struct error err;

	assert_true(payload_files_load(at("set"), 5, &arena, &files, &err));
	assert_int_equal(files.count, 3);
	assert_memory_equal(files.contents[0], "CCCCC", 5);
	assert_memory_equal(files.contents[1], "aaaaa", 5);
	assert_memory_equal(files.contents[2], "bbbbb", 5);
}

static void listing_reads_nothing(void **state)
{
	(void)state;
	struct payload_files files;
	struct error err;

	assert_true(payload_files_list(at("set"), 5, &arena, &files, &err));
	assert_int_equal(files.count, 3);
	assert_null(files.contents[0]);
}

static void a_wrong_size_is_told(void **state)
{
	(void)state;
	struct payload_files files;
	struct error err = { 0 };

	assert_false(payload_files_load(at("one.data"), 6, &arena, &files, &err));
	assert_string_equal(err.text, arena_printf(&arena, "%s has 5 bytes and messageSize is 6",
	                                           at("one.data")));
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_false(payload_files_list(at("uneven"), 5, &arena, &files, &err));
	assert_string_equal(err.text, arena_printf(&arena, "%s has 4 bytes and messageSize is 5",
	                                           at("uneven/b")));
}

static void an_empty_folder_has_no_payload(void **state)
{
	(void)state;
	struct payload_files files;
	struct error err = { 0 };

	assert_false(payload_files_list(at("empty"), 5, &arena, &files, &err));
	assert_non_null(strstr(err.text, "/empty has no files"));
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	struct payload_files files;
	struct error err = { 0 };

	assert_false(payload_files_list("/dev/null", 5, &arena, &files, &err));
	assert_string_equal(err.text, "/dev/null is not a regular file");
	assert_false(payload_files_list(at("nowhere"), 5, &arena, &files, &err));
}

static void a_payload_is_sought_from_here_and_around_the_workload(void **state)
{
	(void)state;
	struct error err = { 0 };

	assert_string_equal(payload_files_find("one.data", at("w.yaml"), &arena, &err),
	                    at("one.data"));
	assert_string_equal(payload_files_find("one.data", at("empty/w.yaml"), &arena, &err),
	                    at("empty/../one.data"));
	assert_string_equal(payload_files_find(at("set"), "w.yaml", &arena, &err), at("set"));

	assert_null(payload_files_find("nowhere", "dir/w.yaml", &arena, &err));
	assert_string_equal(err.text, "there is no nowhere, nor dir/nowhere, nor dir/../nowhere");
	assert_null(payload_files_find("/nowhere", "dir/w.yaml", &arena, &err));
	assert_string_equal(err.text, "there is no /nowhere");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_file_is_one_payload),
		cmocka_unit_test(every_file_of_a_folder_is_one_in_the_order_of_names),
		cmocka_unit_test(listing_reads_nothing),
		cmocka_unit_test(a_wrong_size_is_told),
		cmocka_unit_test(an_empty_folder_has_no_payload),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(a_payload_is_sought_from_here_and_around_the_workload),
	};

	return cmocka_run_group_tests(tests, make_home, remove_home);
}
