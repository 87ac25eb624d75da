/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_outage.h"

#include <stddef.h>

static uint64_t length_ns(const struct silence_found *s)
{
	return s->until_ns - s->from_ns;
}

void outage_take(struct outage *o, const struct silence_found *found, const struct outage *whose)
{
	if (o->topic != NULL && length_ns(found) <= length_ns(&o->longest))
		return;
	*o = *whose;
	o->longest = *found;
	o->clients = 0;
}

void outage_count(struct outage *o, const struct silence_found *found)
{
	o->clients += found->from_ns < o->longest.until_ns && o->longest.from_ns < found->until_ns;
}

bool outage_is_told(const struct outage *o, uint64_t ordinary_ns)
{
	return o->topic != NULL && length_ns(&o->longest) / OUTAGE_TIMES >= ordinary_ns;
}
