/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_SCRIPT_H
#define OMB_DRIVER_LOOPBACK_SCRIPT_H

/*
 * script -- what the loopback broker is told to do to messages, and when: pure arithmetic.
 *
 * A message received at t is served at s: at once, or when the queue of a broker that takes
 * `capacity` messages a second has come to it.  It is acknowledged at s + delay + ackDelay and
 * visible at s + delay + deliveryDelay.
 *
 * Stalls: their clock starts when message number `stallAfter` (from 0, over all topics) is
 * received.  Stall k covers [start + k * every, + duration).  In the broker, nothing is served,
 * acknowledged or delivered inside it, and whatever is due then is due at its end.  In sending,
 * producers are told to answer BUSY and everything else goes on.
 *
 * Faults: message n (from 1) of each partition is struck when n is beyond `faultsAfter` and
 * n - faultsAfter is a multiple of the fault's period.
 */

#include <stdbool.h>
#include <stdint.h>

enum loop_stall_where {
	LOOP_STALL_BROKER,
	LOOP_STALL_SEND,
};

/* 0 = off, everywhere. */
struct loop_script {
	uint64_t delay_ns, ack_delay_ns, delivery_delay_ns;
	uint64_t capacity_per_s;
	enum loop_stall_where stall_where;
	uint64_t stall_after, stall_start_ns, stall_duration_ns, stall_every_ns;
	uint64_t faults_after;
	uint64_t lose_every, duplicate_every, reorder_every, fail_every, corrupt_every;
	bool fail_stored;               /* what is refused is delivered all the same */
	uint64_t drop_connection_after; /* over all topics, once */
	uint64_t max_bytes;
};

enum loop_fault {
	LOOP_FAULT_LOSE = 1 << 0,      /* acknowledged, never delivered */
	LOOP_FAULT_DUPLICATE = 1 << 1, /* delivered twice */
	LOOP_FAULT_REORDER = 1 << 2,   /* changes places with the next of its partition */
	LOOP_FAULT_FAIL = 1 << 3,      /* refused */
	LOOP_FAULT_CORRUPT = 1 << 4,   /* one byte of its stamp is flipped */
};

/* What of a script's time has passed.  Zeroed is the beginning. */
struct loop_timeline {
	uint64_t received; /* messages */
	bool is_started;   /* the stalls' clock */
	uint64_t start_ns; /* of it */
	uint64_t busy_ns;  /* the service queue is empty from here on ... */
	uint64_t rest;     /* ... plus so many parts of 1 / capacity_per_s ns: no drift */
};

struct loop_due {
	uint64_t ack_ns, visible_ns;
};

/* One more message is received at now_ns, which never goes back. */
struct loop_due loop_script_receive(const struct loop_script *s, struct loop_timeline *t,
                                    uint64_t now_ns);

/* Is it stalled at `at_ns`?  *end_ns: when that ends. */
bool loop_script_is_stalled(const struct loop_script *s, const struct loop_timeline *t,
                            uint64_t at_ns, uint64_t *end_ns);

/* The next instant after `at_ns` at which a stall begins or ends; UINT64_MAX: never. */
uint64_t loop_script_next_edge_ns(const struct loop_script *s, const struct loop_timeline *t,
                                  uint64_t at_ns);

/* A set of enum loop_fault. */
unsigned loop_script_faults(const struct loop_script *s, uint64_t n);

#endif
