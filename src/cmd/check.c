/* SPDX-License-Identifier: Apache-2.0 */
/*
 * omb check -- what a run would do, what it needs, and what is doubtful about it.
 *
 * No broker is touched.  The driver's settings are asked for in an agent, because a client library
 * is never used in this process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/admin_call.h"
#include "cmd/args.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "cmd/plan_text.h"
#include "cmd/run_doubts.h"
#include "cmd/workers_source.h"
#include "driver/driver.h"
#include "facts/origin.h"
#include "util/arena.h"
#include "util/secret.h"

#define AGENTS_SHOWN        8
#define DESCRIBE_TIMEOUT_MS 10000
#define BROKERS_MAX         10000

static const struct flag check_flags[] = {
	INPUT_FLAG_DRIVERS,
	INPUT_FLAG_SET,
	INPUT_FLAG_AGENTS,
	INPUT_FLAG_LENIENT,
	WORKERS_FLAG_LIST,
	WORKERS_FLAG_FILE,
	WORKERS_FLAG_EXTRA,
	WORKERS_FLAG_ROLES,
	WORKERS_FLAG_TOLERATE,
	WORKERS_FLAG_CLOCK,
	WORKERS_FLAG_TOKEN,
	{ "brokers", NULL, FLAG_VALUE, "N",
	  "brokers of the cluster, for the number of connections and threads; 1 if not given" },
	{ "all", NULL, FLAG_SWITCH, NULL, "every agent and every setting, however many" },
	INPUT_FLAG_HELP,
	{ 0 },
};

struct check {
	const struct args *args;
	struct inputs in;
	struct workers_source workers;
	struct origin_doubts *settings; /* of each driver: what is not as its file says */
	uint32_t brokers;
	struct resource_limits limits;
	struct host_need need; /* of all pairs */
	struct text out;
};

static bool read_brokers(struct check *c, struct error *err)
{
	const char *text = args_value(c->args, "brokers");
	char *end;

	c->brokers = 1;
	if (text == NULL)
		return true;
	unsigned long brokers = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || brokers < 1 || brokers > BROKERS_MAX)
		return error_set(err, ERROR_USAGE, "--brokers: \"%s\" is not a number from 1 to %d",
		                 text, BROKERS_MAX);
	c->brokers = (uint32_t)brokers;
	return true;
}

/* "linger.ms = 5  (java default; note)" under headings of their sections.  What the library has by
 * itself and nobody changed is left out unless `all`. */
static void add_settings(const struct text *records, bool all, struct text *out)
{
	const char *f[ADMIN_DESCRIBE_FIELDS], *section = "";
	size_t hidden = 0;

	for (size_t at = 0; admin_call_next_record(records, &at, f, ADMIN_DESCRIBE_FIELDS);) {
		if (!all && strcmp(f[3], ORIGIN_LIBRARY) == 0) {
			hidden++;
			continue;
		}
		if (strcmp(section, f[0]) != 0)
			text_addf(out, "  %s\n", f[0]);
		section = f[0];
		text_addf(out, "    %s = %s", f[1], f[2]);
		if (f[3][0] != '\0' || f[4][0] != '\0')
			text_addf(out, "  (%s%s%s)", f[3], f[3][0] && f[4][0] ? "; " : "", f[4]);
		text_add(out, "\n");
	}
	if (hidden > 0)
		text_addf(out, "  and %zu more as the library has them (--all shows them)\n",
		          hidden);
}

/* The records do not live as long as the doubts. */
static void gather_doubts(const struct text *records, struct arena *arena,
                          struct origin_doubts *out)
{
	const char *f[ADMIN_DESCRIBE_FIELDS];

	for (size_t at = 0; admin_call_next_record(records, &at, f, ADMIN_DESCRIBE_FIELDS);) {
		if (!origin_is_doubt(f[3]))
			continue;
		struct fact_row row = {
			arena_strdup(arena, f[0]), arena_strdup(arena, f[1]),
			arena_strdup(arena, f[2]), arena_strdup(arena, f[3]),
			arena_strdup(arena, f[4]),
		};
		origin_doubts_add(out, &row, arena);
	}
}

/* Those of the plan, of the pair, and of the driver file, warnings first. */
static struct doubts all_doubts(const struct check *c, const struct doubts *plan,
                                const struct doubts *fit, const struct origin_doubts *settings)
{
	struct arena *arena = c->args->arena;
	size_t most = plan->count + fit->count + settings->count, count = 0;
	struct doubt *items = arena_alloc(arena, (most + 1) * sizeof(*items));
	static const enum doubt_severity order[] = { DOUBT_WARNING, DOUBT_NOTE };

	for (size_t o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
		for (size_t i = 0; i < plan->count; i++)
			if (plan->items[i].severity == order[o])
				items[count++] = plan->items[i];
		for (size_t i = 0; i < fit->count; i++)
			if (fit->items[i].severity == order[o])
				items[count++] = fit->items[i];
	}
	for (size_t i = 0; i < settings->count; i++)
		items[count++] = (struct doubt){
			.severity = DOUBT_NOTE,
			.text = origin_doubt_text(&settings->items[i], arena),
		};
	return (struct doubts){ .items = items, .count = count };
}

static bool check_driver(struct check *c, const struct input_driver *d, struct error *err)
{
	static const struct admin_job job = { .kind = ADMIN_DESCRIBE };
	struct text records = { 0 };

	text_addf(&c->out, "driver file %s: %s, driver %s\n", d->file.path, d->file.name,
	          d->driver->name);
	bool ok = admin_call_run(d, &job, DESCRIBE_TIMEOUT_MS, &records, err);
	if (ok) {
		add_settings(&records, args_has(c->args, "all"), &c->out);
		gather_doubts(&records, c->args->arena, &c->settings[d - c->in.drivers]);
	} else {
		error_wrap(err, "driver file %s", d->file.path);
	}
	text_add(&c->out, "\n");
	text_fini(&records);
	return ok;
}

static bool check_pair(struct check *c, const struct input_workload *w,
                       const struct input_driver *d, struct error *err)
{
	struct plan_host host = {
		.cpus = c->limits.cpus,
		.payloads = w->payloads.count > 0 ? &w->payloads : NULL,
	};
	struct resource_driver driver = resource_driver_of(d->driver, d->config, c->brokers);
	size_t lines_max = args_has(c->args, "all") ? SIZE_MAX : AGENTS_SHOWN;
	struct host_driver asks = host_driver_of(d->driver, d->config);
	struct resources need;
	struct plan plan;

	if (!plan_make(&plan, &w->workload, &host, c->args->arena, err))
		return error_wrap(err, "workload %s", w->workload.path);
	resources_estimate(&plan, &driver, &need);
	struct doubts doubts = resources_doubts(&plan, &need, &driver, &c->limits, c->args->arena);
	struct doubts fit = run_doubts(&plan, d, c->args->arena);
	doubts = all_doubts(c, &doubts, &fit, &c->settings[d - c->in.drivers]);

	text_addf(&c->out, "workload %s: %s, on %s\n", w->workload.path, w->workload.name,
	          d->file.name);
	struct host_need asked = host_need_of(&plan, &need, &asks, &c->limits);
	host_need_join(&c->need, &asked);

	plan_text_load(&plan, &c->out);
	workers_describe(&c->workers, &plan, &c->out);
	plan_text_agents(&plan, lines_max, c->args->arena, &c->out);
	plan_text_resources(&need, &c->limits, &c->out);
	plan_text_files(&plan, &c->out);
	plan_text_doubts(&doubts, "  no doubts", &c->out);
	text_add(&c->out, "\n");
	return true;
}

static void check_host(struct check *c)
{
	struct host_settings host;

	if (c->need.cpus == 0)
		return; /* no plan could be made */
	machine_settings_read("", &host);
	struct doubts doubts = host_doubts(&c->need, &host, c->args->arena);
	text_add(&c->out, "this host\n");
	plan_text_doubts(&doubts, "  no setting to change", &c->out);
}

static void check_all(struct check *c, struct error_list *errors)
{
	struct error err;

	c->settings = arena_alloc(c->args->arena, (c->in.drivers_count + 1) * sizeof(*c->settings));
	for (size_t d = 0; d < c->in.drivers_count; d++)
		if (!check_driver(c, &c->in.drivers[d], &err))
			error_list_add(errors, &err);
	for (size_t w = 0; w < c->in.workloads_count; w++)
		for (size_t d = 0; d < c->in.drivers_count; d++)
			if (!check_pair(c, &c->in.workloads[w], &c->in.drivers[d], &err))
				error_list_add(errors, &err);
	check_host(c);
}

static bool check_usage(const struct args *args, struct error *err)
{
	if (!args_has(args, "drivers"))
		return error_set(err, ERROR_USAGE, "no driver file: -d names them");
	if (args->words.count == 0)
		return error_set(err, ERROR_USAGE, "no workload file to check");
	return true;
}

static int check_run(const struct args *args)
{
	struct check c = { .args = args };
	struct error_list errors = { 0 }, warnings = { 0 };
	struct text shown = { 0 };
	struct error err;

	if (!check_usage(args, &err) || !workers_check_usage(args, &err) || !read_brokers(&c, &err))
		return args_fail(args, &err);
	machine_limits_raise();
	machine_limits_read(&c.limits);
	bool ok = inputs_load(args, &c.in, &errors, &warnings);
	ok = workers_read(args, &c.in.mode, &c.workers, &errors, &warnings) && ok;
	if (ok)
		check_all(&c, &errors);
	secret_add(&shown, text_str(&c.out));
	fputs(text_str(&shown), stdout);
	text_fini(&shown);
	fflush(stdout); /* before what goes to stderr */
	args_warn_all(args, &warnings);
	int code = args_fail_all(args, &errors);
	text_fini(&c.out);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	return code;
}

extern const struct command command_check;
const struct command command_check = {
	.name = "check",
	.summary = "shows what a run would do and every doubt about it; touches no broker",
	.words = "WORKLOAD...",
	.text = "Reads and checks the files as run does and prints the resolved plan: topics, "
		"agents, "
		"who produces and consumes what, rates, bytes, the settings of the client library "
		"as "
		"translated, what all that needs of this machine against its limits, and what the "
		"files of the result will weigh; at the end what is better set otherwise on this "
		"host for so many clients, with the commands. The size "
		"of messages is compared with the limits of the client and of the topic, as far as "
		"the driver file gives it.\n"
		"\n"
		"Doubts are warnings (the run will fail, or its numbers will not mean what one "
		"thinks) and notes; they do not change the exit code. It is 0, or 2 for files that "
		"cannot be run.",
	.examples = "omb check -d kafka.yaml workloads/*.yaml",
	.flags = check_flags,
	.run = check_run,
};
