/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/memory.h"

#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

#define MEMORY_KEPT ((size_t)256 * 1024)
#define FIRST_BLOCK ((size_t)4096)
#define ALIGN       16

struct kafka_block {
	struct kafka_block *next;
	size_t used, cap;
	_Alignas(ALIGN) unsigned char data[];
};

static struct kafka_block *add_block(struct kafka_memory *m, size_t bytes)
{
	size_t cap = m->blocks != NULL ? 2 * m->blocks->cap : FIRST_BLOCK;

	if (cap < bytes)
		cap = bytes;
	struct kafka_block *b = xmalloc(sizeof(*b) + cap);
	*b = (struct kafka_block){ .next = m->blocks, .cap = cap };
	m->blocks = b;
	return b;
}

void *kafka_memory_take(struct kafka_memory *m, size_t bytes)
{
	struct kafka_block *b = m->blocks;

	bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (b == NULL || b->cap - b->used < bytes)
		b = add_block(m, bytes);
	void *p = b->data + b->used;
	b->used += bytes;
	m->used += bytes;
	return memset(p, 0, bytes);
}

void *kafka_memory_items(struct kafka_memory *m, const struct kafka_layout *of, size_t count)
{
	unsigned char *items = kafka_memory_take(m, count * of->size);

	for (size_t i = 0; i < count; i++)
		kafka_set_defaults(of, items + i * of->size);
	return items;
}

static void free_blocks(struct kafka_block *b)
{
	while (b != NULL) {
		struct kafka_block *next = b->next;
		free(b);
		b = next;
	}
}

void kafka_memory_reset(struct kafka_memory *m)
{
	struct kafka_block *kept = m->blocks;

	m->used = 0;
	if (kept == NULL)
		return;
	free_blocks(kept->next);
	kept->next = NULL;
	kept->used = 0;
	if (kept->cap > MEMORY_KEPT)
		kafka_memory_fini(m);
}

void kafka_memory_fini(struct kafka_memory *m)
{
	free_blocks(m->blocks);
	m->blocks = NULL;
	m->used = 0;
}
