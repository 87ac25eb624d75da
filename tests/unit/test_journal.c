/* SPDX-License-Identifier: Apache-2.0 */
#include "results/journal.h"

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

/* A folder for results, and in it one for the state. */
static int make_folder(void **state)
{
	char template[] = "/tmp/omb-test-journal-XXXXXX";

	if (mkdtemp(template) == NULL)
		return -1;
	*state = xstrdup(template);
	char *home = xasprintf("%s/state", template);
	setenv("XDG_STATE_HOME", home, 1);
	free(home);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {
		"run1.journal",
		"state/omb/runs/run1",
		"state/omb/runs/run2",
		"state/omb/runs/run1.tmp.7",
		"state/omb/runs",
		"state/omb",
		"state",
		".local/state/omb/runs/run1",
		".local/state/omb/runs",
		".local/state/omb",
		".local/state",
		".local",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = xasprintf("%s/%s", (char *)*state, names[i]);
		(void)remove(path);
		free(path);
	}
	int rc = rmdir(*state);
	free(*state);
	return rc;
}

static void assert_content(const char *folder, const char *name, const char *want)
{
	struct error err = { 0 };
	size_t len;
	char *path = xasprintf("%s/%s", folder, name);
	char *got = file_read(path, 1 << 20, &len, &err);

	assert_non_null(got);
	assert_string_equal(got, want);
	free(path);
	free(got);
}

static bool exists(const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);
	bool is = access(path, F_OK) == 0;

	free(path);
	return is;
}

static void lines_are_there_as_soon_as_they_are_appended(void **state)
{
	struct journal j;
	struct error err = { 0 };

	assert_true(journal_open(&j, *state, "run1", &err));
	assert_content(*state, "run1.journal", "");
	assert_true(journal_append(&j, "{\"a\":1}", 7, JOURNAL_CACHED, &err));
	assert_content(*state, "run1.journal", "{\"a\":1}\n");
	assert_true(journal_append(&j, "{}xx", 2, JOURNAL_SYNCED, &err));
	assert_content(*state, "run1.journal", "{\"a\":1}\n{}\n");
	journal_close(&j);
	journal_close(&j); /* a second time is harmless */
	assert_content(*state, "run1.journal", "{\"a\":1}\n{}\n");
}

static void a_registered_run_is_listed_until_it_is_removed(void **state)
{
	struct journal j;
	struct journal_list list;
	struct error err = { 0 };
	char *path = xasprintf("%s/run1.journal", (char *)*state);

	assert_true(journal_list_load(&list, &err)); /* no folder yet: nothing is registered */
	assert_int_equal(list.count, 0);

	assert_true(journal_open(&j, *state, "run1", &err));
	assert_true(journal_register(&j, "run1", &err));
	assert_true(journal_list_load(&list, &err));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].run_id, "run1");
	assert_string_equal(list.items[0].path, path);
	journal_list_fini(&list);

	assert_true(journal_remove(&j, &err));
	assert_false(exists(*state, "run1.journal"));
	assert_true(journal_list_load(&list, &err));
	assert_int_equal(list.count, 0);
	journal_list_fini(&list);
	free(path);
}

static void runs_that_were_killed_stay_listed_in_order_until_forgotten(void **state)
{
	struct journal j;
	struct journal_list list;
	struct error err = { 0 };
	char *other = xasprintf("%s/state/omb/runs/run2", (char *)*state);
	char *half = xasprintf("%s/state/omb/runs/run1.tmp.7", (char *)*state);

	assert_true(journal_open(&j, *state, "run1", &err));
	assert_true(journal_register(&j, "run1", &err));
	journal_close(&j);
	assert_true(file_write_atomic(other, "/gone/run2.journal\n", 19, &err));
	assert_true(file_write_atomic(half, "x", 1, &err));

	assert_true(journal_list_load(&list, &err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].run_id, "run1");
	assert_string_equal(list.items[1].run_id, "run2");
	assert_string_equal(list.items[1].path, "/gone/run2.journal");
	journal_list_fini(&list);

	assert_true(journal_forget("run1", &err));
	assert_true(journal_forget("run1", &err));
	assert_true(exists(*state, "run1.journal"));
	assert_true(journal_list_load(&list, &err));
	assert_int_equal(list.count, 1);
	journal_list_fini(&list);
	free(other);
	free(half);
}

static void without_xdg_the_state_is_below_home(void **state)
{
	struct journal j;
	struct error err = { 0 };

	unsetenv("XDG_STATE_HOME");
	setenv("HOME", *state, 1);
	assert_true(journal_open(&j, *state, "run1", &err));
	assert_true(journal_register(&j, "run1", &err));
	assert_true(exists(*state, ".local/state/omb/runs/run1"));
	journal_close(&j);

	unsetenv("HOME");
	assert_false(journal_forget("run1", &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
}

static void a_run_id_is_used_once(void **state)
{
	struct journal first, second;
	struct error err = { 0 };

	assert_true(journal_open(&first, *state, "run1", &err));
	assert_false(journal_open(&second, *state, "run1", &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_false(second.opened);
	journal_close(&second);
	journal_close(&first);
}

static void a_run_id_that_is_a_path_is_refused(void **state)
{
	static const char *const ids[] = { "", ".", "..", "../x", "a/b", ".hidden", "a.tmp.1" };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct journal j;
		struct error err = { 0 };
		assert_false(journal_open(&j, *state, ids[i], &err));
		assert_int_equal(err.kind, ERROR_USAGE);
		assert_false(journal_forget(ids[i], &err));
	}
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(lines_are_there_as_soon_as_they_are_appended),
		IN_FOLDER(a_registered_run_is_listed_until_it_is_removed),
		IN_FOLDER(runs_that_were_killed_stay_listed_in_order_until_forgotten),
		IN_FOLDER(without_xdg_the_state_is_below_home),
		IN_FOLDER(a_run_id_is_used_once),
		IN_FOLDER(a_run_id_that_is_a_path_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
