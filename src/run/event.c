/* SPDX-License-Identifier: Apache-2.0 */
#include "run/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

const char *event_hint(const char *text)
{
	static const struct {
		int os_errno;
		const char *hint;
	} hints[] = {
		{ EADDRNOTAVAIL, " (no local port is free: /proc/sys/net/ipv4/ip_local_port_range, "
		                 "or fewer clients)" },
		{ EMFILE, " (ulimit -n)" },
	};

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strstr(text, strerror(hints[i].os_errno)))
			return hints[i].hint;
	return "";
}

const struct worker_event *event_commonest(const struct worker_events *events)
{
	const struct worker_event *found = NULL;

	for (size_t i = 0; i < events->count; i++) {
		const struct worker_event *e = &events->items[i];

		/* Members that come and go are no failure. */
		if (e->kind != EVENT_CLIENT || !e->text || !e->text[0] ||
		    (e->name && strcmp(e->name, "rebalance") == 0))
			continue;
		if (!found || e->count > found->count)
			found = e;
	}
	return found;
}
