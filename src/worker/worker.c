/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker.h"

#include <assert.h>

const char *worker_verb_name(enum worker_verb verb)
{
	static const char *const names[] = {
		[WORKER_INITIALIZE_DRIVER] = "initialize-driver",
		[WORKER_CREATE_TOPICS] = "create-topics",
		[WORKER_CREATE_CONSUMERS] = "create-consumers",
		[WORKER_CREATE_PRODUCERS] = "create-producers",
		[WORKER_PROBE_PRODUCERS] = "probe-producers",
		[WORKER_START_LOAD] = "start-load",
		[WORKER_ADJUST_PUBLISH_RATE] = "adjust-publish-rate",
		[WORKER_PAUSE_CONSUMERS] = "pause-consumers",
		[WORKER_RESUME_CONSUMERS] = "resume-consumers",
		[WORKER_RESET_STATS] = "reset-stats",
		[WORKER_STOP_ALL] = "stop-all",
		[WORKER_COUNTERS_STATS] = "counters-stats",
		[WORKER_PERIOD_STATS] = "period-stats",
		[WORKER_CUMULATIVE_LATENCIES] = "cumulative-latencies",
		[WORKER_SET_WINDOW] = "set-window",
		[WORKER_READINESS] = "readiness",
		[WORKER_SNAPSHOT] = "snapshot",
		[WORKER_FINISH] = "finish",
		[WORKER_TOPIC_ENDS] = "topic-ends",
		[WORKER_DELETE_TOPICS] = "delete-topics",
		[WORKER_CLOCK] = "clock",
		[WORKER_EVENTS] = "events",
	};

	assert(verb < WORKER_VERB_COUNT);
	return names[verb];
}

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
