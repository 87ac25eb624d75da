/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate -- `omb calibrate`: what the harness can do on this machine. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/broker_child.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "cmd/quick.h"
#include "results/calibration.h"
#include "stats/hist.h"
#include "util/clock.h"
#include "util/os.h"
#include "util/text.h"
#include "util/units.h"
#include "util/xalloc.h"

#define SLEEPS         1000
#define SLEEP_NS       UINT64_C(1000000)
#define RECORDS        UINT64_C(20000000)
#define SECOND_NS      UINT64_C(1000000000)
#define GROUP_DELAY_NS UINT64_C(50000000) /* members that start together join together */

static const struct flag calibrate_flags[] = { INPUT_FLAG_HELP, { 0 } };

struct bench {
	const struct args *args;
	char folder[64]; /* of results that nobody keeps; ends in a slash */
	struct broker_child broker;
	struct calibration found;
};

/* --- one run -------------------------------------------------------------------------------------- */

static const char null_driver[] = "name: null\ndriver: \"null\"\n";

/* A window of 2 MB for each producer, as bench/ has it: more adds latency and no rate. */
static const char max_workload[] = "name: calibrate\n"
				   "topics: 1\n"
				   "partitionsPerTopic: %u\n"
				   "messageSize: %u\n"
				   "useRandomizedPayloads: true\n"
				   "randomBytesRatio: 0.5\n"
				   "randomizedPayloadPoolSize: 16\n"
				   "subscriptionsPerTopic: %u\n"
				   "consumerPerSubscription: %u\n"
				   "producersPerTopic: %u\n"
				   "producerRate: max\n"
				   "maxInFlightBytes: 2000000\n"
				   "consumerBacklogSizeGB: 0\n"
				   "agents: per-core\n"
				   "warmupDuration: 1s\n"
				   "testDuration: 3s\n";

static const char paced_workload[] = "name: calibrate\n"
				     "topics: 1\n"
				     "partitionsPerTopic: 1\n"
				     "messageSize: 100\n"
				     "useRandomizedPayloads: true\n"
				     "randomizedPayloadPoolSize: 16\n"
				     "subscriptionsPerTopic: 0\n"
				     "consumerPerSubscription: 0\n"
				     "producersPerTopic: 1\n"
				     "producerRate: 1000\n"
				     "consumerBacklogSizeGB: 0\n"
				     "agents: 1\n"
				     "wakeInterval: 0us\n"
				     "warmupDuration: 1s\n"
				     "testDuration: 3s\n";

static void forget_results(const struct bench *b)
{
	DIR *dir = opendir(b->folder);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

/* The `.omb` of the run, as JSON; NULL and *err when it failed.  A window that was never full enough
 * to be VALID is none of our business here. */
static json_t *run_once(struct bench *b, const char *workload, const char *driver,
                        struct error *err)
{
	struct quick quick = {
		.name = "calibrate",
		.workload = workload,
		.driver = driver,
		.output = b->folder,
		.silent = true,
	};
	struct run_report report = { 0 };
	json_t *found = NULL;

	enum run_outcome outcome = quick_run(b->args, &quick, &report, err);
	if (outcome == RUN_GOOD || outcome == RUN_INVALID) {
		found = json_load_file(text_str(&report.side_path), 0, NULL);
		if (found == NULL)
			error_set(err, ERROR_SYSTEM, "the run left no readable result");
	}
	run_report_fini(&report);
	forget_results(b);
	return found;
}

static double number_at(const json_t *o, const char *member, const char *key)
{
	return json_number_value(json_object_get(json_object_get(o, member), key));
}

static bool measure_ceiling(struct bench *b, uint32_t bytes, const char *driver, bool consumes,
                            struct calibration_ceiling *out, struct error *err)
{
	struct text workload = { 0 };
	unsigned cpus = os_cpus();

	text_addf(&workload, max_workload, cpus, bytes, consumes ? 1 : 0, consumes ? cpus : 0,
	          cpus);
	json_t *found = run_once(b, text_str(&workload), driver, err);
	text_fini(&workload);
	if (found == NULL)
		return false;
	out->per_s = number_at(found, "window", "publishRate");
	out->producer_ns = number_at(found, "window", "producerCpuPerMessageNs");
	out->consumer_ns = number_at(found, "window", "consumerCpuPerMessageNs");
	json_decref(found);
	if (out->per_s > 0)
		return true;
	return error_set(err, ERROR_SYSTEM, "nothing was acknowledged");
}

static uint64_t percentile_of(const json_t *latency, double wanted)
{
	const json_t *list = json_object_get(latency, "percentiles");
	size_t i;
	json_t *p;

	json_array_foreach(
		list, i,
		p) if (json_number_value(json_object_get(p, "percentile")) ==
	               wanted) return (uint64_t)json_integer_value(json_object_get(p, "ns"));
	return 0;
}

static bool measure_pacing(struct bench *b, struct error *err)
{
	json_t *found = run_once(b, paced_workload, null_driver, err);
	const json_t *delay = json_object_get(json_object_get(found, "latencies"), "publishDelay");

	if (found == NULL)
		return false;
	b->found.pacing = (struct calibration_spread){
		.p50_ns = percentile_of(delay, 50.0),
		.p99_ns = percentile_of(delay, 99.0),
		.max_ns = (uint64_t)json_integer_value(json_object_get(delay, "maxNs")),
	};
	json_decref(found);
	return true;
}

/* --- without a run -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* As an agent sleeps: until an instant, with the finest timer slack. */
static void measure_waking(struct calibration_spread *out)
{
	static uint64_t late_ns[SLEEPS];
	int slack = prctl(PR_GET_TIMERSLACK);
	uint64_t due_ns = clock_ns();

	prctl(PR_SET_TIMERSLACK, 1UL);
	for (int i = 0; i < SLEEPS; i++) {
		due_ns += SLEEP_NS;
		struct timespec until = {
			.tv_sec = (time_t)(due_ns / SECOND_NS),
			.tv_nsec = (long)(due_ns % SECOND_NS),
		};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		uint64_t now_ns = clock_ns();
		late_ns[i] = now_ns > due_ns ? now_ns - due_ns : 0;
		if (now_ns > due_ns + SLEEP_NS)
			due_ns = now_ns; /* one long hiccup is one sample */
	}
	prctl(PR_SET_TIMERSLACK, (unsigned long)(slack > 0 ? slack : 0));
	qsort(late_ns, SLEEPS, sizeof(late_ns[0]), by_value);
	out->p50_ns = late_ns[SLEEPS / 2];
	out->p99_ns = late_ns[SLEEPS - SLEEPS / 100];
	out->max_ns = late_ns[SLEEPS - 1];
}

/* Values as latencies have them: from a microsecond to a second, each bucket as likely. */
static double measure_recording(void)
{
	struct hist *hist = xcalloc(1, sizeof(*hist));
	uint64_t began_ns = clock_ns();
	uint64_t value = 1000;

	for (uint64_t i = 0; i < RECORDS; i++) {
		hist_record(hist, value);
		value += value / 8;
		if (value > SECOND_NS)
			value = 1000;
	}
	double ns = (double)(clock_ns() - began_ns) / RECORDS;
	free(hist);
	return ns;
}

/* --- the command ------------------------------------------------------------------------------------ */

static void say(const char *what)
{
	printf("%s ...\n", what);
	fflush(stdout);
}

static bool measure_all(struct bench *b, struct error *err)
{
	struct text kafka = { 0 };
	bool ok = true;

	text_addf(&kafka,
	          "name: embedded\ndriver: kafka\nreplicationFactor: 1\ntopicConfig: ''\n"
	          "commonConfig: |\n  bootstrap.servers=127.0.0.1:%d\n"
	          "producerConfig: |\n  acks=all\n  linger.ms=5\n  batch.size=131072\n"
	          "  queue.buffering.max.messages=0\n"
	          "consumerConfig: |\n  auto.offset.reset=earliest\n  enable.auto.commit=false\n",
	          b->broker.port);
	say("waking and recording");
	measure_waking(&b->found.waking);
	b->found.recording_ns = measure_recording();
	say("pacing, without a client library");
	ok = measure_pacing(b, err);
	for (int i = 0; ok && i < CALIBRATION_SIZES; i++) {
		uint32_t bytes = calibration_sizes[i];
		say(i == 0 ? "messages of 100 B" : "messages of 1 KB");
		ok = measure_ceiling(b, bytes, null_driver, false, &b->found.bare[i], err) &&
		     measure_ceiling(b, bytes, text_str(&kafka), true, &b->found.library[i], err);
	}
	text_fini(&kafka);
	return ok;
}

static void print_spread(const char *name, const struct calibration_spread *s)
{
	char p50[UNITS_TEXT], p99[UNITS_TEXT], max[UNITS_TEXT];

	printf("  %-34s p50 %s, p99 %s, max %s\n", name, format_duration_short(s->p50_ns, p50),
	       format_duration_short(s->p99_ns, p99), format_duration_short(s->max_ns, max));
}

static void print_ceiling(const char *name, uint32_t bytes, const struct calibration_ceiling *c)
{
	printf("  %-22s %6" PRIu32 " B  %12.0f msg/s  %8.0f ns", name, bytes, c->per_s,
	       c->producer_ns);
	if (c->consumer_ns > 0)
		printf(" + %.0f ns", c->consumer_ns);
	printf("\n");
}

static void print_found(const struct calibration *c, const struct environment *e)
{
	printf("\n%s, %u CPUs, omb %s\n\n", e->cpu_model, e->cpus_allowed, e->version);
	printf("  the most that one machine makes                   a message (CPU of the "
	       "clients)\n");
	for (int i = 0; i < CALIBRATION_SIZES; i++)
		print_ceiling("no client library", calibration_sizes[i], &c->bare[i]);
	for (int i = 0; i < CALIBRATION_SIZES; i++)
		print_ceiling("on the embedded broker", calibration_sizes[i], &c->library[i]);
	printf("\n  %-34s %.1f ns a value\n", "recording a latency", c->recording_ns);
	print_spread("pacing error (due -> send)", &c->pacing);
	print_spread("wake-up error (of a sleep)", &c->waking);
}

static void format_now(char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static int finish(struct bench *b)
{
	struct environment environment;
	struct error err;

	environment_read(&environment);
	format_now(b->found.taken, sizeof(b->found.taken));
	print_found(&b->found, &environment);
	if (!calibration_save(&b->found, &environment, &err))
		return args_fail(b->args, &err);
	char *path = calibration_path(&err);
	printf("\nKept in %s: later runs say how much of this they used.\n",
	       path != NULL ? path : "?");
	free(path);
	return 0;
}

static bool open_bench(struct bench *b, struct error *err)
{
	const char *temporary = getenv("TMPDIR");
	struct broker_options options;

	int len = snprintf(b->folder, sizeof(b->folder) - 1, "%s/omb-calibrate-XXXXXX",
	                   temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
	if (len >= (int)sizeof(b->folder) - 1)
		return error_set(err, ERROR_USAGE, "TMPDIR is too long");
	broker_options_init(&options);
	options.group_delay_ns = GROUP_DELAY_NS;
	if (!run_block_signals(err) || !broker_child_start(&options, &b->broker, err))
		return false;
	if (mkdtemp(b->folder) == NULL) {
		error_set_errno(err, errno, "creating %s", b->folder);
		broker_child_stop(&b->broker);
		return false;
	}
	b->folder[len] = '/';
	machine_limits_raise();
	return true;
}

static int calibrate_run(const struct args *args)
{
	struct bench b = { .args = args };
	struct error err = { 0 };

	if (args->words.count > 0) {
		error_set(&err, ERROR_USAGE, "calibrate takes no files: \"%s\"",
		          args->words.items[0]);
		return args_fail(args, &err);
	}
	if (!open_bench(&b, &err))
		return args_fail(args, &err);
	bool ok = measure_all(&b, &err);
	broker_child_stop(&b.broker);
	rmdir(b.folder);
	ok = ok && broker_child_kept_all(&b.broker, &err);
	return ok ? finish(&b) : args_fail(args, &err);
}

extern const struct command command_calibrate;
const struct command command_calibrate = {
	.name = "calibrate",
	.summary = "finds out what the harness can do on this machine",
	.text = "Measures, in half a minute on a machine that has nothing else to do: the highest "
		"rates "
		"at 100 B and 1 KB without a client library and through librdkafka on the embedded "
		"broker (which shares the CPUs), with a producer agent and a consumer agent for "
		"each "
		"CPU; what a message costs the clients; what recording a latency costs; and how "
		"late "
		"messages and sleeps are.\n\n"
		"The figures are kept for this CPU, this number of CPUs and this version of omb. "
		"From "
		"then on each run says how much of the generator's ceiling it used.",
	.examples = "omb calibrate",
	.flags = calibrate_flags,
	.run = calibrate_run,
};
