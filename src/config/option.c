/* SPDX-License-Identifier: Apache-2.0 */
#include "config/option.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/option_value.h"
#include "config/yaml.h"
#include "util/arena.h"
#include "util/nearest.h"
#include "util/text.h"

const struct option_spec *option_find(const struct option_spec *table, const char *name)
{
	for (const struct option_spec *s = table; s->name != NULL; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

/* --- the nearest name --- */

void option_consider(const struct option_spec *table, struct nearest *near)
{
	for (const struct option_spec *s = table; s->name != NULL; s++)
		nearest_consider(near, s->name);
}

const char *option_nearest(const struct option_spec *table, const char *name)
{
	struct nearest near = nearest_to(name);

	option_consider(table, &near);
	return near.name;
}

bool option_unknown(struct error *err, const struct option_spec *table,
                    const struct option_spec *more, const char *name)
{
	char quoted[OPTION_QUOTE];
	struct nearest near = nearest_to(name);

	option_consider(table, &near);
	if (more != NULL)
		option_consider(more, &near);
	option_quote(name, quoted);
	if (near.name == NULL)
		return error_set(err, ERROR_CONFIG, "unknown option %s", quoted);
	return error_set(err, ERROR_CONFIG, "unknown option %s, did you mean \"%s\"?", quoted,
	                 near.name);
}

/* --- one value --- */

/* A scalar that is not from a file.  An empty one is a text, not "no value". */
static struct yaml_node scalar_of(const char *text)
{
	return (struct yaml_node){
		.kind = YAML_SCALAR,
		.style = text[0] != '\0' ? YAML_PLAIN : YAML_QUOTED,
		.text = text,
		.text_len = strlen(text),
		.weight = 1,
	};
}

void option_defaults(const struct option_spec *table, struct arena *a, void *out)
{
	for (const struct option_spec *s = table; s->name != NULL; s++) {
		if (s->fallback == NULL)
			continue;

		struct error err = { 0 }, note = { 0 };
		struct yaml_node node = scalar_of(s->fallback);
		struct option_value v = {
			.spec = s,
			.node = &node,
			.arena = a,
			.err = &err,
			.note = &note,
		};
		bool ok = option_store(&v, out);
		assert(ok);
		(void)ok;
	}
}

bool option_apply(const struct option_spec *table, struct arena *a, void *out, const char *name,
                  const char *value, struct error *err)
{
	const struct option_spec *spec = option_find(table, name);
	struct yaml_node *node = arena_alloc(a, sizeof(*node)); /* an OPTION_NODE keeps it */
	struct error note = { 0 };

	if (spec == NULL)
		return option_unknown(err, table, NULL, name);
	*node = scalar_of(value);

	struct option_value v = {
		.spec = spec,
		.node = node,
		.arena = a,
		.err = err,
		.note = &note,
	};
	return option_store(&v, out);
}

/* --- a whole map --- */

/* The pair that counts for each row. */
struct chosen {
	const struct yaml_pair *pairs[OPTION_ROWS_MAX];
};

static bool is_from_file(const struct yaml_pair *pair)
{
	return pair->key->line > 0;
}

static void add_at(struct error_list *list, const struct yaml_node *node, struct error *err)
{
	/* The text was built here, so it is neither long nor does it end in a root cause. */
	if (node->line == 0) {
		size_t len = strlen(err->text);
		snprintf(err->text + len, sizeof(err->text) - len, " (from --set)");
	}
	err->line = node->line;
	err->column = node->column;
	error_list_add(list, err);
}

static void fail_row(const struct option_reader *r, const struct option_spec *spec)
{
	if (r->failed != NULL)
		r->failed[spec - r->table] = true;
}

static void complain(const struct option_reader *r, bool is_error, const struct yaml_node *node,
                     struct error *err)
{
	add_at(is_error ? r->errors : r->warnings, node, err);
}

static void take_pair(const struct option_reader *r, const struct yaml_pair *pair,
                      struct chosen *chosen)
{
	const struct option_spec *spec = option_find(r->table, pair->key->text);
	struct error err = { 0 };

	if (spec == NULL) {
		if (r->elsewhere != NULL && option_find(r->elsewhere, pair->key->text) != NULL)
			return;
		option_unknown(&err, r->table, r->elsewhere, pair->key->text);
		complain(r, !r->lenient, pair->key, &err);
		return;
	}

	const struct yaml_pair **slot = &chosen->pairs[spec - r->table];
	if (*slot != NULL) {
		error_set(&err, ERROR_CONFIG, "duplicate key \"%s\", first at line %d", spec->name,
		          (*slot)->key->line);
		complain(r, !r->lenient, pair->key, &err);
	}
	*slot = pair;
}

/* Of two keys that exclude each other one from --set puts the other aside; else it is an error. */
static void settle_exclusion(const struct option_reader *r, const struct option_spec *spec,
                             struct chosen *chosen)
{
	const struct yaml_pair **mine = &chosen->pairs[spec - r->table];
	const struct option_spec *other = option_find(r->table, spec->excludes);
	struct error err = { 0 };

	assert(other != NULL);
	const struct yaml_pair **theirs = &chosen->pairs[other - r->table];
	if (*mine == NULL || *theirs == NULL)
		return;
	if (is_from_file(*mine) != is_from_file(*theirs)) {
		*(is_from_file(*mine) ? mine : theirs) = NULL;
		return;
	}
	error_set(&err, ERROR_CONFIG, "%s: not together with %s", spec->name, other->name);
	add_at(r->errors, (*mine)->key, &err);
	fail_row(r, spec);
}

static void read_row(const struct option_reader *r, const struct option_spec *spec,
                     const struct yaml_pair *pair, void *out)
{
	struct error err = { 0 }, note = { 0 };
	struct option_value v = {
		.spec = spec,
		.node = pair->value,
		.lenient = r->lenient && (spec->flags & OPTION_OMB),
		.arena = r->arena,
		.err = &err,
		.note = &note,
	};

	/* What follows a key without a value has a strange place: the key's is better. */
	const struct yaml_node *at = yaml_is_null(pair->value) ? pair->key : pair->value;
	if (!option_store(&v, out)) {
		add_at(r->errors, at, &err);
		fail_row(r, spec);
	} else if (note.kind != ERROR_NONE) {
		add_at(r->warnings, at, &note);
	}
}

static void miss_row(const struct option_reader *r, const struct option_spec *spec)
{
	struct error err = { 0 };

	bool as_java = r->lenient && (spec->flags & OPTION_OMB);
	error_set(&err, ERROR_CONFIG, "%s is missing (%s)", spec->name, spec->help);
	error_list_add(as_java ? r->warnings : r->errors, &err);
	if (!as_java)
		fail_row(r, spec);
}

bool option_read(const struct option_reader *r, const struct yaml_node *map, void *out)
{
	struct chosen chosen = { { NULL } };
	size_t errors_before = r->errors->count;

	option_defaults(r->table, r->arena, out);
	if (map->kind != YAML_MAP) {
		struct error err = { 0 };
		error_set(&err, ERROR_CONFIG, "expected lines of \"key: value\", found %s",
		          yaml_kind_name(map));
		add_at(r->errors, map, &err);
		return false;
	}

	for (size_t i = 0; i < map->count; i++)
		take_pair(r, &map->pairs[i], &chosen);
	for (const struct option_spec *s = r->table; s->name != NULL; s++)
		if (s->excludes != NULL)
			settle_exclusion(r, s, &chosen);
	for (const struct option_spec *s = r->table; s->name != NULL; s++) {
		assert(s - r->table < OPTION_ROWS_MAX);
		const struct yaml_pair *pair = chosen.pairs[s - r->table];
		if (pair != NULL)
			read_row(r, s, pair, out);
		else if (s->flags & OPTION_REQUIRED)
			miss_row(r, s);
	}
	return r->errors->count == errors_before;
}

/* --- back to text --- */

/* The shortest text that is read back as the same number. */
static void add_real(struct text *out, double value)
{
	char text[40];
	int digits = 15;

	do
		snprintf(text, sizeof(text), "%.*g", digits, value);
	while (strtod(text, NULL) != value && ++digits <= 17);
	text_add(out, text);
}

static void add_choice(struct text *out, const struct option_spec *spec, int value)
{
	for (const struct option_choice *c = spec->choices; c->name != NULL; c++) {
		if (c->value == value) {
			text_add(out, c->name);
			return;
		}
	}
	text_addf(out, "%d", value);
}

static void format_scalar(const struct option_spec *spec, const void *member, struct text *out)
{
	char units[UNITS_TEXT];
	int choice;

	if (spec->type == OPTION_BOOL)
		text_add(out, *(const bool *)member ? "true" : "false");
	else if (spec->type == OPTION_COUNT)
		text_addf(out, "%u", *(const uint32_t *)member);
	else if (spec->type == OPTION_COUNT64)
		text_addf(out, "%llu", (unsigned long long)*(const uint64_t *)member);
	else if (spec->type == OPTION_INT)
		text_addf(out, "%d", *(const int32_t *)member);
	else if (spec->type == OPTION_REAL || spec->type == OPTION_RATE)
		add_real(out, *(const double *)member);
	else if (spec->type == OPTION_DURATION)
		text_add(out, format_duration(*(const uint64_t *)member, units));
	else if (spec->type == OPTION_BYTES)
		text_add(out, format_bytes(*(const uint64_t *)member, units));
	else {
		assert(spec->type == OPTION_ENUM);
		memcpy(&choice, member, sizeof(choice));
		add_choice(out, spec, choice);
	}
}

static void format_amount(const struct option_amount *amount, struct text *out)
{
	char units[UNITS_TEXT];

	if (amount->ns > 0)
		text_add(out, format_duration(amount->ns, units));
	else if (amount->bytes > 0)
		text_add(out, format_bytes(amount->bytes, units));
	else
		text_addf(out, "%llu", (unsigned long long)amount->count);
}

static void format_pick(const struct option_spec *spec, const struct option_pick *pick,
                        struct text *out)
{
	if (pick->choice == OPTION_NUMBER)
		add_real(out, pick->number);
	else
		add_choice(out, spec, pick->choice);
}

static void format_cpus(const struct cpu_list *list, struct text *out)
{
	for (size_t i = 0; i < list->count; i++)
		text_addf(out, "%s%u", i > 0 ? "," : "", list->cpus[i]);
}

static void format_list(const struct option_list *list, struct text *out)
{
	text_add(out, "[");
	for (size_t i = 0; i < list->count; i++)
		text_addf(out, "%s%s", i > 0 ? ", " : "", list->items[i]);
	text_add(out, "]");
}

void option_format(const struct option_spec *spec, const void *in, struct text *out)
{
	const void *member = (const char *)in + spec->offset;
	const char *text;

	if (spec->flags & OPTION_SECRET) {
		text_add(out, "****");
		return;
	}
	if (spec->type == OPTION_TEXT) {
		text = *(const char *const *)member;
		text_add(out, text ? text : "");
	} else if (spec->type == OPTION_BLOCK) {
		text = ((const struct option_block *)member)->text;
		text_add(out, text ? text : "");
	} else if (spec->type == OPTION_CHOICE_OR_COUNT || spec->type == OPTION_CHOICE_OR_RATE) {
		format_pick(spec, member, out);
	} else if (spec->type == OPTION_COUNT_OR_DURATION || spec->type == OPTION_COUNT_OR_BYTES) {
		format_amount(member, out);
	} else if (spec->type == OPTION_CPUS) {
		format_cpus(member, out);
	} else if (spec->type == OPTION_LIST) {
		format_list(member, out);
	} else if (spec->type != OPTION_NODE) {
		format_scalar(spec, member, out);
	}
}

void option_each_marked(const struct option_spec *table, unsigned marks, const void *in,
                        option_marked_fn *fn, void *to)
{
	for (; table->name != NULL; table++) {
		if ((table->flags & marks) == 0)
			continue;
		assert(table->type == OPTION_TEXT);
		const char *value = *(const char *const *)((const char *)in + table->offset);
		if (value != NULL && value[0] != '\0')
			fn(to, table, value);
	}
}
