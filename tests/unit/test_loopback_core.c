/* SPDX-License-Identifier: Apache-2.0 */

/* The loopback broker's core under an injected clock: what it does to messages, and exactly when. */

#include "driver/loopback/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver/loopback/log.h"
#include "driver/loopback/queue.h"
#include "loopback_bed.h"

/* --- time ---------------------------------------------------------------------------------------- */

static void a_delay_is_exact(void **state)
{
	(void)state;
	struct loop_script script = { .delay_ns = 300 * US };
	struct loop_core *core = create(&script);
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);

	assert_ptr_equal(loop_core_take_ready(core, T0), m); /* its assignment */
	assert_int_equal(append(core, t, 1, T0).ack_ns, T0 + 300 * US);
	assert_int_equal(loop_core_next_event_ns(core, T0), T0 + 300 * US);

	assert_false(is_acknowledged_by(core, T0 + 300 * US - 1));
	assert_int_equal(fetch(core, m, T0 + 300 * US - 1), -1);
	assert_null(loop_core_take_ready(core, T0 + 300 * US - 1));
	assert_ptr_equal(loop_core_take_ready(core, T0 + 300 * US), m);
	assert_true(is_acknowledged_by(core, T0 + 300 * US));
	assert_int_equal(fetch(core, m, T0 + 300 * US), 1);
	assert_int_equal(loop_core_next_event_ns(core, T0 + 300 * US), UINT64_MAX);
	loop_core_destroy(core);
}

static void acknowledgement_and_delivery_have_delays_of_their_own(void **state)
{
	(void)state;
	struct loop_script script = {
		.delay_ns = 100 * US,
		.ack_delay_ns = 7 * US,
		.delivery_delay_ns = 50 * US,
	};
	struct loop_core *core = create(&script);
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);

	append(core, t, 1, T0);
	assert_false(is_acknowledged_by(core, T0 + 107 * US - 1));
	assert_true(is_acknowledged_by(core, T0 + 107 * US));
	assert_int_equal(fetch(core, m, T0 + 150 * US - 1), -1);
	assert_int_equal(fetch(core, m, T0 + 150 * US), 1);
	loop_core_destroy(core);
}

static void capacity_serves_one_after_the_other_without_drift(void **state)
{
	(void)state;
	struct loop_script script = { .capacity_per_s = 30000, .delay_ns = 5 };
	struct loop_core *core = create(&script);
	struct loop_topic *t = topic(core, "t", 1);

	/* 30,001 at once: number n is served at (n + 1) / 30,000 s, whatever the rounding. */
	for (uint32_t n = 0; n <= 30000; n++) {
		uint64_t want_ns = T0 + (n + 1) * S / 30000 + 5;
		assert_int_equal(append(core, t, n, T0).ack_ns, want_ns);
	}
	/* An idle broker begins at once. */
	assert_int_equal(append(core, t, 0, T0 + 2 * S).ack_ns, T0 + 2 * S + 33333 + 5);
	loop_core_destroy(core);
}

static void a_stall_of_the_broker_delays_what_is_due_in_it_until_its_end(void **state)
{
	(void)state;
	static const char stall[] = "stall:500ms@100ms";
	const _Atomic uint64_t load_start_ns = T0 + S;
	struct loop_script script = { .delay_ns = 300 * US, .load_start_ns = &load_start_ns };
	struct loop_core *core = create_faulty(script, stall);
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);
	uint64_t begin_ns = T0 + S + 100 * MS, end_ns = begin_ns + 500 * MS;
	static const struct {
		int64_t at_us;  /* receipt, from the beginning of the stall */
		int64_t due_us; /* of the acknowledgement, likewise */
	} cases[] = {
		{ -1000, -700 },    { -301, -1 },       { -300, 500000 },   { 0, 500000 },
		{ 1, 500000 },      { 499699, 500000 }, { 499700, 500000 }, { 499701, 500001 },
		{ 500000, 500300 }, { 700000, 700300 },
	};

	append(core, t, 0, T0); /* a probe: the load has not begun */
	assert_int_equal(fetch(core, m, T0 + 300 * US), 0);
	append(core, t, 0, T0 + S);
	assert_int_equal(fetch(core, m, T0 + S + 300 * US), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t at_ns = begin_ns + (uint64_t)(cases[i].at_us * 1000);
		uint64_t due_ns = begin_ns + (uint64_t)(cases[i].due_us * 1000);
		assert_int_equal(append(core, t, (uint32_t)i, at_ns).ack_ns, due_ns);
	}
	loop_core_destroy(core);

	/* The same seen from the consumer and from the one who waits for acknowledgements. */
	core = create_faulty(script, stall);
	t = topic(core, "t", 1);
	m = loop_core_join(core, t, "g", NULL);
	append(core, t, 0, T0);
	append(core, t, 1, T0 + S);
	append(core, t, 2, begin_ns - 400 * US); /* visible before the stall, but nobody fetches */
	append(core, t, 3, begin_ns - 100 * US);
	while (is_acknowledged_by(core, begin_ns - 1))
		;
	while (loop_core_take_ready(core, begin_ns - 1) != NULL)
		; /* told; a fetch that the stall denies has to be told of again */
	assert_int_equal(fetch(core, m, begin_ns - 1), 0);
	assert_int_equal(fetch(core, m, begin_ns), -1);
	assert_int_equal(fetch(core, m, end_ns - 1), -1);
	assert_false(is_acknowledged_by(core, end_ns - 1));
	assert_null(loop_core_take_ready(core, end_ns - 1));
	assert_int_equal(loop_core_next_event_ns(core, begin_ns), end_ns);
	assert_ptr_equal(loop_core_take_ready(core, end_ns), m);
	assert_string_equal(fetch_all(core, m, end_ns), "1 2 3");
	assert_true(is_acknowledged_by(core, end_ns));
	loop_core_destroy(core);
}

static void a_member_that_fetched_in_vain_in_a_stall_is_told_at_its_end(void **state)
{
	(void)state;
	struct loop_core *core = create_faulty((struct loop_script){ 0 }, "stall:1ms@1ms");
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);

	append(core, t, 1, T0);
	assert_true(is_acknowledged_by(core, T0));
	assert_ptr_equal(loop_core_take_ready(core, T0), m);
	assert_null(loop_core_take_ready(core, T0));
	assert_int_equal(fetch(core, m, T0 + MS), -1);
	assert_int_equal(loop_core_next_event_ns(core, T0 + MS), T0 + 2 * MS);
	assert_ptr_equal(loop_core_take_ready(core, T0 + 2 * MS), m);
	assert_int_equal(fetch(core, m, T0 + 2 * MS), 1);
	loop_core_destroy(core);
}

static void stalls_come_again_when_told(void **state)
{
	(void)state;
	struct loop_core *core = create_faulty((struct loop_script){ 0 }, "stall:2ms@10ms/20ms");
	struct loop_topic *t = topic(core, "t", 1);
	static const uint64_t receipts_ms[] = { 0, 9, 10, 11, 12, 29, 31, 32, 1000030 };
	static const uint64_t acks_ms[] = { 0, 9, 12, 12, 12, 29, 32, 32, 1000032 };

	for (size_t i = 0; i < sizeof(acks_ms) / sizeof(acks_ms[0]); i++)
		assert_int_equal(append(core, t, 0, T0 + receipts_ms[i] * MS).ack_ns,
		                 T0 + acks_ms[i] * MS);
	loop_core_destroy(core);
}

static void nothing_is_served_in_a_stall(void **state)
{
	(void)state;
	struct loop_script script = { .capacity_per_s = 1000 };
	struct loop_core *core = create_faulty(script, "stall:100ms@10500us");
	struct loop_topic *t = topic(core, "t", 1);

	/* 20 at once: ten before the stall, one is interrupted by it, nine behind. */
	for (uint32_t n = 0; n < 20; n++)
		assert_int_equal(append(core, t, n, T0).ack_ns,
		                 T0 + (n + 1) * MS + (n < 10 ? 0 : 100 * MS));
	loop_core_destroy(core);
}

static void a_stall_of_sending_leaves_the_broker_alone(void **state)
{
	(void)state;
	struct loop_script script = { .delay_ns = MS };
	struct loop_core *core = create_faulty(script, "busy:5ms@10ms");
	struct loop_topic *t = topic(core, "t", 1);

	assert_int_equal(append(core, t, 1, T0).ack_ns, T0 + MS);
	assert_true(is_acknowledged_by(core, T0 + MS));
	assert_false(loop_core_refuses_sends(core, T0 + 10 * MS - 1));
	assert_int_equal(loop_core_next_event_ns(core, T0 + 2 * MS), T0 + 10 * MS);
	assert_true(loop_core_refuses_sends(core, T0 + 10 * MS));
	assert_int_equal(loop_core_next_event_ns(core, T0 + 10 * MS), T0 + 15 * MS);
	assert_int_equal(append(core, t, 1, T0 + 12 * MS).ack_ns, T0 + 13 * MS);
	assert_true(is_acknowledged_by(core, T0 + 13 * MS));
	assert_false(loop_core_refuses_sends(core, T0 + 15 * MS));
	loop_core_destroy(core);
}

/* --- groups -------------------------------------------------------------------------------------- */

static uint32_t partitions_of(struct loop_member *m)
{
	uint32_t partitions;

	loop_member_take_assignment(m, &partitions);
	return partitions;
}

static void partitions_are_dealt_round_robin_at_once(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ 0 });
	struct loop_topic *t = topic(core, "t", 5);
	struct loop_member *a = loop_core_join(core, t, "g", NULL);

	assert_int_equal(partitions_of(a), 5);
	struct loop_member *b = loop_core_join(core, t, "g", NULL);
	struct loop_member *other = loop_core_join(core, t, "h", NULL);
	assert_int_equal(partitions_of(a), 3);
	assert_int_equal(partitions_of(b), 2);
	assert_int_equal(partitions_of(other), 5);
	for (uint32_t n = 0; n < 5; n++)
		append(core, t, n, T0);
	assert_string_equal(fetch_all(core, a, T0), "0 2 4");
	assert_string_equal(fetch_all(core, b, T0), "1 3");
	assert_string_equal(fetch_all(core, other, T0), "0 1 2 3 4");

	loop_core_leave(core, a);
	assert_int_equal(partitions_of(b), 5);
	loop_core_destroy(core);
}

static void what_a_leaving_member_had_not_committed_comes_again(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ 0 });
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *a = loop_core_join(core, t, "g", NULL);
	struct loop_member *b = loop_core_join(core, t, "g", NULL); /* idle: one partition */
	struct loop_delivery d;

	for (uint32_t n = 0; n < 6; n++)
		append(core, t, n, T0);
	for (int n = 0; n < 4; n++)
		assert_int_equal(fetch(core, a, T0), n);
	loop_core_commit(core, a, 0, 2);
	loop_core_commit(core, a, 0, 6); /* further than it has read: nothing */
	loop_core_commit(core, b, 0, 4); /* not its own: nothing */
	assert_int_equal(fetch(core, b, T0), -1);

	loop_core_leave(core, a);
	for (uint64_t offset = 2; offset < 6; offset++) {
		assert_true(loop_core_fetch(core, b, T0, &d));
		assert_int_equal(d.offset, offset);
		assert_int_equal(d.redelivered, offset < 4);
	}
	loop_core_leave(core, b);

	/* A group without members keeps its place. */
	append(core, t, 6, T0);
	b = loop_core_join(core, t, "g", NULL);
	assert_string_equal(fetch_all(core, b, T0), "2 3 4 5 6");
	loop_core_destroy(core);
}

static void a_new_group_begins_at_the_end(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ .delay_ns = MS });
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *a = loop_core_join(core, t, "g", NULL);

	append(core, t, 1, T0);
	struct loop_member *b = loop_core_join(core, t, "h", NULL);
	append(core, t, 2, T0);
	assert_string_equal(fetch_all(core, a, T0 + MS), "1 2");
	assert_string_equal(fetch_all(core, b, T0 + MS), "2");
	loop_core_destroy(core);
}

static void a_member_with_several_partitions_takes_turns(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ .max_bytes = 1 << 24 });
	struct loop_topic *t = topic(core, "t", 2);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);
	struct loop_receipt r;
	struct loop_delivery d;
	unsigned of_second = 0;

	for (uint32_t n = 0; n < 1000; n++)
		offer(core, t, 0, n, T0, &r);
	for (uint32_t n = 0; n < 1000; n++)
		offer(core, t, 1, n, T0, &r);
	for (uint32_t n = 0; n < 1000; n++) {
		assert_true(loop_core_fetch(core, m, T0, &d));
		of_second += d.partition == 1;
	}
	assert_true(of_second > 400 && of_second < 600);
	loop_core_destroy(core);
}

static void equal_keys_share_a_partition(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ 0 });
	struct loop_topic *t = topic(core, "t", 7);
	struct loop_receipt r;
	int32_t of_key[20];
	unsigned used[7] = { 0 }, kinds = 0;

	for (int round = 0; round < 3; round++) {
		for (int k = 0; k < 20; k++) {
			char key[8];
			snprintf(key, sizeof(key), "key-%d", k);
			struct loop_incoming in = {
				.topic = t,
				.partition = -1,
				.payload = "p",
				.payload_len = 1,
				.key = key,
				.key_len = (uint32_t)strlen(key),
			};
			assert_int_equal(loop_core_append(core, &in, T0, &r), LOOP_APPENDED);
			if (round > 0)
				assert_int_equal(r.partition, of_key[k]);
			of_key[k] = r.partition;
			used[r.partition]++;
		}
	}
	for (int p = 0; p < 7; p++)
		kinds += used[p] > 0;
	assert_true(kinds > 3);
	loop_core_destroy(core);
}

/* --- memory -------------------------------------------------------------------------------------- */

static void a_full_broker_takes_no_more_until_all_groups_have_committed(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ .max_bytes = 262144 });
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *a = loop_core_join(core, t, "g", NULL);
	struct loop_member *b = loop_core_join(core, t, "h", NULL);
	struct loop_receipt r;
	uint32_t count = 0;

	while (offer(core, t, -1, count, T0, &r) == LOOP_APPENDED)
		count++;
	assert_in_range(count, 256 * 1024 / (PAYLOAD_BYTES + 32), 256 * 1024 / PAYLOAD_BYTES);
	assert_int_equal(loop_core_counts(core)->accepted, count);
	assert_false(loop_core_has_room(core, PAYLOAD_BYTES));

	for (uint32_t n = 0; n < count; n++)
		assert_int_equal(fetch(core, a, T0), n);
	loop_core_commit(core, a, 0, count);
	assert_false(loop_core_has_room(core, PAYLOAD_BYTES));
	for (uint32_t n = 0; n < count; n++)
		assert_int_equal(fetch(core, b, T0), n);
	loop_core_commit(core, b, 0, count);
	assert_true(loop_core_has_room(core, 100000));

	/* And goes on where it was. */
	append(core, t, count, T0);
	assert_int_equal(fetch(core, a, T0), (int)count);
	assert_int_equal(fetch(core, b, T0), (int)count);
	loop_core_destroy(core);
}

static void a_group_that_is_deleted_keeps_nothing(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ .max_bytes = 65536 });
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *a = loop_core_join(core, t, "g", NULL);
	struct loop_receipt r;

	while (offer(core, t, -1, 0, T0, &r) == LOOP_APPENDED)
		;
	assert_true(loop_core_delete_group(core, "another", "g"));
	assert_false(loop_core_delete_group(core, "t", "g"));
	loop_core_leave(core, a);
	assert_true(loop_core_delete_group(core, "t", "g"));
	assert_true(loop_core_delete_group(core, "t", "g"));
	assert_true(loop_core_has_room(core, 50000));
	/* Without a group nothing is kept: a producer alone runs for ever. */
	for (int n = 0; n < 10000; n++)
		append(core, t, 0, T0);
	loop_core_destroy(core);
}

static void messages_of_any_size_come_back_as_they_were(void **state)
{
	(void)state;
	static const uint32_t sizes[] = { 0, 1, 7, 8, 4000, 4096, 65519, 65520, 65536, 300000, 3 };
	struct loop_core *core = create(&(struct loop_script){ .max_bytes = 1 << 22 });
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);
	unsigned char *payload = malloc(300000);
	struct loop_delivery d;
	struct loop_receipt r;

	for (size_t round = 0; round < 4; round++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			memset(payload, (int)(i + 1), sizes[i]);
			struct loop_incoming in = { .topic = t,
				                    .partition = 0,
				                    .payload = payload,
				                    .payload_len = sizes[i] };
			assert_int_equal(loop_core_append(core, &in, T0, &r), LOOP_APPENDED);
		}
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			assert_true(loop_core_fetch(core, m, T0, &d));
			assert_int_equal(d.payload_len, sizes[i]);
			assert_int_equal(d.broker_ms, T0 / MS);
			memset(payload, (int)(i + 1), sizes[i]);
			assert_memory_equal(d.payload, payload, sizes[i]);
		}
		loop_core_commit(core, m, 0, d.offset + 1 - round % 2);
	}
	free(payload);
	loop_core_destroy(core);
}

/* --- names --------------------------------------------------------------------------------------- */

static void a_topic_cannot_change_its_partitions(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ 0 });
	struct error err = { 0 };

	assert_null(loop_core_topic(core, "t"));
	topic(core, "t", 3);
	assert_true(loop_core_create_topic(core, "t", 3, &err));
	assert_false(loop_core_create_topic(core, "t", 4, &err));
	assert_string_equal(err.text, "topic t exists with 3 partitions, not 4");
	assert_false(loop_core_create_topic(core, "u", 0, &err));
	loop_core_destroy(core);
}

static void a_deleted_topic_refuses_and_takes_its_members_partitions_away(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ .delay_ns = MS });
	struct loop_topic *t = topic(core, "t", 2);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);
	struct loop_ack ack;

	append(core, t, 1, T0);
	loop_core_delete_topic(core, "t");
	loop_core_delete_topic(core, "t");
	assert_null(loop_core_topic(core, "t"));
	assert_ptr_equal(loop_core_take_ready(core, T0 + MS), m);
	assert_int_equal(partitions_of(m), 0);
	assert_int_equal(fetch(core, m, T0 + MS), -1);
	loop_core_commit(core, m, 0, 1);
	append(core, t, 2, T0 + MS);
	assert_true(loop_core_take_ack(core, T0 + 2 * MS, &ack) && ack.acknowledged);
	assert_true(loop_core_take_ack(core, T0 + 2 * MS, &ack) && !ack.acknowledged);

	/* A new one of the same name has nothing of the old. */
	struct loop_topic *again = topic(core, "t", 1);
	assert_ptr_not_equal(again, t);
	struct loop_member *n = loop_core_join(core, again, "g", NULL);
	append(core, again, 5, T0 + 3 * MS);
	assert_string_equal(fetch_all(core, n, T0 + 4 * MS), "5");
	loop_core_leave(core, m);
	loop_core_destroy(core);
}

static void thousands_of_topics_are_found_by_name(void **state)
{
	(void)state;
	struct loop_core *core = create(&(struct loop_script){ 0 });
	char name[16];

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(loop_topic_partitions(topic(core, name, 1 + (uint32_t)i % 3)),
		                 1 + i % 3);
		if (i % 7 == 0)
			loop_core_delete_topic(core, name);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(loop_core_topic(core, name) == NULL, i % 7 == 0);
	}
	loop_core_destroy(core);
}

static void a_queue_keeps_its_order_while_it_grows(void **state)
{
	(void)state;
	struct loop_queue q;
	uint32_t in = 0, out = 0;

	loop_queue_init(&q, sizeof(uint32_t));
	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 7; i++)
			*(uint32_t *)loop_queue_push(&q) = in++;
		for (int i = 0; i < 5; i++) {
			assert_int_equal(*(uint32_t *)loop_queue_first(&q), out++);
			loop_queue_pop(&q);
		}
		assert_int_equal(*(uint32_t *)loop_queue_last(&q), in - 1);
	}
	assert_int_equal(q.count, in - out);
	loop_queue_fini(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delay_is_exact),
		cmocka_unit_test(acknowledgement_and_delivery_have_delays_of_their_own),
		cmocka_unit_test(capacity_serves_one_after_the_other_without_drift),
		cmocka_unit_test(a_stall_of_the_broker_delays_what_is_due_in_it_until_its_end),
		cmocka_unit_test(a_member_that_fetched_in_vain_in_a_stall_is_told_at_its_end),
		cmocka_unit_test(stalls_come_again_when_told),
		cmocka_unit_test(nothing_is_served_in_a_stall),
		cmocka_unit_test(a_stall_of_sending_leaves_the_broker_alone),
		cmocka_unit_test(partitions_are_dealt_round_robin_at_once),
		cmocka_unit_test(what_a_leaving_member_had_not_committed_comes_again),
		cmocka_unit_test(a_new_group_begins_at_the_end),
		cmocka_unit_test(a_member_with_several_partitions_takes_turns),
		cmocka_unit_test(equal_keys_share_a_partition),
		cmocka_unit_test(a_full_broker_takes_no_more_until_all_groups_have_committed),
		cmocka_unit_test(a_group_that_is_deleted_keeps_nothing),
		cmocka_unit_test(messages_of_any_size_come_back_as_they_were),
		cmocka_unit_test(a_topic_cannot_change_its_partitions),
		cmocka_unit_test(a_deleted_topic_refuses_and_takes_its_members_partitions_away),
		cmocka_unit_test(thousands_of_topics_are_found_by_name),
		cmocka_unit_test(a_queue_keeps_its_order_while_it_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
