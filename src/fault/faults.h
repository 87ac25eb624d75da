/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FAULT_FAULTS_H
#define OMB_FAULT_FAULTS_H

/*
 * faults -- when each of a broker's faults strikes.
 *
 * No clock: `now_ns` never goes back.  What strikes depends on the seed and on the order of what is
 * told alone; where a fault counts the messages of one producer, on the seed and their numbers alone.
 *
 * The load's start is read from a word that somebody writes who knows it (0: not yet); messages that
 * come earlier are none of the load.  Without such a word the load begins with the first message.
 * In a run the parent writes it (shm_control.load_start_ns), and the driver's broker hook hands it on
 * (driver_context); `omb broker` has none.
 *
 * The embedded broker acts in broker/requests/append.c, the loopback in driver/loopback/core.c and
 * script.c.  A new kind: the enum, fault_helps, one of the sets FAULTS_OF_*, and its place there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/fault.h"
#include "fault/subject.h"

struct faults;

/* Faults of messages of which those strike all that share an answer. */
#define FAULTS_OF_ANSWERS (FAULT_BIT(FAULT_ERROR) | FAULT_BIT(FAULT_DENY))

/* Copies `faults`, borrows `load_start_ns` (NULL = there is none). */
struct faults *faults_create(const struct fault *faults, size_t count, uint64_t seed,
                             const _Atomic uint64_t *load_start_ns, uint64_t now_ns);
void faults_destroy(struct faults *f);

/* Does any of them ever strike messages?  If none does, it is enough to tell how many there are. */
bool faults_are_of_messages(const struct faults *f);

/* `messages` come in one piece, into which nobody looks and which shares its fate: what strikes it, as a
 * set of FAULT_BITs. */
unsigned faults_strike(struct faults *f, uint64_t messages, uint64_t now_ns);
/* `count` messages come that share an answer: what strikes each, into `struck`. */
void faults_strike_each(struct faults *f, const struct fault_subject *who, size_t count,
                        uint64_t now_ns, unsigned *struck);

/* One more request (of the loopback: a message, told behind faults_strike): is its connection closed? */
bool faults_close(struct faults *f, uint64_t now_ns);

/* What a fault that begins with a message does to connections and requests it does to those that come
 * behind it. */
bool faults_refuse(const struct faults *f, uint64_t now_ns);

/* How much later all is handled that came at `at_ns`, and is to be told. */
uint64_t faults_delay_ns(const struct faults *f, uint64_t at_ns);
/* The same of the messages that were told last, at `now_ns`: with the one that it begins with. */
uint64_t faults_delay_of_told_ns(const struct faults *f, uint64_t now_ns);

/* The end of the stalls (kind STALL or BUSY) in which `at_ns` lies; `at_ns`: it lies in none.  They are
 * known as far ahead as the load's start is. */
uint64_t faults_stall_end_ns(const struct faults *f, enum fault_kind kind, uint64_t at_ns);

/* The next instant behind `at_ns` at which one of them begins or ends; UINT64_MAX: never. */
uint64_t faults_stall_edge_ns(const struct faults *f, enum fault_kind kind, uint64_t at_ns);

#endif
