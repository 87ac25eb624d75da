/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_LOCAL_BENCH_H
#define OMB_TESTS_LOCAL_BENCH_H

/*
 * local_bench -- the local worker with real agents, verb by verb.  Failures end the test.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"
#include "worker/local.h"

#define RUN_ID 4711
#define MS     UINT64_C(1000000)
#define S      UINT64_C(1000000000)

struct fixture {
	struct arena arena;
	const char *driver_yaml;
	struct deal_spec deal;
	struct worker *w;
	const char *const *topics;
	const struct payload_spec *verify; /* consumers compare with these; NULL = they do not */
	struct consume_spec consume;
	bool is_share;      /* other workers have a part of the load; before initialize */
	uint32_t accounted; /* an account is kept of so many producers to come; 0 = none is */
	uint32_t
		subscriptions; /* 1 or 2, that consumers are dealt to in turns; 0 = one that the load is
	                         * not told of */
};

extern const struct deal_spec per_client, per_core, threaded;

struct worker_call call_of(struct fixture *f, enum worker_verb verb);
/* Waits for the call to complete; the worker's own limits end it. */
bool complete(struct fixture *f, struct worker_call *call);
void must(struct fixture *f, struct worker_call *call);
void do_verb(struct fixture *f, enum worker_verb verb);
const char *own_run_id(void);
struct worker_call initialize_call(struct fixture *f);
void initialize(struct fixture *f);
/* A case that failed has not closed its worker: what it left, its broker and its agents, ends with the
 * next one, which must not find the broker's address taken. */
struct worker *create_worker(void);
void open_worker(struct fixture *f, const char *driver_yaml, struct deal_spec deal);
void create_topics(struct fixture *f, uint32_t topics, uint32_t partitions);
void create_producers(struct fixture *f, uint32_t count);
void create_consumers(struct fixture *f, uint32_t count, uint32_t partitions);
/* A load of `rate` for `length_ns`, all of it measured; returns when it begins. */
uint64_t start_load(struct fixture *f, double rate, uint32_t producers, uint64_t length_ns);
uint64_t counter_now(struct fixture *f, enum counter which);
void wait_counter(struct fixture *f, enum counter which, uint64_t value);
struct fact_totals finish(struct fixture *f);
struct fact_agent agent_now(struct fixture *f, enum agent_role role, unsigned index);
const struct fact_event *find_event(struct fixture *f, enum fact_event_kind kind);
const struct fact_event *wait_event(struct fixture *f, enum fact_event_kind kind);
/* Ends the worker; no child may be left, not even a zombie. */
void close_worker(struct fixture *f);
void adjust(struct fixture *f, double rate, uint64_t start_ns);
void wait_ready(struct fixture *f, size_t count);

#endif
