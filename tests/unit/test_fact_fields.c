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
	struct fact_producer producer = { "t", 7, 20, 19, 1, 0, 3 };
	struct fact_partition partition = { "t", "g", 2, 19 };
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
	assert_int_equal(back.producers[0].unsent, 3);
	assert_string_equal(back.partitions[0].subscription, "g");
	fact_totals_fini(&back);
	fact_totals_fini(&t);
	arena_fini(&arena);
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
		cmocka_unit_test(what_clients_said_comes_back_and_nothing_else),
		cmocka_unit_test(totals_of_a_worker_come_through_with_their_histograms),
		cmocka_unit_test(events_and_rows_come_through_and_secrets_do_not),
		cmocka_unit_test(a_histogram_of_another_make_is_refused),
	};

	return cmocka_run_group_tests_name("fact_fields", tests, NULL, NULL);
}
