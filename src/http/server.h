/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_HTTP_SERVER_H
#define OMB_HTTP_SERVER_H

/*
 * server -- an HTTP/1.1 server on the caller's loop: requests come in whole, answers go out now or later.
 *
 * A request is handed over (`asked`) once its body is complete, and is the handle of its answer: it
 * lives, with all that it points to, until `done` has been called for it, which happens exactly
 * once for each that was handed over, after its answer or without one.  An answer may be given from
 * within `asked` or at any time later, once; meanwhile the connection waits and costs nothing.  A
 * caller that goes away while it waits is told of (`left`); its answer may still be given, and
 * goes nowhere.
 *
 * Connections are kept alive.  Parts of a path that are empty are dropped ("//a/" is "/a").  What
 * is larger than its route allows is refused with 413 before it is read, and as soon as it turns
 * out to be where nothing was announced; all bodies at hand together are bounded by `bodies_max`
 * (503).
 *
 * One thread: everything is called from the poller's turns, or from within the caller's own calls.
 * No thread is made, so the process may fork.  libmicrohttpd is known here alone.
 *
 * A caller that shuts its sending side while it waits counts as gone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/poller.h"
#include "util/error.h"
#include "util/text.h"

struct http_server;

struct http_request {
	const char *method; /* "GET" */
	const char *path;   /* decoded, without its query: "/", "/a/b" */
	struct text body;
	uint64_t came_ns; /* clock_ns() when its head was complete */
	bool has_left;    /* nobody waits for the answer any more */
	void *context;    /* of the caller of this module */
};

struct http_calls {
	/* Of a request whose head is known: the most bytes that its body may have; and a status other
	 * than 0 refuses it unread, with *refusal as its body (text/plain).  Optional: 64 KiB. */
	unsigned (*accepts)(void *to, const struct http_request *r, size_t *body_max,
	                    struct text *refusal);
	void (*asked)(void *to, struct http_request *r);
	void (*left)(void *to, struct http_request *r); /* optional */
	/* `delivered`: the answer has gone out whole, as far as this host can tell.  Optional. */
	void (*done)(void *to, struct http_request *r, bool delivered);
};

/* PEM texts; NULL = not in use. */
struct http_tls {
	const char *certificate, *key;
	const char *client_ca; /* callers must have a certificate of this authority */
};

struct http_options {
	struct poller *poller;
	struct address at; /* port 0: a free one */
	struct http_calls calls;
	void *to;
	size_t bodies_max;    /* bytes; 0 = 1 GiB */
	unsigned connections; /* at once; 0 = 512 */
	unsigned idle_s;      /* a silent connection is closed; 0 = 120 */
	struct http_tls tls;  /* without a certificate: none */
	/* Who may connect; NULL = everybody. */
	bool (*admits)(const void *gate, const struct address *from);
	const void *gate;
};

struct http_answer {
	unsigned status;
	const char *type;      /* of its content; NULL = none is said */
	const char *challenge; /* WWW-Authenticate; NULL = none */
	struct text *body;     /* is taken, and empty afterwards; NULL = none */
};

/* NULL: failed.  ERROR_UNSUPPORTED: this build has no such server, or the library no TLS. */
struct http_server *http_server_open(const struct http_options *options, struct error *err);
/* Requests without an answer get 503; `done` is called for all of them. */
void http_server_close(struct http_server *s);

/* With the port that the kernel chose. */
const struct address *http_server_address(const struct http_server *s);

void http_answer(struct http_request *r, const struct http_answer *answer);

/* The value of a header, NULL if there is none; borrowed.  Any case.  Until the answer is given. */
const char *http_header(const struct http_request *r, const char *name);

/* Where it comes from; false: not known. */
bool http_from(const struct http_request *r, struct address *out);

#endif
