/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/log.h"

#include <assert.h>
#include <stdlib.h>

#include "util/xalloc.h"

/* At most so many unused chunks of a size are kept for later. */
#define SPARES_MAX 1024

static const size_t chunk_bytes[LOOP_CHUNK_SIZES] = { 4096, 65536 };

size_t loop_record_bytes(uint32_t len)
{
	return (sizeof(struct loop_record) + len + 7) & ~(size_t)7;
}

static size_t bytes_of(const struct loop_record *r)
{
	return loop_record_bytes(r->payload_len + r->tail_len);
}

static struct loop_chunk *create_chunk(struct loop_pool *pool, bool is_first, size_t least)
{
	int size = is_first && least <= chunk_bytes[0] ? 0 : 1;
	struct loop_chunk *chunk = pool->spare[size];
	size_t cap = least > chunk_bytes[size] ? least : chunk_bytes[size];

	if (chunk != NULL && cap == chunk_bytes[size]) {
		pool->spare[size] = chunk->next;
		pool->spares[size]--;
	} else {
		chunk = xmalloc(sizeof(*chunk) + cap);
		chunk->cap = cap;
	}
	chunk->next = NULL;
	chunk->count = 0;
	chunk->used = 0;
	return chunk;
}

static void drop_chunk(struct loop_pool *pool, struct loop_chunk *chunk)
{
	pool->bytes -= chunk->used;
	for (int size = 0; size < LOOP_CHUNK_SIZES; size++) {
		if (chunk->cap == chunk_bytes[size] && pool->spares[size] < SPARES_MAX) {
			chunk->next = pool->spare[size];
			pool->spare[size] = chunk;
			pool->spares[size]++;
			return;
		}
	}
	free(chunk);
}

struct loop_record *loop_log_append(struct loop_log *log, struct loop_pool *pool,
                                    uint32_t payload_len, uint32_t tail_len)
{
	size_t bytes = loop_record_bytes(payload_len + tail_len);
	struct loop_chunk *chunk = log->last;

	if (chunk == NULL || chunk->cap - chunk->used < bytes) {
		chunk = create_chunk(pool, log->last == NULL, bytes);
		chunk->base = log->end;
		if (log->last == NULL)
			log->first = chunk;
		else
			log->last->next = chunk;
		log->last = chunk;
	}

	struct loop_record *record = (struct loop_record *)(void *)(chunk->data + chunk->used);
	record->payload_len = payload_len;
	record->tail_len = tail_len;
	chunk->used += bytes;
	chunk->count++;
	log->end++;
	pool->bytes += bytes;
	return record;
}

void loop_log_seek(const struct loop_log *log, struct loop_cursor *c, uint64_t index)
{
	c->index = index < log->begin ? log->begin : index;
	c->chunk = NULL;
}

/* Finds the chunk for an index that is held.  Walks; only after a seek or a gap. */
static void locate(const struct loop_log *log, struct loop_cursor *c)
{
	struct loop_chunk *chunk = log->first;

	while (c->index >= chunk->base + chunk->count)
		chunk = chunk->next;
	c->chunk = chunk;
	c->chunk_base = chunk->base;
	c->at = 0;
	for (uint64_t i = chunk->base; i < c->index; i++) {
		const struct loop_record *r = (const void *)(chunk->data + c->at);
		c->at += bytes_of(r);
	}
}

const struct loop_record *loop_log_next(const struct loop_log *log, struct loop_cursor *c)
{
	if (c->index >= log->end)
		return NULL;
	if (c->index < log->begin)
		loop_log_seek(log, c, log->begin);
	if (c->chunk == NULL || c->chunk_base < log->begin)
		locate(log, c);
	if (c->at == c->chunk->used) {
		c->chunk = c->chunk->next;
		c->chunk_base = c->chunk->base;
		c->at = 0;
	}

	const struct loop_record *record = (const void *)(c->chunk->data + c->at);
	c->at += bytes_of(record);
	c->index++;
	return record;
}

void loop_log_drop_before(struct loop_log *log, struct loop_pool *pool, uint64_t index)
{
	while (log->first != NULL && log->first->base + log->first->count <= index) {
		struct loop_chunk *chunk = log->first;
		log->first = chunk->next;
		if (log->first == NULL)
			log->last = NULL;
		log->begin = chunk->base + chunk->count;
		drop_chunk(pool, chunk);
	}
}

void loop_log_fini(struct loop_log *log, struct loop_pool *pool)
{
	loop_log_drop_before(log, pool, UINT64_MAX);
}

void loop_pool_fini(struct loop_pool *pool)
{
	for (int size = 0; size < LOOP_CHUNK_SIZES; size++) {
		while (pool->spare[size] != NULL) {
			struct loop_chunk *chunk = pool->spare[size];
			pool->spare[size] = chunk->next;
			free(chunk);
		}
		pool->spares[size] = 0;
	}
}
