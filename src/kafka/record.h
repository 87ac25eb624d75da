/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_RECORD_H
#define OMB_KAFKA_RECORD_H

/*
 * record -- the messages in a record batch that is not compressed, read and written.
 *
 *     length varint | attributes i8 | timestamp delta varlong | offset delta varint
 *     | key: length varint (-1: null), bytes | value likewise | headers: count varint, each a key and
 *     a value likewise
 *
 * Lengths are zigzag varints.  A batch is written in place: each message once, into memory of the
 * caller's, and the head when the batch is done.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka/batch.h"
#include "kafka/string.h"

struct record_header {
	struct kafka_string key, value;
};

struct record {
	struct kafka_string key, value; /* borrowed; data NULL: null */
	int64_t timestamp_ms;
	int64_t offset;
	const struct record_header *headers; /* to be written: borrowed */
	size_t headers_count;
	struct reader headers_read; /* as read: record_next_header */
};

/* The records of a batch that was read. */
struct record_reader {
	const struct batch *batch;
	struct reader left;
	uint32_t at; /* how many were read */
};

/* Of a batch as it stands (BATCH_PLAIN). */
struct record_reader record_reader_over(const struct batch *b);
/* Of the bytes that its records were uncompressed to. */
struct record_reader record_reader_plain(const struct batch *b, const void *data, size_t len);
/* False: there are no more; or it is malformed, and left.broken then. */
bool record_next(struct record_reader *r, struct record *out);
/* False: there are no more; or malformed (`headers_read` is broken). */
bool record_next_header(struct record *r, struct record_header *out);

/* A batch that is being written into `data`. */
struct record_writer {
	uint8_t *data; /* borrowed; its first BATCH_HEADER_BYTES are for the head */
	size_t len, cap;
	uint32_t count, offsets; /* records, and the offsets that they and those left out take */
	bool is_based;           /* base_timestamp_ms is given, not the first record's */
	int64_t base_timestamp_ms, max_timestamp_ms;
};

/* `cap` is at least BATCH_HEADER_BYTES. */
struct record_writer record_writer_into(void *data, size_t cap);
/* For records of `b` again: times count from where they did. */
struct record_writer record_writer_like(const struct batch *b, void *data, size_t cap);
/* How many bytes it would take as the next one. */
size_t record_bytes(const struct record_writer *w, const struct record *r);
/* False: no room, and nothing was written.  `r->offset` is given by its place. */
bool record_add(struct record_writer *w, const struct record *r);
/* Leaves an offset out, as compaction does it. */
void record_skip(struct record_writer *w);
/*
 * Writes the head of what was added, at least one.  `head` has the attributes, the base offset and the
 * producer's fields; the rest of it is filled in.  Records that were compressed meanwhile have to
 * stand in data[BATCH_HEADER_BYTES..w->len].
 */
void record_finish(const struct record_writer *w, struct batch *head);

#endif
