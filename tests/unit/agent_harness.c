/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_harness.h"

#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/consumer.h"
#include "agent/producer.h"
#include "agent/roster.h"
#include "stats/counter.h"
#include "util/clock.h"

#define LIMIT_MS 30000

static void *run_loop(void *arg)
{
	struct harness *h = arg;

	h->ok = h->spec.role == AGENT_PRODUCER
	                ? producer_loop(&h->spec, h->shm, 0, h->channel[1], &h->err)
	                : consumer_loop(&h->spec, h->shm, 0, h->channel[1], &h->err);
	if (!h->ok) {
		struct agent_answer answer = { .tag = 0, .ok = false, .err = h->err };
		channel_send_answer(h->channel[1], &answer);
	}
	return NULL;
}

static void receive_answer(struct harness *h, struct agent_answer *answer)
{
	struct pollfd p = { .fd = h->channel[0], .events = POLLIN };

	assert_int_equal(poll(&p, 1, LIMIT_MS), 1);
	assert_int_equal(channel_receive_answer(h->channel[0], answer), CHANNEL_GOT);
}

void harness_start(struct harness *h, const struct agent_spec *spec)
{
	struct agent_answer answer;

	*h = (struct harness){ .spec = *spec, .pool_fd = -1 };
	h->spec.loops = 1;
	h->spec.cpu = -1;
	struct agent_shm_shape shape = {
		.loops = 1,
		.clients = spec->clients_count,
		.partitions = spec->partitions,
		.window_messages = spec->role == AGENT_PRODUCER ? LOAD_WINDOW_DEFAULT : 0,
		.account = roster_shape(&h->spec),
	};
	h->shm = agent_shm_map(&shape, &h->err);
	assert_non_null(h->shm);
	roster_put_keys(&h->spec, h->shm);
	shm_clocks_put(&h->shm->clocks, spec->clocks, spec->clocks_count);
	assert_true(channel_open(h->channel, &h->err));
	assert_int_equal(pthread_create(&h->thread, NULL, run_loop, h), 0);
	receive_answer(h, &answer);
	if (!answer.ok)
		fail_msg("%s", answer.err.text);
	assert_int_equal(answer.tag, 0);
}

bool harness_command(struct harness *h, struct agent_command *command, struct error *err)
{
	struct agent_answer answer;

	command->tag = ++h->tag;
	assert_true(channel_send_command(h->channel[0], command, h->pool_fd, err));
	receive_answer(h, &answer);
	assert_int_equal(answer.tag, h->tag);
	if (!answer.ok)
		*err = answer.err;
	return answer.ok;
}

void harness_start_load(struct harness *h, const struct load_spec *load)
{
	struct agent_command start = { .verb = AGENT_VERB_START, .load = *load };
	struct error err = { 0 };

	h->pool_fd = payload_make(&load->payload, &err);
	assert_true(h->pool_fd >= 0);
	if (!harness_command(h, &start, &err))
		fail_msg("%s", err.text);
	close(h->pool_fd);
	h->pool_fd = -1;
}

void harness_close(struct harness *h)
{
	struct agent_command command = { .verb = AGENT_VERB_CLOSE };
	struct error err;

	assert_true(harness_command(h, &command, &err));
	assert_int_equal(pthread_join(h->thread, NULL), 0);
	close(h->channel[0]);
	close(h->channel[1]);
}

struct debt_account harness_settle(struct harness *h, uint32_t client, const struct load_spec *load,
                                   struct snapshot *charged)
{
	const struct debt_terms terms = { .load = load, .closed_ns = clock_ns() };
	const struct debt_client c = {
		.shm = h->shm,
		.client = client,
		.schedule_index = h->spec.clients[client].schedule_index,
	};

	return debt_settle(&c, &terms, charged);
}

void harness_fini(struct harness *h)
{
	agent_shm_unmap(h->shm);
}

uint64_t harness_counter(const struct harness *h, enum counter which)
{
	uint64_t counters[COUNTER_COUNT] = { 0 };

	agent_shm_count(h->shm, 0, counters);
	return counters[which];
}

void harness_wait_counter(const struct harness *h, enum counter which, uint64_t value)
{
	uint64_t limit_ns = clock_ns() + LIMIT_MS * UINT64_C(1000000);

	while (harness_counter(h, which) < value) {
		if (clock_ns() > limit_ns)
			fail_msg("%s: %llu, not %llu in time", counter_name(which),
			         (unsigned long long)harness_counter(h, which),
			         (unsigned long long)value);
		sched_yield();
	}
}

void harness_latency(const struct harness *h, enum window window, enum latency which,
                     struct hist_copy *out)
{
	const struct shm_latencies *from = &h->shm->loop[0].latencies[window];

	hist_read(&from->words[which], &from->buckets[which], out);
}
