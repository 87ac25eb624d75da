/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_MEMORY_H
#define OMB_KAFKA_MEMORY_H

/*
 * memory -- for the lists of one message after the other: all of it is given back at once, and is
 * used again for the next one without asking the system.
 *
 * Zeroed is valid and empty, and has no limit.
 */

#include <stddef.h>

#include "kafka/schema.h"

struct kafka_block;

struct kafka_memory {
	struct kafka_block *blocks; /* owned, newest and largest first */
	size_t used, max; /* bytes; max binds what is read from foreign bytes; 0: nothing */
};

/* Zeroed, and aligned for any type. */
void *kafka_memory_take(struct kafka_memory *m, size_t bytes);
/* `count` structs with their defaults; not NULL even if there are none. */
void *kafka_memory_items(struct kafka_memory *m, const struct kafka_layout *of, size_t count);
/* A list of a message (KAFKA_LIST) gets `n` such structs. */
#define KAFKA_MAKE(list, memory, of, n) \
	((list).count = (n), (list).items = kafka_memory_items((memory), (of), (n)))
/* All is free again; at most MEMORY_KEPT bytes stay with it. */
void kafka_memory_reset(struct kafka_memory *m);
void kafka_memory_fini(struct kafka_memory *m);

#endif
