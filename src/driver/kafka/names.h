/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_NAMES_H
#define OMB_DRIVER_KAFKA_NAMES_H

/*
 * names -- the configuration properties of librdkafka: who uses each and what it may hold.
 *
 * A table of our own, because the processes that read driver files never touch the library.  It
 * has the properties of librdkafka 2.0 with their ranges, and by name those that later versions
 * added.  What is set through functions only (callbacks, `opaque`) is not in it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum name_scope {
	NAME_PRODUCER = 1 << 0,
	NAME_CONSUMER = 1 << 1,
	NAME_ADMIN = 1 << 2,
	NAME_ANY = NAME_PRODUCER | NAME_CONSUMER | NAME_ADMIN,
	NAME_NEWER = 1 << 3,   /* came after 2.0: an older library refuses it */
	NAME_HIDDEN = 1 << 5,  /* the library shows it, but it says nothing to a user */
	NAME_FILE = 1 << 7,    /* its value names a file or a folder of this host */
	NAME_COMMAND = 1 << 8, /* its value is run, or is code that is loaded, on this host */
	NAME_ALIAS = 1 << 6,   /* `words` is the name that is used in its place */
};

enum name_type { NAME_TEXT, NAME_INTEGER, NAME_NUMBER, NAME_BOOL, NAME_WORD };

struct name {
	const char *key;
	unsigned flags; /* of enum name_scope */
	enum name_type type;
	int64_t min, max;  /* of NAME_INTEGER and NAME_NUMBER */
	const char *words; /* of NAME_WORD: what is allowed, parted by blanks */
};

/* The entry that `key` means: an alias leads to its target.  NULL: there is none. */
const struct name *name_find(const char *key);

/* i-th entry, NULL behind the last; for tests and "did you mean". */
const struct name *name_at(unsigned i);

/* A property of a topic?  For messages: what topics may have is the broker's business. */
bool name_is_of_topics(const char *key);

/* Would the library take `value`?  *err says "KEY: VALUE is outside MIN..MAX" and the like. */
bool name_check(const struct name *n, const char *value, struct error *err);

#endif
