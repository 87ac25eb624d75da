/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/resources.h"

#include <assert.h>

#include "config/workload.h"
#include "load/stamp.h"
#include "plan/plan.h"
#include "util/arena.h"
#include "util/units.h"

#define KIB                     UINT64_C(1024)
#define MIB                     (1024 * KIB)
#define PAGE                    4096

/* An agent besides its clients: 0.77 MB each of ten processes with a client library, its client
 * included, measured; and its part of our own code and stacks. */
#define AGENT_BYTES             (2 * MIB)
/* Histograms and counters of a loop: pages that an ordinary run touches. */
#define LOOP_BYTES              (512 * KIB)
#define FLIGHT_BYTES            20 /* a slot and its number on the stack of free ones */

/* Of the account, a loop touches so much for each producer that it hears of: a chunk (agent/roster.h). */
#define CHUNK_BYTES             (8 * KIB)

/* Descriptors: stdio, log files, result files, libraries' own; here also epoll, signals, timers. */
#define FILES_ANY               16
#define FILES_AGENT             8 /* shared memory, stderr, payload pool, journal ... */
#define FILES_LOOP              3 /* channel, signals, epoll */
#define FILES_HERE_AGENT        2 /* pidfd, output; and a channel for each loop */

/* Mappings: an agent of 300 threads of a client library has 761, measured: the program and its
 * libraries, a stack with its guard for each thread, and parts of the heap, of which large hosts have more. */
#define MAPPINGS_ANY            150
#define MAPPINGS_THREAD         3

/* The harness makes some 10 M/s on one core with nothing behind it; real clients a tenth of that. */
#define RATE_PER_AGENT_DOUBTFUL 1e6

/* 2 MB carry the maximum rate of a fast broker on this host at a twentieth of the latency of 64 MB. */
#define WINDOW_BYTES_DOUBTFUL   (4 * MIB)

#define DOUBTS_MAX              32

/* --- estimates ---------------------------------------------------------------------------------- */

/* Agents of one role. */
struct crew {
	uint32_t clients, agents;
	uint64_t loops; /* of all agents */
	uint32_t loops_most, clients_most;
	const struct client_cost *cost;
};

static struct crew crew_of(const struct deal_spec *deal, uint32_t clients,
                           const struct client_cost *cost)
{
	struct crew crew = { .clients = clients, .cost = cost };

	if (clients == 0)
		return crew;
	crew.agents = deal_agents(deal, clients);
	crew.clients_most = deal_clients_of(clients, crew.agents, 0);
	crew.loops_most = deal->loops < crew.clients_most ? deal->loops : crew.clients_most;
	for (uint32_t a = 0; a < crew.agents; a++) {
		uint32_t here = deal_clients_of(clients, crew.agents, a);
		crew.loops += deal->loops < here ? deal->loops : here;
	}
	return crew;
}

static uint64_t files_of_agent(const struct crew *c)
{
	if (c->agents == 0)
		return 0;
	return FILES_ANY + FILES_AGENT + (uint64_t)c->loops_most * FILES_LOOP +
	       (uint64_t)c->clients_most * c->cost->files;
}

static uint64_t mappings_of_agent(const struct crew *c)
{
	uint64_t threads = c->loops_most;

	if (c->agents == 0)
		return 0;
	threads += (uint64_t)c->clients_most * c->cost->threads;
	return MAPPINGS_ANY + threads * MAPPINGS_THREAD;
}

static uint64_t files_of_crew(const struct crew *c)
{
	return c->agents * files_of_agent(c);
}

/* Each loop stamps payloads in place, in a private mapping: a page of each is its own. */
static uint64_t payload_bytes(const struct plan *plan, uint64_t producer_loops)
{
	const struct payload_spec *p = &plan->load.payload;
	uint64_t pool = (uint64_t)p->size * p->count;
	uint64_t stamped = (uint64_t)p->count * PAGE;

	return pool + producer_loops * (stamped < pool ? stamped : pool);
}

static uint64_t crew_memory(const struct crew *c)
{
	return c->agents * AGENT_BYTES + c->loops * LOOP_BYTES + c->clients * c->cost->memory_bytes;
}

static uint64_t window_bytes(const struct plan *plan)
{
	return (uint64_t)plan->load.window_messages * (plan->load.payload.size + FLIGHT_BYTES);
}

static uint64_t account_bytes(const struct plan *plan, const struct resources *need)
{
	uint64_t producers = plan->account ? plan->producers * CHUNK_BYTES : 0;
	uint64_t consumers = need->account_bytes;

	return (producers < LOAD_ACCOUNT_BYTES_MAX ? producers : LOAD_ACCOUNT_BYTES_MAX) +
	       (consumers < LOAD_ACCOUNT_BYTES_MAX ? consumers : LOAD_ACCOUNT_BYTES_MAX);
}

/* The share of its time that a loop spins: for the last part of each wait for a pass of sends. */
static double spinning_share(const struct plan *plan, uint64_t loops)
{
	double passes_per_s = plan->rate_per_s / (double)loops;
	double wake_s = (double)plan->load.wake_interval_ns / 1e9;

	if (wake_s > 0 && (plan->searches || passes_per_s * wake_s > 1))
		passes_per_s = 1 / wake_s;
	else if (plan->searches)
		return 1;
	double share = passes_per_s * (double)plan->load.spin_ns / 1e9;
	return share < 1 ? share : 1;
}

static void estimate_spinning(const struct plan *plan, uint64_t loops, struct resources *out)
{
	if (plan->load.spin_ns == 0 || plan->load.mode != LOAD_PACED || loops == 0)
		return;
	out->spinning_loops = (uint32_t)loops;
	out->spinning_cpus = (double)loops * spinning_share(plan, loops);
}

void resources_estimate(const struct plan *plan, const struct resource_driver *driver,
                        struct resources *out)
{
	struct crew producers = crew_of(&plan->deal, plan->producers, &driver->producer);
	struct crew consumers = crew_of(&plan->deal, plan->consumers, &driver->consumer);
	uint64_t agents = (uint64_t)producers.agents + consumers.agents;
	uint64_t loops = producers.loops + consumers.loops;
	uint64_t files_p = files_of_agent(&producers), files_c = files_of_agent(&consumers);
	uint64_t maps_p = mappings_of_agent(&producers), maps_c = mappings_of_agent(&consumers);

	*out = (struct resources){
		.producer_agents = producers.agents,
		.consumer_agents = consumers.agents,
		.loops_most = producers.loops_most > consumers.loops_most ? producers.loops_most
		                                                          : consumers.loops_most,
		.processes = agents + 1,
		.threads = 1 + loops + (uint64_t)plan->producers * driver->producer.threads +
		           (uint64_t)plan->consumers * driver->consumer.threads,
		.sockets = (uint64_t)plan->producers * driver->producer.sockets +
		           (uint64_t)plan->consumers * driver->consumer.sockets,
		.files_here = FILES_ANY + agents * FILES_HERE_AGENT + loops,
		.files_agent = files_p > files_c ? files_p : files_c,
		.mappings_agent = maps_p > maps_c ? maps_p : maps_c,
		.memory_bytes = crew_memory(&producers) + crew_memory(&consumers) +
		                payload_bytes(plan, producers.loops),
		.account_bytes = plan_account_keys(plan) * CHUNK_BYTES,
	};
	out->files = out->files_here + files_of_crew(&producers) + files_of_crew(&consumers);
	out->memory_bytes += account_bytes(plan, out);
	out->memory_full_bytes = out->memory_bytes + plan->producers * window_bytes(plan);
	estimate_spinning(plan, producers.loops, out);
}

/* --- doubts --------------------------------------------------------------------------------------- */

struct gathering {
	const struct plan *plan;
	const struct workload *w;
	const struct resources *need;
	const struct resource_driver *driver;
	const struct resource_limits *limits;
	struct arena *arena;
	struct doubt *items;
	size_t count;
};

static void doubt(struct gathering *g, enum doubt_severity severity, const char *text,
                  const char *remedy)
{
	assert(g->count < DOUBTS_MAX);
	g->items[g->count++] = (struct doubt){ severity, text, remedy };
}

static void doubt_files(struct gathering *g, const char *who, uint64_t need)
{
	const struct resource_limits *l = g->limits;
	unsigned long long want = (unsigned long long)need * 2;

	if (need <= l->files_hard)
		return; /* the soft limit is raised up to the hard one */
	doubt(g, DOUBT_WARNING,
	      arena_printf(g->arena,
	                   "%s needs some %llu open files and may have %llu (RLIMIT_NOFILE)", who,
	                   (unsigned long long)need, (unsigned long long)l->files_hard),
	      want > l->files_each
	              ? arena_printf(g->arena,
	                             "sudo sysctl fs.nr_open=%llu; sudo prlimit --pid $$ "
	                             "--nofile=%llu:%llu",
	                             want, want, want)
	              : arena_printf(g->arena, "sudo prlimit --pid $$ --nofile=%llu:%llu", want,
	                             want));
}

static void doubt_ports(struct gathering *g)
{
	uint64_t need = g->need->sockets, ports = g->limits->local_ports;

	if (need <= ports)
		return;
	doubt(g, DOUBT_WARNING,
	      arena_printf(
		      g->arena,
		      "the clients have some %llu connections, and to one address this host has "
		      "%llu local ports",
		      (unsigned long long)need, (unsigned long long)ports),
	      "fewer clients, or sudo sysctl net.ipv4.ip_local_port_range='1024 65535'");
}

static void doubt_threads(struct gathering *g)
{
	const struct resource_limits *l = g->limits;
	const struct resources *need = g->need;
	uint64_t threads = need->threads + l->threads_of_user;
	unsigned long long want = (unsigned long long)threads * 2;

	if (threads > l->processes)
		doubt(g, DOUBT_WARNING,
		      arena_printf(
			      g->arena,
			      "some %llu threads in %llu processes are needed, and this user may "
			      "have %llu with %llu already there (RLIMIT_NPROC)",
			      (unsigned long long)need->threads,
			      (unsigned long long)need->processes, (unsigned long long)l->processes,
			      (unsigned long long)l->threads_of_user),
		      arena_printf(g->arena, "sudo prlimit --pid $$ --nproc=%llu:%llu", want,
		                   want));
	if (threads > l->threads_system)
		doubt(g, DOUBT_WARNING,
		      arena_printf(g->arena,
		                   "some %llu threads are needed and the system allows %llu",
		                   (unsigned long long)need->threads,
		                   (unsigned long long)l->threads_system),
		      arena_printf(g->arena,
		                   "sudo sysctl kernel.pid_max=%llu kernel.threads-max=%llu", want,
		                   want));
	if (need->threads > l->threads_group)
		doubt(g, DOUBT_WARNING,
		      arena_printf(
			      g->arena,
			      "some %llu threads are needed and the control group has room for "
			      "%llu (pids.max)",
			      (unsigned long long)need->threads,
			      (unsigned long long)l->threads_group),
		      "TasksMax= of a systemd unit, --pids-limit of a container, podPidsLimit of a "
		      "kubelet");
}

/* What the kernel keeps one table of. */
static void doubt_tables(struct gathering *g)
{
	const struct resource_limits *l = g->limits;
	const struct resources *need = g->need;

	if (need->files > l->files_system)
		doubt(g, DOUBT_WARNING,
		      arena_printf(g->arena,
		                   "up to %llu open files are needed and the system has room for "
		                   "%llu (fs.file-max)",
		                   (unsigned long long)need->files,
		                   (unsigned long long)l->files_system),
		      arena_printf(g->arena, "sudo sysctl fs.file-max=%llu",
		                   (unsigned long long)need->files * 4));
	if (need->mappings_agent > l->mappings)
		doubt(g, DOUBT_WARNING,
		      arena_printf(g->arena,
		                   "the largest agent needs some %llu mappings of memory, for the "
		                   "stacks of its threads, and may have %llu (vm.max_map_count)",
		                   (unsigned long long)need->mappings_agent,
		                   (unsigned long long)l->mappings),
		      arena_printf(g->arena, "more agents, or sudo sysctl vm.max_map_count=%llu",
		                   (unsigned long long)need->mappings_agent * 2));
	if (need->sockets > l->tracked)
		doubt(g, DOUBT_WARNING,
		      arena_printf(g->arena,
		                   "the clients have some %llu connections, and this host's "
		                   "firewall has room to track %llu: it drops what is beyond",
		                   (unsigned long long)need->sockets,
		                   (unsigned long long)l->tracked),
		      arena_printf(g->arena, "sudo sysctl net.netfilter.nf_conntrack_max=%llu",
		                   (unsigned long long)need->sockets * 4));
}

static void doubt_memory(struct gathering *g)
{
	const struct resource_limits *l = g->limits;
	const struct resources *need = g->need;
	char want[UNITS_TEXT], have[UNITS_TEXT];

	if (need->memory_bytes > l->memory_bytes)
		doubt(g, DOUBT_WARNING,
		      arena_printf(g->arena,
		                   "the agents take some %s of memory and %s are available",
		                   format_bytes_short(need->memory_bytes, want),
		                   format_bytes_short(l->memory_bytes, have)),
		      "fewer clients, or agents: per-core");
	else if (need->memory_full_bytes > l->memory_bytes)
		doubt(g, DOUBT_NOTE,
		      arena_printf(g->arena,
		                   "with every window in flight full the agents take some %s of "
		                   "memory and %s are available",
		                   format_bytes_short(need->memory_full_bytes, want),
		                   format_bytes_short(l->memory_bytes, have)),
		      "--set maxInFlight=2MB");
}

static void doubt_limits(struct gathering *g)
{
	doubt_files(g, "this process", g->need->files_here);
	doubt_files(g, "the largest agent", g->need->files_agent);
	doubt_ports(g);
	doubt_threads(g);
	doubt_tables(g);
	doubt_memory(g);
}

static void doubt_clients(struct gathering *g)
{
	const struct plan *plan = g->plan;
	uint32_t members = g->w->consumers_per_subscription;

	if (plan->topics == 0)
		doubt(g, DOUBT_WARNING, "there are no topics: nothing is sent", "--set topics=1");
	else if (plan->producers == 0)
		doubt(g, DOUBT_WARNING, "there are no producers: nothing is sent",
		      "--set producersPerTopic=1");
	if (plan->consumers > 0 && g->driver->partitions && members > plan->partitions) {
		uint64_t idle =
			(uint64_t)(members - plan->partitions) * plan->subscriptions * plan->topics;
		doubt(g, DOUBT_WARNING,
		      arena_printf(g->arena,
		                   "idle consumers: %u of a subscription share %u partition%s, so "
		                   "%llu of %u consumers never receive anything",
		                   members, plan->partitions, plan->partitions == 1 ? "" : "s",
		                   (unsigned long long)idle, plan->consumers),
		      arena_printf(g->arena, "--set partitionsPerTopic=%u", members));
	}
	if (plan->consumers > 0 && !g->driver->delivers)
		doubt(g, DOUBT_WARNING, "this driver delivers nothing: consumers cannot be opened",
		      "--set subscriptionsPerTopic=0");
	if (plan->consumers == 0 && plan->subscriptions > 0 && plan->topics > 0)
		doubt(g, DOUBT_WARNING,
		      "there are subscriptions without consumers: nothing is received",
		      "--set consumerPerSubscription=1");
}

static void doubt_rate(struct gathering *g)
{
	const struct plan *plan = g->plan;
	char text[UNITS_TEXT];

	if (plan->load.mode == LOAD_UNLIMITED || plan->producers == 0)
		return;
	double per_producer = plan->rate_per_s / plan->producers;
	double per_agent = plan->rate_per_s / g->need->producer_agents;
	double in_wake = per_producer * (double)plan->load.wake_interval_ns / 1e9;

	if (per_agent > RATE_PER_AGENT_DOUBTFUL)
		doubt(g, DOUBT_NOTE,
		      arena_printf(g->arena,
		                   "%.0f messages/s for each of %u producer agents are more than "
		                   "client libraries usually carry",
		                   per_agent, g->need->producer_agents),
		      "more producers or agents; producerRate: max sends as fast as it goes");
	if (in_wake > plan->load.window_messages)
		doubt(g, DOUBT_WARNING,
		      arena_printf(
			      g->arena,
			      "%.0f messages fall due in each wakeInterval of %s and only %u may "
			      "be in flight: the rate cannot be reached",
			      in_wake, format_duration(plan->load.wake_interval_ns, text),
			      plan->load.window_messages),
		      "a shorter wakeInterval or a larger maxInFlight");
	if (!plan->searches && g->w->test_ns > 0 && per_producer * (double)g->w->test_ns / 1e9 < 1)
		doubt(g, DOUBT_WARNING,
		      arena_printf(g->arena,
		                   "at %g messages/s over %u producers not every producer sends a "
		                   "message in %s",
		                   plan->rate_per_s, plan->producers,
		                   format_duration(g->w->test_ns, text)),
		      "a longer testDuration or a higher producerRate");
}

static void doubt_pacing(struct gathering *g)
{
	const struct load_spec *load = &g->plan->load;
	uint32_t loops = g->need->spinning_loops, cpus = g->limits->cpus;
	double taken = g->need->spinning_cpus;
	char text[UNITS_TEXT];

	if (loops == 0)
		return;
	doubt(g, taken > cpus / 2.0 ? DOUBT_WARNING : DOUBT_NOTE,
	      arena_printf(g->arena,
	                   "pacing: spin takes up to %.2g of %u CPUs for waiting, in %u thread%s: "
	                   "clients, and a broker on this host, have so much less",
	                   taken, cpus, loops, loops == 1 ? "" : "s"),
	      "pacing: sleep, or fewer agents");
	if (!g->plan->searches &&
	    g->plan->rate_per_s / loops * (double)load->wake_interval_ns / 1e9 >= 1)
		doubt(g, DOUBT_NOTE,
		      arena_printf(
			      g->arena,
			      "a pass of sends every %s at most (wakeInterval): what falls due "
			      "meanwhile waits for it, with pacing: spin too",
			      format_duration(load->wake_interval_ns, text)),
		      "--set wakeInterval=0");
}

/* Consumers of the loop that has most. */
static uint64_t clients_of_a_loop(const struct gathering *g)
{
	uint32_t agents = g->need->consumer_agents, loops = g->plan->deal.loops;

	if (agents == 0)
		return 0;
	uint32_t here = deal_clients_of(g->plan->consumers, agents, 0);
	return loops > 0 ? (here + loops - 1) / loops : here;
}

static void doubt_account(struct gathering *g)
{
	const struct plan *plan = g->plan;
	uint64_t words = (uint64_t)plan->partitions * g->w->producers_per_topic;
	char need[UNITS_TEXT], most[UNITS_TEXT];

	if (!plan->account) {
		/* That there is no room for the stamp is a warning of its own. */
		if (plan->stamped && plan->consumers > 0)
			doubt(g, DOUBT_NOTE,
			      arena_printf(
				      g->arena,
				      "no account is kept (%s): what is lost, received twice or "
				      "out of order is known by sums alone, or not at all",
				      plan->account_lack),
			      NULL);
		return;
	}
	if (g->need->account_bytes > LOAD_ACCOUNT_BYTES_MAX)
		doubt(g, DOUBT_WARNING,
		      arena_printf(g->arena,
		                   "the account of %u producers at %u consumer agents would take "
		                   "%s and has %s: not every count will be exact",
		                   plan->producers, g->need->consumer_agents,
		                   format_bytes_short(g->need->account_bytes, need),
		                   format_bytes_short(LOAD_ACCOUNT_BYTES_MAX, most)),
		      "fewer consumer agents, or --set accounting=off");
	if (words * clients_of_a_loop(g) > LOAD_ORDER_BYTES_MAX / sizeof(uint64_t))
		doubt(g, DOUBT_NOTE,
		      arena_printf(g->arena,
		                   "%llu producers and partitions of a topic are too many for each "
		                   "consumer to remember the last message of: how many come out of "
		                   "order will not be known",
		                   (unsigned long long)words),
		      "more agents");
}

static void doubt_measurement(struct gathering *g)
{
	const struct plan *plan = g->plan;
	const struct workload *w = g->w;
	char test[UNITS_TEXT], sample[UNITS_TEXT];

	if (!plan->stamped)
		doubt(g, DOUBT_WARNING,
		      arena_printf(
			      g->arena,
			      "payloads of %u bytes have no room for the stamp of %d: end-to-end "
			      "latency comes from the broker's timestamps and messages are not "
			      "accounted for",
			      w->message_size, STAMP_BYTES),
		      arena_printf(g->arena, "--set messageSize=%d", STAMP_BYTES));
	if (w->test_ns == 0)
		doubt(g, DOUBT_WARNING, "the test has no end: it runs until it is interrupted",
		      "--set testDuration=5m");
	else if (w->test_ns < w->sample_ns)
		doubt(g, DOUBT_NOTE,
		      arena_printf(g->arena,
		                   "the test of %s is shorter than its samplePeriod of %s",
		                   format_duration(w->test_ns, test),
		                   format_duration(w->sample_ns, sample)),
		      NULL);
	if (w->warmup_ns == 0)
		doubt(g, DOUBT_NOTE,
		      "no warm-up: a broker that has just started is slow for its first tens of "
		      "seconds, and that is measured",
		      "--set warmupDuration=30s");
	if (plan->load.mode == LOAD_UNLIMITED && window_bytes(plan) > WINDOW_BYTES_DOUBTFUL)
		doubt(g, DOUBT_NOTE,
		      arena_printf(
			      g->arena,
			      "without a schedule the latency is that of the window in flight: %u "
			      "messages for each producer",
			      plan->load.window_messages),
		      "--set maxInFlight=2MB");
}

static void doubt_void(struct gathering *g, bool is_void, const char *key, const char *why)
{
	if (is_void)
		doubt(g, DOUBT_NOTE, arena_printf(g->arena, "%s has no effect: %s", key, why),
		      NULL);
}

/* Keys that say something of which nothing comes, as the others are. */
static void doubt_void_keys(struct gathering *g)
{
	const struct workload *w = g->w;
	const struct resource_driver *d = g->driver;
	bool commits = w->commit_messages > 0 || w->commit_ns > 0;
	bool consumed = g->plan->consumers > 0;

	doubt_void(g, w->payload_path_unused, "payloadFile", "useRandomizedPayloads is true");
	doubt_void(g, !w->randomized_payloads && w->random_ratio > 0, "randomBytesRatio",
	           "useRandomizedPayloads is not true");
	doubt_void(g, !w->randomized_payloads && w->payload_pool > 0, "randomizedPayloadPoolSize",
	           "useRandomizedPayloads is not true");
	doubt_void(g, w->backlog_gib <= 0 && w->backlog_drain_ratio < 1, "backlogDrainRatio",
	           "there is no consumerBacklogSizeGB");
	doubt_void(g, w->rate_scope == RATE_PER_PRODUCER && w->rate_mode != RATE_FIXED,
	           "producerRateScope", "producerRate is no number of messages");
	doubt_void(g, w->pacing == PACING_SPIN && w->rate_mode == RATE_MAX, "pacing",
	           "without a schedule nothing is waited for");
	doubt_void(g, !consumed && w->processing_ns > 0, "messageProcessingTime",
	           "there are no consumers");
	doubt_void(g, commits && !consumed, "commitInterval", "there are no consumers");
	doubt_void(g, commits && consumed && !d->commits, "commitInterval",
	           "consumers of this driver confirm nothing");
	doubt_void(g, w->keys != KEYS_NONE && !d->keys, "keyDistributor",
	           "this driver sends no keys");
	doubt_void(g, w->partitions_per_topic > 1 && !d->partitions, "partitionsPerTopic",
	           "topics of this driver have no partitions");
	if (w->max_in_flight_bytes > 0 && w->max_in_flight_bytes < w->message_size)
		doubt(g, DOUBT_NOTE,
		      arena_printf(g->arena,
		                   "maxInFlight of %llu bytes holds no message of %u: one is in "
		                   "flight all the same",
		                   (unsigned long long)w->max_in_flight_bytes, w->message_size),
		      NULL);
}

/* In their order otherwise. */
static struct doubts warnings_first(const struct gathering *g)
{
	struct doubt *items = arena_alloc(g->arena, (g->count + 1) * sizeof(*items));
	size_t count = 0;

	for (size_t i = 0; i < g->count; i++)
		if (g->items[i].severity == DOUBT_WARNING)
			items[count++] = g->items[i];
	for (size_t i = 0; i < g->count; i++)
		if (g->items[i].severity == DOUBT_NOTE)
			items[count++] = g->items[i];
	return (struct doubts){ .items = items, .count = count };
}

struct doubts resources_doubts(const struct plan *plan, const struct resources *need,
                               const struct resource_driver *driver,
                               const struct resource_limits *limits, struct arena *arena)
{
	struct doubt items[DOUBTS_MAX];
	struct gathering g = {
		.plan = plan,
		.w = plan->workload,
		.need = need,
		.driver = driver,
		.limits = limits,
		.arena = arena,
		.items = items,
	};

	doubt_clients(&g);
	doubt_pacing(&g);
	doubt_measurement(&g);
	doubt_account(&g);
	doubt_rate(&g);
	doubt_limits(&g);
	doubt_void_keys(&g);
	return warnings_first(&g);
}

struct doubts resources_shortages(const struct resources *need,
                                  const struct resource_limits *limits, struct arena *arena)
{
	struct doubt items[DOUBTS_MAX];
	struct gathering g = { .need = need, .limits = limits, .arena = arena, .items = items };

	doubt_limits(&g);
	return warnings_first(&g);
}
