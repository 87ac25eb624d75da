/* SPDX-License-Identifier: Apache-2.0 */
#include "config/option_doc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/roff.h"
#include "util/text.h"

/* Width of the names on a terminal: the longest of OMB's is randomizedPayloadPoolSize. */
#define HELP_NAME_WIDTH 27

static void add_choices(const struct option_spec *spec, struct text *out)
{
	const char *between = "";

	for (const struct option_choice *c = spec->choices; c->name != NULL; c++) {
		if (c->alias)
			continue;
		text_addf(out, "%s%s", between, c->name);
		between = " | ";
	}
}

void option_type_text(const struct option_spec *spec, struct text *out)
{
	static const char *const names[] = {
		[OPTION_BOOL] = "true | false",
		[OPTION_COUNT] = "whole number",
		[OPTION_COUNT64] = "whole number",
		[OPTION_INT] = "whole number",
		[OPTION_REAL] = "number",
		[OPTION_RATE] = "number",
		[OPTION_TEXT] = "text",
		[OPTION_BLOCK] = "text block",
		[OPTION_ENUM] = "",
		[OPTION_DURATION] = "duration",
		[OPTION_BYTES] = "size",
		[OPTION_CHOICE_OR_COUNT] = " | whole number",
		[OPTION_CHOICE_OR_RATE] = " | number",
		[OPTION_COUNT_OR_DURATION] = "whole number | duration",
		[OPTION_COUNT_OR_BYTES] = "whole number | size",
		[OPTION_CPUS] = "list of CPUs",
		[OPTION_LIST] = "list of texts",
		[OPTION_NODE] = "any",
	};

	if (spec->choices != NULL)
		add_choices(spec, out);
	text_add(out, names[spec->type]);
}

static void add_limit(const struct option_spec *spec, double limit, struct text *out)
{
	char units[UNITS_TEXT];

	if (spec->type == OPTION_DURATION)
		text_add(out, format_duration((uint64_t)limit, units));
	else if (spec->type == OPTION_BYTES)
		text_add(out, format_bytes((uint64_t)limit, units));
	else
		text_addf(out, "%.15g", limit);
}

static bool has_range(const struct option_spec *spec)
{
	switch (spec->type) {
	case OPTION_COUNT:
	case OPTION_COUNT64:
	case OPTION_INT:
	case OPTION_REAL:
	case OPTION_RATE:
	case OPTION_DURATION:
	case OPTION_BYTES:
	case OPTION_CHOICE_OR_COUNT:
	case OPTION_CHOICE_OR_RATE:
	case OPTION_COUNT_OR_DURATION:
	case OPTION_COUNT_OR_BYTES:
		return true;
	case OPTION_BOOL:
	case OPTION_TEXT:
	case OPTION_BLOCK:
	case OPTION_ENUM:
	case OPTION_CPUS:
	case OPTION_LIST:
	case OPTION_NODE:
		return false;
	}
	abort();
}

void option_range_text(const struct option_spec *spec, struct text *out)
{
	if (!has_range(spec))
		return;
	if (spec->max != 0) {
		add_limit(spec, spec->min, out);
		text_add(out, "..");
		add_limit(spec, spec->max, out);
	} else {
		text_add(out, ">= ");
		add_limit(spec, spec->min, out);
	}
}

/* "1..1000000, default 5 s": what is known beside the meaning; nothing when nothing is. */
static void add_facts(const struct option_spec *spec, struct text *out)
{
	struct text range = { 0 };

	option_type_text(spec, out);
	option_range_text(spec, &range);
	if (range.len > 0)
		text_addf(out, ", %s", text_str(&range));
	if (spec->unit != NULL)
		text_addf(out, ", a bare number is %s", spec->unit);
	if (spec->flags & OPTION_REQUIRED)
		text_add(out, ", required");
	else if (spec->fallback != NULL && spec->fallback[0] != '\0')
		text_addf(out, ", default %s", spec->fallback);
	text_fini(&range);
}

void option_help(const struct option_spec *table, struct text *out)
{
	for (const struct option_spec *s = table; s->name != NULL; s++) {
		text_addf(out, "  %-*s %s\n", HELP_NAME_WIDTH, s->name, s->help);
		text_addf(out, "  %-*s (", HELP_NAME_WIDTH, "");
		add_facts(s, out);
		text_add(out, ")\n");
	}
}

/* A cell of a Markdown table: a bar would end it. */
static void add_cell(struct text *out, const char *text)
{
	for (; *text != '\0'; text++)
		text_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

/* A table with keys of OMB's and of ours says which is which. */
static bool is_mixed(const struct option_spec *table)
{
	for (const struct option_spec *s = table; s->name != NULL; s++)
		if (s->flags & OPTION_OMB)
			return true;
	return false;
}

void option_markdown(const struct option_spec *table, struct text *out)
{
	bool mixed = is_mixed(table);

	text_add(out, "| key | type | range | default | meaning |\n|---|---|---|---|---|\n");
	for (const struct option_spec *s = table; s->name != NULL; s++) {
		struct text cell = { 0 };

		option_type_text(s, &cell);
		text_addf(out, "| `%s` | ", s->name);
		add_cell(out, text_str(&cell));
		if (s->unit != NULL)
			text_addf(out, " (bare: %s)", s->unit);
		text_add(out, " | ");
		option_range_text(s, out);
		text_add(out, " | ");
		if (s->flags & OPTION_REQUIRED)
			text_add(out, "*required*");
		else if (s->fallback != NULL && s->fallback[0] != '\0')
			text_addf(out, "`%s`", s->fallback);
		text_add(out, " | ");
		add_cell(out, s->help);
		text_addf(out, "%s |\n", mixed && !(s->flags & OPTION_OMB) ? " *(ours)*" : "");
		text_fini(&cell);
	}
}

void option_roff(const struct option_spec *table, struct text *out)
{
	for (const struct option_spec *s = table; s->name != NULL; s++) {
		struct text facts = { 0 };

		roff_add_item(out, s->name, s->help);
		text_add(out, "(");
		add_facts(s, &facts);
		roff_add(out, text_str(&facts));
		text_add(out, ")\n");
		text_fini(&facts);
	}
}
