/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_LOAD_PAYLOAD_H
#define OMB_LOAD_PAYLOAD_H

/*
 * payload -- the contents of messages, and the keys: functions of (seed, producer, sequence).
 *
 * A pool of payloads of one size stands back to back in a memory file (memfd).  Each loop of an
 * agent maps it privately and stamps the payloads in place: only the pages that hold stamps are
 * ever copied, however large the pool.  Which payload and which key message n of a producer carries
 * follows from the seed, so that a consumer can verify content too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* OMB's table of keys: 10,000 keys of 7 random bytes as 10 characters of URL-safe base64. */
#define PAYLOAD_KEYS      10000
#define PAYLOAD_KEY_BYTES 10

enum key_pick { KEY_NONE, KEY_ROUND_ROBIN, KEY_RANDOM };

struct payload_spec {
	uint32_t size;       /* bytes of each payload, at least 1 */
	uint32_t count;      /* payloads in the pool, at least 1 */
	double random_ratio; /* the first part of each is random bytes, the rest zeros (as OMB) */
	uint64_t seed;
	/* Given contents instead of random ones: `count` pointers to `size` bytes; NULL = random. */
	const void *const *contents;
};

/* A memory file with the pool; -1 = failed.  The caller closes it. */
int payload_make(const struct payload_spec *spec, struct error *err);

/* Private, writable mapping of the whole pool; NULL = failed.  Unmap with payload_unmap. */
unsigned char *payload_map(int fd, uint32_t size, uint32_t count, struct error *err);
void payload_unmap(unsigned char *pool, uint32_t size, uint32_t count);

struct key_table {
	char keys[PAYLOAD_KEYS][PAYLOAD_KEY_BYTES];
};

void key_table_fill(struct key_table *t, uint64_t seed);

/* What all messages of a producer have in common in that. */
static inline uint64_t payload_seed(uint64_t seed, uint32_t producer)
{
	return seed ^ (uint64_t)producer << 40;
}

static inline uint64_t payload_mix_next(uint64_t producer_seed, uint64_t sequence)
{
	uint64_t h = producer_seed ^ sequence * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

/* A well-mixed word for message `sequence` of `producer`; the source of both choices. */
static inline uint64_t payload_mix(uint64_t seed, uint32_t producer, uint64_t sequence)
{
	return payload_mix_next(payload_seed(seed, producer), sequence);
}

/* Which of `count` payloads: the upper half of the word, scaled. */
static inline uint32_t payload_index(uint64_t mixed, uint32_t count)
{
	return (uint32_t)(((mixed >> 32) * count) >> 32);
}

static inline uint32_t key_index(enum key_pick pick, uint64_t mixed, uint64_t sequence)
{
	if (pick == KEY_ROUND_ROBIN)
		return (uint32_t)((sequence + 1) % PAYLOAD_KEYS);
	return (uint32_t)(((mixed & UINT32_MAX) * PAYLOAD_KEYS) >> 32);
}

#endif
