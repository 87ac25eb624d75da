/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_LOG_H
#define OMB_BROKER_LOG_H

/*
 * log -- the messages of one partition: a stream of bytes over chunks, and where each batch stands.
 *
 *     position   0 ........ first chunk | chunk | ... | tail
 *     batches          [ b0 ][   b1   ][ b2 ]...           a batch may reach over several chunks
 *
 * What is appended is never changed; the oldest is dropped in whole batches.  Offsets are Kafka's,
 * and some may be missing.  The list of batches (40 bytes each) is outside the pool.
 * Zeroed is valid and empty.  Broker thread only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/store/pool.h"

struct log_batch {
	int64_t base_offset;
	int64_t max_timestamp_ms;
	uint64_t position; /* of its first byte in the stream */
	uint32_t len;      /* bytes */
	uint32_t offsets;  /* at least 1: that it takes */
	uint32_t messages; /* at least 1, and no more than that */
};

struct log {
	int64_t start, end;    /* the lowest offset that is not dropped, and the next to be given */
	uint64_t base;         /* position of the first byte of the first chunk */
	uint64_t tail;         /* position behind the last byte */
	struct chunk **chunks; /* owned; the kept ones begin at chunks_first */
	size_t chunks_first, chunks_count, chunks_cap;
	struct log_batch *batches; /* owned; likewise */
	size_t batches_first, batches_count, batches_cap;
};

void log_fini(struct log *l);

/* How many chunks an append of `len` bytes takes from the pool. */
size_t log_chunks_needed(const struct log *l, size_t len);

/*
 * Appends a batch of `batch->len` bytes at `data` whose offset and leader epoch are set here; the
 * rest of *batch is the caller's but base_offset and position.  The pool has the chunks it needs.
 * Returns its base offset.
 */
int64_t log_append(struct log *l, struct pool *pool, const uint8_t *data,
                   const struct log_batch *batch);

/* Takes so many offsets and keeps nothing: a fault that is asked for. */
int64_t log_skip(struct log *l, uint32_t offsets);

/* Index of the first batch that ends behind `offset`; log_batches() when there is none. */
size_t log_find(const struct log *l, int64_t offset);
/* Index of the first batch that has a message of `timestamp_ms` or later. */
size_t log_find_time(const struct log *l, int64_t timestamp_ms);
size_t log_batches(const struct log *l);
const struct log_batch *log_batch_at(const struct log *l, size_t index);

/* The piece of the stream at `position` that lies in one chunk: its bytes and how many, at most
 * `max`. */
const uint8_t *log_piece(const struct log *l, uint64_t position, size_t max, struct chunk **chunk,
                         size_t *len);

/* Drops the first `count` batches. */
void log_drop(struct log *l, size_t count);
/* How many batches touch the oldest chunk. */
size_t log_oldest(const struct log *l);

#endif
