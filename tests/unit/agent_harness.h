/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_AGENT_HARNESS_H
#define OMB_TESTS_AGENT_HARNESS_H

/*
 * agent_harness -- one loop of an agent in a thread of the test, with its shared memory at hand.
 *
 * Everything is as in an agent's process but the process itself.  Failures end the test.
 */

#include <pthread.h>
#include <stdint.h>

#include "agent/agent.h"
#include "agent/channel.h"
#include "agent/debt.h"

struct harness {
	struct agent_spec spec;
	struct agent_shm *shm;
	int channel[2]; /* [0] ours */
	pthread_t thread;
	bool ok;
	struct error err; /* of the loop, once it has ended */
	uint32_t tag;
	int pool_fd;
};

/* *spec is copied, what it points to is borrowed.  Returns when the loop's clients are open. */
void harness_start(struct harness *h, const struct agent_spec *spec);

/* Sends a command and waits for its answer; false = refused, *err says why. */
bool harness_command(struct harness *h, struct agent_command *command, struct error *err);

/* START with a pool of random payloads as load->payload says. */
void harness_start_load(struct harness *h, const struct load_spec *load);

/* CLOSE, and waits for the end of the loop. */
void harness_close(struct harness *h);
/* After harness_close: the parent's part, as if nothing had told the loop of a change of rate.
 * Charges go to *charged. */
struct debt_account harness_settle(struct harness *h, uint32_t client, const struct load_spec *load,
                                   struct snapshot *charged);
/* After harness_close: what was counted is gone. */
void harness_fini(struct harness *h);

uint64_t harness_counter(const struct harness *h, enum counter which);

/* What the loop has timed; replaces what *out held. */
void harness_latency(const struct harness *h, enum window window, enum latency which,
                     struct hist_copy *out);

/* Waits until the counter has reached `value`, 30 s at most. */
void harness_wait_counter(const struct harness *h, enum counter which, uint64_t value);

#endif
