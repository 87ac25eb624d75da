/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/totals.h"

const struct book_counts fact_counts_unknown = {
	.received = FACT_UNKNOWN,
	.duplicated = FACT_UNKNOWN,
	.redelivered = FACT_UNKNOWN,
	.out_of_order = FACT_UNKNOWN,
	.corrupted = FACT_UNKNOWN,
	.lost = FACT_UNKNOWN,
	.missing = FACT_UNKNOWN,
	.delivered_though_failed = FACT_UNKNOWN,
	.never_sent = FACT_UNKNOWN,
};

void fact_counts_add(struct book_counts *to, const struct book_counts *from)
{
	to->received += from->received;
	to->duplicated += from->duplicated;
	to->redelivered += from->redelivered;
	to->out_of_order += from->out_of_order;
	to->corrupted += from->corrupted;
	to->lost += from->lost;
	to->missing += from->missing;
	to->delivered_though_failed += from->delivered_though_failed;
	to->never_sent += from->never_sent;
}

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
