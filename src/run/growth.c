/* SPDX-License-Identifier: Apache-2.0 */
#include "run/growth.h"

#define S           UINT64_C(1000000000)

#define PERIOD_NS   (10 * S)
#define PERIODS     3
/* A group whose members come together may receive nothing for so long without any session that
 * times out: a rebalance waits for members that have a minute for their batch. */
#define STANDING_NS (60 * S)

void growth_begin(struct growth *g, const struct growth_look *now, uint64_t standing_ns)
{
	*g = (struct growth){
		.standing_ns = standing_ns > STANDING_NS ? standing_ns : STANDING_NS,
		.first = *now,
		.last = *now,
	};
}

static void start_over(struct growth *g, const struct growth_look *now)
{
	growth_begin(g, now, g->standing_ns);
}

bool growth_look(struct growth *g, const struct growth_look *now)
{
	if (now->is_disturbed) {
		start_over(g, now);
		return false;
	}
	if (now->at_ns - g->last.at_ns < PERIOD_NS)
		return false;
	if (now->backlog < g->last.backlog) {
		start_over(g, now);
		return false;
	}
	uint64_t grew = now->backlog - g->last.backlog;
	bool grows_on = 2 * grew >= g->before[1];
	g->before[1] = g->before[0];
	g->before[0] = grew;
	g->periods++;
	g->consumed_in += now->received > g->last.received;
	g->last = *now;
	if (g->consumed_in == g->periods)
		return g->periods >= PERIODS && grows_on;
	/* A backlog that nobody adds to and nobody takes from is one that nobody works on. */
	return g->last.backlog > g->first.backlog &&
	       g->last.at_ns - g->first.at_ns >= g->standing_ns;
}

static double per_s(uint64_t count, uint64_t ns)
{
	return ns == 0 ? 0 : (double)count * 1e9 / (double)ns;
}

double growth_per_s(const struct growth *g)
{
	return per_s(g->last.backlog - g->first.backlog, g->last.at_ns - g->first.at_ns);
}

double growth_received_per_s(const struct growth *g)
{
	return per_s(g->last.received - g->first.received, g->last.at_ns - g->first.at_ns);
}
