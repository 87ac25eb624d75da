/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_HELD_H
#define OMB_BROKER_HELD_H

/*
 * held -- messages of a partition that wait until the next one of their producer has overtaken them: a
 * fault that is asked for.
 *
 * A list, NULL is empty; of each producer one at most.
 */

#include <stddef.h>
#include <stdint.h>

#include "fault/subject.h"

struct held {
	struct held *next;
	struct fault_subject who;
	uint64_t until_ns; /* nothing has come: it goes as it is */
	size_t len;
	uint8_t batch[]; /* of this one message */
};

/* Room for `len` bytes, which the caller fills. */
struct held *held_add(struct held **list, const struct fault_subject *who, uint64_t until_ns,
                      size_t len);
/* Where the one of this producer is, or the end of the list. */
struct held **held_find(struct held **list, const struct fault_subject *who);
/* Takes it out of the list. */
void held_remove(struct held **at);
/* All of their batches. */
size_t held_bytes(const struct held *list);
void held_fini(struct held **list);

#endif
