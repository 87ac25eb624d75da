/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_WAIT_H
#define OMB_BROKER_WAIT_H

/*
 * wait -- what the core does with requests that wait; request.h has what handlers see of it.
 */

#include "broker/request.h"

/* One registration of one request on one list. */
struct waiter {
	struct request *req;
	struct wait_list *list;
	struct waiter *next, **link; /* in the list */
	struct waiter *next_of_request;
};

/* Takes back all registrations and the deadline. */
void request_forget_waits(struct request *req);

/* Lets go of all chunks of the answer. */
void request_drop_splices(struct request *req);

/* Drops everything that the request owns. */
void request_fini(struct request *req);

#endif
