/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_REQUEST_H
#define OMB_BROKER_REQUEST_H

/*
 * request -- one request of a client, from its frame to its answer.
 *
 * As on Kafka, the requests of one connection are handled one after the other: while one waits
 * (for data, for the other members of its group, for room), the next are left in the socket.  So a
 * connection has at most one request under way, and it is a part of the connection.
 *
 * A handler is a function of the broker's state, the request and the clock; it does no I/O.  One
 * that cannot answer yet registers what it waits for with request_wait_on() and request_wait_until()
 * and returns HANDLED_WAIT.  When any of it comes about, all registrations are dropped and the
 * handler is called again from the start with the same bytes, `visits` one higher.  What it must
 * remember from one visit to the next stands in `note`.  The connection may close while the
 * request waits: the registrations go with it and the handler is not called again.
 *
 * Broker thread only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/bytes.h"

struct broker;
struct presence;
struct splice;
struct waiter;

enum { REQUEST_NOTE_LEN = 128 };

struct request {
	/* From the frame. */
	int16_t api, version;
	int32_t correlation;
	struct reader body;    /* behind the header; a fresh one for each visit */
	const char *client_id; /* borrowed from the frame, not terminated; NULL: null */
	size_t client_id_len;

	/* From the connection. */
	uint64_t connection;       /* number of the connection, never used again */
	struct presence *presence; /* the connection as readers.h knows it */
	const char *peer;          /* "127.0.0.1:40312"; borrowed */
	int listener;              /* which virtual broker was addressed: its node id */

	bool one_way;                /* there will be no answer */
	unsigned visits;             /* 0: the first time */
	uint64_t arrived_ns;         /* of the first visit */
	char note[REQUEST_NOTE_LEN]; /* zeroes on the first visit; the handler's own */

	/* The rest belongs to wait.c. */
	struct waiter *waiters;
	uint64_t wake_ns;       /* 0: no deadline */
	struct splice *splices; /* of the answer */
	size_t splices_count, splices_cap;
};

/* Bytes of a log in the middle of an answer, which are not copied: they come behind the first `at`
 * bytes of `out`. */
struct splice {
	size_t at;
	struct chunk *chunk; /* held until the answer has left */
	const uint8_t *data;
	size_t len;
};

struct chunk;
/* Takes a hold on `chunk`; an answer that is thrown away (HANDLED_WAIT) lets go of it again. */
void request_splice(struct request *req, const struct writer *out, struct chunk *chunk,
                    const uint8_t *data, size_t len);

enum handled {
	HANDLED_REPLY,  /* the body of the answer stands in `out` */
	HANDLED_SILENT, /* there is no answer (acks=0) */
	HANDLED_WAIT,   /* called again when what was registered comes about; `out` is ignored */
	HANDLED_BAD,    /* malformed: the connection is closed, as Kafka does */
};

/*
 * `now_ns` is the monotonic clock, read once for each wake-up of the broker.
 * `out` is empty at the call.
 */
typedef enum handled request_handler(struct broker *b, struct request *req, uint64_t now_ns,
                                     struct writer *out);

/* A list of requests that wait for the same thing.  Zeroed is valid and empty. */
struct wait_list {
	struct waiter *first;
};

void request_wait_on(struct request *req, struct wait_list *list);
/* The earliest of several deadlines counts.  Monotonic clock. */
void request_wait_until(struct request *req, uint64_t deadline_ns);
/* The handlers of all requests on the list are called again before the broker sleeps. */
void wait_list_wake(struct broker *b, struct wait_list *list);

/* Kafka's types in its non-flexible encodings.  Strings are borrowed and not terminated. */
struct kafka_string {
	const char *data; /* NULL: null */
	size_t len;
};

/* FNV-1a. */
uint32_t kafka_string_hash(struct kafka_string s);

struct kafka_string read_string(struct reader *r);      /* i16 length, -1: null */
struct kafka_string read_kafka_bytes(struct reader *r); /* i32 length, -1: null */
/*
 * The count of an array (i32; -1, null, is told as 0).  A count that could not fit into what is
 * left, each element being at least `element_min` bytes, breaks the reader.
 */
size_t read_count(struct reader *r, size_t element_min);
void write_string(struct writer *w, const char *s); /* NULL: null */
void write_string_n(struct writer *w, struct kafka_string s);
void write_kafka_bytes(struct writer *w, const void *data, size_t len); /* i32 length */

/* https://kafka.apache.org/protocol#protocol_error_codes */
enum kafka_error {
	KAFKA_UNKNOWN_SERVER_ERROR = -1,
	KAFKA_NONE = 0,
	KAFKA_OFFSET_OUT_OF_RANGE = 1,
	KAFKA_CORRUPT_MESSAGE = 2,
	KAFKA_UNKNOWN_TOPIC_OR_PARTITION = 3,
	KAFKA_LEADER_NOT_AVAILABLE = 5,
	KAFKA_NOT_LEADER_OR_FOLLOWER = 6,
	KAFKA_REQUEST_TIMED_OUT = 7,
	KAFKA_MESSAGE_TOO_LARGE = 10,
	KAFKA_COORDINATOR_LOAD_IN_PROGRESS = 14,
	KAFKA_COORDINATOR_NOT_AVAILABLE = 15,
	KAFKA_NOT_COORDINATOR = 16,
	KAFKA_INVALID_TOPIC = 17,
	KAFKA_ILLEGAL_GENERATION = 22,
	KAFKA_INCONSISTENT_GROUP_PROTOCOL = 23,
	KAFKA_INVALID_GROUP_ID = 24,
	KAFKA_UNKNOWN_MEMBER_ID = 25,
	KAFKA_INVALID_SESSION_TIMEOUT = 26,
	KAFKA_REBALANCE_IN_PROGRESS = 27,
	KAFKA_UNSUPPORTED_VERSION = 35,
	KAFKA_TOPIC_ALREADY_EXISTS = 36,
	KAFKA_INVALID_PARTITIONS = 37,
	KAFKA_INVALID_REPLICATION_FACTOR = 38,
	KAFKA_INVALID_REQUEST = 42,
	KAFKA_UNSUPPORTED_FOR_MESSAGE_FORMAT = 43,
	KAFKA_POLICY_VIOLATION = 44,
	KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER = 45,
	KAFKA_DUPLICATE_SEQUENCE_NUMBER = 46,
	KAFKA_INVALID_PRODUCER_EPOCH = 47,
	KAFKA_UNKNOWN_PRODUCER_ID = 59,
	KAFKA_NON_EMPTY_GROUP = 68,
	KAFKA_GROUP_ID_NOT_FOUND = 69,
	KAFKA_FETCH_SESSION_ID_NOT_FOUND = 70,
	KAFKA_TOPIC_DELETION_DISABLED = 73,
	KAFKA_MEMBER_ID_REQUIRED = 79,
};

#endif
