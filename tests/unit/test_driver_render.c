/* SPDX-License-Identifier: Apache-2.0 */
#include "config/driver_render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/yaml.h"
#include "util/arena.h"

static void render(const char *text, const struct override *sets, size_t count, struct arena *a,
                   struct text *out)
{
	struct config_mode mode = { .overrides = sets, .override_count = count };
	struct error err;

	assert_true(driver_render(text, strlen(text), &mode, a, out, &err));
}

static void a_file_with_sets_is_what_one_would_have_written(void **state)
{
	static const struct override sets[] = {
		{ "replicationFactor", "1" },
		{ "producerConfig.linger.ms", "5" },
		{ "testDuration", "10s" }, /* the workload's */
		{ "workload.name", "w" },
		{ "driver.name", "Kafka tuned" },
		{ "topicConfig.min.insync.replicas", "1" },
		{ "reset", "true" },
	};
	struct arena a = { 0 };
	struct text out = { 0 };

	(void)state;
	render("# a comment\n"
	       "name: Kafka\n"
	       "driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver\n"
	       "replicationFactor: 3\n"
	       "producerConfig: |\n"
	       "  acks=all\n"
	       "  linger.ms=1\n"
	       "consumerConfig:\n",
	       sets, sizeof(sets) / sizeof(sets[0]), &a, &out);
	assert_string_equal(
		text_str(&out),
		"name: \"Kafka tuned\"\n"
		"driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver\n"
		"replicationFactor: 1\n"
		"producerConfig: |\n"
		"  acks=all\n"
		"  linger.ms=1\n"
		"  linger.ms=5\n"
		"consumerConfig: null\n"
		"topicConfig: |\n"
		"  min.insync.replicas=1\n"
		"reset: true\n");
	text_fini(&out);
	arena_fini(&a);
}

static bool is_same(const struct yaml_node *x, const struct yaml_node *y)
{
	if (x->kind != y->kind || x->count != y->count)
		return false;
	if (x->kind == YAML_SCALAR)
		return (yaml_is_null(x) && yaml_is_null(y)) || strcmp(x->text, y->text) == 0;
	for (size_t i = 0; i < x->count; i++)
		if (x->kind == YAML_LIST ? !is_same(x->items[i], y->items[i])
		                         : !is_same(x->pairs[i].key, y->pairs[i].key) ||
		                                   !is_same(x->pairs[i].value, y->pairs[i].value))
			return false;
	return true;
}

static void what_is_rendered_says_the_same(void **state)
{
	static const char *const texts[] = {
		"a: [1, -2, x, {b: c, d: []}, [[y]]]\ne: {}\nf: {g: {h: i}}\n",
		"a: 'it''s'\nb: \"tab\\there \\u00e4 \\\\ \\\" end\\n\"\n'odd key: #': 1\n",
		"a: >\n  folded\n  text\n\nb: |+\n  kept\n\n\nc: |-\n  stripped\nd: |2\n   indented\n",
		"a: |\n  x=1\n\n  y=2\n  \n  z=3\nb: plain goes\n  on\n",
		"a: ~\nb:\nc: 'null'\nd: '12'\ne: 'true'\nf: '- x'\ng: ''\nh: '-'\n",
		"a: &x {b: 1}\nc: *x\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct arena a = { 0 };
		struct text out = { 0 };
		struct yaml_doc before, after;
		struct error err;

		render(texts[i], NULL, 0, &a, &out);
		assert_true(yaml_parse(texts[i], strlen(texts[i]), &a, &before, &err));
		assert_true(yaml_parse(text_str(&out), out.len, &a, &after, &err));
		assert_true(is_same(before.root, after.root));
		text_fini(&out);
		arena_fini(&a);
	}
}

/* Java takes "12" and 12 for the same only where it wants to. */
static void a_text_stays_a_text(void **state)
{
	struct arena a = { 0 };
	struct text out = { 0 };

	(void)state;
	render("a: '12'\nb: 12\nc: 'true'\nd: '~'\n", NULL, 0, &a, &out);
	assert_string_equal(text_str(&out), "a: \"12\"\nb: 12\nc: \"true\"\nd: \"~\"\n");
	text_fini(&out);
	arena_fini(&a);
}

static void a_property_is_a_line_of_its_own(void **state)
{
	static const struct override sets[] = { { "x.k", " a\\b" } };
	static const struct {
		const char *before, *after;
	} cases[] = {
		{ "x: 'a=1'\n", "x: |\n  a=1\n  k=\\ a\\\\b\n" },
		{ "x: 'a=1\\'\n", "x: |\n  a=1\\\n\n  k=\\ a\\\\b\n" },
		{ "x: |\n  a=1\\\n", "x: |\n  a=1\\\n\n  k=\\ a\\\\b\n" },
		{ "x:\n", "x: |\n  k=\\ a\\\\b\n" },
		{ "y: 1\n", "y: 1\nx: |\n  k=\\ a\\\\b\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a = { 0 };
		struct text out = { 0 };

		render(cases[i].before, sets, 1, &a, &out);
		assert_string_equal(text_str(&out), cases[i].after);
		text_fini(&out);
		arena_fini(&a);
	}
}

static void what_is_no_mapping_is_refused(void **state)
{
	struct config_mode mode = { 0 };
	struct arena a = { 0 };
	struct text out = { 0 };
	struct error err;

	(void)state;
	assert_false(driver_render("- a\n", 4, &mode, &a, &out, &err));
	assert_int_equal(err.kind, ERROR_CONFIG);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_with_sets_is_what_one_would_have_written),
		cmocka_unit_test(what_is_rendered_says_the_same),
		cmocka_unit_test(a_text_stays_a_text),
		cmocka_unit_test(a_property_is_a_line_of_its_own),
		cmocka_unit_test(what_is_no_mapping_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
