/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_NOTE_H
#define OMB_AGENT_NOTE_H

/*
 * note -- failures that a loop counts in shared memory, by kind and by what they say.
 *
 * A few texts of each kind are kept, each with its count, so that a reader learns which is the
 * commonest, and not only which came first.  Texts that differ in their numbers alone are one:
 * client libraries put addresses, counts and milliseconds into them.  What has no place any more is
 * counted as `others`.
 *
 * One writer, the loop; no allocation and no lock; comparing costs a pass over at most NOTE_TEXTS
 * texts, paid for a failure only.  A text is complete before its first count is stored (release), so
 * a reader that sees a count (acquire: note_count) may read the text.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "driver/driver.h"

/* The driver's events, and what became of messages. */
enum note_kind {
	NOTE_SEND = DRIVER_EVENT_COUNT, /* send refused a message */
	NOTE_DELIVERY,                  /* a message came back as failed */
	NOTE_BLOCKED,                   /* a message stayed BUSY too long */
	NOTE_TWINS,                     /* two producers have one number */
	NOTE_COUNT
};

#define NOTE_TEXTS      4
#define NOTE_TEXT_BYTES 176

struct note_text {
	_Atomic uint64_t count;
	uint64_t first_ns;
	char text[NOTE_TEXT_BYTES]; /* as it was the first time */
};

struct note {
	struct note_text texts[NOTE_TEXTS]; /* in the order of their first time */
	_Atomic uint64_t others;
	uint64_t others_first_ns;
};

const char *note_name(enum note_kind kind);

/* Owner loop only. */
void note_add(struct note *n, const char *text, uint64_t now_ns);

static inline uint64_t note_count(const _Atomic uint64_t *count)
{
	return atomic_load_explicit(count, memory_order_acquire);
}

/* Over all texts. */
uint64_t note_total(const struct note *n);

#endif
