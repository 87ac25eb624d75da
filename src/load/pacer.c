/* SPDX-License-Identifier: Apache-2.0 */
#include "load/pacer.h"

#include <assert.h>
#include <math.h>

/* Nanoseconds times millionths: k messages at micro_per_s take k * UNIT / micro_per_s. */
#define UNIT UINT64_C(1000000000000000)

/* Not ISO C, and pedantic compilers must be told once that it is meant. */
__extension__ typedef unsigned __int128 uint128;

/* Far enough for "never" and far enough from overflow when a step is added to it. */
#define NEVER_NS (UINT64_MAX / 4)

uint64_t pacer_micro_per_s(double rate_per_s)
{
	double micro = round(rate_per_s * 1e6);

	if (!(micro >= 1))
		return 1;
	if (micro > (double)PACER_MICRO_PER_S_MAX)
		return PACER_MICRO_PER_S_MAX;
	return (uint64_t)micro;
}

/* floor(k * UNIT / micro) and what is left over.  Beyond some 146 years: NEVER_NS. */
static uint64_t schedule_offset_ns(uint64_t k, uint64_t micro_per_s, uint64_t *rest)
{
	uint128 product = (uint128)k * UNIT;
	uint128 quotient = product / micro_per_s;

	if (quotient > NEVER_NS) {
		*rest = 0;
		return NEVER_NS;
	}
	*rest = (uint64_t)(product % micro_per_s);
	return (uint64_t)quotient;
}

/* How many messages of an epoch are due before `distance_ns` after its start. */
static uint64_t messages_before(uint64_t distance_ns, uint64_t micro_per_s)
{
	uint128 product = (uint128)distance_ns * micro_per_s;

	return (uint64_t)((product + UNIT - 1) / UNIT);
}

/* The epoch rules: goes to this producer's first message in it that is not due before
 * `not_before_ns`. */
static void begin(struct pacer *p, const struct pacer_epoch *epoch, uint64_t first,
                  uint64_t not_before_ns)
{
	assert(epoch->micro_per_s > 0 && epoch->micro_per_s <= PACER_MICRO_PER_S_MAX);

	uint64_t k = first;
	if (not_before_ns > epoch->start_ns)
		k += messages_before(not_before_ns - epoch->start_ns, epoch->micro_per_s);
	k += (p->index + (uint64_t)p->producers - k % p->producers) % p->producers;

	p->epoch = *epoch;
	p->first = first;
	p->micro_per_s = epoch->micro_per_s;
	p->step_ns = schedule_offset_ns(p->producers, epoch->micro_per_s, &p->rem);
	p->next_ns = epoch->start_ns + schedule_offset_ns(k - first, epoch->micro_per_s, &p->acc);
	p->change_ns = p->changes_count > 0 ? p->changes[0].start_ns : UINT64_MAX;
}

void pacer_init(struct pacer *p, const struct pacer_epoch *epoch, uint32_t index,
                uint32_t producers)
{
	assert(index < producers);

	*p = (struct pacer){ .index = index, .producers = producers };
	begin(p, epoch, 0, 0);
}

/* The number of the message with which `next` takes over from `epoch`. */
static uint64_t takeover(const struct pacer_epoch *epoch, uint64_t first,
                         const struct pacer_epoch *next)
{
	return next->start_ns <= epoch->start_ns
	               ? first
	               : first + messages_before(next->start_ns - epoch->start_ns,
	                                         epoch->micro_per_s);
}

void pacer_change(struct pacer *p, const struct pacer_epoch *epoch, bool forgive, uint64_t now_ns)
{
	uint64_t first = p->first;
	const struct pacer_epoch *before = &p->epoch;

	if (!forgive && p->next_ns < epoch->start_ns) {
		if (p->changes_count == PACER_CHANGES)
			p->changes_count--;
		p->changes[p->changes_count++] = *epoch;
		p->change_ns = p->changes[0].start_ns;
		return;
	}
	for (uint32_t i = 0; i < p->changes_count; i++) {
		first = takeover(before, first, &p->changes[i]);
		before = &p->changes[i];
	}
	first = takeover(before, first, epoch);
	p->changes_count = 0;
	/* What was due up to the last message sent is covered already. */
	uint64_t covered_ns = p->next_ns > p->step_ns ? p->next_ns - p->step_ns : 0;
	begin(p, epoch, first, forgive ? now_ns : covered_ns + 1);
}

void pacer_enter_next_epoch(struct pacer *p)
{
	while (p->next_ns >= p->change_ns) {
		struct pacer_epoch next = p->changes[0];
		uint64_t first = takeover(&p->epoch, p->first, &next);
		p->changes_count--;
		for (uint32_t i = 0; i < p->changes_count; i++)
			p->changes[i] = p->changes[i + 1];
		begin(p, &next, first, 0);
	}
}

uint64_t pacer_due_ns(const struct pacer_epoch *epoch, uint32_t index, uint32_t producers,
                      uint64_t n)
{
	uint64_t rest;

	return epoch->start_ns +
	       schedule_offset_ns(index + n * producers, epoch->micro_per_s, &rest);
}

static uint64_t owed_until(const struct pacer *p, uint64_t end_ns)
{
	if (p->next_ns >= end_ns)
		return 0;

	/* Messages after the next one fit as long as their offset stays below the distance. */
	uint64_t left_ns = end_ns - 1 - p->next_ns;
	uint128 span = (uint128)left_ns * p->micro_per_s + (p->micro_per_s - 1 - p->acc);
	uint128 step = (uint128)p->step_ns * p->micro_per_s + p->rem;
	return step == 0 ? 1 : (uint64_t)(span / step) + 1;
}

uint64_t pacer_owed(const struct pacer *p, uint64_t end_ns)
{
	if (end_ns <= p->change_ns)
		return owed_until(p, end_ns);

	struct pacer at = *p;
	uint64_t owed = 0;

	while (at.change_ns < end_ns) {
		owed += owed_until(&at, at.change_ns);
		at.next_ns = at.change_ns;
		pacer_enter_next_epoch(&at);
	}
	return owed + owed_until(&at, end_ns);
}

/* Within the epoch that rules. */
static void skip_in_epoch(struct pacer *p, uint64_t messages)
{
	uint128 fraction = (uint128)messages * p->rem + p->acc;

	p->next_ns += messages * p->step_ns + (uint64_t)(fraction / p->micro_per_s);
	p->acc = (uint64_t)(fraction % p->micro_per_s);
}

void pacer_skip(struct pacer *p, uint64_t messages)
{
	while (p->change_ns != UINT64_MAX) {
		uint64_t here = owed_until(p, p->change_ns);
		if (messages < here)
			break;
		skip_in_epoch(p, here);
		messages -= here;
		pacer_enter_next_epoch(p);
	}
	skip_in_epoch(p, messages);
}
