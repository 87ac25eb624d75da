/* SPDX-License-Identifier: Apache-2.0 */
/*
 * omb recover -- makes a result of the journal that a killed run left.
 */
#include "results/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/input_files.h"
#include "plan/names.h"
#include "results/journal.h"
#include "results/result.h"
#include "run/summary.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/lines.h"
#include "util/xalloc.h"

#define JOURNAL_ENDING ".journal"

static const struct flag recover_flags[] = {
	{ "output", "o", FLAG_VALUE, "FILE|FOLDER",
	  "where the result goes; beside the journal, under the name that the run reserved, if not "
	  "given" },
	{ "quiet", "q", FLAG_SWITCH, NULL, "print the names of the results only" },
	INPUT_FLAG_HELP,
	{ 0 },
};

struct source {
	const char *path;
	char *folder; /* owned */
	int fd;       /* locked */
	bool cut;     /* its last line */
	struct recovery found;
};

/* --- finding and opening ---------------------------------------------------------------------------- */

/* "x/01lg22la7e2p.journal" -> the run's id; false if the name is another. */
static bool id_in_name(const char *path, char run_id[RUN_ID_CHARS + 1])
{
	const char *base = file_base(path);
	size_t len = strcspn(base, ".");
	uint64_t started_s;

	if (len != RUN_ID_CHARS || (base[len] != '\0' && strcmp(base + len, JOURNAL_ENDING) != 0))
		return false;
	(void)snprintf(run_id, RUN_ID_CHARS + 1, "%.*s", RUN_ID_CHARS, base);
	return run_id_parse(run_id, &started_s);
}

/* Where a registered run keeps its journal, in the arena; NULL and *err if it was recovered already, or
 * nothing is known of it. */
static const char *find_registered(const struct args *args, const char *word, struct error *err)
{
	char run_id[RUN_ID_CHARS + 1];
	struct journal_list list;
	struct error ignored;
	const char *path = NULL;

	error_set(err, ERROR_SYSTEM, "%s: no such file; a journal goes when its result is complete",
	          word);
	if (!id_in_name(word, run_id) || !journal_list_load(&list, &ignored))
		return NULL;
	for (size_t i = 0; i < list.count; i++) {
		const struct journal_entry *e = &list.items[i];

		if (strcmp(e->run_id, run_id) != 0)
			continue;
		if (e->recovered != NULL)
			error_set(err, ERROR_USAGE, "run %s was recovered already: %s", run_id,
			          e->recovered[0] != '\0' ? e->recovered
			                                  : "nothing had been measured");
		else if (file_base(word) == word && strchr(word, '.') == NULL)
			path = arena_strdup(args->arena, e->path);
	}
	journal_list_fini(&list);
	return path;
}

static bool open_source(const struct args *args, const char *word, struct source *s,
                        struct error *err)
{
	struct stat st;
	int holder = 0;

	*s = (struct source){ .path = word, .fd = -1 };
	recovery_init(&s->found);
	if (access(word, F_OK) < 0 && errno == ENOENT)
		s->path = find_registered(args, word, err);
	if (s->path == NULL)
		return false;
	size_t folder_len = (size_t)(file_base(s->path) - s->path);
	s->folder = folder_len > 0 ? xstrndup(s->path, folder_len) : xstrdup(".");
	if (stat(s->path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_USAGE, "%s: this is no file, and so no journal",
		                 s->path);
	s->fd = open(s->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0 && (errno == EACCES || errno == EROFS))
		s->fd = open(s->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0)
		return error_set_errno(err, errno, "%s", s->path);
	if (!file_lock(s->fd, &holder))
		return error_set(err, ERROR_USAGE,
		                 "%s: process %d holds it: the run goes on and writes its result "
		                 "itself, or is being recovered",
		                 s->path, holder);
	return true;
}

/* --- reading ---------------------------------------------------------------------------------------- */

/* The last line may be cut, and then is none. */
static bool take(void *to, const char *line, size_t len, bool has_newline, struct error *err)
{
	struct source *s = to;

	if (recovery_take(&s->found, line, len, err))
		return true;
	s->cut = !has_newline && recovery_is_cut(&s->found, line, len);
	return s->cut;
}

/* --- writing ---------------------------------------------------------------------------------------- */

/* The name that the run had reserved, if it can be one; else its id. */
static const char *stem_of(const struct args *args, const struct record *r, const char *folder)
{
	const char *name = r->result != NULL ? r->result : "";
	size_t len = strlen(name);

	if (len > 5 && strcmp(name + len - 5, ".json") == 0)
		len -= 5;
	if (len == 0 || name[0] == '.' || strchr(name, '/') != NULL || len > pair_stem_max(folder))
		return r->run_id;
	return arena_strndup(args->arena, name, len);
}

static bool reserve(const struct args *args, const struct source *s, struct pair *pair,
                    struct error *err)
{
	const struct record *r = &s->found.record;
	const char *output = args_value(args, "output");
	const char *folder = s->folder;
	struct stat st;

	if (output != NULL && output[0] != '\0') {
		bool slash = output[strlen(output) - 1] == '/';
		if (!slash && (stat(output, &st) < 0 || !S_ISDIR(st.st_mode)))
			return pair_reserve_named(pair, output, r->run_id, err);
		if (!file_check_folder(output, err) || !file_make_dirs(output, err))
			return false;
		folder = output;
	}
	return pair_reserve(pair, folder, stem_of(args, r, folder), r->run_id, err);
}

static void tell(const struct args *args, const struct source *s, const char *json,
                 const char *side)
{
	struct text out = { 0 };

	if (args_has(args, "quiet"))
		text_addf(&out, "%s\n%s\n", json, side);
	else
		summary_format(&s->found.record, json, side, &out);
	if (s->cut && !args_has(args, "quiet"))
		text_add(&out, "\n  The last line of the journal was cut off, and is left out.\n");
	fputs(text_str(&out), stdout);
	fflush(stdout);
	text_fini(&out);
}

/* The journal has done its duty. */
static bool remove_journal(const struct source *s, const char *run_id, const char *side,
                           struct error *err)
{
	char *absolute = side != NULL ? realpath(side, NULL) : NULL;
	bool ok = journal_set_recovered(run_id, s->path, absolute, err);

	free(absolute);
	if (ok && unlink(s->path) < 0)
		ok = error_set_errno(err, errno, "removing %s", s->path);
	return ok;
}

static bool write_result(const struct args *args, struct source *s, struct error *err)
{
	const struct journal journal = {
		.fd = s->fd,
		.path = (char *)(uintptr_t)s->path,
		.lines = s->found.lines,
	};
	const char *run_id = s->found.record.run_id;
	struct pair pair = { .side = NULL };
	struct text json = { 0 };

	s->found.record.journal = &journal;
	pair_free_name(s->folder, run_id); /* its journal is ours: nobody is about to write it */
	bool ok = reserve(args, s, &pair, err) && result_write(&pair, &s->found.record, &json, err);
	s->found.record.journal = NULL;
	if (ok) {
		tell(args, s, text_str(&json), pair.side);
		ok = remove_journal(s, run_id, pair.side, err);
	}
	text_fini(&json);
	pair_fini(&pair);
	return ok;
}

/* Nothing was measured: no result, and nothing that would be worth keeping. */
static bool give_up(const struct source *s, struct error *err)
{
	char run_id[RUN_ID_CHARS + 1];
	struct error ignored;

	if (id_in_name(s->path, run_id)) {
		pair_free_name(s->folder, run_id);
		if (remove_journal(s, run_id, NULL, &ignored))
			error_wrap(err, "there is no result, and the journal is removed");
	}
	return false;
}

static bool recover_one(const struct args *args, const char *word, struct error *err)
{
	struct source s;
	struct error why;
	bool ok = open_source(args, word, &s, err);

	if (ok) {
		uint64_t started_s;
		ok = lines_each(s.fd, take, &s, &why);
		if (ok && s.found.started && !run_id_parse(s.found.record.run_id, &started_s))
			ok = error_set(&why, ERROR_CONFIG, "its run has no id of omb");
		if (ok)
			ok = recovery_finish(&s.found, &why) ? write_result(args, &s, &why)
			                                     : give_up(&s, &why);
		if (!ok) {
			*err = why;
			error_wrap(err, "%s", s.path);
		}
	}
	recovery_fini(&s.found);
	file_close(s.fd);
	free(s.folder);
	return ok;
}

static int recover_run(const struct args *args)
{
	const char *output = args_value(args, "output");
	struct error_list errors = { 0 };
	struct error err;

	if (args->words.count == 0)
		error_set(&err, ERROR_USAGE,
		          "which journal? the file that a killed run left, or the id of the run");
	else if (output != NULL && strcmp(output, "-") == 0)
		error_set(&err, ERROR_USAGE, "-o -: a result is two files");
	else
		err.kind = ERROR_NONE;
	if (err.kind != ERROR_NONE)
		return args_fail(args, &err);
	for (size_t i = 0; i < args->words.count; i++)
		if (!recover_one(args, args->words.items[i], &err))
			error_list_add(&errors, &err);
	int code = args_fail_all(args, &errors);
	error_list_fini(&errors);
	return code;
}

extern const struct command command_recover;
const struct command command_recover = {
	.name = "recover",
	.summary = "makes a result of the journal that a killed run left",
	.words = "JOURNAL...",
	.text = "A run keeps a journal beside its result, RUN_ID.journal, until the result is "
		"complete. If the run is killed, or its result cannot be written, this command "
		"makes the two files of it: what was measured until then, in NAME.json.partial and "
		"NAME.omb. Latencies are those that were recorded in the measured window, whenever "
		"the messages were due; what was under way at the end is not accounted for; the "
		"result says so, and is INVALID. The journal is removed then.\n"
		"\n"
		"A journal is named by its file or by the id of its run (omb cleanup lists them). "
		"That of a run that goes on is left alone. What the run left on brokers is "
		"deleted by omb cleanup.",
	.examples = "omb recover results/01lg22la7e2p.journal\n"
		    "omb recover 01lg22la7e2p -o elsewhere/",
	.flags = recover_flags,
	.run = recover_run,
};
