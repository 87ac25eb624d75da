/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_SIZE_H
#define OMB_DRIVER_KAFKA_SIZE_H

/*
 * size -- do messages of this size pass the client, the topic and the consumer as configured?
 *
 * Pure: no librdkafka, any process.
 */

#include "driver/doubt.h"

struct arena;

/* `config` is a struct kafka_config, translated. */
void kafka_load_doubts(const void *config, const struct driver_load *load, struct arena *arena,
                       driver_doubt_fn *fn, void *to);

/* A batch of one message without headers, uncompressed: what a topic's max.message.bytes is
 * compared with.  `key` 0 = none. */
uint64_t kafka_batch_bytes(uint32_t payload, uint32_t key);

#endif
