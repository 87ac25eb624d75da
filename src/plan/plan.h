/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PLAN_PLAN_H
#define OMB_PLAN_PLAN_H

/*
 * plan -- a workload resolved: how many clients, where each belongs, at what rate they work.
 *
 * Pure: the same workload, host and topic names give the same plan.  It has two steps, because the
 * names of topics exist only once a worker has created them (its list is the authority):
 *
 *     plan_make      sizes, rates, windows, how clients are dealt out
 *     plan_clients   one entry for each consumer and producer, in the order they are created
 *
 * The order is OMB's: for every topic its subscriptions, each repeated consumerPerSubscription
 * times, and the whole list shuffled; the list of topics repeated producersPerTopic times, shuffled
 * likewise.  The shuffle follows from the seed.
 *
 * Everything that a plan points to lives in the arena it was made with, or in the workload.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/assignment.h"
#include "load/deal.h"
#include "util/error.h"

struct arena;
struct payload_files;
struct workload;

#define PLAN_MAX_BLOCK_NS UINT64_C(60000000000) /* the Java client's max.block.ms */
#define PLAN_CLIENTS_MAX  10000000              /* producers, and consumers */
#define PLAN_ACCOUNT_MAX  65534                 /* partitions, or subscriptions, of a topic */

/* What the plan needs to know about where it runs. */
struct plan_host {
	uint32_t cpus; /* that this process may use; at least 1 */
	uint16_t run;  /* of the stamp */
	/* Contents of the workload's payload_path; NULL when it has none.  Borrowed. */
	const struct payload_files *payloads;
};

struct plan_consumer {
	const char *topic, *subscription;
	uint32_t subscription_index; /* within its topic */
};

struct plan {
	const struct workload *workload;
	uint32_t topics, partitions;   /* partitions of each topic */
	uint32_t subscriptions;        /* of each topic */
	uint32_t producers, consumers; /* in the whole run */

	bool searches;     /* producerRate 0: load.epoch has the rate to begin with */
	double rate_per_s; /* over all producers; the first one of a search; 0 without schedule */
	struct load_spec load; /* epoch.start_ns is 0 until the gate is known */
	struct deal_spec deal;
	struct consume_spec consume;
	bool stamped;             /* payloads have room for the stamp */
	bool verify;              /* consumers compare what arrives with what was sent */
	bool account;             /* one is kept of every message */
	const char *account_lack; /* why not; NULL = it is */

	uint64_t
		backlog_messages; /* build up so many, over all subscriptions; 0 = no backlog test */
	uint64_t backlog_left_messages; /* drained when so many are left */
};

/* In order of creation. */
struct plan_clients {
	const struct plan_consumer *consumers; /* plan->consumers entries; repeats share a group */
	const char *const *producer_topics;    /* plan->producers entries */
	const struct plan_consumer *groups;    /* every subscription once, for deleting them */
	size_t groups_count;
};

/* ERROR_CONFIG: more clients than PLAN_CLIENTS_MAX. */
bool plan_make(struct plan *out, const struct workload *w, const struct plan_host *host,
               struct arena *arena, struct error *err);

/* `topic_names` has plan->topics names, which are borrowed.  `chance` is the random part of the
 * names of groups (name_chance()); it does not touch the order. */
struct plan_clients plan_clients(const struct plan *plan, const char *run_id,
                                 const char *const *topic_names, uint64_t chance,
                                 struct arena *arena);

/* Keys of the account (account/area.h) that loops of consumers keep, all of them together, at most. */
uint64_t plan_account_keys(const struct plan *plan);

/* Payload bytes offered per second; 0 while searching and without a schedule. */
double plan_bytes_per_s(const struct plan *plan);

#endif
