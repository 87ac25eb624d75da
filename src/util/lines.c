/* SPDX-License-Identifier: Apache-2.0 */
#include "util/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/text.h"
#include "util/xalloc.h"

#define CHUNK ((size_t)65536)

/* All complete lines; what is behind them moves to the start. */
static bool take_lines(struct text *bytes, lines_take *take, void *to, struct error *err)
{
	size_t at = 0;
	const char *end;

	while (at < bytes->len && (end = memchr(bytes->data + at, '\n', bytes->len - at)) != NULL) {
		size_t len = (size_t)(end - bytes->data) - at;
		if (!take(to, bytes->data + at, len, true, err))
			return false;
		at += len + 1;
	}
	memmove(bytes->data, bytes->data + at, bytes->len - at + 1);
	bytes->len -= at;
	if (bytes->len > LINES_MAX_BYTES)
		return error_set(err, ERROR_CONFIG, "a line of more than %zu MiB",
		                 LINES_MAX_BYTES >> 20);
	return true;
}

bool lines_each(int fd, lines_take *take, void *to, struct error *err)
{
	struct text bytes = { 0 };
	char *chunk = xmalloc(CHUNK);
	off_t at = 0;
	bool ok = true;
	ssize_t n;

	while (ok && (n = pread(fd, chunk, CHUNK, at)) != 0) {
		if (n < 0 && errno != EINTR)
			ok = error_set_errno(err, errno, "reading");
		if (n > 0) {
			at += n;
			text_add_bytes(&bytes, chunk, (size_t)n);
			ok = take_lines(&bytes, take, to, err);
		}
	}
	if (ok && bytes.len > 0)
		ok = take(to, bytes.data, bytes.len, false, err);
	text_fini(&bytes);
	free(chunk);
	return ok;
}
