/* SPDX-License-Identifier: Apache-2.0 */
#include "util/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "util/arena.h"
#include "util/secret.h"

struct leaf {
	const char *name;
	uint64_t value;
};

struct tree {
	bool yes;
	int number;
	unsigned small;
	uint64_t count, wall, at_ns, limit, maybe;
	double real;
	const char *text, *message;
	char chars[4];
	enum { RED, GREEN } color;
	uint64_t counts[2];
	struct leaf leaf;
	const struct leaf *leaves;
	size_t leaves_count;
	int custom;
};

static const char *const colors[] = { "red", "green" };
static const char *const counted[] = { "a", "b" };

static bool write_custom(const void *from, struct fields_out *out)
{
	const struct tree *t = from;

	text_addf(out->text, "[%d]", t->custom);
	return t->custom != 0;
}

static bool read_custom(const json_t *value, void *to, struct fields_in *in)
{
	struct tree *t = to;

	(void)in;
	t->custom = (int)json_integer_value(json_array_get(value, 0));
	return true;
}

static const struct field_custom custom = { write_custom, read_custom };

static const struct field leaf_items[] = {
	FIELD(struct leaf, name, "name", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct leaf, value, "value", FIELD_COUNT),
};
static const struct fields leaf_fields = FIELDS(struct leaf, leaf_items);

static const struct field tree_items[] = {
	FIELD(struct tree, yes, "yes", FIELD_BOOL),
	FIELD(struct tree, number, "number", FIELD_INT),
	FIELD(struct tree, small, "small", FIELD_UINT),
	FIELD(struct tree, count, "count", FIELD_COUNT, .flags = FIELD_MUST),
	FIELD(struct tree, wall, "wall", FIELD_WALL),
	FIELD(struct tree, at_ns, "atNs", FIELD_INSTANT),
	FIELD(struct tree, limit, "limit", FIELD_LIMIT),
	FIELD(struct tree, maybe, "maybe", FIELD_COUNT, .flags = FIELD_NULL),
	FIELD(struct tree, real, "real", FIELD_REAL),
	FIELD(struct tree, text, "text", FIELD_TEXT),
	FIELD(struct tree, message, "message", FIELD_MESSAGE, .flags = FIELD_OMIT),
	FIELD(struct tree, chars, "chars", FIELD_CHARS),
	FIELD(struct tree, color, "color", FIELD_NAME, .names = colors, .names_count = 2),
	FIELD(struct tree, counts, "counts", FIELD_COUNTS, .names = counted, .names_count = 2),
	FIELD(struct tree, leaf, "leaf", FIELD_STRUCT, .of = &leaf_fields),
	FIELD(struct tree, leaves, "leaves", FIELD_LIST, .of = &leaf_fields,
	      .count = offsetof(struct tree, leaves_count)),
	FIELD(struct tree, custom, "custom", FIELD_CUSTOM, .custom = &custom),
};
static const struct fields tree_fields = FIELDS(struct tree, tree_items);

static const char *written(const struct tree *t, struct text *out)
{
	struct fields_out to = { out, 1000 };

	fields_write(&tree_fields, t, &to);
	return text_str(out);
}

static bool read_back(const char *text, struct tree *to, struct arena *arena, struct error *err)
{
	struct fields_in in = { arena, 1000, err };
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(root);
	bool ok = fields_read(&tree_fields, root, to, &in);
	json_decref(root);
	return ok;
}

static void what_is_written_is_read_back(void **state)
{
	static const struct leaf leaves[] = { { "x", 1 }, { "y\n\"", UINT64_C(1) << 52 } };
	const struct tree t = {
		.yes = true,
		.number = -7,
		.small = 4294967295,
		.count = 1,
		.wall = UINT64_C(1700000000000000000),
		.at_ns = 1500,
		.limit = UINT64_MAX,
		.real = 0.1,
		.text = "caf\xc3\xa9 \x01",
		.message = "hunter3 was refused",
		.chars = "abc",
		.color = GREEN,
		.counts = { 3, 4 },
		.leaf = { "z", 9 },
		.leaves = leaves,
		.leaves_count = 2,
		.custom = 5,
	};
	struct arena arena = { 0 };
	struct text out = { 0 };
	struct error err = { 0 };
	struct tree back;

	(void)state;
	secret_learn("password", "hunter3");
	assert_string_equal(
		written(&t, &out),
		"{\"yes\":true,\"number\":-7,\"small\":4294967295,\"count\":1,"
		"\"wall\":1700000000000000000,\"atNs\":500,\"limit\":null,\"maybe\":null,"
		"\"real\":0.10000000000000001,\"text\":\"caf\xc3\xa9 \\u0001\","
		"\"message\":\"**** was refused\",\"chars\":\"abc\",\"color\":\"green\","
		"\"counts\":{\"a\":3,\"b\":4},\"leaf\":{\"name\":\"z\",\"value\":9},"
		"\"leaves\":[{\"name\":\"x\",\"value\":1},{\"name\":\"y\\n\\\"\",\"value\":"
		"4503599627370496}],\"custom\":[5]}");
	assert_true(read_back(out.data, &back, &arena, &err));
	assert_true(back.yes && back.number == -7 && back.small == 4294967295);
	assert_true(back.count == 1 && back.wall == t.wall && back.at_ns == 1500);
	assert_true(back.limit == UINT64_MAX && back.maybe == 0 && back.real == 0.1);
	assert_string_equal(back.text, t.text);
	assert_string_equal(back.chars, "abc");
	assert_true(back.color == GREEN && back.counts[1] == 4 && back.custom == 5);
	assert_string_equal(back.leaf.name, "z");
	assert_int_equal(back.leaves_count, 2);
	assert_string_equal(back.leaves[1].name, "y\n\"");
	assert_true(back.leaves[1].value == leaves[1].value);
	text_fini(&out);
	arena_fini(&arena);
}

static void whatever_is_in_it_what_is_written_is_json(void **state)
{
	const struct tree t = { .at_ns = 1, .real = NAN, .text = "a\xff\xc3", .count = UINT64_MAX };
	struct text out = { 0 };

	(void)state;
	/* What is not there is 0 or null, what is omitted is not there, nothing is before the origin. */
	assert_string_equal(
		written(&t, &out),
		"{\"yes\":false,\"number\":0,\"small\":0,\"count\":18446744073709551615,\"wall\":0,"
		"\"atNs\":0,\"limit\":0,\"maybe\":null,\"real\":0.0,\"text\":\"a??\",\"chars\":\"\","
		"\"color\":\"red\",\"counts\":{\"a\":0,\"b\":0},\"leaf\":{\"name\":null,\"value\":0},"
		"\"leaves\":[]}");
	text_fini(&out);
}

static void what_is_absent_or_null_is_nothing_and_the_unknown_is_left_out(void **state)
{
	struct arena arena = { 0 };
	struct error err = { 0 };
	struct tree t;

	(void)state;
	assert_true(read_back("{\"count\":2,\"text\":null,\"later\":[1]}", &t, &arena, &err));
	assert_true(t.count == 2 && t.text == NULL && t.leaves_count == 0 && t.real == 0);
	assert_true(t.limit == 0 && !t.yes);
	arena_fini(&arena);
}

static void the_first_thing_that_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "[]", "an object is missing" },
		{ "{}", "count is missing" },
		{ "{\"count\":-1}", "count is no count" },
		{ "{\"count\":9007199254740993}", "count is no count" },
		{ "{\"count\":1,\"small\":4294967296}", "small is no count" },
		{ "{\"count\":1,\"number\":2147483648}", "number is no number" },
		{ "{\"count\":1,\"wall\":\"x\"}", "wall is no time" },
		{ "{\"count\":1,\"yes\":1}", "yes is no truth value" },
		{ "{\"count\":1,\"real\":\"1\"}", "real is no rate" },
		{ "{\"count\":1,\"text\":1}", "text is no text" },
		{ "{\"count\":1,\"color\":\"blue\"}", "color is none that is known" },
		{ "{\"count\":1,\"counts\":{\"b\":-1}}", "b is no count" },
		{ "{\"count\":1,\"leaf\":{\"value\":1}}", "name is missing" },
		{ "{\"count\":1,\"leaves\":{}}", "leaves is no list" },
		{ "{\"count\":1,\"leaves\":[3]}", "an object is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena = { 0 };
		struct error err = { 0 };
		struct tree t;
		if (cases[i].text[0] == '[') {
			struct fields_in in = { &arena, 0, &err };
			assert_false(fields_read(&tree_fields, NULL, &t, &in));
		} else {
			assert_false(read_back(cases[i].text, &t, &arena, &err));
		}
		assert_string_equal(err.text, cases[i].want);
		arena_fini(&arena);
	}
}

struct table {
	const struct leaf *leaves;
	size_t leaves_count;
};

static bool has_leaves(const void *from)
{
	const struct table *t = from;

	return t->leaves_count > 0;
}

static const struct field part_items[] = {
	FIELD(struct table, leaves, "rows", FIELD_ROWS, .of = &leaf_fields,
	      .count = offsetof(struct table, leaves_count)),
};
static const struct fields part_fields = FIELDS(struct table, part_items);

static const struct field table_items[] = {
	FIELD(struct table, leaves, "columns", FIELD_COLUMNS, .of = &leaf_fields,
	      .count = offsetof(struct table, leaves_count)),
	FIELD(struct table, leaves, "part", FIELD_PART, .of = &part_fields, .when = has_leaves),
	FIELD(struct table, leaves_count, "count", FIELD_COUNT, .flags = FIELD_NULL,
	      .when = has_leaves),
};
static const struct fields table_fields = FIELDS(struct table, table_items);

static void a_list_is_a_table_too(void **state)
{
	static const struct leaf leaves[] = { { "x", 1 }, { "y", 2 } };
	static const struct table full = { leaves, 2 }, empty = { 0 };
	struct text out = { 0 };
	struct fields_out to = { &out, 0 };

	(void)state;
	fields_write(&table_fields, &full, &to);
	assert_string_equal(text_str(&out), "{\"columns\":{\"name\":[\"x\",\"y\"],\"value\":[1,2]},"
	                                    "\"part\":{\"rows\":{\"columns\":[\"name\",\"value\"],"
	                                    "\"rows\":[[\"x\",1],[\"y\",2]]}},\"count\":2}");
	out.len = 0;
	fields_write(&table_fields, &empty, &to);
	assert_string_equal(text_str(&out),
	                    "{\"columns\":{\"name\":[],\"value\":[]},\"count\":null}");
	text_fini(&out);
}

/* Columns may come in any order, and some that are not known. */
static void tables_are_read_back(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{\"columns\":{\"new\":[1],\"value\":[1,2],\"name\":[\"x\",\"y\"]}}", NULL },
		{ "{\"part\":{\"rows\":{\"columns\":[\"value\",\"new\",\"name\"],"
		  "\"rows\":[[1,7,\"x\"],[2,8,\"y\"]]}}}",
		  NULL },
		{ "{\"columns\":{\"value\":[1],\"name\":[\"x\",\"y\"]}}", "value is no column" },
		{ "{\"columns\":{\"value\":[1,2],\"name\":[\"x\",null]}}", "name is missing" },
		{ "{\"part\":{\"rows\":{\"rows\":[[1]]}}}", "rows is no table" },
		{ "{\"part\":{\"rows\":{\"columns\":[\"name\"],\"rows\":[[1]]}}}",
		  "name is no text" },
		{ "{\"part\":{\"rows\":{\"columns\":[\"name\"],\"rows\":[{}]}}}",
		  "name is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena = { 0 };
		struct error err = { 0 };
		struct fields_in in = { &arena, 0, &err };
		struct table t;
		json_t *root = json_loads(cases[i].text, 0, NULL);
		bool ok = fields_read(&table_fields, root, &t, &in);

		json_decref(root);
		assert_int_equal(ok, cases[i].want == NULL);
		if (ok) {
			assert_int_equal(t.leaves_count, 2);
			assert_string_equal(t.leaves[1].name, "y");
			assert_int_equal(t.leaves[1].value, 2);
		} else {
			assert_string_equal(err.text, cases[i].want);
		}
		arena_fini(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(whatever_is_in_it_what_is_written_is_json),
		cmocka_unit_test(what_is_absent_or_null_is_nothing_and_the_unknown_is_left_out),
		cmocka_unit_test(the_first_thing_that_is_wrong_is_named),
		cmocka_unit_test(a_list_is_a_table_too),
		cmocka_unit_test(tables_are_read_back),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
