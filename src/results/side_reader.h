/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_SIDE_READER_H
#define OMB_RESULTS_SIDE_READER_H

/*
 * side_reader -- `<name>.omb` back into the record that it was written of.
 *
 * The record is in memory, and one period at a time: a result of days can be read.  In files of this
 * version everything else comes before the periods; earlier ones had two tables behind them.  The
 * origin of all instants is the start of the run.
 *
 * Any bytes are safe.
 */

#include <stdbool.h>

#include "results/record.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/json_stream.h"

struct side_reader {
	struct record record; /* borrows from the arena; without periods and series */
	struct arena arena;
	size_t periods;
};

/* A period, borrowed.  False: *err is set, and reading ends. */
typedef bool side_period(void *to, const struct side_reader *r, const struct record_period *p,
                         struct error *err);

/* `each` may be NULL.  An error (ERROR_CONFIG; its text has line and column) names a later version.  The
 * reader must be finished in any case. */
bool side_reader_read(struct side_reader *r, struct json_stream *from, side_period *each, void *to,
                      struct error *err);
bool side_reader_load(struct side_reader *r, const char *path, side_period *each, void *to,
                      struct error *err);
void side_reader_fini(struct side_reader *r);

#endif
