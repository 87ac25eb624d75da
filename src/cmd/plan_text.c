/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/plan_text.h"

#include <stdlib.h>
#include <string.h>

#include "config/option.h"
#include "config/workload.h"
#include "plan/result_size.h"
#include "util/arena.h"
#include "util/units.h"

#define CLIENTS_SHOWN 4 /* of one agent */

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void row(struct text *out, const char *what)
{
	text_addf(out, "  %-10s", what);
}

/* --- load ----------------------------------------------------------------------------------------- */

static void add_agents(const struct plan *plan, uint32_t clients, struct text *out)
{
	if (clients == 0)
		return;
	uint32_t agents = deal_agents(&plan->deal, clients);
	uint32_t most = deal_clients_of(clients, agents, 0);
	uint32_t least = deal_clients_of(clients, agents, agents - 1);
	uint32_t loops = plan->deal.loops < most ? plan->deal.loops : most;

	text_addf(out, " in %u agent%s", agents, plural(agents));
	if (agents > 1 && least != most)
		text_addf(out, " of %u to %u", least, most);
	else if (agents > 1)
		text_addf(out, " of %u", most);
	if (loops > 1)
		text_addf(out, ", %u threads each", loops);
}

static void add_clients(const struct plan *plan, struct text *out)
{
	const struct workload *w = plan->workload;

	row(out, "topics");
	text_addf(out, "%u of %u partition%s\n", plan->topics, plan->partitions,
	          plural(plan->partitions));
	row(out, "producers");
	text_addf(out, "%u: %u for each topic", plan->producers, w->producers_per_topic);
	add_agents(plan, plan->producers, out);
	text_add(out, "\n");
	row(out, "consumers");
	text_addf(out, "%u: %u in each of %u subscription%s of each topic", plan->consumers,
	          w->consumers_per_subscription, plan->subscriptions, plural(plan->subscriptions));
	add_agents(plan, plan->consumers, out);
	text_add(out, "\n");
}

static void add_rate(const struct plan *plan, struct text *out)
{
	char wake[UNITS_TEXT];

	row(out, "rate");
	if (plan->load.mode == LOAD_UNLIMITED) {
		text_add(out, "as fast as the window in flight allows, without a schedule\n");
		return;
	}
	if (plan->searches)
		text_addf(out, "searched for, from %.0f messages/s on", plan->rate_per_s);
	else
		text_addf(out, "%.10g messages/s", plan->rate_per_s);
	if (plan->producers > 1 && !plan->searches)
		text_addf(out, ", %.6g of each producer", plan->rate_per_s / plan->producers);
	if (plan->load.wake_interval_ns > 0)
		text_addf(out, "; a pass of sends every %s at most",
		          format_duration(plan->load.wake_interval_ns, wake));
	else
		text_add(out, "; each message when it is due");
	if (plan->load.spin_ns > 0)
		text_addf(out, ", waited for awake in the last %s",
		          format_duration(plan->load.spin_ns, wake));
	text_add(out, "\n");
}

static void add_payload(const struct plan *plan, struct text *out)
{
	static const char *const keys[] = {
		[KEY_NONE] = "no key",
		[KEY_ROUND_ROBIN] = "10000 keys in turn",
		[KEY_RANDOM] = "any of 10000 keys",
	};
	const struct payload_spec *p = &plan->load.payload;
	double bytes_per_s = plan_bytes_per_s(plan);
	char text[UNITS_TEXT];

	row(out, "payload");
	text_addf(out, "%u bytes, %u different, %s", p->size, p->count, keys[plan->load.keys]);
	if (!plan->stamped)
		text_add(out, ", no room for the stamp");
	text_add(out, "\n");
	if (bytes_per_s > 0) {
		row(out, "bytes");
		text_addf(out, "%s/s published", format_bytes_short((uint64_t)bytes_per_s, text));
		bytes_per_s *= plan->consumers > 0 ? plan->subscriptions : 0;
		text_addf(out, ", %s/s delivered\n",
		          format_bytes_short((uint64_t)bytes_per_s, text));
	}
	row(out, "in flight");
	text_addf(out, "at most %u messages (%s) of each producer\n", plan->load.window_messages,
	          format_bytes_short((uint64_t)plan->load.window_messages * p->size, text));
}

static void add_consumption(const struct plan *plan, struct text *out)
{
	const struct consume_spec *c = &plan->consume;
	char text[UNITS_TEXT];

	if (c->processing_ns > 0) {
		row(out, "slow");
		text_addf(out, "consumers spend %s on each message\n",
		          format_duration(c->processing_ns, text));
	}
	if (plan->backlog_messages == 0)
		return;
	row(out, "backlog");
	text_addf(out, "of %llu messages is built up and drained to %llu\n",
	          (unsigned long long)plan->backlog_messages,
	          (unsigned long long)plan->backlog_left_messages);
}

static void add_times(const struct plan *plan, struct text *out)
{
	const struct workload *w = plan->workload;
	char text[UNITS_TEXT];

	row(out, "times");
	text_addf(out, "ready within %s, ", format_duration(w->readiness_timeout_ns, text));
	if (w->warmup_ns > 0)
		text_addf(out, "warm-up %s, ", format_duration(w->warmup_ns, text));
	else
		text_add(out, "no warm-up, ");
	text_addf(out, "test %s",
	          w->test_ns > 0 ? format_duration(w->test_ns, text) : "without end");
	text_addf(out, " in samples of %s, ", format_duration(w->sample_ns, text));
	text_addf(out, "drain within %s\n", format_duration(w->drain_timeout_ns, text));
}

void plan_text_load(const struct plan *plan, struct text *out)
{
	add_clients(plan, out);
	add_rate(plan, out);
	add_payload(plan, out);
	add_consumption(plan, out);
	add_times(plan, out);
}

/* --- agents --------------------------------------------------------------------------------------- */

static void add_agent_place(const struct deal_spec *deal, uint32_t agent, struct text *out)
{
	if (deal->pin_count > 0)
		text_addf(out, " on CPU %u", deal->pin_cpus[agent % deal->pin_count]);
}

/* Client number i, and where its messages go to or come from. */
static void add_client(const struct plan_clients *c, bool producer, uint32_t i, struct text *out)
{
	if (producer) {
		text_addf(out, "%u -> %s", i, c->producer_topics[i]);
		return;
	}
	text_addf(out, "%u <- %s sub %u", i, c->consumers[i].topic,
	          c->consumers[i].subscription_index);
}

static void add_role(const struct plan *plan, const struct plan_clients *c, bool producer,
                     size_t lines_max, struct text *out)
{
	uint32_t clients = producer ? plan->producers : plan->consumers;
	uint32_t agents = clients > 0 ? deal_agents(&plan->deal, clients) : 0;

	for (uint32_t a = 0; a < agents && a < lines_max; a++) {
		uint32_t here = deal_clients_of(clients, agents, a);
		text_addf(out, "  %s agent %u", producer ? "producer" : "consumer", a);
		add_agent_place(&plan->deal, a, out);
		for (uint32_t n = 0; n < here && n < CLIENTS_SHOWN; n++) {
			text_add(out, n == 0 ? ": " : ", ");
			add_client(c, producer, a + n * agents, out);
		}
		if (here > CLIENTS_SHOWN)
			text_addf(out, " and %u more", here - CLIENTS_SHOWN);
		text_add(out, "\n");
	}
	if (agents > lines_max)
		text_addf(out, "  and %zu %s agents more (--all shows them)\n", agents - lines_max,
		          producer ? "producer" : "consumer");
}

/* Real names exist only once a run has made them. */
static struct plan_clients stand_ins(const struct plan *plan, struct arena *arena)
{
	const char **topics = arena_alloc(arena, (plan->topics + 1) * sizeof(*topics));

	for (uint32_t t = 0; t < plan->topics; t++)
		topics[t] = arena_printf(arena, "topic %u", t);
	return plan_clients(plan, "none", topics, 0, arena);
}

void plan_text_agents(const struct plan *plan, size_t lines_max, struct arena *arena,
                      struct text *out)
{
	struct plan_clients clients = stand_ins(plan, arena);

	add_role(plan, &clients, true, lines_max, out);
	add_role(plan, &clients, false, lines_max, out);
}

/* --- resources, doubts ------------------------------------------------------------------------------ */

static void add_limit(const char *name, uint64_t limit, struct text *out)
{
	if (limit == UINT64_MAX)
		text_addf(out, "%s unlimited", name);
	else
		text_addf(out, "%s %llu", name, (unsigned long long)limit);
}

void plan_text_resources(const struct resources *need, const struct resource_limits *limits,
                         struct text *out)
{
	char memory[UNITS_TEXT], full[UNITS_TEXT];

	row(out, "needs");
	text_addf(out, "%llu processes, some %llu threads, %llu sockets\n",
	          (unsigned long long)need->processes, (unsigned long long)need->threads,
	          (unsigned long long)need->sockets);
	row(out, "");
	text_addf(out, "open files: %llu here, some %llu in the largest agent\n",
	          (unsigned long long)need->files_here, (unsigned long long)need->files_agent);
	row(out, "");
	text_addf(out, "memory: some %s, %s with every window in flight full\n",
	          format_bytes_short(need->memory_bytes, memory),
	          format_bytes_short(need->memory_full_bytes, full));
	row(out, "limits");
	add_limit("open files", limits->files_hard, out);
	add_limit(", threads of this user", limits->processes, out);
	add_limit(", of the system", limits->threads_system, out);
	text_add(out, "\n");
	row(out, "");
	if (limits->memory_bytes != UINT64_MAX)
		text_addf(out, "memory available %s, ",
		          format_bytes_short(limits->memory_bytes, memory));
	text_addf(out, "%u CPU%s\n", limits->cpus, plural(limits->cpus));
}

void plan_text_files(const struct plan *plan, struct text *out)
{
	struct result_size size;
	char side[UNITS_TEXT], json[UNITS_TEXT], journal[UNITS_TEXT], period[UNITS_TEXT];

	result_size_estimate(plan, &size);
	row(out, "files");
	text_addf(out, ".omb %s %s%s, %s for each of %llu samples; .json %s\n",
	          size.is_most ? "at most" : "some", format_bytes_short(size.side_bytes, side),
	          size.is_daily ? " a day" : "", format_bytes_short(size.period_bytes, period),
	          (unsigned long long)size.periods, format_bytes_short(size.json_bytes, json));
	if (size.slowest < RESULT_SLOWEST_EACH) {
		row(out, "");
		text_addf(out, "so many samples name their %u slowest messages each, not %u\n",
		          size.slowest, RESULT_SLOWEST_EACH);
	}
	row(out, "");
	text_addf(out, "and a journal of %s until they are complete\n",
	          format_bytes_short(size.journal_bytes, journal));
}

void plan_text_doubts(const struct doubts *doubts, const char *none, struct text *out)
{
	for (size_t i = 0; i < doubts->count; i++) {
		const struct doubt *d = &doubts->items[i];
		text_addf(out, "  %s: %s\n", d->severity == DOUBT_WARNING ? "warning" : "note",
		          d->text);
		if (d->remedy != NULL)
			text_addf(out, "      try: %s\n", d->remedy);
	}
	if (doubts->count == 0)
		text_addf(out, "%s\n", none);
}
