/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/pacer.h"

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

static void begin(struct pacer *p, const struct pacer_epoch *epoch)
{
	assert(epoch->micro_per_s > 0 && epoch->micro_per_s <= PACER_MICRO_PER_S_MAX);

	p->micro_per_s = epoch->micro_per_s;
	p->step_ns = schedule_offset_ns(p->producers, epoch->micro_per_s, &p->rem);
	p->next_ns = epoch->start_ns + schedule_offset_ns(p->index, epoch->micro_per_s, &p->acc);
	p->change_ns = UINT64_MAX;
}

void pacer_init(struct pacer *p, const struct pacer_epoch *epoch, uint32_t index,
                uint32_t producers)
{
	assert(index < producers);

	*p = (struct pacer){ .index = index, .producers = producers };
	begin(p, epoch);
}

void pacer_change(struct pacer *p, const struct pacer_epoch *epoch, bool forgive)
{
	if (forgive || p->next_ns >= epoch->start_ns) {
		begin(p, epoch);
		return;
	}
	p->change_ns = epoch->start_ns;
	p->next = *epoch;
}

void pacer_enter_next_epoch(struct pacer *p)
{
	struct pacer_epoch next = p->next;

	begin(p, &next);
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

	struct pacer after;
	pacer_init(&after, &p->next, p->index, p->producers);
	return owed_until(p, p->change_ns) + owed_until(&after, end_ns);
}
