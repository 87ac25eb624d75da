/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_ADMIN_CALL_H
#define OMB_CMD_ADMIN_CALL_H

/*
 * admin_call -- one piece of administration, done while the command waits.
 *
 * The client library runs in an agent forked for it, as always; this process only waits for what it
 * writes.  An agent that does not end in time is killed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/admin.h"
#include "util/text.h"

struct input_driver;

/* What the agent wrote is added to *output: records of NUL-terminated strings. */
bool admin_call_run(const struct input_driver *driver, const struct admin_job *job,
                    uint64_t timeout_ms, struct text *output, struct error *err);

/* The next record of `count` strings, borrowed; *at begins with 0.  False at the end. */
bool admin_call_next_record(const struct text *output, size_t *at, const char **fields,
                            size_t count);

#endif
