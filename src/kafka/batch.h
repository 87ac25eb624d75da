/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_BATCH_H
#define OMB_BROKER_BATCH_H

/*
 * batch -- the head of a Kafka record batch (message format 2).
 * https://kafka.apache.org/documentation/#recordbatch
 *
 *      0  baseOffset i64         16  magic i8              27  baseTimestamp i64   57  count i32
 *      8  batchLength i32        17  crc u32 (of 21...)    35  maxTimestamp i64    61  records
 *     12  partitionLeaderEpoch   21  attributes i16        43  producerId i64
 *                                23  lastOffsetDelta i32   51  producerEpoch i16
 *                                                          53  baseSequence i32
 *
 * Records are never looked into: they may be compressed, and nobody here needs them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/bytes.h"

#define BATCH_HEADER_BYTES 61
/* The broker's own fields, in front of what the checksum covers. */
#define BATCH_OWN_BYTES    16

struct batch {
	const uint8_t *data; /* borrowed */
	uint32_t len;        /* of the whole batch */
	uint32_t messages;   /* 1 and more */
	int64_t max_timestamp_ms;
	int64_t producer; /* -1: not idempotent */
	int16_t epoch;
	int32_t first_sequence;
};

enum batch_status {
	BATCH_OK,
	BATCH_END, /* nothing is left */
	BATCH_OLD, /* message format 0 or 1 */
	BATCH_CORRUPT,
};

/* The next batch of a record set; checks the checksum too when `with_crc`. */
enum batch_status batch_read(struct reader *r, bool with_crc, struct batch *out);

/* Writes the base offset, and leader epoch 0, into the first BATCH_OWN_BYTES of a batch. */
void batch_set_place(uint8_t *head, int64_t base_offset);

/* Castagnoli's polynomial, as the batches have it. */
uint32_t batch_crc32c(const uint8_t *data, size_t len);

#endif
