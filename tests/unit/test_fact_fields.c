/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/claim_fields.h"
#include "facts/fact_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "facts/event.h"
#include "facts/origin.h"
#include "facts/totals.h"
#include "util/arena.h"

static void there_and_back(const struct fields *f, const void *from, void *to, struct arena *arena)
{
	struct text out = { 0 }, again = { 0 };
	struct fields_out writer = { &out, 0 };
	struct error err = { 0 };
	struct fields_in reader = { arena, 0, &err };

	fields_write(f, from, &writer);
	json_t *root = json_loads(text_str(&out), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	if (!fields_read(f, root, to, &reader))
		fail_msg("%s", err.text);
	json_decref(root);
	writer.text = &again;
	fields_write(f, to, &writer);
	assert_string_equal(text_str(&again), text_str(&out));
	text_fini(&out);
	text_fini(&again);
}

static void totals_of_a_worker_come_through_with_their_histograms(void **state)
{
	struct snapshot own = { .cpu_ns = 5 };
	struct hist_copy late = { 0 };
	struct fact_agent agent = { .role = AGENT_CONSUMER, .pid = 42, .hung = true, .lost = true };
	struct fact_producer producer = { "t", 7, 20, 19, 1, 0, 3, { 0 }, 0 };
	struct fact_partition partition = { "t", "g", 2, 19, { 0 } };
	struct fact_totals t = { .agents = &agent, .agents_count = 1 };
	struct fact_totals back;
	struct arena arena = { 0 };

	(void)state;
	agent.snapshot = &own;
	agent.counters[COUNTER_RECEIVED] = 9;
	agent.late = &late;
	agent.loops_known = 3;
	agent.busiest_loop = 0.5;
	agent.library_thread = "rdk:main";
	hist_copy_record(&late, 900, 6);
	t.edges[FACT_WINDOW_END].at_ns = 1234;
	t.edges[FACT_WINDOW_END].counters[COUNTER_SENT] = 18;
	t.edge_lack = "nobody looked";
	t.outstanding = 12;
	t.producers = &producer;
	t.partitions = &partition;
	t.producers_count = t.partitions_count = 1;
	t.snapshot.taken_ns = 77;
	t.snapshot.counters[COUNTER_SENT] = 20;
	hist_copy_record(&t.snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH], 5000, 20);
	hist_copy_record(&own.latencies[WINDOW_OUTSIDE][LATENCY_E2E], 700, 4);
	there_and_back(&totals_fields, &t, &back, &arena);
	assert_int_equal(back.snapshot.taken_ns, 77);
	assert_int_equal(back.snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count, 20);
	assert_int_equal(back.agents[0].role, AGENT_CONSUMER);
	assert_true(back.agents[0].hung);
	assert_int_equal(back.agents[0].counters[COUNTER_RECEIVED], 9);
	assert_int_equal(back.agents[0].snapshot->latencies[WINDOW_OUTSIDE][LATENCY_E2E].count, 4);
	assert_int_equal(back.agents[0].late->count, 6);
	assert_int_equal(back.agents[0].loops_known, 3);
	assert_true(back.agents[0].busiest_loop == 0.5);
	assert_string_equal(back.agents[0].library_thread, "rdk:main");
	assert_int_equal(back.edges[FACT_WINDOW_START].at_ns, 0);
	assert_int_equal(back.edges[FACT_WINDOW_END].at_ns, 1234);
	assert_int_equal(back.edges[FACT_WINDOW_END].counters[COUNTER_SENT], 18);
	assert_string_equal(back.edge_lack, "nobody looked");
	assert_int_equal(back.outstanding, 12);
	assert_int_equal(back.producers[0].unsent, 3);
	assert_string_equal(back.partitions[0].subscription, "g");
	fact_totals_fini(&back);
	fact_totals_fini(&t);
	arena_fini(&arena);
}

static void a_worker_comes_through_and_the_first_one_needs_no_number(void **state)
{
	struct fact_worker worker = { .name = "b", .url = "http://b:8080", .index = 2 };
	struct fact_agent first = { .role = AGENT_PRODUCER }, other = { .worker = 2 };
	struct fact_worker back;
	struct text out = { 0 };
	struct fields_out writer = { &out, 0 };
	struct arena arena = { 0 };

	(void)state;
	worker.produces = worker.lost = worker.usage_known = true;
	worker.producers = 3;
	worker.lost_ns = 70;
	worker.seen_ns = 60;
	worker.why = "cut off";
	worker.steal_share = 0.25;
	worker.throttled_ns = 5;
	worker.counters[COUNTER_SENT] = 9;
	there_and_back(&worker_fields, &worker, &back, &arena);
	assert_int_equal(back.index, 2);
	assert_true(back.produces && back.lost && back.usage_known && !back.consumes);
	assert_string_equal(back.why, "cut off");
	assert_true(back.steal_share == 0.25);
	assert_int_equal(back.seen_ns, 60);
	assert_int_equal(back.counters[COUNTER_SENT], 9);

	fields_write(&agent_account_fields, &first, &writer);
	assert_null(strstr(text_str(&out), "worker"));
	fields_write(&agent_account_fields, &other, &writer);
	assert_non_null(strstr(text_str(&out), "\"worker\":2"));
	text_fini(&out);
	arena_fini(&arena);
}

static struct book_counts ones_to_nine(void)
{
	return (struct book_counts){ .received = 1,
		                     .duplicated = 2,
		                     .redelivered = 3,
		                     .out_of_order = 4,
		                     .corrupted = 5,
		                     .lost = 6,
		                     .missing = 7,
		                     .delivered_though_failed = 8,
		                     .never_sent = 9 };
}

static void an_account_comes_through_with_its_ranges(void **state)
{
	const struct book_counts counts = ones_to_nine();
	struct fact_producer producer = { .topic = "t", .account = counts, .exact_below = 4096 };
	struct fact_partition partition = { .topic = "t", .subscription = "s", .account = counts };
	struct fact_range lost[] = {
		{ 7, "t", "s", 0, 1041, 1043, 5000, 7000 },
		{ 8, "t", "s", -1, 9, 9, 6000, 6000 },
	};
	struct fact_totals t = {
		.producers = &producer,
		.producers_count = 1,
		.partitions = &partition,
		.partitions_count = 1,
		.account = { .is_kept = true,
		             .is_exact = true,
		             .is_order_known = true,
		             .all = counts,
		             .bytes_most = 1 << 20,
		             .lost = lost,
		             .lost_count = 2,
		             .lost_left_off = 3 },
	};
	struct fact_totals back;
	struct arena arena = { 0 };

	(void)state;
	there_and_back(&totals_fields, &t, &back, &arena);
	assert_memory_equal(&back.account.all, &counts, sizeof(counts));
	assert_memory_equal(&back.partitions[0].account, &counts, sizeof(counts));
	assert_int_equal(back.producers[0].account.lost, 6);
	assert_int_equal(back.producers[0].exact_below, 4096);
	assert_true(back.account.is_kept && back.account.is_exact);
	assert_true(back.account.is_order_known);
	assert_int_equal(back.account.bytes_most, 1 << 20);
	assert_int_equal(back.account.lost_left_off, 3);
	assert_int_equal(back.account.lost_count, 2);
	assert_int_equal(back.account.lost[0].producer, 7);
	assert_int_equal(back.account.lost[0].partition, 0);
	assert_int_equal(back.account.lost[0].last, 1043);
	assert_int_equal(back.account.lost[0].last_due_ns, 7000);
	assert_int_equal(back.account.lost[1].partition, -1);
	assert_string_equal(back.account.lost[1].subscription, "s");
	fact_totals_fini(&back);
	arena_fini(&arena);
}

/* Unknown is not 0, and nowhere becomes it. */
static void without_an_account_nothing_is_called_0(void **state)
{
	struct fact_producer producer = { .topic = "t", .account = fact_counts_unknown };
	struct fact_partition partition = { .topic = "t", .account = fact_counts_unknown };
	struct fact_totals t = {
		.producers = &producer,
		.producers_count = 1,
		.partitions = &partition,
		.partitions_count = 1,
	};
	struct fact_totals back;
	struct text out = { 0 };
	struct fields_out to = { &out, 0 };
	struct arena arena = { 0 };

	(void)state;
	there_and_back(&totals_fields, &t, &back, &arena);
	assert_false(back.account.is_kept);
	assert_int_equal(back.producers[0].account.lost, FACT_UNKNOWN);
	assert_int_equal(back.producers[0].exact_below, 0);
	assert_memory_equal(&back.partitions[0].account, &fact_counts_unknown,
	                    sizeof(fact_counts_unknown));
	fields_write(&partition_fields, &partition, &to);
	assert_non_null(strstr(text_str(&out), "\"lost\":null"));
	fact_totals_fini(&back);
	text_fini(&out);
	arena_fini(&arena);
}

static void a_partition_of_a_loss_is_a_number(void **state)
{
	static const char *const bad[] = { "-1", "\"a\"", "1.5", "99999999999" };
	struct error err;
	struct fields_in in = { NULL, 0, &err };
	struct fact_range lost;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *root = json_object();
		json_object_set_new(root, "partition", json_loads(bad[i], JSON_DECODE_ANY, NULL));
		assert_false(fields_read(&range_fields, root, &lost, &in));
		assert_string_equal(err.text, "partition is no number");
		json_decref(root);
	}
}

static void counts_of_accounts_add_up(void **state)
{
	struct book_counts sum = { 0 }, one = ones_to_nine();
	const uint64_t *words = (const uint64_t *)&sum;

	(void)state;
	fact_counts_add(&sum, &one);
	assert_memory_equal(&sum, &one, sizeof(sum));
	fact_counts_add(&sum, &one);
	for (size_t i = 0; i < sizeof(sum) / sizeof(*words); i++)
		assert_int_equal(words[i], 2 * (i + 1));
}

static void events_and_rows_come_through_and_secrets_do_not(void **state)
{
	const struct fact_event event = { .kind = EVENT_CLIENT,
		                          .role = AGENT_PRODUCER,
		                          .at_ns = 3,
		                          .is_rest = true,
		                          .count = 8,
		                          .text = "x" };
	const struct fact_row row = { "producer", "sasl.password", "hunter2", "file", "" };
	struct arena arena = { 0 };
	struct fact_event event_back;
	struct fact_row row_back;

	(void)state;
	there_and_back(&event_fields, &event, &event_back, &arena);
	assert_true(event_back.is_rest && event_back.kind == EVENT_CLIENT);
	assert_true(event_back.name == NULL && event_back.count == 8);
	there_and_back(&row_fields, &row, &row_back, &arena);
	assert_string_equal(row_back.key, "sasl.password");
	assert_string_equal(row_back.value, "****");
	arena_fini(&arena);
}

static void a_histogram_of_another_make_is_refused(void **state)
{
	json_t *root = json_pack("{s:{s:s}}", "measured", "publish", "AAAA");
	struct error err = { 0 };
	struct fields_in in = { NULL, 0, &err };
	struct snapshot s;

	(void)state;
	assert_false(fields_read(&snapshot_fields, root, &s, &in));
	assert_string_equal(err.text, "publish is no histogram");
	snapshot_fini(&s);
	json_decref(root);
}

static void what_clients_said_comes_back_and_nothing_else(void **state)
{
	struct claims c = { 0 }, back;
	struct text out = { 0 };
	struct error err;

	(void)state;
	assert_false(claims_write(&c, &out));
	assert_int_equal(out.len, 0);
	claims_say(&c, CLAIM_QUEUE_MESSAGES, 0);
	claims_say(&c, CLAIM_REQUESTS, 12);
	assert_true(claims_write(&c, &out));
	assert_string_equal(text_str(&out), "{\"queueMessages\":0,\"requests\":12}");
	json_t *json = json_loads(text_str(&out), 0, NULL);
	assert_true(claims_read(json, &back, &err));
	assert_memory_equal(&back, &c, sizeof(c));
	json_object_set_new(json, "requests", json_integer(-1));
	assert_false(claims_read(json, &back, &err));
	assert_string_equal(err.text, "requests is no count");
	assert_true(claims_read(NULL, &back, &err));
	assert_int_equal(back.said, 0);
	json_decref(json);
	text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_comes_through_and_the_first_one_needs_no_number),
		cmocka_unit_test(what_clients_said_comes_back_and_nothing_else),
		cmocka_unit_test(totals_of_a_worker_come_through_with_their_histograms),
		cmocka_unit_test(an_account_comes_through_with_its_ranges),
		cmocka_unit_test(without_an_account_nothing_is_called_0),
		cmocka_unit_test(a_partition_of_a_loss_is_a_number),
		cmocka_unit_test(counts_of_accounts_add_up),
		cmocka_unit_test(events_and_rows_come_through_and_secrets_do_not),
		cmocka_unit_test(a_histogram_of_another_make_is_refused),
	};

	return cmocka_run_group_tests_name("fact_fields", tests, NULL, NULL);
}
