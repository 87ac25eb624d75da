/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/help.h"
#include "cmd/program_notes.h"
#include "config/driver_file.h"
#include "config/option_doc.h"
#include "config/workload.h"
#include "driver/registry.h"
#include "fault/fault.h"
#include "stats/snapshot.h"
#include "util/roff.h"

/* Of the page's last change worth telling; the version says the rest. */
#define MAN_DATE   "2026-11-21"
#define ROFF_WIDTH 78

/* --- roff ------------------------------------------------------------------------------------------- */

/* Paragraphs are separated by empty lines. */
static void add_roff_paragraphs(struct text *out, const char *text)
{
	for (;;) {
		const char *end = strstr(text, "\n\n");
		struct text one = { 0 };
		text_add_bytes(&one, text, end != NULL ? (size_t)(end - text) : strlen(text));
		roff_add(out, text_str(&one));
		text_add(out, "\n");
		text_fini(&one);
		if (end == NULL)
			return;
		text_add(out, ".PP\n");
		text = end + 2;
	}
}

static void add_roff_notes(struct text *out, const struct program_note *notes)
{
	for (; notes->name != NULL; notes++)
		roff_add_item(out, notes->name, notes->text);
}

static void man_synopsis(const struct command *const *commands, struct text *out)
{
	text_add(out, ".SH SYNOPSIS\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		text_addf(out, "%s.B omb %s\n.RI [ options ]\n", i > 0 ? ".br\n" : "",
		          commands[i]->name);
		if (commands[i]->words != NULL)
			text_addf(out, ".I %s\n", commands[i]->words);
	}
}

static void man_commands(const struct command *const *commands, struct text *out)
{
	text_add(out, ".SH COMMANDS\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct command *c = commands[i];
		text_addf(out, ".SS omb %s \\(em %s\n", c->name, c->summary);
		add_roff_paragraphs(out, c->text);
		for (const struct flag *f = c->flags; f->name != NULL; f++) {
			struct text form = { 0 };
			help_flag_form(f, &form);
			roff_add_item(out, text_str(&form), f->help);
			text_fini(&form);
		}
		if (c->examples == NULL)
			continue;
		text_add(out, ".PP\n.nf\n");
		roff_add(out, c->examples);
		text_add(out, "\n.fi\n");
	}
}

static void man_keys(struct text *out)
{
	text_add(out, ".SH WORKLOAD FILES\n"
	              "YAML, with these keys.\n"
	              "Durations are written 90s, 5m, 1h30m, 200us; sizes 64KiB, 2MB.\n");
	option_roff(workload_table, out);
	text_add(out, ".SH DRIVER FILES\nYAML, with these keys and those of the driver.\n");
	option_roff(driver_file_table, out);
	for (size_t i = 0; drivers[i] != NULL; i++) {
		text_addf(out, ".SS driver %s \\(em %s\n", drivers[i]->name, drivers[i]->summary);
		if (drivers[i]->caveats != NULL) {
			add_roff_paragraphs(out, drivers[i]->caveats);
		}
		option_roff(drivers[i]->options, out);
	}
}

static void man_faults(struct text *out)
{
	text_add(out, ".SH FAULTS\n");
	add_roff_paragraphs(out, fault_grammar);
	for (const struct fault_help *h = fault_helps; h->form != NULL; h++)
		roff_add_item(out, h->form, h->help);
}

/* Lines of filled text are broken at 78 columns; those of requests and examples stay. */
static void add_folded(struct text *out, const char *page)
{
	bool filled = true;

	while (*page != '\0') {
		size_t len = strcspn(page, "\n"), column = 0;
		if (strncmp(page, ".nf", 3) == 0 || strncmp(page, ".fi", 3) == 0)
			filled = page[1] == 'f';
		for (size_t at = 0; at < len;) {
			size_t word = strcspn(page + at, " \n");
			bool fold = filled && page[0] != '.' && column + 1 + word > ROFF_WIDTH;
			if (column > 0)
				text_add(out, fold ? "\n" : " ");
			if (column > 0 && fold && (page[at] == '.' || page[at] == '\''))
				text_add(out, "\\&");
			column = fold ? word : column + (column > 0) + word;
			text_add_bytes(out, page + at, word);
			at += word + 1;
		}
		text_add(out, "\n");
		page += len + (page[len] == '\n');
	}
}

static void add_page(const struct command *const *commands, const char *version, struct text *out)
{
	text_addf(out,
	          ".\\\" Made by tools/docs from the tables in the source.\n"
	          ".TH OMB 1 %s \"omb %s\" \"User Commands\"\n"
	          ".SH NAME\nomb \\- measures message brokers\n",
	          MAN_DATE, version);
	man_synopsis(commands, out);
	text_add(out, ".SH DESCRIPTION\n"
	              "Publishes and consumes a described load through real client libraries, from "
	              "many independent\nprocesses, and says what the broker did with it.\n"
	              "It reads the workload and driver files of the OpenMessaging Benchmark and "
	              "writes its result files.\n");
	man_commands(commands, out);
	man_keys(out);
	man_faults(out);
	text_add(out, ".SH EXIT STATUS\n");
	add_roff_notes(out, program_exit_codes);
	text_add(out, ".SH ENVIRONMENT\n");
	add_roff_notes(out, program_environment);
	text_add(out,
	         ".SH SEE ALSO\nThe folder docs of the source: what each number means, and how "
	         "it is measured.\n");
}

void help_man(const struct command *const *commands, const char *version, struct text *out)
{
	struct text page = { 0 };

	add_page(commands, version, &page);
	add_folded(out, text_str(&page));
	text_fini(&page);
}

/* --- Markdown --------------------------------------------------------------------------------------- */

static void add_cell(struct text *out, const char *text)
{
	for (; *text != '\0'; text++)
		text_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void add_row(struct text *out, const char *name, const char *text)
{
	text_add(out, "| `");
	add_cell(out, name);
	text_add(out, "` | ");
	add_cell(out, text);
	text_add(out, " |\n");
}

static void md_commands(const struct command *const *commands, struct text *out)
{
	text_add(out, "## Commands\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct command *c = commands[i];
		text_addf(out, "\n### `omb %s%s%s`\n\n%s\n\n| option | |\n|---|---|\n", c->name,
		          c->words != NULL ? " " : "", c->words != NULL ? c->words : "", c->text);
		for (const struct flag *f = c->flags; f->name != NULL; f++) {
			struct text form = { 0 };
			help_flag_form(f, &form);
			add_row(out, text_str(&form), f->help);
			text_fini(&form);
		}
		if (c->examples != NULL)
			text_addf(out, "\n```\n%s\n```\n", c->examples);
	}
}

static void md_drivers(struct text *out)
{
	text_add(out, "\n## Keys of driver files\n\n");
	option_markdown(driver_file_table, out);
	for (size_t i = 0; drivers[i] != NULL; i++) {
		const struct driver *d = drivers[i];
		text_addf(out, "\n### `driver: %s`\n\n%s.\n\n", d->name, d->summary);
		if (d->caveats != NULL)
			text_addf(out, "%s\n\n", d->caveats);
		if (d->options[0].name != NULL)
			option_markdown(d->options, out);
		else
			text_add(out, "It has no keys of its own.\n");
		if (d->classes == NULL || d->classes[0] == NULL)
			continue;
		text_add(out, "\nValues of `driverClass` that mean it:");
		for (const char *const *c = d->classes; *c != NULL; c++)
			text_addf(out, "%s `%s`", c == d->classes ? "" : ",", *c);
		text_add(out, ".\n");
	}
}

static void md_notes(struct text *out, const char *title, const struct program_note *notes)
{
	text_addf(out, "\n## %s\n\n| | |\n|---|---|\n", title);
	for (; notes->name != NULL; notes++)
		add_row(out, notes->name, notes->text);
}

static void md_faults(struct text *out)
{
	text_addf(out, "\n## Faults\n\n%s\n\n| fault | |\n|---|---|\n", fault_grammar);
	for (const struct fault_help *h = fault_helps; h->form != NULL; h++)
		add_row(out, h->form, h->help);
}

static void md_measurements(struct text *out)
{
	text_add(out, "\n## Latencies in the `.omb` file\n\n| name | from -> to |\n|---|---|\n");
	for (int i = 0; i < LATENCY_COUNT; i++)
		add_row(out, latency_name((enum latency)i), latency_help((enum latency)i));
	text_add(out, "\n## Counters in the `.omb` file\n\n| name | counts |\n|---|---|\n");
	for (int i = 0; i < COUNTER_COUNT; i++)
		add_row(out, counter_name((enum counter)i), counter_help((enum counter)i));
	text_add(out, "\n## What client libraries say, in the `.omb` file (`client`)\n\n"
	              "| name | claims |\n|---|---|\n");
	for (int i = 0; i < CLAIM_COUNT; i++)
		add_row(out, claim_name((enum claim)i), claim_help((enum claim)i));
}

void help_markdown(const struct command *const *commands, struct text *out)
{
	text_add(out, "# Commands, options and keys\n\n"
	              "Made by `tools/docs` from the tables in the source; do not edit.\n\n");
	md_commands(commands, out);
	text_add(out, "\n## Keys of workload files\n\n"
	              "Durations are written `90s`, `5m`, `1h30m`, `200us`; sizes `64KiB`, `2MB`.\n"
	              "Keys that OMB does not have are marked *(ours)*.\n\n");
	option_markdown(workload_table, out);
	md_drivers(out);
	md_faults(out);
	md_notes(out, "Exit codes", program_exit_codes);
	md_notes(out, "Environment", program_environment);
	md_measurements(out);
}
