/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/event.h"

#include <string.h>

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

bool fact_event_is_of_agent(enum fact_event_kind kind)
{
	return kind <= EVENT_AGENT_RESUMED;
}
