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
 * Whatever goes that was held, or that a reader which fell silent has not had (readers.h), is counted
 * as dropped unread, and a notice says so.  Fetches below what is there get OFFSET_OUT_OF_RANGE and
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

#include "broker/faults.h"
#include "broker/request.h"
#include "util/error.h"

#define BROKER_NODES_MAX 16
/* The largest frame that is taken, as Kafka's socket.request.max.bytes; larger ones close the
 * connection. */
#define BROKER_FRAME_MAX ((size_t)100 * 1024 * 1024)

struct connection;

enum broker_full { BROKER_BLOCK, BROKER_DROP_OLDEST };

struct broker_options {
	const char *host; /* that clients are told to connect to */
	int nodes;        /* 1..BROKER_NODES_MAX */
	size_t memory_bytes;
	enum broker_full full;
	int32_t partitions; /* of topics that clients create by asking for them; 0: they may not */
	bool check_crcs;
	bool keeps_topics; /* nobody may delete them, as with Kafka's delete.topic.enable=false */
	size_t topics_max, partitions_max;
	size_t readers_max;      /* of all partitions: connections that fetched it */
	uint64_t group_delay_ns; /* how long an empty group waits for more members */
	/* Of the ids that clients are told: members', producers' and the cluster's.  0: drawn, so that
	 * clients that outlive this broker never share an id with those of the next one. */
	uint64_t id_seed;
	const struct fault *faults; /* borrowed */
	size_t faults_count;
	uint64_t seed; /* of the faults that draw lots */
	/* One line about what happened, without an end of line.  Optional. */
	void (*notice)(void *context, const char *text);
	/* A request that had to wait has its answer, or must end its connection (HANDLED_BAD). */
	void (*answered)(void *context, struct connection *c, enum handled how);
	void *context;
};

/* Fills in what most callers want: one node on 127.0.0.1, 256 MB, block, 1 partition. */
void broker_options_init(struct broker_options *o);

/* Only grow. */
struct broker_counts {
	uint64_t produced, produced_bytes, batches; /* messages, bytes and batches appended */
	uint64_t fetched, fetched_bytes;            /* messages and bytes handed out */
	uint64_t requests, connections;
	uint64_t crowded;                   /* connections turned away: there are too many */
	uint64_t dropped;                   /* messages that somebody had not had */
	uint64_t dropped_bytes;             /* of the batches with such messages */
	uint64_t late;                      /* fetches of what was dropped already */
	uint64_t refused_readers;           /* fetches of a partition: there are too many */
	uint64_t blocked;                   /* produce requests that had to wait for room */
	uint64_t lost, duplicated, refused; /* messages: planted faults */
	uint64_t closed, turned_away;       /* connections: planted faults */
};

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
	bool waits; /* a request is under way */
	bool woken;
	struct connection *next_woken;
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
 * stays as it is until options.answered is called.  HANDLED_BAD: the caller disconnects.
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

/* Runs what waits and has been woken or is due.  Returns when it wants to be called again:
 * monotonic clock; UINT64_MAX: not before a frame. */
uint64_t broker_tick(struct broker *b, uint64_t now_ns);

/* --- what it holds ---------------------------------------------------------------------------------- */

/* The name is legal and new. */
bool broker_add_topic(struct broker *b, const char *name, int32_t partitions, struct error *err);

const struct broker_counts *broker_counts(const struct broker *b);
size_t broker_connections(const struct broker *b);
/* Notices say how many messages of each topic were dropped unread, if any. */
void broker_tell_dropped(struct broker *b);
void broker_memory(const struct broker *b, size_t *used_bytes, size_t *all_bytes);

#endif
