/* SPDX-License-Identifier: Apache-2.0 */
#include "config/workload.h"

uint64_t workload_producers(const struct workload *w)
{
	return (uint64_t)w->topics * w->producers_per_topic;
}

uint64_t workload_consumers(const struct workload *w)
{
	uint64_t subscriptions = (uint64_t)w->topics * w->subscriptions_per_topic;

	/* 1e6 * 1e6 * 1e6 would not fit: what is far too much stays far too much. */
	if (w->consumers_per_subscription > 0 &&
	    subscriptions > UINT64_MAX / w->consumers_per_subscription)
		return UINT64_MAX;
	return subscriptions * w->consumers_per_subscription;
}

double workload_rate(const struct workload *w)
{
	if (w->rate_mode != RATE_FIXED)
		return 0;
	return w->rate_scope == RATE_TOTAL ? w->rate_per_s
	                                   : w->rate_per_s * (double)workload_producers(w);
}
