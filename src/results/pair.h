/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_PAIR_H
#define OMB_RESULTS_PAIR_H

/*
 * pair -- the two files of a result, always of one run.
 *
 *     <name>.omb            all that is known; reserved before the load, complete at the end
 *     <name>.json           OMB's; appears complete, and last
 *     <name>.json.invalid   ... when the result is INVALID
 *     <name>.json.partial   ... when the run was cut short
 *
 * In a folder a name is free if none of the four exists; one that is taken gets the run's id.  A file
 * that was asked for by its name replaces what an earlier run left under it, all four, when the new
 * result is complete and not before.
 *
 * Until then the `.omb` is a placeholder: one line of JSON that names the run, made O_EXCL and locked
 * by the process of the run.  Two runs never write to one name; who finds a placeholder that nobody
 * holds knows that its run was killed.
 *
 * A zeroed pair is none.  One process.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/file.h"
#include "util/text.h"

enum pair_kind {
	PAIR_COMPLETE,
	PAIR_INVALID,
	PAIR_PARTIAL,
};

struct pair {
	char *json, *side; /* owned: the names, without .invalid or .partial */
	char *run_id;      /* owned */
	bool named;        /* asked for by its name */
	bool made;         /* the placeholder is ours to remove */
	int fd;            /* of the placeholder, or of the earlier `.omb`, locked; -1 = of none */
};

/* May `output` (-o FILE) be written: nothing but regular files stands under its names, and they are not
 * too long?  ERROR_USAGE, for before anything starts. */
bool pair_check_named(const char *output, struct error *err);

/* The most bytes that `stem` may have in this folder. */
size_t pair_stem_max(const char *folder);

/* Reserves <folder>/<stem>.json, or the same with the run's id behind the stem. */
bool pair_reserve(struct pair *p, const char *folder, const char *stem, const char *run_id,
                  struct error *err);

/* Reserves the name asked for: `x.json` or `x` goes with `x.omb`. */
bool pair_reserve_named(struct pair *p, const char *output, const char *run_id, struct error *err);

/* Appends what a file holds to the draft's text, and passes it on (util/file.h); false: *err. */
typedef bool pair_content(const void *from, struct file_draft *to, struct error *err);

/* Both files or neither.  A name in a folder that someone else has taken meanwhile gets the run's id.
 * `json_path` is where OMB's file is then; the other is p->side. */
struct pair_contents {
	const void *from;
	pair_content *json, *side;
};
bool pair_write(struct pair *p, enum pair_kind kind, const struct pair_contents *contents,
                struct text *json_path, struct error *err);

/* The `.omb` of the result that a file is of: of `x.json`, `x.json.invalid`, `x.json.partial`; any other
 * name is itself.  Owned by the caller, as that of OMB's file beside a `.omb`: NULL = there is none. */
char *pair_side_of(const char *path);
char *pair_json_beside(const char *side_path);

/* Is this the placeholder of the run?  Not for a pair that this process holds: looking would let go of
 * it. */
bool pair_is_placeholder(const char *side_path, const char *run_id);

/* Removes the placeholder of a run that is dead, whatever its name in this folder. */
void pair_free_name(const char *folder, const char *run_id);

/* Removes a placeholder that nothing took the place of; frees. */
void pair_fini(struct pair *p);

#endif
