/* SPDX-License-Identifier: Apache-2.0 */
/* demo -- `omb demo`: a complete run on the embedded broker, with nothing installed. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cmd/args.h"
#include "cmd/broker_child.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "cmd/quick.h"
#include "util/file.h"
#include "util/text.h"

#define FOLDER         "results"
#define MEMORY_BYTES   ((size_t)64 * 1000 * 1000)
/* Members that start together join together. */
#define GROUP_DELAY_NS UINT64_C(50000000)

static const struct flag demo_flags[] = {
	{ "output", "o", FLAG_VALUE, "FOLDER", "where the result files go (" FOLDER ")" },
	INPUT_FLAG_HELP,
	{ 0 },
};

static const char workload[] = "name: Demo\n"
			       "topics: 1\n"
			       "partitionsPerTopic: 4\n"
			       "messageSize: 1024\n"
			       "useRandomizedPayloads: true\n"
			       "randomBytesRatio: 0.5\n"
			       "randomizedPayloadPoolSize: 100\n"
			       "subscriptionsPerTopic: 1\n"
			       "consumerPerSubscription: 2\n"
			       "producersPerTopic: 2\n"
			       "producerRate: 10000\n"
			       "consumerBacklogSizeGB: 0\n"
			       "agents: per-core\n"
			       "warmupDuration: 2s\n"
			       "testDuration: 8s\n"
			       "samplePeriod: 1s\n";

static const char driver[] = "name: Embedded\n"
			     "driver: kafka\n"
			     "replicationFactor: 1\n"
			     "topicConfig: ''\n"
			     "commonConfig: |\n"
			     "  bootstrap.servers=127.0.0.1:%d\n"
			     "producerConfig: |\n"
			     "  acks=all\n"
			     "  linger.ms=1\n"
			     "consumerConfig: |\n"
			     "  auto.offset.reset=earliest\n"
			     "  enable.auto.commit=false\n";

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

static int run_on(const struct args *args, int port, const char *folder)
{
	struct text file = { 0 };
	struct run_report report = { 0 };
	struct error err = { 0 };

	text_addf(&file, driver, port);
	struct quick quick = {
		.name = "demo",
		.workload = workload,
		.driver = text_str(&file),
		.output = folder,
	};
	enum run_outcome outcome = quick_run(args, &quick, &report, &err);
	int code = run_exit_code(&report, &err);
	if (err.kind != ERROR_NONE)
		args->complain(COMPLAINT_ERROR, &err);
	else if (outcome != RUN_FAILED)
		fputs(after, stdout);
	run_report_fini(&report);
	text_fini(&file);
	return code;
}

static int demo_run(const struct args *args)
{
	struct broker_options options;
	struct broker_child broker;
	struct text folder = { 0 };
	struct error err;

	if (args->words.count > 0) {
		error_set(&err, ERROR_USAGE, "demo takes no files: \"%s\"", args->words.items[0]);
		return args_fail(args, &err);
	}
	broker_options_init(&options);
	options.memory_bytes = MEMORY_BYTES;
	options.group_delay_ns = GROUP_DELAY_NS;
	if (!make_folder(args, &folder, &err) || !run_block_signals(&err) ||
	    !broker_child_start(&options, &broker, &err)) {
		text_fini(&folder);
		return args_fail(args, &err);
	}
	machine_limits_raise();
	fputs(before, stdout);
	fflush(stdout);
	int code = run_on(args, broker.port, text_str(&folder));
	broker_child_stop(&broker);
	text_fini(&folder);
	if (!broker_child_kept_all(&broker, &err))
		args->complain(COMPLAINT_WARNING, &err);
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
