/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FAULT_FAULT_LOG_H
#define OMB_FAULT_FAULT_LOG_H

/*
 * fault_log -- a file in which a broker names each message that it has done something to: what tests
 * compare a result with.
 *
 *     {"fault":"lose","topic":"t","partition":3,"offset":17,"producer":2,"sequence":1041}
 *
 * A line is written when it was done, not when it was drawn: of a message that a fault could not
 * harm there is none.  What is not known is left out: the offset of a broker without offsets, producer
 * and sequence of a message without a stamp.  Of reorder, "overtakenBy" is the sequence of the message
 * that came first.  "messages" counts those from the offset on of which nobody could look into any.
 */

#include <stdint.h>

#include "fault/fault.h"
#include "fault/subject.h"
#include "util/error.h"

struct fault_log;

struct fault_event {
	enum fault_kind kind;
	const char *topic;
	int32_t partition;
	int64_t offset;    /* -1 = not known */
	uint64_t messages; /* 0 = the one of `who` */
	struct fault_subject who, overtaken_by;
};

/* The file is empty then.  NULL: *err. */
struct fault_log *fault_log_open(const char *path, struct error *err);
/* Without a log (NULL) nothing happens. */
void fault_log_add(struct fault_log *l, const struct fault_event *e);
/* False: not all of it is in the file. */
bool fault_log_close(struct fault_log *l, struct error *err);

#endif
