/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_SCHEMA_H
#define OMB_KAFKA_SCHEMA_H

/*
 * schema -- what Kafka's messages look like, as tables: which fields, in which versions, and where
 * each stands in a struct.
 *
 * A message is a plain struct (messages/...h), and a table says of each member how it is written and
 * in which versions it is there.  codec.h reads and writes any of them, requests and answers.
 *
 * What a version does not have reads as the field's default (0, -1, null).  What is set and the
 * version does not have is not written.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka/string.h"

/* A list in a message.  items NULL: null, where a field may be; elsewhere it is an empty list. */
#define KAFKA_LIST(type)      \
	struct {              \
		type *items;  \
		size_t count; \
	}

/* Record batches.  They are not copied when they are read: `data` points into the frame; nor need
 * they be when written, see kafka_encoder. */
struct kafka_records {
	const uint8_t *data; /* NULL: null, or see `source` */
	size_t len;
	const void *source; /* the caller's: where `len` bytes are that have no `data` */
};

struct kafka_uuid {
	uint8_t bytes[16];
};

enum kafka_type {
	KAFKA_BOOL,
	KAFKA_I8,
	KAFKA_I16,
	KAFKA_I32,
	KAFKA_I64,
	KAFKA_UUID,
	KAFKA_STRING,
	KAFKA_BYTES,
	KAFKA_RECORDS,
	KAFKA_STRUCT,
	KAFKA_STRUCTS, /* lists */
	KAFKA_STRINGS,
	KAFKA_I32S,
	KAFKA_I64S,
};

struct kafka_field {
	const char *name;
	const struct kafka_layout *inner; /* STRUCT, STRUCTS */
	int32_t missing;                  /* its default: a number's; strings and lists are null */
	uint16_t offset;
	uint8_t type;     /* enum kafka_type */
	int8_t first;     /* the first version that has it */
	int8_t until;     /* the first that has not any more; 0: all have */
	bool may_be_null; /* from null_from on */
	int8_t null_from;
	int8_t tagged; /* 1 + its tag: among the tagged fields; 0: at its place */
};

struct kafka_layout {
	const char *name;
	const struct kafka_field *fields;
	size_t count, size;
	bool has_tags; /* some field is tagged */
};

/* All members have their defaults. */
void kafka_set_defaults(const struct kafka_layout *layout, void *message);
void kafka_set_default(const struct kafka_field *f, unsigned char *at);
/* Of a field that is a number. */
void kafka_set_number(const struct kafka_field *f, void *at, int64_t value);

/* --- for the tables --------------------------------------------------------------------------- */

/* Does not compile if the member is not of the type. */
#define KAFKA_IS(member, type) _Generic(member, type : (size_t)0)
#define KAFKA_AT(holder, member) \
	.name = #member, .offset = (uint16_t)(offsetof(struct kafka_##holder, member)
#define KAFKA_MEMBER(holder, member) ((struct kafka_##holder *)0)->member

/* ROW(struct, member, first version, other members of kafka_field) */
#define KAFKA_ROW(kind, ctype, holder, member, ...)                                        \
	{                                                                                  \
		KAFKA_AT(holder, member) + KAFKA_IS(KAFKA_MEMBER(holder, member), ctype)),         \
			.type = (kind), .first = __VA_ARGS__                               \
	}
#define KAFKA_LIST_ROW(kind, ctype, holder, member, ...)                                           \
	{                                                                                          \
		KAFKA_AT(holder, member) + KAFKA_IS(KAFKA_MEMBER(holder, member).items, ctype *)), \
			.type = (kind), .first = __VA_ARGS__                                       \
	}

#define BOOL(holder, ...)    KAFKA_ROW(KAFKA_BOOL, bool, holder, __VA_ARGS__)
#define I8(holder, ...)      KAFKA_ROW(KAFKA_I8, int8_t, holder, __VA_ARGS__)
#define I16(holder, ...)     KAFKA_ROW(KAFKA_I16, int16_t, holder, __VA_ARGS__)
#define I32(holder, ...)     KAFKA_ROW(KAFKA_I32, int32_t, holder, __VA_ARGS__)
#define I64(holder, ...)     KAFKA_ROW(KAFKA_I64, int64_t, holder, __VA_ARGS__)
#define UUID(holder, ...)    KAFKA_ROW(KAFKA_UUID, struct kafka_uuid, holder, __VA_ARGS__)
#define STRING(holder, ...)  KAFKA_ROW(KAFKA_STRING, struct kafka_string, holder, __VA_ARGS__)
#define BYTES(holder, ...)   KAFKA_ROW(KAFKA_BYTES, struct kafka_string, holder, __VA_ARGS__)
#define RECORDS(holder, ...) KAFKA_ROW(KAFKA_RECORDS, struct kafka_records, holder, __VA_ARGS__)
#define STRINGS(holder, ...) KAFKA_LIST_ROW(KAFKA_STRINGS, struct kafka_string, holder, __VA_ARGS__)
#define I32S(holder, ...)    KAFKA_LIST_ROW(KAFKA_I32S, int32_t, holder, __VA_ARGS__)
#define I64S(holder, ...)    KAFKA_LIST_ROW(KAFKA_I64S, int64_t, holder, __VA_ARGS__)
#define STRUCT(holder, member, of, ...) \
	KAFKA_ROW(KAFKA_STRUCT, struct kafka_##of, holder, member, __VA_ARGS__, .inner = &(of))
#define STRUCTS(holder, member, of, ...)                                              \
	KAFKA_LIST_ROW(KAFKA_STRUCTS, struct kafka_##of, holder, member, __VA_ARGS__, \
	               .inner = &(of))

#define MISSING(value)         .missing = (value)
#define UNTIL(version)         .until = (version)
#define NULL_FROM(from)        .may_be_null = true, .null_from = (from)
#define TAG(tag)               .tagged = 1 + (tag)

/* Behind `static const struct kafka_field X_fields[]`: the layout of struct kafka_X; some of its
 * fields are tagged, or none. */
#define KAFKA_TAGGED_LAYOUT(x) KAFKA_LAYOUT_OF(x, true)
#define KAFKA_LAYOUT(x)        KAFKA_LAYOUT_OF(x, false)
#define KAFKA_LAYOUT_OF(x, tags)                                     \
	const struct kafka_layout x = {                              \
		.name = #x,                                          \
		.fields = x##_fields,                                \
		.count = sizeof(x##_fields) / sizeof(x##_fields[0]), \
		.size = sizeof(struct kafka_##x),                    \
		.has_tags = (tags),                                  \
	}

#endif
