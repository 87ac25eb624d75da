/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_REASON_H
#define OMB_RUN_REASON_H

/*
 * reason -- what clients said most often, so that a count of failures stands beside its reason.
 */

#include <stdint.h>

#include "worker/worker.h"

enum reason_about {
	REASON_MESSAGES, /* why messages failed */
	REASON_CLIENTS,  /* any other error of a client; rebalances are none */
	REASON_FATAL,    /* why clients stopped working */
};

struct reason {
	uint64_t count;   /* of all errors of this sort */
	uint64_t often;   /* of the commonest one */
	const char *text; /* the commonest one, borrowed from the events; NULL = there is none */
};

struct reason reason_of(const struct fact_events *events, enum reason_about about);

#endif
