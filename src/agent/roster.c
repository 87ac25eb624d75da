/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/roster.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/shm.h"
#include "agent/spec.h"
#include "util/arena.h"
#include "util/xalloc.h"

/*
 * Chunks that the parent may be behind, besides those that are open.  At 1 M msg/s a loop whose chunks
 * come full seals 244 a second.  A consumer that catches up over 16 partitions one after the other
 * finds 256 messages in each block and seals 3,900: a parent that looks every 100 ms, as it does, is
 * late by more than 150 ms before one is missing.  It costs address space alone: the chunk that came
 * back last is used first.
 */
#define BEHIND     1024

/* However many loops share what the account may take: one is open, and others are on their way. */
#define CHUNKS_MIN 64

/* --- topics -------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b, void *to)
{
	const char *const *topics = to;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = topics[x] == topics[y] ? 0 : strcmp(topics[x], topics[y]);

	return order != 0 ? order : x < y ? -1 : x > y;
}

/* --- numbers ------------------------------------------------------------------------------------- */

/* Of one range, which may reach over several high bits. */
static bool put_range(struct roster_ids *ids, const struct producer_ids *range, uint32_t first)
{
	uint64_t id = range->base, end = id + range->count;

	while (id < end) {
		struct roster_ids *to = &ids[id >> STAMP_PRODUCER_BITS];
		uint64_t border = ((id >> STAMP_PRODUCER_BITS) + 1) << STAMP_PRODUCER_BITS;
		uint64_t stop = end < border ? end : border;
		if (to->count > 0)
			return false;
		*to = (struct roster_ids){ (uint32_t)id, (uint32_t)(stop - id), first };
		first += to->count;
		id = stop;
	}
	return true;
}

static bool number_producers(struct roster *r, const struct producer_ids *ranges,
                             size_t ranges_count, struct arena *arena)
{
	struct roster_ids *ids = arena_alloc(arena, STAMP_WORKERS * sizeof(*ids));
	uint64_t producers = 0;

	memset(ids, 0, STAMP_WORKERS * sizeof(*ids));
	for (size_t k = 0; k < ranges_count; k++) {
		if ((uint64_t)ranges[k].base + ranges[k].count > ROSTER_NONE ||
		    producers + ranges[k].count >= ROSTER_NONE ||
		    !put_range(ids, &ranges[k], (uint32_t)producers))
			return false;
		producers += ranges[k].count;
	}
	uint32_t *id_of = arena_alloc(arena, (size_t)(producers + 1) * sizeof(*id_of));
	uint32_t n = 0;
	for (size_t k = 0; k < ranges_count; k++)
		for (uint32_t i = 0; i < ranges[k].count; i++)
			id_of[n++] = ranges[k].base + i;
	r->ids = ids;
	r->id_of = id_of;
	r->producers = n;
	return true;
}

/* --- the roster ---------------------------------------------------------------------------------- */

bool roster_make_of(struct roster *r, const char *const *topics, const struct producer_ids *ranges,
                    size_t ranges_count, struct arena *arena)
{
	if (!number_producers(r, ranges, ranges_count, arena))
		return false;
	uint32_t producers = r->producers;
	size_t n = (size_t)producers + 1;
	uint32_t *members = arena_alloc(arena, n * sizeof(*members));
	uint32_t *first_of = arena_alloc(arena, (n + 1) * sizeof(*first_of));
	uint32_t *topic_of = arena_alloc(arena, n * sizeof(*topic_of));
	struct roster_producer *items = arena_alloc(arena, n * sizeof(*items));
	const char **names = arena_alloc(arena, n * sizeof(*names));
	uint32_t count = 0;

	for (uint32_t i = 0; i < producers; i++)
		members[i] = i;
	qsort_r(members, producers, sizeof(*members), by_name, (void *)(uintptr_t)topics);
	for (uint32_t k = 0; k < producers; k++) {
		const char *name = topics[members[k]];
		if (count == 0 || strcmp(names[count - 1], name) != 0) {
			first_of[count] = k;
			names[count++] = arena_strdup(arena, name);
		}
		topic_of[members[k]] = count - 1;
		items[members[k]] = (struct roster_producer){ count - 1, k - first_of[count - 1] };
	}
	first_of[count] = producers;
	r->topics = count;
	r->items = items;
	r->topic_of = topic_of;
	r->members = members;
	r->first_of = first_of;
	r->names = names;
	return true;
}

void roster_make(struct roster *r, const char *const *topics, uint32_t producers, uint32_t id_base,
                 struct arena *arena)
{
	const struct producer_ids all = { id_base, producers };
	bool ok = roster_make_of(r, topics, &all, 1, arena);

	assert(ok);
}

uint32_t roster_topic(const struct roster *r, const char *name)
{
	uint32_t low = 0, high = r->topics;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (strcmp(r->names[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->topics && strcmp(r->names[low], name) == 0 ? low : ROSTER_NONE;
}

uint32_t roster_producers(const struct roster *r, uint32_t topic)
{
	return topic < r->topics ? r->first_of[topic + 1] - r->first_of[topic] : 0;
}

/* --- keys ---------------------------------------------------------------------------------------- */

static int by_subscription(const void *a, const void *b)
{
	const struct client_spec *x = *(struct client_spec *const *)a;
	const struct client_spec *y = *(struct client_spec *const *)b;

	if (x->topic_number != y->topic_number)
		return x->topic_number < y->topic_number ? -1 : 1;
	if (x->subscription_number != y->subscription_number)
		return x->subscription_number < y->subscription_number ? -1 : 1;
	return 0;
}

/* Consumers of one loop, of which those of one subscription share their keys. */
static uint64_t deal_to_consumers(const struct roster *r, struct client_spec **clients,
                                  uint32_t count)
{
	uint64_t keys = 0;

	qsort(clients, count, sizeof(struct client_spec *), by_subscription);
	for (uint32_t k = 0; k < count; k++) {
		if (k > 0 && by_subscription(&clients[k - 1], &clients[k]) == 0) {
			clients[k]->first_key = clients[k - 1]->first_key;
			continue;
		}
		clients[k]->first_key =
			keys < LOAD_ACCOUNT_KEYS_MAX ? (uint32_t)keys : LOAD_ACCOUNT_KEYS_MAX;
		keys += roster_producers(r, clients[k]->topic_number);
	}
	return keys;
}

uint64_t roster_deal_keys(const struct roster *r, enum agent_role role, struct client_spec *clients,
                          uint32_t count, uint32_t loops)
{
	struct client_spec **of_loop = xcalloc((size_t)count + 1, sizeof(*of_loop));
	uint64_t most = 0;

	for (uint32_t loop = 0; loop < loops; loop++) {
		uint32_t n = 0;
		for (uint32_t i = loop; i < count; i += loops) {
			clients[i].first_key = n; /* of a producer */
			of_loop[n++] = &clients[i];
		}
		uint64_t keys = role == AGENT_CONSUMER ? deal_to_consumers(r, of_loop, n) : n;
		most = keys > most ? keys : most;
	}
	free(of_loop);
	return most;
}

static uint32_t keys_of(const struct agent_spec *spec, const struct client_spec *client)
{
	return spec->role == AGENT_CONSUMER ? roster_producers(spec->roster, client->topic_number)
	                                    : 1;
}

struct account_shape roster_shape(const struct agent_spec *spec)
{
	struct account_area area = { 0 };
	uint32_t keys = 0;

	if (spec->roster == NULL)
		return (struct account_shape){ 0 };
	for (uint32_t i = 0; i < spec->clients_count; i++) {
		uint32_t end = spec->clients[i].first_key + keys_of(spec, &spec->clients[i]);
		keys = end > keys ? end : keys;
	}
	assert(keys <= LOAD_ACCOUNT_KEYS_MAX);
	if (keys == 0)
		return (struct account_shape){ 0 };
	struct account_shape shape = account_shape(keys, spec->partitions, BEHIND);
	account_area_init(&area, &shape);
	uint64_t most = spec->account_bytes / (area.chunk_bytes + sizeof(struct account_chunk));
	most = most > CHUNKS_MIN ? most : CHUNKS_MIN;
	if (spec->account_bytes > 0 && most < shape.chunks)
		shape.chunks = (uint32_t)most;
	return shape;
}

/* Those of a consumer. */
static void put_keys_of(const struct roster *r, const struct client_spec *client,
                        struct account_key *keys)
{
	uint32_t count = roster_producers(r, client->topic_number);

	for (uint32_t k = 0; k < count; k++) {
		keys[k].producer = r->members[r->first_of[client->topic_number] + k];
		keys[k].subscription = client->subscription_number;
	}
}

static void put_keys(const struct agent_spec *spec, uint32_t loop, struct account_area *area)
{
	bool *is_filled = xcalloc((size_t)area->shape.keys + 1, sizeof(*is_filled));

	for (uint32_t i = loop; i < spec->clients_count; i += spec->loops) {
		const struct client_spec *client = &spec->clients[i];
		struct account_key *key = &area->keys[client->first_key];
		if (spec->role != AGENT_CONSUMER) {
			key->producer = roster_find(spec->roster, client->id);
			key->subscription = ACCOUNT_ANSWERS;
		} else if (keys_of(spec, client) > 0 && !is_filled[client->first_key]) {
			is_filled[client->first_key] = true;
			put_keys_of(spec->roster, client, key);
		}
	}
	free(is_filled);
}

void roster_put_keys(const struct agent_spec *spec, struct agent_shm *shm)
{
	for (uint32_t loop = 0; shm->shape.account.keys > 0 && loop < spec->loops; loop++)
		put_keys(spec, loop, agent_shm_account(shm, loop));
}
