/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_PIPED_WORKER_H
#define OMB_TESTS_PIPED_WORKER_H

/*
 * piped_worker -- the second form of a worker: a program (worker_process.c) at the other end of a
 * socketpair, asked and answering in JSON (worker/message.h).
 */

#include "worker/worker.h"

/* `lacks`: a verb that the program shall not have; NULL = it has all.  Caller ends it with
 * worker_destroy. */
struct worker *piped_worker_create(const char *program, const char *lacks);

/* The program is killed when a verb is asked for the n-th time. */
void piped_worker_kill_at(struct worker *w, enum worker_verb verb, unsigned n);

#endif
