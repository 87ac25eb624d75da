/* SPDX-License-Identifier: Apache-2.0 */
#include "net/backoff.h"

uint64_t backoff_failed(struct backoff *b, uint64_t now_ns)
{
	uint64_t wait_ns = b->first_ns;

	if (b->first_ns == 0)
		return UINT64_MAX;
	for (uint32_t i = 0; i < b->failures && wait_ns < b->max_ns; i++)
		wait_ns = wait_ns > UINT64_MAX / 2 ? UINT64_MAX : 2 * wait_ns;
	if (wait_ns > b->max_ns)
		wait_ns = b->max_ns;
	if (b->failures < UINT32_MAX)
		b->failures++;
	wait_ns -= rng_below(&b->rng, wait_ns / 2 + 1);
	return now_ns > UINT64_MAX - wait_ns ? UINT64_MAX : now_ns + wait_ns;
}

void backoff_succeeded(struct backoff *b)
{
	b->failures = 0;
}
