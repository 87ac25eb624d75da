/* SPDX-License-Identifier: Apache-2.0 */
#include "run/limits.h"

#include "worker/closing.h"

#define CREATE          (60 * LIMITS_S)
/* Creating 500 clients took 0.3 s on 2 cores; a hundredfold is a failure. */
#define PER_CLIENT      (60 * LIMITS_MS)
#define PER_TOPIC       (200 * LIMITS_MS)

/* A broker that has not done it by then is told so in the result; `omb cleanup` tries again. */
#define DELETE_MS       15000
#define DELETE_TOPIC_MS 200
/* Members that leave in order have left when their agents are gone. */
#define GROUPS_MS       5000
/* A disposable process for it, and its client. */
#define DELETE_MARGIN   (15 * LIMITS_S)

/* A worker that keeps to its limits looks at its clock a moment later. */
#define MARGIN          (5 * LIMITS_S)

uint64_t limits_create_topics(const struct plan *plan)
{
	return CREATE + plan->topics * PER_TOPIC;
}

uint64_t limits_create_clients(uint64_t clients)
{
	return CREATE + clients * PER_CLIENT;
}

/* As if one loop had all the clients: who deals them knows better and needs less. */
static uint64_t closing_ns(uint64_t clients, uint32_t most_ms)
{
	struct closing_limits limits = closing_limits(clients, most_ms);

	return closing_bound_ns(&limits);
}

uint64_t limits_finish(const struct plan *plan, uint32_t most_ms)
{
	return closing_ns(plan->producers, most_ms) + closing_ns(plan->consumers, most_ms) + MARGIN;
}

uint64_t limits_stop(const struct plan *plan, uint32_t most_ms)
{
	uint64_t clients = plan->producers > plan->consumers ? plan->producers : plan->consumers;

	return closing_ns(clients, most_ms) + MARGIN;
}

uint32_t limits_delete_topics_ms(const struct plan *plan)
{
	uint64_t ms = DELETE_MS + (uint64_t)plan->topics * DELETE_TOPIC_MS;

	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

uint32_t limits_delete_groups_ms(uint64_t standstill_ns, bool members_may_be_left)
{
	uint64_t ms = GROUPS_MS + (members_may_be_left ? standstill_ns / LIMITS_MS : 0);

	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

uint64_t limits_delete(uint32_t topics_ms, uint32_t groups_ms)
{
	return topics_ms * LIMITS_MS + groups_ms * LIMITS_MS + DELETE_MARGIN;
}

uint64_t limits_topic_ends(const struct plan *plan)
{
	return 20 * LIMITS_S + (uint64_t)plan->topics * (20 * LIMITS_MS);
}
