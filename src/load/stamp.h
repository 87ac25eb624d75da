/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_LOAD_STAMP_H
#define OMB_LOAD_STAMP_H

/*
 * stamp -- what every payload says about itself, in its last 32 bytes, for every broker alike.
 *
 *     byte  0   2   4       8            14      16                24              30
 *           | M | R | prod. | sequence   | check | due             | send delay    | F |
 *
 *     M magic 16, R run 16, producer 32, sequence 48, check 16 (over all the rest), due ns 64
 *     (monotonic clock of the producer's host), send delay ns 48 (send called - due), flags 16
 *
 * All little-endian.  The last bytes, because some Java drivers own the first eight.  A stamp whose
 * check fails is counted as corrupt and nothing in it is used.
 */

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define STAMP_BYTES         32
#define STAMP_MAGIC         UINT64_C(0xb30b)
#define STAMP_SEQUENCE_MAX  ((UINT64_C(1) << 48) - 1)
#define STAMP_DELAY_MAX_NS  ((UINT64_C(1) << 48) - 1) /* 78 hours; longer delays are cut to it */

/* The high bits of a producer's number name the worker that it belongs to. */
#define STAMP_PRODUCER_BITS 22
#define STAMP_WORKERS       (1u << (32 - STAMP_PRODUCER_BITS))

enum stamp_flag {
	STAMP_PROBE = 1 << 0,       /* asks whether a subscription is ready; in no account */
	STAMP_UNSCHEDULED = 1 << 1, /* rate `max`: due is only when it was sent */
};

enum stamp_status {
	STAMP_OK,
	STAMP_ABSENT,  /* too short, or no magic: somebody else's message */
	STAMP_CORRUPT, /* magic, and a check that does not fit */
};

struct stamp {
	uint64_t due_ns;
	uint64_t send_delay_ns;
	uint64_t sequence; /* 48 bits; from 0, gapless for each producer */
	uint32_t producer;
	uint16_t run;
	uint16_t flags; /* enum stamp_flag */
};

/* What all stamps of a producer have in common: worked out once, not for every message. */
struct stamp_source {
	uint64_t w0, mixed; /* the first word, and what the check makes of it */
	uint64_t flags;     /* in their place in the last word */
};

/* Multiplying mixes each input bit into the upper half; the top 16 bits of the check are kept. */
static inline uint64_t stamp_mix_first(uint64_t w0)
{
	uint64_t h = (w0 ^ UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

	return h ^ (h >> 32);
}

static inline uint64_t stamp_check(uint64_t mixed, uint64_t sequence, uint64_t w2, uint64_t w3)
{
	uint64_t h = (mixed ^ sequence) * UINT64_C(0xc4ceb9fe1a85ec53);
	h = (h ^ (h >> 29) ^ w2) * UINT64_C(0x9fb21c651e98df25);
	h = (h ^ (h >> 32) ^ w3) * UINT64_C(0xd6e8feb86659fd93);
	return h >> 48;
}

static inline void stamp_store(unsigned char *at, uint64_t word)
{
	word = htole64(word);
	memcpy(at, &word, sizeof(word));
}

static inline uint64_t stamp_fetch(const unsigned char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

static inline uint32_t stamp_worker(const struct stamp *s)
{
	return s->producer >> STAMP_PRODUCER_BITS;
}

/* When send was called; UINT64_MAX where no clock gets to: such a stamp is of another clock. */
static inline uint64_t stamp_called_ns(const struct stamp *s)
{
	return s->send_delay_ns <= UINT64_MAX - s->due_ns ? s->due_ns + s->send_delay_ns
	                                                  : UINT64_MAX;
}

static inline struct stamp_source stamp_source(uint32_t producer, uint16_t run, uint16_t flags)
{
	uint64_t w0 = STAMP_MAGIC | (uint64_t)run << 16 | (uint64_t)producer << 32;

	return (struct stamp_source){ w0, stamp_mix_first(w0), (uint64_t)flags << 48 };
}

/* `payload` has `len` >= STAMP_BYTES bytes; `sequence` has 48 bits. */
static inline void stamp_put(void *payload, size_t len, const struct stamp_source *source,
                             uint64_t sequence, uint64_t due_ns, uint64_t delay_ns)
{
	unsigned char *at = (unsigned char *)payload + len - STAMP_BYTES;
	uint64_t delay = delay_ns < STAMP_DELAY_MAX_NS ? delay_ns : STAMP_DELAY_MAX_NS;
	uint64_t w3 = delay | source->flags;

	stamp_store(at, source->w0);
	stamp_store(at + 8, sequence | stamp_check(source->mixed, sequence, due_ns, w3) << 48);
	stamp_store(at + 16, due_ns);
	stamp_store(at + 24, w3);
}

static inline void stamp_write(void *payload, size_t len, const struct stamp *s)
{
	struct stamp_source source = stamp_source(s->producer, s->run, s->flags);

	stamp_put(payload, len, &source, s->sequence & STAMP_SEQUENCE_MAX, s->due_ns,
	          s->send_delay_ns);
}

static inline enum stamp_status stamp_read(const void *payload, size_t len, struct stamp *out)
{
	if (len < STAMP_BYTES)
		return STAMP_ABSENT;

	const unsigned char *at = (const unsigned char *)payload + len - STAMP_BYTES;
	uint64_t w0 = stamp_fetch(at);
	uint64_t w1 = stamp_fetch(at + 8);
	uint64_t due_ns = stamp_fetch(at + 16);
	uint64_t w3 = stamp_fetch(at + 24);

	if ((w0 & 0xffff) != STAMP_MAGIC)
		return STAMP_ABSENT;
	uint64_t sequence = w1 & STAMP_SEQUENCE_MAX;
	if (stamp_check(stamp_mix_first(w0), sequence, due_ns, w3) != w1 >> 48)
		return STAMP_CORRUPT;

	out->due_ns = due_ns;
	out->send_delay_ns = w3 & STAMP_DELAY_MAX_NS;
	out->sequence = sequence;
	out->producer = (uint32_t)(w0 >> 32);
	out->run = (uint16_t)(w0 >> 16);
	out->flags = (uint16_t)(w3 >> 48);
	return STAMP_OK;
}

#endif
