/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_JOURNAL_H
#define OMB_RESULTS_JOURNAL_H

/*
 * journal -- what remains of a run that was killed: one JSON line for each thing that happened
 * (start, driver, phase, window, second, period, event: docs/result-format.md), beside the result.
 *
 *     <folder of the result>/<run id>.journal                 the lines
 *     ${XDG_STATE_HOME:-~/.local/state}/omb/runs/<run id>      where the journal is (absolute path), then
 *                                                             "process <its name>" (util/process.h), or
 *                                                             "recovered <result>" once it was
 *
 * The first is appended to as the run goes on, each line with one write, so a crash of the program
 * loses at most the line being written.  The second lets `omb cleanup` find runs that never ended.
 * Both disappear with journal_remove when the result is complete.
 *
 * The owner holds a lock on the journal as long as it lives, also when it can no longer be written:
 * who finds it free knows that the run was killed.  (A lock of the process: agents do not inherit it.
 * It goes when the process closes any descriptor of the file, so the owner never opens it again.)
 * Where the file is gone, or its file system has no locks, the registered process tells the same.
 *
 * A zeroed journal is closed.  Owner process only; agents never write it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/lines.h"

struct journal {
	bool opened;
	bool stopped;       /* nothing more can be appended */
	int fd;             /* holds the lock; what was appended can be read back from it */
	size_t lines;       /* that were appended */
	char *path;         /* owned, absolute */
	char *registration; /* owned; NULL when not registered */
};

enum journal_sync {
	JOURNAL_CACHED, /* survives the death of the program */
	JOURNAL_SYNCED, /* survives the death of the machine; takes milliseconds */
};

/* Creates the file (an existing one is an error: run ids are unique).  `run_id` is a file name. */
bool journal_open(struct journal *j, const char *folder, const char *run_id, struct error *err);

/* Lists the journal in the user's state directory. */
bool journal_register(struct journal *j, const char *run_id, struct error *err);

/* `line` has no newline in it; it is added.  All of the line gets in or nothing of it. */
bool journal_append(struct journal *j, const char *line, size_t len, enum journal_sync sync,
                    struct error *err);

/* The lines that were appended, from the first one on (util/lines.h).  It is an error if they are not all
 * there any more. */
bool journal_each(const struct journal *j, lines_take *take, void *to, struct error *err);

/* Nothing more can be appended (the disk is full); the rest of the life of the files goes on. */
void journal_stop(struct journal *j);

/* Closes and leaves the files. */
void journal_close(struct journal *j);

/* Closes and deletes the files; missing ones are fine. */
bool journal_remove(struct journal *j, struct error *err);

/* Runs that are registered, in the order of their ids; whether their journals still exist is not
 * looked at. */
struct journal_list {
	struct journal_entry {
		char *run_id, *path; /* owned by the list */
		char *process;       /* owned: that of the run; NULL = unknown */
		char *recovered;     /* owned: the result that was made of it; NULL = none was */
	} * items;
	size_t count, cap;
};

bool journal_list_load(struct journal_list *list, struct error *err);
void journal_list_fini(struct journal_list *list);

/* Does the run still live?  Its process, as this host sees it, is in *pid (0: it is on another host, or
 * in another container).  Not for a run of this process. */
bool journal_is_alive(const struct journal_entry *e, int *pid);

/* The journal at `path` has become a result (NULL: there was nothing in it), or will never be one.  The
 * run stays registered: what it left on brokers is still there. */
bool journal_set_recovered(const char *run_id, const char *path, const char *result,
                           struct error *err);

/* Forgets a registered run; the journal itself stays.  Fine if it is not registered. */
bool journal_forget(const char *run_id, struct error *err);

#endif
