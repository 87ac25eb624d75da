/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/wire.h"

#include <string.h>

static struct kafka_string take(struct reader *r, int32_t len)
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
	return take(r, read_i16(r));
}

struct kafka_string read_kafka_bytes(struct reader *r)
{
	return take(r, read_i32(r));
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
