/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/silence.h"

#include <string.h>

#include "stats/counter.h"

#define SILENCE_OPEN (UINT64_C(1) << 63)

void silence_init(struct silence *s, struct shm_silence *words, uint64_t *heard_ns,
                  uint32_t partitions, bool from_the_start)
{
	*s = (struct silence){
		.words = words,
		.heard_ns = heard_ns,
		.partitions = partitions,
		.from_the_start = from_the_start,
	};
	silence_set_least(s, SILENCE_LEAST_NS);
}

void silence_set_least(struct silence *s, uint64_t ns)
{
	s->longest_ns = ns;
	s->limit_ns = ns;
}

void silence_forget(struct silence *s)
{
	memset(s->heard_ns, 0, ((size_t)s->partitions + 1) * sizeof(*s->heard_ns));
}

static void tell(struct silence *s, uint32_t slot, uint64_t from_ns, uint64_t until_ns,
                 uint64_t open)
{
	uint64_t told = counter_read(&s->words->told);
	struct shm_silence_copy *to = &s->words->copies[told % 2];
	uint64_t partition = slot < s->partitions ? (uint64_t)slot + 1 : 0;

	s->longest_ns = until_ns - from_ns;
	/* The partners are in silence_read: whoever reads one of these words finds `told` at least as it
	 * is now, and whoever reads the next `told` finds these. */
	atomic_store_explicit(&to->from_ns, from_ns, memory_order_release);
	atomic_store_explicit(&to->until_ns, until_ns, memory_order_release);
	atomic_store_explicit(&to->where, partition | open, memory_order_release);
	atomic_store_explicit(&s->words->told, told + 1, memory_order_release);
}

void silence_heard_late(struct silence *s, int32_t partition, uint64_t called_ns, uint64_t now_ns)
{
	uint32_t slot = silence_slot(s, partition);
	uint64_t before_ns = s->heard_ns[slot];
	uint64_t from_ns = before_ns > called_ns ? before_ns : called_ns;
	bool counts = before_ns != 0 || s->from_the_start;

	s->heard_ns[slot] = now_ns;
	if (s->owed_ns != 0 && s->owed_slot == slot) {
		from_ns = s->owed_ns < from_ns ? s->owed_ns : from_ns;
		s->owed_ns = 0;
	}
	/* Later than now: of another clock. */
	if (counts && from_ns < now_ns && now_ns - from_ns >= s->longest_ns)
		tell(s, slot, from_ns, now_ns, 0);
	s->limit_ns = s->owed_ns != 0 ? 0 : s->longest_ns;
}

void silence_failed(struct silence *s, int32_t partition, uint64_t called_ns, uint64_t now_ns)
{
	uint32_t slot = silence_slot(s, partition);
	uint64_t before_ns = s->heard_ns[slot];
	uint64_t from_ns = before_ns > called_ns ? before_ns : called_ns;

	if (s->owed_ns == 0 || from_ns < s->owed_ns) {
		s->owed_ns = from_ns;
		s->owed_slot = slot;
	}
	s->limit_ns = 0; /* the next answer is looked at, however soon it comes */
	if (s->owed_ns < now_ns && now_ns - s->owed_ns >= s->longest_ns)
		tell(s, s->owed_slot, s->owed_ns, now_ns, SILENCE_OPEN);
}

bool silence_read(const struct shm_silence *words, struct silence_found *out)
{
	uint64_t told, where;

	do {
		told = atomic_load_explicit(&words->told, memory_order_acquire);
		if (told == 0)
			return false;
		const struct shm_silence_copy *from = &words->copies[(told - 1) % 2];
		out->from_ns = atomic_load_explicit(&from->from_ns, memory_order_acquire);
		out->until_ns = atomic_load_explicit(&from->until_ns, memory_order_acquire);
		where = atomic_load_explicit(&from->where, memory_order_acquire);
		/* The next one goes into the other copy, the one after that over this one. */
	} while (atomic_load_explicit(&words->told, memory_order_relaxed) != told);
	out->partition = (int32_t)(where & ~SILENCE_OPEN) - 1;
	out->is_open = (where & SILENCE_OPEN) != 0;
	return true;
}
