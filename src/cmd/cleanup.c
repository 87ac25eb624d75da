/* SPDX-License-Identifier: Apache-2.0 */
/*
 * omb cleanup -- deletes topics and groups that runs left behind.
 *
 * Only names that a run of omb gave are ever deleted: they parse as such, and belong to the run
 * asked for or to one that began long enough ago.  What still has consumers is not listed by the
 * driver and stays.
 *
 * A run that is registered here (journal.h) and lives is spared.  Of those of other hosts nothing is
 * known but their age, so a low one has to be meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/admin_call.h"
#include "cmd/args.h"
#include "cmd/input_files.h"
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
#define SAFE_AGE_S        3600 /* few runs are longer */

static const struct flag cleanup_flags[] = {
	INPUT_FLAG_DRIVERS,
	INPUT_FLAG_SET,
	INPUT_FLAG_LENIENT,
	{ "run", NULL, FLAG_VALUE, "ID", "what this run left" },
	{ "min-age", NULL, FLAG_VALUE, "DURATION",
	  "what runs left that began so long ago: 1h, 2h30m" },
	{ "force", NULL, FLAG_SWITCH, NULL,
	  "with --min-age: less than 1h; with --run: also if the run goes on" },
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
	bool dry, forced;
	struct journal_list registered;
	struct names topics, runs;
	struct group_spec *groups;
	size_t groups_count;
	struct names spared; /* runs that go on */
};

/* --- which runs --------------------------------------------------------------------------------- */

static bool read_flags(struct cleanup *c, struct error *err)
{
	const char *age = args_value(c->args, "min-age");
	uint64_t age_ns, started_s;

	c->run_id = args_value(c->args, "run");
	c->dry = args_has(c->args, "dry-run");
	c->forced = args_has(c->args, "force");
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
	if (age_s < SAFE_AGE_S && !c->forced && !c->dry)
		return error_set(err, ERROR_USAGE,
		                 "--min-age %s: a run of another host may have begun since and go "
		                 "on; below 1h this needs --force",
		                 age);
	c->born_before_s = age_s < now_s ? now_s - age_s : 0;
	return true;
}

/* The registration of a run that lives; NULL: it does not, or is not of this host and account. */
static const struct journal_entry *find_alive(const struct cleanup *c, const char *run_id, int *pid)
{
	for (size_t i = 0; i < c->registered.count; i++) {
		const struct journal_entry *e = &c->registered.items[i];

		if (strcmp(e->run_id, run_id) == 0)
			return journal_is_alive(e, pid) ? e : NULL;
	}
	return NULL;
}

/* "process 4711, its journal is x.journal" */
static const char *describe_life(const struct cleanup *c, const struct journal_entry *e, int pid)
{
	const char *who = pid > 0 ? arena_printf(c->args->arena, "process %d", pid)
	                          : "a process that cannot be seen from here";

	return arena_printf(c->args->arena, "%s, its journal is %s", who, e->path);
}

static bool refuse_if_alive(const struct cleanup *c, struct error *err)
{
	int pid = 0;
	const struct journal_entry *e =
		c->run_id != NULL && !c->forced ? find_alive(c, c->run_id, &pid) : NULL;

	return e == NULL || error_set(err, ERROR_USAGE,
	                              "run %s goes on (%s): it deletes by itself what it created; "
	                              "--force deletes it under the run, which spoils the result",
	                              e->run_id, describe_life(c, e, pid));
}

static bool is_wanted(const struct cleanup *c, const char *name, struct name_parts *parts)
{
	if (!name_parse(name, parts))
		return false;
	if (c->run_id != NULL)
		return strcmp(parts->run_id, c->run_id) == 0;
	return parts->run_started_s <= c->born_before_s;
}

static bool has_run(const struct names *runs, const char *run_id)
{
	for (size_t i = 0; i < runs->count; i++)
		if (strcmp(runs->items[i], run_id) == 0)
			return true;
	return false;
}

static void add_run(struct cleanup *c, struct names *runs, const char *run_id)
{
	if (!has_run(runs, run_id))
		runs->items[runs->count++] = arena_strdup(c->args->arena, run_id);
}

/* Does the run of a name go on, and was not forced?  Says so at the first of its names. */
static bool is_spared(struct cleanup *c, const char *run_id)
{
	int pid = 0;

	if (has_run(&c->runs, run_id) || (c->run_id != NULL && c->forced))
		return false;
	if (has_run(&c->spared, run_id))
		return true;
	const struct journal_entry *e = find_alive(c, run_id, &pid);
	if (e == NULL)
		return false;
	add_run(c, &c->spared, run_id);
	printf("run %s goes on and is spared: %s\n", run_id, describe_life(c, e, pid));
	return true;
}

static void init_names(const struct cleanup *c, struct names *names, size_t cap)
{
	*names = (struct names){ .items = arena_alloc(c->args->arena, (cap + 1) * sizeof(char *)) };
}

/* Sorts the records of ADMIN_LIST into what is to be deleted. */
static void choose(struct cleanup *c, const struct text *records)
{
	const char *f[ADMIN_LIST_FIELDS];
	struct name_parts parts;
	size_t count = 0;

	for (size_t at = 0; admin_call_next_record(records, &at, f, ADMIN_LIST_FIELDS);)
		count++;
	init_names(c, &c->topics, count);
	c->groups = arena_alloc(c->args->arena, (count + 1) * sizeof(*c->groups));
	c->groups_count = 0;
	init_names(c, &c->runs, count);
	init_names(c, &c->spared, count);
	for (size_t at = 0; admin_call_next_record(records, &at, f, ADMIN_LIST_FIELDS);) {
		bool is_topic = strcmp(f[0], "topic") == 0;
		if (!is_wanted(c, f[1], &parts) || is_spared(c, parts.run_id))
			continue;
		if (is_topic)
			c->topics.items[c->topics.count++] = f[1];
		else
			c->groups[c->groups_count++] = (struct group_spec){ f[2], f[1] };
		add_run(c, &c->runs, parts.run_id);
		printf("%s %s %s%s%s\n", c->dry ? "would delete" : "deleting", f[0], f[1],
		       f[2][0] != '\0' ? " of topic " : "", f[2]);
	}
	fflush(stdout);
}

/* --- registrations ------------------------------------------------------------------------------ */

static bool load_registered(struct cleanup *c, struct error *err)
{
	journal_list_fini(&c->registered);
	return journal_list_load(&c->registered, err) ||
	       error_wrap(err, "which runs go on cannot be told, so nothing is deleted");
}

/* What became of what a run had measured that is over. */
static void tell_journal(const struct journal_entry *e, bool dry)
{
	if (e->recovered != NULL)
		return; /* it is a result */
	if (access(e->path, F_OK) < 0) {
		char *folder = xstrndup(e->path, (size_t)(file_base(e->path) - e->path));
		if (!dry)
			pair_free_name(folder, e->run_id);
		free(folder);
		return; /* nobody will miss it */
	}
	printf("run %s did not end: `omb recover %s` makes a result of its journal\n", e->run_id,
	       e->path);
}

/* Where killed runs left what they had measured.  One that was asked for by its id, or whose topics
 * are deleted now, is over and done with and is no longer listed. */
static bool tell_journals(struct cleanup *c, struct error *err)
{
	uint64_t started_s;
	bool ok = load_registered(c, err);

	for (size_t i = 0; ok && i < c->registered.count; i++) {
		const struct journal_entry *e = &c->registered.items[i];
		bool named = c->run_id != NULL && strcmp(c->run_id, e->run_id) == 0;
		bool old = c->run_id == NULL && run_id_parse(e->run_id, &started_s) &&
		           started_s <= c->born_before_s;
		int pid;
		if ((!named && !old) || journal_is_alive(e, &pid))
			continue;
		tell_journal(e, c->dry);
		if (named && !c->dry)
			ok = journal_forget(e->run_id, err);
	}
	return ok;
}

static bool forget_deleted(const struct cleanup *c, struct error *err)
{
	bool ok = true;
	int pid;

	for (size_t i = 0; ok && i < c->runs.count; i++)
		ok = find_alive(c, c->runs.items[i], &pid) != NULL ||
		     journal_forget(c->runs.items[i], err);
	return ok;
}

/* --- one broker --------------------------------------------------------------------------------- */

static bool delete_chosen(struct cleanup *c, const struct input_driver *d, struct error *err)
{
	struct admin_job job = {
		.kind = ADMIN_DELETE,
		.names = { c->topics.items, c->topics.count, c->groups, c->groups_count },
		.timeout_ms = DELETE_TIMEOUT_MS,
	};
	struct text nothing = { 0 };
	/* Groups and topics have the time each. */
	bool ok = admin_call_run(d, &job, 2 * DELETE_TIMEOUT_MS + FORK_TIMEOUT_MS, &nothing, err);

	text_fini(&nothing);
	return ok && forget_deleted(c, err);
}

static bool clean_up(struct cleanup *c, const struct input_driver *d, struct error *err)
{
	struct admin_job job = { .kind = ADMIN_LIST, .prefix = NAME_PREFIX };
	struct text records = { 0 };

	if (c->run_id != NULL)
		job.prefix = arena_printf(c->args->arena, NAME_PREFIX "%s-", c->run_id);
	/* A run is registered before it creates anything, so this is asked second. */
	bool ok =
		admin_call_run(d, &job, LIST_TIMEOUT_MS, &records, err) && load_registered(c, err);
	if (ok) {
		choose(c, &records);
		ok = c->dry || c->topics.count + c->groups_count == 0 || delete_chosen(c, d, err);
	}
	if (ok)
		printf("%s: %zu topics and %zu groups of %zu runs%s%s\n", d->file.name,
		       c->topics.count, c->groups_count, c->runs.count,
		       c->dry ? " would be deleted" : " deleted",
		       c->run_id != NULL && c->topics.count + c->groups_count == 0
		               ? "; what has consumers is not listed"
		               : "");
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
	if (ok && (!load_registered(&c, &err) || !refuse_if_alive(&c, &err))) {
		error_list_add(&errors, &err);
		ok = false;
	}
	for (size_t i = 0; ok && i < in.drivers_count; i++)
		if (!clean_up(&c, &in.drivers[i], &err))
			error_list_add(&errors, &err);
	if (ok && !tell_journals(&c, &err))
		error_list_add(&errors, &err);
	fflush(stdout);
	int code = args_fail_all(args, &errors);
	journal_list_fini(&c.registered);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	return code;
}

extern const struct command command_cleanup;
const struct command command_cleanup = {
	.name = "cleanup",
	.summary = "deletes topics and groups that runs left on a broker",
	.text = "A run deletes what it created. What a killed one left, this command deletes: "
		"topics and groups whose names begin with omb- and have the form that runs give "
		"them, of one run or of all that began long enough ago. Nothing else is ever "
		"touched, and what still has consumers stays.\n"
		"\n"
		"A run of this account on this host that goes on is known by its registration "
		"and its process: with --min-age it is named and spared, with --run the command "
		"refuses (exit 2) unless --force says that its topics are to be deleted under it. "
		"Of runs of other hosts and accounts only the age is known. One that is longer "
		"than "
		"--min-age would lose its topics, so less than 1h needs --force.",
	.examples = "omb cleanup -d kafka.yaml --min-age 1h --dry-run\n"
		    "omb cleanup -d kafka.yaml --run 01lg22la7e2p",
	.flags = cleanup_flags,
	.run = cleanup_run,
};
