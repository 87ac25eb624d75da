/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/subject.h"

#include "load/stamp.h"

/* The byte that corruption flips, counted from the end: in the due time of a stamp. */
#define CORRUPT_BYTE 12

struct fault_subject fault_subject(const void *payload, size_t len)
{
	struct stamp stamp;

	if (stamp_read(payload, len, &stamp) != STAMP_OK || (stamp.flags & STAMP_PROBE) != 0)
		return (struct fault_subject){ .is_known = false };
	return (struct fault_subject){
		.is_known = true,
		.producer = stamp.producer,
		.sequence = stamp.sequence,
	};
}

bool fault_subjects_are_alike(const struct fault_subject *a, const struct fault_subject *b)
{
	if (!a->is_known || !b->is_known)
		return a->is_known == b->is_known;
	return a->producer == b->producer;
}

/* Not always the same one: whoever compares contents has to look at all of them. */
static size_t spoiled_byte(const void *payload, size_t len)
{
	struct fault_subject who = fault_subject(payload, len);

	return (size_t)(who.sequence * 7919 % (len - STAMP_BYTES));
}

bool fault_damage(enum fault_kind kind, void *payload, size_t len)
{
	unsigned char *bytes = payload;

	if (kind == FAULT_SPOIL) {
		if (len <= STAMP_BYTES)
			return false;
		bytes[spoiled_byte(payload, len)] ^= 0xff;
		return true;
	}
	if (len == 0)
		return false;
	bytes[len > CORRUPT_BYTE ? len - CORRUPT_BYTE : len - 1] ^= 0xff;
	return true;
}
