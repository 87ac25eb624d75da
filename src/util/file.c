/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/xalloc.h"

#define PIECE     ((size_t)65536) /* of a draft */
#define LINKS_MAX 40              /* as the kernel follows */

static ssize_t read_some(int fd, void *buf, size_t len)
{
	ssize_t n;

	do
		n = read(fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n;
}

static char *read_all(int fd, size_t max_bytes, size_t *len, struct error *err)
{
	size_t cap = 4096, used = 0;
	char *data = xmalloc(cap + 1);

	for (;;) {
		ssize_t n = read_some(fd, data + used, cap - used);
		if (n < 0) {
			error_set_errno(err, errno, "reading");
			break;
		}
		used += (size_t)n;
		if (used > max_bytes) {
			error_set(err, ERROR_CONFIG, "larger than %zu bytes", max_bytes);
			break;
		}
		if (n == 0) {
			data[used] = '\0';
			*len = used;
			return data;
		}
		if (used == cap) {
			cap *= 2;
			data = xrealloc(data, cap + 1);
		}
	}
	free(data);
	return NULL;
}

char *file_read(const char *path, size_t max_bytes, size_t *len, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		error_set_errno(err, errno, "%s", path);
		return NULL;
	}
	char *data = read_all(fd, max_bytes, len, err);
	if (data == NULL)
		error_wrap(err, "%s", path);
	close(fd);
	return data;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static const char *kind_name(mode_t mode)
{
	return S_ISDIR(mode)                    ? "a folder"
	       : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
	       : S_ISFIFO(mode)                 ? "a FIFO"
	       : S_ISSOCK(mode)                 ? "a socket"
	                                        : "no regular file";
}

/* After a stat that failed.  Whatever else is in the way is told by who tries to write. */
static bool is_free(const char *path, struct error *err)
{
	struct stat st;

	if (errno == ENOTDIR)
		return error_set(err, ERROR_USAGE, "%s: what stands before a slash is no folder",
		                 path);
	if (errno == ENOENT && lstat(path, &st) == 0)
		return error_set(err, ERROR_USAGE, "%s is a symbolic link that leads nowhere",
		                 path);
	return true;
}

/* The folder of `path`, without links.  NULL: there is none.  The caller frees it. */
static char *real_folder(const char *path)
{
	const char *base = file_base(path);
	char *folder = base > path ? xstrndup(path, (size_t)(base - path)) : xstrdup(".");
	char *real = realpath(folder, NULL);

	free(folder);
	return real;
}

/*
 * /dev/stdout, /dev/fd/3, /proc/self/fd/3, or a link to one of them: it means what a process has open,
 * and who replaces it by name replaces a file that somebody else gave a name to.
 */
static bool is_of_process(const char *path)
{
	char *at = xstrdup(path);
	bool found = false;

	for (int links = 0; at != NULL && !found && links < LINKS_MAX; links++) {
		char *folder = real_folder(at);
		char target[PATH_MAX];
		struct statfs fs;
		ssize_t len = readlink(at, target, sizeof(target) - 1);
		found = folder != NULL && statfs(folder, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
		target[len > 0 ? len : 0] = '\0';
		free(at);
		if (len <= 0 || folder == NULL)
			at = NULL;
		else
			at = target[0] == '/' ? xstrdup(target)
			                      : xasprintf("%s/%s", folder, target);
		free(folder);
	}
	free(at);
	return found;
}

bool file_check_output(const char *path, struct error *err)
{
	struct stat st;

	if (path[0] == '\0')
		return error_set(err, ERROR_USAGE, "the name of the file is empty");
	if (is_of_process(path))
		return error_set(err, ERROR_USAGE,
		                 "%s is what a process has open: it is not replaced by a file",
		                 path);
	if (stat(path, &st) == 0) {
		if (S_ISREG(st.st_mode))
			return true;
		return error_set(err, ERROR_USAGE, "%s is %s: it is not replaced by a file", path,
		                 kind_name(st.st_mode));
	}
	return is_free(path, err);
}

bool file_check_folder(const char *path, struct error *err)
{
	size_t len = strlen(path);
	struct stat st;

	/* With its slash a link to nothing would not be seen. */
	while (len > 1 && path[len - 1] == '/')
		len--;
	char *bare = xstrndup(path, len);
	bool ok = true;
	if (stat(bare, &st) < 0)
		ok = is_free(bare, err);
	else if (!S_ISDIR(st.st_mode))
		ok = error_set(err, ERROR_USAGE, "%s is %s and no folder", path,
		               S_ISREG(st.st_mode) ? "a file" : kind_name(st.st_mode));
	free(bare);
	return ok;
}

size_t file_name_max(const char *folder)
{
	long max = pathconf(folder, _PC_NAME_MAX);

	return max > 0 ? (size_t)max : NAME_MAX;
}

/* `.omb-<random>.tmp` beside `path`; caller frees. */
static char *draft_name(const char *path)
{
	uint64_t chance;
	int folder_len = (int)(file_base(path) - path);

	if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
		chance = 0; /* early in the life of a machine; O_EXCL does the rest */
	return xasprintf("%.*s.omb-%016" PRIx64 ".tmp", folder_len, path, chance);
}

bool file_draft_begin(struct file_draft *d, const char *path, struct error *err)
{
	char *name = draft_name(path);
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

	*d = (struct file_draft){ .path = NULL };
	if (fd < 0) {
		error_set_errno(err, errno, "creating %s", path);
		free(name);
		return false;
	}
	d->path = name;
	d->fd = fd;
	return true;
}

static void write_text(struct file_draft *d)
{
	if (d->failure == 0 && !write_all(d->fd, d->text.data, d->text.len))
		d->failure = errno;
	d->text.len = 0;
}

bool file_draft_pass(struct file_draft *d)
{
	if (d->path != NULL && d->text.len >= PIECE)
		write_text(d);
	return d->failure == 0;
}

bool file_draft_end(struct file_draft *d, const char *path, struct error *err)
{
	write_text(d);
	if (d->failure == 0 && fsync(d->fd) < 0)
		d->failure = errno;
	/* Some file systems tell of a full disk only now. */
	if (close(d->fd) < 0 && d->failure == 0)
		d->failure = errno;
	d->fd = -1;
	return d->failure == 0 || error_set_errno(err, d->failure, "writing %s", path);
}

/* False: errno.  What no file system and no kernel here can do at once is done in two steps. */
static bool rename_to_free_name(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return true;
	if (errno != EINVAL && errno != ENOSYS)
		return false;
	return link(from, to) == 0 && unlink(from) == 0;
}

bool file_draft_place(struct file_draft *d, const char *path, enum file_placing how,
                      struct error *err)
{
	bool ok = how == FILE_NEW ? rename_to_free_name(d->path, path) : rename(d->path, path) == 0;

	if (!ok)
		return error_set_errno(err, errno, "naming %s", path);
	free(d->path);
	d->path = NULL;
	return true;
}

void file_draft_fini(struct file_draft *d)
{
	if (d->path != NULL)
		unlink(d->path);
	if (d->path != NULL && d->fd >= 0)
		close(d->fd);
	free(d->path);
	text_fini(&d->text);
	*d = (struct file_draft){ .path = NULL };
}

bool file_write_atomic(const char *path, const void *data, size_t len, struct error *err)
{
	struct file_draft draft = { .path = NULL };

	if (!file_check_output(path, err))
		return false;
	/* A link stays a link: its target is what is replaced. */
	char *target = realpath(path, NULL);
	const char *to = target != NULL ? target : path;
	bool ok = file_draft_begin(&draft, to, err);
	if (ok) {
		text_add_bytes(&draft.text, data, len);
		ok = file_draft_end(&draft, to, err) &&
		     file_draft_place(&draft, to, FILE_REPLACE, err);
	}
	file_draft_fini(&draft);
	free(target);
	return ok;
}

bool file_lock(int fd, int *holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	*holder = 0;
	if (fcntl(fd, F_SETLK, &lock) == 0 || (errno != EACCES && errno != EAGAIN))
		return true;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		*holder = (int)lock.l_pid;
	return false;
}

bool file_is_locked(const char *path, int *holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	bool locked = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

	file_close(fd);
	*holder = locked && lock.l_pid > 0 ? (int)lock.l_pid : 0;
	return locked;
}

bool file_make_dirs(const char *path, struct error *err)
{
	char *copy = xstrdup(path);
	bool ok = true;

	for (char *p = copy + 1; ok; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char was = *p;
		*p = '\0';
		if (mkdir(copy, 0777) < 0 && errno != EEXIST)
			ok = error_set_errno(err, errno, "creating folder %s", copy);
		*p = was;
		if (was == '\0')
			break;
	}
	free(copy);
	return ok;
}

void file_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

const char *file_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
