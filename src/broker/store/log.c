/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/batch.h"
#include "util/xalloc.h"

static struct chunk **chunks_of(const struct log *l)
{
	return l->chunks + l->chunks_first;
}

static struct log_batch *batches_of(const struct log *l)
{
	return l->batches + l->batches_first;
}

static int64_t batch_end(const struct log_batch *b)
{
	return b->base_offset + b->offsets;
}

void log_fini(struct log *l)
{
	for (size_t i = 0; i < l->chunks_count; i++)
		chunk_release(chunks_of(l)[i]);
	free(l->chunks);
	free(l->batches);
	*l = (struct log){ 0 };
}

/* Room for one more at the end of an array whose first items are unused. */
static void *make_room(void *items, size_t *first, size_t count, size_t *cap, size_t size)
{
	if (*first + count < *cap)
		return items;
	if (*first > count) { /* at least half is unused: moving costs less than a step per item */
		memmove(items, (char *)items + *first * size, count * size);
		*first = 0;
		return items;
	}
	*cap = *cap > 0 ? 2 * *cap : 16;
	return xrealloc(items, *cap * size);
}

size_t log_chunks_needed(const struct log *l, size_t len)
{
	uint64_t have = l->base + l->chunks_count * POOL_CHUNK_BYTES - l->tail;

	return len <= have ? 0 : (len - have + POOL_CHUNK_BYTES - 1) / POOL_CHUNK_BYTES;
}

static void write_at_tail(struct log *l, struct pool *pool, const uint8_t *data, size_t len)
{
	while (len > 0) {
		if (l->tail == l->base + l->chunks_count * POOL_CHUNK_BYTES) {
			l->chunks = make_room(l->chunks, &l->chunks_first, l->chunks_count,
			                      &l->chunks_cap, sizeof(struct chunk *));
			struct chunk *fresh = pool_take(pool);
			assert(fresh != NULL);
			chunks_of(l)[l->chunks_count++] = fresh;
		}
		size_t at = (l->tail - l->base) % POOL_CHUNK_BYTES;
		size_t part = POOL_CHUNK_BYTES - at < len ? POOL_CHUNK_BYTES - at : len;
		memcpy(chunks_of(l)[l->chunks_count - 1]->data + at, data, part);
		l->tail += part;
		data += part;
		len -= part;
	}
}

int64_t log_append(struct log *l, struct pool *pool, const uint8_t *data,
                   const struct log_batch *batch)
{
	uint8_t head[BATCH_OWN_BYTES];

	assert(batch->len >= BATCH_HEADER_BYTES && batch->messages > 0 &&
	       batch->messages <= batch->offsets);
	l->batches = make_room(l->batches, &l->batches_first, l->batches_count, &l->batches_cap,
	                       sizeof(*l->batches));
	struct log_batch *b = &batches_of(l)[l->batches_count++];
	*b = *batch;
	b->base_offset = l->end;
	b->position = l->tail;

	/* The checksum of a batch begins behind these. */
	memcpy(head, data, sizeof(head));
	batch_set_place(head, l->end);
	write_at_tail(l, pool, head, sizeof(head));
	write_at_tail(l, pool, data + sizeof(head), batch->len - sizeof(head));
	l->end += batch->offsets;
	return b->base_offset;
}

int64_t log_skip(struct log *l, uint32_t offsets)
{
	int64_t base = l->end;

	l->end += offsets;
	return base;
}

size_t log_batches(const struct log *l)
{
	return l->batches_count;
}

const struct log_batch *log_batch_at(const struct log *l, size_t index)
{
	assert(index < l->batches_count);
	return &batches_of(l)[index];
}

size_t log_find(const struct log *l, int64_t offset)
{
	size_t low = 0, high = l->batches_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (batch_end(&batches_of(l)[middle]) <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Timestamps of batches need not be in order, so there is no shortcut. */
size_t log_find_time(const struct log *l, int64_t timestamp_ms)
{
	size_t i = 0;

	while (i < l->batches_count && batches_of(l)[i].max_timestamp_ms < timestamp_ms)
		i++;
	return i;
}

const uint8_t *log_piece(const struct log *l, uint64_t position, size_t max, struct chunk **chunk,
                         size_t *len)
{
	assert(position >= l->base && position < l->tail);

	size_t index = (position - l->base) / POOL_CHUNK_BYTES;
	size_t at = (position - l->base) % POOL_CHUNK_BYTES;
	*chunk = chunks_of(l)[index];
	*len = POOL_CHUNK_BYTES - at < max ? POOL_CHUNK_BYTES - at : max;
	return (*chunk)->data + at;
}

/* Lets go of the first `count` chunks. */
static void release_first(struct log *l, size_t count)
{
	for (size_t i = 0; i < count; i++)
		chunk_release(chunks_of(l)[i]);
	l->chunks_first += count;
	l->chunks_count -= count;
	l->base += count * POOL_CHUNK_BYTES;
}

/* Chunks that no kept batch touches go.  An empty log keeps none: its next batch begins in a chunk
 * of its own. */
static void release_chunks(struct log *l)
{
	if (l->batches_count > 0) {
		uint64_t first = batches_of(l)[0].position;
		release_first(l, (first - l->base) / POOL_CHUNK_BYTES);
		return;
	}
	release_first(l, l->chunks_count);
	l->chunks_first = l->batches_first = 0;
	l->base = l->tail;
}

void log_drop(struct log *l, size_t count)
{
	if (count == 0)
		return;
	/* Not where the next batch begins: a reader may stand in front of offsets that are missing. */
	l->start = batch_end(log_batch_at(l, count - 1));
	l->batches_first += count;
	l->batches_count -= count;
	release_chunks(l);
}

size_t log_oldest(const struct log *l)
{
	uint64_t end = l->base + POOL_CHUNK_BYTES;
	size_t count = 0;

	while (count < l->batches_count && batches_of(l)[count].position < end)
		count++;
	return count;
}
