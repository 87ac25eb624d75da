/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PROXY_SHAPE_H
#define OMB_PROXY_SHAPE_H

/*
 * shape -- when the bytes of one direction of a stream may go on: latency, jitter, bandwidth.
 *
 * The model is a wire: what came at t has its due time at t + latency + a random part of the
 * jitter, and never before what came earlier (a stream keeps its order).  From then on it is
 * transmitted, byte after byte, at the bandwidth, behind what is being transmitted already.  When a
 * byte leaves is thus a function of when it and those before it came: exact whatever the wake-ups,
 * never early, and what a late wake-up has missed is caught up with.  A time during which the
 * receiver took nothing is not caught up with.
 *
 * Pure: the caller has the bytes and the clock, and says what came and what went.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/rng.h"

struct shape_settings {
	uint64_t latency_ns, jitter_ns;
	uint64_t bytes_per_s; /* 0: unlimited */
};

#define SHAPE_LATENCY_MAX_NS UINT64_C(3600000000000)
#define SHAPE_RATE_MAX       UINT64_C(10000000000) /* times 10^9 it stays below 2^64 */

/* Bytes that came together. */
struct shape_mark {
	size_t bytes;
	uint64_t due_ns;
};

struct shape {
	const struct shape_settings *settings; /* may change: shape_changed */
	struct rng rng;
	struct shape_mark *marks; /* owned; a ring of a power of two */
	size_t first, count, cap;
	uint64_t last_due_ns; /* of what came last */
	uint64_t free_ns;     /* what has gone was transmitted by then */
};

/* Parts that can be under way; with more the caller has to wait before it reads on. */
#define SHAPE_MARKS_MAX 65536

void shape_init(struct shape *s, const struct shape_settings *settings, uint64_t seed);
void shape_fini(struct shape *s);

bool shape_is_full(const struct shape *s);
void shape_came(struct shape *s, size_t bytes, uint64_t now_ns);
/* When something that comes now would be due; draws the jitter, so what comes later is not
 * before it. */
uint64_t shape_due_ns(struct shape *s, uint64_t now_ns);

/* Bytes that may go now. */
size_t shape_ready(const struct shape *s, uint64_t now_ns);
void shape_went(struct shape *s, size_t bytes);
/* All that is under way is lost. */
void shape_drop(struct shape *s);
/* When to ask again after all that was ready has gone; UINT64_MAX: nothing is under way. */
uint64_t shape_next_ns(const struct shape *s);

/* The receiver takes bytes again (or a black hole ended): time goes on from here. */
void shape_resumed(struct shape *s, uint64_t now_ns);
/* The settings are others now.  Bytes under way wait no longer than new ones would. */
void shape_changed(struct shape *s, uint64_t now_ns);

#endif
