/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/wire.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define HEADER_BYTES 5

/* --- reading ------------------------------------------------------------------------------------- */

const unsigned char *loop_read_bytes(struct loop_reader *r, size_t len)
{
	const unsigned char *at = r->at;

	if (r->broken || (size_t)(r->end - at) < len) {
		r->broken = true;
		return NULL;
	}
	r->at += len;
	return at;
}

uint8_t loop_read_u8(struct loop_reader *r)
{
	const unsigned char *at = loop_read_bytes(r, 1);

	return at == NULL ? 0 : *at;
}

uint16_t loop_read_u16(struct loop_reader *r)
{
	const unsigned char *at = loop_read_bytes(r, 2);

	return (uint16_t)(at == NULL ? 0 : at[0] | at[1] << 8);
}

static uint32_t fetch_u32(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

uint32_t loop_read_u32(struct loop_reader *r)
{
	const unsigned char *at = loop_read_bytes(r, 4);

	return at == NULL ? 0 : fetch_u32(at);
}

uint64_t loop_read_u64(struct loop_reader *r)
{
	const unsigned char *at = loop_read_bytes(r, 8);
	uint64_t value = 0;

	if (at != NULL)
		memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

enum loop_frame_status loop_frame_parse(const void *data, size_t len, struct loop_frame *out,
                                        struct error *err)
{
	const unsigned char *at = data;

	out->bytes = HEADER_BYTES;
	if (len < HEADER_BYTES)
		return LOOP_FRAME_MORE;

	uint32_t length = fetch_u32(at);
	if (length == 0 || length > LOOP_FRAME_MAX) {
		error_set(err, ERROR_PROTOCOL, "a frame of %u bytes", length);
		return LOOP_FRAME_BAD;
	}
	out->bytes = 4 + (size_t)length;
	if (len < out->bytes)
		return LOOP_FRAME_MORE;
	out->type = at[4];
	out->body = (struct loop_reader){ .at = at + HEADER_BYTES, .end = at + out->bytes };
	return LOOP_FRAME_COMPLETE;
}

bool loop_read_text(struct loop_reader *r, char out[LOOP_NAME_MAX + 1])
{
	size_t len = loop_read_u16(r);

	if (len > LOOP_NAME_MAX)
		r->broken = true;
	const unsigned char *text = loop_read_bytes(r, len);
	if (text != NULL && memchr(text, 0, len) != NULL)
		r->broken = true;
	if (r->broken)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

bool loop_read_message(struct loop_reader *r, struct loop_message *out)
{
	uint32_t word = loop_read_u32(r);
	uint32_t key_len = loop_read_u16(r);

	out->headers_len = word & LOOP_MORE ? loop_read_u32(r) : 0;
	out->key_len = key_len == 0 ? 0 : key_len - 1;
	out->key = loop_read_bytes(r, out->key_len);
	if (key_len == 0)
		out->key = NULL;
	out->headers = loop_read_bytes(r, out->headers_len);
	out->payload_len = word & ~LOOP_MORE;
	out->payload = loop_read_bytes(r, out->payload_len);
	r->broken |= out->headers_len > LOOP_HEADERS_MAX ||
	             !loop_headers_are_whole(out->headers, out->headers_len);
	return !r->broken;
}

bool loop_read_delivered(struct loop_reader *r, struct loop_delivered *out)
{
	uint32_t word = loop_read_u32(r);

	out->payload_len = (word & ~LOOP_MORE) >> 1;
	out->redelivered = word & 1;
	out->broker_ms = (int64_t)loop_read_u64(r);
	out->tail_len = word & LOOP_MORE ? loop_read_u32(r) : 0;
	out->tail = loop_read_bytes(r, out->tail_len);
	out->payload = loop_read_bytes(r, out->payload_len);
	return !r->broken;
}

/* --- keys and headers ---------------------------------------------------------------------------- */

bool loop_read_header(struct loop_reader *r, struct loop_header *out)
{
	if (r->broken || r->at == r->end)
		return false;
	out->name_len = loop_read_u16(r);
	uint32_t value_len = loop_read_u32(r);
	const unsigned char *name = loop_read_bytes(r, (size_t)out->name_len + 1);
	out->value_len = value_len == 0 ? 0 : value_len - 1;
	out->value = loop_read_bytes(r, out->value_len);
	if (value_len == 0)
		out->value = NULL;
	out->name = (const char *)name;
	if (name != NULL && (name[out->name_len] != '\0' || strlen(out->name) != out->name_len))
		r->broken = true;
	return !r->broken;
}

bool loop_headers_are_whole(const void *headers, uint32_t len)
{
	if (len == 0)
		return true;
	if (headers == NULL)
		return false;

	struct loop_reader r = { .at = headers, .end = (const unsigned char *)headers + len };
	struct loop_header h;

	while (loop_read_header(&r, &h))
		;
	return !r.broken;
}

void loop_tail_write(const struct loop_tail *tail, unsigned char *to)
{
	uint16_t key = htole16((uint16_t)(tail->key == NULL ? 0 : tail->key_len + 1));

	memcpy(to, &key, sizeof(key));
	to += sizeof(key);
	if (tail->key_len > 0)
		memcpy(to, tail->key, tail->key_len);
	if (tail->headers_len > 0)
		memcpy(to + tail->key_len, tail->headers, tail->headers_len);
}

bool loop_tail_read(const void *bytes, uint32_t len, struct loop_tail *out)
{
	*out = (struct loop_tail){ 0 };
	if (len == 0)
		return true;

	struct loop_reader r = { .at = bytes, .end = (const unsigned char *)bytes + len };
	uint32_t key_len = loop_read_u16(&r);
	out->key_len = key_len == 0 ? 0 : key_len - 1;
	out->key = loop_read_bytes(&r, out->key_len);
	if (key_len == 0)
		out->key = NULL;
	if (r.broken)
		return false;
	out->headers = r.at;
	out->headers_len = (uint32_t)(r.end - r.at);
	return loop_headers_are_whole(out->headers, out->headers_len);
}

/* --- writing ------------------------------------------------------------------------------------- */

static void put_bytes(struct buffer *b, const void *bytes, size_t len)
{
	unsigned char *at = buffer_reserve(b, len);

	if (at == NULL || bytes == NULL)
		return;
	memcpy(at, bytes, len);
	b->tail += len;
}

void loop_put_u8(struct buffer *b, uint8_t value)
{
	put_bytes(b, &value, sizeof(value));
}

static void put_u16(struct buffer *b, uint16_t value)
{
	value = htole16(value);
	put_bytes(b, &value, sizeof(value));
}

void loop_put_u32(struct buffer *b, uint32_t value)
{
	value = htole32(value);
	put_bytes(b, &value, sizeof(value));
}

void loop_put_u64(struct buffer *b, uint64_t value)
{
	value = htole64(value);
	put_bytes(b, &value, sizeof(value));
}

void loop_put_text(struct buffer *b, const char *text)
{
	size_t len = strnlen(text, LOOP_NAME_MAX);

	put_u16(b, (uint16_t)len);
	put_bytes(b, text, len);
}

void loop_put_message(struct buffer *b, const struct loop_message *m)
{
	assert(m->payload_len <= LOOP_PAYLOAD_MAX && m->key_len <= LOOP_KEY_MAX &&
	       m->headers_len <= LOOP_HEADERS_MAX);
	loop_put_u32(b, m->payload_len | (m->headers_len > 0 ? LOOP_MORE : 0));
	put_u16(b, (uint16_t)(m->key == NULL ? 0 : m->key_len + 1));
	if (m->headers_len > 0)
		loop_put_u32(b, m->headers_len);
	put_bytes(b, m->key, m->key == NULL ? 0 : m->key_len);
	put_bytes(b, m->headers, m->headers_len);
	put_bytes(b, m->payload, m->payload_len);
}

void loop_put_header(struct buffer *b, const struct loop_header *h)
{
	put_u16(b, (uint16_t)h->name_len);
	loop_put_u32(b, h->value == NULL ? 0 : h->value_len + 1);
	put_bytes(b, h->name, h->name_len);
	loop_put_u8(b, 0);
	put_bytes(b, h->value, h->value_len);
}

void loop_put_delivered(struct buffer *b, const struct loop_delivered *d)
{
	loop_put_u32(b, (d->tail_len > 0 ? LOOP_MORE : 0) | d->payload_len << 1 | d->redelivered);
	loop_put_u64(b, (uint64_t)d->broker_ms);
	if (d->tail_len > 0)
		loop_put_u32(b, d->tail_len);
	put_bytes(b, d->tail, d->tail_len);
	put_bytes(b, d->payload, d->payload_len);
}

static void patch_u32(struct buffer *b, size_t at, uint32_t value)
{
	value = htole32(value);
	if (!b->overflowed)
		memcpy(b->data + b->head + at, &value, sizeof(value));
}

size_t loop_frame_open(struct buffer *b, enum loop_frame_type type)
{
	size_t at = buffer_pending(b);

	loop_put_u32(b, 0);
	loop_put_u8(b, (uint8_t)type);
	return at;
}

void loop_frame_close(struct buffer *b, size_t at)
{
	patch_u32(b, at, (uint32_t)(buffer_pending(b) - at - 4));
}

void loop_put_frame(struct buffer *b, enum loop_frame_type type)
{
	loop_frame_close(b, loop_frame_open(b, type));
}

void loop_batch_open(struct loop_batch *batch, struct buffer *b, enum loop_frame_type type)
{
	assert(!batch->is_open);
	*batch = (struct loop_batch){ .is_open = true, .at = loop_frame_open(b, type) };
	loop_put_u32(b, 0);
}

void loop_batch_close(struct loop_batch *batch, struct buffer *b)
{
	if (!batch->is_open)
		return;
	patch_u32(b, batch->at + HEADER_BYTES, batch->count);
	loop_frame_close(b, batch->at);
	batch->is_open = false;
}
