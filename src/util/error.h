/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_ERROR_H
#define OMB_UTIL_ERROR_H

/*
 * error -- a failure as a value: what went wrong, where, and what the program exits with.
 *
 * A function that can fail returns bool (or a pointer; NULL = failed) and takes `struct error *`
 * last.  The pointer is never NULL and what it points to is untouched on success.  The setters
 * return false, so that failing is one line.  Each layer wraps with what only it knows; main
 * prints the result once:
 *
 *     omb: workload w.yaml:7:3: topics: 0 is outside 1..1000000
 *
 * The struct has a fixed size and no pointers: it may live in memory shared with another process.
 * When a text does not fit, the outer context is cut and never the root cause.
 */

#include <stdbool.h>
#include <stddef.h>

#ifdef NDEBUG
#error "asserts are part of omb: build without NDEBUG"
#endif

/* A kind exists because a caller does something else for it: exit code and HTTP status. */
/* clang-format off */
/*      enumerator   name           exit  http */
#define ERROR_KINDS(X)                          \
	X(NONE,        "none",          0,  200)   \
	X(USAGE,       "usage",         2,  400)   \
	X(CONFIG,      "config",        2,  400)   \
	X(UNSUPPORTED, "unsupported",   2,  501)   \
	X(SYSTEM,      "system",        1,  500)   \
	X(BROKER,      "broker",        1,  502)   \
	X(REFUSED,     "refused",       1,  403)   \
	X(PROTOCOL,    "protocol",      1,  502)   \
	X(TIMEOUT,     "timeout",       1,  504)   \
	X(CANCELLED,   "cancelled",   130,  503)
/* clang-format on */

enum error_kind {
#define X(enumerator, name, exit_code, http) ERROR_##enumerator,
	ERROR_KINDS(X)
#undef X
};

struct error {
	enum error_kind kind;
	int os_errno;     /* errno when kind is ERROR_SYSTEM, else 0 */
	int line, column; /* place in a file, from 1; 0 when it is not about one */
	char text[504];   /* outermost context first, root cause last */
};

/* Replaces what `err` held.  Always returns false. */
bool error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As error_set with ERROR_SYSTEM and ": <text of os_errno>" behind the message. */
bool error_set_errno(struct error *err, int os_errno, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the text.  A place (line, column) not yet shown is moved into the
 * text right behind the context: "context:7:3: text".  Always returns false. */
bool error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *error_kind_name(enum error_kind kind);
int error_exit_code(enum error_kind kind);
int error_http_status(enum error_kind kind);

/* Several failures at once: a parser reports all errors of a file. */
struct error_list {
	struct error *items; /* owned; error_list_fini frees */
	size_t count, cap;
};

void error_list_add(struct error_list *list, const struct error *err);
void error_list_fini(struct error_list *list);

#endif
