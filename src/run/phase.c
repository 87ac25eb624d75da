/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phase.h"

enum phase_end phase_ends(const struct phase *p, const struct phase_facts *f)
{
	const bool holds[ENDS_COUNT] = {
		[ENDS_FAILED] = f->failed,
		[ENDS_SIGNAL] = p->signals > 0 && f->signals >= p->signals,
		[ENDS_LOST] = f->lost,
		[ENDS_REACHED] = f->reached,
		[ENDS_LATE] = f->late,
	};

	for (enum phase_end end = ENDS_FAILED; end < ENDS_COUNT; end++)
		if (holds[end] && p->then[end] != PHASE_NONE)
			return end;
	return ENDS_NOT;
}

enum phase_id phase_next(const struct phase *p, enum phase_end end, bool measured)
{
	return end == ENDS_FAILED && !measured ? PHASE_ABORT : p->then[end];
}
