/* SPDX-License-Identifier: Apache-2.0 */

/* The words for what brokers do wrong on purpose, and when it strikes. */

#include "fault/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS  UINT64_C(1000000)
#define S   UINT64_C(1000000000)
#define T0  (77 * S) /* not 0, so that times relative to something else are found out */

#define ANY (~0U)

/* --- the grammar ----------------------------------------------------------------------------------- */

static void what_is_written_is_what_is_meant(void **state)
{
	static const struct {
		const char *text;
		struct fault want;
	} cases[] = {
		{ "delay:5ms", { FAULT_DELAY, .ns = 5 * MS } },
		{ "refuse", { FAULT_REFUSE, .ns = 0 } },
		{ "stall:500ms",
		  { FAULT_STALL, .ns = 500 * MS, .length = { FAULT_NS, 500 * MS } } },
		{ "stall:500ms@10s",
		  { FAULT_STALL, .ns = 500 * MS, .from = { FAULT_NS, 10 * S },
		    .length = { FAULT_NS, 500 * MS } } },
		{ "busy:1s@5000/2s",
		  { FAULT_BUSY, .ns = S, .from = { FAULT_MESSAGES, 5000 },
		    .length = { FAULT_NS, S }, .period_ns = 2 * S } },
		{ "lose:1000@1", { FAULT_LOSE, .of = 1000, .from = { FAULT_MESSAGES, 1 } } },
		{ "lose:9@0", { FAULT_LOSE, .of = 9, .from = { FAULT_NS, 0 } } },
		{ "error:7/1000@5s..9s",
		  { FAULT_ERROR, .count = 7, .of = 1000, .from = { FAULT_NS, 5 * S },
		    .length = { FAULT_NS, 4 * S } } },
		{ "refuse@5s+2s",
		  { FAULT_REFUSE, .from = { FAULT_NS, 5 * S }, .length = { FAULT_NS, 2 * S } } },
		{ "close:1@500+1",
		  { FAULT_CLOSE, .of = 1, .from = { FAULT_MESSAGES, 500 },
		    .length = { FAULT_MESSAGES, 1 } } },
		{ "deny:2@1s+30",
		  { FAULT_DENY, .of = 2, .from = { FAULT_NS, S },
		    .length = { FAULT_MESSAGES, 30 } } },
		{ "delay:1.5ms@1.5s..2.5s/10s",
		  { FAULT_DELAY, .ns = 3 * MS / 2, .from = { FAULT_NS, 3 * S / 2 },
		    .length = { FAULT_NS, S }, .period_ns = 10 * S } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fault *want = &cases[i].want;
		struct fault f;
		struct error err = { 0 };
		if (!fault_parse(cases[i].text, ANY, &f, &err))
			fail_msg("%s", err.text);
		assert_int_equal(f.kind, want->kind);
		assert_int_equal(f.ns, want->ns);
		assert_int_equal(f.count, want->count);
		assert_int_equal(f.of, want->of);
		assert_int_equal(f.from.unit, want->from.unit);
		assert_int_equal(f.from.n, want->from.n);
		assert_int_equal(f.length.unit, want->length.unit);
		assert_int_equal(f.length.n, want->length.n);
		assert_int_equal(f.period_ns, want->period_ns);
	}
}

static void a_mistake_is_shown_where_it_is(void **state)
{
	static const struct {
		const char *text;
		int character; /* 0 = of the whole */
		const char *expected;
	} cases[] = {
		{ "", 1, "delay, stall, busy, refuse, close" },
		{ "sing:1", 1, " or corrupt instead of sing:1" },
		{ "delay", 6, "\":\" and a time instead of the end" },
		{ "delay:5", 7, "a time such as 500ms" },
		{ "delay:x", 7, "a time such as 500ms" },
		{ "delay:0ms", 7, "a time above 0" },
		{ "refuse:1", 7, "the end, or @" },
		{ "close:0", 7, "a number from 1" },
		{ "close:-1", 7, "a number from 1" },
		{ "close:1/2", 8, "the end, or @" },
		{ "error:2/1", 9, "no less than what is to be drawn of it" },
		{ "lose:1.5", 7, "the end, or @" },
		{ "lose:", 6, "a number from 1" },
		{ "lose:9@", 8, "a time such as 10s or the number of a message" },
		{ "lose:9@1s+", 11, "a time such as 10s or the number of a message" },
		{ "lose:9@1s..", 12, "a time such as 10s or the number of a message" },
		{ "lose:9@5s..4s", 12, "an end behind the beginning" },
		{ "lose:9@5s..10", 12, "an end behind the beginning" },
		{ "lose:9@5s+0s", 11, "an end behind the beginning" },
		{ "lose:9@5s/6s", 11, "a time longer than what comes again" },
		{ "stall:1s@x", 10, "a time such as 500ms" },
		{ "stall:1s@5s+2s", 12, "the end, or @" },
		{ "stall:1s@5s/1s", 13, "a time longer than what comes again" },
		{ "duplicate:5000000000", 11, "a number up to" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char place[160];
		struct fault f;
		struct error err = { 0 };
		assert_false(fault_parse(cases[i].text, ANY, &f, &err));
		assert_int_equal(err.kind, ERROR_USAGE);
		snprintf(place, sizeof(place), "fault \"%s\", character %d: expected ",
		         cases[i].text, cases[i].character);
		if (strncmp(err.text, place, strlen(place)) != 0 ||
		    strstr(err.text, cases[i].expected) == NULL)
			fail_msg("%s", err.text);
	}
}

static void a_list_is_parted_by_blanks_and_commas(void **state)
{
	struct fault list[FAULTS_MAX];
	struct error err = { 0 };
	char many[FAULTS_MAX * 7 + 8] = "";

	(void)state;
	assert_int_equal(fault_list_parse(" lose:3,  delay:5ms,refuse\t", ANY, list, &err), 3);
	assert_int_equal(list[0].kind, FAULT_LOSE);
	assert_int_equal(list[1].kind, FAULT_DELAY);
	assert_int_equal(list[2].kind, FAULT_REFUSE);
	assert_int_equal(fault_list_parse("", ANY, list, &err), 0);
	assert_int_equal(fault_list_parse("lose:3 lose:x", ANY, list, &err), -1);
	assert_non_null(strstr(err.text, "fault \"lose:x\", character 6"));
	for (int i = 0; i <= FAULTS_MAX; i++)
		memcpy(many + (size_t)i * 7, "lose:3 ", 8);
	assert_int_equal(fault_list_parse(many, ANY, list, &err), -1);
	assert_non_null(strstr(err.text, "more than 64"));
	memset(many, 'x', sizeof(many) - 1);
	assert_int_equal(fault_list_parse(many, ANY, list, &err), -1);
	assert_non_null(strstr(err.text, "is too long"));
}

static void what_a_broker_cannot_do_is_refused(void **state)
{
	struct fault f;
	struct error err = { 0 };

	(void)state;
	assert_false(fault_parse("reorder:2", FAULTS_OF_BROKER, &f, &err));
	assert_string_equal(err.text, "fault \"reorder:2\": this broker cannot do that");
	assert_false(fault_parse("refuse", FAULTS_OF_LOOPBACK, &f, &err));
	/* Each that is told of can be done by one of them. */
	for (const struct fault_help *h = fault_helps; h->form != NULL; h++) {
		bool broker = (FAULT_BIT(h->kind) & FAULTS_OF_BROKER) != 0;
		bool loopback = (FAULT_BIT(h->kind) & FAULTS_OF_LOOPBACK) != 0;
		assert_true(broker || loopback);
	}
}

/* --- when they strike ------------------------------------------------------------------------------ */

static struct faults *plant(const char *texts, const _Atomic uint64_t *load_start_ns)
{
	struct fault list[FAULTS_MAX];
	struct error err = { 0 };
	int count = fault_list_parse(texts, ANY, list, &err);

	if (count < 0)
		fail_msg("%s", err.text);
	return faults_create(list, (size_t)count, 1, load_start_ns, T0);
}

static void before_the_load_only_what_always_holds_strikes(void **state)
{
	_Atomic uint64_t load_start_ns = 0;
	struct faults *f = plant("lose:1@1 duplicate:1 error:1@0s deny:2@2", &load_start_ns);
	const unsigned always = FAULT_BIT(FAULT_DUPLICATE);
	const unsigned load = always | FAULT_BIT(FAULT_LOSE) | FAULT_BIT(FAULT_ERROR);

	(void)state;
	assert_int_equal(faults_strike(f, 5, T0), always); /* nobody knows when it begins */
	load_start_ns = T0 + S;
	assert_int_equal(faults_strike(f, 5, T0 + S - 1),
	                 always); /* the gate is known, and closed */
	assert_int_equal(faults_strike(f, 1, T0 + S), load);
	assert_int_equal(faults_strike(f, 1, T0 + S), load); /* the first that `deny` counts */
	assert_int_equal(faults_strike(f, 1, T0 + S), load | FAULT_BIT(FAULT_DENY));
	faults_destroy(f);
}

static void without_a_word_the_load_begins_with_the_first_message(void **state)
{
	struct faults *f = plant("delay:5ms@1s..2s", NULL);

	(void)state;
	assert_int_equal(faults_delay_ns(f, T0 + 3 * S / 2), 0);
	faults_strike(f, 1, T0 + S);
	assert_int_equal(faults_delay_ns(f, T0 + 2 * S - 1), 0);
	assert_int_equal(faults_delay_ns(f, T0 + 2 * S), 5 * MS);
	assert_int_equal(faults_delay_ns(f, T0 + 3 * S - 1), 5 * MS);
	assert_int_equal(faults_delay_ns(f, T0 + 3 * S), 0);
	faults_destroy(f);
}

static void a_batch_is_struck_when_what_is_counted_lies_in_it(void **state)
{
	static const unsigned batches[] = { 3, 4, 10, 2, 1, 5 };
	static const bool struck[] = { false, false, true, false, true, false };
	struct faults *f = plant("lose:10@1", NULL); /* messages 10 and 20 */

	(void)state;
	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
		assert_int_equal(faults_strike(f, batches[i], T0) != 0, struck[i]);
	faults_destroy(f);
}

static void lots_are_drawn_as_often_as_asked_for(void **state)
{
	struct faults *f = plant("error:1/10", NULL);
	unsigned struck = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		struck += faults_strike(f, 1, T0) != 0;
	assert_in_range(struck, 9500, 10500); /* the same every time: the seed is */
	faults_destroy(f);
}

static void a_length_in_messages_ends_what_counts_nothing_itself(void **state)
{
	struct faults *f = plant("refuse@3+2", NULL);
	static const bool refuses[] = { false, false, true, true, false, false };

	(void)state;
	assert_false(faults_refuse(f, T0));
	for (size_t i = 0; i < sizeof(refuses) / sizeof(refuses[0]); i++) {
		faults_strike(f, 1, T0 + i);
		/* It holds for messages 3 and 4, until they are told. */
		assert_int_equal(faults_refuse(f, T0 + i), refuses[i] && i != 3);
	}
	faults_destroy(f);
}

static void stalls_that_touch_are_one(void **state)
{
	struct faults *f = plant("stall:1s@1s stall:2s@2s busy:9s@3s stall:1s@10s/5s", NULL);

	(void)state;
	faults_strike(f, 1, T0);
	assert_int_equal(faults_stall_end_ns(f, FAULT_STALL, T0), T0);
	assert_int_equal(faults_stall_edge_ns(f, FAULT_STALL, T0), T0 + S);
	assert_int_equal(faults_stall_end_ns(f, FAULT_STALL, T0 + S), T0 + 4 * S);
	assert_int_equal(faults_stall_end_ns(f, FAULT_STALL, T0 + 4 * S), T0 + 4 * S);
	assert_int_equal(faults_stall_edge_ns(f, FAULT_BUSY, T0), T0 + 3 * S);
	assert_int_equal(faults_stall_end_ns(f, FAULT_BUSY, T0 + 3 * S), T0 + 12 * S);
	assert_int_equal(faults_stall_edge_ns(f, FAULT_STALL, T0 + 11 * S), T0 + 15 * S);
	assert_int_equal(faults_stall_end_ns(f, FAULT_STALL, T0 + 100 * S), T0 + 101 * S);
	assert_int_equal(faults_stall_edge_ns(f, FAULT_BUSY, T0 + 12 * S), UINT64_MAX);
	faults_destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_what_is_meant),
		cmocka_unit_test(a_mistake_is_shown_where_it_is),
		cmocka_unit_test(a_list_is_parted_by_blanks_and_commas),
		cmocka_unit_test(what_a_broker_cannot_do_is_refused),
		cmocka_unit_test(before_the_load_only_what_always_holds_strikes),
		cmocka_unit_test(without_a_word_the_load_begins_with_the_first_message),
		cmocka_unit_test(a_batch_is_struck_when_what_is_counted_lies_in_it),
		cmocka_unit_test(lots_are_drawn_as_often_as_asked_for),
		cmocka_unit_test(a_length_in_messages_ends_what_counts_nothing_itself),
		cmocka_unit_test(stalls_that_touch_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
