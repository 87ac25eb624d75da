/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_LOG_H
#define OMB_DRIVER_LOOPBACK_LOG_H

/*
 * log -- the messages of one partition in memory, and a reader's place in them.
 *
 * A list of chunks.  The first chunk of an empty log is small, so that thousands of partitions with
 * a message each stay cheap; a message larger than a chunk gets one of its own.  Whole chunks are
 * dropped when every group has read them.
 *
 * Ownership: a loop_pool belongs to the core and counts the bytes of all logs.  A record that was
 * read is borrowed until its log is appended to or dropped from.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop_record {
	int64_t broker_ms;
	uint32_t payload_len;
	uint32_t tail_len; /* of what lies behind the payload: key and headers (wire.h) */
	unsigned char payload[];
};

struct loop_chunk {
	struct loop_chunk *next;
	uint64_t base; /* index of the first record */
	uint32_t count;
	size_t used, cap;
	_Alignas(8) unsigned char data[];
};

#define LOOP_CHUNK_SIZES 2

struct loop_pool {
	uint64_t bytes; /* of records held; a dropped chunk gives them back */
	struct loop_chunk *spare[LOOP_CHUNK_SIZES];
	unsigned spares[LOOP_CHUNK_SIZES];
};

struct loop_log { /* zeroed is empty */
	struct loop_chunk *first, *last;
	uint64_t begin, end; /* indices: of the oldest record held, behind the newest */
};

struct loop_cursor { /* zeroed stands at index 0 */
	uint64_t index;
	struct loop_chunk *chunk; /* valid only while chunk_base >= log->begin */
	uint64_t chunk_base;
	size_t at;
};

/* How much of loop_pool.bytes a message takes whose payload and tail are so long together. */
size_t loop_record_bytes(uint32_t len);

/* Payload and tail are for the caller to fill. */
struct loop_record *loop_log_append(struct loop_log *log, struct loop_pool *pool,
                                    uint32_t payload_len, uint32_t tail_len);

/* NULL = the cursor stands at the end.  Else it moves behind the record. */
const struct loop_record *loop_log_next(const struct loop_log *log, struct loop_cursor *c);

/* An index that is held no more stands for the oldest that is. */
void loop_log_seek(const struct loop_log *log, struct loop_cursor *c, uint64_t index);

/* Nobody needs records before `index` any more. */
void loop_log_drop_before(struct loop_log *log, struct loop_pool *pool, uint64_t index);

void loop_log_fini(struct loop_log *log, struct loop_pool *pool);
void loop_pool_fini(struct loop_pool *pool);

#endif
