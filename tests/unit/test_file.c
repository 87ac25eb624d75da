/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
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

#include "util/xalloc.h"

/* Each test gets an empty folder of its own. */
static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/omb-test-file-XXXXXX");
	return mkdtemp(folder) == NULL ? -1 : 0;
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
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Caller frees. */
static char *in_folder(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static int files_in_folder(void)
{
	DIR *dir = opendir(folder);
	int files = 0;

	assert_non_null(dir);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
		files += entry->d_name[0] != '.';
	closedir(dir);
	return files;
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	/* Around the sizes at which the reader's buffer grows. */
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 8192, 100000 };
	char *path = in_folder("data");

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct error err = { 0 };
		size_t len = 12345;
		char *data = xmalloc(sizes[i] + 1);

		memset(data, 'a' + (int)i, sizes[i]);
		assert_true(file_write_atomic(path, data, sizes[i], &err));
		char *back = file_read(path, 100000, &len, &err);
		assert_non_null(back);
		assert_int_equal(len, sizes[i]);
		assert_memory_equal(back, data, sizes[i]);
		assert_int_equal(back[len], '\0');
		assert_int_equal(err.kind, ERROR_NONE);
		free(back);
		free(data);
	}
	free(path);
}

static void a_file_over_the_limit_is_refused_by_name(void **state)
{
	(void)state;
	char *path = in_folder("big");
	char *want = xasprintf("%s: larger than 9 bytes", path);
	struct error err = { 0 };
	size_t len;

	assert_true(file_write_atomic(path, "0123456789", 10, &err));
	assert_null(file_read(path, 9, &len, &err));
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text, want);
	free(want);
	free(path);
}

static void what_cannot_be_read_is_named_with_the_reason(void **state)
{
	(void)state;
	char *missing = in_folder("missing");
	char *want = xasprintf("%s: No such file or directory", missing);
	struct error err = { 0 };
	size_t len;

	assert_null(file_read(missing, 100, &len, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_int_equal(err.os_errno, ENOENT);
	assert_string_equal(err.text, want);

	assert_null(file_read(folder, 100, &len, &err));
	assert_int_equal(err.os_errno, EISDIR);
	assert_non_null(strstr(err.text, folder));
	free(want);
	free(missing);
}

static void writing_replaces_the_old_file_and_leaves_no_other(void **state)
{
	(void)state;
	char *path = in_folder("result.json");
	struct error err = { 0 };
	size_t len;

	assert_true(file_write_atomic(path, "a longer first version", 22, &err));
	assert_true(file_write_atomic(path, "second", 6, &err));
	char *back = file_read(path, 100, &len, &err);
	assert_string_equal(back, "second");
	assert_int_equal(files_in_folder(), 1);
	free(back);
	free(path);
}

static void a_reader_of_the_old_file_keeps_it_whole(void **state)
{
	(void)state;
	char *path = in_folder("result.json");
	struct error err = { 0 };
	char buf[8] = "";

	assert_true(file_write_atomic(path, "first", 5, &err));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(file_write_atomic(path, "other", 5, &err));
	assert_int_equal(read(fd, buf, sizeof(buf)), 5);
	assert_string_equal(buf, "first");
	file_close(fd);
	free(path);
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
	(void)state;
	char *path = in_folder("result.json");
	struct error err = { 0 };

	/* A folder with the final name: everything works but the last step. */
	assert_int_equal(mkdir(path, 0777), 0);
	assert_false(file_write_atomic(path, "data", 4, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(files_in_folder(), 1);
	free(path);
}

static void the_rest_of_a_write_that_was_killed_does_no_harm(void **state)
{
	(void)state;
	char *path = in_folder("result.json");
	char *stale = xasprintf("%s.tmp.%d", path, (int)getpid());
	struct error err = { 0 };
	size_t len;

	assert_true(file_write_atomic(stale, "longer than the next", 20, &err));
	assert_true(file_write_atomic(path, "new", 3, &err));
	char *back = file_read(path, 100, &len, &err);
	assert_string_equal(back, "new");
	assert_int_equal(files_in_folder(), 1);
	free(back);
	free(stale);
	free(path);
}

static void writing_into_a_missing_folder_fails_and_names_it(void **state)
{
	(void)state;
	char *path = in_folder("no/such/result.json");
	struct error err = { 0 };

	assert_false(file_write_atomic(path, "data", 4, &err));
	assert_int_equal(err.os_errno, ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(files_in_folder(), 0);
	free(path);
}

static void folders_are_made_with_their_parents(void **state)
{
	(void)state;
	char *path = in_folder("a/b//c/");
	struct error err = { 0 };
	struct stat st;

	assert_true(file_make_dirs(path, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_true(file_make_dirs(path, &err)); /* existing is fine */
	assert_int_equal(err.kind, ERROR_NONE);
	free(path);
}

static void a_file_in_the_way_of_a_folder_is_named(void **state)
{
	(void)state;
	char *file = in_folder("file");
	char *path = in_folder("file/below");
	struct error err = { 0 };

	assert_true(file_write_atomic(file, "", 0, &err));
	assert_false(file_make_dirs(path, &err));
	assert_int_equal(err.os_errno, ENOTDIR);
	assert_non_null(strstr(err.text, path));
	free(path);
	free(file);
}

static void the_base_is_what_follows_the_last_slash(void **state)
{
	(void)state;
	static const struct {
		const char *path, *want;
	} cases[] = {
		{ "w.yaml", "w.yaml" },
		{ "a/w.yaml", "w.yaml" },
		{ "/w.yaml", "w.yaml" },
		{ "/a/b/c.d", "c.d" },
		{ "a/", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(file_base(cases[i].path), cases[i].want);
}

static void closing_no_descriptor_does_nothing(void **state)
{
	(void)state;
	file_close(-1);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	file_close(fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_FOLDER(what_was_written_is_read),
		IN_A_FOLDER(a_file_over_the_limit_is_refused_by_name),
		IN_A_FOLDER(what_cannot_be_read_is_named_with_the_reason),
		IN_A_FOLDER(writing_replaces_the_old_file_and_leaves_no_other),
		IN_A_FOLDER(a_reader_of_the_old_file_keeps_it_whole),
		IN_A_FOLDER(a_failed_write_leaves_nothing_behind),
		IN_A_FOLDER(the_rest_of_a_write_that_was_killed_does_no_harm),
		IN_A_FOLDER(writing_into_a_missing_folder_fails_and_names_it),
		IN_A_FOLDER(folders_are_made_with_their_parents),
		IN_A_FOLDER(a_file_in_the_way_of_a_folder_is_named),
		cmocka_unit_test(the_base_is_what_follows_the_last_slash),
		cmocka_unit_test(closing_no_descriptor_does_nothing),
	};

	/* Fresh memory is not zero by luck: a missing terminator shows. */
	mallopt(M_PERTURB, 0xa5);
	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
