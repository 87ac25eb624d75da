/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Agents of several threads as their parent sees them, all in this one process: what a race detector
 * cannot see across processes it sees here (tools/test-all tsan).  Each loop, the broker and the parent
 * are threads; the parent reads and writes all the shared words while the load goes on, and in the end
 * every message has to be accounted for.
 */

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/channel.h"
#include "agent/consumer.h"
#include "agent/debt.h"
#include "agent/producer.h"
#include "agent/termination.h"
#include "config/driver_file.h"
#include "driver/registry.h"
#include "stats/counter.h"
#include "util/arena.h"
#include "util/clock.h"

#define MS         UINT64_C(1000000)
#define S          UINT64_C(1000000000)
#define LIMIT_NS   (60 * S)
#define LIMIT_MS   60000
#define RUN_ID     77
#define LOOPS      3
#define PRODUCERS  5
#define CONSUMERS  4
#define PARTITIONS 4
#define TOPIC      "omb-threads"
#define RATE       3000 /* for the first half of the load ... */
#define SLOW_RATE  1000 /* ... and for the second */
#define HALF_NS    (S / 2)
#define DUE        ((RATE + SLOW_RATE) / 2)

/* --- the driver and its broker -------------------------------------------------------------------- */

static struct world {
	struct arena arena;
	struct config_mode mode;
	struct driver_file file;
	const struct driver *driver;
	void *config;
	struct driver_context context;
	pthread_t broker;
	sem_t is_ready;
	int stop_fd;
	bool broker_ok;
	struct error err;
	char run_id[32];
} w;

static void no_message(void *owner, uint64_t token, const struct sent_report *report)
{
	(void)owner;
	(void)token;
	(void)report;
}

static void no_event(void *owner, enum driver_event kind, const char *text)
{
	(void)owner;
	(void)kind;
	(void)text;
}

static void no_progress(void *owner, size_t done)
{
	(void)owner;
	(void)done;
}

static const struct driver_core admin_core = { .sent = no_message,
	                                       .event = no_event,
	                                       .progress = no_progress };

static void broker_is_ready(void *to)
{
	(void)to;
	sem_post(&w.is_ready);
}

static void *run_broker(void *arg)
{
	(void)arg;
	w.broker_ok = w.driver->broker->run(&w.context, w.stop_fd, broker_is_ready, NULL, &w.err);
	sem_post(&w.is_ready); /* or has failed */
	return NULL;
}

static void create_topic(void)
{
	const struct topic_spec topic = { .name = TOPIC, .partitions = PARTITIONS };
	void *instance = aligned_alloc(64, (w.driver->instance_size + 63) & ~(size_t)63);
	struct error err;

	memset(instance, 0, w.driver->instance_size);
	if (!w.driver->open(instance, &w.context, &err))
		fail_msg("%s", err.text);
	if (!w.driver->admin->create_topics(instance, &topic, 1, &err))
		fail_msg("%s", err.text);
	w.driver->close(instance);
	free(instance);
}

static void begin(const char *driver_yaml)
{
	struct error_list errors = { 0 }, warnings = { 0 };

	w = (struct world){ .stop_fd = -1 };
	w.file = (struct driver_file){ .path = "d.yaml", .mode = &w.mode, .arena = &w.arena };
	assert_true(driver_file_parse(arena_strdup(&w.arena, driver_yaml), strlen(driver_yaml),
	                              &w.file, &errors, &warnings));
	w.driver = driver_configure(&w.file, &w.arena, &w.config, &errors, &warnings);
	assert_non_null(w.driver);
	if (!driver_load_library(w.driver, &w.err))
		fail_msg("%s", w.err.text);
	/* Loopback's socket is named after it: this program may run twice at once. */
	snprintf(w.run_id, sizeof(w.run_id), "threads%d", (int)getpid());
	w.context = (struct driver_context){ .config = w.config,
		                             .core = &admin_core,
		                             .run_id = w.run_id,
		                             .client_id = "omb-admin" };
	if (w.driver->broker == NULL)
		return;
	sem_init(&w.is_ready, 0, 0);
	w.stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&w.broker, NULL, run_broker, NULL), 0);
	while (sem_wait(&w.is_ready) != 0)
		;
	create_topic();
}

static void end(void)
{
	if (w.driver->broker != NULL) {
		assert_int_equal(eventfd_write(w.stop_fd, 1), 0);
		assert_int_equal(pthread_join(w.broker, NULL), 0);
		if (!w.broker_ok)
			fail_msg("%s", w.err.text);
		close(w.stop_fd);
		sem_destroy(&w.is_ready);
	}
	arena_fini(&w.arena);
}

/* --- an agent: threads, each with a channel ------------------------------------------------------- */

struct agent_threads;

struct member {
	struct agent_threads *agent;
	unsigned index;
	int channel[2]; /* [0] the parent's */
	pthread_t thread;
	bool ok;
	struct error err;
};

struct agent_threads {
	struct agent_spec spec;
	struct agent_shm *shm;
	struct member members[LOOPS];
	uint32_t tag;
};

static void *run_member(void *arg)
{
	struct member *m = arg;
	struct agent_threads *a = m->agent;

	m->ok = (a->spec.role == AGENT_PRODUCER ? producer_loop : consumer_loop)(
		&a->spec, a->shm, m->index, m->channel[1], &m->err);
	return NULL;
}

static void take_answers(struct agent_threads *a, uint32_t tag)
{
	for (int i = 0; i < LOOPS; i++) {
		struct pollfd p = { .fd = a->members[i].channel[0], .events = POLLIN };
		struct agent_answer answer;
		assert_int_equal(poll(&p, 1, LIMIT_MS), 1);
		assert_int_equal(channel_receive_answer(p.fd, &answer), CHANNEL_GOT);
		if (!answer.ok)
			fail_msg("%s", answer.err.text);
		assert_int_equal(answer.tag, tag);
	}
}

static void command(struct agent_threads *a, struct agent_command c, int fd_to_pass)
{
	struct error err;

	c.tag = ++a->tag;
	for (int i = 0; i < LOOPS; i++)
		assert_true(channel_send_command(a->members[i].channel[0], &c, fd_to_pass, &err));
	take_answers(a, c.tag);
}

static void simple_command(struct agent_threads *a, enum agent_verb verb)
{
	command(a, (struct agent_command){ .verb = verb }, -1);
}

static void start_agent(struct agent_threads *a, enum agent_role role,
                        const struct client_spec *clients, uint32_t count)
{
	struct agent_shm_shape shape = { .loops = LOOPS, .clients = count };
	struct error err;

	*a = (struct agent_threads){
		.spec = { .role = role,
		          .driver = w.driver,
		          .driver_config = w.config,
		          .run_id = w.run_id,
		          .run = RUN_ID,
		          .clients = clients,
		          .clients_count = count,
		          .loops = LOOPS,
		          .partitions = PARTITIONS,
		          .cpu = -1 },
	};
	if (role == AGENT_PRODUCER)
		shape.window_messages = 2000;
	else
		shape.partitions = PARTITIONS;
	a->shm = agent_shm_map(&shape, &err);
	assert_non_null(a->shm);
	for (unsigned i = 0; i < LOOPS; i++) {
		struct member *m = &a->members[i];
		m->agent = a;
		m->index = i;
		assert_true(channel_open(m->channel, &err));
		assert_int_equal(pthread_create(&m->thread, NULL, run_member, m), 0);
	}
	take_answers(a, 0);
}

static void close_agent(struct agent_threads *a)
{
	simple_command(a, AGENT_VERB_CLOSE);
	for (int i = 0; i < LOOPS; i++) {
		struct member *m = &a->members[i];
		assert_int_equal(pthread_join(m->thread, NULL), 0);
		if (!m->ok)
			fail_msg("%s", m->err.text);
		close(m->channel[0]);
		close(m->channel[1]);
	}
}

/* --- the parent ----------------------------------------------------------------------------------- */

/* Reads all that a parent reads of a running agent. */
static struct snapshot look_at(const struct agent_threads *a)
{
	struct agent_shm *shm = a->shm;
	struct snapshot now = { 0 };
	uint64_t edges[COUNTER_COUNT] = { 0 }, all = 0;

	agent_shm_snapshot(shm, true, &now);
	for (uint32_t i = 0; i < LOOPS; i++) {
		for (int e = 0; e < EDGES; e++)
			agent_shm_count_at(shm, i, (enum shm_edge_of)e, edges);
		for (int n = 0; n < NOTE_COUNT; n++)
			all += note_total(&shm->loop[i].notes[n]);
		struct shm_cpu cpu;
		agent_shm_window_cpu(shm, i, &cpu);
		all += atomic_load(&shm->loop[i].thread);
	}
	struct hist_copy late = { 0 };
	agent_shm_late(shm, &late);
	hist_copy_fini(&late);
	struct slow_taken slow[LOOPS * SLOW_TAKEN_MAX];
	for (size_t n = agent_shm_take_slow(shm, slow); n > 0; n--)
		assert_true(slow[n - 1].message.done_ns >= slow[n - 1].message.due_ns);
	for (uint32_t c = 0; c < shm->shape.clients; c++)
		for (uint32_t p = 0; p < shm->shape.partitions; p++)
			all += counter_read(&agent_shm_partitions(shm, c)[p]);
	all += agent_shm_turned_ns(shm) + agent_shm_closed(shm) + agent_shm_is_offering(shm);
	assert_true(edges[COUNTER_ACKNOWLEDGED] <= edges[COUNTER_SENT] && all > 0);
	assert_true(now.counters[COUNTER_ACKNOWLEDGED] <= now.counters[COUNTER_SENT]);
	return now;
}

static uint64_t count_now(const struct agent_threads *a, enum counter which)
{
	struct snapshot now = look_at(a);
	uint64_t count = now.counters[which];

	snapshot_fini(&now);
	return count;
}

static void wait_until(uint64_t limit_ns, const char *condition)
{
	if (clock_ns() > limit_ns)
		fail_msg("never came true: %s", condition);
	sched_yield();
}

#define UNTIL(condition)                                               \
	for (uint64_t limit_ns = clock_ns() + LIMIT_NS; !(condition);) \
	wait_until(limit_ns, #condition)

static uint64_t assigned(const struct agent_threads *a)
{
	uint64_t sum = 0;

	for (uint32_t c = 0; c < a->shm->shape.clients; c++)
		sum += counter_read(&agent_shm_client(a->shm, c)->assigned);
	return sum;
}

static void announce(const struct agent_threads *a, uint64_t start_ns, uint64_t end_ns)
{
	agent_shm_put_times(a->shm, &(struct shm_times){
					    .window_start_ns = start_ns,
					    .window_end_ns = end_ns,
					    .load_end_ns = end_ns,
					    .slots_start_ns = start_ns,
				    });
}

static struct load_spec load_from(uint64_t start_ns, uint32_t subscriptions)
{
	return (struct load_spec){
		.mode = LOAD_PACED,
		.epoch = { start_ns, pacer_micro_per_s(RATE) },
		.producers = PRODUCERS,
		.keys = KEY_ROUND_ROBIN,
		.payload = { .size = 100, .count = 10 },
		.wake_interval_ns = 100000,
		.spin_ns = LOAD_SPIN_NS,
		.max_block_ns = 60 * S,
		.window_messages = 2000,
		.subscriptions = subscriptions,
		.run = RUN_ID,
	};
}

static void start_load(struct agent_threads *a, const struct load_spec *load)
{
	struct error err;
	int pool_fd = payload_make(&load->payload, &err);

	assert_true(pool_fd >= 0);
	command(a, (struct agent_command){ .verb = AGENT_VERB_START, .load = *load }, pool_fd);
	close(pool_fd);
}

/* Everything that was due was sent, or is known not to have been. */
static void settle(const struct agent_threads *a, const struct load_spec *load,
                   const struct debt_change *change)
{
	const struct debt_terms terms = {
		.load = load, .changes = change, .changes_count = 1, .closed_ns = clock_ns()
	};
	struct snapshot charged = { 0 };
	uint64_t sent = 0, unsent = 0, failed = 0;

	for (uint32_t c = 0; c < PRODUCERS; c++) {
		const struct debt_client client = {
			.shm = a->shm, .client = c, .loop = c % LOOPS, .schedule_index = c
		};
		struct debt_account account = debt_settle(&client, &terms, &charged);
		sent += account.sent;
		unsent += account.unsent;
		failed += account.failed + account.unacknowledged;
	}
	assert_int_equal(sent + unsent, DUE);
	assert_int_equal(sent, count_now(a, COUNTER_SENT));
	assert_int_equal(failed, 0);
	snapshot_fini(&charged);
}

static void fill_clients(struct client_spec *clients, uint32_t count, const char *subscription)
{
	for (uint32_t i = 0; i < count; i++)
		clients[i] = (struct client_spec){ .topic = TOPIC,
			                           .subscription = subscription,
			                           .id = i,
			                           .schedule_index = i,
			                           .members = subscription ? count : 0 };
}

/* A load with a change of rate in its middle; the consumers stop for a while. */
static void carry(struct agent_threads *producers, struct agent_threads *consumers)
{
	uint64_t start_ns = clock_ns() + 50 * MS, end_ns = start_ns + 2 * HALF_NS;
	struct load_spec load = load_from(start_ns, consumers ? 1 : 0);
	struct debt_change change = {
		.epoch = { start_ns + HALF_NS, pacer_micro_per_s(SLOW_RATE) },
	};
	struct agent_command rate = { .verb = AGENT_VERB_RATE };

	announce(producers, start_ns, end_ns);
	if (consumers)
		announce(consumers, start_ns, end_ns);
	start_load(producers, &load);
	if (consumers)
		simple_command(consumers, AGENT_VERB_PAUSE);
	UNTIL(count_now(producers, COUNTER_SENT) > DUE / 10);
	rate.rate.epoch = change.epoch;
	change.told_ns = clock_ns();
	command(producers, rate, -1);
	if (consumers)
		simple_command(consumers, AGENT_VERB_RESUME);
	UNTIL(!agent_shm_is_offering(producers->shm));
	if (consumers)
		UNTIL(count_now(consumers, COUNTER_RECEIVED) >= count_now(producers, COUNTER_SENT));
	UNTIL(count_now(producers, COUNTER_ACKNOWLEDGED) == count_now(producers, COUNTER_SENT));
	close_agent(producers);
	settle(producers, &load, &change);
}

/* Each of them sees it for itself. */
static void threads_whose_parent_is_gone_end(void **state)
{
	static struct client_spec clients[PRODUCERS];
	struct agent_threads producers;

	(void)state;
	begin("driver: \"null\"\n");
	fill_clients(clients, PRODUCERS, NULL);
	start_agent(&producers, AGENT_PRODUCER, clients, PRODUCERS);
	assert_false(termination_is_orphan());
	for (int i = 0; i < LOOPS; i++)
		close(producers.members[i].channel[0]);
	for (int i = 0; i < LOOPS; i++) {
		assert_int_equal(pthread_join(producers.members[i].thread, NULL), 0);
		assert_true(producers.members[i].ok);
		close(producers.members[i].channel[1]);
	}
	assert_true(termination_is_orphan());
	assert_true(alarm(0) > 0); /* that would have ended an agent which hangs */
	agent_shm_unmap(producers.shm);
	end();
}

static void threads_of_producers_count_what_their_parent_reads(void **state)
{
	static struct client_spec clients[PRODUCERS];
	struct agent_threads producers;

	(void)state;
	begin("driver: \"null\"\n");
	fill_clients(clients, PRODUCERS, NULL);
	start_agent(&producers, AGENT_PRODUCER, clients, PRODUCERS);
	carry(&producers, NULL);
	agent_shm_unmap(producers.shm);
	end();
}

static void threads_on_a_broker(const char *driver_yaml)
{
	static struct client_spec to[PRODUCERS], from[CONSUMERS];
	struct agent_threads producers, consumers;

	begin(driver_yaml);
	fill_clients(to, PRODUCERS, NULL);
	fill_clients(from, CONSUMERS, "omb-threads-group");
	start_agent(&consumers, AGENT_CONSUMER, from, CONSUMERS);
	UNTIL(assigned(&consumers) == PARTITIONS);
	start_agent(&producers, AGENT_PRODUCER, to, PRODUCERS);
	simple_command(&producers, AGENT_VERB_PROBE);
	UNTIL(count_now(&consumers, COUNTER_PROBES_RECEIVED) >= PRODUCERS);
	carry(&producers, &consumers);
	close_agent(&consumers);
	assert_int_equal(count_now(&consumers, COUNTER_RECEIVED),
	                 count_now(&producers, COUNTER_ACKNOWLEDGED));
	agent_shm_unmap(producers.shm);
	agent_shm_unmap(consumers.shm);
	end();
}

static void threads_on_the_loopback_broker_lose_nothing(void **state)
{
	(void)state;
	threads_on_a_broker("driver: loopback\n");
}

static void threads_on_the_embedded_broker_lose_nothing(void **state)
{
	struct error err;

	(void)state;
	if (driver_by_name("kafka", &err) == NULL)
		skip(); /* a build without librdkafka */
	threads_on_a_broker("driver: kafka\nbroker: embedded\nbrokerMemory: 32MB\n"
	                    "producerConfig: |\n  linger.ms=1\n"
	                    "consumerConfig: |\n  auto.offset.reset=earliest\n"
	                    "  fetch.wait.max.ms=10\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_of_producers_count_what_their_parent_reads),
		cmocka_unit_test(threads_on_the_loopback_broker_lose_nothing),
		cmocka_unit_test(threads_on_the_embedded_broker_lose_nothing),
		cmocka_unit_test(threads_whose_parent_is_gone_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
