/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/csv.h"

#include <stdio.h>
#include <time.h>

#include "cmd/args.h"
#include "cmd/inputs.h"
#include "results/omb_csv.h"
#include "util/arena.h"

static const struct flag csv_flags[] = {
	{ "output", "o", FLAG_VALUE, "FILE",
	  "name of the table; results-<seconds since 1970>.csv here if not given" },
	{ "full", NULL, FLAG_SWITCH, NULL,
	  "our columns: names, exact means, all latencies; else OMB's thirteen" },
	INPUT_FLAG_HELP,
	{ 0 },
};

int csv_convert(const struct args *args, const char *folder, const char *path, bool full)
{
	struct error err;

	if (path == NULL)
		path = arena_printf(args->arena, "results-%lld.csv", (long long)time(NULL));
	if (!omb_csv_write(folder, full ? OMB_CSV_FULL : OMB_CSV_OMB, path, &err))
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
	.examples = "omb csv results/ -o results.csv\nomb csv --full results/",
	.flags = csv_flags,
	.run = csv_run,
};
