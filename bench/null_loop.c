/* SPDX-License-Identifier: Apache-2.0 */

/*
 * null_loop -- an agent's producer loop on the `null` driver, in this one thread and process.
 *
 *     null_loop max|paced MESSAGES [account]
 *
 * What `omb run` with the null driver measures, without the parent, the fork and the start of a
 * run, so that callgrind can count it: two runs of different length differ by messages alone.  The
 * loop is the agent's own, from the same libraries; START waits in its channel before it begins,
 * and the driver's serve function puts CLOSE there once enough is acknowledged.
 *
 * `max` has no schedule.  `paced` has one of 10^9 messages/s, which nothing keeps up with: a
 * message is always due, and each takes the whole way (pacer, heap, publish delay, corrected
 * latency) without a wake-up of its own.
 *
 * With `account` the loop tells what became of each message, as in a run with consumers; nobody takes the
 * chunks that it fills but the driver's serve function, which gives them back unread.
 *
 * The result is one JSON line: messages acknowledged, passes of the loop, CPU time of the loop per
 * message, and the time that one reading of the clock takes.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/channel.h"
#include "agent/producer.h"
#include "agent/roster.h"
#include "stats/counter.h"
#include "util/arena.h"
#include "util/clock.h"

#define CLOCK_READS   1000000
#define PAYLOAD_BYTES 100
#define PAYLOADS      100
#define WINDOW        65536 /* what omb takes when a workload says nothing */
#define ENOUGH        UINT64_C(1000000000000)

extern const struct driver driver_null;

static struct driver counted; /* driver_null, which tells when it is enough */
static uint64_t served, wanted = ENOUGH;
static int parent_fd = -1;
static struct account_area *area; /* NULL: no account is kept */

static void die(const struct error *err)
{
	fprintf(stderr, "null_loop: %s\n", err->text);
	exit(1);
}

/* The first command gets tag 1. */
static void command_send(struct agent_command command, int fd_to_pass)
{
	static uint32_t tag;
	struct error err;

	command.tag = ++tag;
	if (!channel_send_command(parent_fd, &command, fd_to_pass, &err))
		die(&err);
}

static void read_nothing(void *to, const struct account_chunk *chunk, unsigned partition_bytes)
{
	(void)to;
	(void)chunk;
	(void)partition_bytes;
}

static unsigned serve_counted(void *producer, unsigned max)
{
	unsigned n = driver_null.producer_serve(producer, max);

	served += n;
	if (area != NULL && counter_read(&area->sealed) != counter_read(&area->taken))
		account_area_take(area, UINT32_MAX, read_nothing, NULL);
	if (served >= wanted) {
		wanted = UINT64_MAX; /* once */
		command_send((struct agent_command){ .verb = AGENT_VERB_CLOSE }, -1);
	}
	return n;
}

static void load_start(bool paced)
{
	struct error err;
	struct agent_command start = {
		.verb = AGENT_VERB_START,
		.load = {
			.mode = paced ? LOAD_PACED : LOAD_UNLIMITED,
			.epoch = { .start_ns = clock_ns(), .micro_per_s = PACER_MICRO_PER_S_MAX },
			.producers = 1,
			.keys = KEY_NONE,
			.payload = { .size = PAYLOAD_BYTES,
			             .count = PAYLOADS,
			             .random_ratio = 0.5 },
			.wake_interval_ns = 100000,
			.max_block_ns = UINT64_C(60000000000),
			.window_messages = WINDOW,
		},
	};

	int pool_fd = payload_make(&start.load.payload, &err);
	if (pool_fd < 0)
		die(&err);
	command_send(start, pool_fd);
	close(pool_fd);
}

static uint64_t cpu_ns(void)
{
	return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static double clock_cost_ns(void)
{
	uint64_t began = cpu_ns();

	for (int i = 0; i < CLOCK_READS; i++)
		(void)clock_ns();
	return (double)(cpu_ns() - began) / CLOCK_READS;
}

static void result_print(const char *mode, const struct agent_shm *shm, uint64_t spent_ns)
{
	uint64_t counters[COUNTER_COUNT] = { 0 };

	agent_shm_count(shm, 0, counters);
	uint64_t messages = counters[COUNTER_ACKNOWLEDGED];

	printf("{\"mode\":\"%s\",\"messages\":%" PRIu64 ",\"wakeups\":%" PRIu64, mode, messages,
	       counters[COUNTER_WAKEUPS]);
	/* Under valgrind times mean nothing, and a million readings would drown what is counted. */
	if (getenv("OMB_NULL_LOOP_COUNTED") == NULL)
		printf(",\"cpuNsPerMessage\":%.2f,\"clockNs\":%.2f",
		       (double)spent_ns / (double)messages, clock_cost_ns());
	printf("}\n");
}

int main(int argc, char **argv)
{
	static struct client_spec client = { .topic = "null" };
	struct arena arena = { 0 };
	struct roster roster;
	struct error err;
	int channel[2];
	bool accounts = argc == 4 && strcmp(argv[3], "account") == 0;

	if ((argc != 3 && !accounts) ||
	    (strcmp(argv[1], "max") != 0 && strcmp(argv[1], "paced") != 0)) {
		fprintf(stderr, "usage: null_loop max|paced MESSAGES [account]\n");
		return 2;
	}
	roster_make(&roster, &client.topic, 1, 0, &arena);
	wanted = strtoull(argv[2], NULL, 10);
	counted = driver_null;
	counted.producer_serve = serve_counted;
	struct agent_spec spec = {
		.role = AGENT_PRODUCER,
		.driver = &counted,
		.run_id = "null",
		.clients = &client,
		.clients_count = 1,
		.partitions = 16,
		.loops = 1,
		.roster = accounts ? &roster : NULL,
		.cpu = -1,
	};

	struct agent_shm_shape shape = {
		.loops = 1,
		.clients = 1,
		.window_messages = WINDOW,
		.account = roster_shape(&spec),
	};
	struct agent_shm *shm = agent_shm_map(&shape, &err);
	if (shm == NULL || !channel_open(channel, &err))
		die(&err);
	roster_put_keys(&spec, shm);
	area = agent_shm_account(shm, 0);
	parent_fd = channel[0];
	counter_set(&shm->control.slots_start_ns, clock_ns());
	counter_set(&shm->control.window_end_ns, UINT64_MAX); /* all is measured ... */
	counter_set(&shm->control.load_end_ns, UINT64_MAX);   /* ... and due */
	load_start(strcmp(argv[1], "paced") == 0);

	uint64_t began = cpu_ns();
	if (!producer_loop(&spec, shm, 0, channel[1], &err))
		die(&err);
	result_print(argv[1], shm, cpu_ns() - began);
	agent_shm_unmap(shm);
	arena_fini(&arena);
	return 0;
}
