/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/xalloc.h"

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

bool file_write_atomic(const char *path, const void *data, size_t len, struct error *err)
{
	char *tmp = xasprintf("%s.tmp.%d", path, (int)getpid());
	bool ok = false;

	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0) {
		error_set_errno(err, errno, "creating %s", tmp);
		goto out;
	}
	if (!write_all(fd, data, len) || fsync(fd) < 0) {
		error_set_errno(err, errno, "writing %s", tmp);
		goto out;
	}
	if (rename(tmp, path) < 0) {
		error_set_errno(err, errno, "renaming %s to %s", tmp, path);
		goto out;
	}
	ok = true;
out:
	file_close(fd);
	if (!ok && fd >= 0)
		unlink(tmp);
	free(tmp);
	return ok;
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
