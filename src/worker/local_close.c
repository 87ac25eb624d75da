/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "util/clock.h"
#include "worker/local_state.h"

/* How often it is looked at whether an agent still closes clients. */
#define LOOK_NS   UINT64_C(500000000)

/* So many agents are named when a verb waits for them in vain. */
#define NAMED_MAX 3

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

void local_close_begin(struct local *l, const struct local_slots *slots)
{
	struct agent_command command = { .verb = AGENT_VERB_CLOSE };

	local_command(l, slots, &command, -1);
}

struct closing_limits local_close_limits(const struct local_slots *slots, uint32_t most_ms)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < slots->count; i++) {
		const struct local_slot *slot = &slots->items[i];
		uint64_t of_a_loop = (slot->clients_count + slot->loops - 1) / slot->loops;
		most = of_a_loop > most ? of_a_loop : most;
	}
	return closing_limits(most, most_ms);
}

static void look_at_progress(struct agent *a, uint64_t now_ns)
{
	uint64_t closed = agent_shm_closed(a->shm);

	if (closed != a->closed) {
		a->closed = closed;
		a->closed_ns = now_ns;
	}
}

/* Does what is due with an agent that has not ended; returns when to look again. */
static uint64_t step(struct local *l, struct agent *a, const struct closing_limits *limits)
{
	uint64_t now_ns = clock_ns();
	uint64_t next_ns = 0;

	look_at_progress(a, now_ns);
	const struct closing_agent facts = {
		.asked_ns = a->asked_ns,
		.answered_ns = a->answered_ns,
		.closed_ns = a->closed_ns,
		.killed_ns = a->killed_ns,
	};
	switch (closing_step(limits, &facts, now_ns, &next_ns)) {
	case CLOSING_WAIT:
		break;
	case CLOSING_KILL_HUNG:
		agent_kill(a, AGENT_HUNG);
		break;
	case CLOSING_KILL_SLOW:
		agent_kill(a, AGENT_SLOW);
		break;
	case CLOSING_GIVE_UP:
		a->given_up = true;
		a->ended_ns = now_ns;
		local_agent_ended(l, a, false);
		break;
	}
	return earlier(next_ns > now_ns ? next_ns : UINT64_MAX, now_ns + LOOK_NS);
}

bool local_close_goes_on(struct local *l, const struct local_slots *slots,
                         const struct closing_limits *limits, uint64_t *look_ns)
{
	bool all_gone = true;

	for (uint32_t i = 0; i < slots->count; i++) {
		struct agent *a = slots->items[i].agent;
		if (a == NULL || agent_is_gone(a))
			continue;
		*look_ns = earlier(*look_ns, step(l, a, limits));
		all_gone = all_gone && agent_is_gone(a);
	}
	return all_gone;
}

/* --- who keeps a verb waiting ------------------------------------------------------------------- */

static bool is_waited_for(const struct agent *a, bool is_opening)
{
	if (a == NULL || agent_is_gone(a))
		return false;
	return is_opening ? a->loops_open < a->spec.loops : a->answers_due > 0;
}

void local_describe_waiting(const struct local_slots *slots, bool is_opening, struct text *out)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < slots->count; i++) {
		const struct agent *a = slots->items[i].agent;
		if (!is_waited_for(a, is_opening))
			continue;
		if (waiting < NAMED_MAX)
			text_addf(out, "%s%s agent %u (process %d)", waiting > 0 ? ", " : "",
			          agent_role_name(a->spec.role), a->spec.index, (int)a->pid);
		waiting++;
	}
	if (waiting > NAMED_MAX)
		text_addf(out, " and %u more", waiting - NAMED_MAX);
	if (waiting > 0)
		text_addf(out, " %s not %s", waiting == 1 ? "has" : "have",
		          is_opening ? "opened all clients" : "answered");
}
