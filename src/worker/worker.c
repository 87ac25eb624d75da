/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker.h"

#include <assert.h>

void worker_start(struct worker *w, struct worker_call *call)
{
	assert(call->state != CALL_RUNNING);
	call->state = CALL_RUNNING;
	w->ops->start(w, call);
}

int worker_fd(struct worker *w)
{
	return w->ops->fd(w);
}

void worker_serve(struct worker *w)
{
	w->ops->serve(w);
}

void worker_destroy(struct worker *w)
{
	if (w != NULL)
		w->ops->destroy(w);
}

bool worker_is_gone(struct worker *w, struct error *why)
{
	return w->ops->is_gone != NULL && w->ops->is_gone(w, why);
}

void worker_lacks(struct worker_call *call)
{
	error_set(&call->err, ERROR_UNSUPPORTED, "the worker does not have this verb");
	call->lacking = true;
	call->state = CALL_FAILED;
}
