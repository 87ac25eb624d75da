/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_FAKE_DRIVER_H
#define OMB_TESTS_FAKE_DRIVER_H

/*
 * fake_driver -- a driver that does what a test tells it and writes down what it was asked.
 *
 * One script for the whole program; set it before the loop starts.  Producers are numbered in the
 * order they are opened (their producer_spec.id).
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "driver/driver.h"
#include "load/stamp.h"

#define FAKE_SENDS_MAX 200000

struct fake_send {
	struct stamp stamp;
	uint64_t at_ns;
	size_t len;
	char key[16]; /* "" = none */
};

struct fake_delivery {
	uint32_t consumer;
	int32_t partition;
	bool redelivered;
	int64_t broker_ms;
	size_t len;
	unsigned char payload[64];
};

struct fake_script {
	/* The answer to a send; NULL = queued. */
	enum send_status (*on_send)(uint32_t producer, const struct stamp *stamp,
	                            struct error *err);
	/* false: nothing comes back until the producer is closed. */
	_Atomic bool acknowledges;
	uint32_t silent_producer; /* number + 1 of one that never connects; 0 = all do */
	_Atomic bool fails;       /* what comes back comes back as failed */
	bool answers_in_send;     /* and before send returns */
	bool forgets;             /* closing gives nothing back */
	bool stamps_on_arrival;   /* deliveries are stamped as sent when they are handed out */
	void (*on_commit)(void);  /* NULL = nothing */
	uint64_t look_ns;         /* so long it waits before each delivery, and looks again */
	uint64_t open_ns;         /* so long takes the opening of each consumer ... */
	uint64_t close_ns;        /* ... and the close of each producer */
	bool allocates;           /* send allocates, which is forbidden */
	struct fake_delivery *deliveries;
	uint32_t deliveries_count;
};

extern struct fake_script fake_script;
extern struct fake_send fake_sends[FAKE_SENDS_MAX]; /* probes left out */
extern _Atomic uint32_t fake_sends_count;           /* of these, at most FAKE_SENDS_MAX */
extern _Atomic uint32_t fake_commits;
/* How often each of the first consumers was asked to settle: until it was so often.  All but the
 * first fail at it. */
#define FAKE_SETTLES 3
extern _Atomic uint32_t fake_settles[4];

/* How many clients had begun to close when the first one was closed, and how many were closed. */
extern _Atomic uint32_t fake_begun_at_first_close, fake_closed;

extern const struct driver driver_fake;

void fake_reset(void);

#endif
