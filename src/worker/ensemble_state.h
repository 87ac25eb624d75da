/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_ENSEMBLE_STATE_H
#define OMB_WORKER_ENSEMBLE_STATE_H

/*
 * ensemble_state -- an ensemble while it works, for its own files.
 *
 *     ensemble_verbs.c   life, losses, time: who is asked, waited for, given up
 *     ensemble_share.c   each member's share of a call
 *     ensemble_merge.c   one answer of all answers
 *     ensemble_totals.c  the same of totals, and what lost members had counted
 *     ensemble_clocks.c  who is told of whose clock
 *     ensemble_names.c   words for who failed
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"
#include "worker/ensemble.h"

/* One call at one member.  Until it has ended the member may write to it, whoever waits. */
struct ensemble_ask {
	struct worker_call call;
	struct arena arena; /* of its answer; moves to the caller's with it */
};

/* What a member has to do with the call under way. */
enum ensemble_part {
	PART_NONE,    /* nothing */
	PART_WAITING, /* it is not asked yet: it is at another call still */
	PART_ASKED,
	PART_ANSWERED,
	PART_LACKS, /* it does not have the verb */
	PART_FAILED,
	PART_LOST, /* it was lost meanwhile */
};

/* As of when it was heard of last. */
struct ensemble_seen {
	struct snapshot
		snapshot; /* owned; histograms perhaps older than counts; taken_ns 0 = never */
	struct fact_agent *agents; /* owned, without what they point to */
	size_t agents_count, agents_cap;
	struct fact_edge edges[FACT_EDGES];
	struct fact_host host;
	struct worker_counters counters;
	struct fact_events events;
	struct arena events_arena;
};

struct ensemble_one {
	struct ensemble_member is;
	unsigned index;
	const char *label; /* "worker 2 (http://c:8080)" */
	struct ensemble_ask main, stop, clocks;
	struct arena kept; /* of an answer that others come after: what stands in for finish */
	enum ensemble_part part, stop_part; /* of the call under way, of STOP_ALL */
	enum worker_verb asked;    /* of `main`: not the call's where something stands in for it */
	struct error err;          /* of PART_FAILED */
	struct error clocks_err;   /* why it does not know the clocks, although it should */
	struct fact_totals totals; /* its answer to snapshot and finish, until it is merged */
	uint64_t producers, consumers, first_producer;
	unsigned producer_slot, consumer_slot;
	struct ensemble_seen seen;
	bool lost, untold; /* no call has failed because of it, and one has to */
	uint64_t lost_ns;
	const char *why;       /* of the loss, with its label */
	struct error lost_err; /* of the loss */
};

struct ensemble {
	struct worker base;
	struct ensemble_one *members; /* owned */
	unsigned count;
	unsigned tolerate_losses, losses;
	uint64_t (*now_ns)(void *to);
	void *to;
	int epoll_fd, timer_fd; /* -1: time is injected */
	struct arena arena;     /* of the ensemble's life */

	struct worker_call *call, *stop; /* NULL = none is under way */
	uint64_t deadline_ns, failed_ns; /* of the call; when the first part failed, 0 = none has */
	uint64_t stop_deadline_ns;
	bool is_cancelled;              /* the call, by STOP_ALL */
	unsigned overdue, stop_overdue; /* so often it was served since it should have ended */

	/* From INITIALIZE_DRIVER on. */
	struct share_slots producers,
		consumers; /* workers in the order that clients are dealt in */
	unsigned used;     /* members with producers */
	bool equal_shares; /* of the rate: one of OMB's is among them */
	bool loading;      /* losses are tolerated */
	struct worker_window window;
	struct clock_table *clocks; /* NULL = none */
	uint64_t finish_ns;         /* when the clients were told to close */
	struct fact_worker *facts;  /* `count`, in `arena` */
};

static inline struct ensemble *ensemble_of(const struct worker *w)
{
	return (struct ensemble *)(uintptr_t)w;
}

static inline uint64_t ensemble_now_ns(const struct ensemble *e)
{
	return e->now_ns(e->to);
}

/* --- ensemble_share.c --------------------------------------------------------------------------- */

enum ensemble_who { WHO_ALL, WHO_PRODUCERS, WHO_CONSUMERS, WHO_LEADER, WHO_NOBODY };
enum ensemble_lack {
	LACK_WHOLE,   /* one that lacks it is all that lack it */
	LACK_REST,    /* the others' answer stands */
	LACK_NEXT,    /* another one is asked */
	LACK_REPLACE, /* other verbs stand in for it */
};

struct ensemble_rule {
	enum ensemble_who who;
	enum ensemble_lack lack;
	bool quick;
	bool goes_on; /* it does what can be done, whoever is lost */
};

extern const struct ensemble_rule ensemble_rules[WORKER_VERB_COUNT];

/* The first that lives, one of ours if there is any; NULL = nobody lives. */
struct ensemble_one *ensemble_leader(const struct ensemble *e);
/* Who has a part in the call.  False: it cannot be carried out. */
bool ensemble_share(struct ensemble *e, const struct worker_call *call, struct error *err);
/* What the member is asked: its share of the call, or what stands in for that. */
void ensemble_share_of(const struct ensemble *e, const struct ensemble_one *m,
                       const struct worker_call *call, struct arena *arena,
                       struct worker_call *own);

/* --- ensemble_merge.c --------------------------------------------------------------------------- */

/* Of the parts that were answered.  False: the answers make no sense together. */
bool ensemble_merge(struct ensemble *e, struct worker_call *call, struct error *err);
/* Frees an answer that nobody reads. */
void ensemble_drop_answer(struct worker_call *call);

/* --- ensemble_totals.c -------------------------------------------------------------------------- */

/* A part was answered: its totals are kept, and remembered. */
void ensemble_take_totals(struct ensemble_one *m, struct fact_totals *totals);
void ensemble_merge_totals(struct ensemble *e, bool is_final, struct arena *arena,
                           struct fact_totals *out);
void ensemble_forget(struct ensemble_one *m);
void ensemble_fill_facts(const struct ensemble *e, struct fact_worker *out);

/* --- ensemble_clocks.c -------------------------------------------------------------------------- */

/* Another round, if one is due. */
void ensemble_clocks_round(struct ensemble *e);
/* Tells who has to be told, and looks for answers; members of whom clocks_err says that it failed are to
 * be given up. */
void ensemble_clocks_look(struct ensemble *e);
bool ensemble_clocks_are_told(const struct ensemble *e);
void ensemble_clocks_window(struct ensemble *e);
/* Of the final totals. */
void ensemble_clocks_tell_totals(struct ensemble *e, struct fact_totals *out);

/* --- ensemble_names.c --------------------------------------------------------------------------- */

/* Who failed and why, and who owes an answer.  False. */
bool ensemble_tell_failure(const struct ensemble *e, bool of_stop, struct error *err);

#endif
