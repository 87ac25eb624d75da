/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_BROKER_H
#define OMB_BROKER_BROKER_H

/*
 * broker -- a Kafka broker in memory, for trying, testing and calibrating; without its sockets.
 *
 * Frames of connections go in with the time, answers come out; serve.h puts sockets and a clock
 * around it, unit tests and the fuzzer do without both.  Several virtual brokers (nodes) share all
 * topics; leaders are spread over them only so that clients open several connections.
 *
 * Memory: all logs live in one pool (options.memory_bytes).  When it is full, what every reader has
 * had is dropped, oldest first.  If that is not enough, `full` decides:
 *
 *   BROKER_BLOCK        producers wait, nothing that is held is lost.  A partition's data is held
 *                       for the groups that have committed offsets on it and have members, for
 *                       connections that have fetched it within READER_STALE_NS, and, if nobody has
 *                       ever read it, for whoever may come: a producer without any consumer is
 *                       stopped when the pool is full, and a notice says so.
 *   BROKER_DROP_OLDEST  the oldest goes, read or not.
 *
 * Whatever goes that no reader was given, or that one which fell silent has not had (readers.h), is
 * counted as dropped unread, and a notice says so.  What a member of a group was given and has not
 * committed yet is held, but it was read.  Fetches below what is there get OFFSET_OUT_OF_RANGE and
 * are counted as well.
 *
 * Not kept to, where Kafka does: nothing is durable or replicated; no transactions, no compaction
 * and no retention by time; offsets for timestamps are those of whole batches; the maximum size of
 * a message is that of a frame.
 *
 * Every byte of a frame is foreign: lengths and counts are checked against what is there, and
 * topics, partitions, groups and connections have limits.  One thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/uio.h>

#include "broker/options.h"
#include "broker/request.h"
#include "util/error.h"

/* The largest frame that is taken, as Kafka's socket.request.max.bytes; larger ones close the
 * connection. */
#define BROKER_FRAME_MAX ((size_t)100 * 1024 * 1024)

struct connection;
struct groups;

/* NULL: *err says why.  `ports`: one for each node. */
struct broker *broker_create(const struct broker_options *options, const int *ports,
                             uint64_t now_ns, struct error *err);
void broker_destroy(struct broker *b);

/* --- connections ---------------------------------------------------------------------------------- */

struct connection {
	struct request req;
	uint8_t head[8];      /* of the answer: its length, its correlation id */
	struct writer out;    /* its body, with the splices of `req` between */
	const uint8_t *frame; /* of the request under way; borrowed until it is answered */
	size_t frame_len;
	bool waits;                      /* a request is under way */
	struct connection *next, **link; /* of all */
	uint32_t slot;
	char peer[64];
	void *owner; /* the caller's */
};

/* NULL: too many, or turned away by a fault. */
struct connection *broker_connect(struct broker *b, int node, const char *peer, uint64_t now_ns);
void broker_disconnect(struct broker *b, struct connection *c);

/*
 * Handles a frame (without its length in front).  HANDLED_REPLY: the answer stands in c->out and the
 * splices of c->req; the caller sends both and calls broker_answer_sent.  HANDLED_WAIT: `frame`
 * stays as it is until broker_step returns the connection.  HANDLED_BAD: the caller disconnects.
 */
enum handled broker_frame(struct broker *b, struct connection *c, const uint8_t *frame, size_t len,
                          uint64_t now_ns);
void broker_answer_sent(struct connection *c);
/* The request that waits is to be done even if its client is gone: one without an answer (acks=0),
 * which nobody knows to send again. */
bool broker_must_finish(const struct connection *c);
/* The answer as pieces of memory, valid until it is sent; at most `max` from byte `from` on.
 * Returns how many there are. */
int broker_answer_pieces(const struct connection *c, size_t from, struct iovec *out, int max);
size_t broker_answer_bytes(const struct connection *c);

/*
 * Runs what waits and was woken or is due.  Returns a connection whose request has its answer, or that
 * is to be closed (*how is HANDLED_BAD); NULL: none is left.
 */
struct connection *broker_step(struct broker *b, uint64_t now_ns, enum handled *how);
/* When there will be something to do, after the last step: monotonic clock; UINT64_MAX: not before a
 * frame. */
uint64_t broker_next_ns(struct broker *b, uint64_t now_ns);

/* --- what it holds ---------------------------------------------------------------------------------- */

/* The name is legal and new. */
bool broker_add_topic(struct broker *b, const char *name, int32_t partitions, struct error *err);

/* Borrowed; groups/groups.h says what can be asked. */
struct groups *broker_groups(struct broker *b);
const struct broker_counts *broker_counts(const struct broker *b);
size_t broker_connections(const struct broker *b);
/* Notices say how many messages of each topic were dropped unread, if any. */
void broker_tell_dropped(struct broker *b);
void broker_memory(const struct broker *b, size_t *used_bytes, size_t *all_bytes);

#endif
