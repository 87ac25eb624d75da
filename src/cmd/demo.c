/* SPDX-License-Identifier: Apache-2.0 */
/* demo -- `omb demo`: a complete run on the embedded broker, with nothing installed. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cmd/args.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "cmd/text_run.h"
#include "cmd/texts.h"
#include "util/file.h"
#include "util/text.h"

#define FOLDER "results"

static const struct flag demo_flags[] = {
	{ "output", "o", FLAG_VALUE, "FOLDER", "where the result files go (" FOLDER ")" },
	INPUT_FLAG_HELP,
	{ 0 },
};

static const char before[] =
	"A broker in memory, a child of this process, stands in for Kafka: 2 producers send "
	"10,000\n"
	"messages a second of 1 KB through librdkafka to 4 partitions, and 2 consumers receive\n"
	"them. Some 12 seconds.\n\n";

static const char after[] =
	"\nThese figures are about omb, librdkafka and this machine, not about any product: no "
	"broker\n"
	"was measured. What to try next:\n"
	"\n"
	"  omb run -d examples/drivers/kafka.yaml \\\n"
	"          --set commonConfig.bootstrap.servers=HOST:9092 \\\n"
	"          examples/workloads/simple-workload.yaml        on a real Kafka\n"
	"  omb run ... --agents per-client                        each client a process of its "
	"own\n"
	"  omb run ... --set producerRate=max                     as fast as it goes\n"
	"  omb broker -p 9092 --topics a:16                       this broker for any Kafka "
	"client\n"
	"  omb calibrate                                          what this machine can do\n"
	"  omb help run                                           all of it\n";

static bool make_folder(const struct args *args, struct text *out, struct error *err)
{
	const char *folder = args_value(args, "output");

	if (folder == NULL)
		folder = FOLDER;
	if (!file_check_folder(folder, err))
		return error_wrap(err, "-o");
	text_addf(out, "%s/", folder);
	if (mkdir(folder, 0777) == 0 || errno == EEXIST)
		return true;
	return error_set_errno(err, errno, "creating %s", folder);
}

static int run_in(const struct args *args, const char *folder)
{
	const struct text_run demo = {
		.name = "demo",
		.workload = text_demo,
		.driver = text_embedded,
		.output = folder,
	};
	struct run_report report = { 0 };
	struct error err = { 0 };

	enum run_outcome outcome = text_run(args, &demo, &report, &err);
	int code = run_exit_code(&report, &err);
	if (err.kind != ERROR_NONE)
		args->complain(COMPLAINT_ERROR, &err);
	else if (outcome != RUN_FAILED)
		fputs(after, stdout);
	run_report_fini(&report);
	return code;
}

static int demo_run(const struct args *args)
{
	struct text folder = { 0 };
	struct error err;

	if (args->words.count > 0) {
		error_set(&err, ERROR_USAGE, "demo takes no files: \"%s\"", args->words.items[0]);
		return args_fail(args, &err);
	}
	if (!make_folder(args, &folder, &err) || !run_block_signals(&err)) {
		text_fini(&folder);
		return args_fail(args, &err);
	}
	machine_limits_raise();
	fputs(before, stdout);
	fflush(stdout);
	int code = run_in(args, text_str(&folder));
	text_fini(&folder);
	return code;
}

extern const struct command command_demo;
const struct command command_demo = {
	.name = "demo",
	.summary = "a complete short run on the embedded broker; needs no file and no server",
	.text = "Starts the embedded broker on a free port, runs a load of ten seconds on it "
		"through "
		"the Kafka driver, one producer agent and one consumer agent for each CPU, and "
		"says "
		"what to try next. The figures are about omb, librdkafka and this machine: no "
		"product "
		"is measured.",
	.examples = "omb demo",
	.flags = demo_flags,
	.run = demo_run,
};
