/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loops of agents put into the account: as the driver says it, before anybody else may rely on
 * it, and after real deaths at any instant.
 */
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "account_reader.h"
#include "agent/consumer.h"
#include "agent/producer.h"
#include "agent/roster.h"
#include "agent_harness.h"
#include "fake_driver.h"
#include "stats/counter.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/rng.h"

#define RUN_ID     4711
#define ID_BASE    500
#define PARTITIONS 4
#define MS         UINT64_C(1000000)
#define S          UINT64_C(1000000000)

extern const struct driver driver_null;

static struct arena arena;
static struct roster roster;
static struct client_spec clients[8];

/* Producers of one topic, and of another that nobody here has. */
static void make_roster(uint32_t producers)
{
	static const char *topics[8];

	for (uint32_t i = 0; i < producers; i++)
		topics[i] = "t";
	topics[producers] = "other";
	arena_fini(&arena);
	roster_make(&roster, topics, producers + 1, ID_BASE, &arena);
}

static struct agent_spec spec_of(enum agent_role role, const struct driver *driver, uint32_t count)
{
	bool consumes = role == AGENT_CONSUMER;

	for (uint32_t i = 0; i < count; i++)
		clients[i] = (struct client_spec){
			.topic = "t",
			.subscription = consumes ? "s" : NULL,
			.id = consumes ? i : ID_BASE + i,
			.schedule_index = i,
			.members = count,
			.topic_number = roster_topic(&roster, "t"),
		};
	roster_deal_keys(&roster, role, clients, count, 1);
	return (struct agent_spec){
		.role = role,
		.driver = driver,
		.run_id = "test",
		.run = RUN_ID,
		.clients = clients,
		.clients_count = count,
		.partitions = PARTITIONS,
		.roster = &roster,
		.loops = 1,
		.cpu = -1,
	};
}

static struct account_reader reader_of(uint32_t producer, uint32_t subscription, uint64_t cap)
{
	struct account_reader r = { .producer = producer,
		                    .subscription = subscription,
		                    .cap = cap };

	r.seen = arena_alloc(&arena, cap * sizeof(*r.seen));
	return r;
}

/* --- answers ------------------------------------------------------------------------------------- */

static void start_producers(struct harness *h, uint32_t count)
{
	fake_reset();
	make_roster(count);
	struct agent_spec spec = spec_of(AGENT_PRODUCER, &driver_fake, count);
	harness_start(h, &spec);
}

static void start_load(struct harness *h, double rate_per_s, uint64_t length_ns,
                       uint64_t max_block_ns)
{
	struct load_spec load = {
		.mode = LOAD_PACED,
		.epoch = { .start_ns = clock_ns() + 20 * MS,
		           .micro_per_s = pacer_micro_per_s(rate_per_s) },
		.producers = h->spec.clients_count,
		.payload = { .size = 100, .count = 16, .random_ratio = 0.5, .seed = 1 },
		.wake_interval_ns = 100000,
		.max_block_ns = max_block_ns,
		.window_messages = 65536,
		.subscriptions = 1,
		.run = RUN_ID,
	};

	counter_set(&h->shm->control.load_end_ns, load.epoch.start_ns + length_ns);
	harness_start_load(h, &load);
}

static enum send_status refuse_every_tenth(uint32_t producer, const struct stamp *stamp,
                                           struct error *err)
{
	(void)producer;
	if (stamp->sequence % 10 != 3)
		return SEND_QUEUED;
	error_set(err, ERROR_BROKER, "not this one");
	return SEND_FAILED;
}

static void each_answer_is_in_the_account_once_and_as_what_it_was(void **state)
{
	struct agent_command probe = { .verb = AGENT_VERB_PROBE };
	struct error err;
	struct harness h;

	(void)state;
	start_producers(&h, 2);
	fake_script.on_send = refuse_every_tenth;
	assert_true(harness_command(&h, &probe, &err));
	harness_wait_counter(&h, COUNTER_PROBES_ACKED, 2);
	start_load(&h, 10000, S / 10, 60 * S);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 900);
	harness_wait_counter(&h, COUNTER_FAILED, 100);
	harness_close(&h);

	struct account_reader r[2];
	for (uint32_t p = 0; p < 2; p++)
		r[p] = reader_of(p, ACCOUNT_ANSWERS, 501);
	assert_int_equal(account_read(r, 2, h.shm), 0);
	for (uint32_t p = 0; p < 2; p++) {
		assert_int_equal(r[p].messages, 500);
		assert_int_equal(r[p].marked, 50);
		assert_int_equal(r[p].late, 0);
		for (uint32_t i = 0; i < 500; i++) {
			bool failed = i % 10 == 3;
			assert_int_equal(r[p].seen[i].times, 1);
			assert_int_equal(r[p].seen[i].marked, failed);
			assert_int_equal(r[p].seen[i].code, failed ? 0 : 1); /* 1 + partition */
		}
	}
	harness_fini(&h);
}

static void what_fails_later_is_in_the_account_as_failed(void **state)
{
	struct harness h;

	(void)state;
	start_producers(&h, 1);
	fake_script.fails = true;
	start_load(&h, 10000, S / 50, 60 * S);
	harness_wait_counter(&h, COUNTER_FAILED, 200);
	harness_close(&h);

	struct account_reader r = reader_of(0, ACCOUNT_ANSWERS, 200);
	account_read(&r, 1, h.shm);
	assert_int_equal(r.messages, 200);
	assert_int_equal(r.marked, 200);
	harness_fini(&h);
}

static enum send_status have_no_room(uint32_t producer, const struct stamp *stamp,
                                     struct error *err)
{
	(void)producer;
	(void)stamp;
	(void)err;
	return SEND_BUSY;
}

static void what_found_no_room_in_time_has_failed_in_the_account_too(void **state)
{
	struct harness h;

	(void)state;
	start_producers(&h, 1);
	fake_script.on_send = have_no_room;
	start_load(&h, 1000, S / 20, 0);
	harness_wait_counter(&h, COUNTER_FAILED, 50);
	harness_close(&h);

	struct account_reader r = reader_of(0, ACCOUNT_ANSWERS, 50);
	account_read(&r, 1, h.shm);
	assert_int_equal(r.messages, 50);
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(r.seen[i].marked, 1);
	harness_fini(&h);
}

/* Given back as the producer is closed, or not even then. */
static void what_has_no_answer_is_not_in_the_account(void **state)
{
	(void)state;
	for (int forgets = 0; forgets < 2; forgets++) {
		struct harness h;
		start_producers(&h, 1);
		fake_script.acknowledges = false;
		fake_script.forgets = forgets;
		start_load(&h, 10000, S / 100, 60 * S);
		harness_wait_counter(&h, COUNTER_SENT, 100);
		harness_close(&h);
		assert_int_equal(harness_counter(&h, COUNTER_UNACKNOWLEDGED), 100);

		struct account_reader r = reader_of(0, ACCOUNT_ANSWERS, 100);
		assert_int_equal(account_read(&r, 1, h.shm), 0);
		assert_int_equal(r.messages, 0);
		harness_fini(&h);
	}
}

/* --- receipts ------------------------------------------------------------------------------------ */

static struct fake_delivery deliveries[100000];

struct delivery {
	uint32_t consumer;
	int32_t partition;
	uint32_t producer;
	uint64_t sequence;
};

static void put(uint32_t i, const struct delivery *d, uint16_t run, uint16_t flags)
{
	struct stamp stamp = {
		.due_ns = clock_ns(),
		.producer = d->producer,
		.sequence = d->sequence,
		.run = run,
		.flags = flags,
	};

	deliveries[i] = (struct fake_delivery){ .consumer = d->consumer,
		                                .partition = d->partition,
		                                .len = sizeof(deliveries[i].payload) };
	stamp_write(deliveries[i].payload, deliveries[i].len, &stamp);
}

static void start_consumers(struct harness *h, uint32_t count, uint32_t messages)
{
	fake_reset();
	fake_script.deliveries = deliveries;
	fake_script.deliveries_count = messages;
	struct agent_spec spec = spec_of(AGENT_CONSUMER, &driver_fake, count);
	harness_start(h, &spec);
}

static void what_was_received_is_in_the_account_and_nothing_else_is(void **state)
{
	struct harness h;

	(void)state;
	make_roster(2);
	for (uint32_t i = 0; i < 1000; i++)
		put(i, &(struct delivery){ i % 2, (int32_t)(i % 4), ID_BASE + 1, i }, RUN_ID, 0);
	put(1000, &(struct delivery){ 0, 1, ID_BASE + 1, 2000 }, RUN_ID, STAMP_PROBE);
	put(1001, &(struct delivery){ 0, 1, ID_BASE + 1, 2001 }, RUN_ID + 1, 0);
	put(1002, &(struct delivery){ 0, 1, ID_BASE + 1, 2002 }, RUN_ID, 0);
	deliveries[1002].payload[40] ^= 1;                                   /* in the stamp */
	put(1003, &(struct delivery){ 0, 1, ID_BASE - 1, 2003 }, RUN_ID, 0); /* unheard of ... */
	put(1004, &(struct delivery){ 0, 1, ID_BASE + 3, 2004 }, RUN_ID, 0);
	put(1005, &(struct delivery){ 0, 1, ID_BASE + 2, 2005 }, RUN_ID,
	    0);                                                           /* ... of another topic */
	put(1006, &(struct delivery){ 1, 2, ID_BASE + 1, 6 }, RUN_ID, 0); /* twice ... */
	put(1007, &(struct delivery){ 1, 3, ID_BASE + 1, 7 }, RUN_ID, 0); /* ... told so */
	deliveries[1007].redelivered = true;
	put(1008, &(struct delivery){ 1, -1, ID_BASE, 0 }, RUN_ID, 0); /* no partition */
	start_consumers(&h, 2, 1009);
	harness_wait_counter(&h, COUNTER_RECEIVED, 1006);
	harness_close(&h);

	struct account_reader r[2] = { reader_of(0, 0, 10), reader_of(1, 0, 2010) };
	assert_int_equal(account_read(r, 2, h.shm), 0);
	assert_int_equal(r[0].messages, 1);
	assert_int_equal(r[0].seen[0].code, 0);
	assert_int_equal(r[1].messages, 1002);
	for (uint32_t i = 0; i < 2010; i++) {
		bool twice = i == 6 || i == 7;
		assert_int_equal(r[1].seen[i].times, i >= 1000 ? 0 : twice ? 2 : 1);
		assert_int_equal(r[1].seen[i].marked, i == 7);
		if (i < 1000)
			assert_int_equal(r[1].seen[i].code, 1 + i % 4);
	}
	assert_true(agent_shm_knows_order(h.shm));
	harness_fini(&h);
}

static void each_consumer_knows_the_order_of_each_producer_and_partition(void **state)
{
	static const struct delivery arrive[] = {
		{ 0, 1, ID_BASE, 5 },     { 0, 1, ID_BASE, 3 },     /* late */
		{ 0, 2, ID_BASE, 4 },                               /* another partition */
		{ 1, 1, ID_BASE, 2 },                               /* another member */
		{ 0, 1, ID_BASE + 1, 1 },                           /* another producer */
		{ 0, 1, ID_BASE, 6 },     { 0, 1, ID_BASE + 1, 0 }, /* late */
	};
	const uint32_t count = sizeof(arrive) / sizeof(arrive[0]);
	struct harness h;

	(void)state;
	make_roster(2);
	for (uint32_t i = 0; i < count; i++)
		put(i, &arrive[i], RUN_ID, 0);
	start_consumers(&h, 2, count);
	harness_wait_counter(&h, COUNTER_RECEIVED, count);
	harness_close(&h);

	struct account_reader r[2] = { reader_of(0, 0, 8), reader_of(1, 0, 8) };
	account_read(r, 2, h.shm);
	assert_true(agent_shm_knows_order(h.shm));
	assert_int_equal(r[0].messages, 5);
	assert_int_equal(r[0].late, 1);
	assert_int_equal(r[0].seen[3].late, 1);
	assert_int_equal(r[1].late, 1);
	assert_int_equal(r[1].seen[0].late, 1);
	harness_fini(&h);
}

/* One that cannot be judged is not late, and the loop says that it did not judge it. */
static void order_is_unknown_where_it_cannot_be_remembered(void **state)
{
	static const int32_t partitions[] = { PARTITIONS, 1 };

	(void)state;
	for (int is_huge = 0; is_huge < 2; is_huge++) {
		struct harness h;
		make_roster(2);
		fake_reset();
		for (uint32_t i = 0; i < 2; i++)
			put(i, &(struct delivery){ 0, partitions[is_huge], ID_BASE, 1 - i }, RUN_ID,
			    0);
		fake_script.deliveries = deliveries;
		fake_script.deliveries_count = 2;
		struct agent_spec spec = spec_of(AGENT_CONSUMER, &driver_fake, 2);
		if (is_huge) /* two consumers times two producers */
			spec.partitions =
				(uint32_t)(LOAD_ORDER_BYTES_MAX / sizeof(uint64_t) / 4 + 1);
		harness_start(&h, &spec);
		harness_wait_counter(&h, COUNTER_RECEIVED, 2);
		harness_close(&h);

		struct account_reader r = reader_of(0, 0, 2);
		account_read(&r, 1, h.shm);
		assert_int_equal(r.messages, 2);
		assert_int_equal(r.late, 0);
		assert_false(agent_shm_knows_order(h.shm));
		harness_fini(&h);
	}
}

/* --- real deaths --------------------------------------------------------------------------------- */

#define VICTIMS  3
#define MESSAGES 300000 /* of each */
#define DEATHS   12

static pid_t start_victim(struct agent_shm *shm, const struct agent_spec *spec, int channel[2])
{
	struct error err;

	assert_true(channel_open(channel, &err));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		(void)signal(SIGSEGV, SIG_DFL); /* else the test goes on in the child */
	if (pid == 0)
		_exit((spec->role == AGENT_PRODUCER ? producer_loop
		                                    : consumer_loop)(spec, shm, 0, channel[1], &err)
		              ? 0
		              : 1);
	close(channel[1]);
	return pid;
}

static uint64_t counted(const struct agent_shm *shm, enum counter which)
{
	uint64_t counters[COUNTER_COUNT] = { 0 };

	agent_shm_count(shm, 0, counters);
	return counters[which];
}

/* Whatever it is doing when so much is done, or when a slow machine has no time left for the load. */
static void kill_at(pid_t pid, const struct agent_shm *shm, enum counter which, uint64_t value)
{
	uint64_t limit_ns = clock_ns() + 30 * S;

	while (counted(shm, which) < value && counter_read(&shm->loop[0].gave_up_ns) == 0)
		assert_true(clock_ns() < limit_ns);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Faster than it goes, and never more than MESSAGES of each: no chunk is missing though nobody takes
 * any. */
static void start_victims_load(struct agent_shm *shm, int fd)
{
	const double rate_per_s = 10.0 * VICTIMS * MESSAGES;
	struct agent_command start = {
		.tag = 1,
		.verb = AGENT_VERB_START,
		.load = {
			.mode = LOAD_PACED,
			.epoch = { .start_ns = clock_ns(),
			           .micro_per_s = pacer_micro_per_s(rate_per_s) },
			.producers = VICTIMS,
			.payload = { .size = 100, .count = 16, .random_ratio = 0.5, .seed = 1 },
			.wake_interval_ns = 100000,
			.max_block_ns = 60 * S,
			.window_messages = 1000,
			.subscriptions = 1,
		},
	};
	struct error err;
	int pool_fd = payload_make(&start.load.payload, &err);

	assert_true(pool_fd >= 0);
	counter_set(&shm->control.load_end_ns, start.load.epoch.start_ns + S / 10);
	assert_true(channel_send_command(fd, &start, pool_fd, &err));
	close(pool_fd);
}

/* What is in flight of one producer, by sequence. */
static uint8_t *flying(struct agent_shm *shm, uint32_t client)
{
	uint8_t *is_flying = arena_alloc(&arena, MESSAGES + 1);
	const struct flight *slots = agent_shm_flights(shm, client);
	uint64_t used = counter_read(&agent_shm_client(shm, client)->flights_used);

	for (uint64_t i = 0; i < used; i++) {
		uint64_t sequence = counter_read(&slots[i].sequence);
		if (counter_read(&slots[i].called_ns) != 0 && sequence <= MESSAGES)
			is_flying[sequence] = 1;
	}
	return is_flying;
}

static void check_answers(struct agent_shm *shm)
{
	struct account_reader r[VICTIMS];
	uint64_t in_both = 0, told = 0;

	for (uint32_t p = 0; p < VICTIMS; p++)
		r[p] = reader_of(p, ACCOUNT_ANSWERS, MESSAGES + 1);
	assert_int_equal(account_read(r, VICTIMS, shm), 0);
	for (uint32_t p = 0; p < VICTIMS; p++) {
		const uint8_t *is_flying = flying(shm, p);
		uint64_t sent = counter_read(&agent_shm_client(shm, p)->sent);
		assert_in_range(sent, 0, MESSAGES);
		for (uint64_t i = 0; i <= MESSAGES; i++) {
			unsigned times = r[p].seen[i].times;
			/* One that is being offered is in flight already. */
			assert_in_range(times, 0, i < sent);
			assert_true(i >= sent || times + is_flying[i] >= 1);
			in_both += times + is_flying[i] > 1;
		}
		told += r[p].messages;
	}
	/* The loop was at one message. */
	uint64_t answered = counted(shm, COUNTER_ACKNOWLEDGED) + counted(shm, COUNTER_FAILED);
	assert_in_range(in_both, 0, 1);
	assert_in_range(told, answered, answered + 1);
}

static void die_sending(const struct driver *driver, bool answers_in_send, uint64_t at)
{
	int channel[2];
	struct error err;

	fake_reset();
	fake_script.answers_in_send = answers_in_send;
	fake_script.on_send = refuse_every_tenth;
	make_roster(VICTIMS);
	struct agent_spec spec = spec_of(AGENT_PRODUCER, driver, VICTIMS);
	spec.run = 0;
	const struct agent_shm_shape shape = { .loops = 1,
		                               .clients = VICTIMS,
		                               .window_messages = 1000,
		                               .account = roster_shape(&spec) };
	struct agent_shm *shm = agent_shm_map(&shape, &err);
	assert_non_null(shm);
	roster_put_keys(&spec, shm);
	pid_t pid = start_victim(shm, &spec, channel);
	start_victims_load(shm, channel[0]);
	kill_at(pid, shm, COUNTER_SENT, at);
	close(channel[0]);
	check_answers(shm);
	agent_shm_unmap(shm);
}

/* A loop that tells anything of a message dies of it, at the first one. */
static void let_tell(struct agent_shm *shm, bool may)
{
	struct account_area *area = agent_shm_account(shm, 0);
	size_t bytes = (size_t)((char *)shm + shm->bytes - (char *)area);

	assert_int_equal(mprotect(area, bytes, may ? PROT_READ | PROT_WRITE : PROT_READ), 0);
}

static void await_death(pid_t pid, struct agent_shm *shm)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
	let_tell(shm, true);
}

/* The instant that deaths at random miss: between what it takes to count a message. */
static void a_producer_agent_that_dies_as_it_tells_has_its_message_in_flight(void **state)
{
	struct error err;

	(void)state;
	for (int i = 0; i < 3; i++) {
		int channel[2];
		fake_reset();
		fake_script.answers_in_send = i == 0;
		make_roster(VICTIMS);
		struct agent_spec spec =
			spec_of(AGENT_PRODUCER, i < 2 ? &driver_fake : &driver_null, VICTIMS);
		spec.run = 0;
		const struct agent_shm_shape shape = { .loops = 1,
			                               .clients = VICTIMS,
			                               .window_messages = 1000,
			                               .account = roster_shape(&spec) };
		struct agent_shm *shm = agent_shm_map(&shape, &err);
		assert_non_null(shm);
		roster_put_keys(&spec, shm);
		let_tell(shm, false);
		pid_t pid = start_victim(shm, &spec, channel);
		start_victims_load(shm, channel[0]);
		await_death(pid, shm);
		close(channel[0]);
		assert_int_equal(counted(shm, COUNTER_ACKNOWLEDGED), 0);
		assert_true(counted(shm, COUNTER_SENT) > 0);
		check_answers(shm);
		agent_shm_unmap(shm);
	}
}

static void a_producer_agent_that_dies_at_any_instant_leaves_every_answer(void **state)
{
	struct rng rng = { 11 };

	(void)state;
	for (int i = 0; i < DEATHS; i++) {
		uint64_t at = 1 + rng_below(&rng, 50000);
		die_sending(&driver_null, false, at);
		die_sending(&driver_fake, i % 2 == 0, at);
	}
}

/* Shared with the child: so many messages had been received when it confirmed them last. */
static _Atomic uint64_t *confirmed;
static struct agent_shm *confirming;

static void confirm(void)
{
	counter_set(confirmed, counter_read(&agent_shm_client(confirming, 0)->received));
}

static void die_receiving(uint32_t count, uint64_t at)
{
	struct error err;
	int channel[2];

	fake_reset();
	fake_script.deliveries = deliveries;
	fake_script.deliveries_count = count;
	fake_script.on_commit = confirm;
	make_roster(2);
	struct agent_spec spec = spec_of(AGENT_CONSUMER, &driver_fake, 1);
	spec.consume.commit_messages = 10;
	const struct agent_shm_shape shape = {
		.loops = 1, .clients = 1, .partitions = PARTITIONS, .account = roster_shape(&spec)
	};
	confirming = agent_shm_map(&shape, &err);
	assert_non_null(confirming);
	roster_put_keys(&spec, confirming);
	counter_set(confirmed, 0);
	pid_t pid = start_victim(confirming, &spec, channel);
	kill_at(pid, confirming, COUNTER_RECEIVED, at);
	close(channel[0]);

	struct account_reader r = reader_of(0, 0, count);
	assert_int_equal(account_read(&r, 1, confirming), 0);
	uint64_t received = counted(confirming, COUNTER_RECEIVED);
	assert_in_range(r.messages, received, received + 1);
	assert_true(counter_read(confirmed) <= received);
	for (uint32_t i = 0; i < count; i++) {
		assert_in_range(r.seen[i].times, i < received, i <= received);
		if (i < received)
			assert_int_equal(r.seen[i].code, 1 + i % 4);
	}
	agent_shm_unmap(confirming);
}

static void a_consumer_agent_that_dies_at_any_instant_leaves_every_receipt(void **state)
{
	const uint32_t count = sizeof(deliveries) / sizeof(deliveries[0]);
	struct rng rng = { 12 };

	(void)state;
	confirmed = mmap(NULL, sizeof(*confirmed), PROT_READ | PROT_WRITE,
	                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(confirmed, MAP_FAILED);
	for (uint32_t i = 0; i < count; i++)
		put(i, &(struct delivery){ 0, (int32_t)(i % 4), ID_BASE, i }, RUN_ID, 0);
	for (int i = 0; i < DEATHS; i++)
		die_receiving(count, 1 + rng_below(&rng, count - 1));
	munmap(confirmed, sizeof(*confirmed));
}

/* It is not counted, and the driver has not heard that it may be confirmed. */
static void a_consumer_agent_that_dies_as_it_tells_has_received_nothing(void **state)
{
	struct error err;
	int channel[2];

	(void)state;
	fake_reset();
	put(0, &(struct delivery){ 0, 0, ID_BASE, 0 }, RUN_ID, 0);
	fake_script.deliveries = deliveries;
	fake_script.deliveries_count = 1;
	make_roster(2);
	struct agent_spec spec = spec_of(AGENT_CONSUMER, &driver_fake, 1);
	const struct agent_shm_shape shape = {
		.loops = 1, .clients = 1, .partitions = PARTITIONS, .account = roster_shape(&spec)
	};
	struct agent_shm *shm = agent_shm_map(&shape, &err);
	assert_non_null(shm);
	roster_put_keys(&spec, shm);
	let_tell(shm, false);
	pid_t pid = start_victim(shm, &spec, channel);
	await_death(pid, shm);
	close(channel[0]);
	assert_true(counter_read(&agent_shm_client(shm, 0)->first_ns) > 0);
	assert_int_equal(counted(shm, COUNTER_RECEIVED), 0);
	assert_int_equal(counted(shm, COUNTER_COMMITS), 0);
	agent_shm_unmap(shm);
}

static struct harness *looked_at;

/* What it had handed to the driver to be confirmed was in the account by then. */
static void confirm_and_look(void)
{
	struct account_area *area = agent_shm_account(looked_at->shm, 0);
	uint64_t received = counter_read(&agent_shm_client(looked_at->shm, 0)->received);
	uint64_t told = 0;

	for (uint64_t i = 0; i < counter_read(&area->used); i++) {
		const struct account_chunk *c = account_area_chunk(area, (uint32_t)i);
		for (uint32_t w = 0; w < ACCOUNT_WORDS; w++)
			told += (uint64_t)__builtin_popcountll(account_chunk_word(c, LANE_HERE, w));
	}
	counter_bump(confirmed + (told >= received));
}

static void what_is_confirmed_to_the_broker_is_in_the_account_before(void **state)
{
	static _Atomic uint64_t looks[2]; /* bad ones and good ones */
	struct harness h;

	(void)state;
	confirmed = looks;
	make_roster(2);
	for (uint32_t i = 0; i < 5000; i++)
		put(i, &(struct delivery){ 0, 0, ID_BASE, i }, RUN_ID, 0);
	fake_reset();
	looked_at = &h;
	fake_script.on_commit = confirm_and_look;
	fake_script.deliveries = deliveries;
	fake_script.deliveries_count = 5000;
	struct agent_spec spec = spec_of(AGENT_CONSUMER, &driver_fake, 1);
	harness_start(&h, &spec);
	harness_wait_counter(&h, COUNTER_RECEIVED, 5000);
	harness_close(&h);
	assert_int_equal(counter_read(&looks[0]), 0);
	assert_in_range(counter_read(&looks[1]), 5, 5000);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_is_in_the_account_once_and_as_what_it_was),
		cmocka_unit_test(what_fails_later_is_in_the_account_as_failed),
		cmocka_unit_test(what_found_no_room_in_time_has_failed_in_the_account_too),
		cmocka_unit_test(what_has_no_answer_is_not_in_the_account),
		cmocka_unit_test(what_was_received_is_in_the_account_and_nothing_else_is),
		cmocka_unit_test(each_consumer_knows_the_order_of_each_producer_and_partition),
		cmocka_unit_test(order_is_unknown_where_it_cannot_be_remembered),
		cmocka_unit_test(what_is_confirmed_to_the_broker_is_in_the_account_before),
		cmocka_unit_test(a_producer_agent_that_dies_as_it_tells_has_its_message_in_flight),
		cmocka_unit_test(a_consumer_agent_that_dies_as_it_tells_has_received_nothing),
		cmocka_unit_test(a_producer_agent_that_dies_at_any_instant_leaves_every_answer),
		cmocka_unit_test(a_consumer_agent_that_dies_at_any_instant_leaves_every_receipt),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	arena_fini(&arena);
	return failed;
}
