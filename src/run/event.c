/* SPDX-License-Identifier: Apache-2.0 */
#include "run/event.h"

#include <stdlib.h>

static const char *kind_name(enum worker_event_kind kind)
{
	switch (kind) {
	case EVENT_AGENT_LOST:
		return "agentLost";
	case EVENT_AGENT_SLOW:
		return "agentSlow";
	case EVENT_AGENT_RESTARTED:
		return "agentRestarted";
	case EVENT_AGENT_RESUMED:
		return "agentResumed";
	case EVENT_CLIENT:
		return "client";
	case EVENT_STDERR:
		return "stderr";
	}
	abort();
}

struct record_event event_record(const struct worker_event *e)
{
	return (struct record_event){
		.kind = kind_name(e->kind),
		.role = agent_role_name(e->role),
		.agent = e->agent,
		.generation = e->generation,
		.at_ns = e->at_ns,
		.gap_ns = e->gap_ns,
		.count = e->count,
		.name = e->name,
		.text = e->text,
	};
}
