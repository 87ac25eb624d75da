/* SPDX-License-Identifier: Apache-2.0 */
/* calibrate -- `omb calibrate`: what the harness can do on this machine. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "cmd/args.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "cmd/text_run.h"
#include "cmd/texts.h"
#include "results/calibration.h"
#include "stats/hist.h"
#include "util/clock.h"
#include "util/os.h"
#include "util/text.h"
#include "util/units.h"
#include "util/xalloc.h"

#define SLEEPS    1000
#define SLEEP_NS  UINT64_C(1000000)
#define RECORDS   UINT64_C(20000000)
#define SECOND_NS UINT64_C(1000000000)

static const struct flag calibrate_flags[] = { INPUT_FLAG_HELP, { 0 } };

struct bench {
	const struct args *args;
	struct calibration found;
};

/* --- one run -------------------------------------------------------------------------------------- */

/* A window that was never full enough to be VALID is none of our business here. */
static bool run_once(struct bench *b, const char *workload, const char *driver,
                     const struct override *sets, struct run_figures *found, struct error *err)
{
	struct text_run run = {
		.name = "calibrate",
		.workload = workload,
		.driver = driver,
		.sets = sets,
		.silent = true,
	};
	struct run_report report = { 0 };

	while (sets[run.sets_count].key != NULL)
		run.sets_count++;
	enum run_outcome outcome = text_run(b->args, &run, &report, err);
	*found = report.figures;
	run_report_fini(&report);
	return outcome == RUN_GOOD || outcome == RUN_INVALID;
}

static bool measure_ceiling(struct bench *b, uint32_t bytes, bool with_broker,
                            struct calibration_ceiling *out, struct error *err)
{
	struct run_figures found;
	char clients[16], size[16];
	const char *consumers = with_broker ? clients : "0";
	const struct override sets[] = {
		{ "messageSize", size },
		{ "partitionsPerTopic", clients },
		{ "producersPerTopic", clients },
		{ "consumerPerSubscription", consumers },
		{ "subscriptionsPerTopic", with_broker ? "1" : "0" },
		{ "brokerMemory", "256MB" },
		{ "producerConfig.linger.ms", "5" },
		{ "producerConfig.batch.size", "131072" },
		{ "producerConfig.queue.buffering.max.messages", "0" },
		{ 0 },
	};

	snprintf(clients, sizeof(clients), "%u", os_cpus());
	snprintf(size, sizeof(size), "%" PRIu32, bytes);
	if (!run_once(b, text_calibrate_max, with_broker ? text_embedded : text_null, sets, &found,
	              err))
		return false;
	*out = (struct calibration_ceiling){
		.per_s = found.publish_per_s,
		.producer_ns = found.producer_cpu_ns,
		.consumer_ns = found.consumer_cpu_ns,
	};
	if (out->per_s > 0)
		return true;
	return error_set(err, ERROR_SYSTEM, "nothing was acknowledged");
}

static bool measure_pacing(struct bench *b, struct error *err)
{
	static const struct override none[] = { { 0 } };
	struct run_figures found;

	if (!run_once(b, text_calibrate_paced, text_null, none, &found, err))
		return false;
	b->found.pacing = (struct calibration_spread){
		.p50_ns = found.delay_p50_ns,
		.p99_ns = found.delay_p99_ns,
		.max_ns = found.delay_max_ns,
	};
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
	say("waking and recording");
	measure_waking(&b->found.waking);
	b->found.recording_ns = measure_recording();
	say("pacing, without a client library");
	bool ok = measure_pacing(b, err);
	for (int i = 0; ok && i < CALIBRATION_SIZES; i++) {
		uint32_t bytes = calibration_sizes[i];
		say(i == 0 ? "messages of 100 B" : "messages of 1 KB");
		ok = measure_ceiling(b, bytes, false, &b->found.bare[i], err) &&
		     measure_ceiling(b, bytes, true, &b->found.library[i], err);
	}
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

static int calibrate_run(const struct args *args)
{
	struct bench b = { .args = args };
	struct error err = { 0 };

	if (args->words.count > 0) {
		error_set(&err, ERROR_USAGE, "calibrate takes no files: \"%s\"",
		          args->words.items[0]);
		return args_fail(args, &err);
	}
	if (!run_block_signals(&err))
		return args_fail(args, &err);
	machine_limits_raise();
	return measure_all(&b, &err) ? finish(&b) : args_fail(args, &err);
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
