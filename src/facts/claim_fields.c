/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/claim_fields.h"

#include <inttypes.h>
#include <jansson.h>

#include "util/text.h"

/* Read at most, so that sums do not wrap. */
#define CLAIM_MAX (INT64_C(1) << 53)

bool claims_write(const struct claims *c, struct text *out)
{
	const char *comma = "{";

	if (c->said == 0)
		return false;
	for (unsigned i = 0; i < CLAIM_COUNT; i++) {
		if (!(c->said >> i & 1))
			continue;
		text_addf(out, "%s\"%s\":%" PRIu64, comma, claim_name((enum claim)i), c->values[i]);
		comma = ",";
	}
	text_add(out, "}");
	return true;
}

bool claims_read(const json_t *value, struct claims *out, struct error *err)
{
	*out = (struct claims){ 0 };
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_object(value))
		return error_set(err, ERROR_CONFIG, "client is no object");
	for (unsigned i = 0; i < CLAIM_COUNT; i++) {
		const json_t *one = json_object_get(value, claim_name((enum claim)i));
		json_int_t n = json_integer_value(one);
		if (one == NULL)
			continue;
		if (!json_is_integer(one) || n < 0 || n > CLAIM_MAX)
			return error_set(err, ERROR_CONFIG, "%s is no count",
			                 claim_name((enum claim)i));
		claims_say(out, (enum claim)i, (uint64_t)n);
	}
	return true;
}
