/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
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

/* Hidden ones included. */
static int all_in_folder(void)
{
	DIR *dir = opendir(folder);
	int files = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		files++;
	closedir(dir);
	return files - 2;
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

static bool make_draft(struct file_draft *d, const char *path, const char *content)
{
	struct error err = { 0 };

	assert_true(file_draft_begin(d, path, &err));
	text_add(&d->text, content);
	return file_draft_end(d, path, &err);
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
	(void)state;
	char *path = in_folder("result.json");
	struct file_draft draft;
	struct error err = { 0 };

	/* A folder with the final name: everything works but the last step. */
	assert_int_equal(mkdir(path, 0777), 0);
	assert_true(make_draft(&draft, path, "data"));
	assert_int_equal(files_in_folder(), 1);
	assert_false(file_draft_place(&draft, path, FILE_REPLACE, &err));
	assert_int_equal(err.os_errno, EISDIR);
	assert_non_null(strstr(err.text, path));
	char *name = xstrdup(draft.path);
	assert_int_equal(access(name, F_OK), 0);
	file_draft_fini(&draft);
	assert_int_equal(access(name, F_OK), -1);
	free(name);
	free(path);
}

/* A long file is written away while it grows. */
static void a_draft_is_made_of_pieces_and_keeps_few_of_them(void **state)
{
	(void)state;
	char *path = in_folder("result.json");
	struct file_draft d;
	struct error err = { 0 };
	size_t len, pieces = 100000, most = 0;

	assert_true(file_draft_begin(&d, path, &err));
	for (size_t i = 0; i < pieces; i++) {
		text_addf(&d.text, "piece %zu\n", i);
		assert_true(file_draft_pass(&d));
		most = d.text.len > most ? d.text.len : most;
	}
	assert_in_range(most, 1, 1 << 17);
	assert_true(file_draft_end(&d, path, &err));
	assert_true(file_draft_place(&d, path, FILE_NEW, &err));
	file_draft_fini(&d);

	char *back = file_read(path, 10 << 20, &len, &err), *rest = back;
	for (size_t i = 0; i < pieces; i++) {
		char want[32];
		(void)snprintf(want, sizeof(want), "piece %zu", i);
		assert_string_equal(strsep(&rest, "\n"), want);
	}
	assert_string_equal(rest, "");
	free(back);
	free(path);
}

static void a_draft_that_could_not_be_written_says_so_at_its_end(void **state)
{
	(void)state;
	char *path = in_folder("result.json");
	char piece[10000];
	struct rlimit before, limit;
	struct file_draft d;
	struct error err = { 0 };
	bool ok = true;

	memset(piece, 'x', sizeof(piece));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){ 100000, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_true(file_draft_begin(&d, path, &err));
	for (int i = 0; i < 20; i++) {
		text_add_bytes(&d.text, piece, sizeof(piece));
		ok = file_draft_pass(&d);
	}
	assert_false(ok);
	assert_false(file_draft_end(&d, path, &err));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(err.os_errno, EFBIG);
	file_draft_fini(&d);
	assert_int_equal(all_in_folder(), 0);
	free(path);
}

static void a_file_that_does_not_fit_leaves_the_old_one_and_no_draft(void **state)
{
	(void)state;
	char *path = in_folder("result.json");
	struct rlimit before, limit;
	struct error err = { 0 };
	size_t len;

	assert_true(file_write_atomic(path, "old", 3, &err));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){ 5, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_false(file_write_atomic(path, "longer than five", 16, &err));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(err.os_errno, EFBIG);
	assert_non_null(strstr(err.text, path));

	char *back = file_read(path, 100, &len, &err);
	assert_string_equal(back, "old");
	assert_int_equal(all_in_folder(), 1);
	free(back);
	free(path);
}

static void a_new_name_is_only_taken_when_it_is_free(void **state)
{
	(void)state;
	char *path = in_folder("result.json");
	struct file_draft first, second;
	struct error err = { 0 };
	size_t len;

	assert_true(make_draft(&first, path, "first"));
	assert_true(make_draft(&second, path, "second"));
	assert_true(file_draft_place(&first, path, FILE_NEW, &err));
	assert_false(file_draft_place(&second, path, FILE_NEW, &err));
	assert_int_equal(err.os_errno, EEXIST);
	file_draft_fini(&first);
	file_draft_fini(&second);
	char *back = file_read(path, 100, &len, &err);
	assert_string_equal(back, "first");
	assert_int_equal(all_in_folder(), 1);
	free(back);
	free(path);
}

static void the_name_of_a_draft_cannot_be_foreseen_nor_led_astray(void **state)
{
	(void)state;
	char *path = in_folder("result.json"), *victim = in_folder("victim");
	char *planted = xasprintf("%s.tmp.%d", path, (int)getpid());
	struct file_draft first, second;
	struct error err = { 0 };
	size_t len;

	assert_true(file_write_atomic(victim, "mine", 4, &err));
	assert_int_equal(symlink(victim, planted), 0);
	assert_true(file_write_atomic(path, "data", 4, &err));
	char *back = file_read(victim, 100, &len, &err);
	assert_string_equal(back, "mine");

	assert_true(make_draft(&first, path, "x"));
	assert_true(make_draft(&second, path, "x"));
	assert_string_not_equal(first.path, second.path);
	/* Neither is derived from what anybody knows. */
	assert_null(strstr(first.path, file_base(path)));
	file_draft_fini(&first);
	file_draft_fini(&second);
	free(back);
	free(planted);
	free(victim);
	free(path);
}

static void writing_through_a_link_keeps_the_link(void **state)
{
	(void)state;
	char *path = in_folder("real.json"), *link = in_folder("link.json");
	struct error err = { 0 };
	struct stat st;
	size_t len;

	assert_true(file_write_atomic(path, "old", 3, &err));
	assert_int_equal(symlink("real.json", link), 0);
	assert_true(file_write_atomic(link, "new", 3, &err));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	char *back = file_read(path, 100, &len, &err);
	assert_string_equal(back, "new");
	free(back);
	free(link);
	free(path);
}

static void nothing_but_a_regular_file_is_replaced(void **state)
{
	(void)state;
	static const struct {
		const char *name, *link_to, *want; /* NULL: may be written */
	} cases[] = {
		{ "absent", NULL, NULL },
		{ "regular", NULL, NULL },
		{ "to-regular", "regular", NULL },
		{ "folder", NULL, "is a folder: it is not replaced by a file" },
		{ "fifo", NULL, "is a FIFO: it is not replaced by a file" },
		{ "to-device", "/dev/null", "is a device: it is not replaced by a file" },
		{ "to-nothing", "nowhere", "is a symbolic link that leads nowhere" },
		{ "regular/below", NULL, ": what stands before a slash is no folder" },
	};
	char *fifo = in_folder("fifo"), *inner = in_folder("folder"), *file = in_folder("regular");
	struct error err = { 0 };

	assert_int_equal(mkfifo(fifo, 0666), 0);
	assert_int_equal(mkdir(inner, 0777), 0);
	assert_true(file_write_atomic(file, "", 0, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = in_folder(cases[i].name);
		struct stat before = { 0 }, after = { 0 };
		struct error why = { 0 };
		if (cases[i].link_to != NULL)
			assert_int_equal(symlink(cases[i].link_to, path), 0);
		stat(path, &before);
		assert_int_equal(file_check_output(path, &why), cases[i].want == NULL);
		if (cases[i].want != NULL) {
			assert_int_equal(why.kind, ERROR_USAGE);
			assert_non_null(strstr(why.text, cases[i].want));
			assert_false(file_write_atomic(path, "x", 1, &why));
			stat(path, &after);
			assert_int_equal(after.st_mode, before.st_mode);
		}
		free(path);
	}
	free(file);
	free(inner);
	free(fifo);
}

/* What stands behind it may well be a regular file: it is the shell's, or somebody else's. */
static void what_a_process_has_open_is_not_replaced(void **state)
{
	char *file = in_folder("file"), *link = in_folder("link"), *chain = in_folder("chain");
	char *open_file = NULL;
	struct error err = { 0 };

	(void)state;
	assert_true(file_write_atomic(file, "theirs", 6, &err));
	int fd = open(file, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	open_file = xasprintf("/proc/self/fd/%d", fd);
	char *dev = xasprintf("/dev/fd/%d", fd);
	char *numbered = xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
	assert_int_equal(symlink(open_file, link), 0);
	assert_int_equal(symlink("link", chain), 0);
	const char *const names[] = { open_file, dev, numbered, link, chain, "/dev/stdout" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct error why = { 0 };
		assert_false(file_check_output(names[i], &why));
		assert_int_equal(why.kind, ERROR_USAGE);
		assert_non_null(strstr(why.text, "is what a process has open"));
		assert_false(file_write_atomic(names[i], "ours", 4, &why));
	}
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_size, 6);
	close(fd);
	free(file);
	free(link);
	free(chain);
	free(open_file);
	free(dev);
	free(numbered);
}

static void a_folder_for_output_is_a_folder_or_not_there_yet(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		bool may;
	} cases[] = {
		{ "/tmp", true },
		{ "/tmp/", true },
		{ "/tmp/omb/no/such/folder", true },
		{ "/dev/null", false },
		{ "/dev/null/", false },
		{ "/dev/null/x", false },
		{ "/etc/passwd", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { 0 };
		assert_int_equal(file_check_folder(cases[i].path, &err), cases[i].may);
		assert_int_equal(err.kind, cases[i].may ? ERROR_NONE : ERROR_USAGE);
	}
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
		IN_A_FOLDER(a_draft_is_made_of_pieces_and_keeps_few_of_them),
		IN_A_FOLDER(a_draft_that_could_not_be_written_says_so_at_its_end),
		IN_A_FOLDER(a_file_that_does_not_fit_leaves_the_old_one_and_no_draft),
		IN_A_FOLDER(a_new_name_is_only_taken_when_it_is_free),
		IN_A_FOLDER(the_name_of_a_draft_cannot_be_foreseen_nor_led_astray),
		IN_A_FOLDER(writing_through_a_link_keeps_the_link),
		IN_A_FOLDER(nothing_but_a_regular_file_is_replaced),
		IN_A_FOLDER(what_a_process_has_open_is_not_replaced),
		cmocka_unit_test(a_folder_for_output_is_a_folder_or_not_there_yet),
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
