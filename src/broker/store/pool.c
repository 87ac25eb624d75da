/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/xalloc.h"

/* Populating by mmap would come before the advice about page sizes. */
static void touch(uint8_t *memory, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < bytes; at += page)
		((volatile uint8_t *)memory)[at] = 0;
}

bool pool_init(struct pool *p, size_t bytes, struct error *err)
{
	size_t count = bytes / POOL_CHUNK_BYTES > 0 ? bytes / POOL_CHUNK_BYTES : 1;

	*p = (struct pool){ .count = count, .free_count = count };
	p->memory = mmap(NULL, count * POOL_CHUNK_BYTES, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->memory == MAP_FAILED) {
		p->memory = NULL;
		return error_set_errno(err, errno, "%zu bytes for the logs",
		                       count * POOL_CHUNK_BYTES);
	}
	/* A kernel without huge pages refuses the advice, and needs none. */
	madvise(p->memory, count * POOL_CHUNK_BYTES, MADV_NOHUGEPAGE);
	touch(p->memory, count * POOL_CHUNK_BYTES);

	p->chunks = xcalloc(count, sizeof(*p->chunks));
	for (size_t i = count; i-- > 0;) {
		p->chunks[i] = (struct chunk){
			.data = p->memory + i * POOL_CHUNK_BYTES,
			.next = p->free,
			.pool = p,
		};
		p->free = &p->chunks[i];
	}
	return true;
}

void pool_fini(struct pool *p)
{
	if (p->memory != NULL)
		munmap(p->memory, p->count * POOL_CHUNK_BYTES);
	free(p->chunks);
	*p = (struct pool){ 0 };
}

struct chunk *pool_take(struct pool *p)
{
	struct chunk *c = p->free;

	if (c == NULL)
		return NULL;
	p->free = c->next;
	p->free_count--;
	c->next = NULL;
	c->holds = 1;
	return c;
}

void chunk_hold(struct chunk *c)
{
	assert(c->holds > 0);
	c->holds++;
}

void chunk_release(struct chunk *c)
{
	assert(c->holds > 0);
	if (--c->holds > 0)
		return;
	c->next = c->pool->free;
	c->pool->free = c;
	c->pool->free_count++;
}
