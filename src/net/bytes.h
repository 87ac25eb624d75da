/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_BYTES_H
#define OMB_NET_BYTES_H

/*
 * bytes -- a cursor over foreign bytes that cannot overrun, and a buffer that grows while a message
 * is written.
 *
 * Integers are big-endian on the wire, as Kafka's and most brokers' protocols have them.
 *
 * A reader that is asked for more than it has becomes `broken` and stays so: what it returns from
 * then on is 0, NULL or empty, it does not move any more, and one check at the end of a message is
 * enough.  A length that was read from the wire must not size an allocation or a loop before it
 * was compared with reader_left().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at, *end; /* borrowed */
	bool broken;
};

struct reader reader_over(const void *data, size_t len);
size_t reader_left(const struct reader *r);
/* Everything was read and nothing was missing. */
bool reader_is_done(const struct reader *r);

uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
int8_t read_i8(struct reader *r);
int16_t read_i16(struct reader *r);
int32_t read_i32(struct reader *r);
int64_t read_i64(struct reader *r);

/* Borrowed from the reader's bytes; NULL when broken. */
const uint8_t *read_bytes(struct reader *r, size_t len);
/* The next `len` bytes as a reader of their own; broken when they are not there. */
struct reader read_sub(struct reader *r, size_t len);

/* Zeroed is valid and empty.  Grows by doubling (xalloc: ends the process when memory is gone). */
struct writer {
	uint8_t *data; /* owned */
	size_t len, cap;
};

void writer_fini(struct writer *w);
void writer_clear(struct writer *w); /* keeps the memory */
/* Room for `len` bytes more, which the caller fills; `w->len` includes them. */
uint8_t *write_space(struct writer *w, size_t len);

void write_u8(struct writer *w, uint8_t value);
void write_u16(struct writer *w, uint16_t value);
void write_u32(struct writer *w, uint32_t value);
void write_u64(struct writer *w, uint64_t value);
void write_i8(struct writer *w, int8_t value);
void write_i16(struct writer *w, int16_t value);
void write_i32(struct writer *w, int32_t value);
void write_i64(struct writer *w, int64_t value);
void write_bytes(struct writer *w, const void *data, size_t len);

/* Writes over what stands at `offset` (a length or a count that is known only afterwards). */
void patch_u32(struct writer *w, size_t offset, uint32_t value);

#endif
