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
 * A handler (requests/call.h) that cannot answer yet registers what it waits for (wait.h) and returns HANDLED_WAIT.  When any of it comes about, all registrations are dropped and the
 * handler is called again from the start with the same bytes, `visits` one higher.  What it must
 * remember from one visit to the next stands in `note`.  The connection may close while the
 * request waits: the registrations go with it and the handler is not called again.
 *
 * Broker thread only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/wait.h"
#include "net/bytes.h"

struct presence;
struct splice;
struct state;

enum { REQUEST_NOTE_LEN = 128 };

struct request {
	struct sleeper sleeper; /* first */

	/* From the frame. */
	int16_t api, version;
	int32_t correlation;
	struct reader body;    /* behind the head; a fresh one for each visit */
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

	struct splice *splices; /* of the answer; the rest is request.c's */
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

/* Lets go of all chunks of the answer. */
void request_drop_splices(struct request *req);
/* Drops everything that the request owns. */
void request_fini(struct request *req);

#endif
