/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays files through a fuzz target, so that the corpus is part of the normal tests and needs no
 * fuzzer: `fuzz_x corpus/x ...` takes files and folders of files.  A crash is the failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "util/file.h"
#include "util/xalloc.h"

#define INPUT_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool replay_file(const char *path)
{
	struct error err = { .kind = ERROR_NONE };
	size_t len = 0;
	char *data = file_read(path, INPUT_MAX, &len, &err);

	if (data == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}
	/* A block of exactly this size, so that reading past the end is noticed. */
	uint8_t *input = xmalloc(len);
	for (size_t i = 0; i < len; i++)
		input[i] = (uint8_t)data[i];
	free(data);
	LLVMFuzzerTestOneInput(input, len);
	free(input);
	return true;
}

static int is_no_dot_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* How many inputs were replayed; -1 when one could not be read. */
static int replay(const char *path)
{
	struct dirent **names = NULL;
	struct stat st;
	int done = 0;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return replay_file(path) ? 1 : -1;
	int len = scandir(path, &names, is_no_dot_file, alphasort);
	if (len < 0) {
		perror(path);
		return -1;
	}
	for (int i = 0; i < len; i++) {
		char *inner = xasprintf("%s/%s", path, names[i]->d_name);
		if (done >= 0)
			done = replay_file(inner) ? done + 1 : -1;
		free(inner);
		free(names[i]);
	}
	free(names);
	return done;
}

int main(int argc, char **argv)
{
	int inputs = 0;

	for (int i = 1; i < argc; i++) {
		int done = replay(argv[i]);
		if (done < 0)
			return 1;
		inputs += done;
	}
	printf("%d inputs\n", inputs);
	return inputs > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
