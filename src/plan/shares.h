/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PLAN_SHARES_H
#define OMB_PLAN_SHARES_H

/*
 * shares -- which workers produce and which consume, and which clients each of them has.
 *
 * OMB's rules: of n workers floor(n/2) produce, or floor((n + 2) / 3) with more consumers wanted (-x),
 * the first ones of the command line; the others consume.  One worker alone does both.  Lists run
 * backwards: the last worker of each part comes first when clients are dealt, one after the other, so
 * item i of a list belongs to slot i mod slots, and slots beyond the items stay empty.
 *
 * Or each worker is told what it does (`workers:`).  Those that do both have a slot in either list.
 *
 * A producer has its part of the rate wherever it is: a worker's share follows from how many it has.
 * OMB's own program cannot be told so, nor its coordinator tell it: there every worker that has any
 * producer gets the same rate, and so do all workers of a run that one of OMB's is among.
 *
 * Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum share_role {
	SHARE_PRODUCE = 1,
	SHARE_CONSUME = 2,
	SHARE_BOTH = SHARE_PRODUCE | SHARE_CONSUME,
};

const char *share_role_name(enum share_role role); /* "produce", "consume", "both" */
/* False: none has this name. */
bool share_role_of(const char *name, enum share_role *out);

/* What each of `count` workers does, by OMB's rule. */
void shares_roles(unsigned count, bool more_consumers, enum share_role *out);

/* Roles that were asked for, as one word for each worker separated by commas ("produce,both"), or one
 * for all: there must be as many as workers, and one at least that produces and one that consumes. */
bool shares_roles_read(const char *text, unsigned count, enum share_role *out, struct error *err);

/* Workers in the order in which they are dealt to. */
struct share_slots {
	unsigned *workers; /* owned */
	unsigned count;
};

/* Those that do this, but for the ones of which `gone` says so (NULL: none is).  Caller finishes. */
struct share_slots shares_slots(const enum share_role *roles, unsigned count, enum share_role what,
                                const bool *gone);
void shares_slots_fini(struct share_slots *s);

/* So many of `items` belong to a slot; the j-th of them is item slot + j * slots. */
uint64_t shares_items_of(uint64_t items, unsigned slots, unsigned slot);
/* Slots that are not empty. */
unsigned shares_used(uint64_t items, unsigned slots);
/* The first place of a slot in a schedule of all items: slots one after the other. */
uint64_t shares_first_of(uint64_t items, unsigned slots, unsigned slot);

#endif
