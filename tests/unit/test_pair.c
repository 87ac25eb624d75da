/* SPDX-License-Identifier: Apache-2.0 */
#include "results/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/file.h"
#include "util/xalloc.h"

/* Each test works in an empty folder of its own. */
static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/omb-test-pair-XXXXXX");
	return mkdtemp(folder) == NULL || chdir(folder) < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int remove_folder(void **state)
{
	(void)state;
	return chdir("/") < 0 ? -1 : nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What is in the folder, hidden files too: "name=content" in order, one blank between. */
static void assert_files(const char *want)
{
	char *found[32];
	size_t count = 0;
	struct text all = { 0 };
	DIR *dir = opendir(".");
	struct error err = { 0 };

	assert_non_null(dir);
	for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
		if (e->d_type == DT_REG || e->d_type == DT_LNK) {
			size_t len;
			char *content = file_read(e->d_name, 4096, &len, &err);
			assert_true(count < 32);
			found[count++] = xasprintf("%s=%s", e->d_name, content);
			free(content);
		}
	closedir(dir);
	qsort(found, count, sizeof(found[0]), by_name);
	for (size_t i = 0; i < count; i++) {
		text_addf(&all, "%s%s", i > 0 ? " " : "", found[i]);
		free(found[i]);
	}
	assert_string_equal(text_str(&all), want);
	text_fini(&all);
}

static void put(const char *name, const char *content)
{
	struct error err = { 0 };

	assert_true(file_write_atomic(name, content, strlen(content), &err));
}

static bool same(const void *content, struct file_draft *to, struct error *err)
{
	(void)err;
	text_add(&to->text, content);
	return true;
}

/* Writes a result of this content; where OMB's file is, is compared. */
static void write_pair(struct pair *p, enum pair_kind kind, const char *content, const char *want)
{
	const struct pair_contents both = { content, same, same };
	struct text path = { 0 };
	struct error err = { 0 };

	if (!pair_write(p, kind, &both, &path, &err))
		fail_msg("%s", err.text);
	assert_string_equal(text_str(&path), want);
	text_fini(&path);
}

static struct pair reserve(const char *stem, const char *run_id)
{
	struct pair p;
	struct error err = { 0 };

	if (!pair_reserve(&p, ".", stem, run_id, &err))
		fail_msg("%s", err.text);
	return p;
}

static struct pair reserve_named(const char *output, const char *run_id)
{
	struct pair p;
	struct error err = { 0 };

	if (!pair_reserve_named(&p, output, run_id, &err))
		fail_msg("%s", err.text);
	return p;
}

#define HELD "{\"format\": \"omb-reserved\", \"run\": \"r1\"}\n"

static void a_name_is_taken_before_there_is_a_result(void **state)
{
	(void)state;
	struct pair p = reserve("w-d-1", "r1");

	assert_files("w-d-1.omb=" HELD);
	write_pair(&p, PAIR_COMPLETE, "x", "w-d-1.json");
	assert_files("w-d-1.json=x w-d-1.omb=x");
	pair_fini(&p);
	assert_files("w-d-1.json=x w-d-1.omb=x");
}

static void nothing_is_left_of_a_name_without_a_result(void **state)
{
	(void)state;
	struct pair p = reserve("w-d-1", "r1");

	pair_fini(&p);
	pair_fini(&p); /* a second time is harmless */
	assert_files("");
}

static void two_runs_of_one_name_have_a_pair_each(void **state)
{
	(void)state;
	struct pair a = reserve("w-d-1", "r1"), b = reserve("w-d-1", "r2");

	write_pair(&b, PAIR_COMPLETE, "b", "w-d-1-r2.json");
	write_pair(&a, PAIR_INVALID, "a", "w-d-1.json.invalid");
	pair_fini(&a);
	pair_fini(&b);
	assert_files("w-d-1-r2.json=b w-d-1-r2.omb=b w-d-1.json.invalid=a w-d-1.omb=a");
}

static void a_name_is_taken_by_any_file_of_a_result(void **state)
{
	static const char *const names[] = { "w.json", "w.json.invalid", "w.json.partial",
		                             "w.omb" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		put(names[i], "old");
		struct pair p = reserve("w", "r1");
		assert_string_equal(p.json, "w-r1.json");
		assert_string_equal(p.side, "w-r1.omb");
		pair_fini(&p);
		assert_int_equal(unlink(names[i]), 0);
	}
	assert_files("");
}

static void what_came_in_between_is_never_written_over(void **state)
{
	(void)state;
	struct pair p = reserve("w", "r1");

	put("w.json", "theirs");
	write_pair(&p, PAIR_COMPLETE, "x", "w-r1.json");
	pair_fini(&p);
	assert_files("w-r1.json=x w-r1.omb=x w.json=theirs");

	p = reserve("v", "r1");
	put("v.omb", "theirs"); /* another file in the place of the placeholder */
	write_pair(&p, PAIR_COMPLETE, "y", "v-r1.json");
	assert_string_equal(p.side, "v-r1.omb");
	pair_fini(&p);
	assert_files("v-r1.json=y v-r1.omb=y v.omb=theirs w-r1.json=x w-r1.omb=x w.json=theirs");
}

static void a_placeholder_that_was_deleted_is_no_loss(void **state)
{
	(void)state;
	struct pair p = reserve("w", "r1");

	assert_int_equal(unlink("w.omb"), 0);
	write_pair(&p, PAIR_PARTIAL, "x", "w.json.partial");
	pair_fini(&p);
	assert_files("w.json.partial=x w.omb=x");
}

static void a_named_file_replaces_the_earlier_result_with_all_its_files(void **state)
{
	(void)state;
	put("mine.json", "old");
	put("mine.json.invalid", "older");
	put("mine.omb", "old");
	struct pair p = reserve_named("mine.json", "r1");

	assert_files(
		"mine.json.invalid=older mine.json=old mine.omb=old"); /* until ours is there */
	write_pair(&p, PAIR_PARTIAL, "new", "mine.json.partial");
	pair_fini(&p);
	assert_files("mine.json.partial=new mine.omb=new");
}

static void a_named_file_without_a_result_leaves_the_earlier_one(void **state)
{
	(void)state;
	put("mine.json", "old");
	put("mine.omb", "old");
	struct pair p = reserve_named("mine.json", "r1");

	pair_fini(&p);
	assert_files("mine.json=old mine.omb=old");
}

static void a_name_may_lack_its_ending_and_be_a_link(void **state)
{
	(void)state;
	struct pair p = reserve_named("result", "r1");

	write_pair(&p, PAIR_COMPLETE, "x", "result");
	pair_fini(&p);
	assert_files("result.omb=x result=x");

	assert_int_equal(mkdir("there", 0777), 0);
	put("there/real.json", "old");
	assert_int_equal(symlink("there/real.json", "link.json"), 0);
	p = reserve_named("link.json", "r1");
	char *want = xasprintf("%s/there/real.json", folder);
	write_pair(&p, PAIR_COMPLETE, "y", want);
	pair_fini(&p);
	assert_files("link.json=y result.omb=x result=x");
	free(want);
}

/* In a child: a lock is that of a process. */
static int try_named(const char *output)
{
	struct pair p;
	struct error err = { 0 };
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		char *want = xasprintf("process %d ", (int)getppid());
		bool ok = pair_reserve_named(&p, output, "r2", &err);
		_exit(ok ? 0 : err.kind == ERROR_USAGE && strstr(err.text, want) != NULL ? 1 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void two_runs_cannot_be_asked_to_write_one_file(void **state)
{
	(void)state;
	struct pair p = reserve_named("new.json", "r1");

	assert_int_equal(try_named("new.json"), 1);
	pair_fini(&p);
	assert_int_equal(try_named("new.json"), 0);

	put("old.omb", "old");
	p = reserve_named("old.json", "r1");
	assert_int_equal(try_named("old.json"), 1);
	pair_fini(&p);
	assert_int_equal(try_named("old.json"), 0);
	assert_files("new.omb={\"format\": \"omb-reserved\", \"run\": \"r2\"}\n old.omb=old");
	assert_true(pair_is_placeholder("new.omb", "r2"));
	assert_false(pair_is_placeholder("new.omb", "r1"));
	assert_false(pair_is_placeholder("old.omb", "r1"));
}

static void what_is_no_file_is_refused_under_all_names_of_a_result(void **state)
{
	static const char *const names[] = { "x.json", "x.json.invalid", "x.json.partial",
		                             "x.omb" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct error err = { 0 };
		assert_int_equal(mkfifo(names[i], 0666), 0);
		assert_false(pair_check_named("x.json", &err));
		assert_int_equal(err.kind, ERROR_USAGE);
		assert_non_null(strstr(err.text, names[i]));
		assert_non_null(strstr(err.text, "FIFO"));
		assert_int_equal(unlink(names[i]), 0);
	}
}

static void a_name_that_is_too_long_is_refused_before_the_load(void **state)
{
	char name[300] = "", path[5000] = "";
	struct error err = { 0 };

	(void)state;
	memset(name, 'n', 247);
	assert_true(pair_check_named(name, &err)); /* 255 with .partial */
	struct pair p = reserve_named(name, "r1");
	char *partial = xasprintf("%s.partial", name);
	write_pair(&p, PAIR_PARTIAL, "x", partial);
	pair_fini(&p);
	free(partial);

	name[247] = 'n';
	assert_false(pair_check_named(name, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(
		strstr(err.text, "the name is too long: it has 248 bytes, and 247 are left"));

	for (size_t i = 0; i < 4080; i += 2)
		strncat(path, "./", 3);
	strncat(path, "x.json", 7);
	assert_false(pair_check_named(path, &err));
	assert_non_null(strstr(err.text, "the path is too long"));
}

static void the_longest_stem_fits_with_everything_behind_it(void **state)
{
	size_t max = pair_stem_max(".");
	char *stem = xmalloc(max + 1);

	(void)state;
	memset(stem, 's', max);
	stem[max] = '\0';
	put("x", "x");
	char *taken = xasprintf("%s.omb", stem);
	put(taken, "theirs");
	struct pair p = reserve(stem, "01lg22la7e2p");
	char *want = xasprintf("%s-01lg22la7e2p.json.partial", stem);
	write_pair(&p, PAIR_PARTIAL, "x", want);
	assert_true(strlen(want) <= 255);
	pair_fini(&p);
	free(want);
	free(taken);
	free(stem);
}

static void a_pair_that_cannot_be_written_is_not_half_there(void **state)
{
	const struct pair_contents small = { "x", same, same };
	struct text path = { 0 };
	struct error err = { 0 };

	(void)state;
	struct pair p = reserve("w", "r1");
	/* Its folder is gone, and a file is in its place: nothing can be written there. */
	free(p.side);
	free(p.json);
	p.side = xstrdup("nowhere/w.omb");
	p.json = xstrdup("nowhere/w.json");
	assert_false(pair_write(&p, PAIR_COMPLETE, &small, &path, &err));
	assert_int_equal(path.len, 0);
	assert_non_null(strstr(err.text, "nowhere/w.omb"));
	pair_fini(&p);
	assert_files("w.omb=" HELD);
}

static void a_result_is_found_by_any_of_its_files(void **state)
{
	static const struct {
		const char *path, *side;
	} cases[] = {
		{ "r/x.omb", "r/x.omb" },
		{ "r/x.json", "r/x.omb" },
		{ "r/x.json.invalid", "r/x.omb" },
		{ "x.json.partial", "x.omb" },
		{ "x.json.other", "x.json.other" },
		{ ".json", ".json" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *side = pair_side_of(cases[i].path);
		assert_string_equal(side, cases[i].side);
		free(side);
	}
}

static void ombs_file_beside_is_found_whatever_its_ending(void **state)
{
	static const char *const names[] = { "x.json", "x.json.invalid", "x.json.partial" };

	(void)state;
	assert_null(pair_json_beside("x.omb"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fclose(fopen(names[i], "w"));
		char *json = pair_json_beside("x.omb");
		assert_string_equal(json, names[i]);
		assert_null(pair_json_beside("x"));
		free(json);
		assert_int_equal(unlink(names[i]), 0);
	}
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_is_found_by_any_of_its_files),
		IN_A_FOLDER(ombs_file_beside_is_found_whatever_its_ending),
		IN_A_FOLDER(a_name_is_taken_before_there_is_a_result),
		IN_A_FOLDER(nothing_is_left_of_a_name_without_a_result),
		IN_A_FOLDER(two_runs_of_one_name_have_a_pair_each),
		IN_A_FOLDER(a_name_is_taken_by_any_file_of_a_result),
		IN_A_FOLDER(what_came_in_between_is_never_written_over),
		IN_A_FOLDER(a_placeholder_that_was_deleted_is_no_loss),
		IN_A_FOLDER(a_named_file_replaces_the_earlier_result_with_all_its_files),
		IN_A_FOLDER(a_named_file_without_a_result_leaves_the_earlier_one),
		IN_A_FOLDER(a_name_may_lack_its_ending_and_be_a_link),
		IN_A_FOLDER(two_runs_cannot_be_asked_to_write_one_file),
		IN_A_FOLDER(what_is_no_file_is_refused_under_all_names_of_a_result),
		IN_A_FOLDER(a_name_that_is_too_long_is_refused_before_the_load),
		IN_A_FOLDER(the_longest_stem_fits_with_everything_behind_it),
		IN_A_FOLDER(a_pair_that_cannot_be_written_is_not_half_there),
	};

	return cmocka_run_group_tests_name("pair", tests, NULL, NULL);
}
