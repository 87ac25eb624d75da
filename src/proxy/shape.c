/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/shape.h"

#include <assert.h>
#include <stdlib.h>

#include "util/xalloc.h"

#define SECOND_NS UINT64_C(1000000000)
#define MARKS_CAP 16

/* Bytes are let go in parts of so much time: fine enough to be smooth, and few enough wake-ups. */
#define PART_NS   UINT64_C(1000000)

void shape_init(struct shape *s, const struct shape_settings *settings, uint64_t seed)
{
	*s = (struct shape){ .settings = settings, .rng.state = seed };
}

void shape_fini(struct shape *s)
{
	free(s->marks);
	*s = (struct shape){ 0 };
}

static struct shape_mark *mark_at(const struct shape *s, size_t i)
{
	return &s->marks[(s->first + i) & (s->cap - 1)];
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void grow(struct shape *s)
{
	size_t cap = s->cap > 0 ? 2 * s->cap : MARKS_CAP;
	struct shape_mark *marks = xmalloc(cap * sizeof(*marks));

	for (size_t i = 0; i < s->count; i++)
		marks[i] = *mark_at(s, i);
	free(s->marks);
	s->marks = marks;
	s->first = 0;
	s->cap = cap;
}

bool shape_is_full(const struct shape *s)
{
	return s->count >= SHAPE_MARKS_MAX;
}

uint64_t shape_due_ns(struct shape *s, uint64_t now_ns)
{
	const struct shape_settings *o = s->settings;
	uint64_t due_ns = now_ns + o->latency_ns;

	if (o->jitter_ns > 0)
		due_ns += rng_below(&s->rng, o->jitter_ns + 1);
	s->last_due_ns = later(s->last_due_ns, due_ns);
	return s->last_due_ns;
}

void shape_came(struct shape *s, size_t bytes, uint64_t now_ns)
{
	uint64_t due_ns = shape_due_ns(s, now_ns);

	assert(bytes > 0 && !shape_is_full(s));
	if (s->count > 0 && mark_at(s, s->count - 1)->due_ns == due_ns) {
		mark_at(s, s->count - 1)->bytes += bytes;
		return;
	}
	if (s->count == s->cap)
		grow(s);
	*mark_at(s, s->count++) = (struct shape_mark){ .bytes = bytes, .due_ns = due_ns };
}

/* Rounded up: never faster than the bandwidth. */
static uint64_t transmission_ns(const struct shape *s, size_t bytes)
{
	uint64_t rate = s->settings->bytes_per_s;

	if (rate == 0)
		return 0;
	/* In two parts, since a large number of bytes times 10^9 may not fit. */
	return bytes / rate * SECOND_NS + (bytes % rate * SECOND_NS + rate - 1) / rate;
}

/* Bytes that are transmitted in the time from start to now. */
static size_t transmitted(const struct shape *s, size_t bytes, uint64_t start_ns, uint64_t now_ns)
{
	if (now_ns < start_ns)
		return 0;
	if (transmission_ns(s, bytes) <= now_ns - start_ns)
		return bytes;
	/* Less than all of them, so the product is below bytes * 10^9. */
	__extension__ unsigned __int128 part =
		(unsigned __int128)(now_ns - start_ns) * s->settings->bytes_per_s / SECOND_NS;
	return (size_t)part;
}

size_t shape_ready(const struct shape *s, uint64_t now_ns)
{
	uint64_t at_ns = s->free_ns;
	size_t ready = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct shape_mark *m = mark_at(s, i);
		if (m->due_ns > now_ns)
			break;
		at_ns = later(at_ns, m->due_ns);
		size_t part = transmitted(s, m->bytes, at_ns, now_ns);
		ready += part;
		if (part < m->bytes)
			break;
		at_ns += transmission_ns(s, part);
	}
	return ready;
}

void shape_went(struct shape *s, size_t bytes)
{
	while (bytes > 0) {
		assert(s->count > 0);
		struct shape_mark *m = mark_at(s, 0);
		size_t part = m->bytes < bytes ? m->bytes : bytes;
		s->free_ns = later(s->free_ns, m->due_ns) + transmission_ns(s, part);
		m->bytes -= part;
		bytes -= part;
		if (m->bytes == 0) {
			s->first = (s->first + 1) & (s->cap - 1);
			s->count--;
		}
	}
}

void shape_drop(struct shape *s)
{
	s->count = 0;
}

uint64_t shape_next_ns(const struct shape *s)
{
	if (s->count == 0)
		return UINT64_MAX;

	const struct shape_mark *m = mark_at(s, 0);
	size_t part = (size_t)(s->settings->bytes_per_s * PART_NS / SECOND_NS);
	if (part == 0)
		part = 1;
	return later(s->free_ns, m->due_ns) + transmission_ns(s, part < m->bytes ? part : m->bytes);
}

void shape_resumed(struct shape *s, uint64_t now_ns)
{
	s->free_ns = later(s->free_ns, now_ns);
}

void shape_changed(struct shape *s, uint64_t now_ns)
{
	uint64_t latest_ns = now_ns + s->settings->latency_ns + s->settings->jitter_ns;

	shape_resumed(s, now_ns);
	if (s->last_due_ns > latest_ns)
		s->last_due_ns = latest_ns;
	for (size_t i = 0; i < s->count; i++)
		if (mark_at(s, i)->due_ns > latest_ns)
			mark_at(s, i)->due_ns = latest_ns;
}
