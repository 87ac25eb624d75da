/* SPDX-License-Identifier: Apache-2.0 */
#include "config/option.h"
#include "config/option_doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/yaml.h"
#include "util/arena.h"
#include "util/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AT(m)    offsetof(struct sample, m)

enum colour { RED, GREEN, BLUE };

struct sample {
	uint32_t topics;
	uint64_t seed;
	int32_t nice;
	double ratio, rate;
	bool keep;
	const char *name;
	struct option_block block;
	enum colour colour;
	uint64_t period_ns, size_bytes, wake_ns;
	struct option_pick agents, speed;
	struct option_amount commit, window;
	struct cpu_list cpus;
	struct option_list hosts;
	const struct yaml_node *any;
	uint32_t java_count;
	double java_real;
	bool java_bool;
	enum colour java_colour;
	uint32_t minutes;
};

static const struct option_choice colours[] = {
	{ .name = "RED", .value = RED },
	{ .name = "GREEN", .value = GREEN },
	{ .name = "BLUE", .value = BLUE },
	{ .name = "AZURE", .value = BLUE, .alias = true },
	{ 0 },
};

static const struct option_choice layouts[] = {
	{ .name = "per-core", .value = 0 },
	{ .name = "per-client", .value = 1 },
	{ 0 },
};

/* clang-format off */
static const struct option_spec table[] = {
	{ .name = "topics", .type = OPTION_COUNT, .offset = AT(topics), .min = 1, .max = 1e6,
	  .fallback = "3", .help = "number of topics" },
	{ .name = "seed", .type = OPTION_COUNT64, .offset = AT(seed), .fallback = "42", .help = "seed" },
	{ .name = "nice", .type = OPTION_INT, .offset = AT(nice), .min = -20, .max = 19, .help = "nice" },
	{ .name = "ratio", .type = OPTION_REAL, .offset = AT(ratio), .max = 1, .fallback = "0.5",
	  .help = "ratio" },
	{ .name = "rate", .type = OPTION_RATE, .offset = AT(rate), .max = 1e9, .unit = "messages/s",
	  .help = "rate" },
	{ .name = "keep", .type = OPTION_BOOL, .offset = AT(keep), .help = "keep | or not" },
	{ .name = "name", .type = OPTION_TEXT, .offset = AT(name), .help = "name" },
	{ .name = "block", .type = OPTION_BLOCK, .offset = AT(block), .help = "lines" },
	{ .name = "colour", .type = OPTION_ENUM, .offset = AT(colour), .choices = colours,
	  .fallback = "GREEN", .help = "colour" },
	{ .name = "period", .type = OPTION_DURATION, .offset = AT(period_ns), .min = 1e9, .unit = "s",
	  .fallback = "10s", .help = "period" },
	{ .name = "wake", .type = OPTION_DURATION, .offset = AT(wake_ns), .max = 1e9, .unit = "us",
	  .help = "wake" },
	{ .name = "size", .type = OPTION_BYTES, .offset = AT(size_bytes), .max = 1048576, .unit = "B",
	  .help = "size" },
	{ .name = "agents", .type = OPTION_CHOICE_OR_COUNT, .offset = AT(agents), .min = 1, .max = 100,
	  .choices = layouts, .fallback = "per-core", .help = "agents" },
	{ .name = "speed", .type = OPTION_CHOICE_OR_RATE, .offset = AT(speed), .max = 1e9,
	  .choices = (const struct option_choice[]){ { .name = "max", .value = 2 }, { 0 } },
	  .help = "speed" },
	{ .name = "commit", .type = OPTION_COUNT_OR_DURATION, .offset = AT(commit), .help = "commit" },
	{ .name = "window", .type = OPTION_COUNT_OR_BYTES, .offset = AT(window), .min = 1, .max = 1000,
	  .help = "window" },
	{ .name = "cpus", .type = OPTION_CPUS, .offset = AT(cpus), .help = "cpus" },
	{ .name = "hosts", .type = OPTION_LIST, .offset = AT(hosts), .help = "hosts" },
	{ .name = "any", .type = OPTION_NODE, .offset = AT(any), .help = "any" },
	{ .name = "javaCount", .type = OPTION_COUNT, .offset = AT(java_count), .min = 1, .max = 1e6,
	  .flags = OPTION_OMB, .fallback = "9", .help = "as Java" },
	{ .name = "javaReal", .type = OPTION_REAL, .offset = AT(java_real), .max = 1e6,
	  .flags = OPTION_OMB | OPTION_JAVA_WHOLE, .help = "as Java" },
	{ .name = "javaBool", .type = OPTION_BOOL, .offset = AT(java_bool), .flags = OPTION_OMB,
	  .help = "as Java" },
	{ .name = "javaColour", .type = OPTION_ENUM, .offset = AT(java_colour), .choices = colours,
	  .flags = OPTION_OMB, .help = "as Java" },
	{ .name = "minutes", .type = OPTION_COUNT, .offset = AT(minutes), .excludes = "period",
	  .help = "minutes" },
	{ 0 },
};
/* clang-format on */

static struct arena arena;
static struct error_list errors, warnings;

static int tidy(void **state)
{
	(void)state;
	arena_fini(&arena);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	return 0;
}

static void apply(struct sample *s, const char *name, const char *value)
{
	struct error err = { 0 };

	if (!option_apply(table, &arena, s, name, value, &err))
		fail_msg("%s", err.text);
}

static bool read_with(const struct option_spec *with, const char *yaml, bool lenient, void *out)
{
	struct yaml_doc doc;
	struct error err = { 0 };
	struct option_reader reader = { .table = with,
		                        .lenient = lenient,
		                        .arena = &arena,
		                        .errors = &errors,
		                        .warnings = &warnings };

	if (!yaml_parse(yaml, strlen(yaml), &arena, &doc, &err))
		fail_msg("%s", err.text);
	return option_read(&reader, doc.root, out);
}

static void each_type_is_stored_in_its_member(void **state)
{
	(void)state;
	struct sample s = { 0 };

	apply(&s, "topics", "1000000");
	assert_int_equal(s.topics, 1000000);
	apply(&s, "seed", "18446744073709551614");
	assert_true(s.seed == 18446744073709551614u);
	apply(&s, "nice", "-20");
	assert_int_equal(s.nice, -20);
	apply(&s, "ratio", "0.25");
	assert_true(s.ratio == 0.25);
	apply(&s, "rate", "1e5");
	assert_true(s.rate == 100000);
	apply(&s, "keep", "true");
	assert_true(s.keep);
	apply(&s, "name", "1.50");
	assert_string_equal(s.name, "1.50");
	apply(&s, "colour", "AZURE");
	assert_int_equal(s.colour, BLUE);
	apply(&s, "period", "1m30s");
	assert_true(s.period_ns == 90000000000);
	apply(&s, "wake", "200");
	assert_int_equal(s.wake_ns, 200000);
	apply(&s, "size", "64KiB");
	assert_int_equal(s.size_bytes, 65536);
	apply(&s, "cpus", "0-1,7");
	assert_int_equal(s.cpus.count, 3);
	apply(&s, "hosts", "one");
	assert_int_equal(s.hosts.count, 1);
	apply(&s, "any", "thing");
	assert_string_equal(s.any->text, "thing");
}

static void a_pick_is_a_choice_or_a_number(void **state)
{
	(void)state;
	struct sample s = { 0 };

	apply(&s, "agents", "per-client");
	assert_int_equal(s.agents.choice, 1);
	apply(&s, "agents", "12");
	assert_int_equal(s.agents.choice, OPTION_NUMBER);
	assert_true(s.agents.number == 12);
	apply(&s, "speed", "max");
	assert_int_equal(s.speed.choice, 2);
	apply(&s, "speed", "0.1");
	assert_int_equal(s.speed.choice, OPTION_NUMBER);
	assert_true(s.speed.number == 0.1);
}

static void an_amount_is_a_count_or_has_a_unit(void **state)
{
	(void)state;
	struct sample s = { 0 };

	apply(&s, "commit", "100");
	assert_int_equal(s.commit.count, 100);
	assert_int_equal(s.commit.ns, 0);
	apply(&s, "commit", "500ms");
	assert_int_equal(s.commit.count, 0);
	assert_int_equal(s.commit.ns, 500000000);
	apply(&s, "window", "2MB");
	assert_int_equal(s.window.bytes, 2000000);
	apply(&s, "window", "500");
	assert_int_equal(s.window.count, 500);
	assert_int_equal(s.window.bytes, 0);
}

static void bad_values_say_what_and_why(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *want;
	} cases[] = {
		{ "topics", "ten", "topics: \"ten\" is not a number" },
		{ "topics", "0", "topics: 0 is outside 1..1000000" },
		{ "topics", "1000001", "topics: 1000001 is outside 1..1000000" },
		{ "topics", "-1", "topics: -1 is outside 1..1000000" },
		{ "topics", "1.5", "topics: 1.5 is not a whole number" },
		{ "topics", "10.0", "topics: 10.0 is not a whole number" },
		{ "topics", "7x", "topics: \"7x\" is not a number" },
		{ "topics", "", "topics: \"\" is not a number" },
		{ "topics", "~", "topics: there is no value" },
		{ "topics", "1e5", "topics: \"1e5\" is not a plain number; write 100000" },
		{ "topics", "10_000", "topics: \"10_000\" is not a plain number; write 10000" },
		{ "topics", "0x10", "topics: \"0x10\" is not a plain number; write 16" },
		{ "topics", "010", "topics: \"010\" is not a plain number; write 8" },
		{ "topics", "nan", "topics: \"nan\" is not a number" },
		{ "topisc", "1", "unknown option \"topisc\", did you mean \"topics\"?" },
		{ "Topics", "1", "unknown option \"Topics\", did you mean \"topics\"?" },
		{ "zzzzzz", "1", "unknown option \"zzzzzz\"" },
		{ "seed", "18446744073709551616", "seed: 18446744073709551616 is too large" },
		{ "seed", "-1", "seed: -1 is not >= 0" },
		{ "nice", "20", "nice: 20 is outside -20..19" },
		{ "ratio", "1.01", "ratio: 1.01 is outside 0..1" },
		{ "ratio", "inf", "ratio: \"inf\" is not a number" },
		{ "rate", "1e999", "rate: 1e999 is outside 0..1000000000" },
		{ "keep", "yes", "keep: \"yes\" is neither true nor false" },
		{ "colour", "red",
		  "colour: \"red\" is not one of: RED | GREEN | BLUE; did you mean \"RED\"?" },
		{ "colour", "mauve", "colour: \"mauve\" is not one of: RED | GREEN | BLUE" },
		{ "period", "500ms", "period: 500ms is not >= 1s" },
		{ "period", "soon",
		  "period: \"soon\" is not a number with a unit; write for example 90s or 5ms" },
		{ "period", "5 parsecs",
		  "period: \"5 parsecs\" has an unknown unit; write for example 90s or 5ms" },
		{ "wake", "2s", "wake: 2s is outside 0s..1s" },
		{ "size", "2MiB", "size: 2MiB is outside 0B..1MiB" },
		{ "agents", "0", "agents: 0 is outside 1..100" },
		{ "agents", "1.5", "agents: 1.5 is not a whole number" },
		{ "agents", "per-cor",
		  "agents: \"per-cor\" is not one of: per-core | per-client | whole number; did "
		  "you "
		  "mean \"per-core\"?" },
		{ "speed", "-1", "speed: -1 is outside 0..1000000000" },
		{ "commit", "soon",
		  "commit: \"soon\" is not a number with a unit; write for example 100 or 500ms" },
		{ "window", "0", "window: 0 is outside 1..1000" },
		{ "window", "2mb",
		  "window: \"2mb\" has an unknown unit; write for example 5000 or 2MB" },
		{ "cpus", "0-", "cpus: \"0-\" is not a list of CPUs such as 0-3,5" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sample s = { 0 }, untouched = { 0 };
		struct error err = { 0 };
		assert_false(option_apply(table, &arena, &s, cases[i].name, cases[i].value, &err));
		assert_string_equal(err.text, cases[i].want);
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_memory_equal(&s, &untouched, sizeof(s));
	}
}

static void what_is_absent_has_its_default(void **state)
{
	(void)state;
	struct sample s = { 0 };

	assert_true(read_with(table, "name: x\n", false, &s));
	assert_int_equal(s.topics, 3);
	assert_int_equal(s.seed, 42);
	assert_true(s.ratio == 0.5);
	assert_int_equal(s.colour, GREEN);
	assert_true(s.period_ns == 10000000000);
	assert_int_equal(s.agents.choice, 0);
	assert_null(s.block.text);
	assert_null(s.any);
}

static void a_required_key_is_missed(void **state)
{
	(void)state;
	static const struct option_spec strict[] = {
		{ .name = "topics",
		  .type = OPTION_COUNT,
		  .flags = OPTION_REQUIRED | OPTION_OMB,
		  .help = "number of topics" },
		{ .name = "ours",
		  .type = OPTION_COUNT,
		  .offset = 4,
		  .flags = OPTION_REQUIRED,
		  .help = "x" },
		{ 0 },
	};
	uint32_t out[2] = { 0 };

	assert_false(read_with(strict, "{}", false, out));
	assert_int_equal(errors.count, 2);
	assert_string_equal(errors.items[0].text, "topics is missing (number of topics)");

	/* Java needs none of its own keys; ours are no concern of Java. */
	assert_false(read_with(strict, "{}", true, out));
	assert_int_equal(errors.count, 3);
	assert_string_equal(errors.items[2].text, "ours is missing (x)");
	assert_int_equal(warnings.count, 1);
}

static void all_errors_of_a_file_come_at_once_with_their_places(void **state)
{
	(void)state;
	struct sample s = { 0 };
	static const char file[] = "topics: 0\n"
				   "topisc: 1\n"
				   "keep: maybe\n"
				   "seed: 1\n"
				   "seed: 2\n"
				   "colour: [RED]\n"
				   "ratio:\n"
				   "rate: \"10\"\n"
				   "block: {a: b}\n";
	static const struct {
		int line, column;
		const char *text;
	} want[] = {
		{ 2, 1, "unknown option \"topisc\", did you mean \"topics\"?" },
		{ 5, 1, "duplicate key \"seed\", first at line 4" },
		{ 1, 9, "topics: 0 is outside 1..1000000" },
		{ 7, 1, "ratio: there is no value" },
		{ 8, 7, "rate: \"10\" is not a plain number; write 10" },
		{ 3, 7, "keep: \"maybe\" is neither true nor false" },
		{ 9, 8, "block: expected a text block (block: |), found a mapping" },
		{ 6, 9, "colour: a list is not a name" },
	};

	assert_false(read_with(table, file, false, &s));
	assert_int_equal(errors.count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_string_equal(errors.items[i].text, want[i].text);
		assert_int_equal(errors.items[i].line, want[i].line);
		assert_int_equal(errors.items[i].column, want[i].column);
	}
	assert_int_equal(warnings.count, 0);
}

static void keys_that_others_read_are_passed_over(void **state)
{
	(void)state;
	struct sample s = { 0 };
	static const struct option_spec others[] = {
		{ .name = "driverClass", .type = OPTION_TEXT, .help = "" },
		{ 0 },
	};
	static const char file[] = "driverClass: x\ndriverClas: y\n";
	struct yaml_doc doc;
	struct error err = { 0 };
	struct option_reader reader = { .table = table,
		                        .elsewhere = others,
		                        .arena = &arena,
		                        .errors = &errors,
		                        .warnings = &warnings };

	assert_true(yaml_parse(file, strlen(file), &arena, &doc, &err));
	assert_false(option_read(&reader, doc.root, &s));
	assert_int_equal(errors.count, 1);
	assert_string_equal(errors.items[0].text,
	                    "unknown option \"driverClas\", did you mean \"driverClass\"?");
}

static void keys_that_exclude_each_other_are_an_error(void **state)
{
	(void)state;
	struct sample s = { 0 };

	assert_false(read_with(table, "minutes: 1\nperiod: 5s\n", false, &s));
	assert_int_equal(errors.count, 1);
	assert_string_equal(errors.items[0].text, "minutes: not together with period");
	assert_int_equal(errors.items[0].line, 1);
}

static void a_file_that_is_no_mapping_is_an_error(void **state)
{
	(void)state;
	struct sample s = { 0 };

	assert_false(read_with(table, "just words\n", false, &s));
	assert_string_equal(errors.items[0].text, "expected lines of \"key: value\", found a text");
	assert_false(read_with(table, "- a\n", false, &s));
	assert_string_equal(errors.items[1].text, "expected lines of \"key: value\", found a list");
}

static void blocks_keep_their_lines_and_their_place(void **state)
{
	(void)state;
	struct sample s = { 0 };

	assert_true(read_with(table, "topics: 1\nblock: |\n  a=1 \n  b=2\n", false, &s));
	assert_string_equal(s.block.text, "a=1 \nb=2\n");
	assert_int_equal(s.block.len, 9);
	assert_int_equal(s.block.line, 3);
	assert_true(read_with(table, "block:\n", false, &s));
	assert_null(s.block.text);
	assert_true(read_with(table, "block: |\n", false, &s));
	assert_string_equal(s.block.text, "");
}

static void lists_are_of_texts(void **state)
{
	(void)state;
	struct sample s = { 0 };

	assert_true(read_with(table, "hosts: [a, 2, 'c']\n", false, &s));
	assert_int_equal(s.hosts.count, 3);
	assert_string_equal(s.hosts.items[1], "2");
	assert_false(read_with(table, "hosts: [a, [b]]\n", false, &s));
	assert_string_equal(errors.items[0].text, "hosts: item 2 is a list, not a text");
}

static void a_text_is_one_line(void **state)
{
	(void)state;
	struct sample s = { 0 };

	assert_true(read_with(table, "name: |\n  one\n", false, &s));
	assert_string_equal(s.name, "one");
	assert_false(read_with(table, "name: |\n  one\n  two\n", false, &s));
	assert_string_equal(errors.items[0].text, "name: expected one line of text");
}

/* What Java's reader makes of a count; the warning tells it. */
static void lenient_counts_are_read_as_java_does(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t want;
		const char *warning;
	} cases[] = {
		{ "10", 10, NULL },
		{ "'10'", 10, "javaCount: \"10\" is taken as the number 10" },
		{ "10000.7", 10000, "javaCount: \"10000.7\" is taken as 10000" },
		{ "10.0", 10, "javaCount: \"10.0\" is taken as 10" },
		{ "1e5", 100000, "javaCount: \"1e5\" is taken as 100000" },
		{ "10_000", 10000, "javaCount: \"10_000\" is taken as the number 10000" },
		{ "0x10", 16, "javaCount: \"0x10\" is taken as the number 16" },
		{ "010", 8, "javaCount: \"010\" is taken as the number 8" },
		{ "0", 0, "javaCount: \"0\" is taken as none" },
		{ "-5", 0, "javaCount: \"-5\" is taken as 0" },
		{ "0.5", 0, "javaCount: \"0.5\" is taken as 0" },
		{ "", 0, "javaCount: \"\" is taken as 0" },
		{ "''", 0, "javaCount: \"\" is taken as 0" },
		{ "null", 0, "javaCount: \"null\" is taken as 0" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sample s = { 0 };
		char *file = arena_printf(&arena, "javaCount: %s\n", cases[i].text);

		warnings.count = 0;
		assert_true(read_with(table, file, true, &s));
		assert_int_equal(s.java_count, cases[i].want);
		assert_int_equal(warnings.count, cases[i].warning != NULL);
		if (cases[i].warning != NULL)
			assert_string_equal(warnings.items[0].text, cases[i].warning);
	}
}

static void lenient_reading_refuses_what_java_refuses(void **state)
{
	(void)state;
	static const char *const files[] = {
		"javaCount: 3000000000\n", "javaCount: ten\n", "javaCount: [1]\n",
		"javaBool: maybe\n",       "javaColour:\n",    "javaColour: 7\n",
	};

	for (size_t i = 0; i < COUNT(files); i++) {
		struct sample s = { 0 };
		assert_false(read_with(table, files[i], true, &s));
		assert_int_equal(errors.count, i + 1);
	}
}

static void lenient_flags_and_names_are_read_as_java_does(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		bool flag;
		enum colour colour;
		size_t warnings;
	} cases[] = {
		{ "javaBool: true\n", true, RED, 0 },   { "javaBool: yes\n", true, RED, 1 },
		{ "javaBool: on\n", true, RED, 1 },     { "javaBool: 1\n", true, RED, 1 },
		{ "javaBool: 'true'\n", true, RED, 1 }, { "javaBool: no\n", false, RED, 1 },
		{ "javaBool:\n", false, RED, 1 },       { "javaColour: BLUE\n", false, BLUE, 0 },
		{ "javaColour: 1\n", false, GREEN, 1 }, { "javaColour: blue\n", false, RED, 1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sample s = { 0 };
		warnings.count = 0;
		assert_true(read_with(table, cases[i].file, true, &s));
		assert_int_equal(s.java_bool, cases[i].flag);
		assert_int_equal(s.java_colour, cases[i].colour);
		assert_int_equal(warnings.count, cases[i].warnings);
	}
}

static void lenient_files_may_have_unknown_and_duplicate_keys(void **state)
{
	(void)state;
	struct sample s = { 0 };

	assert_true(read_with(table, "topics: 1\nreset: true\ntopics: 2\n", true, &s));
	assert_int_equal(s.topics, 2);
	assert_int_equal(warnings.count, 2);
	assert_string_equal(warnings.items[0].text, "unknown option \"reset\"");
	assert_int_equal(warnings.items[1].line, 3);
}

static void our_own_keys_are_strict_even_when_read_leniently(void **state)
{
	(void)state;
	struct sample s = { 0 };

	assert_false(read_with(table, "topics: '5'\nkeep: yes\ncolour: red\n", true, &s));
	assert_int_equal(errors.count, 3);
}

static void fractions_that_java_cuts_are_told(void **state)
{
	(void)state;
	struct sample s = { 0 };

	assert_true(read_with(table, "javaReal: 0.5\n", true, &s));
	assert_true(s.java_real == 0.5);
	assert_string_equal(warnings.items[0].text,
	                    "javaReal: the Java program cuts 0.5 to a whole number; omb does not");
}

static void what_is_formatted_is_read_back(void **state)
{
	(void)state;
	struct sample first = { 0 }, second = { 0 };
	static const char *const values[][2] = {
		{ "topics", "77" },
		{ "seed", "18446744073709551614" },
		{ "nice", "-3" },
		{ "ratio", "0.1" },
		{ "rate", "123456.789" },
		{ "keep", "true" },
		{ "colour", "BLUE" },
		{ "period", "1m30s" },
		{ "size", "64KiB" },
		{ "agents", "per-client" },
		{ "speed", "0.3333333333333333" },
		{ "commit", "500ms" },
		{ "window", "2MB" },
		{ "cpus", "5,0,1" },
		{ "name", "a b" },
	};

	for (size_t i = 0; i < COUNT(values); i++) {
		const struct option_spec *spec = option_find(table, values[i][0]);
		struct text once = { 0 }, twice = { 0 };

		apply(&first, values[i][0], values[i][1]);
		option_format(spec, &first, &once);
		assert_string_equal(text_str(&once), values[i][1]);
		apply(&second, values[i][0], text_str(&once));
		option_format(spec, &second, &twice);
		assert_string_equal(text_str(&once), text_str(&twice));
		text_fini(&once);
		text_fini(&twice);
	}
}

static void secrets_are_not_formatted(void **state)
{
	(void)state;
	struct sample s = { .name = "hunter2" };
	struct option_spec spec = {
		.name = "password", .type = OPTION_TEXT, .offset = AT(name), .flags = OPTION_SECRET
	};
	struct text out = { 0 };

	option_format(&spec, &s, &out);
	assert_string_equal(text_str(&out), "****");
	text_fini(&out);
}

static void long_and_strange_values_are_cut_in_messages(void **state)
{
	(void)state;
	struct sample s = { 0 };
	struct error err = { 0 };
	char value[3000];

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	value[3] = '\n';
	assert_false(option_apply(table, &arena, &s, "topics", value, &err));
	assert_true(strlen(err.text) < 120);
	assert_non_null(strstr(err.text, "\"xxx?xxx"));
	assert_non_null(strstr(err.text, "...\" is not a number"));
	assert_false(option_apply(table, &arena, &s, value, "1", &err));
	assert_non_null(strstr(err.text, "unknown option"));
}

static void documentation_comes_from_the_rows(void **state)
{
	(void)state;
	static const struct option_spec two[] = {
		{ .name = "topics",
		  .type = OPTION_COUNT,
		  .min = 1,
		  .max = 1e6,
		  .flags = OPTION_REQUIRED | OPTION_OMB,
		  .help = "number of topics" },
		{ .name = "speed",
		  .type = OPTION_DURATION,
		  .max = 1e9,
		  .fallback = "100us",
		  .unit = "us",
		  .help = "a | b - c" },
		{ 0 },
	};
	struct text out = { 0 };

	option_markdown(two, &out);
	assert_string_equal(
		text_str(&out),
		"| key | type | range | default | meaning |\n|---|---|---|---|---|\n"
		"| `topics` | whole number | 1..1000000 | *required* | number of topics |\n"
		"| `speed` | duration (bare: us) | 0s..1s | `100us` | a \\| b - c *(ours)* |\n");
	text_fini(&out);

	option_help(two, &out);
	assert_non_null(strstr(text_str(&out), "  topics                      number of topics\n"));
	assert_non_null(strstr(text_str(&out), "(whole number, 1..1000000, required)"));
	assert_non_null(
		strstr(text_str(&out), "(duration, 0s..1s, a bare number is us, default 100us)"));
	text_fini(&out);

	option_roff(two, &out);
	assert_non_null(
		strstr(text_str(&out), ".TP\n.B topics\nnumber of topics\n(whole number, "));
	assert_non_null(strstr(text_str(&out), "a | b \\- c\n"));
	text_fini(&out);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tidy)
	const struct CMUnitTest tests[] = {
		T(each_type_is_stored_in_its_member),
		T(a_pick_is_a_choice_or_a_number),
		T(an_amount_is_a_count_or_has_a_unit),
		T(bad_values_say_what_and_why),
		T(what_is_absent_has_its_default),
		T(a_required_key_is_missed),
		T(all_errors_of_a_file_come_at_once_with_their_places),
		T(keys_that_others_read_are_passed_over),
		T(keys_that_exclude_each_other_are_an_error),
		T(a_file_that_is_no_mapping_is_an_error),
		T(blocks_keep_their_lines_and_their_place),
		T(lists_are_of_texts),
		T(a_text_is_one_line),
		T(lenient_counts_are_read_as_java_does),
		T(lenient_reading_refuses_what_java_refuses),
		T(lenient_flags_and_names_are_read_as_java_does),
		T(lenient_files_may_have_unknown_and_duplicate_keys),
		T(our_own_keys_are_strict_even_when_read_leniently),
		T(fractions_that_java_cuts_are_told),
		T(what_is_formatted_is_read_back),
		T(secrets_are_not_formatted),
		T(long_and_strange_values_are_cut_in_messages),
		T(documentation_comes_from_the_rows),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
