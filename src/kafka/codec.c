/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/codec.h"

#include <stdlib.h>
#include <string.h>

#include "kafka/wire.h"

struct list {
	void *items;
	size_t count;
};

static const struct kafka_string empty = { .data = "" };

static bool is_there(const struct kafka_field *f, int16_t version)
{
	return version >= f->first && (f->until == 0 || version < f->until);
}

static bool may_be_null(const struct kafka_field *f, int16_t version)
{
	return f->may_be_null && version >= f->null_from;
}

/* Of a string, bytes or records; those in a list never are. */
static bool may_string_be_null(const struct kafka_field *f, int16_t version)
{
	return f->type != KAFKA_STRINGS && may_be_null(f, version);
}

static bool is_list(const struct kafka_field *f)
{
	return f->type >= KAFKA_STRUCTS;
}

/* Of a list. */
static size_t item_size(const struct kafka_field *f)
{
	switch ((enum kafka_type)f->type) {
	case KAFKA_STRUCTS:
		return f->inner->size;
	case KAFKA_STRINGS:
		return sizeof(struct kafka_string);
	case KAFKA_I32S:
		return sizeof(int32_t);
	case KAFKA_I64S:
		return sizeof(int64_t);
	case KAFKA_BOOL:
	case KAFKA_I8:
	case KAFKA_I16:
	case KAFKA_I32:
	case KAFKA_I64:
	case KAFKA_UUID:
	case KAFKA_STRING:
	case KAFKA_BYTES:
	case KAFKA_RECORDS:
	case KAFKA_STRUCT:
		break;
	}
	abort();
}

/* --- defaults ---------------------------------------------------------------------------------- */

static int64_t number_of(const struct kafka_field *f, const void *at)
{
	switch (f->type) {
	case KAFKA_BOOL:
		return *(const bool *)at;
	case KAFKA_I8:
		return *(const int8_t *)at;
	case KAFKA_I16:
		return *(const int16_t *)at;
	case KAFKA_I32:
		return *(const int32_t *)at;
	case KAFKA_I64:
		return *(const int64_t *)at;
	default:
		abort();
	}
}

static bool is_default(const struct kafka_field *f, const unsigned char *at)
{
	static const struct kafka_uuid none;

	if (f->type <= KAFKA_I64)
		return number_of(f, at) == f->missing;
	if (f->type == KAFKA_UUID)
		return memcmp(at, &none, sizeof(none)) == 0;
	if (f->type != KAFKA_STRUCT)
		return *(void *const *)at == NULL; /* strings and lists begin with their pointer */
	for (size_t i = 0; i < f->inner->count; i++)
		if (!is_default(&f->inner->fields[i], at + f->inner->fields[i].offset))
			return false;
	return true;
}

/* --- reading ------------------------------------------------------------------------------------ */

static void decode_struct(struct kafka_decoder *d, const struct kafka_layout *layout,
                          struct reader *r, unsigned char *out);

static int64_t read_number(struct reader *r, uint8_t type)
{
	switch (type) {
	case KAFKA_BOOL:
		return read_u8(r) != 0;
	case KAFKA_I8:
		return read_i8(r);
	case KAFKA_I16:
		return read_i16(r);
	case KAFKA_I32:
	case KAFKA_I32S:
		return read_i32(r);
	default:
		return read_i64(r);
	}
}

/* Null where it may not be reads as empty: Kafka's own clients send it here and there. */
static struct kafka_string decode_string(const struct kafka_decoder *d, const struct kafka_field *f,
                                         struct reader *r)
{
	struct kafka_string s;

	if (d->is_flexible)
		s = read_compact(r);
	else if (f->type == KAFKA_STRING || f->type == KAFKA_STRINGS)
		s = read_string(r);
	else
		s = read_kafka_bytes(r);
	return s.data != NULL || may_string_be_null(f, d->version) ? s : empty;
}

/* -1: null. */
static int64_t read_list_count(const struct kafka_decoder *d, struct reader *r)
{
	if (d->is_flexible)
		return (int64_t)read_uvarint(r) - 1;
	return read_i32(r);
}

static void decode_item(struct kafka_decoder *d, const struct kafka_field *f, struct reader *r,
                        unsigned char *at)
{
	if (f->type == KAFKA_STRUCTS)
		decode_struct(d, f->inner, r, at);
	else if (f->type == KAFKA_STRINGS)
		*(struct kafka_string *)at = decode_string(d, f, r);
	else if (f->type == KAFKA_I32S)
		*(int32_t *)at = read_i32(r);
	else
		*(int64_t *)at = read_i64(r);
}

static bool has_room(const struct kafka_memory *m, size_t bytes)
{
	return m->max == 0 || (m->used < m->max && bytes <= m->max - m->used);
}

/* Each item takes a byte at least, so a count that is only claimed costs no more than its frame
 * times the size of an item, and no more than the memory may have. */
static struct list decode_list(struct kafka_decoder *d, const struct kafka_field *f,
                               struct reader *r)
{
	int64_t count = read_list_count(d, r);
	size_t size = item_size(f);
	struct list list = { 0 };

	if (count == -1 && !may_be_null(f, d->version))
		count = 0;
	if (r->broken || count < 0) {
		r->broken |= count < -1;
		return list;
	}
	if ((size_t)count > reader_left(r) || !has_room(d->memory, (size_t)count * size)) {
		r->broken = true;
		return list;
	}
	list.items = kafka_memory_take(d->memory, (size_t)count * size);
	list.count = (size_t)count;
	for (size_t i = 0; i < list.count && !r->broken; i++)
		decode_item(d, f, r, (unsigned char *)list.items + i * size);
	return list;
}

static void decode_field(struct kafka_decoder *d, const struct kafka_field *f, struct reader *r,
                         unsigned char *at)
{
	struct kafka_string s;
	struct list list;

	if (f->type <= KAFKA_I64) {
		kafka_set_number(f, at, read_number(r, f->type));
	} else if (f->type == KAFKA_STRING || f->type == KAFKA_BYTES) {
		s = decode_string(d, f, r);
		memcpy(at, &s, sizeof(s));
	} else if (f->type == KAFKA_RECORDS) {
		s = decode_string(d, f, r);
		*(struct kafka_records *)at = (struct kafka_records){
			.data = (const uint8_t *)s.data,
			.len = s.len,
		};
	} else if (f->type == KAFKA_UUID) {
		const uint8_t *bytes = read_bytes(r, sizeof(struct kafka_uuid));
		if (bytes != NULL)
			memcpy(at, bytes, sizeof(struct kafka_uuid));
	} else if (f->type == KAFKA_STRUCT) {
		decode_struct(d, f->inner, r, at);
	} else {
		list = decode_list(d, f, r);
		memcpy(at, &list, sizeof(list));
	}
	if (r->broken && d->broken_at == NULL)
		d->broken_at = f->name;
}

static const struct kafka_field *find_tagged(const struct kafka_layout *layout, int16_t version,
                                             uint32_t tag)
{
	if (!layout->has_tags)
		return NULL;
	for (size_t i = 0; i < layout->count; i++) {
		const struct kafka_field *f = &layout->fields[i];
		if (f->tagged != 0 && (uint32_t)f->tagged - 1 == tag && is_there(f, version))
			return f;
	}
	return NULL;
}

/* A tag that is known fills its length, no more and no less. */
static void decode_tags(struct kafka_decoder *d, const struct kafka_layout *layout,
                        struct reader *r, unsigned char *out)
{
	for (uint32_t count = read_uvarint(r); count > 0 && !r->broken; count--) {
		uint32_t tag = read_uvarint(r), len = read_uvarint(r);
		struct reader value = read_sub(r, r->broken ? 0 : len);
		const struct kafka_field *f = find_tagged(layout, d->version, tag);
		if (f == NULL || r->broken)
			continue;
		decode_field(d, f, &value, out + f->offset);
		r->broken |= !reader_is_done(&value);
	}
	if (r->broken && d->broken_at == NULL)
		d->broken_at = "tagged fields";
}

static void decode_struct(struct kafka_decoder *d, const struct kafka_layout *layout,
                          struct reader *r, unsigned char *out)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct kafka_field *f = &layout->fields[i];
		if (f->tagged == 0 && is_there(f, d->version)) {
			decode_field(d, f, r, out + f->offset);
			if (r->broken)
				return;
		} else {
			kafka_set_default(f, out + f->offset);
		}
	}
	if (d->is_flexible)
		decode_tags(d, layout, r, out);
}

bool kafka_decode(struct kafka_decoder *d, const struct kafka_layout *layout, struct reader *r,
                  void *out)
{
	d->broken_at = NULL;
	memset(out, 0, layout->size);
	decode_struct(d, layout, r, out);
	return !r->broken;
}

/* --- writing ------------------------------------------------------------------------------------ */

static void encode_struct(const struct kafka_encoder *e, const struct kafka_layout *layout,
                          const unsigned char *message);

static void write_number(struct writer *w, uint8_t type, int64_t value)
{
	switch (type) {
	case KAFKA_BOOL:
	case KAFKA_I8:
		write_i8(w, (int8_t)value);
		break;
	case KAFKA_I16:
		write_i16(w, (int16_t)value);
		break;
	case KAFKA_I32:
		write_i32(w, (int32_t)value);
		break;
	default:
		write_i64(w, value);
		break;
	}
}

/* `is_long`: of bytes, whose length is i32 in versions that are not flexible. */
static void write_length(const struct kafka_encoder *e, bool is_null, size_t len, bool is_long)
{
	if (e->is_flexible)
		write_uvarint(e->out, is_null ? 0 : (uint32_t)len + 1);
	else if (is_long)
		write_i32(e->out, is_null ? -1 : (int32_t)len);
	else
		write_i16(e->out, (int16_t)(is_null ? -1 : (int16_t)len));
}

static void encode_string(const struct kafka_encoder *e, const struct kafka_field *f,
                          const struct kafka_string *s)
{
	bool is_null = s->data == NULL && may_string_be_null(f, e->version);

	write_length(e, is_null, s->len, f->type == KAFKA_BYTES);
	write_bytes(e->out, s->data, s->len);
}

static void encode_records(const struct kafka_encoder *e, const struct kafka_field *f,
                           const struct kafka_records *records)
{
	bool is_null =
		records->data == NULL && records->source == NULL && may_be_null(f, e->version);

	write_length(e, is_null, records->len, true);
	if (records->data != NULL)
		write_bytes(e->out, records->data, records->len);
	else if (records->source != NULL)
		e->put_records(e->context, records);
}

static void encode_list(const struct kafka_encoder *e, const struct kafka_field *f,
                        const struct list *list)
{
	const unsigned char *at = list->items;
	size_t size = item_size(f), count = at != NULL ? list->count : 0;

	write_length(e, at == NULL && may_be_null(f, e->version), count, true);
	for (size_t i = 0; i < count; i++, at += size) {
		if (f->type == KAFKA_STRUCTS)
			encode_struct(e, f->inner, at);
		else if (f->type == KAFKA_STRINGS)
			encode_string(e, f, (const struct kafka_string *)at);
		else if (f->type == KAFKA_I32S)
			write_i32(e->out, *(const int32_t *)at);
		else
			write_i64(e->out, *(const int64_t *)at);
	}
}

static void encode_field(const struct kafka_encoder *e, const struct kafka_field *f,
                         const unsigned char *at)
{
	if (f->type <= KAFKA_I64) {
		write_number(e->out, f->type, number_of(f, at));
	} else if (f->type == KAFKA_STRING || f->type == KAFKA_BYTES) {
		encode_string(e, f, (const struct kafka_string *)at);
	} else if (f->type == KAFKA_RECORDS) {
		encode_records(e, f, (const struct kafka_records *)at);
	} else if (f->type == KAFKA_UUID) {
		write_bytes(e->out, at, sizeof(struct kafka_uuid));
	} else if (f->type == KAFKA_STRUCT) {
		encode_struct(e, f->inner, at);
	} else if (is_list(f)) {
		struct list list;
		memcpy(&list, at, sizeof(list));
		encode_list(e, f, &list);
	}
}

static bool is_tag_to_write(const struct kafka_encoder *e, const struct kafka_field *f,
                            const unsigned char *message)
{
	return f->tagged != 0 && is_there(f, e->version) && !is_default(f, message + f->offset);
}

/* Tagged fields stand in the order of their tags in the tables. */
static void encode_tags(const struct kafka_encoder *e, const struct kafka_layout *layout,
                        const unsigned char *message)
{
	uint32_t count = 0;

	for (size_t i = 0; layout->has_tags && i < layout->count; i++)
		count += is_tag_to_write(e, &layout->fields[i], message);
	write_uvarint(e->out, count);
	for (size_t i = 0; count > 0 && i < layout->count; i++) {
		const struct kafka_field *f = &layout->fields[i];
		struct writer value = { 0 };
		struct kafka_encoder inner = *e;
		if (!is_tag_to_write(e, f, message))
			continue;
		inner.out = &value;
		encode_field(&inner, f, message + f->offset);
		write_uvarint(e->out, (uint32_t)f->tagged - 1);
		write_uvarint(e->out, (uint32_t)value.len);
		write_bytes(e->out, value.data, value.len);
		writer_fini(&value);
	}
}

static void encode_struct(const struct kafka_encoder *e, const struct kafka_layout *layout,
                          const unsigned char *message)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct kafka_field *f = &layout->fields[i];
		if (f->tagged == 0 && is_there(f, e->version))
			encode_field(e, f, message + f->offset);
	}
	if (e->is_flexible)
		encode_tags(e, layout, message);
}

void kafka_encode(const struct kafka_encoder *e, const struct kafka_layout *layout,
                  const void *message)
{
	encode_struct(e, layout, message);
}
