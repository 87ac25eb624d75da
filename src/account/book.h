/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_ACCOUNT_BOOK_H
#define OMB_ACCOUNT_BOOK_H

/*
 * book -- what became of every message of a run: the chunks of all loops, merged.
 *
 * In the parent, a pure function of the chunks: no clock, no I/O; the order in which chunks come does
 * not matter (but see Limits).  It allocates, up to a limit.
 *
 * The terms, for each producer, and for each partition of a subscription:
 *
 *     acknowledged, failed      by the answers; what was sent and is neither has no answer
 *     received                  messages that came at least once
 *     lost                      acknowledged and never received: each subscription loses its own
 *     missing                   sent, whatever the answer, and never received; the lost are among them
 *     delivered though failed   failed, and received
 *     redelivered, duplicated   receipts beyond a message's first: marked by the broker as delivered
 *                               before, or not.  received + redelivered + duplicated = all receipts.
 *                               A mark on the only receipt of a message makes it neither.
 *     out of order              received, and each time after a later one of its producer and
 *                               partition: what is received again from an earlier position is not
 *     never sent                received, and by the count of its producer never sent: somebody lies
 *     corrupted                 told, not found here: a damaged stamp names no producer.  What is damaged
 *                               in front of a good stamp is received besides.
 *
 * A block of which all is acknowledged and all is received, by every subscription, is closed: nothing
 * is left of it but its number, in runs.  So memory is that of what is under way, and of what went
 * wrong.  1,000 producers at 1 M msg/s in a healthy group of four take 27 MB, for an hour as for a
 * minute: about five blocks of each are open, with one byte a message for its partition.  Behind
 * that, a block in which something went wrong shrinks to a list, 8 bytes for each such message.
 *
 * Limits.  When `bytes_max` is half used up, blocks are opened without partitions: what is lost of
 * them is counted at an unknown one.  When it is used up, chunks are dropped and the account is "not
 * exact from here": for a producer (and subscription) `exact_below` is the first sequence that was
 * missed; lost and missing are counted below it, and every other count says "at least".  A block that
 * is 64 blocks behind the newest of its producer and complete is closed with its marks and its
 * disorder: should a receipt turn up later still that was the first one, it counts as another.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/area.h"
#include "account/counts.h"

struct book;

struct book *book_create(const struct book_shape *shape);
void book_destroy(struct book *b);

/* What a chunk says.  Of a producer or subscription that the book does not have: nothing. */
void book_merge(struct book *b, const struct account_chunk *chunk, unsigned partition_bytes);
/* Messages of a key (subscription or ACCOUNT_ANSWERS) from `sequence` on may be missing in chunks. */
void book_missed(struct book *b, uint32_t producer, uint32_t subscription, uint64_t sequence);
/* `partition` -1 = unknown. */
void book_corrupted(struct book *b, uint32_t topic, uint32_t subscription, int32_t partition,
                    uint64_t messages);

/* Everything sealed in an area so far; once it has ended, all of it.  At most `most` chunks at a look:
 * a parent has more to do.  How many. */
uint32_t book_take(struct book *b, struct account_area *area, uint32_t most);
void book_take_over(struct book *b, struct account_area *area);

/* Acknowledged messages that are still to come to a subscription, each subscription's its own, by the book
 * and by what these loops have at hand: all that was sealed has been taken.  They go on meanwhile: what
 * they receive at this moment may be counted as still to come. */
uint64_t book_outstanding(struct book *b, struct account_area *const *areas, size_t count);

/* Counts what never came; `sent[producer]` messages were sent.  May be called again. */
void book_settle(struct book *b, const uint64_t *sent);
/* In the order of producers, subscriptions and sequences. */
typedef void book_visit_range(void *to, const struct book_range *range);
void book_lost(struct book *b, const uint64_t *sent, book_visit_range *visit, void *to);
/* The same of all that is missing, at an unknown partition; a range is of one block.  Where nothing of its
 * block was answered, both due times are that of the last message before it that was; 0 = none is known. */
void book_missing(struct book *b, const uint64_t *sent, book_visit_range *visit, void *to);

/* Borrowed, as all that follow. */
const struct book_answers *book_answers(const struct book *b, uint32_t producer);
const struct book_counts *book_counts(const struct book *b, uint32_t producer,
                                      uint32_t subscription);
/* Receipts of a producer's messages at a subscription are exact below this. */
uint64_t book_exact_below(const struct book *b, uint32_t producer, uint32_t subscription);
/* `partition` -1 = unknown.  Acknowledged ones know no subscription. */
const struct book_counts *book_partition(const struct book *b, uint32_t topic,
                                         uint32_t subscription, int32_t partition);
uint64_t book_partition_acknowledged(const struct book *b, uint32_t topic, int32_t partition);
bool book_is_exact(const struct book *b);

size_t book_bytes(const struct book *b); /* that it takes now */
size_t book_bytes_most(const struct book *b);

#endif
