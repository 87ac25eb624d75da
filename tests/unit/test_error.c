/* SPDX-License-Identifier: Apache-2.0 */
#include "util/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_MAX (sizeof(((struct error *)NULL)->text) - 1)

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void failing_is_one_line(void **state)
{
	(void)state;
	struct error err = { 0 };

	assert_false(error_set(&err, ERROR_CONFIG, "topics: %d is outside 1..%d", 0, 7));
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_int_equal(err.os_errno, 0);
	assert_string_equal(err.text, "topics: 0 is outside 1..7");
	assert_false(error_wrap(&err, "workload"));
	assert_false(error_set_errno(&err, ENOENT, "opening"));
}

static void a_system_failure_says_what_the_system_said(void **state)
{
	(void)state;
	struct error err = { 0 };

	error_set_errno(&err, ENOENT, "opening %s", "w.yaml");
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_int_equal(err.os_errno, ENOENT);
	assert_string_equal(err.text, "opening w.yaml: No such file or directory");
}

static void each_layer_adds_its_context_in_front(void **state)
{
	(void)state;
	struct error err = { 0 };

	error_set(&err, ERROR_BROKER, "connection refused");
	error_wrap(&err, "topic %s", "orders");
	error_wrap(&err, "agent %d", 3);
	assert_string_equal(err.text, "agent 3: topic orders: connection refused");
	assert_int_equal(err.kind, ERROR_BROKER);
}

static void a_place_is_shown_behind_the_first_context_and_only_there(void **state)
{
	(void)state;
	struct error err = { 0 };

	error_set(&err, ERROR_CONFIG, "topics: 0 is outside 1..1000000");
	err.line = 7;
	err.column = 3;
	error_wrap(&err, "workload %s", "w.yaml");
	assert_string_equal(err.text, "workload w.yaml:7:3: topics: 0 is outside 1..1000000");
	assert_int_equal(err.line, 0);
	assert_int_equal(err.column, 0);
	error_wrap(&err, "run 1");
	assert_string_equal(err.text,
	                    "run 1: workload w.yaml:7:3: topics: 0 is outside 1..1000000");
}

static void a_new_failure_forgets_the_old_one(void **state)
{
	(void)state;
	struct error err = { .kind = ERROR_SYSTEM, .os_errno = EIO, .line = 4, .column = 2 };

	error_set(&err, ERROR_TIMEOUT, "no answer");
	assert_int_equal(err.kind, ERROR_TIMEOUT);
	assert_int_equal(err.os_errno, 0);
	assert_int_equal(err.line, 0);
	assert_int_equal(err.column, 0);
}

static void an_error_may_be_quoted_in_its_own_successor(void **state)
{
	(void)state;
	struct error err = { 0 };

	error_set(&err, ERROR_BROKER, "refused");
	error_set(&err, ERROR_TIMEOUT, "gave up after \"%s\"", err.text);
	assert_string_equal(err.text, "gave up after \"refused\"");
}

static void overflow_keeps_the_root_cause(void **state)
{
	(void)state;
	const char *cause = ": connection refused by 10.0.0.1:9092";
	char context[2 * TEXT_MAX];
	struct error err = { 0 };

	memset(context, 'c', sizeof(context) - 1);
	context[sizeof(context) - 1] = '\0';

	error_set(&err, ERROR_BROKER, "%s", cause + 2);
	error_wrap(&err, "%s", context);
	assert_int_equal(strlen(err.text), TEXT_MAX);
	assert_true(ends_with(err.text, cause));
	assert_int_equal(err.text[0], 'c');
}

static void a_long_message_keeps_the_text_of_errno(void **state)
{
	struct error err;
	char name[1000];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	error_set_errno(&err, ENOENT, "opening %s", name);
	const char *cause = ": No such file or directory";
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(err.text + strlen(err.text) - strlen(cause), cause);
}

static void overflow_by_many_layers_keeps_the_root_cause(void **state)
{
	(void)state;
	struct error err = { 0 };

	error_set(&err, ERROR_BROKER, "the root cause");
	for (int i = 0; i < 200; i++)
		error_wrap(&err, "layer %d", i);
	assert_true(strlen(err.text) <= TEXT_MAX);
	assert_true(ends_with(err.text, "layer 1: layer 0: the root cause"));
}

static void a_cause_that_fills_everything_stays_whole(void **state)
{
	(void)state;
	/* From "no room at all" over "room for the separator only" to "room for one letter". */
	for (size_t room = 0; room <= 3; room++) {
		char cause[TEXT_MAX + 1];
		struct error err = { 0 };

		memset(cause, 'x', sizeof(cause));
		cause[TEXT_MAX - room] = '\0';
		error_set(&err, ERROR_BROKER, "%s", cause);
		error_wrap(&err, "context");
		assert_true(strlen(err.text) <= TEXT_MAX);
		assert_true(ends_with(err.text, cause));
	}
}

static void every_kind_has_a_name_an_exit_code_and_a_status(void **state)
{
	(void)state;
	static const struct {
		enum error_kind kind;
		const char *name;
		int exit_code, http;
	} cases[] = {
		{ ERROR_NONE, "none", 0, 200 },       { ERROR_USAGE, "usage", 2, 400 },
		{ ERROR_CONFIG, "config", 2, 400 },   { ERROR_UNSUPPORTED, "unsupported", 2, 501 },
		{ ERROR_SYSTEM, "system", 1, 500 },   { ERROR_BROKER, "broker", 1, 502 },
		{ ERROR_REFUSED, "refused", 1, 403 }, { ERROR_PROTOCOL, "protocol", 1, 502 },
		{ ERROR_TIMEOUT, "timeout", 1, 504 }, { ERROR_CANCELLED, "cancelled", 130, 503 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(error_kind_name(cases[i].kind), cases[i].name);
		assert_int_equal(error_exit_code(cases[i].kind), cases[i].exit_code);
		assert_int_equal(error_http_status(cases[i].kind), cases[i].http);
	}
}

static void a_list_keeps_all_errors_in_order(void **state)
{
	(void)state;
	struct error_list list = { 0 };

	for (int i = 0; i < 100; i++) {
		struct error err = { 0 };
		error_set(&err, ERROR_CONFIG, "error %d", i);
		err.line = i + 1;
		error_list_add(&list, &err);
	}
	assert_int_equal(list.count, 100);
	for (int i = 0; i < 100; i++) {
		char want[32];
		snprintf(want, sizeof(want), "error %d", i);
		assert_string_equal(list.items[i].text, want);
		assert_int_equal(list.items[i].line, i + 1);
	}
	error_list_fini(&list);
	assert_int_equal(list.count, 0);
	assert_null(list.items);
	error_list_fini(&list); /* a zeroed list is fine too */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failing_is_one_line),
		cmocka_unit_test(a_system_failure_says_what_the_system_said),
		cmocka_unit_test(each_layer_adds_its_context_in_front),
		cmocka_unit_test(a_place_is_shown_behind_the_first_context_and_only_there),
		cmocka_unit_test(a_new_failure_forgets_the_old_one),
		cmocka_unit_test(an_error_may_be_quoted_in_its_own_successor),
		cmocka_unit_test(overflow_keeps_the_root_cause),
		cmocka_unit_test(a_long_message_keeps_the_text_of_errno),
		cmocka_unit_test(overflow_by_many_layers_keeps_the_root_cause),
		cmocka_unit_test(a_cause_that_fills_everything_stays_whole),
		cmocka_unit_test(every_kind_has_a_name_an_exit_code_and_a_status),
		cmocka_unit_test(a_list_keeps_all_errors_in_order),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
