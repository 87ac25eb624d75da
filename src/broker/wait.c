/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wait.h"

#include <stdlib.h>

#include "broker/pool.h"
#include "util/xalloc.h"

void request_wait_on(struct request *req, struct wait_list *list)
{
	struct waiter *w = xmalloc(sizeof(*w));

	*w = (struct waiter){
		.req = req,
		.list = list,
		.next = list->first,
		.link = &list->first,
		.next_of_request = req->waiters,
	};
	if (list->first != NULL)
		list->first->link = &w->next;
	list->first = w;
	req->waiters = w;
}

void request_wait_until(struct request *req, uint64_t deadline_ns)
{
	if (req->wake_ns == 0 || deadline_ns < req->wake_ns)
		req->wake_ns = deadline_ns;
}

void request_forget_waits(struct request *req)
{
	while (req->waiters != NULL) {
		struct waiter *w = req->waiters;
		req->waiters = w->next_of_request;
		*w->link = w->next;
		if (w->next != NULL)
			w->next->link = w->link;
		free(w);
	}
	req->wake_ns = 0;
}

void request_splice(struct request *req, const struct writer *out, struct chunk *chunk,
                    const uint8_t *data, size_t len)
{
	if (req->splices_count == req->splices_cap) {
		req->splices_cap = req->splices_cap > 0 ? 2 * req->splices_cap : 16;
		req->splices = xrealloc(req->splices, req->splices_cap * sizeof(*req->splices));
	}
	chunk_hold(chunk);
	req->splices[req->splices_count++] = (struct splice){
		.at = out->len,
		.chunk = chunk,
		.data = data,
		.len = len,
	};
}

void request_drop_splices(struct request *req)
{
	for (size_t i = 0; i < req->splices_count; i++)
		chunk_release(req->splices[i].chunk);
	req->splices_count = 0;
}

void request_fini(struct request *req)
{
	request_forget_waits(req);
	request_drop_splices(req);
	free(req->splices);
	*req = (struct request){ 0 };
}
