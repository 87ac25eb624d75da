/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/help.h"

#include <stdio.h>
#include <string.h>

#include "cmd/args.h"
#include "cmd/input_files.h"
#include "cmd/program_notes.h"
#include "config/option_doc.h"
#include "fault/fault.h"
#include "util/nearest.h"

#define WIDTH      100
#define NAME_WIDTH 30
#define LIST_WIDTH 10

static void add_item(struct text *out, const char *name, const char *text, int name_width)
{
	text_addf(out, "  %-*s", name_width, name);
	if ((int)strlen(name) >= name_width)
		text_addf(out, "\n  %*s", name_width, "");
	text_add_wrapped(out, text, (size_t)name_width + 2, WIDTH);
}

void help_flag_form(const struct flag *flag, struct text *out)
{
	if (flag->brief != NULL)
		text_addf(out, "-%s, ", flag->brief);
	text_addf(out, "--%s", flag->name);
	if (flag->argument != NULL)
		text_addf(out, " %s", flag->argument);
}

void help_command(const struct command *command, struct text *out)
{
	text_addf(out, "usage: omb %s [options]", command->name);
	if (command->words != NULL)
		text_addf(out, " %s", command->words);
	text_add(out, "\n\n");
	text_add_wrapped(out, command->text, 0, WIDTH);
	text_add(out, "\n");
	for (const struct flag *f = command->flags; f->name != NULL; f++) {
		struct text form = { 0 };
		help_flag_form(f, &form);
		add_item(out, text_str(&form), f->help, NAME_WIDTH);
		text_fini(&form);
	}
	if (command->examples == NULL)
		return;
	text_add(out, "\nexamples:\n");
	for (const char *line = command->examples; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		text_addf(out, "  %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

void help_program(const struct command *const *commands, struct text *out)
{
	text_add(out, "usage: omb COMMAND [options]\n\n"
	              "Measures message brokers: the OpenMessaging Benchmark, without a JVM.\n\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		add_item(out, commands[i]->name, commands[i]->summary, LIST_WIDTH);
	text_add(
		out,
		"\n\"omb help COMMAND\" explains one; \"omb help workload\" lists the keys of "
		"workload files,\n\"omb help faults\" what brokers of omb's own can do wrong, \"omb "
		"help exit\" the exit codes.\n");
}

static void help_notes(const struct program_note *notes, struct text *out)
{
	for (; notes->name != NULL; notes++)
		add_item(out, notes->name, notes->text, NAME_WIDTH);
}

static void help_faults(struct text *out)
{
	text_add_wrapped(out, fault_grammar, 0, WIDTH);
	text_add(out, "\n");
	for (const struct fault_help *h = fault_helps; h->form != NULL; h++)
		add_item(out, h->form, h->help, NAME_WIDTH);
}

/* --- the command ------------------------------------------------------------------------------------ */

static bool add_topic(const struct args *args, const char *topic, struct text *out,
                      struct error *err)
{
	const struct command *command = args_command(args->commands, topic);
	struct nearest near = nearest_to(topic);

	if (command != NULL) {
		help_command(command, out);
		return true;
	}
	if (strcmp(topic, "workload") == 0) {
		option_help(workload_table, out);
		return true;
	}
	if (strcmp(topic, "faults") == 0) {
		help_faults(out);
		return true;
	}
	if (strcmp(topic, "exit") == 0) {
		help_notes(program_exit_codes, out);
		return true;
	}
	if (strcmp(topic, "environment") == 0) {
		help_notes(program_environment, out);
		return true;
	}
	for (const struct command *const *c = args->commands; *c != NULL; c++)
		nearest_consider(&near, (*c)->name);
	nearest_consider(&near, "workload");
	nearest_consider(&near, "exit");
	nearest_consider(&near, "faults");
	nearest_consider(&near, "environment");
	if (near.name != NULL)
		return error_set(err, ERROR_USAGE, "no help on \"%s\", did you mean \"%s\"?", topic,
		                 near.name);
	return error_set(err, ERROR_USAGE, "no help on \"%s\"; \"omb help\" lists what there is",
	                 topic);
}

static int help_run(const struct args *args)
{
	struct text out = { 0 };
	struct error err;
	int code = 0;

	if (args->words.count == 0)
		help_program(args->commands, &out);
	for (size_t i = 0; i < args->words.count && code == 0; i++)
		if (!add_topic(args, args->words.items[i], &out, &err))
			code = args_fail(args, &err);
	fputs(text_str(&out), stdout);
	text_fini(&out);
	return code;
}

static const struct flag help_flags[] = { INPUT_FLAG_HELP, { 0 } };

extern const struct command command_help;
const struct command command_help = {
	.name = "help",
	.summary = "explains a command; workload, exit and environment are topics too",
	.words = "[COMMAND]",
	.text = "Without a word: the commands. With one: that command, or \"workload\" (the keys "
		"of "
		"workload files), \"exit\" (the exit codes), \"environment\" (variables).",
	.examples = "omb help run\nomb help workload",
	.flags = help_flags,
	.run = help_run,
};
