/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/verb.h"

#include <assert.h>
#include <string.h>

#define S UINT64_C(1000000000)

const struct worker_verb_row worker_verbs[WORKER_VERB_COUNT] = {
#define X(enumerator, name, needs_driver, limit_s) \
	[WORKER_##enumerator] = { name, needs_driver, (limit_s) != 0 ? (limit_s)*S : UINT64_MAX },
	WORKER_VERBS(X)
#undef X
};

const char *worker_verb_name(enum worker_verb verb)
{
	assert((unsigned)verb < WORKER_VERB_COUNT);
	return worker_verbs[verb].name;
}

bool worker_verb_find(const char *name, enum worker_verb *out)
{
	for (unsigned verb = 0; verb < WORKER_VERB_COUNT; verb++) {
		if (strcmp(worker_verbs[verb].name, name) != 0)
			continue;
		*out = (enum worker_verb)verb;
		return true;
	}
	return false;
}
