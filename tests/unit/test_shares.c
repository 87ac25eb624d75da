/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define WORKERS_MAX 16
#define TEXT        200

/* "w1 w0 / w3 w2", in the order in which clients are dealt. */
static void describe(const enum share_role *roles, unsigned count, char out[TEXT])
{
	static const enum share_role kinds[] = { SHARE_PRODUCE, SHARE_CONSUME };
	size_t len = 0;

	for (size_t k = 0; k < 2; k++) {
		struct share_slots s = shares_slots(roles, count, kinds[k], NULL);

		len += (size_t)snprintf(out + len, TEXT - len, "%s", k > 0 ? "/" : "");
		for (unsigned i = 0; i < s.count; i++)
			len += (size_t)snprintf(out + len, TEXT - len, "%sw%u", i > 0 ? " " : "",
			                        s.workers[i]);
		shares_slots_fini(&s);
	}
}

static void workers_have_the_roles_of_ombs_table(void **state)
{
	static const struct {
		unsigned count;
		const char *normal, *extra; /* NULL: the same */
	} rows[] = {
		{ 2, "w0/w1", NULL },
		{ 3, "w0/w2 w1", NULL },
		{ 4, "w1 w0/w3 w2", NULL },
		{ 5, "w1 w0/w4 w3 w2", NULL },
		{ 6, "w2 w1 w0/w5 w4 w3", "w1 w0/w5 w4 w3 w2" },
		{ 7, "w2 w1 w0/w6 w5 w4 w3", NULL },
		{ 8, "w3 w2 w1 w0/w7 w6 w5 w4", "w2 w1 w0/w7 w6 w5 w4 w3" },
		{ 9, "w3 w2 w1 w0/w8 w7 w6 w5 w4", "w2 w1 w0/w8 w7 w6 w5 w4 w3" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum share_role roles[WORKERS_MAX];
		char text[TEXT];

		shares_roles(rows[i].count, false, roles);
		describe(roles, rows[i].count, text);
		assert_string_equal(text, rows[i].normal);
		shares_roles(rows[i].count, true, roles);
		describe(roles, rows[i].count, text);
		assert_string_equal(text, rows[i].extra ? rows[i].extra : rows[i].normal);
	}
}

static void one_worker_does_both(void **state)
{
	enum share_role role;
	char text[TEXT];

	(void)state;
	shares_roles(1, false, &role);
	assert_int_equal(role, SHARE_BOTH);
	shares_roles(1, true, &role);
	describe(&role, 1, text);
	assert_string_equal(text, "w0/w0");
}

/* "0 3|1 4|2": the items of each slot. */
static void deal(unsigned items, unsigned slots, char out[TEXT])
{
	size_t len = 0;

	for (unsigned s = 0; s < slots; s++) {
		uint64_t n = shares_items_of(items, slots, s);

		len += (size_t)snprintf(out + len, TEXT - len, "%s", s > 0 ? "|" : "");
		for (uint64_t j = 0; j < n; j++)
			len += (size_t)snprintf(out + len, TEXT - len, "%s%u", j > 0 ? " " : "",
			                        (unsigned)(s + j * slots));
	}
}

static void lists_are_dealt_round_robin_and_slots_may_stay_empty(void **state)
{
	static const struct {
		unsigned items, slots, used;
		const char *wanted;
	} rows[] = {
		{ 0, 3, 0, "||" },      { 1, 3, 1, "0||" },       { 2, 3, 2, "0|1|" },
		{ 3, 3, 3, "0|1|2" },   { 5, 3, 3, "0 3|1 4|2" }, { 6, 3, 3, "0 3|1 4|2 5" },
		{ 4, 1, 1, "0 1 2 3" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[TEXT];
		uint64_t first = 0;

		deal(rows[i].items, rows[i].slots, text);
		assert_string_equal(text, rows[i].wanted);
		assert_int_equal(shares_used(rows[i].items, rows[i].slots), rows[i].used);
		for (unsigned s = 0; s < rows[i].slots; s++) { /* places are gapless */
			assert_int_equal(shares_first_of(rows[i].items, rows[i].slots, s), first);
			first += shares_items_of(rows[i].items, rows[i].slots, s);
		}
		assert_int_equal(first, rows[i].items);
	}
}

static void roles_can_be_asked_for(void **state)
{
	enum share_role roles[3];
	struct error err = { 0 };
	char text[TEXT];

	(void)state;
	assert_true(shares_roles_read("both,consume,produce", 3, roles, &err));
	describe(roles, 3, text);
	assert_string_equal(text, "w2 w0/w1 w0");
	assert_true(shares_roles_read("both", 3, roles, &err));
	describe(roles, 3, text);
	assert_string_equal(text, "w2 w1 w0/w2 w1 w0");
	for (int i = 0; i < 3; i++) {
		enum share_role again;
		assert_true(share_role_of(share_role_name(roles[i]), &again));
		assert_int_equal(again, roles[i]);
	}
}

static void roles_that_make_no_sense_are_refused_by_name(void **state)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{ "produce,watch,both", "\"watch\" is no role" },
		{ "", "\"\" is no role" },
		{ "produce,consume,", "\"\" is no role" },
		{ "produce,consume", "2 roles for 3 workers" },
		{ "both,both,both,both", "4 roles for 3 workers" },
		{ "produce", "no worker consumes" },
		{ "consume,consume,consume", "no worker produces" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum share_role roles[3];
		struct error err = { 0 };

		assert_false(shares_roles_read(rows[i].text, 3, roles, &err));
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_non_null(strstr(err.text, rows[i].wanted));
	}
}

static void a_worker_that_is_gone_has_no_slot(void **state)
{
	const bool gone[4] = { false, true, false, false };
	enum share_role roles[4];

	(void)state;
	shares_roles(4, false, roles);
	struct share_slots s = shares_slots(roles, 4, SHARE_PRODUCE, gone);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.workers[0], 0);
	shares_slots_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_have_the_roles_of_ombs_table),
		cmocka_unit_test(one_worker_does_both),
		cmocka_unit_test(lists_are_dealt_round_robin_and_slots_may_stay_empty),
		cmocka_unit_test(roles_can_be_asked_for),
		cmocka_unit_test(roles_that_make_no_sense_are_refused_by_name),
		cmocka_unit_test(a_worker_that_is_gone_has_no_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
