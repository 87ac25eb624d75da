/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_BATCH_H
#define OMB_KAFKA_BATCH_H

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
 * The records behind it, if they are not compressed, are record.h's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/bytes.h"

#define BATCH_HEADER_BYTES 61
/* The broker's own fields, in front of what the checksum covers. */
#define BATCH_OWN_BYTES    16

/* The lowest three bits of the attributes. */
enum batch_codec {
	BATCH_PLAIN = 0,
	BATCH_GZIP = 1,
	BATCH_SNAPPY = 2,
	BATCH_LZ4 = 3,
	BATCH_ZSTD = 4,
};

#define BATCH_CODEC_MASK  7
#define BATCH_APPEND_TIME (1 << 3) /* all records have max_timestamp_ms, the broker's */
#define BATCH_TRANSACTION (1 << 4)
#define BATCH_CONTROL     (1 << 5) /* what transactions leave behind; no messages */

struct batch {
	const uint8_t *data; /* borrowed */
	uint32_t len;        /* of the whole batch */
	uint32_t messages;
	uint32_t offsets; /* that it takes, 1 and more; more than messages once it was compacted */
	uint16_t attributes;
	int64_t base_offset, base_timestamp_ms, max_timestamp_ms;
	int64_t producer; /* -1: not idempotent */
	int16_t epoch;
	int32_t first_sequence;
};

enum batch_status {
	BATCH_OK,
	BATCH_END, /* nothing is left */
	BATCH_OLD, /* message format 0 or 1 */
	BATCH_CORRUPT,
	BATCH_CUT, /* the last one is not whole: answers end where their size does */
};

/* The next batch of a record set; checks the checksum too when `with_crc`. */
enum batch_status batch_read(struct reader *r, bool with_crc, struct batch *out);

enum batch_codec batch_codec(const struct batch *b);

/* Writes the base offset, and leader epoch 0, into the first BATCH_OWN_BYTES of a batch. */
void batch_set_place(uint8_t *head, int64_t base_offset);

/*
 * Writes the head in front of `b->len` - BATCH_HEADER_BYTES bytes of records that stand behind it in
 * `out`, its checksum last: all of *b counts but `data`.
 */
void batch_write_head(uint8_t *out, const struct batch *b);

#endif
