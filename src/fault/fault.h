/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FAULT_FAULT_H
#define OMB_FAULT_FAULT_H

/*
 * fault -- the words for what a broker of ours does wrong on purpose.
 *
 *     KIND[:VALUE][@FROM[+LENGTH | ..TO][/PERIOD]]
 *
 *     delay:5ms              all is handled 5 ms late, from the broker's start on
 *     stall:500ms@10s        nothing is handled for 500 ms, 10 s after the load began
 *     stall:500ms@5000       the same from the load's message number 5000 on
 *     stall:400ms@3s/2s      the same after 3 s and every 2 s from then on
 *     lose:100@1             of the load, every 100th message is acknowledged and thrown away
 *     error:7/1000@5s..9s    7 of 1000 messages, drawn by lot, are refused from 5 s until 9 s
 *     close:1@500+1          the connection that brings message 500 is closed
 *     lose:1@2#1041..1044    of producer 2 the messages 1041 to 1043 are thrown away
 *
 * FROM, LENGTH and TO are times after the load's start, with a unit, or numbers of its messages, from
 * 1; LENGTH may be the one where FROM is the other.  TO is not in it any more.  PERIOD is a time.
 * Without @ a fault holds from the broker's start on, and counts what comes before the load, too.
 *
 * P#FROM is the message FROM, from 0, of the producer P alone, as the stamp in its payload says
 * (load/stamp.h).  What is struck then follows from its number, however often and in which order it
 * comes: the Nth, the 2Nth... from FROM on, or those that a lot of their own falls upon.
 */

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

enum fault_kind {
	FAULT_DELAY,
	FAULT_STALL,
	FAULT_BUSY,
	FAULT_REFUSE,
	FAULT_CLOSE,
	FAULT_ERROR,
	FAULT_DENY,
	FAULT_LOSE,
	FAULT_DUPLICATE,
	FAULT_REORDER,
	FAULT_CORRUPT,
	FAULT_SPOIL,
};

/* A set of kinds. */
#define FAULT_BIT(kind) (1U << (kind))

/* What the brokers can do. */
#define FAULTS_OF_BOTH                                                                      \
	(FAULT_BIT(FAULT_DELAY) | FAULT_BIT(FAULT_STALL) | FAULT_BIT(FAULT_CLOSE) |         \
	 FAULT_BIT(FAULT_ERROR) | FAULT_BIT(FAULT_DENY) | FAULT_BIT(FAULT_LOSE) |           \
	 FAULT_BIT(FAULT_DUPLICATE) | FAULT_BIT(FAULT_REORDER) | FAULT_BIT(FAULT_CORRUPT) | \
	 FAULT_BIT(FAULT_SPOIL))
#define FAULTS_OF_BROKER   (FAULTS_OF_BOTH | FAULT_BIT(FAULT_REFUSE))
#define FAULTS_OF_LOOPBACK (FAULTS_OF_BOTH | FAULT_BIT(FAULT_BUSY))

/* FAULT_ALWAYS: of FROM, the broker's start; of a length, without an end.  FAULT_SEQUENCES: of FROM
 * alone, and then a length is in messages. */
enum fault_unit { FAULT_ALWAYS, FAULT_NS, FAULT_MESSAGES, FAULT_SEQUENCES };

struct fault_span {
	enum fault_unit unit;
	uint64_t n;
};

struct fault {
	enum fault_kind kind;
	uint64_t ns;        /* DELAY, STALL, BUSY */
	uint64_t count, of; /* `count` of `of` by lot; count 0: every `of`th */
	struct fault_span from, length;
	uint32_t producer;  /* FAULT_SEQUENCES */
	uint64_t period_ns; /* 0 = it does not come again */
};

struct fault_help {
	const char *form; /* "delay:TIME" */
	enum fault_kind kind;
	const char *help;
};
/* form NULL ends. */
extern const struct fault_help fault_helps[];

/* What people have to know besides; paragraphs parted by empty lines. */
extern const char fault_grammar[];

#define FAULTS_MAX 512

/* One fault.  ERROR_USAGE: where in the text, and what is expected there; or that it is not among
 * `can`. */
bool fault_parse(const char *text, unsigned can, struct fault *out, struct error *err);

/* Up to FAULTS_MAX, parted by blanks or commas.  Returns how many; -1: *err. */
int fault_list_parse(const char *texts, unsigned can, struct fault *out, struct error *err);

#endif
