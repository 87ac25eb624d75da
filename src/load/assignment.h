/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_LOAD_ASSIGNMENT_H
#define OMB_LOAD_ASSIGNMENT_H

/*
 * assignment -- what agents are asked to do, apart from which clients they hold.
 */

#include <stdbool.h>
#include <stdint.h>

#include "load/pacer.h"
#include "load/payload.h"

/* In flight for each producer, where nobody says otherwise. */
#define LOAD_WINDOW_DEFAULT    65536

/* How long after the end of the load what was due before is still sent. */
#define LOAD_GRACE_NS          UINT64_C(1000000000)

/* The account of messages may take so much of all producers' loops together, and of all consumers',
 * where it is touched: beyond it counts are not exact.  A loop touches a chunk of some 8 KiB for each
 * producer that it hears of (account/area.h). */
#define LOAD_ACCOUNT_BYTES_MAX (UINT64_C(1) << 30)

/* Keys of the account of one loop (account/area.h): 16 bytes each, and all are looked through at the end. */
#define LOAD_ACCOUNT_KEYS_MAX  (UINT32_C(1) << 22)

/* Address space of a consumers' loop to remember the last message of each producer and partition in;
 * what is touched is that of the partitions that its consumers have. */
#define LOAD_ORDER_BYTES_MAX   (UINT64_C(1) << 30)

enum load_mode {
	LOAD_PACED,     /* by the epoch's schedule */
	LOAD_UNLIMITED, /* rate `max`: as fast as the window in flight allows, no schedule */
};

/* `pacing: spin`: a loop sleeps until so long before a message is due, and spins from then on.  A
 * virtual machine takes 25 to 50 us to wake up, measured (bench/README.md). */
#define LOAD_SPIN_NS UINT64_C(50000)

struct load_spec {
	enum load_mode mode;
	struct pacer_epoch epoch; /* LOAD_UNLIMITED uses start_ns only: the gate */
	uint32_t first_producer;  /* this worker's first place in the whole schedule ... */
	uint32_t producers;       /* ... of so many in the whole run */
	enum key_pick keys;
	struct payload_spec payload;
	uint64_t wake_interval_ns;
	uint64_t spin_ns;         /* the last part of a wait for a due time is spun; 0 = none is */
	uint64_t max_block_ns;    /* a message that stays BUSY so long has failed; the
	                           * driver's own (traits.max_block_ms) comes first */
	uint32_t window_messages; /* in flight per producer; never 0 */
	uint32_t subscriptions;   /* of each topic: so many miss a message that is never sent */
	bool shared;  /* other workers send or receive, too: what nobody received is unknown here */
	uint16_t run; /* of the stamp */
	uint64_t seed;
};

/* What consumers are asked to do. */
struct consume_spec {
	uint64_t processing_ns;      /* a slow consumer: time spent on each message */
	uint64_t commit_interval_ns; /* 0 = not by time */
	uint64_t commit_messages;    /* 0 = not by count; both 0 = after every batch */
	bool unstamped; /* messages without a stamp count: payloads are too small, or not all ours */
	/* Nobody has compared the clocks of workers: stamps are timed by the record's own time, but for those
	 * of this worker's producers, whose numbers begin at own_first. */
	bool clocks_unknown;
	uint32_t own_first, own_count;
};

#endif
