/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_HTTP_CLIENT_H
#define OMB_HTTP_CLIENT_H

/*
 * client -- HTTP requests that are started and later completed, to any number of servers at once.
 *
 *     http_client_start(c, &request)
 *     whenever http_client_fd(c) is readable: http_client_serve(c), which calls request.done
 *
 * One client serves all servers; nothing here blocks, and no thread of ours waits (libcurl may have one
 * look up the name of a host).  It knows what HTTP is, and nothing of what is said by it.
 *
 * Success is status 200 with a whole body of at most `answer_max` bytes; everything else is a failure
 * with a text of its own, and the answer's body is there all the same.  Requests have a Content-Length
 * always, never wait for "100 Continue", follow no redirect, and go past any proxy that the environment
 * names.
 *
 * Connections are kept and used again.  One that the server has closed meanwhile costs nothing: the
 * request is sent anew on another one, so it may arrive twice.  Requests that must not (`may_repeat`
 * false) have a connection of their own, and are sent once.
 *
 * A deadline that is noticed late was missed by this process, not by the server (it was suspended, or
 * its machine stood still): the request then gets HTTP_CLIENT_SECOND_CHANCE_NS more, once.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/timers.h"
#include "util/error.h"

#define HTTP_CLIENT_SECOND_CHANCE_NS UINT64_C(2000000000)

/* Connections of one lane carry nothing of the other: what is timed does not wait behind what is big. */
enum http_lane { HTTP_LANE_CALLS, HTTP_LANE_PROBES, HTTP_LANES };

/* What a call of `done` tells; borrowed for its time. */
struct http_reply {
	struct error err; /* ERROR_NONE: status 200, and whole */
	unsigned status;  /* 0 = none came */
	bool is_refused;  /* nobody listens there */
	const char *body; /* NUL-terminated, never NULL */
	size_t body_len;
	/* clock_ns(): the request began to leave; the first of the answer was there.  0 = it did not. */
	uint64_t sent_ns, answered_ns;
};

struct http_exchange;

/* Caller's memory, borrowed with all that it points to until `done` was called. */
struct http_ask {
	const char *method, *url;
	const char *content_type; /* NULL = none is said */
	const void *body;
	size_t body_len;
	enum http_lane lane;
	bool may_repeat;      /* it does no harm if it arrives twice */
	size_t answer_max;    /* bytes; a larger answer is a failure */
	uint64_t deadline_ns; /* clock_ns() */
	/* Out of http_client_serve alone; may start and cancel requests, this one's memory included. */
	void (*done)(struct http_ask *r, const struct http_reply *a);
	struct http_exchange *exchange; /* the client's; NULL = not under way */
};

struct http_client;

/* NULL = failed. */
struct http_client *http_client_create(struct error *err);
/* Sent along with every request from then on, as "Authorization: Bearer ..."; NULL = none. */
void http_client_set_token(struct http_client *c, const char *token);
/* Requests under way are forgotten. */
void http_client_destroy(struct http_client *c);

/* Readable when serve has something to do. */
int http_client_fd(const struct http_client *c);
void http_client_serve(struct http_client *c);

void http_client_start(struct http_client *c, struct http_ask *r);
/* One that is not under way: nothing.  `done` is not called. */
void http_client_cancel(struct http_client *c, struct http_ask *r);

/* Timers of whoever uses the client: they run in http_client_serve, and wake its descriptor. */
void http_client_set_timer(struct http_client *c, struct timer *t, uint64_t at_ns);
void http_client_cancel_timer(struct http_client *c, struct timer *t);

#endif
