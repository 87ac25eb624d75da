/* SPDX-License-Identifier: Apache-2.0 */
#include "net/bytes.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

struct reader reader_over(const void *data, size_t len)
{
	const uint8_t *start = data;

	return (struct reader){ .at = start, .end = len > 0 ? start + len : start };
}

size_t reader_left(const struct reader *r)
{
	return r->broken ? 0 : (size_t)(r->end - r->at);
}

bool reader_is_done(const struct reader *r)
{
	return !r->broken && r->at == r->end;
}

const uint8_t *read_bytes(struct reader *r, size_t len)
{
	if (r->broken || len > (size_t)(r->end - r->at)) {
		r->broken = true;
		return NULL;
	}
	const uint8_t *bytes = r->at;
	r->at += len;
	return bytes;
}

struct reader read_sub(struct reader *r, size_t len)
{
	const uint8_t *bytes = read_bytes(r, len);

	if (r->broken)
		return (struct reader){ .broken = true };
	return reader_over(bytes, len);
}

/* Copies the next bytes to `out`, which keeps its zeroes when they are not there. */
static void take(struct reader *r, void *out, size_t len)
{
	const uint8_t *bytes = read_bytes(r, len);

	if (bytes)
		memcpy(out, bytes, len);
}

uint8_t read_u8(struct reader *r)
{
	uint8_t value = 0;
	take(r, &value, sizeof(value));
	return value;
}

uint16_t read_u16(struct reader *r)
{
	uint16_t value = 0;
	take(r, &value, sizeof(value));
	return be16toh(value);
}

uint32_t read_u32(struct reader *r)
{
	uint32_t value = 0;
	take(r, &value, sizeof(value));
	return be32toh(value);
}

uint64_t read_u64(struct reader *r)
{
	uint64_t value = 0;
	take(r, &value, sizeof(value));
	return be64toh(value);
}

int8_t read_i8(struct reader *r)
{
	return (int8_t)read_u8(r);
}

int16_t read_i16(struct reader *r)
{
	return (int16_t)read_u16(r);
}

int32_t read_i32(struct reader *r)
{
	return (int32_t)read_u32(r);
}

int64_t read_i64(struct reader *r)
{
	return (int64_t)read_u64(r);
}

void writer_fini(struct writer *w)
{
	free(w->data);
	*w = (struct writer){ 0 };
}

void writer_clear(struct writer *w)
{
	w->len = 0;
}

uint8_t *write_space(struct writer *w, size_t len)
{
	if (w->cap - w->len < len) {
		size_t cap = w->cap > 0 ? w->cap : 256;
		while (cap - w->len < len)
			cap *= 2;
		w->data = xrealloc(w->data, cap);
		w->cap = cap;
	}
	uint8_t *space = w->data + w->len;
	w->len += len;
	return space;
}

void write_bytes(struct writer *w, const void *data, size_t len)
{
	if (len > 0)
		memcpy(write_space(w, len), data, len);
}

void write_u8(struct writer *w, uint8_t value)
{
	write_bytes(w, &value, sizeof(value));
}

void write_u16(struct writer *w, uint16_t value)
{
	uint16_t wire = htobe16(value);
	write_bytes(w, &wire, sizeof(wire));
}

void write_u32(struct writer *w, uint32_t value)
{
	uint32_t wire = htobe32(value);
	write_bytes(w, &wire, sizeof(wire));
}

void write_u64(struct writer *w, uint64_t value)
{
	uint64_t wire = htobe64(value);
	write_bytes(w, &wire, sizeof(wire));
}

void write_i8(struct writer *w, int8_t value)
{
	write_u8(w, (uint8_t)value);
}

void write_i16(struct writer *w, int16_t value)
{
	write_u16(w, (uint16_t)value);
}

void write_i32(struct writer *w, int32_t value)
{
	write_u32(w, (uint32_t)value);
}

void write_i64(struct writer *w, int64_t value)
{
	write_u64(w, (uint64_t)value);
}

void patch_u32(struct writer *w, size_t offset, uint32_t value)
{
	assert(w->len >= sizeof(value) && offset <= w->len - sizeof(value));

	uint32_t wire = htobe32(value);
	memcpy(w->data + offset, &wire, sizeof(wire));
}
