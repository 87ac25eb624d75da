/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of cells that each count their turn (D. Vyukov's bounded queue): cell i is free for the item
 * number n when its turn is n, and holds it when its turn is n + 1.
 *
 * Two pairs of threads must not miss each other: who posts and the taker that found nothing
 * (`is_told`), and who waits for room and the taker that made some (`waiting`).  Each writes its own
 * word before it reads the other's, both sequentially consistent, so one of the two sees the other.
 */
#include "driver/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/file.h"
#include "util/xalloc.h"

#define CELL_ALIGN _Alignof(max_align_t)

static _Atomic uint64_t *turn_of(const struct mailbox *m, uint64_t n)
{
	return (_Atomic uint64_t *)(void *)(m->cells + (n & m->mask) * m->stride);
}

static void *item_of(const struct mailbox *m, uint64_t n)
{
	return m->cells + (n & m->mask) * m->stride + CELL_ALIGN;
}

bool mailbox_init(struct mailbox *m, size_t item_size, uint32_t capacity, struct error *err)
{
	uint64_t cells = 2;

	assert(item_size > 0 && capacity > 0);
	while (cells < capacity)
		cells *= 2;
	*m = (struct mailbox){
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.item_size = item_size,
		.stride = CELL_ALIGN + (item_size + CELL_ALIGN - 1) / CELL_ALIGN * CELL_ALIGN,
		.mask = cells - 1,
	};
	if (m->fd < 0)
		return error_set_errno(err, errno, "eventfd");
	m->cells = xcalloc(cells, m->stride);
	for (uint64_t i = 0; i < cells; i++)
		atomic_init(turn_of(m, i), i);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->room, NULL);
	return true;
}

void mailbox_fini(struct mailbox *m)
{
	if (m->cells == NULL)
		return;
	pthread_cond_destroy(&m->room);
	pthread_mutex_destroy(&m->lock);
	file_close(m->fd);
	free(m->cells);
	m->cells = NULL;
}

static void tell(struct mailbox *m)
{
	const uint64_t one = 1;

	if (atomic_load(&m->is_told) || atomic_exchange(&m->is_told, true))
		return;
	/* A counter that nobody reads is full after 2^64 - 2 edges. */
	ssize_t n = write(m->fd, &one, sizeof(one));
	assert(n == sizeof(one));
}

bool mailbox_post(struct mailbox *m, const void *item)
{
	uint64_t n, turn;

	do {
		if (atomic_load(&m->is_closed))
			return false;
		n = atomic_load_explicit(&m->posted, memory_order_relaxed);
		turn = atomic_load(turn_of(m, n));
		if (turn < n)
			return false; /* it still holds what was posted a round ago */
		/* Beyond n: another thread was faster, and there is a newer `posted`. */
	} while (turn > n || !atomic_compare_exchange_weak(&m->posted, &n, n + 1));
	memcpy(item_of(m, n), item, m->item_size);
	atomic_store(turn_of(m, n), n + 1);
	tell(m);
	return true;
}

bool mailbox_put(struct mailbox *m, const void *item)
{
	if (mailbox_post(m, item))
		return true;
	bool ok;
	pthread_mutex_lock(&m->lock);
	atomic_fetch_add(&m->waiting, 1);
	while (!(ok = mailbox_post(m, item)) && !atomic_load(&m->is_closed))
		pthread_cond_wait(&m->room, &m->lock);
	atomic_fetch_sub(&m->waiting, 1);
	pthread_mutex_unlock(&m->lock);
	return ok;
}

static void wake(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	pthread_cond_broadcast(&m->room);
	pthread_mutex_unlock(&m->lock);
}

static bool is_filled(const struct mailbox *m)
{
	return atomic_load(turn_of(m, m->taken)) == m->taken + 1;
}

/* Not for each item that is taken: who waits would be woken for each. */
static bool is_half_free(const struct mailbox *m)
{
	return atomic_load_explicit(&m->posted, memory_order_relaxed) - m->taken <= m->mask / 2;
}

bool mailbox_take(struct mailbox *m, void *item)
{
	if (!is_filled(m)) {
		atomic_store(&m->is_told, false);
		if (!is_filled(m))
			return false;
		atomic_store(&m->is_told, true); /* there is no need for an edge yet */
	}
	memcpy(item, item_of(m, m->taken), m->item_size);
	atomic_store(turn_of(m, m->taken), m->taken + m->mask + 1);
	m->taken++;
	if (atomic_load(&m->waiting) > 0 && is_half_free(m))
		wake(m);
	return true;
}

void mailbox_close(struct mailbox *m)
{
	atomic_store(&m->is_closed, true);
	wake(m);
}
