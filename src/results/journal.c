/* SPDX-License-Identifier: Apache-2.0 */
#include "results/journal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "results/state_folder.h"
#include "util/file.h"
#include "util/process.h"
#include "util/xalloc.h"

/* Three lines, two of them with a path; PATH_MAX is 4096. */
#define REGISTRATION_MAX ((size_t)16384)
#define PROCESS          "process "
#define RECOVERED        "recovered "

static bool is_run_id(const char *run_id)
{
	/* The first dot is also that of a draft which was never placed. */
	return run_id[0] != '\0' && run_id[0] != '.' && strchr(run_id, '/') == NULL;
}

/* The folder of the registrations; NULL when there is no home.  Caller frees. */
static char *runs_folder(struct error *err)
{
	char *state = state_folder(err);
	char *folder = state != NULL ? xasprintf("%s/runs", state) : NULL;

	free(state);
	return folder;
}

bool journal_open(struct journal *j, const char *folder, const char *run_id, struct error *err)
{
	*j = (struct journal){ .fd = -1 };
	if (!is_run_id(run_id))
		return error_set(err, ERROR_USAGE, "run id \"%s\" is not a file name", run_id);

	char *absolute = realpath(folder, NULL);
	if (absolute == NULL)
		return error_set_errno(err, errno, "folder %s", folder);
	char *path = xasprintf("%s/%s.journal", absolute, run_id);
	free(absolute);

	int holder, fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0) {
		error_set_errno(err, errno, "creating journal %s", path);
		free(path);
		return false;
	}
	(void)file_lock(fd, &holder); /* it is new: nobody holds it */
	*j = (struct journal){ .opened = true, .fd = fd, .path = path };
	return true;
}

bool journal_register(struct journal *j, const char *run_id, struct error *err)
{
	assert(j->opened && j->registration == NULL);
	if (!is_run_id(run_id))
		return error_set(err, ERROR_USAGE, "run id \"%s\" is not a file name", run_id);

	char *folder = runs_folder(err);
	if (folder == NULL)
		return error_wrap(err, "registering the run");
	char *file = xasprintf("%s/%s", folder, run_id);
	char process[PROCESS_NAME_MAX];
	process_name(process);
	char *lines = xasprintf("%s\n" PROCESS "%s\n", j->path, process);
	bool ok = file_make_dirs(folder, err) && file_write_atomic(file, lines, strlen(lines), err);

	if (ok) {
		j->registration = file;
		file = NULL;
	}
	free(folder);
	free(file);
	free(lines);
	return ok || error_wrap(err, "registering the run");
}

/* The line and its newline from byte `done` on, with one write if it can be had; 0, or errno. */
static int write_line(int fd, const char *line, size_t len, size_t done)
{
	while (done <= len) {
		struct iovec parts[] = {
			{ .iov_base = (void *)(uintptr_t)(line + done), .iov_len = len - done },
			{ .iov_base = (void *)(uintptr_t) "\n", .iov_len = 1 },
		};
		ssize_t n = writev(fd, parts, 2);
		if (n < 0 && errno != EINTR)
			return errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

bool journal_append(struct journal *j, const char *line, size_t len, enum journal_sync sync,
                    struct error *err)
{
	assert(j->opened && !j->stopped && memchr(line, '\n', len) == NULL);
	off_t end = lseek(j->fd, 0, SEEK_END);
	int failure = write_line(j->fd, line, len, 0);

	/* Half a line would spoil what a later reader makes of the others. */
	if (failure != 0 && end >= 0 && ftruncate(j->fd, end) < 0)
		failure = errno;
	if (failure == 0 && sync == JOURNAL_SYNCED && fdatasync(j->fd) < 0)
		failure = errno;
	j->lines += failure == 0;
	return failure == 0 || error_set_errno(err, failure, "journal %s", j->path);
}

struct reading {
	size_t left; /* of the lines that were appended */
	lines_take *take;
	void *to;
};

static bool take_line(void *to, const char *line, size_t len, bool has_newline, struct error *err)
{
	struct reading *r = to;

	/* What is behind them is a line that could be neither written nor taken back. */
	if (r->left == 0)
		return true;
	r->left--;
	return r->take(r->to, line, len, has_newline, err);
}

bool journal_each(const struct journal *j, lines_take *take, void *to, struct error *err)
{
	struct reading r = { .left = j->lines, .take = take, .to = to };
	bool ok = lines_each(j->fd, take_line, &r, err);

	if (ok && r.left > 0)
		ok = error_set(err, ERROR_SYSTEM, "%zu of its %zu lines are gone: somebody cut it",
		               r.left, j->lines);
	return ok || error_wrap(err, "journal %s", j->path);
}

void journal_stop(struct journal *j)
{
	j->stopped = true;
}

void journal_close(struct journal *j)
{
	if (!j->opened)
		return;
	file_close(j->fd);
	free(j->path);
	free(j->registration);
	*j = (struct journal){ .fd = -1 };
}

static bool remove_file(const char *path, struct error *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "removing %s", path);
	return true;
}

bool journal_remove(struct journal *j, struct error *err)
{
	bool ok = true;

	if (!j->opened)
		return true;
	/* The journal first: a registration without one is harmless, the opposite is lost. */
	ok = remove_file(j->path, err);
	if (ok && j->registration != NULL)
		ok = remove_file(j->registration, err);
	journal_close(j);
	return ok;
}

static int is_registration(const struct dirent *entry)
{
	return is_run_id(entry->d_name);
}

/* "recovered x.omb": "x.omb", of the first such line. */
static void take_word(const char *line, const char *key, char **out)
{
	size_t len = strlen(key);

	if (*out == NULL && strncmp(line, key, len) == 0)
		*out = xstrdup(line + len);
}

/* One registered run; one that has just vanished is not listed. */
static bool load_entry(const char *folder, const char *run_id, struct journal_list *list,
                       struct error *err)
{
	char *file = xasprintf("%s/%s", folder, run_id);
	struct error why = { .kind = ERROR_NONE };
	size_t len = 0;
	char *path = file_read(file, REGISTRATION_MAX, &len, &why);

	free(file);
	if (path == NULL) {
		if (why.os_errno == ENOENT)
			return true;
		*err = why;
		return false;
	}
	char *rest = path;
	const char *first = strsep(&rest, "\n");
	struct journal_entry e = { .run_id = xstrdup(run_id), .path = xstrdup(first) };
	for (const char *line; (line = strsep(&rest, "\n")) != NULL;) {
		take_word(line, PROCESS, &e.process);
		take_word(line, RECOVERED, &e.recovered);
	}
	list->items[list->count++] = e;
	free(path);
	return true;
}

bool journal_list_load(struct journal_list *list, struct error *err)
{
	*list = (struct journal_list){ .items = NULL };
	char *folder = runs_folder(err);
	if (folder == NULL)
		return false;

	struct dirent **names = NULL;
	int len = scandir(folder, &names, is_registration, alphasort);
	bool ok = len >= 0 || errno == ENOENT;
	if (!ok)
		error_set_errno(err, errno, "folder %s", folder);
	if (len > 0) {
		list->cap = (size_t)len;
		list->items = xcalloc(list->cap, sizeof(*list->items));
	}
	for (int i = 0; i < len; i++) {
		ok = ok && load_entry(folder, names[i]->d_name, list, err);
		free(names[i]);
	}
	free(names);
	free(folder);
	if (!ok)
		journal_list_fini(list);
	return ok;
}

void journal_list_fini(struct journal_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].run_id);
		free(list->items[i].path);
		free(list->items[i].process);
		free(list->items[i].recovered);
	}
	free(list->items);
	*list = (struct journal_list){ .items = NULL };
}

bool journal_is_alive(const struct journal_entry *e, int *pid)
{
	return file_is_locked(e->path, pid) ||
	       (e->process != NULL && process_lives(e->process, pid));
}

/* Is this journal the one that is registered under the id?  A copy of it is not. */
static bool is_registered(const char *run_id, const char *path)
{
	struct journal_list list;
	struct error ignored;
	bool found = false;

	if (!journal_list_load(&list, &ignored))
		return false;
	for (size_t i = 0; i < list.count; i++)
		found |= strcmp(list.items[i].run_id, run_id) == 0 &&
		         strcmp(list.items[i].path, path) == 0;
	journal_list_fini(&list);
	return found;
}

bool journal_set_recovered(const char *run_id, const char *path, const char *result,
                           struct error *err)
{
	char *absolute = realpath(path, NULL);

	if (absolute == NULL)
		return error_set_errno(err, errno, "%s", path);
	if (!is_run_id(run_id) || !is_registered(run_id, absolute)) {
		free(absolute);
		return true;
	}
	char *folder = runs_folder(err);
	char *file = folder != NULL ? xasprintf("%s/%s", folder, run_id) : NULL;
	char *lines = xasprintf("%s\n" RECOVERED "%s\n", absolute, result != NULL ? result : "");
	bool ok = file != NULL && file_write_atomic(file, lines, strlen(lines), err);

	free(absolute);
	free(folder);
	free(file);
	free(lines);
	return ok;
}

bool journal_forget(const char *run_id, struct error *err)
{
	if (!is_run_id(run_id))
		return error_set(err, ERROR_USAGE, "run id \"%s\" is not a file name", run_id);

	char *folder = runs_folder(err);
	if (folder == NULL)
		return false;
	char *file = xasprintf("%s/%s", folder, run_id);
	bool ok = remove_file(file, err);
	free(folder);
	free(file);
	return ok;
}
