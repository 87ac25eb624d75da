/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_OUTLET_H
#define OMB_UTIL_OUTLET_H

/*
 * outlet -- where a program that has something else to do says things: it never waits for who reads.
 *
 * A pipe that nobody reads is full after 64 KiB, a terminal may be held (^S), and write() would wait
 * there while agents, clients or a broker wait for us.  So lines for which there is no room are dropped and
 * counted, and what comes next says so: "3 lines were not written".  Readers meet whole lines alone: of
 * one that was taken in part the rest comes first.
 *
 * The stream is opened a second time, without waiting, where that can be done (pipes, terminals): a flag on
 * the stream itself would be one for all who share it.  Where it cannot, poll() says whether there is room,
 * and a line waits if another process takes that room in the same instant.  Files are written as ever.
 *
 * A stream that is gone (its reader has closed it, its disk is full) is left to stdio, which remembers the
 * failure (ferror) for the end of the program; its lines count as written here.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "util/text.h"

/* Adds a line, with its end, about so many that were not written. */
typedef void outlet_words_fn(void *context, uint64_t lines, struct text *out);

struct outlet {
	FILE *file;     /* borrowed; what is said besides goes there in turn */
	int fd, own_fd; /* of the file; the stream, opened again: -1 = not, or not needed */
	bool is_socket;
	bool may_wait;          /* files, and what is lost: by stdio */
	struct text rest;       /* of what was taken in part; in front of everything */
	uint64_t dropped;       /* lines, not told so far */
	outlet_words_fn *words; /* NULL: "3 lines were not written" */
	void *context;          /* of words */
};

/* `file` is flushed, and stays the caller's. */
void outlet_open(struct outlet *o, FILE *file);

/* `text` is one line or several, with their ends; as many are counted where there is no room.  False:
 * there was none. */
bool outlet_put(struct outlet *o, const char *text, size_t len);

/* What the next of its kind replaces: dropped without a word. */
bool outlet_put_passing(struct outlet *o, const char *text, size_t len);

/* Waits for room, so long at the most (UINT64_MAX: as long as it takes), or until a signal that asks for the
 * end (util/signals.h; blocked by the caller) waits to be read. */
bool outlet_put_within(struct outlet *o, const char *text, size_t len, uint64_t most_ns);

/* Says within `most_ns` what there is left to say.  Returns how many lines were not written without
 * anybody having been told.  Again, or of a zeroed one: 0. */
uint64_t outlet_close(struct outlet *o, uint64_t most_ns);

#endif
