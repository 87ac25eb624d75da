/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/event.h"

#include <string.h>

#include "util/text.h"
#include "util/units.h"

const char *const fact_event_names[EVENT_KINDS] = {
	[EVENT_AGENT_LOST] = "agentLost",
	[EVENT_AGENT_SLOW] = "agentSlow",
	[EVENT_AGENT_STALLED] = "agentStalled",
	[EVENT_AGENT_RESTARTED] = "agentRestarted",
	[EVENT_AGENT_RESUMED] = "agentResumed",
	[EVENT_CLIENT] = "client",
	[EVENT_STDERR] = "stderr",
	[EVENT_JOURNAL_LOST] = "journalLost",
	[EVENT_TOPIC_LOST] = "topicLost",
	[EVENT_WORKER_LOST] = "workerLost",
	[EVENT_OUTAGE] = "outage",
};

const char *fact_event_kind_name(enum fact_event_kind kind)
{
	return fact_event_names[kind];
}

bool fact_event_kind_of(const char *name, enum fact_event_kind *out)
{
	for (int i = 0; i < EVENT_KINDS; i++)
		if (strcmp(fact_event_names[i], name) == 0) {
			*out = (enum fact_event_kind)i;
			return true;
		}
	return false;
}

void fact_outage_format(const struct fact_event *e, uint64_t origin_ns, struct text *out)
{
	char gap[UNITS_TEXT], from[UNITS_TEXT];
	uint64_t from_ns = e->at_ns > origin_ns ? e->at_ns - origin_ns : 0;

	text_addf(out, "no %s for %s from %s on%s",
	          e->role == AGENT_PRODUCER ? "acknowledgement" : "message received",
	          format_duration_short(e->gap_ns, gap), format_duration_short(from_ns, from),
	          e->is_open ? " until the end" : "");
	if (e->text != NULL)
		text_addf(out, " (%s)", e->text);
}

bool fact_event_is_of_agent(enum fact_event_kind kind)
{
	return kind <= EVENT_AGENT_RESUMED;
}
