/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_ENSEMBLE_BED_H
#define OMB_TESTS_ENSEMBLE_BED_H

/*
 * ensemble_bed -- an ensemble of four members on strings: they answer when the test says so.
 *
 * w0 produces, w3 consumes, the others do both.  Failures end the test.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"
#include "worker/ensemble.h"

#define S         UINT64_C(1000000000)
#define MEMBERS   4
#define PRODUCERS 7
#define CONSUMERS 5

/* A member that answers when the test says so, and remembers what it was asked. */
struct puppet {
	struct worker base;
	struct worker_call *call, *stop; /* under way */
	struct worker_call last;         /* as it was asked last */
	unsigned asked[WORKER_VERB_COUNT];
	bool gone, destroyed;
	bool answers_at_once; /* the rest of what it is asked, with nothing in it */
	int lacks;            /* a verb that it does not have; -1 = it has all */
};

extern const struct worker_ops puppet_ops;

struct bed {
	struct puppet puppets[MEMBERS];
	struct ensemble_member members[MEMBERS];
	struct worker *e;
	struct arena arena;
	struct clock_table *clocks; /* NULL = none */
	uint64_t now_ns;
	struct worker_call call;
};

uint64_t bed_now_ns(void *to); /* a struct bed */
/* What b->members says of is_foreign stays. */
void bed_setup(struct bed *b, unsigned tolerate);
void bed_teardown(struct bed *b);

/* Another call, b->call; its arguments come between the two. */
void bed_begin(struct bed *b);
void bed_start(struct bed *b, enum worker_verb verb);

/* The member's call ends as it is, and the ensemble looks. */
void bed_answer(struct bed *b, unsigned i);
void bed_refuse(struct bed *b, unsigned i, enum error_kind kind, const char *why);
/* Everybody who is asked says yes. */
void bed_all_do(struct bed *b, enum worker_verb verb);

void bed_make_clients(struct bed *b);
void bed_make_load(struct bed *b);

/* Its answer to the snapshot under way: so much was sent, and all but one acknowledged. */
void bed_count(struct bed *b, unsigned i, uint64_t sent);
/* 100, 200, ... of all that live. */
void bed_snapshot(struct bed *b);

void bed_assert_fails_with(const struct bed *b, const char *const *words);
#define FAILS_WITH(b, ...) bed_assert_fails_with((b), (const char *const[]){ __VA_ARGS__, NULL })

#endif
