/* SPDX-License-Identifier: Apache-2.0 */
#include "util/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "util/xalloc.h"

static const struct {
	const char *name;
	int exit_code, http;
} kinds[] = {
#define X(enumerator, name, exit_code, http) { name, exit_code, http },
	ERROR_KINDS(X)
#undef X
};

/* ": cause" behind a text, which is cut if both do not fit. */
static void append_cause(char *text, size_t size, const char *cause)
{
	size_t cause_len = strlen(cause);
	size_t len = strlen(text);

	if (len + 2 + cause_len >= size)
		len = size - 1 - cause_len - 2;
	snprintf(text + len, size - len, ": %s", cause);
}

/* What the system says, and the way out where that is always the same. */
static const char *describe_errno(int os_errno, char *out, size_t size)
{
	struct rlimit files;

	if (os_errno != EMFILE || getrlimit(RLIMIT_NOFILE, &files) != 0)
		return strerror(os_errno);
	snprintf(out, size, "%s (a process may have %llu: ulimit -n)", strerror(os_errno),
	         (unsigned long long)files.rlim_cur);
	return out;
}

static bool set(struct error *err, enum error_kind kind, int os_errno, const char *fmt, va_list ap)
{
	assert(kind != ERROR_NONE);

	/* The arguments may point into *err itself. */
	struct error next = { .kind = kind, .os_errno = os_errno };
	char cause[160];

	vsnprintf(next.text, sizeof(next.text), fmt, ap);

	if (os_errno != 0)
		append_cause(next.text, sizeof(next.text),
		             describe_errno(os_errno, cause, sizeof(cause)));
	*err = next;
	return false;
}

bool error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(err, kind, 0, fmt, ap);
	va_end(ap);
	return false;
}

bool error_set_errno(struct error *err, int os_errno, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(err, ERROR_SYSTEM, os_errno, fmt, ap);
	va_end(ap);
	return false;
}

bool error_wrap(struct error *err, const char *fmt, ...)
{
	char context[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);

	if (err->line > 0) {
		size_t len = strlen(context);
		snprintf(context + len, sizeof(context) - len, err->column > 0 ? ":%d:%d" : ":%d",
		         err->line, err->column);
		err->line = err->column = 0;
	}

	/* The cause is what a reader needs most: it keeps its place, the context gets the rest. */
	size_t cause_len = strlen(err->text);
	size_t room = sizeof(err->text) - 1 - cause_len;
	size_t context_len = strlen(context);
	if (room < 2)
		return false;
	if (context_len > room - 2)
		context_len = room - 2;
	memmove(err->text + context_len + 2, err->text, cause_len + 1);
	memcpy(err->text, context, context_len);
	memcpy(err->text + context_len, ": ", 2);
	return false;
}

const char *error_kind_name(enum error_kind kind)
{
	return kinds[kind].name;
}

int error_exit_code(enum error_kind kind)
{
	return kinds[kind].exit_code;
}

int error_http_status(enum error_kind kind)
{
	return kinds[kind].http;
}

void error_list_add(struct error_list *list, const struct error *err)
{
	if (list->count == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 8;
		list->items = xrealloc(list->items, list->cap * sizeof(*list->items));
	}
	list->items[list->count++] = *err;
}

void error_list_fini(struct error_list *list)
{
	free(list->items);
	*list = (struct error_list){ 0 };
}
