/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_APPEND_H
#define OMB_BROKER_APPEND_H

/*
 * append -- how a batch comes into the log of its partition, and what planted faults make of it.
 *
 * Messages are struck one by one.  Clients accept offsets that are missing, as compaction leaves them: a
 * lost message is left out of its batch, which is written anew, with the same offsets and a checksum
 * that fits.  A copy comes behind the batch, at offsets of its own.  One that is to be overtaken changes
 * places with the next of its producer in the batch; the last one waits for the producer's next batch
 * (store/held.h).
 *
 * Nobody looks into a batch that is compressed, or malformed inside: it shares one fate.
 */

#include "broker/requests/call.h"

/* The bytes that an append of `len` bytes may take. */
size_t append_bytes_most(const struct state *s, const struct partition *p, size_t len);

/* There is room.  *offset: of its first message. */
enum kafka_error append_batch(struct call *c, struct topic *topic, int32_t partition,
                              const struct batch *batch, int64_t *offset);

/* What has waited in vain to be overtaken, as far as there is room. */
void append_overdue(struct call *c, struct topic *topic, int32_t partition);

#endif
