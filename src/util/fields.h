/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_FIELDS_H
#define OMB_UTIL_FIELDS_H

/*
 * fields -- structs as JSON and back, by one table of their members.
 *
 *     static const struct field row_items[] = {
 *             FIELD(struct row, key, "key", FIELD_TEXT, .flags = FIELD_MUST),
 *             FIELD(struct row, note, "note", FIELD_TEXT, .flags = FIELD_OMIT),
 *     };
 *     const struct fields row_fields = FIELDS(struct row, row_items);
 *
 * What is written is one line of JSON.  Texts from outside may hold any bytes.  A reader leaves out
 * members that it does not know; one that is absent or null becomes 0, NULL or empty unless it must
 * be there.  Any JSON is safe: the first thing that is wrong is told, and the struct is then partly
 * filled.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/text.h"

struct arena;
struct json_t; /* jansson's */

/* What a member is, and how it looks in JSON. */
enum field_kind {
	FIELD_BOOL,
	FIELD_INT,     /* int */
	FIELD_UINT,    /* unsigned, uint32_t */
	FIELD_COUNT,   /* uint64_t; read up to 2^53, so that sums do not wrap */
	FIELD_WALL,    /* uint64_t; an instant on the wall, which is beyond that */
	FIELD_INSTANT, /* uint64_t, as of the origin; nothing is before it */
	FIELD_LIMIT,   /* uint64_t; UINT64_MAX is null */
	FIELD_REAL,    /* double; what is not finite is written as 0 */
	FIELD_TEXT,    /* const char *; NULL is null.  Read into the arena */
	FIELD_MESSAGE, /* the same; secrets in it are hidden as it is written (util/secret.h) */
	FIELD_CHARS,   /* char[size], a message; cut to what fits */
	FIELD_NAME,    /* an enum, by `names` */
	FIELD_COUNTS,  /* uint64_t[names_count], an object by `names`; unknown ones are left out */
	FIELD_STRUCT,  /* by `of` */
	FIELD_PART,    /* an object of more members of the same struct, by `of` */
	FIELD_LIST,    /* const T *items, size_t at `count`: each by `of`.  Read into the arena */
	FIELD_COLUMNS, /* the same list as an object of columns */
	FIELD_ROWS,    /* the same as {"columns": names, "rows": arrays} */
	FIELD_CUSTOM,  /* by `custom`, which gets the whole struct */
};

enum field_flags {
	FIELD_MUST = 1, /* read: absent or null is an error */
	FIELD_OMIT = 2, /* written: left out while it is 0, NULL or empty */
	FIELD_NULL = 4, /* written: null while it is 0, or `when` says so */
};

struct fields_out {
	struct text *text;
	uint64_t origin_ns; /* of FIELD_INSTANT */
};

struct fields_in {
	struct arena *arena;
	uint64_t origin_ns;
	struct error *err; /* "atNs is no count" */
};

struct field_custom {
	/* Appends the value; false: left out, whatever was appended. */
	bool (*write)(const void *from, struct fields_out *out);
	/* `value` is NULL if it is absent.  False: in->err says why. */
	bool (*read)(const struct json_t *value, void *to, struct fields_in *in);
};

struct field {
	const char *name;
	size_t offset, size;
	enum field_kind kind;
	unsigned flags;
	const char *const *names;
	size_t names_count;
	const struct fields *of;
	size_t count; /* offset of a list's size_t */
	const struct field_custom *custom;
	bool (*when)(const void *base); /* written: left out, or null, where it is false */
};

struct fields {
	const struct field *items;
	size_t count, size; /* of the struct */
};

#define FIELD(type, member, key, ...)                                    \
	{                                                                \
		.name = (key), .offset = offsetof(type, member),         \
		.size = sizeof(((type *)0)->member), .kind = __VA_ARGS__ \
	}
#define FIELDS(type, table)                                                    \
	{                                                                      \
		.items = (table), .count = sizeof(table) / sizeof((table)[0]), \
		.size = sizeof(type)                                           \
	}

/* Appends an object. */
void fields_write(const struct fields *f, const void *from, struct fields_out *out);
/* The same without its braces: to go on in an object of the caller's. */
void fields_write_members(const struct fields *f, const void *from, struct fields_out *out);
/* A member that does not appear: it is nothing, or does not apply. */
bool fields_leave_out(const struct field *f, const void *from);
/* Appends the value of one member. */
void fields_write_value(const struct field *f, const void *from, struct fields_out *out);

/* Appends a text with its quotes; NULL is null. */
void fields_write_text(const char *value, struct text *out);
/* What is not finite is 0. */
void fields_write_real(double value, struct text *out);

/* *to is overwritten. */
bool fields_read(const struct fields *f, const struct json_t *from, void *to, struct fields_in *in);
/* The same, but what is absent, or not in the table, stays as it is. */
bool fields_read_members(const struct fields *f, const struct json_t *from, void *to,
                         struct fields_in *in);
/* One member; `value` is NULL if it is absent. */
bool fields_read_value(const struct field *f, const struct json_t *value, void *to,
                       struct fields_in *in);

#endif
