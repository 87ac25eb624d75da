/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_SCRIPT_H
#define OMB_DRIVER_LOOPBACK_SCRIPT_H

/*
 * script -- what the loopback broker is told to do to messages, and when: arithmetic alone.
 *
 * A message received at t is served at s: at once, or when the queue of a broker that takes
 * `capacity` messages a second has come to it.  It is acknowledged at s + delay + ackDelay and
 * visible at s + delay + deliveryDelay.  In a stall nothing is served, acknowledged or delivered, and
 * whatever is due then is due at its end.
 */

#include <stdbool.h>
#include <stdint.h>

#include "fault/fault_log.h"
#include "fault/faults.h"

/* 0 = off, everywhere. */
struct loop_script {
	uint64_t delay_ns, ack_delay_ns, delivery_delay_ns;
	uint64_t capacity_per_s;
	uint64_t max_bytes;
	const struct fault *faults; /* borrowed */
	size_t faults_count;
	uint64_t fault_seed;
	struct fault_log *fault_log;           /* borrowed; NULL: none */
	const _Atomic uint64_t *load_start_ns; /* see fault/faults.h */
};

/* What of a script's time has passed.  Zeroed is the beginning. */
struct loop_timeline {
	struct faults *faults;
	uint64_t busy_ns; /* the service queue is empty from here on ... */
	uint64_t rest;    /* ... plus so many parts of 1 / capacity_per_s ns: no drift */
};

struct loop_due {
	uint64_t ack_ns, visible_ns;
};

/* One more message is received at now_ns, which never goes back; the faults know of it already. */
struct loop_due loop_script_receive(const struct loop_script *s, struct loop_timeline *t,
                                    uint64_t now_ns);

#endif
