/* SPDX-License-Identifier: Apache-2.0 */
/*
 * omb run -- every workload on every driver, in OMB's order.
 */
#include "run/run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/csv.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "cmd/run_doubts.h"
#include "cmd/run_metrics.h"
#include "cmd/workers.h"
#include "plan/names.h"
#include "plan/plan.h"
#include "results/pair.h"
#include "util/file.h"
#include "util/os.h"

static const struct flag run_flags[] = {
	INPUT_FLAG_DRIVERS,
	INPUT_FLAG_SET,
	INPUT_FLAG_AGENTS,
	{ "output", "o", FLAG_VALUE, "FILE|FOLDER",
	  "where the result goes; a folder if there are several" },
	{ "keep-topics", NULL, FLAG_SWITCH, NULL, "the workload key keepTopics: delete nothing" },
	INPUT_FLAG_LENIENT,
	{ "quiet", "q", FLAG_SWITCH, NULL,
	  "no progress: errors and the names of the results only" },
	{ "log-format", NULL, FLAG_VALUE, "text|json", "how progress is written" },
	{ "csv", "c", FLAG_VALUE, "FOLDER",
	  "make a table of the results in a folder (in -o FILE, if given), and end" },
	WORKERS_FLAG_LIST,
	WORKERS_FLAG_FILE,
	WORKERS_FLAG_EXTRA,
	WORKERS_FLAG_ROLES,
	WORKERS_FLAG_TOLERATE,
	WORKERS_FLAG_CLOCK,
	WORKERS_FLAG_TOKEN,
	RUN_METRICS_FLAG,
	INPUT_FLAG_HELP,
	{ 0 },
};

struct batch {
	const struct args *args;
	struct inputs in;
	struct workers_source workers;
	const char *output;          /* NULL = the current folder */
	struct run_metrics *metrics; /* NULL = nobody asked for them */
	struct console_options console;
};

static bool is_folder(const char *path)
{
	struct stat st;
	size_t len = strlen(path);

	return (len > 0 && path[len - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static bool read_log_format(const struct args *args, enum console_format *out, struct error *err)
{
	const char *text = args_value(args, "log-format");

	*out = CONSOLE_TEXT;
	if (text == NULL || strcmp(text, "text") == 0)
		return true;
	*out = CONSOLE_JSON;
	if (strcmp(text, "json") == 0)
		return true;
	return error_set(err, ERROR_USAGE, "--log-format: \"%s\" is neither text nor json", text);
}

static bool check_usage(const struct args *args, struct error *err)
{
	if (!workers_check_usage(args, err))
		return false;
	if (!args_has(args, "drivers"))
		return error_set(err, ERROR_USAGE,
		                 "no driver file: -d says which broker to measure");
	if (args->words.count == 0)
		return error_set(err, ERROR_USAGE, "no workload file: what load is to be made?");
	return true;
}

/* NULL for an empty one: to OMB it is as if it were not given. */
static const char *given_output(const struct args *args)
{
	const char *output = args_value(args, "output");

	return output != NULL && output[0] != '\0' ? output : NULL;
}

/* Before anything starts: may the result be written where it is wanted? */
static bool check_output(const char *output, struct error *err)
{
	bool ok = true;

	if (output == NULL)
		return true;
	if (strcmp(output, "-") == 0)
		return error_set(err, ERROR_USAGE,
		                 "-o -: a result is two files: name a file or a folder; the "
		                 "summary goes to standard output");
	ok = is_folder(output) ? file_check_folder(output, err) : pair_check_named(output, err);
	return ok || error_wrap(err, "-o");
}

static bool read_batch(struct batch *b, struct error *err)
{
	const struct args *args = b->args;
	size_t pairs = args_values(args, "drivers").count * args->words.count;

	if (!check_usage(args, err) || !read_log_format(args, &b->console.format, err))
		return false;
	b->console.quiet = args_has(args, "quiet");
	b->output = given_output(args);
	if (!check_output(b->output, err))
		return false;
	if (b->output != NULL && pairs > 1 && !is_folder(b->output))
		return error_set(err, ERROR_USAGE,
		                 "-o %s: %zu results do not fit into one file; name a folder (%s/)",
		                 b->output, pairs, b->output);
	return true;
}

/* As OMB does, but not in silence. */
static void tell_of_found_workers(const struct batch *b)
{
	struct error err;

	if (!b->workers.is_found)
		return;
	error_set(&err, ERROR_CONFIG,
	          WORKERS_FILE_NAME
	          " in this folder is used: the load is made by %s%s, not by this "
	          "host",
	          b->workers.list.urls[0], b->workers.list.count > 1 ? " and others" : "");
	b->args->complain(COMPLAINT_WARNING, &err);
}

static enum run_outcome run_planned(const struct batch *b, const struct run_options *options,
                                    struct run_report *report, struct error *err)
{
	struct workers *workers = workers_connect(&b->workers, &b->console, err);
	struct run_options all = *options;

	if (workers == NULL || !workers_fit(workers, options->plan, options->driver, err)) {
		workers_close(workers);
		*report = (struct run_report){ .outcome = RUN_FAILED };
		return RUN_FAILED;
	}
	all.output = b->output;
	all.command_line = b->args->line;
	all.console = b->console;
	all.worker = workers_form(workers);
	run_metrics_attach(b->metrics, &all);
	enum run_outcome outcome = run_one(&all, report, err);
	workers_close(workers);
	return outcome;
}

static void warn(const struct batch *b, const struct plan *plan, const struct input_driver *d,
                 struct doubts doubts)
{
	struct error err;

	for (size_t i = 0; i < doubts.count; i++) {
		if (doubts.items[i].severity != DOUBT_WARNING)
			continue;
		error_set(&err, ERROR_CONFIG, "workload %s on %s: %s; try: %s",
		          plan->workload->name, d->file.name, doubts.items[i].text,
		          doubts.items[i].remedy);
		b->args->complain(COMPLAINT_WARNING, &err);
	}
}

/* What will fail is said before, and not refused: somebody may want to see it fail. */
static void warn_of_misfits(const struct batch *b, const struct plan *plan,
                            const struct input_driver *d)
{
	warn(b, plan, d, run_doubts(plan, d, b->args->arena));
	if (b->workers.list.count == 0)
		warn(b, plan, d, machine_shortages(plan, d, b->args->arena));
}

/* Complains of a run that failed or was interrupted; returns the exit code. */
static int run_pair(const struct batch *b, const struct input_workload *w,
                    const struct input_driver *d)
{
	char run_id[RUN_ID_CHARS + 1];
	struct plan_host host = { .cpus = os_cpus() };
	struct run_report report = { 0 };
	struct error err = { 0 };
	struct plan plan;

	run_id_format(run_id, (uint64_t)time(NULL), name_chance());
	host.run = run_id_stamp(run_id);
	host.payloads = w->payloads.count > 0 ? &w->payloads : NULL;
	if (!plan_make(&plan, &w->workload, &host, b->args->arena, &err)) {
		error_wrap(&err, "workload %s", w->workload.path);
		return args_fail(b->args, &err);
	}
	warn_of_misfits(b, &plan, d);
	struct run_options options = {
		.workload = &w->workload,
		.driver = &d->file,
		.plan = &plan,
		.run_id = run_id,
		.run = host.run,
		.workload_path = w->workload.path,
		.driver_path = d->file.path,
		.ceiling_per_s = b->workers.list.count > 0
		                         ? 0 /* other hosts */
		                         : machine_ceiling_per_s(d->driver, d->config,
		                                                 w->workload.message_size),
	};
	enum run_outcome outcome = run_planned(b, &options, &report, &err);
	int code = run_exit_code(&report, &err);
	if (outcome == RUN_FAILED)
		error_wrap(&err, "workload %s on %s", w->workload.name, d->file.name);
	if (err.kind != ERROR_NONE)
		b->args->complain(COMPLAINT_ERROR, &err);
	run_report_fini(&report);
	return code;
}

/* Which of two exit codes a script must see: an interruption, then a failure, then a bad result. */
static int worse(int a, int b)
{
	static const int order[] = { 130, 1, 2, 3, 4 };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a != 0 ? a : b;
}

static int run_all(const struct batch *b)
{
	int code = 0;

	for (size_t w = 0; w < b->in.workloads_count; w++) {
		for (size_t d = 0; d < b->in.drivers_count; d++) {
			int one = run_pair(b, &b->in.workloads[w], &b->in.drivers[d]);
			code = worse(code, one);
			if (one == error_exit_code(ERROR_CANCELLED))
				return code; /* who interrupts a run means all of them */
		}
	}
	return code;
}

static int run_run(const struct args *args)
{
	struct batch b = { .args = args };
	struct error_list errors = { 0 }, warnings = { 0 };
	struct error err;
	int code;

	if (args_has(args, "csv"))
		return csv_convert(args, args_value(args, "csv"), given_output(args), false);
	if (!read_batch(&b, &err))
		return args_fail(args, &err);
	bool ok = inputs_load(args, &b.in, &errors, &warnings);
	ok = workers_read(args, &b.in.mode, &b.workers, &errors, &warnings) && ok;
	args_warn_all(args, &warnings);
	if (ok)
		tell_of_found_workers(&b);
	machine_limits_raise();
	if (!ok)
		code = args_fail_all(args, &errors);
	else if (!run_block_signals(&err) || !run_metrics_open(args, &b.metrics, &err))
		code = args_fail(args, &err);
	else
		code = run_all(&b);
	run_metrics_close(b.metrics);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	return code;
}

extern const struct command command_run;
const struct command command_run = {
	.name = "run",
	.summary = "makes the load of workload files on brokers, and measures",
	.words = "WORKLOAD...",
	.text = "Runs every workload on every driver: workloads by the names of their files, and "
		"each on all drivers in their order. Every file is read and checked before "
		"anything "
		"starts.\n"
		"\n"
		"Each run writes two files: WORKLOAD-DRIVER-TIME.json has OMB's 62 fields, the "
		".omb "
		"of the same name has everything else. A result that must not be taken for a good "
		"one ends in .json.invalid, that of a run that was interrupted, or failed in the "
		"middle, in .json.partial. A name that is taken gets the id of the run; -o FILE "
		"replaces an earlier result of that name when the new one is complete.\n"
		"\n"
		"The first SIGINT, SIGTERM or SIGHUP stops the load, drains, deletes what the run "
		"created and writes what was measured; the second one skips the drain. Nothing "
		"else "
		"that happens to a stream or to the disk ends a run: who reads its output may go "
		"away, and a result that cannot be written still has its summary on standard "
		"output.",
	.examples = "omb run -d driver-kafka/kafka.yaml workloads/1-topic-16-partitions-1kb.yaml\n"
		    "omb run -d kafka.yaml --set replicationFactor=1 --set testDuration=90s "
		    "simple-workload.yaml\n"
		    "omb run -d kafka.yaml,loopback.yaml -o results/ workloads/*.yaml",
	.flags = run_flags,
	.run = run_run,
};
