/* SPDX-License-Identifier: Apache-2.0 */
/*
 * omb cleanup -- deletes topics and groups that runs left behind.
 *
 * Only names that a run of omb gave are ever deleted: they parse as such, and belong to the run
 * asked for or to one that began long enough ago.  What still has consumers is not listed by the
 * driver and stays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/inputs.h"
#include "cmd/job.h"
#include "driver/driver.h"
#include "plan/names.h"
#include "results/journal.h"
#include "results/pair.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/xalloc.h"

#define LIST_TIMEOUT_MS   60000
#define DELETE_TIMEOUT_MS 120000
#define FORK_TIMEOUT_MS   5000 /* an agent's own time, besides that of its work */

static const struct flag cleanup_flags[] = {
	INPUT_FLAG_DRIVERS,
	INPUT_FLAG_SET,
	INPUT_FLAG_LENIENT,
	{ "run", NULL, FLAG_VALUE, "ID", "what this run left" },
	{ "min-age", NULL, FLAG_VALUE, "DURATION",
	  "what runs left that began so long ago: 1h, 2h30m" },
	{ "dry-run", "n", FLAG_SWITCH, NULL, "say what would be deleted, and delete nothing" },
	INPUT_FLAG_HELP,
	{ 0 },
};

struct names {
	const char **items;
	size_t count;
};

struct cleanup {
	const struct args *args;
	const char *run_id;     /* NULL: by age */
	uint64_t born_before_s; /* since 1970, of the run */
	bool dry;
	struct names topics, groups, runs;
};

static bool read_flags(struct cleanup *c, struct error *err)
{
	const char *age = args_value(c->args, "min-age");
	uint64_t age_ns, started_s;

	c->run_id = args_value(c->args, "run");
	c->dry = args_has(c->args, "dry-run");
	if (!args_has(c->args, "drivers"))
		return error_set(err, ERROR_USAGE, "no driver file: -d says where to clean up");
	if (c->args->words.count > 0)
		return error_set(err, ERROR_USAGE, "\"%s\" is one word too many",
		                 c->args->words.items[0]);
	if ((c->run_id == NULL) == (age == NULL))
		return error_set(err, ERROR_USAGE, "which runs? either --run ID or --min-age 1h");
	if (c->run_id != NULL && !run_id_parse(c->run_id, &started_s))
		return error_set(err, ERROR_USAGE, "--run: \"%s\" is not the id of a run",
		                 c->run_id);
	if (age == NULL)
		return true;
	if (parse_duration(age, NULL, &age_ns) != UNITS_OK)
		return error_set(err, ERROR_USAGE, "--min-age: \"%s\" is not a duration such as 1h",
		                 age);
	uint64_t now_s = (uint64_t)time(NULL), age_s = age_ns / 1000000000;
	c->born_before_s = age_s < now_s ? now_s - age_s : 0;
	return true;
}

static bool is_wanted(const struct cleanup *c, const char *name, struct name_parts *parts)
{
	if (!name_parse(name, parts))
		return false;
	if (c->run_id != NULL)
		return strcmp(parts->run_id, c->run_id) == 0;
	return parts->run_started_s <= c->born_before_s;
}

static void add_run(struct cleanup *c, const char *run_id)
{
	for (size_t i = 0; i < c->runs.count; i++)
		if (strcmp(c->runs.items[i], run_id) == 0)
			return;
	c->runs.items[c->runs.count++] = arena_strdup(c->args->arena, run_id);
}

/* Sorts the records of ADMIN_LIST into what is to be deleted. */
static void choose(struct cleanup *c, const struct text *records)
{
	const char *f[ADMIN_LIST_FIELDS];
	struct name_parts parts;
	size_t count = 0;

	for (size_t at = 0; job_next_record(records, &at, f, ADMIN_LIST_FIELDS);)
		count++;
	c->topics = c->groups = c->runs = (struct names){ 0 };
	c->topics.items = arena_alloc(c->args->arena, (count + 1) * sizeof(char *));
	c->groups.items = arena_alloc(c->args->arena, (count + 1) * sizeof(char *));
	c->runs.items = arena_alloc(c->args->arena, (count + 1) * sizeof(char *));
	for (size_t at = 0; job_next_record(records, &at, f, ADMIN_LIST_FIELDS);) {
		struct names *to = strcmp(f[0], "topic") == 0 ? &c->topics : &c->groups;
		if (!is_wanted(c, f[1], &parts))
			continue;
		to->items[to->count++] = f[1];
		add_run(c, parts.run_id);
		printf("%s %s %s\n", c->dry ? "would delete" : "deleting", f[0], f[1]);
	}
	fflush(stdout);
}

/* What became of what it had measured. */
static void tell_journal(const struct journal_entry *e, bool dry)
{
	int pid;

	if (e->recovered != NULL)
		return; /* it is a result */
	if (access(e->path, F_OK) < 0) {
		char *folder = xstrndup(e->path, (size_t)(file_base(e->path) - e->path));
		if (!dry)
			pair_free_name(folder, e->run_id);
		free(folder);
		return; /* nobody will miss it */
	}
	if (journal_is_held(e->path, &pid))
		printf("run %s goes on: process %d, its journal is %s\n", e->run_id, pid, e->path);
	else
		printf("run %s did not end: `omb recover %s` makes a result of its journal\n",
		       e->run_id, e->path);
}

/* Where killed runs left what they had measured.  One that was asked for by its id, or whose topics
 * are deleted now, is over and done with and is no longer listed. */
static bool tell_journals(const struct cleanup *c, struct error *err)
{
	struct journal_list list = { 0 };
	uint64_t started_s;
	bool ok = journal_list_load(&list, err);

	for (size_t i = 0; ok && i < list.count; i++) {
		const struct journal_entry *e = &list.items[i];
		bool named = c->run_id != NULL && strcmp(c->run_id, e->run_id) == 0;
		bool old = c->run_id == NULL && run_id_parse(e->run_id, &started_s) &&
		           started_s <= c->born_before_s;
		if (named || old)
			tell_journal(e, c->dry);
		if (named && !c->dry)
			ok = journal_forget(e->run_id, err);
	}
	journal_list_fini(&list);
	return ok;
}

static bool delete_chosen(struct cleanup *c, const struct input_driver *d, struct error *err)
{
	struct admin_job job = {
		.kind = ADMIN_DELETE,
		.names = { c->topics.items, c->topics.count, c->groups.items, c->groups.count },
		.timeout_ms = DELETE_TIMEOUT_MS,
	};
	struct text nothing = { 0 };
	/* Groups and topics have the time each. */
	bool ok = job_run(d, &job, 2 * DELETE_TIMEOUT_MS + FORK_TIMEOUT_MS, &nothing, err);

	text_fini(&nothing);
	for (size_t i = 0; ok && i < c->runs.count; i++)
		ok = journal_forget(c->runs.items[i], err);
	return ok;
}

static bool clean_up(struct cleanup *c, const struct input_driver *d, struct error *err)
{
	struct admin_job job = { .kind = ADMIN_LIST, .prefix = NAME_PREFIX };
	struct text records = { 0 };

	if (c->run_id != NULL)
		job.prefix = arena_printf(c->args->arena, NAME_PREFIX "%s-", c->run_id);
	bool ok = job_run(d, &job, LIST_TIMEOUT_MS, &records, err);
	if (ok) {
		choose(c, &records);
		ok = c->dry || c->topics.count + c->groups.count == 0 || delete_chosen(c, d, err);
	}
	if (ok)
		printf("%s: %zu topics and %zu groups of %zu runs%s\n", d->file.name,
		       c->topics.count, c->groups.count, c->runs.count,
		       c->dry ? " would be deleted" : " deleted");
	text_fini(&records);
	return ok || error_wrap(err, "cleaning up %s", d->file.name);
}

static int cleanup_run(const struct args *args)
{
	struct cleanup c = { .args = args };
	struct inputs in;
	struct error_list errors = { 0 }, warnings = { 0 };
	struct error err;

	if (!read_flags(&c, &err))
		return args_fail(args, &err);
	bool ok = inputs_load(args, &in, &errors, &warnings);
	args_warn_all(args, &warnings);
	for (size_t i = 0; ok && i < in.drivers_count; i++)
		if (!clean_up(&c, &in.drivers[i], &err))
			error_list_add(&errors, &err);
	if (ok && !tell_journals(&c, &err))
		error_list_add(&errors, &err);
	fflush(stdout);
	int code = args_fail_all(args, &errors);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	return code;
}

extern const struct command command_cleanup;
const struct command command_cleanup = {
	.name = "cleanup",
	.summary = "deletes topics and groups that runs left on a broker",
	.text = "A run deletes what it created. What a killed one left, this command deletes: "
		"topics "
		"and groups whose names begin with omb- and have the form that runs give them, of "
		"one "
		"run or of all that began long enough ago. Nothing else is ever touched, and what "
		"still has consumers stays.",
	.examples = "omb cleanup -d kafka.yaml --min-age 1h --dry-run\n"
		    "omb cleanup -d kafka.yaml --run 01lg22la7e2p",
	.flags = cleanup_flags,
	.run = cleanup_run,
};
