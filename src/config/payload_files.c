/* SPDX-License-Identifier: Apache-2.0 */
#include "config/payload_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/file.h"
#include "util/xalloc.h"

/* The folder part of a path, with its slash; "" when there is none. */
static const char *folder_of(const char *path, struct arena *a)
{
	return arena_strndup(a, path, (size_t)(file_base(path) - path));
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

const char *payload_files_find(const char *name, const char *beside, struct arena *a,
                               struct error *err)
{
	const char *folder = folder_of(beside, a);
	const char *const places[] = {
		arena_strdup(a, name),
		arena_printf(a, "%s%s", folder, name),
		arena_printf(a, "%s../%s", folder, name),
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if ((i == 0 || name[0] != '/') && exists(places[i]))
			return places[i];
	if (name[0] == '/')
		error_set(err, ERROR_CONFIG, "there is no %s", name);
	else
		error_set(err, ERROR_CONFIG, "there is no %s, nor %s, nor %s", places[0], places[1],
		          places[2]);
	return NULL;
}

static bool check_size(const char *path, uint32_t size, struct error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return error_set_errno(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_CONFIG, "%s is not a regular file", path);
	if ((uint64_t)st.st_size != size)
		return error_set(err, ERROR_CONFIG, "%s has %llu bytes and messageSize is %u", path,
		                 (unsigned long long)st.st_size, size);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Paths of the regular files of a folder, unsorted, on the heap. */
static bool read_folder(DIR *dir, const char *folder, struct arena *a, const char ***paths,
                        size_t *count, struct error *err)
{
	size_t cap = 0;
	struct dirent *entry;

	while ((errno = 0, entry = readdir(dir)) != NULL) {
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		const char *path = arena_printf(a, "%s/%s", folder, entry->d_name);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (*count == PAYLOAD_FILES_MAX)
			return error_set(err, ERROR_CONFIG, "%s has more than %d files", folder,
			                 PAYLOAD_FILES_MAX);
		if (*count == cap) {
			cap = cap ? cap * 2 : 64;
			*paths = xrealloc(*paths, cap * sizeof(**paths));
		}
		(*paths)[(*count)++] = path;
	}
	if (errno != 0)
		return error_set_errno(err, errno, "reading %s", folder);
	if (*count == 0)
		return error_set(err, ERROR_CONFIG, "%s has no files", folder);
	qsort(*paths, *count, sizeof(**paths), by_name);
	return true;
}

static bool list_folder(const char *folder, struct arena *a, struct payload_files *out,
                        struct error *err)
{
	DIR *dir = opendir(folder);
	const char **paths = NULL;
	size_t count = 0;

	if (dir == NULL)
		return error_set_errno(err, errno, "%s", folder);
	bool ok = read_folder(dir, folder, a, &paths, &count, err);
	if (ok && paths != NULL) {
		out->paths = arena_alloc(a, count * sizeof(*paths));
		memcpy(out->paths, paths, count * sizeof(*paths));
		out->count = count;
	}
	free(paths);
	closedir(dir);
	return ok;
}

bool payload_files_list(const char *path, uint32_t size, struct arena *a, struct payload_files *out,
                        struct error *err)
{
	struct payload_files files = { .size = size };
	struct stat st;

	if (stat(path, &st) < 0)
		return error_set_errno(err, errno, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		if (!list_folder(path, a, &files, err))
			return false;
	} else {
		files.paths = arena_alloc(a, sizeof(*files.paths));
		files.paths[0] = arena_strdup(a, path);
		files.count = 1;
	}
	files.contents = arena_alloc(a, files.count * sizeof(*files.contents));
	for (size_t i = 0; i < files.count; i++)
		if (!check_size(files.paths[i], size, err))
			return false;
	*out = files;
	return true;
}

bool payload_files_load(const char *path, uint32_t size, struct arena *a, struct payload_files *out,
                        struct error *err)
{
	struct payload_files files = { 0 };

	if (!payload_files_list(path, size, a, &files, err))
		return false;
	for (size_t i = 0; i < files.count; i++) {
		size_t len;
		char *data = file_read(files.paths[i], size, &len, err);

		if (data == NULL)
			return false;
		if (len != size) {
			free(data);
			return error_set(err, ERROR_CONFIG, "%s changed while it was read",
			                 files.paths[i]);
		}
		files.contents[i] = arena_strndup(a, data, len);
		free(data);
	}
	*out = files;
	return true;
}
