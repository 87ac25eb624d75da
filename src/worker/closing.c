/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/closing.h"

#define MS            UINT64_C(1000000)
#define S             UINT64_C(1000000000)

/* A loop answers between two batches, in milliseconds; a host that swaps may need seconds. */
#define ANSWER_NS     (10 * S)

/* Consumers leave their groups all together in 2 s; a client whose library waits for its threads has
 * taken 1.0 s.  Nothing closed for this long is a library that hangs. */
#define STALL_NS      (15 * S)

#define WHOLE_NS      (20 * S)
#define PER_CLIENT_NS (1200 * MS)

/* From SIGKILL to the end: the kernel frees the memory of the process meanwhile. */
#define DEATH_NS      (5 * S)

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct closing_limits closing_limits(uint64_t clients, uint32_t most_ms)
{
	uint64_t most_ns = most_ms == 0 ? UINT64_MAX : most_ms * MS;

	return (struct closing_limits){
		.answer_ns = earlier(ANSWER_NS, most_ns),
		.stall_ns = earlier(STALL_NS, most_ns),
		.whole_ns = earlier(WHOLE_NS + clients * PER_CLIENT_NS, most_ns),
	};
}

uint64_t closing_bound_ns(const struct closing_limits *limits)
{
	return limits->whole_ns + DEATH_NS;
}

enum closing_step closing_step(const struct closing_limits *limits, const struct closing_agent *a,
                               uint64_t now_ns, uint64_t *next_ns)
{
	uint64_t end_ns;

	if (a->killed_ns != 0) {
		*next_ns = a->killed_ns + DEATH_NS;
		return now_ns >= *next_ns ? CLOSING_GIVE_UP : CLOSING_WAIT;
	}
	if (a->answered_ns == 0) {
		*next_ns = a->asked_ns + limits->answer_ns;
		return now_ns >= *next_ns ? CLOSING_KILL_HUNG : CLOSING_WAIT;
	}
	end_ns = later(a->answered_ns, a->closed_ns) + limits->stall_ns;
	*next_ns = earlier(end_ns, a->asked_ns + limits->whole_ns);
	return now_ns >= *next_ns ? CLOSING_KILL_SLOW : CLOSING_WAIT;
}
