/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_ACCOUNT_PARCEL_H
#define OMB_ACCOUNT_PARCEL_H

/*
 * parcel -- chunks as bytes, for a book that another process keeps.
 *
 * Where producers are on one host and those who receive from them on others, no process has both sides of
 * a message, and none could close a block (book.h).  So each process packs what its loops hand over, and
 * one merges it all.
 *
 * A parcel is one zlib stream of records, one for each chunk, all numbers little-endian:
 *
 *     | flags 8 | producer 32 | subscription 32 | block 64 | low 16 | high 16 | low due 64 | high due 64 |
 *     | words 64 | for each of these words: here 64 [failed or marked 64] [late 64] partitions 64 * 0..2 |
 *
 *     flags   bits 0-1: bytes for each partition; bit 2, bit 3: the two lanes are there
 *     words   a bit for each 64 messages of the block of which any is here
 *
 * Due times are of the clock of whoever packed them.  A full chunk of a healthy load, 512 to 9,000 bytes,
 * becomes some 60 to 200.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/area.h"
#include "util/error.h"
#include "util/text.h"

struct parcel;

/* Takes chunks until it has some `bytes_max` bytes packed. */
struct parcel *parcel_create(size_t bytes_max);
void parcel_destroy(struct parcel *p);

/* Under the numbers that the reader knows.  False: it is full, and nothing was added. */
bool parcel_add(struct parcel *p, const struct account_chunk *chunk, unsigned partition_bytes,
                uint32_t producer, uint32_t subscription);
bool parcel_is_empty(const struct parcel *p);
/* Appends what was added since the last time, unless it is empty, which it is then. */
void parcel_take(struct parcel *p, struct text *out);

/*
 * Each chunk, in the order they were added; it lives until `visit` returns.  Any bytes are safe: a chunk
 * may name producers and subscriptions that nobody has.  ERROR_PROTOCOL: what came before was visited.
 */
bool parcel_read(const void *bytes, size_t len, account_visit *visit, void *to, struct error *err);

#endif
