/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_CLAIM_FIELDS_H
#define OMB_FACTS_CLAIM_FIELDS_H

/*
 * claim_fields -- what client libraries say of themselves (stats/claims.h) as JSON: an object with the
 * claims that were made, and no others.
 */

#include <stdbool.h>

#include "stats/claims.h"
#include "util/error.h"

struct json_t;
struct text;

/* Appends it; false: nothing was said, and nothing appended. */
bool claims_write(const struct claims *c, struct text *out);
/* NULL and null are nothing; what this version does not know is left out. */
bool claims_read(const struct json_t *value, struct claims *out, struct error *err);

#endif
