/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/script.h"

#define NS_PER_S UINT64_C(1000000000)

bool loop_script_is_stalled(const struct loop_script *s, const struct loop_timeline *t,
                            uint64_t at_ns, uint64_t *end_ns)
{
	uint64_t first_ns = t->start_ns + s->stall_start_ns;

	if (!t->is_started || s->stall_duration_ns == 0 || at_ns < first_ns)
		return false;

	uint64_t into_ns = at_ns - first_ns;
	if (s->stall_every_ns != 0)
		into_ns %= s->stall_every_ns;
	if (into_ns >= s->stall_duration_ns)
		return false;
	*end_ns = at_ns - into_ns + s->stall_duration_ns;
	return true;
}

uint64_t loop_script_next_edge_ns(const struct loop_script *s, const struct loop_timeline *t,
                                  uint64_t at_ns)
{
	uint64_t first_ns = t->start_ns + s->stall_start_ns;
	uint64_t end_ns;

	if (!t->is_started || s->stall_duration_ns == 0)
		return UINT64_MAX;
	if (loop_script_is_stalled(s, t, at_ns, &end_ns))
		return end_ns;
	if (at_ns < first_ns)
		return first_ns;
	if (s->stall_every_ns == 0)
		return UINT64_MAX;
	return at_ns - (at_ns - first_ns) % s->stall_every_ns + s->stall_every_ns;
}

/* When what is due at `at_ns` happens, seeing that a stalled broker does nothing. */
static uint64_t out_of_stall(const struct loop_script *s, const struct loop_timeline *t,
                             uint64_t at_ns)
{
	uint64_t end_ns;

	if (s->stall_where == LOOP_STALL_BROKER && loop_script_is_stalled(s, t, at_ns, &end_ns))
		return end_ns;
	return at_ns;
}

/* When the message is served.  A stall in the middle of its service makes that longer. */
static uint64_t serve(const struct loop_script *s, struct loop_timeline *t, uint64_t now_ns)
{
	if (s->capacity_per_s == 0)
		return now_ns;

	if (t->busy_ns < now_ns) {
		t->busy_ns = now_ns;
		t->rest = 0;
	}
	uint64_t begin_ns = out_of_stall(s, t, t->busy_ns);
	uint64_t edge_ns = loop_script_next_edge_ns(s, t, begin_ns);

	t->rest += NS_PER_S % s->capacity_per_s;
	t->busy_ns = begin_ns + NS_PER_S / s->capacity_per_s + t->rest / s->capacity_per_s;
	t->rest %= s->capacity_per_s;
	if (s->stall_where == LOOP_STALL_BROKER && edge_ns < t->busy_ns)
		t->busy_ns += s->stall_duration_ns;
	return t->busy_ns;
}

struct loop_due loop_script_receive(const struct loop_script *s, struct loop_timeline *t,
                                    uint64_t now_ns)
{
	if (!t->is_started && t->received >= s->stall_after) {
		t->is_started = true;
		t->start_ns = now_ns;
	}
	t->received++;

	uint64_t done_ns = serve(s, t, now_ns) + s->delay_ns;
	return (struct loop_due){
		.ack_ns = out_of_stall(s, t, done_ns + s->ack_delay_ns),
		.visible_ns = out_of_stall(s, t, done_ns + s->delivery_delay_ns),
	};
}

static bool strikes(uint64_t every, uint64_t n)
{
	return every != 0 && n % every == 0;
}

unsigned loop_script_faults(const struct loop_script *s, uint64_t n)
{
	unsigned faults = 0;

	if (n <= s->faults_after)
		return 0;
	n -= s->faults_after;
	if (strikes(s->lose_every, n))
		faults |= LOOP_FAULT_LOSE;
	if (strikes(s->duplicate_every, n))
		faults |= LOOP_FAULT_DUPLICATE;
	if (strikes(s->reorder_every, n))
		faults |= LOOP_FAULT_REORDER;
	if (strikes(s->fail_every, n))
		faults |= LOOP_FAULT_FAIL;
	if (strikes(s->corrupt_every, n))
		faults |= LOOP_FAULT_CORRUPT;
	return faults;
}
