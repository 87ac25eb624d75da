/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "config/payload_files.h"
#include "config/workload.h"
#include "load/search.h"
#include "load/stamp.h"
#include "plan/names.h"
#include "util/arena.h"

/* Told apart from each other and from the payloads, which use the seed as it is. */
#define SHUFFLE_CONSUMERS UINT64_C(0x636f6e73756d)
#define SHUFFLE_PRODUCERS UINT64_C(0x70726f647563)

#define GIB               (1024.0 * 1024 * 1024)
#define BACKLOG_LEFT_MIN  1000 /* OMB's: fewer messages than this are drained */

/* --- plan_make --------------------------------------------------------------------------------- */

static struct deal_spec make_deal(const struct workload *w, const struct plan_host *host,
                                  struct arena *arena)
{
	struct deal_spec deal = {
		.agents = w->agent_count,
		.loops = w->threads_per_agent,
		.cpus = host->cpus,
		.nice = w->agent_nice,
		.pin_count = (uint32_t)w->agent_cpus.count,
	};

	switch (w->agents) {
	case AGENTS_PER_CORE:
		deal.mode = DEAL_PER_CORE;
		break;
	case AGENTS_PER_CLIENT:
		deal.mode = DEAL_PER_CLIENT;
		break;
	case AGENTS_NUMBER:
		deal.mode = DEAL_NUMBER;
		break;
	}
	if (deal.pin_count > 0) {
		uint16_t *cpus = arena_alloc(arena, deal.pin_count * sizeof(*cpus));
		for (uint32_t i = 0; i < deal.pin_count; i++)
			cpus[i] = (uint16_t)w->agent_cpus.cpus[i];
		deal.pin_cpus = cpus;
	}
	return deal;
}

static struct payload_spec make_payload(const struct workload *w, const struct plan_host *host)
{
	struct payload_spec payload = {
		.size = w->message_size,
		.count = 1,
		.random_ratio = w->random_ratio,
		.seed = w->seed,
	};

	if (host->payloads != NULL) {
		assert(host->payloads->count > 0 && host->payloads->size == w->message_size);
		payload.count = (uint32_t)host->payloads->count;
		payload.contents = host->payloads->contents;
	} else if (w->randomized_payloads) {
		payload.count = w->payload_pool;
	}
	return payload;
}

static enum key_pick pick_of(enum key_distributor keys)
{
	switch (keys) {
	case KEYS_NONE:
		return KEY_NONE;
	case KEYS_ROUND_ROBIN:
		return KEY_ROUND_ROBIN;
	case KEYS_RANDOM:
		return KEY_RANDOM;
	}
	abort();
}

/* At least one message, or nothing would ever be sent. */
static uint32_t window_of(const struct workload *w)
{
	uint64_t window = w->max_in_flight;

	if (w->max_in_flight_bytes > 0) {
		uint64_t fit = w->max_in_flight_bytes / w->message_size;
		window = fit < window ? fit : window;
	}
	window = window < UINT32_MAX ? window : UINT32_MAX;
	return window > 0 ? (uint32_t)window : 1;
}

static void set_rate(struct plan *plan)
{
	switch (plan->workload->rate_mode) {
	case RATE_FIXED:
		plan->rate_per_s = workload_rate(plan->workload);
		break;
	case RATE_SEARCH:
		plan->searches = true;
		plan->rate_per_s = SEARCH_START_PER_S;
		break;
	case RATE_MAX:
		plan->load.mode = LOAD_UNLIMITED;
		break;
	}
	/* Never 0, though LOAD_UNLIMITED has no use for it. */
	plan->load.epoch.micro_per_s = pacer_micro_per_s(plan->rate_per_s);
}

static void set_backlog(struct plan *plan)
{
	const struct workload *w = plan->workload;
	double bytes = w->backlog_gib * GIB;

	if (!(bytes > 0))
		return;
	double left = trunc((1 - w->backlog_drain_ratio) * bytes / w->message_size);
	plan->backlog_messages = (uint64_t)ceil(bytes / w->message_size);
	plan->backlog_left_messages = left > BACKLOG_LEFT_MIN ? (uint64_t)left : BACKLOG_LEFT_MIN;
}

static bool counts_fit(const struct workload *w, struct error *err)
{
	uint64_t producers = workload_producers(w), consumers = workload_consumers(w);

	if (producers > PLAN_CLIENTS_MAX)
		return error_set(err, ERROR_CONFIG,
		                 "topics * producersPerTopic: %llu producers are "
		                 "more than %d",
		                 (unsigned long long)producers, PLAN_CLIENTS_MAX);
	if (consumers > PLAN_CLIENTS_MAX)
		return error_set(err, ERROR_CONFIG,
		                 "topics * subscriptionsPerTopic * "
		                 "consumerPerSubscription: %llu consumers are more than %d",
		                 (unsigned long long)consumers, PLAN_CLIENTS_MAX);
	return true;
}

/* Of the consumers' loop that has most. */
static uint64_t account_keys_most(const struct plan *plan)
{
	uint32_t agents = deal_agents(&plan->deal, plan->consumers);
	uint64_t here = deal_clients_of(plan->consumers, agents, 0);
	uint64_t loops = plan->deal.loops > 0 ? plan->deal.loops : 1;
	uint64_t members = (here + loops - 1) / loops;
	uint64_t subscriptions = (uint64_t)plan->topics * plan->subscriptions;

	return (members < subscriptions ? members : subscriptions) *
	       plan->workload->producers_per_topic;
}

/* What a payload holds follows from its stamp. */
static bool contents_can_be_told(const struct workload *w, struct error *err)
{
	if (!w->verify_payload || w->message_size >= STAMP_BYTES)
		return true;
	return error_set(err, ERROR_CONFIG,
	                 "verifyPayload: payloads of %u bytes have no room for the stamp of %d, "
	                 "which says what they hold",
	                 w->message_size, STAMP_BYTES);
}

/* Without consumers nothing can be missed: what was acknowledged and what has failed is counted anyway. */
static const char *account_lack(const struct plan *plan, struct arena *arena)
{
	const struct workload *w = plan->workload;

	if (w->accounting == ACCOUNTING_OFF)
		return "accounting is off";
	if (!plan->stamped)
		return arena_printf(arena, "payloads of %u bytes have no room for the stamp of %d",
		                    w->message_size, STAMP_BYTES);
	if (plan->consumers == 0)
		return "there are no consumers";
	if (plan->partitions > PLAN_ACCOUNT_MAX || plan->subscriptions > PLAN_ACCOUNT_MAX)
		return arena_printf(arena, "a topic has more than %d partitions or subscriptions",
		                    PLAN_ACCOUNT_MAX);
	if (account_keys_most(plan) > LOAD_ACCOUNT_KEYS_MAX)
		return arena_printf(
			arena, "a consumer thread has more than %u subscriptions times producers",
			LOAD_ACCOUNT_KEYS_MAX);
	return NULL;
}

bool plan_make(struct plan *out, const struct workload *w, const struct plan_host *host,
               struct arena *arena, struct error *err)
{
	assert(host->cpus > 0 && w->message_size > 0);

	if (!counts_fit(w, err) || !contents_can_be_told(w, err))
		return false;
	*out = (struct plan){
		.workload = w,
		.topics = w->topics,
		.partitions = w->partitions_per_topic,
		.subscriptions = w->subscriptions_per_topic,
		.producers = (uint32_t)workload_producers(w),
		.consumers = (uint32_t)workload_consumers(w),
		.deal = make_deal(w, host, arena),
		.stamped = w->message_size >= STAMP_BYTES,
		.verify = w->verify_payload,
		.consume = {
			.processing_ns = w->processing_ns,
			.commit_interval_ns = w->commit_ns,
			.commit_messages = w->commit_messages,
			.unstamped = w->message_size < STAMP_BYTES,
		},
	};
	out->load = (struct load_spec){
		.producers = out->producers,
		.subscriptions = out->subscriptions,
		.keys = pick_of(w->keys),
		.payload = make_payload(w, host),
		.wake_interval_ns = w->wake_ns,
		.spin_ns = w->pacing == PACING_SPIN ? LOAD_SPIN_NS : 0,
		.max_block_ns = PLAN_MAX_BLOCK_NS,
		.window_messages = window_of(w),
		.run = host->run,
		.seed = w->seed,
	};
	out->account_lack = account_lack(out, arena);
	out->account = out->account_lack == NULL;
	set_rate(out);
	set_backlog(out);
	return true;
}

uint64_t plan_account_keys(const struct plan *plan)
{
	uint64_t subscriptions = (uint64_t)plan->topics * plan->subscriptions;
	uint32_t agents = plan->account ? deal_agents(&plan->deal, plan->consumers) : 0;
	uint64_t keys = 0;

	for (uint32_t a = 0; a < agents; a++) {
		uint64_t here = deal_clients_of(plan->consumers, agents, a);
		uint64_t loops = plan->deal.loops < here ? plan->deal.loops : here;
		/* Of a loop, one for each consumer, but for those of the same subscription. */
		uint64_t most = loops * subscriptions;
		keys += here < most ? here : most;
	}
	return keys * plan->workload->producers_per_topic;
}

double plan_bytes_per_s(const struct plan *plan)
{
	bool fixed = plan->workload->rate_mode == RATE_FIXED;

	return fixed ? plan->rate_per_s * plan->workload->message_size : 0;
}

/* --- plan_clients ------------------------------------------------------------------------------ */

/* Fisher and Yates; where item i goes follows from the seed. */
static uint32_t shuffle_index(uint64_t seed, uint32_t i)
{
	return payload_index(payload_mix(seed, 0, i), i + 1);
}

static void shuffle_consumers(struct plan_consumer *list, uint32_t count, uint64_t seed)
{
	for (uint32_t i = count; i-- > 1;) {
		uint32_t j = shuffle_index(seed, i);
		struct plan_consumer moved = list[i];
		list[i] = list[j];
		list[j] = moved;
	}
}

static void shuffle_topics(const char **list, uint32_t count, uint64_t seed)
{
	for (uint32_t i = count; i-- > 1;) {
		uint32_t j = shuffle_index(seed, i);
		const char *moved = list[i];
		list[i] = list[j];
		list[j] = moved;
	}
}

static const char *group_name(const char *run_id, uint32_t number, uint64_t chance,
                              struct arena *arena)
{
	char name[NAME_MAX_BYTES];

	name_group(name, run_id, number, chance);
	return arena_strdup(arena, name);
}

struct plan_clients plan_clients(const struct plan *plan, const char *run_id,
                                 const char *const *topic_names, uint64_t chance,
                                 struct arena *arena)
{
	size_t groups_count = (size_t)plan->topics * plan->subscriptions;
	struct plan_consumer *groups = arena_alloc(arena, groups_count * sizeof(*groups));
	const char **topics = arena_alloc(arena, plan->producers * sizeof(*topics));
	struct plan_consumer *consumers = arena_alloc(arena, plan->consumers * sizeof(*consumers));
	uint32_t members = plan->workload->consumers_per_subscription;
	uint32_t producers = 0, at = 0;

	for (uint32_t t = 0; t < plan->topics; t++) {
		for (uint32_t s = 0; s < plan->subscriptions; s++) {
			size_t g = (size_t)t * plan->subscriptions + s;
			groups[g] = (struct plan_consumer){
				.topic = topic_names[t],
				.subscription =
					group_name(run_id, s, payload_mix(chance, 0, g), arena),
				.subscription_index = s,
			};
			for (uint32_t c = 0; c < members; c++)
				consumers[at++] = groups[g];
		}
	}
	for (uint32_t p = 0; p < plan->workload->producers_per_topic; p++)
		for (uint32_t t = 0; t < plan->topics; t++)
			topics[producers++] = topic_names[t];
	assert(at == plan->consumers && producers == plan->producers);

	shuffle_consumers(consumers, at, plan->load.seed ^ SHUFFLE_CONSUMERS);
	shuffle_topics(topics, producers, plan->load.seed ^ SHUFFLE_PRODUCERS);
	return (struct plan_clients){
		.consumers = consumers,
		.producer_topics = topics,
		.groups = groups,
		.groups_count = groups_count,
	};
}
