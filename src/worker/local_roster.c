/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_roster.h"

#include <string.h>

#include "util/arena.h"

/* Producers as they are told. */
struct told {
	const char *const *topics;
	size_t producers;
	const struct producer_ids *ranges;
	size_t ranges_count;
};

static bool make_roster(struct local_roster *r, const struct told *told, struct arena *arena,
                        struct error *err)
{
	struct roster *of = arena_alloc(arena, sizeof(*of));
	uint64_t numbers = 0;

	for (size_t i = 0; i < told->ranges_count; i++)
		numbers += told->ranges[i].count;
	if (numbers != told->producers ||
	    !roster_make_of(of, told->topics, told->ranges, told->ranges_count, arena))
		return error_set(err, ERROR_USAGE, "%zu producers cannot be told apart",
		                 told->producers);
	r->of = of;
	return true;
}

/* Numbers end before 2^32. */
static bool make_from(struct local_roster *r, const char *const *topics, size_t producers,
                      uint32_t id_base, struct arena *arena, struct error *err)
{
	if (producers >= ROSTER_NONE - id_base)
		return error_set(err, ERROR_USAGE, "%zu producers cannot be told apart", producers);
	const struct producer_ids all = { id_base, (uint32_t)producers };
	const struct told told = { topics, producers, &all, 1 };
	return make_roster(r, &told, arena, err);
}

static void number_subscriptions(struct local_roster *r, const struct worker_subscription *items,
                                 size_t count, struct arena *arena)
{
	r->numbers = arena_alloc(arena, (count + 1) * sizeof(*r->numbers));
	r->subscriptions = 0;
	for (size_t i = 0; i < count; i++) {
		struct local_number *to = &r->numbers[i];
		if (i > 0 && strcmp(items[i].topic, items[i - 1].topic) == 0)
			*to = (struct local_number){ to[-1].topic, to[-1].subscription + 1 };
		else
			to->topic = roster_topic(r->of, items[i].topic);
		if (to->subscription + 1 > r->subscriptions)
			r->subscriptions = to->subscription + 1;
	}
}

bool local_roster_expect(struct local_roster *r, const struct worker_create_consumers *c,
                         const struct worker_subscription *subscriptions, size_t count,
                         struct arena *arena, struct error *err)
{
	if (!c->account)
		return true;
	const struct told told = { c->producer_topics, c->producers, c->id_ranges,
		                   c->id_ranges_count };
	bool ok = c->id_ranges != NULL
	                  ? make_roster(r, &told, arena, err)
	                  : make_from(r, c->producer_topics, c->producers, c->id_base, arena, err);
	if (!ok)
		return false;
	number_subscriptions(r, subscriptions, count, arena);
	if (r->subscriptions >= UINT16_MAX || c->partitions >= UINT16_MAX)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "no account is kept of %u subscriptions and %u partitions of a "
		                 "topic: at most %u of each; set accounting: off",
		                 r->subscriptions, c->partitions, UINT16_MAX - 1);
	return true;
}

/* All of them, or, of a share, all of one range. */
static bool is_as_told(const struct local_roster *told, const struct worker_create_producers *p)
{
	const struct roster *r = told->of;

	if (!told->is_share && r->producers != p->count)
		return false;
	for (uint32_t i = 0; i < p->count; i++) {
		uint32_t producer = roster_find(r, p->id_base + i);
		if (producer == ROSTER_NONE ||
		    strcmp(r->names[r->topic_of[producer]], p->topics[i]) != 0)
			return false;
	}
	return true;
}

bool local_roster_meet(struct local_roster *r, const struct worker_create_producers *p,
                       bool has_consumers, struct arena *arena, struct error *err)
{
	bool told = r->of != NULL;

	if (!has_consumers && !told)
		return !p->account || make_from(r, p->topics, p->count, p->id_base, arena, err);
	if (told != p->account || (told && !is_as_told(r, p)))
		return error_set(err, ERROR_USAGE,
		                 "these are not the producers that the consumers were told of");
	return true;
}
