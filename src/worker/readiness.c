/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/readiness.h"

#include <inttypes.h>

/* So many subscriptions, and so many producers, are named. */
#define NAMED_MAX 3

/* The first member of a group has all partitions for a while: as long as others who should have some
 * have none, partitions are about to move. */
bool readiness_of(const struct worker_ready *s)
{
	uint32_t busy = s->members < s->partitions ? s->members : s->partitions;

	return s->probe_seen && s->assigned == s->partitions && s->members_assigned >= busy;
}

bool readiness_is_complete(const struct worker_readiness *r)
{
	return r->ready == r->count && r->producers_ready == r->producers;
}

/* "topic/subscription (2 of 4 partitions, no probe seen)" */
static void describe_subscription(const struct worker_ready *s, struct text *out)
{
	const char *comma = "";

	text_addf(out, "%s/%s (", s->topic, s->subscription);
	if (s->partitions > 0 && s->assigned != s->partitions) {
		text_addf(out, "%" PRIu32 " of %" PRIu32 " partitions", s->assigned, s->partitions);
		comma = ", ";
	} else if (s->partitions > 0 && s->members_assigned < s->members) {
		text_addf(out, "%" PRIu32 " of %" PRIu32 " consumers have partitions",
		          s->members_assigned, s->members);
		comma = ", ";
	}
	text_addf(out, "%s%s)", comma, s->probe_seen ? "a probe was seen" : "no probe seen");
}

static void add_rest(uint64_t all, uint64_t named, struct text *out)
{
	if (all > named)
		text_addf(out, " and %" PRIu64 " more", all - named);
}

static void describe_subscriptions(const struct worker_readiness *r, double limit_s,
                                   struct text *out)
{
	uint64_t named = 0;

	text_addf(out, "%zu of %zu subscriptions were not ready within %.3g s", r->count - r->ready,
	          r->count, limit_s);
	for (size_t i = 0; r->items != NULL && i < r->count && named < NAMED_MAX; i++) {
		if (readiness_of(&r->items[i]))
			continue;
		text_add(out, named++ > 0 ? ", " : ": ");
		describe_subscription(&r->items[i], out);
	}
	if (named > 0)
		add_rest(r->count - r->ready, named, out);
}

static void describe_producers(const struct worker_readiness *r, size_t named_max, struct text *out)
{
	uint64_t silent = r->producers - r->producers_ready, named = 0;

	for (size_t i = 0; i < r->silent_count && named < named_max; i++)
		text_addf(out, "%sproducer %" PRIu32 " of %s", named++ > 0 ? ", " : "",
		          r->silent[i].producer, r->silent[i].topic);
	add_rest(silent, named, out);
}

void readiness_describe(const struct worker_readiness *r, double limit_s, struct text *out)
{
	uint64_t silent = r->producers - r->producers_ready;
	bool is_more =
		r->ready < r->count; /* what the clients say has to find room behind all this */

	if (is_more)
		describe_subscriptions(r, limit_s, out);
	if (silent == 0)
		return;
	text_addf(out, "%s%" PRIu64 " of %" PRIu64 " producers had no probe acknowledged",
	          is_more ? "; " : "", silent, r->producers);
	if (!is_more)
		text_addf(out, " within %.3g s", limit_s);
	text_add(out, ": ");
	describe_producers(r, is_more ? 1 : NAMED_MAX, out);
}
