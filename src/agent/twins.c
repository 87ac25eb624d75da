/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/twins.h"

#include <stdlib.h>

#include "util/xalloc.h"

void twins_open(struct twins *t)
{
	t->seen = xcalloc(TWINS_KEPT, sizeof(*t->seen));
}

void twins_close(struct twins *t)
{
	free(t->seen);
	t->seen = NULL;
}

static uint32_t place_of(const struct stamp *s)
{
	uint64_t mixed = (s->sequence / TWINS_EVERY + ((uint64_t)s->producer << 32)) *
	                 UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(mixed >> 32) % TWINS_KEPT;
}

bool twins_look(struct twins *t, const struct stamp *s)
{
	struct twins_seen *seen = &t->seen[place_of(s)];

	if (seen->is_used && seen->producer == s->producer && seen->sequence == s->sequence)
		return seen->due_ns != s->due_ns;
	*seen = (struct twins_seen){ s->sequence, s->due_ns, s->producer, true };
	return false;
}
