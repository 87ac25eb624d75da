/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_RECEIPTS_H
#define OMB_AGENT_RECEIPTS_H

/*
 * receipts -- a consumers' loop's side of the account: which of the messages it received.
 *
 * A message is told as it is received, before the driver hears that it may be confirmed to the broker:
 * what is committed is in memory that outlives the agent.
 *
 * Whether a message is late, after a later one of its producer and partition, is judged by a word for
 * each consumer, partition and producer: consumers of a subscription take over partitions from each
 * other, or share what has none.  Where these words would take more than LOAD_ORDER_BYTES_MAX, or a
 * message is of a partition that nobody knew of, the loop says that order is not known: a message that
 * cannot be judged is never called late.
 *
 * Owner loop only.  Nothing allocates after receipts_open.
 */

#include "account/writer.h"
#include "agent/roster.h"
#include "agent/spec.h"
#include "load/stamp.h"

struct receipts {
	struct account_writer writer;
	const struct roster *roster; /* NULL: no account is kept */
	_Atomic uint32_t *order_unknown;
	unsigned char *words; /* of all consumers; NULL = order is not judged */
	size_t words_bytes;
};

/* Of one consumer. */
struct receipts_key {
	uint32_t topic, first_key;
	uint32_t producers, partitions; /* of the topic; of no partition there is one word, too */
	uint64_t *last;                 /* [partition][producer]: as of account_is_late */
};

/* For a loop that has the clients i, i + spec->loops, ... from `index` on. */
void receipts_open(struct receipts *r, const struct agent_spec *spec, struct agent_shm *shm,
                   uint32_t index);
void receipts_close(struct receipts *r);
/* Of the loop's consumers each once, in any order: *used is where the words of the next one begin. */
struct receipts_key receipts_key(const struct receipts *r, const struct agent_spec *spec,
                                 const struct client_spec *client, size_t *used);

static inline bool receipts_is_late(struct receipts *r, const struct receipts_key *key,
                                    uint32_t place, int32_t partition, uint64_t sequence)
{
	uint32_t row = partition > 0 ? (uint32_t)partition : 0;

	if (__builtin_expect(key->last == NULL || row >= key->partitions, 0)) {
		atomic_store_explicit(r->order_unknown, 1, memory_order_relaxed);
		return false;
	}
	return account_is_late(&key->last[(size_t)row * key->producers + place], sequence);
}

/* A message of this run that is no probe.  One of a producer that is not in the roster is nobody's. */
static inline void receipts_take(struct receipts *r, const struct receipts_key *key,
                                 const struct stamp *stamp, int32_t partition, bool is_marked)
{
	const struct roster *roster = r->roster;

	if (roster == NULL)
		return;
	uint32_t producer = roster_find(roster, stamp->producer);
	if (producer == ROSTER_NONE || roster->items[producer].topic != key->topic)
		return;
	uint32_t place = roster->items[producer].place;
	const struct account_entry e = {
		.sequence = stamp->sequence,
		.partition = partition,
		.failed_or_marked = is_marked,
		.late = receipts_is_late(r, key, place, partition, stamp->sequence),
	};
	account_put(&r->writer, key->first_key + place, &e);
}

#endif
