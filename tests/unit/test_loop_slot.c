/* SPDX-License-Identifier: Apache-2.0 */

/* What a loop counts by due time: it looks where the last message went first. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/loop.h"
#include "agent/shm.h"
#include "util/rng.h"

#define S       UINT64_C(1000000000)
#define START   (1000 * S)
#define SLOT_NS (UINT64_C(1) << SHM_SLOT_SHIFT)
#define BEYOND  (START + (SHM_SLOTS - 1) * SLOT_NS) /* due later than all slots */

/* A loop with nothing but its words. */
static struct loop loop_over(struct agent_shm *shm)
{
	struct loop l = { .shm = shm, .words = &shm->loop[0], .edge_ns = UINT64_MAX };

	for (int w = 0; w < WINDOW_COUNT; w++)
		l.latencies[w] = &l.words->latencies[w];
	return l;
}

static struct agent_shm *map(void)
{
	struct agent_shm_shape shape = { .loops = 1 };
	struct error err;
	struct agent_shm *shm = agent_shm_map(&shape, &err);

	assert_non_null(shm);
	counter_set(&shm->control.slots_start_ns, START);
	return shm;
}

/* Of a run of 4 s, mostly near the message before; now and then by another clock, or much later. */
static uint64_t some_due_ns(struct rng *r, uint64_t before_ns)
{
	switch (rng_below(r, 16)) {
	case 0:
		return START - rng_below(r, S);
	case 1:
		return BEYOND - 2 + rng_below(r, 4);
	case 2:
		return START + rng_below(r, 4 * S);
	case 3: /* a slot's last instant and the next one's first */
		return START + (1 + rng_below(r, 30)) * SLOT_NS - rng_below(r, 2);
	default:
		return before_ns + rng_below(r, S / 100);
	}
}

/* An edge often falls onto one of a slot, or onto the message at hand. */
static uint64_t some_edge_ns(struct rng *r, uint64_t due_ns)
{
	switch (rng_below(r, 3)) {
	case 0:
		return due_ns + rng_below(r, 2);
	case 1:
		return START + rng_below(r, 30) * SLOT_NS;
	default:
		return START + rng_below(r, 4 * S);
	}
}

static void announce(struct rng *r, struct shm_control *control, uint64_t due_ns)
{
	uint64_t start_ns = some_edge_ns(r, due_ns);

	counter_set(&control->window_start_ns, rng_below(r, 4) == 0 ? UINT64_MAX : start_ns);
	counter_set(&control->window_end_ns,
	            rng_below(r, 4) == 0 ? UINT64_MAX : start_ns + rng_below(r, 2 * S));
}

static void assert_same_counts(const struct shm_loop *is, const struct shm_loop *should)
{
	assert_memory_equal(is->by_due, should->by_due, sizeof(is->by_due));
	assert_memory_equal(is->due_later, should->due_later, sizeof(is->due_later));
}

static void each_message_counts_in_its_own_slot_and_window(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct agent_shm *shm = map(), *plain = map();
		struct loop l = loop_over(shm);
		struct rng r = { seed };
		uint64_t due_ns = START;
		unsigned found = 0;

		for (int i = 0; i < 20000; i++) {
			if (rng_below(&r, 100) == 0) {
				announce(&r, &shm->control, due_ns);
				loop_look(&l, START);
			}
			due_ns = some_due_ns(&r, due_ns);
			found += due_ns - l.slot.from_ns < l.slot.ns;
			enum window w = loop_window_of(&l, due_ns);
			shm_count_due(&plain->loop[0], START, w, due_ns);
			assert_ptr_equal(loop_count_due(&l, due_ns), &l.words->latencies[w]);
		}
		assert_same_counts(l.words, &plain->loop[0]);
		assert_true(found > 5000); /* both ways were gone */
		agent_shm_unmap(shm);
		agent_shm_unmap(plain);
	}
}

/* The cheap way holds for all of a slot, up to the edge of the window that falls into it. */
static void a_slot_is_looked_up_once(void **state)
{
	struct agent_shm *shm = map();
	struct loop l = loop_over(shm);

	(void)state;
	counter_set(&shm->control.window_start_ns, START + 10 * SLOT_NS + 5);
	counter_set(&shm->control.window_end_ns, START + 20 * SLOT_NS + 7);
	loop_look(&l, START);
	static const struct {
		uint64_t due_ns, from_ns, end_ns;
	} rows[] = {
		{ START + 3, START, START + SLOT_NS },
		{ START + 10 * SLOT_NS, START + 10 * SLOT_NS, START + 10 * SLOT_NS + 5 },
		{ START + 10 * SLOT_NS + 5, START + 10 * SLOT_NS + 5, START + 11 * SLOT_NS },
		{ START + 20 * SLOT_NS + 6, START + 20 * SLOT_NS, START + 20 * SLOT_NS + 7 },
		{ START + 21 * SLOT_NS - 1, START + 20 * SLOT_NS + 7, START + 21 * SLOT_NS },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		loop_count_due(&l, rows[i].due_ns);
		assert_int_equal(l.slot.from_ns, rows[i].from_ns);
		assert_int_equal(l.slot.from_ns + l.slot.ns, rows[i].end_ns);
	}
	agent_shm_unmap(shm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_counts_in_its_own_slot_and_window),
		cmocka_unit_test(a_slot_is_looked_up_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
