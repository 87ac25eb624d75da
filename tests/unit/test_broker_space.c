/* SPDX-License-Identifier: Apache-2.0 */

/* What is dropped when the memory is full, and that whatever a reader had not had is counted. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/groups/groups.h"
#include "broker/store/readers.h"
#include "broker_members.h"

#define NO_ERROR            0
#define OFFSET_OUT_OF_RANGE 1
#define POLICY_VIOLATION    44

#define BIG                 ((uint32_t)60000) /* nearly a chunk */
#define PRODUCER            0

/* 16 chunks. */
static void init(struct broker_harness *h, enum broker_full full, size_t readers_max)
{
	struct broker_options o;

	broker_options_init(&o);
	o.memory_bytes = (size_t)1 << 20;
	o.full = full;
	if (readers_max > 0)
		o.readers_max = readers_max;
	broker_harness_init(h, &o);
	for (int i = 0; i < BROKER_CLIENTS_MAX; i++)
		broker_harness_connect(h, i);
	harness_create_topic(h, &h->clients[PRODUCER], "t", 2);
}

/* The next offset, or -1 with an error. */
static int64_t fetch(struct broker_harness *h, int client, int64_t offset)
{
	const struct fetch_request f = {
		.topic = "t",
		.offset = offset,
		.min_bytes = 1,
		.max_bytes = 1 << 20,
		.partition_max_bytes = 1 << 20,
	};

	harness_send_fetch(h, &h->clients[client], &f);
	struct fetched got = harness_read_fetched(&h->clients[client]);
	return got.error == NO_ERROR ? offset + (int64_t)(got.records_len / BIG) : -1;
}

/* False: it waits for room. */
static bool produce(struct broker_harness *h)
{
	const struct test_batch b = { .messages = 1, .len = BIG, .producer = -1 };
	int64_t offset;

	return harness_produce(h, &h->clients[PRODUCER], "t", 0, &b, &offset) == NO_ERROR;
}

/* Produces `count` messages that `client` reads at once, from `offset` on. */
static int64_t produce_and_read(struct broker_harness *h, int client, int64_t offset, int count)
{
	for (int i = 0; i < count; i++) {
		while (!produce(h) && h->clients[PRODUCER].how == HANDLED_WAIT)
			broker_harness_pass(h, 5 * MS);
		offset = fetch(h, client, offset);
		assert_true(offset > 0);
	}
	assert_int_equal(fetch(h, client, offset), offset);
	return offset;
}

static int64_t log_start(struct broker_harness *h, int client)
{
	fetch(h, client, 0);
	return harness_read_fetched(&h->clients[client]).log_start;
}

static void what_a_silent_reader_has_not_had_is_counted_when_it_goes(void **state)
{
	struct broker_harness h;

	(void)state;
	init(&h, BROKER_BLOCK, 0);
	int64_t read = produce_and_read(&h, 1, 0, 3);
	assert_int_equal(fetch(&h, 2, 0), 3); /* and says nothing from now on */
	broker_harness_pass(&h, READER_STALE_NS + S);
	read = produce_and_read(&h, 1, read, 60);

	int64_t start = log_start(&h, 1);
	const struct broker_counts *c = broker_counts(h.b);
	assert_true(start > 40);
	assert_int_equal(c->dropped, start - 3);
	assert_int_equal(c->dropped_bytes, (start - 3) * BIG);
	assert_non_null(strstr(h.notices, "messages of t are dropped that a reader has not had"));

	/* It comes back, is told so, and begins anew: nothing is counted twice. */
	uint64_t late = c->late;
	assert_int_equal(fetch(&h, 2, 3), -1);
	assert_int_equal(harness_read_fetched(&h.clients[2]).error, OFFSET_OUT_OF_RANGE);
	assert_int_equal(c->late, late + 1);
	uint64_t dropped = c->dropped;
	assert_true(fetch(&h, 2, start) > start);
	int64_t end = read;
	for (int i = 0; i < 30; i++) {
		end = produce_and_read(&h, 1, end, 1);
		assert_int_equal(fetch(&h, 2, end), end);
	}
	assert_int_equal(c->dropped, dropped);
	broker_tell_dropped(h.b);
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "topic t: %d messages dropped unread", (int)dropped);
	assert_non_null(strstr(h.notices, wanted));
	broker_harness_fini(&h);
}

static void several_silent_readers_lack_each_message_once(void **state)
{
	struct broker_harness h;

	(void)state;
	init(&h, BROKER_BLOCK, 0);
	int64_t read = produce_and_read(&h, 1, 0, 2);
	fetch(&h, 2, 0); /* has two */
	read = produce_and_read(&h, 1, read, 3);
	fetch(&h, 3, 0); /* has five */
	fetch(&h, 4, 2); /* has five, and never had two */
	broker_harness_pass(&h, READER_STALE_NS + S);
	produce_and_read(&h, 1, read, 60);
	assert_int_equal(broker_counts(h.b)->dropped, log_start(&h, 1) - 2);
	broker_harness_fini(&h);
}

static void as_many_readers_as_connections_are_held_for(void **state)
{
	struct broker_harness h;

	(void)state;
	init(&h, BROKER_BLOCK, 0);
	assert_true(produce(&h));
	for (int i = 1; i < BROKER_CLIENTS_MAX; i++)
		assert_int_equal(fetch(&h, i, 0), 1);
	/* All but the last one have had it. */
	for (int i = 1; i < BROKER_CLIENTS_MAX - 1; i++)
		assert_int_equal(fetch(&h, i, 1), 1);
	while (produce(&h))
		;
	assert_int_equal(h.clients[PRODUCER].how, HANDLED_WAIT);
	broker_harness_pass(&h, S);
	assert_int_equal(h.clients[PRODUCER].how, HANDLED_WAIT);
	int64_t next = fetch(&h, BROKER_CLIENTS_MAX - 1, 0);
	assert_true(next > 1);
	assert_int_equal(broker_counts(h.b)->dropped, 0);
	broker_harness_fini(&h);
}

static void more_readers_than_may_be_are_refused_and_counted(void **state)
{
	struct broker_harness h;

	(void)state;
	init(&h, BROKER_BLOCK, 3);
	assert_true(produce(&h));
	for (int i = 1; i < 4; i++)
		assert_int_equal(fetch(&h, i, 0), 1);
	assert_int_equal(fetch(&h, 4, 0), -1);
	assert_int_equal(harness_read_fetched(&h.clients[4]).error, POLICY_VIOLATION);
	assert_int_equal(broker_counts(h.b)->refused_readers, 1);
	assert_int_equal(fetch(&h, 3, 1), 1);
	assert_non_null(strstr(h.notices, "more are refused"));
	/* A topic that is deleted gives the places of its readers back. */
	assert_int_equal(harness_delete_topic(&h, &h.clients[PRODUCER], "t"), NO_ERROR);
	assert_int_equal(harness_create_topic(&h, &h.clients[PRODUCER], "t", 1), NO_ERROR);
	assert_true(produce(&h));
	assert_int_equal(fetch(&h, 4, 0), 1);
	broker_harness_fini(&h);
}

static void leave(struct broker_harness *h, int client)
{
	broker_disconnect(h->b, h->clients[client].c);
	h->clients[client].c = NULL;
}

static void one_that_is_gone_lacks_what_was_there_unless_another_goes_on_for_it(void **state)
{
	static const struct {
		int64_t successor; /* where it begins; -1: there is none */
		bool is_counted;
	} cases[] = { { -1, true }, { 3, true }, { 2, false }, { 0, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct broker_harness h;
		init(&h, BROKER_BLOCK, 0);
		int64_t read = produce_and_read(&h, 1, 0, 2);
		assert_int_equal(fetch(&h, 2, 0), 2);
		read = produce_and_read(&h, 1, read, 3);
		fetch(&h, 2, 2); /* there are five, and it has two for sure */
		leave(&h, 2);
		if (cases[i].successor >= 0) {
			assert_int_equal(fetch(&h, 3, cases[i].successor), 5);
			leave(&h, 3);
			fetch(&h, 4, cases[i].successor); /* and another one for that */
			fetch(&h, 4, 5);
			leave(&h, 4);
		}
		broker_harness_pass(&h, READER_STALE_NS + S);
		produce_and_read(&h, 1, read, 60);
		assert_true(log_start(&h, 1) > 5);
		assert_int_equal(broker_counts(h.b)->dropped, cases[i].is_counted ? 3 : 0);
		broker_harness_fini(&h);
	}
}

static void clients_that_come_and_go_do_not_pile_up(void **state)
{
	struct broker_harness h;
	int64_t read = 0;

	(void)state;
	init(&h, BROKER_BLOCK, 200);
	for (int i = 0; i < 1000; i++) {
		struct broker_client *c = &h.clients[2];
		read = produce_and_read(&h, 1, read, i % 10 == 0);
		assert_int_equal(fetch(&h, 2, read), read); /* lacks nothing */
		broker_disconnect(h.b, c->c);
		broker_harness_connect(&h, 2);
		broker_harness_pass(&h, READER_STALE_NS / 50);
	}
	assert_int_equal(broker_counts(h.b)->refused_readers, 0);
	assert_int_equal(broker_counts(h.b)->dropped, 0);
	broker_harness_fini(&h);
}

static void dropping_the_oldest_counts_only_what_somebody_lacks(void **state)
{
	struct broker_harness h;

	(void)state;
	init(&h, BROKER_DROP_OLDEST, 0);
	for (int i = 0; i < 10; i++)
		assert_true(produce(&h));
	assert_int_equal(fetch(&h, 1, 0), 10);
	assert_int_equal(fetch(&h, 1, 10), 10);
	for (int i = 0; i < 100; i++)
		assert_true(produce(&h));
	int64_t start = log_start(&h, 1);
	assert_true(start > 50);
	assert_int_equal(broker_counts(h.b)->dropped, start - 10);
	broker_harness_fini(&h);
}

/* --- partitions that are given to another member -------------------------------------------------- */

static uint32_t hash_of(const char *name)
{
	return kafka_string_hash((struct kafka_string){ .data = name, .len = strlen(name) });
}

/* The only member is given these partitions of "t". */
static void assign(struct fixture *f, struct member *m, const int32_t *partitions, uint32_t count)
{
	struct writer *w = &m->c->frame, assignment = { 0 };

	write_i16(&assignment, 0);
	write_u32(&assignment, 1);
	write_string(&assignment, "t");
	write_u32(&assignment, count);
	for (uint32_t i = 0; i < count; i++)
		write_i32(&assignment, partitions[i]);
	write_i32(&assignment, -1);
	request_begin(m->c, SYNC, 3);
	write_string(w, "g");
	write_i32(w, m->generation);
	write_string(w, m->id);
	write_string(w, NULL);
	write_u32(w, 1);
	write_string(w, m->id);
	write_kafka_bytes(w, assignment.data, assignment.len);
	writer_fini(&assignment);
	broker_harness_send(&f->h, m->c);
	read_sync(m);
	assert_int_equal(m->code, KAFKA_NONE);
}

static void owners_of_a_partition_are_known_by_their_client_id(void **state)
{
	static const int32_t given[] = { 0, 3 };
	struct fixture *f = *state;
	struct groups *groups = broker_groups(f->h.b);

	assert_int_equal(groups_count_owners(groups, "t", 0, hash_of("test")), -1);
	join_group(f, &f->m[0]);
	read_join(&f->m[0], 5);
	assert_int_equal(groups_count_owners(groups, "t", 0, hash_of("test")), -1);
	assign(f, &f->m[0], given, 2);
	assert_int_equal(groups_count_owners(groups, "t", 0, hash_of("test")), 1);
	assert_int_equal(groups_count_owners(groups, "t", 1, hash_of("test")), 0);
	assert_int_equal(groups_count_owners(groups, "t", 3, hash_of("test")), 1);
	assert_int_equal(groups_count_owners(groups, "u", 3, hash_of("test")), 0);
	assert_int_equal(groups_count_owners(groups, "t", 0, hash_of("other")), -1);
}

/* It is held for the group as long as there is room; when there is none, it was read all the same. */
static void what_was_fetched_and_not_committed_is_not_unread(void **state)
{
	static const int32_t given[] = { 0 };
	struct fixture f = { 0 };
	const struct broker_counts *c;

	(void)state;
	init(&f.h, BROKER_DROP_OLDEST, 0);
	f.m[0].c = &f.h.clients[1];
	join_group(&f, &f.m[0]);
	read_join(&f.m[0], 5);
	assign(&f, &f.m[0], given, 1);
	for (int i = 0; i < 10; i++)
		assert_true(produce(&f.h));
	assert_int_equal(commit(&f, &f.m[0], 0, 2), KAFKA_NONE);
	assert_int_equal(fetch(&f.h, 1, 2), 10);
	assert_true(produce(&f.h));
	assert_int_equal(fetch(&f.h, 1, 10), 11); /* what it is given now counts, too */
	for (int i = 0; i < 100; i++)
		assert_true(produce(&f.h));
	c = broker_counts(f.h.b);
	assert_int_equal(c->dropped, log_start(&f.h, 2) - 11);
	assert_int_equal(c->dropped_bytes, c->dropped * BIG);
	broker_harness_fini(&f.h);
}

static int owners;

static int count_owners(const void *context, uint32_t client)
{
	(void)context;
	return client == 7 ? owners : -1;
}

static void a_reader_whose_partition_was_given_away_lacks_nothing(void **state)
{
	static const struct {
		int owners; /* of client 7 */
		bool other_reads;
		uint64_t unread; /* of ten */
	} cases[] = {
		{ -1, false, 8 }, /* in no group */
		{ 0, false, 0 },  /* given to a client of another name */
		{ 1, false, 8 },  /* its own: it is slow */
		{ 1, true, 0 },   /* given to another of its name, who reads it */
		{ 2, true, 8 },   /* two groups: one of the two is slow */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct readers_budget budget = { .max = 10 };
		struct readers r = { .budget = &budget };
		struct presence *slow = presence_create(1), *other = presence_create(2);
		struct partition_reader seen = { .who = slow, .next = 2, .end = 2, .seen_ns = S };
		const struct readers_look look = {
			.now_ns = 20 * S,
			.count_owners = count_owners,
		};
		struct readers_front front;
		slow->client = other->client = 7;
		owners = cases[i].owners;
		assert_non_null(readers_note(&r, &seen));
		seen = (struct partition_reader){ other, 5, 5, 5, 19 * S };
		if (cases[i].other_reads)
			assert_non_null(readers_note(&r, &seen));
		assert_int_equal(readers_lowest(&r, &look, &front), cases[i].other_reads);
		assert_int_equal(readers_unread(&r, 0, 10), cases[i].unread);
		readers_fini(&r);
		assert_int_equal(budget.count, 0);
		presence_end(slow);
		presence_end(other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_silent_reader_has_not_had_is_counted_when_it_goes),
		cmocka_unit_test(several_silent_readers_lack_each_message_once),
		cmocka_unit_test(as_many_readers_as_connections_are_held_for),
		cmocka_unit_test(more_readers_than_may_be_are_refused_and_counted),
		cmocka_unit_test(
			one_that_is_gone_lacks_what_was_there_unless_another_goes_on_for_it),
		cmocka_unit_test(clients_that_come_and_go_do_not_pile_up),
		cmocka_unit_test(dropping_the_oldest_counts_only_what_somebody_lacks),
		cmocka_unit_test(what_was_fetched_and_not_committed_is_not_unread),
		cmocka_unit_test_setup_teardown(owners_of_a_partition_are_known_by_their_client_id,
		                                fixture_setup, fixture_teardown),
		cmocka_unit_test(a_reader_whose_partition_was_given_away_lacks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
