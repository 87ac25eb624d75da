/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/csv.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/args.h"
#include "cmd/input_files.h"
#include "results/omb_csv.h"
#include "results/periods_csv.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/text.h"

static const struct flag csv_flags[] = {
	{ "output", "o", FLAG_VALUE, "FILE",
	  "name of the table, - for standard output; results-<seconds since 1970>.csv here if not "
	  "given, or NAME-periods.csv beside NAME.omb" },
	{ "full", NULL, FLAG_SWITCH, NULL,
	  "our columns: names, exact means, all latencies; else OMB's thirteen" },
	INPUT_FLAG_HELP,
	{ 0 },
};

static int csv_print(const struct args *args, const char *folder, enum omb_csv_form form)
{
	struct text out = { 0 };
	struct error err;
	bool ok = omb_csv_format(folder, form, &out, &err);

	fputs(text_str(&out), stdout);
	text_fini(&out);
	return ok ? 0 : args_fail(args, &err);
}

int csv_convert(const struct args *args, const char *folder, const char *path, bool full)
{
	enum omb_csv_form form = full ? OMB_CSV_FULL : OMB_CSV_OMB;
	struct error err;

	if (path == NULL)
		path = arena_printf(args->arena, "results-%lld.csv", (long long)time(NULL));
	if (strcmp(path, "-") == 0)
		return csv_print(args, folder, form);
	if (!file_check_output(path, &err) || !omb_csv_write(folder, form, path, &err))
		return args_fail(args, &err);
	printf("%s\n", path);
	return 0;
}

/* The sample periods of one `.omb`. */
static int csv_of_periods(const struct args *args, const char *side)
{
	const char *path = args_value(args, "output");
	struct error err;
	bool ok = true;

	if (path == NULL)
		path = arena_printf(args->arena, "%.*s-periods.csv", (int)(strlen(side) - 4), side);
	bool is_stdout = strcmp(path, "-") == 0;
	if (args_has(args, "full"))
		ok = error_set(&err, ERROR_USAGE, "--full is for a folder: a .omb has one table");
	ok = ok && (is_stdout || file_check_output(path, &err)) &&
	     periods_csv_write(side, is_stdout ? NULL : path, &err);
	if (ok && !is_stdout)
		printf("%s\n", path);
	return ok ? 0 : args_fail(args, &err);
}

static bool is_side_file(const char *word)
{
	size_t len = strlen(word);

	return len > 4 && strcmp(word + len - 4, ".omb") == 0;
}

static int csv_run(const struct args *args)
{
	struct error err;

	if (args->words.count != 1) {
		error_set(&err, ERROR_USAGE,
		          "expected one folder with results, or one .omb, got %zu",
		          args->words.count);
		return args_fail(args, &err);
	}
	if (is_side_file(args->words.items[0]))
		return csv_of_periods(args, args->words.items[0]);
	return csv_convert(args, args->words.items[0], args_value(args, "output"),
	                   args_has(args, "full"));
}

extern const struct command command_csv;
const struct command command_csv = {
	.name = "csv",
	.summary = "makes a table of the results in a folder, or of the periods of one",
	.words = "FOLDER|FILE.omb",
	.text = "Reads every file of the folder whose name ends in .json, so neither .json.invalid "
		"nor .json.partial, and writes one line for each, by message size, topics and "
		"partitions. A file that is no result is an error: a table that silently lacks "
		"rows "
		"is worse than none.\n"
		"\n"
		"OMB's columns are OMB's: rates go through a histogram of one significant digit. "
		"--full has exact ones.\n"
		"\n"
		"Of a FILE.omb, the sample periods become lines: rates, backlog and six latencies.",
	.examples = "omb csv results/ -o results.csv\nomb csv --full results/ -o -\n"
		    "omb csv results/NAME.omb -o -",
	.flags = csv_flags,
	.run = csv_run,
};
