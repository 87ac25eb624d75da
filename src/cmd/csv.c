/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/csv.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/args.h"
#include "cmd/input_files.h"
#include "results/omb_csv.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/text.h"

static const struct flag csv_flags[] = {
	{ "output", "o", FLAG_VALUE, "FILE",
	  "name of the table, - for standard output; results-<seconds since 1970>.csv here if not "
	  "given" },
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

static int csv_run(const struct args *args)
{
	struct error err;

	if (args->words.count != 1) {
		error_set(&err, ERROR_USAGE, "expected one folder with results, got %zu",
		          args->words.count);
		return args_fail(args, &err);
	}
	return csv_convert(args, args->words.items[0], args_value(args, "output"),
	                   args_has(args, "full"));
}

extern const struct command command_csv;
const struct command command_csv = {
	.name = "csv",
	.summary = "makes a table of the results in a folder",
	.words = "FOLDER",
	.text = "Reads every file of the folder whose name ends in .json, so neither .json.invalid "
		"nor .json.partial, and writes one line for each, by message size, topics and "
		"partitions. A file that is no result is an error: a table that silently lacks "
		"rows "
		"is worse than none.\n"
		"\n"
		"OMB's columns are OMB's: rates go through a histogram of one significant digit. "
		"--full has exact ones.",
	.examples = "omb csv results/ -o results.csv\nomb csv --full results/ -o -",
	.flags = csv_flags,
	.run = csv_run,
};
