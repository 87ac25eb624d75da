/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/slow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "util/arena.h"

#define ACKNOWLEDGED FACT_SLOW_ACKNOWLEDGED
#define RECEIVED     FACT_SLOW_RECEIVED

static struct fact_slow unknown(uint32_t producer, uint64_t sequence)
{
	return (struct fact_slow){
		.producer = producer,
		.sequence = sequence,
		.due_ns = 1000,
		.sent_ns = 1100,
		.partition = -1,
		.producer_agent = -1,
		.consumer_agent = -1,
		.consumer_generation = -1,
	};
}

static struct fact_slow acknowledged(uint32_t producer, uint64_t sequence, uint64_t after_ns)
{
	struct fact_slow m = unknown(producer, sequence);

	m.acknowledged_ns = m.due_ns + after_ns;
	m.producer_agent = 4;
	return m;
}

static struct fact_slow received(uint32_t producer, uint64_t sequence, uint64_t after_ns)
{
	struct fact_slow m = unknown(producer, sequence);

	m.received_ns = m.due_ns + after_ns;
	m.partition = 3;
	m.consumer_agent = 0;
	m.consumer_generation = 2;
	memcpy(m.subscription, "sub", sizeof("sub"));
	return m;
}

static void a_list_keeps_the_slowest_and_has_them_in_order(void **state)
{
	struct fact_slow_list list = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 100; i++) { /* 0, 37, 74, 11, ...: each of 0 to 99 once */
		struct fact_slow m = received(1, i, 1 + i * 37 % 100);
		fact_slow_add(&list, RECEIVED, &m);
	}
	assert_int_equal(list.count, FACT_SLOW_MAX);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(fact_slow_ns(&list.items[i], RECEIVED), 100 - i);
}

static void equally_slow_ones_stand_by_producer_and_sequence(void **state)
{
	static const uint32_t order[][2] = { { 2, 5 }, { 1, 9 }, { 2, 4 }, { 1, 8 } };
	static const uint32_t wanted[][2] = { { 1, 8 }, { 1, 9 }, { 2, 4 }, { 2, 5 } };
	struct fact_slow_list list = { 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct fact_slow m = acknowledged(order[i][0], order[i][1], 70);
		fact_slow_add(&list, ACKNOWLEDGED, &m);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(list.items[i].producer, wanted[i][0]);
		assert_int_equal(list.items[i].sequence, wanted[i][1]);
	}
}

static void without_a_schedule_it_is_slow_since_it_was_sent(void **state)
{
	struct fact_slow m = acknowledged(1, 1, 500);

	(void)state;
	assert_int_equal(fact_slow_ns(&m, ACKNOWLEDGED), 500);
	assert_int_equal(fact_slow_ns(&m, RECEIVED), 0); /* not known */
	m.due_ns = 0;
	assert_int_equal(fact_slow_ns(&m, ACKNOWLEDGED), 400);
}

static void a_message_in_both_lists_has_all_its_times_and_others_have_none_made_up(void **state)
{
	struct fact_slowest s = { 0 };
	const struct fact_slow sent[] = { acknowledged(1, 7, 900), acknowledged(2, 7, 800) };
	const struct fact_slow arrived[] = { received(1, 7, 950), received(1, 8, 940) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fact_slow_add(&s.of[ACKNOWLEDGED], ACKNOWLEDGED, &sent[i]);
		fact_slow_add(&s.of[RECEIVED], RECEIVED, &arrived[i]);
	}
	fact_slowest_join(&s);

	const struct fact_slow *a = s.of[ACKNOWLEDGED].items, *r = s.of[RECEIVED].items;
	assert_int_equal(a[0].received_ns, 1950);
	assert_int_equal(a[0].partition, 3);
	assert_int_equal(a[0].consumer_agent, 0);
	assert_int_equal(a[0].consumer_generation, 2);
	assert_string_equal(a[0].subscription, "sub");
	assert_int_equal(r[0].acknowledged_ns, 1900);
	assert_int_equal(r[0].producer_agent, 4);
	/* The same sequence of another producer, and another sequence of the same. */
	assert_int_equal(a[1].received_ns, 0);
	assert_int_equal(a[1].consumer_agent, -1);
	assert_string_equal(a[1].subscription, "");
	assert_int_equal(r[1].acknowledged_ns, 0);
	assert_int_equal(r[1].producer_agent, -1);
}

/* Two subscriptions have received it: each receipt stays what it was. */
static void an_acknowledged_message_learns_its_last_receipt(void **state)
{
	struct fact_slowest s = { 0 };
	const struct fact_slow sent = acknowledged(1, 7, 900);
	const struct fact_slow arrived[] = { received(1, 7, 950), received(1, 7, 990) };

	(void)state;
	fact_slow_add(&s.of[ACKNOWLEDGED], ACKNOWLEDGED, &sent);
	for (size_t i = 0; i < 2; i++)
		fact_slow_add(&s.of[RECEIVED], RECEIVED, &arrived[i]);
	fact_slowest_join(&s);
	assert_int_equal(s.of[ACKNOWLEDGED].items[0].received_ns, 1990);
	assert_int_equal(s.of[RECEIVED].items[0].received_ns, 1990);
	assert_int_equal(s.of[RECEIVED].items[1].received_ns, 1950);
	assert_int_equal(s.of[RECEIVED].items[1].acknowledged_ns, 1900);
}

static void lists_are_merged_and_cut(void **state)
{
	struct fact_slowest a = { 0 }, b = { 0 };

	(void)state;
	assert_true(fact_slowest_is_empty(&a));
	for (uint64_t i = 0; i < 15; i++) {
		struct fact_slow even = received(1, i, 100 + 2 * i);
		struct fact_slow odd = received(2, i, 101 + 2 * i);
		fact_slow_add(&a.of[RECEIVED], RECEIVED, &even);
		fact_slow_add(&b.of[RECEIVED], RECEIVED, &odd);
	}
	assert_false(fact_slowest_is_empty(&a));
	fact_slowest_add(&a, &b);
	assert_int_equal(a.of[RECEIVED].count, FACT_SLOW_MAX);
	assert_int_equal(a.of[ACKNOWLEDGED].count, 0);
	for (size_t i = 0; i < FACT_SLOW_MAX; i++)
		assert_int_equal(fact_slow_ns(&a.of[RECEIVED].items[i], RECEIVED), 129 - i);
	fact_slowest_cut(&a, 2);
	assert_int_equal(a.of[RECEIVED].count, 2);
	assert_int_equal(fact_slow_ns(&a.of[RECEIVED].items[1], RECEIVED), 128);
}

/* --- as JSON -------------------------------------------------------------------------------------- */

static json_t *written(const struct fact_slowest *s, uint64_t origin_ns)
{
	struct text out = { 0 };
	struct fields_out writer = { &out, origin_ns };

	fields_write(&slowest_fields, s, &writer);
	json_t *root = json_loads(text_str(&out), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	text_fini(&out);
	return root;
}

static bool read_back(const json_t *root, struct fact_slowest *to, struct error *err)
{
	struct arena arena = { 0 };
	struct fields_in reader = { &arena, 0, err };
	bool ok = fields_read(&slowest_fields, root, to, &reader);

	arena_fini(&arena); /* nothing points into it */
	return ok;
}

static void lists_come_back_as_they_were_written_and_unknown_stays_unknown(void **state)
{
	struct fact_slowest s = { 0 }, back;
	struct fact_slow full = received(1, 7, 950), bare = acknowledged(0, 9, 800);
	struct error err = { 0 };

	(void)state;
	full.acknowledged_ns = 1900;
	full.producer_agent = 0;
	full.is_measured = true;
	bare.due_ns = 0;
	fact_slow_add(&s.of[RECEIVED], RECEIVED, &full);
	fact_slow_add(&s.of[ACKNOWLEDGED], ACKNOWLEDGED, &bare);
	json_t *root = written(&s, 0);
	if (!read_back(root, &back, &err))
		fail_msg("%s", err.text);
	for (int by = 0; by < FACT_SLOW_KINDS; by++) {
		const struct fact_slow *a = &s.of[by].items[0], *b = &back.of[by].items[0];
		assert_int_equal(back.of[by].count, 1);
		assert_int_equal(a->producer, b->producer);
		assert_int_equal(a->sequence, b->sequence);
		assert_int_equal(a->due_ns, b->due_ns);
		assert_int_equal(a->sent_ns, b->sent_ns);
		assert_int_equal(a->acknowledged_ns, b->acknowledged_ns);
		assert_int_equal(a->received_ns, b->received_ns);
		assert_int_equal(a->is_measured, b->is_measured);
		assert_int_equal(a->partition, b->partition);
		assert_int_equal(a->producer_agent, b->producer_agent);
		assert_int_equal(a->consumer_agent, b->consumer_agent);
		assert_int_equal(a->consumer_generation, b->consumer_generation);
		assert_string_equal(a->subscription, b->subscription);
	}
	json_decref(root);
}

static void a_list_without_messages_is_left_out(void **state)
{
	struct fact_slowest s = { 0 }, back;
	const struct fact_slow one = acknowledged(0, 9, 800);
	struct error err = { 0 };

	(void)state;
	fact_slow_add(&s.of[ACKNOWLEDGED], ACKNOWLEDGED, &one);
	json_t *root = written(&s, 900);
	assert_null(json_object_get(root, "received"));
	json_t *table = json_object_get(root, "acknowledged");
	json_t *row = json_array_get(json_object_get(table, "rows"), 0);
	assert_int_equal(json_array_size(json_object_get(table, "columns")), json_array_size(row));
	assert_true(json_is_null(json_array_get(row, 2)));                 /* partition */
	assert_int_equal(json_integer_value(json_array_get(row, 3)), 100); /* of the origin */
	assert_true(read_back(root, &back, &err));
	assert_int_equal(back.of[RECEIVED].count, 0);
	json_decref(root);
}

static void what_is_no_list_of_messages_is_refused(void **state)
{
	static const char *const bad[] = {
		"{\"acknowledged\": 3}",
		"{\"acknowledged\": {\"columns\": [\"partition\"], \"rows\": [[-2]]}}",
		"{\"acknowledged\": {\"columns\": [\"partition\"], \"rows\": [[\"0\"]]}}",
		"{\"received\": {\"columns\": [\"sequence\"], \"rows\": [[-1]]}}",
		("{\"received\": {\"columns\": [], \"rows\": [[],[],[],[],[],[],[],[],[],[],[],[],[],"
		 "[],[],[],[],[],[],[],[]]}}"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fact_slowest s;
		struct error err = { 0 };
		json_t *root = json_loads(bad[i], 0, NULL);
		assert_non_null(root);
		if (read_back(root, &s, &err))
			fail_msg("taken: %s", bad[i]);
		assert_true(err.text[0] != '\0');
		json_decref(root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_keeps_the_slowest_and_has_them_in_order),
		cmocka_unit_test(equally_slow_ones_stand_by_producer_and_sequence),
		cmocka_unit_test(without_a_schedule_it_is_slow_since_it_was_sent),
		cmocka_unit_test(
			a_message_in_both_lists_has_all_its_times_and_others_have_none_made_up),
		cmocka_unit_test(an_acknowledged_message_learns_its_last_receipt),
		cmocka_unit_test(lists_are_merged_and_cut),
		cmocka_unit_test(lists_come_back_as_they_were_written_and_unknown_stays_unknown),
		cmocka_unit_test(a_list_without_messages_is_left_out),
		cmocka_unit_test(what_is_no_list_of_messages_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
