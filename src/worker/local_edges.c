/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_edges.h"

#include "util/clock.h"
#include "worker/local_state.h"

/* Of one loop.  One that is gone has counted nothing since: it never saw a time past the edge.
 * False: it lives and has not come so far, or passed when the edge stood elsewhere. */
static bool add_loop(const struct agent *a, uint32_t loop, enum shm_edge_of which,
                     struct fact_edge *to)
{
	uint64_t counters[COUNTER_COUNT] = { 0 };
	uint64_t passed_ns = agent_shm_count_at(a->shm, loop, which, counters);

	if (passed_ns == 0 && agent_is_gone(a))
		agent_shm_count(a->shm, loop, counters);
	else if (passed_ns < to->at_ns)
		return false;
	for (int c = 0; c < COUNTER_COUNT; c++)
		to->counters[c] += counters[c];
	return true;
}

/* The first agent that has not passed; NULL = all have. */
static const struct agent *add_agents(const struct local *l, enum shm_edge_of which,
                                      struct fact_edge *to)
{
	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];

		for (uint32_t loop = 0; agent_role_makes_load(a->spec.role) && loop < a->spec.loops;
		     loop++)
			if (!add_loop(a, loop, which, to))
				return a;
	}
	return NULL;
}

void local_edges(const struct local *l, struct arena *arena, struct fact_totals *out)
{
	static const enum shm_edge_of of[FACT_EDGES] = { EDGE_WINDOW_START, EDGE_WINDOW_END };
	const uint64_t announced_ns[FACT_EDGES] = { l->window.start_ns, l->window.end_ns };
	static const char *const names[FACT_EDGES] = { "start", "end" };
	uint64_t now_ns = clock_ns();

	out->edge_lack = NULL;
	for (int e = 0; e < FACT_EDGES; e++) {
		struct fact_edge *to = &out->edges[e];

		*to = (struct fact_edge){ .at_ns = announced_ns[e] };
		const struct agent *missing = now_ns >= to->at_ns ? add_agents(l, of[e], to) : NULL;
		if (missing != NULL && out->edge_lack == NULL)
			out->edge_lack = arena_printf(
				arena, "%s agent %u did not count at the %s of the window",
				agent_role_name(missing->spec.role), missing->spec.index, names[e]);
		if (missing != NULL || now_ns < to->at_ns)
			*to = (struct fact_edge){ 0 };
	}
}
