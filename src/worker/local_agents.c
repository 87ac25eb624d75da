/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_state.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/names.h"
#include "stats/counter.h"
#include "util/clock.h"
#include "util/os.h"
#include "util/xalloc.h"
#include "worker/local_account.h"

#define BROKER_CLOSE_MS 2000

/* A loop turns every second (LOOP_SLEEP_MAX_NS): an agent whose loops have not for so long hangs. */
#define STILL_NS        UINT64_C(3000000000)
#define STILL_AGAIN_NS  UINT64_C(900000000)

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* --- dealing ------------------------------------------------------------------------------------ */

/* What was left to this host. */
static struct deal_spec resolve(const struct deal_spec *wanted)
{
	struct deal_spec deal = *wanted;

	if (deal.cpus == 0)
		deal.cpus = os_cpus();
	if (deal.loops == 0)
		deal.loops = 1;
	return deal;
}

/* Client i goes to agent i % agents. */
static void deal(struct local *l, const struct deal_spec *wanted, enum agent_role role,
                 const struct client_spec *clients, uint32_t count, struct local_slots *out)
{
	const struct deal_spec how = resolve(wanted);
	uint32_t agents = count == 0 ? 0 : deal_agents(&how, count);

	*out = (struct local_slots){ .items = arena_alloc(&l->arena, agents * sizeof(*out->items)),
		                     .count = agents };
	for (uint32_t a = 0; a < agents; a++) {
		uint32_t mine = deal_clients_of(count, agents, a);
		struct client_spec *specs = arena_alloc(&l->arena, mine * sizeof(*specs));
		for (uint32_t k = 0; k < mine; k++)
			specs[k] = clients[a + k * agents];
		out->items[a] = (struct local_slot){
			.role = role,
			.index = a,
			.loops = min_u32(how.loops, mine),
			.nice = how.nice,
			.cpu = how.pin_count == 0 ? -1 : how.pin_cpus[a % how.pin_count],
			.clients = specs,
			.clients_count = mine,
		};
	}
}

static struct shm_times times_of(const struct local *l)
{
	return (struct shm_times){
		.window_start_ns = l->window.start_ns,
		.window_end_ns = l->window.end_ns,
		.load_end_ns = l->window.load_end_ns,
		.slots_start_ns = l->slots_start_ns,
		.load_start_ns = l->debts.load_started ? l->debts.load.epoch.start_ns : 0,
	};
}

static bool start_slot(struct local *l, struct local_slot *slot, struct error *err)
{
	if (l->slots_start_ns == 0)
		l->slots_start_ns = clock_ns();
	struct agent_spec spec = {
		.role = slot->role,
		.index = slot->index,
		.generation = slot->generation,
		.driver = l->driver,
		.driver_config = l->driver_config,
		.run_id = l->run_id,
		.run = l->run,
		.clients = slot->clients,
		.clients_count = slot->clients_count,
		.partitions = l->partitions,
		.window_messages = l->window_messages,
		.times = times_of(l),
		.clocks = l->clocks,
		.clocks_count = l->clocks_count,
		.loops = slot->loops,
		.consume = l->consume,
		.roster = l->roster.of,
		.account_bytes = slot->account_bytes,
		.nice = slot->nice,
		.cpu = slot->cpu,
	};

	if (slot->role == AGENT_CONSUMER)
		spec.verify = l->verify;
	if (!l->keep_topics)
		spec.names = l->names;
	slot->agent = supervisor_start(&l->supervisor, &spec, NULL, err);
	return slot->agent != NULL;
}

/* Of the account, if one is kept. */
static bool deal_keys(const struct local *l, struct local_slots *slots, struct error *err)
{
	uint64_t loops = 0;

	if (l->roster.of == NULL)
		return true;
	for (uint32_t i = 0; i < slots->count; i++)
		loops += slots->items[i].loops;
	for (uint32_t i = 0; i < slots->count; i++) {
		struct local_slot *slot = &slots->items[i];
		uint64_t keys = roster_deal_keys(l->roster.of, slot->role, slot->clients,
		                                 slot->clients_count, slot->loops);
		if (keys > LOAD_ACCOUNT_KEYS_MAX)
			return error_set(err, ERROR_UNSUPPORTED,
			                 "no account is kept of %llu producers times subscriptions "
			                 "in one thread of an agent: at most %u; set accounting: "
			                 "off",
			                 (unsigned long long)keys, LOAD_ACCOUNT_KEYS_MAX);
		slot->account_bytes = LOAD_ACCOUNT_BYTES_MAX / loops;
	}
	return true;
}

static bool start_slots(struct local *l, struct local_slots *slots, struct error *err)
{
	if (!deal_keys(l, slots, err))
		return false;
	for (uint32_t i = 0; i < slots->count; i++)
		if (!start_slot(l, &slots->items[i], err))
			return false;
	return true;
}

/* --- subscriptions -------------------------------------------------------------------------------- */

static int by_subscription(const void *a, const void *b, void *to)
{
	const struct worker_subscription *items = to;
	const struct worker_subscription *x = &items[*(const uint32_t *)a];
	const struct worker_subscription *y = &items[*(const uint32_t *)b];
	int order = strcmp(x->topic, y->topic);

	return order != 0 ? order : strcmp(x->subscription, y->subscription);
}

/* The distinct pairs among the consumers, and which one each consumer belongs to. */
static void find_subscriptions(struct local *l, const struct worker_create_consumers *c)
{
	uint32_t *order = xcalloc(c->count + 1, sizeof(*order));
	struct group_spec *groups = arena_alloc(&l->arena, c->count * sizeof(*groups));

	for (uint32_t i = 0; i < c->count; i++)
		order[i] = i;
	qsort_r(order, c->count, sizeof(*order), by_subscription, (void *)(uintptr_t)c->items);

	l->subscriptions = arena_alloc(&l->arena, c->count * sizeof(*l->subscriptions));
	l->subscription_of = arena_alloc(&l->arena, c->count * sizeof(*l->subscription_of));
	l->subscriptions_count = 0;
	for (uint32_t k = 0; k < c->count; k++) {
		const struct worker_subscription *s = &c->items[order[k]];
		if (k == 0 ||
		    by_subscription(&order[k - 1], &order[k], (void *)(uintptr_t)c->items) != 0) {
			l->subscriptions[l->subscriptions_count] = (struct worker_subscription){
				.topic = arena_strdup(&l->arena, s->topic),
				.subscription = arena_strdup(&l->arena, s->subscription),
			};
			groups[l->subscriptions_count] = (struct group_spec){
				.topic = l->subscriptions[l->subscriptions_count].topic,
				.name = l->subscriptions[l->subscriptions_count].subscription,
			};
			l->subscriptions_count++;
		}
		l->subscription_of[order[k]] = (uint32_t)l->subscriptions_count - 1;
	}
	free(order);
	l->names.groups = groups;
	l->names.groups_count = l->subscriptions_count;
}

bool local_start_consumers(struct local *l, const struct worker_create_consumers *c,
                           struct error *err)
{
	struct client_spec *clients = arena_alloc(&l->arena, c->count * sizeof(*clients));

	l->partitions = c->partitions;
	l->consume = c->consume;
	if (c->verify != NULL)
		l->verify = (struct agent_verify){
			.size = c->verify->size,
			.count = c->verify->count,
			.seed = c->verify_seed,
			.pool_fd = l->pool_fd,
		};
	find_subscriptions(l, c);
	/* A share may have no producers. */
	if (!local_roster_expect(&l->roster, c, l->subscriptions, l->subscriptions_count, &l->arena,
	                         err) ||
	    (l->roster.is_share && !local_account_open(l, err)))
		return false;
	uint32_t *members = xcalloc(l->subscriptions_count + 1, sizeof(*members));
	for (uint32_t i = 0; i < c->count; i++)
		members[l->subscription_of[i]]++;
	for (uint32_t i = 0; i < c->count; i++) {
		uint32_t at = l->subscription_of[i];
		clients[i] = (struct client_spec){
			.topic = l->subscriptions[at].topic,
			.subscription = l->subscriptions[at].subscription,
			.id = i,
			.has_run = l->run_of_topic,
			.run = run_id_stamp(l->subscriptions[at].topic),
			.members = members[at],
		};
		if (l->roster.of != NULL) {
			clients[i].topic_number = l->roster.numbers[at].topic;
			clients[i].subscription_number = l->roster.numbers[at].subscription;
		}
	}
	free(members);
	deal(l, &c->deal, AGENT_CONSUMER, clients, (uint32_t)c->count, &l->consumers);
	return start_slots(l, &l->consumers, err);
}

bool local_start_producers(struct local *l, const struct worker_create_producers *p,
                           struct error *err)
{
	struct client_spec *clients = arena_alloc(&l->arena, p->count * sizeof(*clients));

	if (!local_roster_meet(&l->roster, p, l->consumers.count > 0, &l->arena, err) ||
	    !local_account_open(l, err))
		return false;
	l->window_messages = p->window_messages ? p->window_messages : LOAD_WINDOW_DEFAULT;
	for (uint32_t i = 0; i < p->count; i++)
		clients[i] = (struct client_spec){
			.topic = arena_strdup(&l->arena, p->topics[i]),
			.id = p->id_base + i,
			.has_run = l->run_of_topic,
			.run = run_id_stamp(p->topics[i]),
			.schedule_index = i,
		};
	deal(l, &p->deal, AGENT_PRODUCER, clients, (uint32_t)p->count, &l->producers);
	return start_slots(l, &l->producers, err);
}

/* --- disposable agents ------------------------------------------------------------------------------ */

static struct agent *start_admin(struct local *l, enum agent_role role, const struct admin_job *job,
                                 struct error *err)
{
	struct agent_spec spec = {
		.role = role,
		.driver = l->driver,
		.driver_config = l->driver_config,
		.run_id = l->run_id,
		.run = l->run,
		.loops = 1,
		.cpu = -1,
	};

	return supervisor_start(&l->supervisor, &spec, job, err);
}

bool local_start_broker(struct local *l, struct error *err)
{
	static const struct admin_job job = { .kind = ADMIN_BROKER };

	l->broker = start_admin(l, AGENT_BROKER, &job, err);
	return l->broker != NULL;
}

bool local_start_job(struct local *l, struct error *err)
{
	l->job = start_admin(l, AGENT_ADMIN, &l->job_spec, err);
	return l->job != NULL;
}

/* --- all agents of a role ----------------------------------------------------------------------------- */

void local_command(struct local *l, const struct local_slots *slots, struct agent_command *command,
                   int fd_to_pass)
{
	command->tag = ++l->tag;
	for (uint32_t i = 0; i < slots->count; i++)
		if (slots->items[i].agent != NULL)
			agent_command(slots->items[i].agent, command, fd_to_pass);
}

bool local_all_answered(const struct local_slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct agent *a = slots->items[i].agent;
		if (a != NULL && !agent_is_gone(a) && a->answers_due > 0)
			return false;
	}
	return true;
}

bool local_all_open(const struct local_slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct agent *a = slots->items[i].agent;
		if (a == NULL || a->loops_open < a->spec.loops)
			return false;
	}
	return true;
}

void local_publish_window(struct local *l)
{
	struct shm_times times = times_of(l);

	for (size_t i = 0; i < l->supervisor.count; i++)
		agent_shm_put_times(l->supervisor.agents[i]->shm, &times);
}

/* --- losing and restarting ------------------------------------------------------------------------------ */

void local_add_event(struct local *l, const struct fact_event *event)
{
	if (l->events_count == l->events_cap) {
		l->events_cap = l->events_cap ? l->events_cap * 2 : 16;
		l->events = xrealloc(l->events, l->events_cap * sizeof(*l->events));
	}
	l->events[l->events_count] = *event;
	l->events[l->events_count].text = arena_strdup(&l->arena, event->text ? event->text : "");
	l->events_count++;
}

static struct local_slot *slot_of(struct local *l, const struct agent *a)
{
	struct local_slots *slots = a->spec.role == AGENT_PRODUCER ? &l->producers : &l->consumers;

	for (uint32_t i = 0; i < slots->count; i++)
		if (slots->items[i].agent == a)
			return &slots->items[i];
	return NULL;
}

static uint64_t last_received_ns(const struct agent *a)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < a->spec.clients_count; i++) {
		uint64_t ns = counter_read(&agent_shm_client(a->shm, i)->last_ns);
		if (ns > last)
			last = ns;
	}
	return last;
}

static uint64_t first_received_ns(const struct agent *a)
{
	uint64_t first = 0;

	for (uint32_t i = 0; i < a->spec.clients_count; i++) {
		uint64_t ns = counter_read(&agent_shm_client(a->shm, i)->first_ns);
		if (ns != 0 && (first == 0 || ns < first))
			first = ns;
	}
	return first;
}

static void add_agent_event(struct local *l, enum fact_event_kind kind, const struct agent *a,
                            const char *text)
{
	struct fact_event event = {
		.kind = kind,
		.role = a->spec.role,
		.agent = a->spec.index,
		.generation = a->spec.generation,
		.at_ns = clock_ns(),
		.text = text,
	};

	local_add_event(l, &event);
}

static void restart(struct local *l, struct local_slot *slot)
{
	struct agent *dead = slot->agent;
	struct error err;

	l->restarts++;
	slot->generation++;
	if (slot->replaced == NULL) { /* else nothing was received in between: the gap goes on */
		slot->replaced = dead;
		slot->replaced_last_ns = last_received_ns(dead);
	}
	if (!start_slot(l, slot, &err)) {
		slot->agent = dead;
		add_agent_event(l, EVENT_AGENT_LOST, dead, err.text);
	}
}

static bool is_closing(const struct local *l)
{
	return l->call != NULL &&
	       (l->call->verb == WORKER_FINISH || l->call->verb == WORKER_STOP_ALL);
}

void local_agent_ended(struct local *l, struct agent *a, bool may_restart)
{
	struct local_slot *slot = slot_of(l, a);
	struct error err = { 0 };

	local_account_agent_ended(l, a);
	if (!agent_is_lost(a) && !agent_is_slow(a))
		return;
	agent_describe_end(a, &err);
	add_agent_event(l, agent_is_slow(a) ? EVENT_AGENT_SLOW : EVENT_AGENT_LOST, a, err.text);
	if (may_restart && slot != NULL && a->spec.role == AGENT_CONSUMER && a->asked_ns == 0 &&
	    !is_closing(l) && l->restarts < LOCAL_RESTARTS_MAX)
		restart(l, slot);
}

void local_agent_opened(struct local *l, struct agent *a)
{
	if (a->spec.generation == 0)
		return;
	if (l->paused) {
		struct agent_command pause = { .tag = ++l->tag, .verb = AGENT_VERB_PAUSE };
		agent_command(a, &pause, -1);
	}
	add_agent_event(l, EVENT_AGENT_RESTARTED, a, "its consumers are open again");
}

bool local_is_resuming(const struct local *l, const struct agent *a)
{
	bool counts_partitions = (l->driver->flags & DRIVER_PARTITIONS) != 0;

	if (a->spec.role != AGENT_CONSUMER || a->spec.generation == 0 || agent_is_gone(a) ||
	    first_received_ns(a) != 0)
		return false;
	for (uint32_t i = 0; counts_partitions && i < a->spec.clients_count; i++)
		if (counter_read(&agent_shm_client(a->shm, i)->assigned) > 0)
			return false;
	return true;
}

void local_watch_resumes(struct local *l)
{
	for (uint32_t i = 0; i < l->consumers.count; i++) {
		struct local_slot *slot = &l->consumers.items[i];
		if (slot->replaced == NULL || slot->agent == slot->replaced)
			continue;
		uint64_t first_ns = first_received_ns(slot->agent);
		if (first_ns == 0)
			continue;
		struct fact_event event = {
			.kind = EVENT_AGENT_RESUMED,
			.role = slot->role,
			.agent = slot->index,
			.generation = slot->generation,
			.at_ns = first_ns,
			.gap_ns = slot->replaced_last_ns ? first_ns - slot->replaced_last_ns : 0,
			.text = "its consumers receive again",
		};
		local_add_event(l, &event);
		slot->replaced = NULL;
	}
}

/* Seen twice, a second apart: after a pause of the whole host everything seems to stand still. */
static bool stands_still(struct agent *a, uint64_t now_ns)
{
	uint64_t turned_ns = agent_shm_turned_ns(a->shm);

	if (turned_ns == 0 || turned_ns + STILL_NS > now_ns) {
		a->noticed_ns = 0;
		return false;
	}
	if (a->noticed_ns == 0 || a->still_ns != turned_ns) {
		a->noticed_ns = now_ns;
		a->still_ns = turned_ns;
	}
	return now_ns - a->noticed_ns >= STILL_AGAIN_NS;
}

static void watch_turns(struct local *l, const struct local_slots *slots)
{
	uint64_t now_ns = clock_ns();
	char text[64];

	for (uint32_t i = 0; i < slots->count; i++) {
		struct agent *a = slots->items[i].agent;
		if (a == NULL || agent_is_gone(a) || a->asked_ns != 0 || a->stalled ||
		    a->loops_open < a->spec.loops || !stands_still(a, now_ns))
			continue;
		a->stalled = true;
		snprintf(text, sizeof(text), "it has not moved for %.1f s",
		         (double)(now_ns - a->still_ns) / 1e9);
		add_agent_event(l, EVENT_AGENT_STALLED, a, text);
	}
}

void local_watch_turns(struct local *l)
{
	watch_turns(l, &l->producers);
	watch_turns(l, &l->consumers);
}

void local_stop_broker(struct local *l)
{
	struct agent_command close = { .verb = AGENT_VERB_CLOSE };
	struct pollfd ended = { .events = POLLIN };

	if (l->broker == NULL)
		return;
	agent_command(l->broker, &close, -1);
	ended.fd = l->broker->pid_fd;
	(void)poll(&ended, 1, BROKER_CLOSE_MS);
}
