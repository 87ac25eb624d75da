/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_BOOKS_H
#define OMB_WORKER_LOCAL_BOOKS_H

/*
 * local_books -- what local_debts.c, local_account.c and local_unheard.c keep in struct local.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/debt.h"
#include "agent/silence.h"
#include "load/assignment.h"
#include "stats/snapshot.h"

struct agent;
struct book;
struct parcel;

/* What it takes to close the books, and what belongs to no single agent. */
struct local_debts {
	bool load_started, settled;
	struct load_spec load;
	struct debt_change *changes; /* all that were told, in order */
	size_t changes_count, changes_cap;
	uint64_t closed_ns;      /* FINISH began: the drain was over */
	struct snapshot missing; /* never received: charged to nobody */
};

struct local_account {
	/* One of them, or none: then nothing else here means anything. */
	struct book *book;
	struct parcel *parcel; /* of a share */
	uint64_t *missed_from; /* of a share, by each producer: a sequence; ACCOUNT_EXACT */
	int timer_fd;          /* of the next look */
	size_t first;          /* agent that is looked at first then */
	/* Of each topic: its first one of the worker's `subscriptions`, and how many it has. */
	uint32_t *first_of, *subscriptions_of;
	bool with_partitions; /* false: counts of partitions would take too much */
	uint64_t *sent;       /* by each producer, once all is settled */
};

/* Consumers that were owed something at the end, and where. */
struct local_silent {
	const struct agent *agent;
	uint32_t client; /* of the agent */
	struct silence_found found;
};

struct local_unheard {
	bool is_known;
	struct local_silent *items;
	size_t count;
};

#endif
