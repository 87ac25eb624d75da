/* SPDX-License-Identifier: Apache-2.0 */
#include "results/record_account.h"

#include <jansson.h>

#include "facts/fact_fields.h"
#include "results/record.h"
#include "util/arena.h"

static bool write_account(const void *from, struct fields_out *out)
{
	const struct record *r = from;

	if (r->account.is_kept) {
		fields_write(&account_fields, &r->account, out);
		return true;
	}
	text_add(out->text, "{\"kept\":false,\"why\":");
	fields_write_text(r->account_lack, out->text);
	text_add(out->text, "}");
	return true;
}

static bool check_ranges(const struct fact_account *a, struct error *err)
{
	for (size_t i = 0; i < a->lost_count; i++)
		if (a->lost[i].last < a->lost[i].first)
			return error_set(err, ERROR_CONFIG, "a lost range ends before it starts");
	return true;
}

static bool read_account(const json_t *value, void *to, struct fields_in *in)
{
	const char *why = json_string_value(json_object_get(value, "why"));
	struct record *r = to;

	if (value == NULL) /* of a version that kept none */
		return true;
	if (!fields_read(&account_fields, value, &r->account, in) ||
	    !check_ranges(&r->account, in->err))
		return false;
	if (!r->account.is_kept)
		r->account = (struct fact_account){ .is_kept = false };
	r->account_lack = why != NULL ? arena_strdup(in->arena, why) : NULL;
	return true;
}

const struct field_custom record_account = { write_account, read_account };
