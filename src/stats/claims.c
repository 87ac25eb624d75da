/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/claims.h"

#include <assert.h>

enum claim_kind { CLAIM_IS_COUNT, CLAIM_IS_LEVEL, CLAIM_IS_PEAK };

static const struct {
	const char *name, *help;
	enum claim_kind kind;
} claims[] = {
#define X(enumerator, text, how, description) { text, description, CLAIM_IS_##how },
	CLAIMS(X)
#undef X
};

_Static_assert(CLAIM_COUNT <= 64, "a bit for each");

const char *claim_name(enum claim which)
{
	assert((unsigned)which < CLAIM_COUNT);
	return claims[which].name;
}

const char *claim_help(enum claim which)
{
	assert((unsigned)which < CLAIM_COUNT);
	return claims[which].help;
}

void claims_add(struct claims *to, const struct claims *from)
{
	to->said |= from->said;
	for (unsigned i = 0; i < CLAIM_COUNT; i++) {
		uint64_t value = from->values[i];
		if (claims[i].kind != CLAIM_IS_PEAK)
			to->values[i] += value;
		else if (value > to->values[i])
			to->values[i] = value;
	}
}

void claims_follow(struct claims *to, const struct claims *next)
{
	to->said |= next->said;
	for (unsigned i = 0; i < CLAIM_COUNT; i++) {
		uint64_t value = next->values[i];
		if (claims[i].kind == CLAIM_IS_COUNT)
			to->values[i] += value;
		else if (claims[i].kind == CLAIM_IS_LEVEL || value > to->values[i])
			to->values[i] = value;
	}
}

void claims_diff(const struct claims *newer, const struct claims *older, struct claims *out)
{
	out->said = newer->said;
	for (unsigned i = 0; i < CLAIM_COUNT; i++) {
		uint64_t is = newer->values[i], was = older->values[i];
		if (claims[i].kind != CLAIM_IS_COUNT)
			out->values[i] = is;
		else
			out->values[i] = is > was ? is - was : 0; /* a library may say anything */
	}
}
