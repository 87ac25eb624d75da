/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/totals.h"

void fact_totals_fini(struct fact_totals *t)
{
	snapshot_fini(&t->snapshot);
	for (size_t i = 0; i < t->agents_count; i++) {
		if (t->agents[i].snapshot != NULL)
			snapshot_fini(t->agents[i].snapshot);
		if (t->agents[i].late != NULL)
			hist_copy_fini(t->agents[i].late);
	}
}
