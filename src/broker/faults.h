/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_FAULTS_H
#define OMB_BROKER_FAULTS_H

/*
 * faults -- what the broker does wrong on purpose, for tests and for learning.
 *
 * A fault is a text, KIND[:VALUE][@START[+LENGTH]], for example
 *
 *     delay:5ms               every request is handled 5 ms late
 *     stall:500ms@10s         nothing is handled for 500 ms, beginning 10 s after the start
 *     refuse@5s+2s            new connections are closed at once, for 2 s
 *     close:1000              every 1000th request closes its connection unanswered
 *     error:7/1000            7 of 1000 produced batches, drawn by lot, are refused with
 *                             NOT_LEADER_OR_FOLLOWER, which a client tries again
 *     lose:1000               every 1000th batch is acknowledged and thrown away
 *     duplicate:1000          every 1000th batch is stored twice
 *
 * Counts and lots depend on the seed and the order of requests alone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum fault_kind {
	FAULT_DELAY,
	FAULT_STALL,
	FAULT_REFUSE,
	FAULT_CLOSE,
	FAULT_ERROR,
	FAULT_LOSE,
	FAULT_DUPLICATE,
};

struct fault {
	enum fault_kind kind;
	uint64_t ns;        /* DELAY, STALL */
	uint64_t count, of; /* CLOSE, LOSE, DUPLICATE: 1 of `of`; ERROR: count of `of` */
	uint64_t start_ns;  /* after the start of the broker */
	uint64_t length_ns; /* UINT64_MAX: for ever */
};

struct fault_help {
	const char *kind, *value, *help;
};
/* NULL ends. */
extern const struct fault_help fault_helps[];

bool fault_parse(const char *text, struct fault *out, struct error *err);

/* The state of a broker's faults. */
struct faults;

struct faults *faults_create(const struct fault *faults, size_t count, uint64_t seed,
                             uint64_t now_ns);
void faults_destroy(struct faults *f);

/* Until when requests that arrived at `arrived_ns` must wait; 0: they need not. */
uint64_t faults_hold_ns(const struct faults *f, uint64_t arrived_ns, uint64_t now_ns);
bool faults_refuse(const struct faults *f, uint64_t now_ns);
/* Each call counts a request. */
bool faults_close(struct faults *f, uint64_t now_ns);

enum fault_of_batch { BATCH_GOOD, BATCH_REFUSED, BATCH_LOST, BATCH_DOUBLED };
/* Each call counts a batch. */
enum fault_of_batch faults_batch(struct faults *f, uint64_t now_ns);

#endif
