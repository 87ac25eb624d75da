/* SPDX-License-Identifier: Apache-2.0 */
#include "run/topic_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run/await.h"
#include "run/limits.h"
#include "run/state.h"
#include "util/xalloc.h"

static int by_topic(const void *a, const void *b)
{
	return strcmp(((const struct fact_producer *)a)->topic,
	              ((const struct fact_producer *)b)->topic);
}

/* The totals by topic: those of one stand together. */
static struct fact_producer *sorted_producers(const struct run *r)
{
	const struct fact_totals *t = &r->close.totals;
	struct fact_producer *to = xmalloc((t->producers_count + 1) * sizeof(*to));

	memcpy(to, t->producers, t->producers_count * sizeof(*to));
	qsort(to, t->producers_count, sizeof(*to), by_topic);
	return to;
}

static uint64_t acknowledged_in(const struct fact_producer *sorted, size_t count, const char *topic)
{
	const struct fact_producer key = { .topic = topic };
	const struct fact_producer *p = bsearch(&key, sorted, count, sizeof(*sorted), by_topic);
	uint64_t sum = 0;

	if (p == NULL)
		return 0;
	while (p > sorted && strcmp(p[-1].topic, topic) == 0)
		p--;
	for (; p < sorted + count && strcmp(p->topic, topic) == 0; p++)
		sum += p->acknowledged;
	return sum;
}

static void judge(struct run *r, const char *topic, uint64_t took, uint64_t acknowledged)
{
	struct topics_found *f = &r->topics_found;
	bool is_gone = took == WORKER_NO_TOPIC;

	if (!is_gone && took >= acknowledged)
		return;
	/* A topic that is not there says more than one that is short. */
	if (f->example == NULL || (is_gone && f->gone == 0))
		f->example =
			is_gone ? arena_printf(&r->arena,
		                               "topic %s is not there any more; %" PRIu64
		                               " messages were acknowledged in it",
		                               topic, acknowledged)
				: arena_printf(
					  &r->arena,
					  "topic %s took %" PRIu64 " messages, but %" PRIu64
					  " were acknowledged in it: its end is gone, or it was made anew",
					  topic, took, acknowledged);
	f->gone += is_gone;
	f->shorter += !is_gone;
}

/* A broker makes a deleted topic anew with as many partitions as it likes. */
static bool judge_partitions(struct run *r, const char *topic, uint32_t partitions)
{
	if (partitions == 0 || partitions == r->plan->partitions)
		return true;
	if (r->topics_found.example == NULL || r->topics_found.gone == 0)
		r->topics_found.example = arena_printf(
			&r->arena, "topic %s has %u partitions and not %u: it is another one",
			topic, partitions, r->plan->partitions);
	r->topics_found.gone++;
	return false;
}

/* With acks=0, and with acks=1 on several brokers, what was acknowledged may get its place a moment
 * later: a topic that is short is looked at again. */
#define LOOKS   6
#define LOOK_NS (1 * LIMITS_S)

static bool look_once(struct run *r)
{
	struct worker_call call = {
		.verb = WORKER_TOPIC_ENDS,
		.topic_ends = { .topics = r->made.topics, .topics_count = r->made.topics_count },
	};
	struct error err = { 0 };

	if (!await_verb(r, &call, r->course.row->limit_ns(r), PATIENCE_LOAD, &err)) {
		r->topics_found.unknown = arena_strdup(&r->arena, err.text);
		return false;
	}
	if (call.topic_ends.ends == NULL)
		return false;
	struct fact_producer *sorted = sorted_producers(r);
	const uint32_t *partitions = call.topic_ends.partitions;
	for (size_t i = 0; i < r->made.topics_count; i++)
		if (partitions == NULL || judge_partitions(r, r->made.topics[i], partitions[i]))
			judge(r, r->made.topics[i], call.topic_ends.ends[i],
			      acknowledged_in(sorted, r->close.totals.producers_count,
			                      r->made.topics[i]));
	free(sorted);
	return r->topics_found.shorter > 0;
}

bool topic_check_is_wanted(const struct run *r)
{
	return r->load.started && r->made.topics_count > 0 && r->close.totals.producers_count > 0 &&
	       r->await.signals < PATIENCE_LOAD;
}

void topic_check(struct run *r)
{
	for (unsigned look = 0; look < LOOKS && r->await.signals < PATIENCE_LOAD; look++) {
		if (look > 0)
			await_instant(r, state_now_ns(r) + LOOK_NS);
		r->topics_found = (struct topics_found){ 0 };
		if (!look_once(r))
			return;
	}
}
