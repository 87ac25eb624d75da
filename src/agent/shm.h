/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_SHM_H
#define OMB_AGENT_SHM_H

/*
 * shm -- the memory that an agent shares with its parent: the agent counts, the parent reads.
 *
 *     | header | loop 0 | loop 1 ... | client 0 | client 1 ... | partition counts ... |
 *
 * One mapping for each agent, made before its fork; a restarted agent gets a fresh one and the old
 * one keeps its counts, so a parent that loses an agent at any instant still has all it counted.
 * Every word has one writer for its whole life: the parent (`control`), the agent's first thread
 * (`state`, `error`), or the loop that owns the client.  Counters and histograms only grow.
 * Untouched pages of the mapping take no memory, and readers leave them untouched.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/driver.h"
#include "plan/load.h"
#include "stats/hist.h"
#include "stats/snapshot.h"
#include "util/error.h"

enum agent_state {
	AGENT_ALIVE,  /* opening its clients, or at work */
	AGENT_CLOSED, /* clients closed; about to exit */
	AGENT_FAILED, /* see error */
};

/* Kinds of failures that a loop counts, keeping the first text of each: the driver's events, and
 * what became of messages. */
enum note_kind {
	NOTE_SEND = DRIVER_EVENT_COUNT, /* send refused a message */
	NOTE_DELIVERY,                  /* a message came back as failed */
	NOTE_BLOCKED,                   /* a message stayed BUSY too long */
	NOTE_COUNT
};

const char *note_name(enum note_kind kind);

struct shm_note {
	_Atomic uint64_t count; /* the text is complete before the first count is stored */
	uint64_t first_ns;
	char text[176];
};

struct shm_client {
	_Alignas(64) _Atomic uint64_t sent;
	_Atomic uint64_t acknowledged, failed, unacknowledged, unsent;
	_Atomic uint64_t received, probes_received;
	_Atomic uint64_t assigned; /* partitions; a consumer */
	_Atomic uint64_t first_ns,
		last_ns; /* of the messages received, probes included; 0 = none */
};

struct shm_loop {
	_Alignas(64) _Atomic uint64_t counters[COUNTER_COUNT];
	struct shm_note notes[NOTE_COUNT];
	/* Of a producer loop: 1 as long as it may send more of the load.  Written after the counters
	 * of the last message (release), read before them (acquire, agent_shm_is_offering). */
	_Atomic uint32_t is_offering;
	_Atomic uint64_t closed; /* clients, so far */
	_Alignas(64) struct hist latencies[WINDOW_COUNT][LATENCY_COUNT];
};

/* Words of the parent. */
struct shm_control {
	_Alignas(64) _Atomic uint64_t
		window_start_ns; /* messages due in [start, end) are measured */
	_Atomic uint64_t window_end_ns;
	_Atomic uint64_t load_end_ns; /* nothing is due from here on */
};

struct agent_shm {
	uint32_t magic, version;
	uint64_t bytes; /* of the whole mapping */
	uint32_t loops, clients, partitions;
	struct shm_control control;
	_Alignas(64) _Atomic uint32_t state; /* enum agent_state */
	_Atomic uint32_t error_claimed;      /* the loop that sets it may write `error` */
	struct error error;                  /* complete before state becomes AGENT_FAILED */
	_Atomic uint64_t progress;           /* of administration: items done */
	_Alignas(64) struct shm_loop loop[];
};

/* `partitions` counters for each client; 0 for producers.  NULL = failed. */
struct agent_shm *agent_shm_map(uint32_t loops, uint32_t clients, uint32_t partitions,
                                struct error *err);
void agent_shm_unmap(struct agent_shm *shm);

struct shm_client *agent_shm_client(struct agent_shm *shm, uint32_t client);
/* Received messages by partition of one client; agent_shm.partitions words. */
_Atomic uint64_t *agent_shm_partitions(struct agent_shm *shm, uint32_t client);

/* May any loop send more of the load?  If not, the counters read after this are the last word on
 * what was sent. */
bool agent_shm_is_offering(const struct agent_shm *shm);

/* Clients that are closed so far. */
uint64_t agent_shm_closed(const struct agent_shm *shm);

/* Adds what all loops counted to *to.  With `with_latencies` false only the counters. */
void agent_shm_snapshot(struct agent_shm *shm, bool with_latencies, struct snapshot *to);

/* Keeps the first error of an agent; any loop. */
void agent_shm_fail(struct agent_shm *shm, const struct error *err);

/* Counts one more of `kind`; owner loop only. */
void shm_note_add(struct shm_loop *loop, enum note_kind kind, const char *text, uint64_t now_ns);

#endif
