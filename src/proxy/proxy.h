/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PROXY_PROXY_H
#define OMB_PROXY_PROXY_H

/*
 * proxy -- listeners in front of targets, and everything that goes wrong on the way, on request.
 *
 * One thread, one poller, which the caller turns.  Each listener has settings of its own for each
 * direction; a command changes them for the connections that are there and for those to come.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/poller.h"
#include "proxy/command.h"
#include "util/error.h"
#include "util/text.h"

#define PROXY_LISTENERS_MAX 64

struct proxy_options { /* borrowed */
	size_t memory; /* bytes under way in a direction of a connection */
	uint64_t seed; /* of the jitter */
	void (*notice)(void *context, const char *text); /* a line for people; optional */
	void *context;
};

struct proxy_counts {
	uint64_t accepted, unreachable, reset, bytes[DIRECTIONS];
};

struct proxy;

struct proxy *proxy_create(struct poller *p, const struct proxy_options *o);
void proxy_destroy(struct proxy *x); /* connections are reset */

/* `target`: HOST:PORT, resolved here and now, which may block.  *at gets the port that the
 * kernel chose. False: it may not listen, or does not know the target. */
bool proxy_listen(struct proxy *x, struct address *at, const char *target, struct error *err);

/* Adds what there is to say behind "ok" to `answer`, without a line break. */
bool proxy_command(struct proxy *x, const struct proxy_command *c, struct text *answer,
                   struct error *err);

/* Of all listeners together. */
struct proxy_counts proxy_counts(const struct proxy *x);

#endif
