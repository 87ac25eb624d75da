/* SPDX-License-Identifier: Apache-2.0 */
#include "config/workers_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/arena.h"

struct read {
	struct arena arena;
	struct workers_list list;
	struct error_list errors, warnings;
	bool ok;
};

static void read_text(struct read *r, const char *text, bool lenient)
{
	struct config_mode mode = { .lenient = lenient };

	*r = (struct read){ 0 };
	r->ok = workers_file_parse(text, strlen(text), &mode, &r->arena, &r->list, &r->errors,
	                           &r->warnings);
}

static void done(struct read *r)
{
	error_list_fini(&r->errors);
	error_list_fini(&r->warnings);
	arena_fini(&r->arena);
}

static void workers_are_in_the_order_of_the_file(void **state)
{
	struct read r;

	(void)state;
	read_text(&r,
	          "workers:\n  - http://10.0.0.11:8080\n  - https://b.example:443//\n"
	          "  - 'http://[::1]:8080'\n",
	          false);
	assert_true(r.ok);
	assert_int_equal(r.list.count, 3);
	assert_string_equal(r.list.urls[0], "http://10.0.0.11:8080");
	assert_string_equal(r.list.urls[1], "https://b.example:443");
	assert_string_equal(r.list.urls[2], "http://[::1]:8080");
	done(&r);
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text, *error;
		int line, column;
	} cases[] = {
		{ "workers:\n  - http://a:8080\n  - a:8080\n",
		  "workers: \"a:8080\" is no address of a worker: it does not begin with http:// or "
		  "https://; expected http://HOST:PORT",
		  3, 5 },
		{ "workers:\n  - http://a\n",
		  "workers: \"http://a\" is no address of a worker: it has no port; expected "
		  "http://HOST:PORT",
		  2, 5 },
		{ "workers: [http://a:80, 'http://a:80/']\n",
		  "workers: the worker http://a:80 stands there twice", 1, 24 },
		{ "workers:\n  - http://a:8080/path\n",
		  "workers: \"http://a:8080/path\" is no address of a worker: something follows the "
		  "port; expected http://HOST:PORT",
		  2, 5 },
		{ "workers:\n  - http://a:99999\n",
		  "workers: \"http://a:99999\" is no address of a worker: the port is no number from "
		  "1 to 65535; expected http://HOST:PORT",
		  2, 5 },
		{ "workers:\n  - http://::1:8080\n",
		  "workers: \"http://::1:8080\" is no address of a worker: an IPv6 address stands in "
		  "brackets: http://[::1]:8080; expected http://HOST:PORT",
		  2, 5 },
		{ "workers:\n  - http://me:secret@a:80\n",
		  "workers: \"http://me:secret@a:80\" is no address of a worker: it has a user's "
		  "name in it; expected http://HOST:PORT",
		  2, 5 },
		{ "workers: http://a:8080\n", "workers: expected a list of addresses, found a text",
		  1, 10 },
		{ "workers: []\n", "workers: the list is empty", 1, 10 },
		{ "workers:\n  - {a: b}\n",
		  "workers: expected the address of a worker, found a mapping", 2, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct read r;
		read_text(&r, cases[i].text, false);
		assert_false(r.ok);
		assert_int_equal(r.errors.count, 1);
		assert_string_equal(r.errors.items[0].text, cases[i].error);
		assert_int_equal(r.errors.items[0].line, cases[i].line);
		assert_int_equal(r.errors.items[0].column, cases[i].column);
		assert_int_equal(r.errors.items[0].kind, ERROR_CONFIG);
		done(&r);
	}
}

/* As OMB: other keys mean nothing there. */
static void other_keys_are_errors_unless_it_is_lenient(void **state)
{
	static const char text[] = "workers: [http://a:80]\nworkerz: 1\n";
	struct read r;

	(void)state;
	read_text(&r, text, false);
	assert_false(r.ok);
	assert_string_equal(r.errors.items[0].text,
	                    "unknown option \"workerz\", did you mean \"workers\"?");
	done(&r);
	read_text(&r, text, true);
	assert_true(r.ok);
	assert_int_equal(r.warnings.count, 1);
	assert_int_equal(r.list.count, 1);
	done(&r);
}

static void a_file_without_workers_is_none(void **state)
{
	struct read r;

	(void)state;
	read_text(&r, "# nothing\nother: 1\n", true);
	assert_false(r.ok);
	done(&r);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct config_mode mode = { 0 };
	struct read r = { 0 };

	(void)state;
	assert_false(workers_file_load("/nowhere/w.yaml", &mode, &r.arena, &r.list, &r.errors,
	                               &r.warnings));
	assert_string_equal(r.errors.items[0].text,
	                    "workers file: /nowhere/w.yaml: No such file or directory");
	assert_int_equal(r.errors.items[0].kind, ERROR_CONFIG);
	done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_are_in_the_order_of_the_file),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(other_keys_are_errors_unless_it_is_lenient),
		cmocka_unit_test(a_file_without_workers_is_none),
		cmocka_unit_test(a_file_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
