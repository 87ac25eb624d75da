/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/record.h"

#include <assert.h>
#include <string.h>

#include "kafka/wire.h"

/* --- reading ------------------------------------------------------------------------------------ */

struct record_reader record_reader_over(const struct batch *b)
{
	return record_reader_plain(b, b->data + BATCH_HEADER_BYTES, b->len - BATCH_HEADER_BYTES);
}

struct record_reader record_reader_plain(const struct batch *b, const void *data, size_t len)
{
	return (struct record_reader){ .batch = b, .left = reader_over(data, len) };
}

bool record_next(struct record_reader *r, struct record *out)
{
	if (r->at == r->batch->messages || r->left.broken)
		return false;
	int32_t len = read_varint(&r->left);
	struct reader f = read_sub(&r->left, len > 0 ? (size_t)len : 0);
	(void)read_u8(&f); /* attributes: none are in use */
	int64_t time_delta = read_varlong(&f);
	int32_t offset_delta = read_varint(&f);
	out->key = read_string_n(&f, read_varint(&f));
	out->value = read_string_n(&f, read_varint(&f));
	int32_t headers = read_varint(&f);
	r->left.broken |= f.broken || headers < 0 || offset_delta < 0;
	if (r->left.broken)
		return false;
	out->timestamp_ms = (r->batch->attributes & BATCH_APPEND_TIME) != 0
	                            ? r->batch->max_timestamp_ms
	                            : r->batch->base_timestamp_ms + time_delta;
	out->offset = r->batch->base_offset + offset_delta;
	out->headers = NULL;
	out->headers_count = (size_t)headers;
	out->headers_read = f;
	r->at++;
	return true;
}

bool record_next_header(struct record *r, struct record_header *out)
{
	if (r->headers_count == 0)
		return false;
	r->headers_count--;
	out->key = read_string_n(&r->headers_read, read_varint(&r->headers_read));
	out->value = read_string_n(&r->headers_read, read_varint(&r->headers_read));
	r->headers_read.broken |= out->key.data == NULL;
	return !r->headers_read.broken;
}

/* --- writing ------------------------------------------------------------------------------------ */

struct record_writer record_writer_into(void *data, size_t cap)
{
	assert(cap >= BATCH_HEADER_BYTES);
	return (struct record_writer){ .data = data, .len = BATCH_HEADER_BYTES, .cap = cap };
}

struct record_writer record_writer_like(const struct batch *b, void *data, size_t cap)
{
	struct record_writer w = record_writer_into(data, cap);

	w.is_based = true;
	w.base_timestamp_ms = b->base_timestamp_ms;
	return w;
}

static size_t field_bytes(const struct kafka_string *s)
{
	return varlong_bytes(s->data != NULL ? (int64_t)s->len : -1) + s->len;
}

static int64_t time_delta(const struct record_writer *w, const struct record *r)
{
	return w->count > 0 || w->is_based ? r->timestamp_ms - w->base_timestamp_ms : 0;
}

/* Without its length in front. */
static size_t body_bytes(const struct record_writer *w, const struct record *r)
{
	size_t bytes = 1 + varlong_bytes(time_delta(w, r)) + varlong_bytes(w->offsets) +
	               field_bytes(&r->key) + field_bytes(&r->value) +
	               varlong_bytes((int64_t)r->headers_count);

	for (size_t i = 0; i < r->headers_count; i++)
		bytes += field_bytes(&r->headers[i].key) + field_bytes(&r->headers[i].value);
	return bytes;
}

size_t record_bytes(const struct record_writer *w, const struct record *r)
{
	size_t body = body_bytes(w, r);

	return varlong_bytes((int64_t)body) + body;
}

static uint8_t *put_field(uint8_t *at, const struct kafka_string *s)
{
	at += put_varlong(at, s->data != NULL ? (int64_t)s->len : -1);
	if (s->data != NULL && s->len > 0)
		memcpy(at, s->data, s->len);
	return at + s->len;
}

bool record_add(struct record_writer *w, const struct record *r)
{
	size_t body = body_bytes(w, r), bytes = varlong_bytes((int64_t)body) + body;
	uint8_t *at = w->data + w->len;

	if (bytes > w->cap - w->len)
		return false;
	at += put_varlong(at, (int64_t)body);
	*at++ = 0;
	at += put_varlong(at, time_delta(w, r));
	at += put_varlong(at, w->offsets);
	at = put_field(at, &r->key);
	at = put_field(at, &r->value);
	at += put_varlong(at, (int64_t)r->headers_count);
	for (size_t i = 0; i < r->headers_count; i++) {
		at = put_field(at, &r->headers[i].key);
		at = put_field(at, &r->headers[i].value);
	}
	assert(at == w->data + w->len + bytes);
	if (w->count == 0 && !w->is_based)
		w->base_timestamp_ms = r->timestamp_ms;
	if (w->count == 0 || r->timestamp_ms > w->max_timestamp_ms)
		w->max_timestamp_ms = r->timestamp_ms;
	w->len += bytes;
	w->count++;
	w->offsets++;
	return true;
}

void record_skip(struct record_writer *w)
{
	w->offsets++;
}

void record_finish(const struct record_writer *w, struct batch *head)
{
	assert(w->count > 0);
	head->data = w->data;
	head->len = (uint32_t)w->len;
	head->messages = w->count;
	head->offsets = w->offsets;
	head->base_timestamp_ms = w->base_timestamp_ms;
	head->max_timestamp_ms = w->max_timestamp_ms;
	batch_write_head(w->data, head);
}
