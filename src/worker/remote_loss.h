/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_REMOTE_LOSS_H
#define OMB_WORKER_REMOTE_LOSS_H

/*
 * remote_loss -- the words for a worker of another host that is lost, or was never reached.
 *
 *     worker http://a:8080: nobody listens there: Connection refused
 *     worker http://a:8080 was lost at 14:03:11Z: snapshot: no answer in time; the last sign of life
 *     came 10.2 s before
 *
 * Pure.
 */

#include <stdint.h>

#include "util/error.h"

struct remote_loss {
	const char *url;
	const char *what;    /* was asked; NULL = the greeting */
	uint64_t silence_ns; /* since it was heard of */
	uint64_t wall_ns;    /* now */
};

/* It was well before. */
void remote_loss_tell(struct error *err, const struct remote_loss *loss);
/* It was not there yet. */
void remote_loss_tell_unreached(struct error *err, const struct remote_loss *loss);

#endif
