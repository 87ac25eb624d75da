/* SPDX-License-Identifier: Apache-2.0 */
#include "results/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
		"state/omb/runs/.omb-0123456789abcdef.tmp",
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

struct lines_seen {
	size_t count, bytes;
	char last[16];
};

static bool see(void *to, const char *line, size_t len, bool has_newline, struct error *err)
{
	struct lines_seen *seen = to;

	(void)err;
	assert_true(has_newline);
	seen->count++;
	seen->bytes += len;
	(void)snprintf(seen->last, sizeof(seen->last), "%.*s", len < 15 ? (int)len : 15, line);
	return true;
}

/* Many lines, and long ones: neither fits one read. */
static void what_was_appended_is_read_back_and_more_can_be_appended(void **state)
{
	struct journal j;
	struct error err = { 0 };
	char *line = xcalloc(200000, 1);

	assert_true(journal_open(&j, *state, "run1", &err));
	memset(line, 'x', 200000);
	for (size_t len = 1; len < 200000; len = len * 3 / 2 + 1)
		assert_true(journal_append(&j, line, len, JOURNAL_CACHED, &err));
	for (int i = 0; i < 2; i++) {
		struct lines_seen seen = { 0 };
		assert_true(journal_each(&j, see, &seen, &err));
		assert_int_equal(seen.count, j.lines);
		assert_true(seen.count > 20 && seen.bytes > 100000);
		assert_string_equal(seen.last, i == 0 ? "xxxxxxxxxxxxxxx" : "{\"last\":1}");
		assert_true(journal_append(&j, "{\"last\":1}", 10, JOURNAL_CACHED, &err));
	}
	assert_true(journal_remove(&j, &err));
	free(line);
}

static void a_journal_that_was_cut_by_others_is_no_whole_one(void **state)
{
	struct journal j;
	struct lines_seen seen = { 0 };
	struct error err = { 0 };

	assert_true(journal_open(&j, *state, "run1", &err));
	for (int i = 0; i < 3; i++)
		assert_true(journal_append(&j, "{}", 2, JOURNAL_CACHED, &err));
	assert_int_equal(truncate(j.path, 6), 0);
	assert_false(journal_each(&j, see, &seen, &err));
	assert_int_equal(seen.count, 2);
	assert_non_null(strstr(err.text, "run1.journal: 1 of its 3 lines are gone"));
	assert_true(journal_remove(&j, &err));
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
	char *half = xasprintf("%s/state/omb/runs/.omb-0123456789abcdef.tmp", (char *)*state);

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

/* In a child: a limit of file sizes and a lock belong to a process. */
static int in_child(int (*body)(const char *folder), const char *folder)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body(folder));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int append_without_room(const char *folder)
{
	struct journal j;
	struct error err = { 0 };
	struct rlimit limit = { 10, 10 };

	signal(SIGXFSZ, SIG_IGN);
	if (!journal_open(&j, folder, "run1", &err) || setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
	    !journal_append(&j, "{\"a\":1}", 7, JOURNAL_CACHED, &err))
		return 1;
	/* Two bytes of it would fit. */
	if (journal_append(&j, "{\"b\":2}", 7, JOURNAL_CACHED, &err) || err.os_errno != EFBIG)
		return 2;
	journal_stop(&j);
	return 0;
}

static void a_line_that_does_not_fit_is_left_out_as_a_whole(void **state)
{
	assert_int_equal(in_child(append_without_room, *state), 0);
	assert_content(*state, "run1.journal", "{\"a\":1}\n");
}

static void a_journal_without_room_is_removed_like_any_other(void **state)
{
	struct journal j;
	struct error err = { 0 };

	assert_true(journal_open(&j, *state, "run1", &err));
	assert_true(journal_register(&j, "run1", &err));
	journal_stop(&j);
	assert_true(journal_remove(&j, &err));
	assert_false(exists(*state, "run1.journal"));
	assert_false(exists(*state, "state/omb/runs/run1"));
}

/* 0: the parent writes it; 1: nobody does. */
static int look_who_holds_it(const char *folder)
{
	char *path = xasprintf("%s/run1.journal", folder);
	struct journal_entry e = { .run_id = "run1", .path = path };
	int pid = -1;
	bool alive = journal_is_alive(&e, &pid);

	free(path);
	return !alive ? 1 : pid != getppid() ? 2 : 0;
}

/* The same of a registered run. */
static int look_whether_run1_lives(const char *folder)
{
	struct journal_list list;
	struct error err = { 0 };
	int pid = -1;

	(void)folder;
	if (!journal_list_load(&list, &err) || list.count != 1)
		return 3;
	bool alive = journal_is_alive(&list.items[0], &pid);
	journal_list_fini(&list);
	return !alive ? 1 : pid != getppid() ? 2 : 0;
}

static int look_that_it_is_free(const char *folder)
{
	return look_who_holds_it(folder) == 1 ? 0 : 1;
}

static int hold_it_and_die(const char *folder)
{
	struct journal j;
	struct error err = { 0 };

	return journal_open(&j, folder, "run1", &err) ? 0 : 1;
}

static void a_journal_is_held_by_the_process_that_writes_it_and_by_none_of_its_children(
	void **state)
{
	struct journal j;
	struct error err = { 0 };

	assert_true(journal_open(&j, *state, "run1", &err));
	assert_int_equal(in_child(look_who_holds_it, *state), 0);
	journal_close(&j);
	assert_int_equal(in_child(look_that_it_is_free, *state), 0);
}

static void a_journal_of_a_dead_process_is_free(void **state)
{
	assert_int_equal(in_child(hold_it_and_die, *state), 0);
	assert_true(exists(*state, "run1.journal"));
	assert_int_equal(in_child(look_that_it_is_free, *state), 0);
}

static void a_run_lives_although_its_journal_is_full_or_lost(void **state)
{
	struct journal j;
	struct error err = { 0 };

	assert_true(journal_open(&j, *state, "run1", &err));
	journal_stop(&j);
	assert_int_equal(in_child(look_who_holds_it, *state), 0);
	assert_true(journal_register(&j, "run1", &err));
	assert_int_equal(unlink(j.path), 0);
	assert_int_equal(in_child(look_who_holds_it, *state), 1);
	assert_int_equal(in_child(look_whether_run1_lives, *state), 0);
	journal_close(&j);
}

static int register_and_die(const char *folder)
{
	struct journal j;
	struct error err = { 0 };

	return journal_open(&j, folder, "run1", &err) && journal_register(&j, "run1", &err) ? 0 : 1;
}

static void a_registered_run_whose_process_died_is_dead(void **state)
{
	assert_int_equal(in_child(register_and_die, *state), 0);
	assert_int_equal(in_child(look_whether_run1_lives, *state), 1);
}

static void a_registration_of_an_earlier_version_counts_by_its_lock(void **state)
{
	struct journal j;
	struct error err = { 0 };
	char *file = xasprintf("%s/state/omb/runs/run1", (char *)*state);

	assert_true(journal_open(&j, *state, "run1", &err));
	assert_true(journal_register(&j, "run1", &err));
	char *line = xasprintf("%s\n", j.path);
	assert_true(file_write_atomic(file, line, strlen(line), &err));
	assert_int_equal(in_child(look_whether_run1_lives, *state), 0);
	journal_close(&j);
	assert_int_equal(in_child(look_whether_run1_lives, *state), 1);
	free(line);
	free(file);
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
	static const char *const ids[] = { "", ".", "..", "../x", "a/b", ".hidden" };

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
		IN_FOLDER(what_was_appended_is_read_back_and_more_can_be_appended),
		IN_FOLDER(a_journal_that_was_cut_by_others_is_no_whole_one),
		IN_FOLDER(a_registered_run_is_listed_until_it_is_removed),
		IN_FOLDER(runs_that_were_killed_stay_listed_in_order_until_forgotten),
		IN_FOLDER(without_xdg_the_state_is_below_home),
		IN_FOLDER(a_line_that_does_not_fit_is_left_out_as_a_whole),
		IN_FOLDER(a_journal_without_room_is_removed_like_any_other),
		IN_FOLDER(
			a_journal_is_held_by_the_process_that_writes_it_and_by_none_of_its_children),
		IN_FOLDER(a_journal_of_a_dead_process_is_free),
		IN_FOLDER(a_run_lives_although_its_journal_is_full_or_lost),
		IN_FOLDER(a_registered_run_whose_process_died_is_dead),
		IN_FOLDER(a_registration_of_an_earlier_version_counts_by_its_lock),
		IN_FOLDER(a_run_id_is_used_once),
		IN_FOLDER(a_run_id_that_is_a_path_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
