/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_ORIGIN_H
#define OMB_FACTS_ORIGIN_H

/*
 * origin -- where each line of an effective configuration comes from, and which lines are not what
 * somebody wrote.
 *
 * What a file asks for is honoured, or it is a doubt: altered, or without effect.  Silent are only
 * lines of which nothing comes in any client (`ignored`).
 */

#include <stdbool.h>
#include <stddef.h>

struct arena;

#define ORIGIN_FILE      "file"         /* as written */
#define ORIGIN_JAVA      "java default" /* the Java client's default */
#define ORIGIN_LIBRARY   "library default"
#define ORIGIN_OMB       "omb"       /* set by us; the note says why */
#define ORIGIN_IGNORED   "ignored"   /* no counterpart and does not matter */
#define ORIGIN_ALTERED   "altered"   /* changed to what the library accepts; the note says how */
#define ORIGIN_NO_EFFECT "no effect" /* asked for, and nothing comes of it; the note says why */

/* A line of an effective configuration; borrowed. */
struct fact_row {
	const char *section, *key, *value, *origin, *note;
};

struct fact_rows {
	struct fact_row *items;
	size_t count;
};

/* Altered, or without effect. */
bool origin_is_doubt(const char *origin);

/* Lines that say the same of several sections are one. */
struct origin_doubt {
	const char *sections; /* "producer, consumer" */
	struct fact_row row;
};

struct origin_doubts {
	struct origin_doubt *items; /* in the arena */
	size_t count, cap;
};

/* Adds the row if it is a doubt.  Borrows its texts. */
void origin_doubts_add(struct origin_doubts *list, const struct fact_row *row, struct arena *a);

/* "producer batch.size is 1, not as the driver file says (...)". */
const char *origin_doubt_text(const struct origin_doubt *doubt, struct arena *a);

/* "2 settings are not as the driver file says: producer batch.size, ..."; NULL when there are none. */
const char *origin_doubts_summary(const struct origin_doubts *list, struct arena *a);

#endif
