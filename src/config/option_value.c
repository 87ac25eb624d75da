/* SPDX-License-Identifier: Apache-2.0 */
#include "config/option_value.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/number.h"
#include "config/option_doc.h"
#include "config/yaml.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/nearest.h"
#include "util/text.h"

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

const char *option_quote(const char *text, char out[OPTION_QUOTE])
{
	size_t len = 0;

	out[len++] = '"';
	for (; *text != '\0' && len < OPTION_QUOTE - 6; text++) {
		out[len] = *text;
		if (is_control(out[len]))
			out[len] = '?';
		len++;
	}
	if (*text != '\0') {
		/* Never half a UTF-8 character. */
		while (len > 1 && ((unsigned char)out[len - 1] & 0xc0) == 0x80)
			len--;
		if (len > 1 && ((unsigned char)out[len - 1] & 0x80))
			len--;
		memcpy(out + len, "...", 3);
		len += 3;
	}
	out[len++] = '"';
	out[len] = '\0';
	return out;
}

static bool fail(const struct option_value *v, const char *what)
{
	return error_set(v->err, ERROR_CONFIG, "%s: %s", v->spec->name, what);
}

static bool fail_quoted(const struct option_value *v, const char *what)
{
	char quoted[OPTION_QUOTE];

	return error_set(v->err, ERROR_CONFIG, "%s: %s %s", v->spec->name,
	                 option_quote(v->node->text, quoted), what);
}

/* What lenient reading made of it. */
static void note(const struct option_value *v, const char *taken_as)
{
	char quoted[OPTION_QUOTE];

	error_set(v->note, ERROR_CONFIG, "%s: %s is taken as %s", v->spec->name,
	          option_quote(v->node->text, quoted), taken_as);
}

static void store(const struct option_value *v, void *out, const void *value, size_t size)
{
	memcpy((char *)out + v->spec->offset, value, size);
}

/* --- numbers --- */

static bool fail_range(const struct option_value *v, const char *written, double value)
{
	struct text range = { 0 };

	option_range_text(v->spec, &range);
	if (v->spec->max == 0 && value >= v->spec->min)
		error_set(v->err, ERROR_CONFIG, "%s: %s is too large", v->spec->name, written);
	else if (v->spec->max == 0)
		error_set(v->err, ERROR_CONFIG, "%s: %s is not %s", v->spec->name, written,
		          text_str(&range));
	else
		error_set(v->err, ERROR_CONFIG, "%s: %s is outside %s", v->spec->name, written,
		          text_str(&range));
	text_fini(&range);
	return false;
}

static bool is_in_range(const struct option_value *v, double value, double type_max)
{
	double max = v->spec->max != 0 ? v->spec->max : type_max;

	return value >= v->spec->min && value <= max;
}

/* Says how the number should be written. */
static bool fail_form(const struct option_value *v, const struct number *n)
{
	char quoted[OPTION_QUOTE];

	return error_set(v->err, ERROR_CONFIG, "%s: %s is not a plain number; write %.15g",
	                 v->spec->name, option_quote(v->node->text, quoted), n->value);
}

/* Text -> number, with the liberties of lenient reading and none otherwise.  0 for nothing. */
static bool read_number(const struct option_value *v, bool exponents, struct number *out)
{
	const struct yaml_node *node = v->node;
	struct number n = { .form = NUMBER_PLAIN, .whole = true };

	if (node->kind != YAML_SCALAR)
		return error_set(v->err, ERROR_CONFIG, "%s: %s is not a number", v->spec->name,
		                 yaml_kind_name(node));
	if (yaml_is_null(node) || (v->lenient && node->text_len == 0)) {
		if (!v->lenient)
			return fail(v, "there is no value");
		note(v, "0");
		*out = n;
		return true;
	}
	if (!number_parse(node->text, &n))
		return fail_quoted(v, "is not a number");

	bool plain = n.form == NUMBER_PLAIN || (n.form == NUMBER_EXPONENT && exponents);
	if (node->style == YAML_PLAIN && plain) {
		*out = n;
		return true;
	}
	if (!v->lenient)
		return fail_form(v, &n);

	struct text taken = { 0 };
	text_addf(&taken, "the number %.15g", n.value);
	note(v, text_str(&taken));
	text_fini(&taken);
	*out = n;
	return true;
}

/* Java counts with int: what is below the range means none, a fraction is cut off. */
static void take_as_java(const struct option_value *v, struct number *n)
{
	char taken[UNITS_TEXT];
	double whole = trunc(n->value);

	if (whole < v->spec->min && whole < 0)
		whole = 0;
	if (whole == n->value && n->whole)
		return;
	snprintf(taken, sizeof(taken), "%.15g", whole);
	note(v, taken);
	n->value = whole;
	n->whole = true;
	n->negative = whole < 0;
	n->magnitude = fabs(whole) < 18446744073709551616.0 ? (uint64_t)fabs(whole) : UINT64_MAX;
}

static bool read_whole(const struct option_value *v, double type_max, struct number *n)
{
	if (!read_number(v, false, n))
		return false;
	if (v->lenient)
		take_as_java(v, n);
	if (!n->whole)
		return error_set(v->err, ERROR_CONFIG, "%s: %s is not a whole number",
		                 v->spec->name, v->node->text);
	if (v->lenient && n->value == 0 && v->spec->min > 0) {
		if (v->note->kind == ERROR_NONE)
			note(v, "none");
		return true;
	}
	if (!is_in_range(v, n->value, type_max) || n->magnitude == UINT64_MAX)
		/* 2^64 - 1 itself is given up for the mark "does not fit". */
		return fail_range(v, v->node->text, n->value);
	return true;
}

static bool read_real(const struct option_value *v, struct number *n)
{
	if (!read_number(v, true, n))
		return false;
	if (v->lenient && n->value < v->spec->min && n->value < 0) {
		n->value = 0;
		note(v, "0");
	}
	if (v->lenient && (v->spec->flags & OPTION_JAVA_WHOLE) && trunc(n->value) != n->value)
		error_set(v->note, ERROR_CONFIG,
		          "%s: the Java program cuts %s to a whole number; omb does not",
		          v->spec->name, v->node->text);
	if (!is_in_range(v, n->value, HUGE_VAL) || isinf(n->value))
		return fail_range(v, v->node->text, n->value);
	return true;
}

static bool store_count(const struct option_value *v, void *out)
{
	struct number n = { 0 };

	if (!read_whole(v, UINT32_MAX, &n))
		return false;
	store(v, out, &(uint32_t){ (uint32_t)n.magnitude }, sizeof(uint32_t));
	return true;
}

static bool store_count64(const struct option_value *v, void *out)
{
	struct number n = { 0 };

	if (!read_whole(v, HUGE_VAL, &n))
		return false;
	store(v, out, &n.magnitude, sizeof(n.magnitude));
	return true;
}

static bool store_int(const struct option_value *v, void *out)
{
	struct number n = { 0 };

	if (!read_whole(v, INT32_MAX, &n))
		return false;
	store(v, out, &(int32_t){ (int32_t)n.value }, sizeof(int32_t));
	return true;
}

static bool store_real(const struct option_value *v, void *out)
{
	struct number n = { 0 };

	if (!read_real(v, &n))
		return false;
	store(v, out, &n.value, sizeof(n.value));
	return true;
}

/* --- words --- */

/* Flags: strict reading takes the first three of each, lenient reading all. */
#define STRICT_WORDS 3
static const char *const words_true[] = {
	"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y",
};
static const char *const words_false[] = {
	"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N", "",
};

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool flag_of(const char *text, bool *value)
{
	*value = is_one_of(text, words_true, STRICT_WORDS);
	return *value || is_one_of(text, words_false, STRICT_WORDS);
}

/* Java takes YAML's other words too, any number, and nothing for false. */
static bool flag_as_java(const struct yaml_node *node, bool *value)
{
	struct number n;

	if (yaml_is_null(node))
		*value = false;
	else if (number_parse(node->text, &n))
		*value = n.value != 0;
	else {
		*value = is_one_of(node->text, words_true, sizeof(words_true) / sizeof(char *));
		return *value ||
		       is_one_of(node->text, words_false, sizeof(words_false) / sizeof(char *));
	}
	return true;
}

static bool store_bool(const struct option_value *v, void *out)
{
	const struct yaml_node *node = v->node;
	bool value;

	if (node->kind != YAML_SCALAR)
		return fail(v, "expected true or false");
	if (yaml_is_null(node) && !v->lenient)
		return fail(v, "there is no value");

	bool known = flag_of(node->text, &value);
	bool strict = known && node->style == YAML_PLAIN;
	if (!strict && v->lenient)
		known = flag_as_java(node, &value);
	if (!known)
		return fail_quoted(v, "is neither true nor false");
	if (!strict && !v->lenient)
		return fail_quoted(v, "is a quoted text; write it without the quotes");
	if (!strict)
		note(v, value ? "true" : "false");
	store(v, out, &value, sizeof(value));
	return true;
}

static const struct option_choice *choice_find(const struct option_spec *spec, const char *name)
{
	for (const struct option_choice *c = spec->choices; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static bool fail_choice(const struct option_value *v)
{
	char quoted[OPTION_QUOTE];
	struct text want = { 0 };
	struct nearest near = nearest_to(v->node->text);

	for (const struct option_choice *c = v->spec->choices; c->name != NULL; c++)
		if (!c->alias)
			nearest_consider(&near, c->name);
	option_type_text(v->spec, &want);
	error_set(v->err, ERROR_CONFIG, "%s: %s is not one of: %s", v->spec->name,
	          option_quote(v->node->text, quoted), text_str(&want));
	if (near.name != NULL)
		error_set(v->err, ERROR_CONFIG, "%s: %s is not one of: %s; did you mean \"%s\"?",
		          v->spec->name, quoted, text_str(&want), near.name);
	text_fini(&want);
	return false;
}

/* Java takes a number as the place in its list, and any other text as the first of it. */
static const struct option_choice *choice_as_java(const struct option_value *v)
{
	const struct option_choice *c = v->spec->choices;
	struct number n = { 0 };

	if (number_parse(v->node->text, &n)) {
		for (; c->name != NULL; c++)
			if (!c->alias && n.whole && (double)c->value == n.value)
				break;
		if (c->name == NULL)
			return NULL;
	}
	note(v, c->name);
	return c;
}

static bool store_enum(const struct option_value *v, void *out)
{
	const struct option_choice *c;

	if (v->node->kind != YAML_SCALAR)
		return error_set(v->err, ERROR_CONFIG, "%s: %s is not a name", v->spec->name,
		                 yaml_kind_name(v->node));
	if (yaml_is_null(v->node))
		return fail(v, "there is no value");

	c = choice_find(v->spec, v->node->text);
	if (c == NULL && v->lenient)
		c = choice_as_java(v);
	if (c == NULL)
		return fail_choice(v);
	store(v, out, &c->value, sizeof(c->value));
	return true;
}

static bool store_pick(const struct option_value *v, void *out)
{
	struct option_pick pick = { .choice = OPTION_NUMBER };
	struct number n = { 0 };

	if (v->node->kind == YAML_SCALAR && v->node->text_len > 0) {
		const struct option_choice *c = choice_find(v->spec, v->node->text);

		if (c != NULL)
			pick.choice = c->value;
		else if (!number_parse(v->node->text, &n) && !yaml_is_null(v->node))
			return fail_choice(v);
	}
	if (pick.choice == OPTION_NUMBER) {
		bool ok = v->spec->type == OPTION_CHOICE_OR_RATE ? read_real(v, &n)
		                                                 : read_whole(v, UINT32_MAX, &n);
		if (!ok)
			return false;
		pick.number = n.value;
	}
	store(v, out, &pick, sizeof(pick));
	return true;
}

/* --- quantities with units --- */

static bool fail_units(const struct option_value *v, enum units_status status, const char *example)
{
	char quoted[OPTION_QUOTE];
	const char *what = "is not a number with a unit";

	if (status == UNITS_NO_UNIT)
		what = "has no unit";
	else if (status == UNITS_UNKNOWN_UNIT)
		what = "has an unknown unit";
	else if (status == UNITS_TOO_LARGE)
		what = "is too large";
	return error_set(v->err, ERROR_CONFIG, "%s: %s %s; write for example %s", v->spec->name,
	                 option_quote(v->node->text, quoted), what, example);
}

static bool is_text(const struct option_value *v)
{
	if (v->node->kind != YAML_SCALAR)
		return error_set(v->err, ERROR_CONFIG, "%s: %s is not a text", v->spec->name,
		                 yaml_kind_name(v->node));
	if (yaml_is_null(v->node))
		return fail(v, "there is no value");
	return true;
}

static bool store_measure(const struct option_value *v, void *out)
{
	bool is_time = v->spec->type == OPTION_DURATION;
	enum units_status status;
	uint64_t value;

	if (!is_text(v))
		return false;
	if (is_time)
		status = parse_duration(v->node->text, v->spec->unit, &value);
	else
		status = parse_bytes(v->node->text, v->spec->unit, &value);
	if (status != UNITS_OK)
		return fail_units(v, status, is_time ? "90s or 5ms" : "64KiB or 2MB");
	if (!is_in_range(v, (double)value, HUGE_VAL))
		return fail_range(v, v->node->text, (double)value);
	store(v, out, &value, sizeof(value));
	return true;
}

static bool store_amount(const struct option_value *v, void *out)
{
	bool is_time = v->spec->type == OPTION_COUNT_OR_DURATION;
	struct option_amount amount = { 0 };
	enum units_status status;
	struct number n = { 0 };

	if (!is_text(v))
		return false;
	if (number_parse(v->node->text, &n)) {
		struct yaml_node plain = *v->node;
		struct option_value count = *v;

		plain.style = YAML_PLAIN;
		count.node = &plain;
		if (!read_whole(&count, HUGE_VAL, &n))
			return false;
		amount.count = n.magnitude;
	} else {
		status = is_time ? parse_duration(v->node->text, NULL, &amount.ns)
		                 : parse_bytes(v->node->text, NULL, &amount.bytes);
		if (status != UNITS_OK)
			return fail_units(v, status, is_time ? "100 or 500ms" : "5000 or 2MB");
	}
	store(v, out, &amount, sizeof(amount));
	return true;
}

static bool store_cpus(const struct option_value *v, void *out)
{
	struct cpu_list list;

	if (!is_text(v))
		return false;
	if (!cpu_list_parse(v->node->text, v->arena, &list, v->err))
		return error_wrap(v->err, "%s", v->spec->name);
	store(v, out, &list, sizeof(list));
	return true;
}

/* --- texts --- */

static bool store_text(const struct option_value *v, void *out)
{
	const struct yaml_node *node = v->node;
	const char *text = NULL;

	if (node->kind != YAML_SCALAR)
		return error_set(v->err, ERROR_CONFIG, "%s: %s is not a text", v->spec->name,
		                 yaml_kind_name(node));
	if (!yaml_is_null(node)) {
		size_t len = node->text_len;
		if (len > 0 && node->style == YAML_BLOCK && node->text[len - 1] == '\n')
			len--;
		if (memchr(node->text, '\n', len) != NULL)
			return fail(v, "expected one line of text");
		text = arena_strndup(v->arena, node->text, len);
	}
	store(v, out, &text, sizeof(text));
	return true;
}

static bool store_block(const struct option_value *v, void *out)
{
	const struct yaml_node *node = v->node;
	struct option_block block = { 0 };

	if (node->kind != YAML_SCALAR)
		return error_set(v->err, ERROR_CONFIG,
		                 "%s: expected a text block (%s: |), found %s", v->spec->name,
		                 v->spec->name, yaml_kind_name(node));
	if (!yaml_is_null(node)) {
		block.text = arena_strndup(v->arena, node->text, node->text_len);
		block.len = node->text_len;
		block.line = yaml_text_line(node);
		block.head_line = node->line;
		block.head_column = node->column;
		block.lines = node->lines;
		block.line_count = node->line_count;
		block.folded = node->style == YAML_BLOCK && node->lines != NULL;
	}
	store(v, out, &block, sizeof(block));
	return true;
}

static bool store_list(const struct option_value *v, void *out)
{
	const struct yaml_node *node = v->node;
	struct option_list list = { 0 };

	if (node->kind == YAML_MAP)
		return fail(v, "a mapping is not a list");
	if (!yaml_is_null(node)) {
		struct yaml_node *const single = (struct yaml_node *)node;
		struct yaml_node *const *items = node->kind == YAML_LIST ? node->items : &single;

		list.count = node->kind == YAML_LIST ? node->count : 1;
		const char **texts = arena_alloc(v->arena, list.count * sizeof(*texts));
		for (size_t i = 0; i < list.count; i++) {
			if (items[i]->kind != YAML_SCALAR)
				return error_set(v->err, ERROR_CONFIG,
				                 "%s: item %zu is %s, not a text", v->spec->name,
				                 i + 1, yaml_kind_name(items[i]));
			texts[i] = arena_strdup(v->arena, items[i]->text);
		}
		list.items = texts;
	}
	store(v, out, &list, sizeof(list));
	return true;
}

static bool store_node(const struct option_value *v, void *out)
{
	*(const struct yaml_node **)((char *)out + v->spec->offset) = v->node;
	return true;
}

bool option_store(const struct option_value *v, void *out)
{
	typedef bool store_fn(const struct option_value *value, void *to);
	static store_fn *const stores[] = {
		[OPTION_BOOL] = store_bool,
		[OPTION_COUNT] = store_count,
		[OPTION_COUNT64] = store_count64,
		[OPTION_INT] = store_int,
		[OPTION_REAL] = store_real,
		[OPTION_RATE] = store_real,
		[OPTION_TEXT] = store_text,
		[OPTION_BLOCK] = store_block,
		[OPTION_ENUM] = store_enum,
		[OPTION_DURATION] = store_measure,
		[OPTION_BYTES] = store_measure,
		[OPTION_CHOICE_OR_COUNT] = store_pick,
		[OPTION_CHOICE_OR_RATE] = store_pick,
		[OPTION_COUNT_OR_DURATION] = store_amount,
		[OPTION_COUNT_OR_BYTES] = store_amount,
		[OPTION_CPUS] = store_cpus,
		[OPTION_LIST] = store_list,
		[OPTION_NODE] = store_node,
	};

	assert((size_t)v->spec->type < sizeof(stores) / sizeof(stores[0]));
	return stores[v->spec->type](v, out);
}
