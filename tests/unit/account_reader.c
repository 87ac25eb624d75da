/* SPDX-License-Identifier: Apache-2.0 */
#include "account_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "stats/counter.h"

static void take_one(struct account_reader *r, const struct account_chunk *c, unsigned bytes,
                     uint32_t offset)
{
	uint64_t sequence = (c->block << ACCOUNT_BLOCK_SHIFT) + offset;
	uint64_t marked = account_chunk_word(c, LANE_MARKED, offset / 64) >> (offset % 64) & 1;
	uint64_t late = account_chunk_word(c, LANE_LATE, offset / 64) >> (offset % 64) & 1;

	r->messages++;
	r->marked += marked;
	r->late += late;
	if (sequence >= r->cap)
		return;
	struct account_seen *seen = &r->seen[sequence];
	seen->times++;
	seen->marked = (uint8_t)(seen->marked + marked);
	seen->late = (uint8_t)(seen->late + late);
	seen->code = (uint16_t)account_chunk_code(c, bytes, offset);
}

struct readers {
	struct account_reader *items;
	size_t count;
	uint64_t others;
};

static struct account_reader *reader_of(const struct readers *all, const struct account_chunk *c)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].producer == c->producer &&
		    all->items[i].subscription == c->subscription)
			return &all->items[i];
	return NULL;
}

static void take(void *to, const struct account_chunk *c, unsigned bytes)
{
	struct readers *all = to;
	struct account_reader *r = reader_of(all, c);

	for (uint32_t offset = 0; offset < ACCOUNT_BLOCK; offset++) {
		if ((account_chunk_word(c, LANE_HERE, offset / 64) >> (offset % 64) & 1) == 0)
			continue;
		if (r != NULL)
			take_one(r, c, bytes, offset);
		else
			all->others++;
	}
}

uint64_t account_read(struct account_reader *readers, size_t count, struct agent_shm *shm)
{
	struct account_area *area = agent_shm_account(shm, 0);
	struct readers all = { .items = readers, .count = count };

	assert_non_null(area);
	for (uint32_t k = 0; k < area->shape.keys; k++) /* else this proves nothing */
		assert_int_equal(counter_read(&area->keys[k].missed_from), 0);
	account_area_take_over(area, take, &all);
	return all.others;
}
