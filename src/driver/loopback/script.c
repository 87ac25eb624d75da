/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/script.h"

#define NS_PER_S UINT64_C(1000000000)

/* When what is due at `at_ns` happens, seeing that a stalled broker does nothing. */
static uint64_t out_of_stall(const struct loop_timeline *t, uint64_t at_ns)
{
	return faults_stall_end_ns(t->faults, FAULT_STALL, at_ns);
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
	uint64_t begin_ns = out_of_stall(t, t->busy_ns);
	uint64_t edge_ns = faults_stall_edge_ns(t->faults, FAULT_STALL, begin_ns);

	t->rest += NS_PER_S % s->capacity_per_s;
	t->busy_ns = begin_ns + NS_PER_S / s->capacity_per_s + t->rest / s->capacity_per_s;
	t->rest %= s->capacity_per_s;
	if (edge_ns < t->busy_ns)
		t->busy_ns += out_of_stall(t, edge_ns) - edge_ns;
	return t->busy_ns;
}

struct loop_due loop_script_receive(const struct loop_script *s, struct loop_timeline *t,
                                    uint64_t now_ns)
{
	uint64_t delay_ns = s->delay_ns + faults_delay_of_told_ns(t->faults, now_ns);
	uint64_t done_ns = serve(s, t, now_ns) + delay_ns;

	return (struct loop_due){
		.ack_ns = out_of_stall(t, done_ns + s->ack_delay_ns),
		.visible_ns = out_of_stall(t, done_ns + s->delivery_delay_ns),
	};
}
