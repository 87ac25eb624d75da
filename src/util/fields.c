/* SPDX-License-Identifier: Apache-2.0 */
#include "util/fields.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/secret.h"

static const void *member_of(const void *base, const struct field *f)
{
	return (const char *)base + f->offset;
}

static uint64_t number_at(const void *at, const struct field *f)
{
	uint64_t wide = 0;
	uint32_t narrow = 0;

	assert(f->size == sizeof(wide) || f->size == sizeof(narrow));
	if (f->size == sizeof(wide)) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return narrow;
}

/* --- texts ------------------------------------------------------------------------------------------ */

/* The length of the character of UTF-8 at `s`; 0: it is none. */
static size_t character_len(const unsigned char *s)
{
	static const struct {
		unsigned char mask, bits;
		size_t len;
		uint32_t least;
	} forms[] = { { 0x80, 0x00, 1, 0 },
		      { 0xE0, 0xC0, 2, 0x80 },
		      { 0xF0, 0xE0, 3, 0x800 },
		      { 0xF8, 0xF0, 4, 0x10000 } };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if ((s[0] & forms[i].mask) != forms[i].bits)
			continue;
		uint32_t code = s[0] & (unsigned char)~forms[i].mask;
		for (size_t k = 1; k < forms[i].len; k++) {
			if ((s[k] & 0xC0) != 0x80)
				return 0;
			code = code << 6 | (s[k] & 0x3F);
		}
		bool is_half = code >= 0xD800 && code < 0xE000;
		return code < forms[i].least || code > 0x10FFFF || is_half ? 0 : forms[i].len;
	}
	return 0;
}

void fields_write_text(const char *value, struct text *out)
{
	static const char shorts[] = "\bb\ff\nn\rr\tt\"\"\\\\"; /* character, its letter */
	size_t len;

	if (value == NULL) {
		text_add(out, "null");
		return;
	}
	text_add(out, "\"");
	for (const char *s = value; *s != '\0'; s += len > 0 ? len : 1) {
		const char *known = shorts;
		len = character_len((const unsigned char *)s);
		while (*known != '\0' && *known != *s)
			known += 2;
		if (*known != '\0')
			text_addf(out, "\\%c", known[1]);
		else if (len == 0)
			text_add(out, "?");
		else if ((unsigned char)*s < 0x20)
			text_addf(out, "\\u%04x", (unsigned)*s);
		else
			text_add_bytes(out, s, len);
	}
	text_add(out, "\"");
}

static void write_message(const char *value, struct text *out)
{
	struct text shown = { 0 };

	if (value != NULL)
		secret_add(&shown, value);
	fields_write_text(value != NULL ? text_str(&shown) : NULL, out);
	text_fini(&shown);
}

/* --- values ----------------------------------------------------------------------------------------- */

static bool write_value(const struct field *f, const void *base, struct fields_out *out);

void fields_write_real(double value, struct text *out)
{
	char digits[40];

	(void)snprintf(digits, sizeof(digits), "%.17g", isfinite(value) ? value : 0);
	text_add(out, digits);
	if (strpbrk(digits, ".e") == NULL)
		text_add(out, ".0");
}

static void write_counts(const struct field *f, const void *at, struct text *out)
{
	const uint64_t *counts = at;

	assert(f->size == f->names_count * sizeof(*counts));
	text_add(out, "{");
	for (size_t i = 0; i < f->names_count; i++)
		text_addf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", f->names[i], counts[i]);
	text_add(out, "}");
}

static size_t list_count(const struct field *f, const void *base)
{
	size_t count;

	memcpy(&count, (const char *)base + f->count, sizeof(count));
	return count;
}

static const void *pointer_at(const void *at)
{
	const void *pointer;

	memcpy(&pointer, at, sizeof(pointer));
	return pointer;
}

static void write_list(const struct field *f, const void *base, struct fields_out *out)
{
	const char *items = pointer_at(member_of(base, f));
	size_t count = list_count(f, base);

	text_add(out->text, "[");
	for (size_t i = 0; i < count; i++) {
		text_add(out->text, i > 0 ? "," : "");
		fields_write(f->of, items + i * f->of->size, out);
	}
	text_add(out->text, "]");
}

/* One member's values over all items. */
static void write_column(const struct field *one, const char *items, size_t count, size_t size,
                         struct fields_out *out)
{
	text_addf(out->text, "\"%s\":[", one->name);
	for (size_t i = 0; i < count; i++) {
		text_add(out->text, i > 0 ? "," : "");
		(void)write_value(one, items + i * size, out);
	}
	text_add(out->text, "]");
}

static void write_columns(const struct field *f, const void *base, struct fields_out *out)
{
	const char *items = pointer_at(member_of(base, f));
	size_t count = list_count(f, base);

	text_add(out->text, "{");
	for (size_t i = 0; i < f->of->count; i++) {
		text_add(out->text, i > 0 ? "," : "");
		write_column(&f->of->items[i], items, count, f->of->size, out);
	}
	text_add(out->text, "}");
}

static void write_rows(const struct field *f, const void *base, struct fields_out *out)
{
	const char *items = pointer_at(member_of(base, f));
	size_t count = list_count(f, base);

	text_add(out->text, "{\"columns\":[");
	for (size_t i = 0; i < f->of->count; i++)
		text_addf(out->text, "%s\"%s\"", i > 0 ? "," : "", f->of->items[i].name);
	text_add(out->text, "],\"rows\":[");
	for (size_t i = 0; i < count; i++) {
		text_add(out->text, i > 0 ? "," : "");
		for (size_t k = 0; k < f->of->count; k++) {
			text_add(out->text, k > 0 ? "," : "[");
			(void)write_value(&f->of->items[k], items + i * f->of->size, out);
		}
		text_add(out->text, "]");
	}
	text_add(out->text, "]}");
}

static void write_number(const struct field *f, const void *at, struct fields_out *out)
{
	uint64_t value = number_at(at, f);

	if (f->kind == FIELD_LIMIT && value == UINT64_MAX) {
		text_add(out->text, "null");
		return;
	}
	if (f->kind == FIELD_INSTANT)
		value = value > out->origin_ns ? value - out->origin_ns : 0;
	text_addf(out->text, "%" PRIu64, value);
}

/* 0, NULL, empty. */
static bool is_nothing(const struct field *f, const void *base)
{
	const char *at = member_of(base, f);

	if (f->kind == FIELD_LIST || f->kind == FIELD_COLUMNS || f->kind == FIELD_ROWS)
		return list_count(f, base) == 0;
	if (f->kind == FIELD_TEXT || f->kind == FIELD_MESSAGE) {
		const char *text = pointer_at(at);
		return text == NULL || *text == '\0';
	}
	for (size_t i = 0; i < f->size; i++)
		if (at[i] != 0)
			return false;
	return true;
}

static bool write_value(const struct field *f, const void *base, struct fields_out *out)
{
	const void *at = member_of(base, f);

	if ((f->flags & FIELD_NULL) != 0 && (f->when ? !f->when(base) : is_nothing(f, base))) {
		text_add(out->text, "null");
		return true;
	}
	switch (f->kind) {
	case FIELD_BOOL:
		text_add(out->text, *(const bool *)at ? "true" : "false");
		break;
	case FIELD_INT:
		text_addf(out->text, "%d", *(const int *)at);
		break;
	case FIELD_UINT:
	case FIELD_COUNT:
	case FIELD_WALL:
	case FIELD_INSTANT:
	case FIELD_LIMIT:
		write_number(f, at, out);
		break;
	case FIELD_REAL:
		fields_write_real(*(const double *)at, out->text);
		break;
	case FIELD_TEXT:
		fields_write_text(pointer_at(at), out->text);
		break;
	case FIELD_MESSAGE:
		write_message(pointer_at(at), out->text);
		break;
	case FIELD_CHARS:
		write_message(at, out->text);
		break;
	case FIELD_NAME:
		fields_write_text(f->names[number_at(at, f)], out->text);
		break;
	case FIELD_COUNTS:
		write_counts(f, at, out->text);
		break;
	case FIELD_STRUCT:
		fields_write(f->of, at, out);
		break;
	case FIELD_PART:
		fields_write(f->of, base, out);
		break;
	case FIELD_LIST:
		write_list(f, base, out);
		break;
	case FIELD_COLUMNS:
		write_columns(f, base, out);
		break;
	case FIELD_ROWS:
		write_rows(f, base, out);
		break;
	case FIELD_CUSTOM:
		return f->custom->write(base, out);
	}
	return true;
}

/* --- objects and tables ----------------------------------------------------------------------------- */

bool fields_leave_out(const struct field *f, const void *base)
{
	if ((f->flags & FIELD_OMIT) != 0 && is_nothing(f, base))
		return true;
	return f->when != NULL && (f->flags & FIELD_NULL) == 0 && !f->when(base);
}

void fields_write_members(const struct fields *f, const void *from, struct fields_out *out)
{
	const char *comma = "";

	for (size_t i = 0; i < f->count; i++) {
		const struct field *one = &f->items[i];
		size_t before = out->text->len;

		if (fields_leave_out(one, from))
			continue;
		text_addf(out->text, "%s\"%s\":", comma, one->name);
		if (write_value(one, from, out)) {
			comma = ",";
			continue;
		}
		out->text->len = before;
		out->text->data[before] = '\0';
	}
}

void fields_write(const struct fields *f, const void *from, struct fields_out *out)
{
	text_add(out->text, "{");
	fields_write_members(f, from, out);
	text_add(out->text, "}");
}

void fields_write_value(const struct field *f, const void *from, struct fields_out *out)
{
	(void)write_value(f, from, out);
}
