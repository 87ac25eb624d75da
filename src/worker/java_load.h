/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_JAVA_LOAD_H
#define OMB_WORKER_JAVA_LOAD_H

/*
 * java_load -- the load of one of OMB's workers, as its protocol has it: a rate, and all payloads.
 */

#include <stdbool.h>

#include "load/assignment.h"
#include "util/error.h"
#include "util/text.h"

/* Appends.  Random payloads are those that a worker of ours makes of the same seed. */
bool java_load_write(const struct load_spec *load, double rate_per_s, struct text *out,
                     struct error *err);

#endif
