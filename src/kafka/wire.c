/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/wire.h"

#include <string.h>

struct kafka_string read_string_n(struct reader *r, int32_t len)
{
	struct kafka_string s = { 0 };

	if (len < -1)
		r->broken = true;
	if (r->broken || len < 0)
		return s;
	s.data = (const char *)read_bytes(r, (size_t)len);
	s.len = s.data != NULL ? (size_t)len : 0;
	return s;
}

struct kafka_string read_string(struct reader *r)
{
	return read_string_n(r, read_i16(r));
}

struct kafka_string read_kafka_bytes(struct reader *r)
{
	return read_string_n(r, read_i32(r));
}

size_t read_count(struct reader *r, size_t element_min)
{
	int32_t count = read_i32(r);

	if (count <= 0) {
		r->broken |= count < -1;
		return 0;
	}
	if ((size_t)count > reader_left(r) / (element_min > 0 ? element_min : 1)) {
		r->broken = true;
		return 0;
	}
	return (size_t)count;
}

void write_string_n(struct writer *w, struct kafka_string s)
{
	if (s.data == NULL) {
		write_i16(w, -1);
		return;
	}
	write_i16(w, (int16_t)s.len);
	write_bytes(w, s.data, s.len);
}

void write_string(struct writer *w, const char *s)
{
	write_string_n(w, (struct kafka_string){ .data = s, .len = s != NULL ? strlen(s) : 0 });
}

void write_kafka_bytes(struct writer *w, const void *data, size_t len)
{
	write_u32(w, (uint32_t)len);
	write_bytes(w, data, len);
}

/* At most `max` bytes of 7 bits; the last may have no more than fits into `bits`. */
static uint64_t read_groups(struct reader *r, unsigned max, unsigned bits)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < max; i++) {
		uint8_t byte = read_u8(r);
		uint64_t part = byte & 0x7f;
		if (r->broken || (i == max - 1 && part >> (bits - 7 * i) != 0))
			break;
		value |= part << (7 * i);
		if ((byte & 0x80) == 0)
			return value;
	}
	r->broken = true;
	return 0;
}

uint32_t read_uvarint(struct reader *r)
{
	return (uint32_t)read_groups(r, VARINT_MAX, 32);
}

int32_t read_varint(struct reader *r)
{
	uint32_t zigzag = read_uvarint(r);

	return (int32_t)((zigzag >> 1) ^ (0 - (zigzag & 1)));
}

int64_t read_varlong(struct reader *r)
{
	uint64_t zigzag = read_groups(r, VARLONG_MAX, 64);

	return (int64_t)((zigzag >> 1) ^ (0 - (zigzag & 1)));
}

static uint64_t zigzag_of(int64_t value)
{
	return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static size_t put_groups(uint8_t *out, uint64_t value)
{
	size_t len = 0;

	for (; value >= 0x80; value >>= 7)
		out[len++] = (uint8_t)(value | 0x80);
	out[len++] = (uint8_t)value;
	return len;
}

size_t put_varlong(uint8_t *out, int64_t value)
{
	return put_groups(out, zigzag_of(value));
}

size_t varlong_bytes(int64_t value)
{
	uint64_t zigzag = zigzag_of(value);
	size_t len = 1;

	while ((zigzag >>= 7) != 0)
		len++;
	return len;
}

void write_uvarint(struct writer *w, uint32_t value)
{
	uint8_t bytes[VARINT_MAX];

	write_bytes(w, bytes, put_groups(bytes, value));
}

/* The zigzag of 32 bits is that of 64. */
void write_varint(struct writer *w, int32_t value)
{
	write_varlong(w, value);
}

void write_varlong(struct writer *w, int64_t value)
{
	uint8_t bytes[VARLONG_MAX];

	write_bytes(w, bytes, put_varlong(bytes, value));
}

struct kafka_string read_compact(struct reader *r)
{
	uint32_t len = read_uvarint(r);
	struct kafka_string s = { 0 };

	if (r->broken || len == 0)
		return s;
	s.data = (const char *)read_bytes(r, len - 1);
	s.len = s.data != NULL ? len - 1 : 0;
	return s;
}

void write_compact(struct writer *w, struct kafka_string s)
{
	write_uvarint(w, s.data != NULL ? (uint32_t)s.len + 1 : 0);
	write_bytes(w, s.data, s.len);
}
