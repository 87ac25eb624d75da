/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/arena.h"

static const struct flag flags[] = {
	{ "drivers", "d", FLAG_LIST, "FILE,...", "files" },
	{ "workers-file", "wf", FLAG_VALUE, "FILE", "a file" },
	{ "set", NULL, FLAG_REPEAT, "KEY=VALUE", "overrides" },
	{ "extra", "x", FLAG_SWITCH, NULL, "a switch" },
	{ 0 },
};

static const struct command command = { .name = "run", .flags = flags };

struct parsed {
	struct arena arena;
	struct args args;
	struct error err;
	bool ok;
};

/* NULL ends the words. */
static struct parsed parse(const char *const *words)
{
	struct parsed p = { .ok = false };
	int count = 0;

	while (words[count] != NULL)
		count++;
	p.ok = args_parse(&command, count, (char *const *)(uintptr_t)words, &p.arena, &p.args,
	                  &p.err);
	return p;
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })

static void lists_are_split_at_commas_and_gathered(void **state)
{
	(void)state;
	struct parsed p = PARSE("-d", "a,b", "w.yaml", "--drivers", "c", "--drivers=d,e");
	struct args_values d = args_values(&p.args, "drivers");

	assert_true(p.ok);
	assert_int_equal(d.count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(d.items[i][0], "abcde"[i]);
	arena_fini(&p.arena);
}

static void flags_and_words_come_in_any_order(void **state)
{
	(void)state;
	struct parsed p = PARSE("one", "-x", "two", "-wf", "f", "-");

	assert_true(p.ok);
	assert_int_equal(p.args.words.count, 3);
	assert_string_equal(p.args.words.items[1], "two");
	assert_string_equal(p.args.words.items[2], "-");
	assert_true(args_has(&p.args, "extra"));
	assert_string_equal(args_value(&p.args, "workers-file"), "f");
	assert_false(args_has(&p.args, "drivers"));
	assert_null(args_value(&p.args, "set"));
	arena_fini(&p.arena);
}

static void words_behind_two_dashes_are_never_flags(void **state)
{
	(void)state;
	struct parsed p = PARSE("-x", "--", "-x", "--", "--nonsense");

	assert_true(p.ok);
	assert_int_equal(p.args.words.count, 3);
	assert_string_equal(p.args.words.items[1], "--");
	arena_fini(&p.arena);
}

static void repeated_values_keep_their_commas_and_may_begin_with_a_dash(void **state)
{
	(void)state;
	struct parsed p = PARSE("--set", "a=1,2", "--set=b=-3", "--set", "-c=4");
	struct args_values sets = args_values(&p.args, "set");

	assert_true(p.ok);
	assert_int_equal(sets.count, 3);
	assert_string_equal(sets.items[0], "a=1,2");
	assert_string_equal(sets.items[1], "b=-3");
	assert_string_equal(sets.items[2], "-c=4");
	arena_fini(&p.arena);
}

static void an_empty_value_is_a_value(void **state)
{
	(void)state;
	struct parsed p = PARSE("-wf", "", "--set=");

	assert_true(p.ok);
	assert_string_equal(args_value(&p.args, "workers-file"), "");
	assert_string_equal(args_value(&p.args, "set"), "");
	arena_fini(&p.arena);
}

static void mistakes_say_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *words[4], *want;
	} cases[] = {
		{ { "--drvers", "x" }, "unknown option \"--drvers\", did you mean --drivers?" },
		{ { "--drvers=x" }, "unknown option \"--drvers\", did you mean --drivers?" },
		{ { "--driver", "x" }, "unknown option \"--driver\", did you mean --drivers?" },
		{ { "-q" }, "unknown option \"-q\"; \"omb help run\" lists them" },
		{ { "-dfile" }, "unknown option \"-dfile\"; \"omb help run\" lists them" },
		{ { "-d" }, "-d needs a value: FILE,..." },
		{ { "--set" }, "--set needs a value: KEY=VALUE" },
		{ { "-wf", "a", "-wf", "b" }, "-wf is given twice" },
		{ { "-wf", "a", "--workers-file=b" }, "--workers-file is given twice" },
		{ { "--extra=yes" }, "--extra takes no value" },
		{ { "-d", "a,,b" }, "-d: \"a,,b\" has an empty item" },
		{ { "-d", "a," }, "-d: \"a,\" has an empty item" },
		{ { "-d", "" }, "-d: \"\" has an empty item" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *words[5] = { 0 };
		memcpy(words, cases[i].words, sizeof(cases[i].words));
		struct parsed p = parse(words);
		assert_false(p.ok);
		assert_int_equal(p.err.kind, ERROR_USAGE);
		assert_string_equal(p.err.text, cases[i].want);
		arena_fini(&p.arena);
	}
}

static void every_command_has_its_documentation(void **state)
{
	(void)state;
	for (size_t i = 0; all_commands[i] != NULL; i++) {
		const struct command *c = all_commands[i];
		assert_ptr_equal(args_command(all_commands, c->name), c);
		assert_non_null(c->summary);
		assert_non_null(c->text);
		assert_non_null(c->run);
		for (const struct flag *f = c->flags; f->name != NULL; f++) {
			assert_non_null(f->help);
			assert_true((f->kind == FLAG_SWITCH) == (f->argument == NULL));
			for (const struct flag *g = c->flags; g != f; g++) {
				assert_string_not_equal(f->name, g->name);
				if (f->brief != NULL && g->brief != NULL)
					assert_string_not_equal(f->brief, g->brief);
			}
		}
	}
	assert_null(args_command(all_commands, "nonsense"));
}

static void ombs_flags_are_all_there(void **state)
{
	(void)state;
	static const struct {
		const char *brief, *name;
	} omb[] = { { "d", "drivers" }, { "w", "workers" }, { "wf", "workers-file" },
		    { "x", "extra" },   { "o", "output" },  { "c", "csv" },
		    { "h", "help" } };
	const struct command *run = args_command(all_commands, "run");

	for (size_t i = 0; i < sizeof(omb) / sizeof(omb[0]); i++) {
		bool found = false;
		for (const struct flag *f = run->flags; f->name != NULL; f++)
			found = found || (strcmp(f->name, omb[i].name) == 0 && f->brief != NULL &&
			                  strcmp(f->brief, omb[i].brief) == 0);
		if (!found)
			fail_msg("run has no -%s, --%s", omb[i].brief, omb[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_split_at_commas_and_gathered),
		cmocka_unit_test(flags_and_words_come_in_any_order),
		cmocka_unit_test(words_behind_two_dashes_are_never_flags),
		cmocka_unit_test(repeated_values_keep_their_commas_and_may_begin_with_a_dash),
		cmocka_unit_test(an_empty_value_is_a_value),
		cmocka_unit_test(mistakes_say_what_is_wrong),
		cmocka_unit_test(every_command_has_its_documentation),
		cmocka_unit_test(ombs_flags_are_all_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
