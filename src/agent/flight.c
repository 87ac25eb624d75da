/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/flight.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

static size_t mapped_bytes(uint32_t cap)
{
	return cap * (sizeof(struct flight) + sizeof(uint32_t));
}

bool flights_open(struct flights *f, uint32_t cap, struct error *err)
{
	void *p = mmap(NULL, mapped_bytes(cap), PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return error_set_errno(err, errno, "mapping a window of %u messages", cap);
	*f = (struct flights){ .slots = p, .cap = cap };
	f->free = (uint32_t *)(f->slots + cap);
	return true;
}

void flights_close(struct flights *f)
{
	if (f->slots != NULL)
		munmap(f->slots, mapped_bytes(f->cap));
	*f = (struct flights){ 0 };
}
