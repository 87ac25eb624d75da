/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_CODEC_H
#define OMB_KAFKA_CODEC_H

/*
 * codec -- reads and writes any message that has a layout (schema.h), in any of its versions.
 *
 * Flexible versions have lengths as varints, and each struct ends with its tagged fields: those that
 * are not known are read over, those that have their default are not written.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kafka/memory.h"
#include "kafka/schema.h"
#include "net/bytes.h"

/* What a message is read with. */
struct kafka_decoder {
	int16_t version;
	bool is_flexible;
	struct kafka_memory *memory; /* of the lists; its `max` bounds them */
	const char *broken_at;       /* the field that was not there or is malformed; NULL: none */
};

/*
 * *out (layout->size bytes) is what `r` begins with; strings, bytes and records point into it.
 * False: it is malformed, `d->broken_at` says where, and `out` is not to be used.
 */
bool kafka_decode(struct kafka_decoder *d, const struct kafka_layout *layout, struct reader *r,
                  void *out);

/* What a message is written with. */
struct kafka_encoder {
	int16_t version;
	bool is_flexible;
	struct writer *out;
	/* Has to see to it that the records with a `source` come behind what was written so far.
	 * NULL: there are none. */
	void (*put_records)(void *context, const struct kafka_records *records);
	void *context;
};

void kafka_encode(const struct kafka_encoder *e, const struct kafka_layout *layout,
                  const void *message);

#endif
