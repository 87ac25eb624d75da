/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "account/writer.h"
#include "agent/shm.h"
#include "agent/spec.h"
#include "util/arena.h"

static const char *const topics[] = { "b", "a", "b", "c" };

static struct agent_shm *map(const struct agent_spec *spec)
{
	const struct agent_shm_shape shape = {
		.loops = spec->loops,
		.clients = spec->clients_count,
		.account = roster_shape(spec),
	};
	struct error err;
	struct agent_shm *shm = agent_shm_map(&shape, &err);

	assert_non_null(shm);
	roster_put_keys(spec, shm);
	return shm;
}

static void assert_key(struct agent_shm *shm, uint32_t loop, uint32_t key, uint32_t producer,
                       uint32_t subscription)
{
	const struct account_key *k = &agent_shm_account(shm, loop)->keys[key];

	assert_int_equal(k->producer, producer);
	assert_int_equal(k->subscription, subscription);
}

#define BORDER (1u << STAMP_PRODUCER_BITS)

static void producers_of_several_workers_are_found_by_their_numbers(void **state)
{
	/* The second range reaches over a border, as one that begins anywhere may. */
	static const struct producer_ids ranges[] = {
		{ 3 * BORDER, 1 },
		{ 8 * BORDER - 1, 2 },
		{ 0, 1 },
	};
	struct arena arena = { 0 };
	struct roster r;

	(void)state;
	assert_true(roster_make_of(&r, topics, ranges, 3, &arena));
	assert_int_equal(r.producers, 4);
	assert_int_equal(roster_find(&r, 3 * BORDER), 0);
	assert_int_equal(roster_find(&r, 8 * BORDER - 1), 1);
	assert_int_equal(roster_find(&r, 8 * BORDER), 2);
	assert_int_equal(roster_find(&r, 0), 3);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(roster_find(&r, r.id_of[i]), i);
	assert_int_equal(roster_find(&r, 1), ROSTER_NONE);
	assert_int_equal(roster_find(&r, 3 * BORDER + 1), ROSTER_NONE);
	assert_int_equal(roster_find(&r, 3 * BORDER - 1), ROSTER_NONE);
	assert_int_equal(roster_find(&r, 8 * BORDER + 1), ROSTER_NONE);
	assert_int_equal(roster_find(&r, UINT32_MAX), ROSTER_NONE);
	arena_fini(&arena);
}

static void a_worker_has_one_range_and_numbers_end(void **state)
{
	static const struct producer_ids twice[] = { { 5, 2 }, { 9, 2 } };
	static const struct producer_ids beyond[] = { { UINT32_MAX - 1, 4 } };
	struct arena arena = { 0 };
	struct roster r;

	(void)state;
	assert_false(roster_make_of(&r, topics, twice, 2, &arena));
	assert_false(roster_make_of(&r, topics, beyond, 1, &arena));
	arena_fini(&arena);
}

static void topics_are_numbered_by_name_and_producers_within_them(void **state)
{
	static const uint32_t topic_of[] = { 1, 0, 1, 2 }, place_of[] = { 0, 0, 1, 0 };
	struct arena arena = { 0 };
	struct roster r;

	(void)state;
	roster_make(&r, topics, 4, 700, &arena);
	assert_int_equal(r.topics, 3);
	assert_int_equal(r.producers, 4);
	assert_int_equal(roster_find(&r, 699), ROSTER_NONE);
	assert_int_equal(roster_find(&r, 704), ROSTER_NONE);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(roster_find(&r, 700 + i), i);
		assert_int_equal(r.id_of[i], 700 + i);
		assert_int_equal(r.topic_of[i], topic_of[i]);
		assert_int_equal(r.items[i].topic, topic_of[i]);
		assert_int_equal(r.items[i].place, place_of[i]);
		assert_string_equal(r.names[r.topic_of[i]], topics[i]);
		assert_int_equal(roster_topic(&r, topics[i]), topic_of[i]);
	}
	assert_int_equal(roster_producers(&r, 0), 1);
	assert_int_equal(roster_producers(&r, 1), 2);
	assert_int_equal(roster_topic(&r, "ab"), ROSTER_NONE);
	assert_int_equal(roster_topic(&r, "d"), ROSTER_NONE);
	assert_int_equal(roster_producers(&r, ROSTER_NONE), 0);
	arena_fini(&arena);
}

static void each_producer_of_a_loop_has_a_key(void **state)
{
	struct client_spec clients[] = {
		{ .topic = "b", .id = 702 },
		{ .topic = "a", .id = 701 },
		{ .topic = "c", .id = 703 },
	};
	struct arena arena = { 0 };
	struct roster r;

	(void)state;
	roster_make(&r, topics, 4, 700, &arena);
	assert_int_equal(roster_deal_keys(&r, AGENT_PRODUCER, clients, 3, 2), 2);
	struct agent_spec spec = { .role = AGENT_PRODUCER,
		                   .clients = clients,
		                   .clients_count = 3,
		                   .loops = 2,
		                   .roster = &r };
	struct agent_shm *shm = map(&spec);
	assert_key(shm, 0, 0, 2, ACCOUNT_ANSWERS);
	assert_key(shm, 0, 1, 3, ACCOUNT_ANSWERS);
	assert_key(shm, 1, 0, 1, ACCOUNT_ANSWERS);
	agent_shm_unmap(shm);
	arena_fini(&arena);
}

static void members_of_a_subscription_share_the_keys_of_their_loop(void **state)
{
	struct client_spec clients[] = {
		{ .topic_number = 1, .subscription_number = 1 }, /* loop 0 */
		{ .topic_number = 0, .subscription_number = 0 }, /* loop 1 */
		{ .topic_number = 0, .subscription_number = 0 },
		{ .topic_number = ROSTER_NONE },
		{ .topic_number = 1, .subscription_number = 1 },
		{ .topic_number = 1, .subscription_number = 0 },
	};
	struct arena arena = { 0 };
	struct roster r;

	(void)state;
	roster_make(&r, topics, 4, 0, &arena);
	assert_int_equal(roster_deal_keys(&r, AGENT_CONSUMER, clients, 6, 2), 3);
	assert_int_equal(clients[0].first_key, clients[4].first_key);
	struct agent_spec spec = { .role = AGENT_CONSUMER,
		                   .clients = clients,
		                   .clients_count = 6,
		                   .loops = 2,
		                   .partitions = 16,
		                   .roster = &r };
	struct agent_shm *shm = map(&spec);
	assert_int_equal(agent_shm_account(shm, 1)->shape.keys, 3);
	assert_int_equal(agent_shm_account(shm, 1)->partition_bytes, 1);
	for (uint32_t i = 0; i < 6; i++) {
		const struct client_spec *c = &clients[i];
		for (uint32_t k = 0; k < roster_producers(&r, c->topic_number); k++)
			assert_key(shm, i % 2, c->first_key + k,
			           r.members[r.first_of[c->topic_number] + k],
			           c->subscription_number);
	}
	agent_shm_unmap(shm);
	arena_fini(&arena);
}

static void without_a_roster_there_is_no_account(void **state)
{
	static const struct client_spec client = { .topic = "t" };
	const struct agent_spec spec = {
		.role = AGENT_PRODUCER, .clients = &client, .clients_count = 1, .loops = 1
	};

	(void)state;
	struct agent_shm *shm = map(&spec);
	assert_null(agent_shm_account(shm, 0));
	agent_shm_unmap(shm);
}

static void chunks_are_bounded_and_never_too_few_to_go_on(void **state)
{
	static const struct {
		uint64_t bytes;
		uint32_t at_least, at_most;
	} cases[] = {
		{ 0, 64 + 1024, 64 + 1024 },
		{ 1, 64, 64 },
		{ UINT64_C(1) << 20, 100, 300 },
		{ UINT64_C(1) << 30, 64 + 1024, 64 + 1024 },
	};
	struct client_spec client = { .topic = "t", .id = 0 };
	struct arena arena = { 0 };
	struct roster r;

	(void)state;
	roster_make(&r, topics, 1, 0, &arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct agent_spec spec = { .role = AGENT_PRODUCER,
			                         .clients = &client,
			                         .clients_count = 1,
			                         .loops = 1,
			                         .partitions = 16,
			                         .roster = &r,
			                         .account_bytes = cases[i].bytes };
		assert_in_range(roster_shape(&spec).chunks, cases[i].at_least, cases[i].at_most);
	}
	arena_fini(&arena);
}

static size_t touched_pages(const void *from, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = bytes / page, touched = 0;
	unsigned char *resident = calloc(pages + 1, 1);

	assert_int_equal(mincore((void *)(uintptr_t)from, bytes, resident), 0);
	for (size_t i = 0; i < pages; i++)
		touched += resident[i] & 1;
	free(resident);
	return touched;
}

/* There may be ten thousand agents of one client each. */
static void an_account_takes_memory_as_it_is_written(void **state)
{
	struct client_spec client = { .topic = "t", .id = 0 };
	struct arena arena = { 0 };
	struct account_writer writer;
	struct roster r;

	(void)state;
	roster_make(&r, topics, 1, 0, &arena);
	const struct agent_spec spec = { .role = AGENT_PRODUCER,
		                         .clients = &client,
		                         .clients_count = 1,
		                         .loops = 1,
		                         .partitions = 16,
		                         .roster = &r };
	struct agent_shm *shm = map(&spec);
	struct account_area *area = agent_shm_account(shm, 0);
	size_t bytes = (size_t)((char *)shm + shm->bytes - (char *)area);
	assert_true(bytes >= account_area_bytes(&shm->shape.account));
	assert_in_range(touched_pages(area, bytes), 1, 2);
	account_writer_init(&writer, area);
	for (uint64_t i = 0; i < ACCOUNT_BLOCK; i++)
		account_put(&writer, 0, &(struct account_entry){ .sequence = i });
	assert_in_range(touched_pages(area, bytes), 2, 8);
	account_writer_fini(&writer);
	agent_shm_unmap(shm);
	arena_fini(&arena);
}

static void too_many_keys_are_told(void **state)
{
	enum { PRODUCERS = 5000, SUBSCRIPTIONS = 4000 };
	static const char *same[PRODUCERS];
	static struct client_spec clients[SUBSCRIPTIONS];
	struct arena arena = { 0 };
	struct roster r;

	(void)state;
	for (uint32_t i = 0; i < PRODUCERS; i++)
		same[i] = "t";
	for (uint32_t i = 0; i < SUBSCRIPTIONS; i++)
		clients[i].subscription_number = i;
	roster_make(&r, same, PRODUCERS, 0, &arena);
	assert_int_equal(roster_deal_keys(&r, AGENT_CONSUMER, clients, SUBSCRIPTIONS, 1),
	                 PRODUCERS * SUBSCRIPTIONS);
	assert_true(PRODUCERS * SUBSCRIPTIONS > LOAD_ACCOUNT_KEYS_MAX);
	assert_int_equal(roster_deal_keys(&r, AGENT_CONSUMER, clients, SUBSCRIPTIONS, 2),
	                 PRODUCERS * SUBSCRIPTIONS / 2);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(producers_of_several_workers_are_found_by_their_numbers),
		cmocka_unit_test(a_worker_has_one_range_and_numbers_end),
		cmocka_unit_test(topics_are_numbered_by_name_and_producers_within_them),
		cmocka_unit_test(each_producer_of_a_loop_has_a_key),
		cmocka_unit_test(members_of_a_subscription_share_the_keys_of_their_loop),
		cmocka_unit_test(without_a_roster_there_is_no_account),
		cmocka_unit_test(chunks_are_bounded_and_never_too_few_to_go_on),
		cmocka_unit_test(an_account_takes_memory_as_it_is_written),
		cmocka_unit_test(too_many_keys_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
