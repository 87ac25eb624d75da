/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FAULT_SUBJECT_H
#define OMB_FAULT_SUBJECT_H

/*
 * subject -- a message as faults see it: which one it is, by the stamp in its payload (load/stamp.h),
 * and how it is damaged.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/fault.h"

struct fault_subject {
	bool is_known; /* it has a stamp; a probe counts as having none */
	uint32_t producer;
	uint64_t sequence;
};

struct fault_subject fault_subject(const void *payload, size_t len);

/* Of one producer, as far as is known: messages without a stamp are alike. */
bool fault_subjects_are_alike(const struct fault_subject *a, const struct fault_subject *b);

/* What CORRUPT or SPOIL does to a payload.  False: it has no such byte, and stays as it is. */
bool fault_damage(enum fault_kind kind, void *payload, size_t len);

#endif
