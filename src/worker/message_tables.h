/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_MESSAGE_TABLES_H
#define OMB_WORKER_MESSAGE_TABLES_H

/*
 * message_tables -- what the messages of each verb have in them.
 */

#include <stddef.h>

#include "util/fields.h"
#include "worker/verb.h"

struct message_form {
	size_t offset; /* of the verb's struct in struct worker_call */
	/* Of that struct; without items there is nothing to say.  Reading an answer leaves the
	 * arguments beside it as they are. */
	struct fields ask, answer;
};

extern const struct message_form message_forms[WORKER_VERB_COUNT];
extern const struct fields message_error; /* struct error */

#endif
