/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/producer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/producer_state.h"
#include "load/stamp.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"

#define NS_PER_MS UINT64_C(1000000)

/* --- commands ----------------------------------------------------------------------------------- */

static void probe(struct producer_loop *l)
{
	unsigned char payload[STAMP_BYTES] = { 0 };
	struct error err;

	for (uint32_t i = 0; i < l->base.clients; i++) {
		struct producer *p = &l->producers[i];
		struct outgoing m = { .payload = payload, .payload_len = sizeof(payload) };
		struct stamp stamp = {
			.due_ns = clock_ns(),
			.producer = p->id,
			.run = agent_run_of(l->base.spec, loop_client_index(&l->base, i)),
			.flags = STAMP_PROBE,
		};
		stamp_write(payload, sizeof(payload), &stamp);

		loop_batch_begins(&l->base);
		enum send_status status = l->base.driver->send(p->priv, &m, PROBE_TOKEN, &err);
		if (status == SEND_FAILED)
			loop_note(&l->base, NOTE_SEND, err.text);
		if (status != SEND_QUEUED)
			continue;
		producer_count(l, COUNTER_PROBES_SENT);
		producer_queued(l, p);
	}
	producer_flush(l);
}

/* Touches every page that stamps will be written to, so that the load does not pay for it. */
static void touch_pool(const struct producer_loop *l)
{
	const struct payload_spec *spec = &l->load.payload;
	struct stamp stamp = { 0 };

	for (uint32_t i = 0; i < spec->count; i++)
		stamp_write(l->pool + (size_t)i * spec->size, spec->size, &stamp);
}

static void put_schedule(struct producer_loop *l, struct producer *p)
{
	struct shm_schedule_copy copy = {
		.sequence = p->sequence,
		.changes = l->changes,
		.pacer = p->pacer,
	};

	shm_schedule_put(p->schedule, &copy);
}

static void begin_load(struct producer_loop *l, struct producer *p)
{
	uint32_t client = loop_client_index(&l->base, p->index);
	const struct client_spec *spec = &l->base.spec->clients[client];

	pacer_init(&p->pacer, &l->load.epoch, l->load.first_producer + spec->schedule_index,
	           l->load.producers);
	put_schedule(l, p);
	p->payload_seed = payload_seed(l->load.seed, p->id);
	uint16_t run = spec->has_run ? spec->run : l->load.run;
	p->stamp = stamp_source(p->id, run, producer_is_paced(l) ? 0 : STAMP_UNSCHEDULED);
	if (!producer_is_paced(l))
		p->pacer.next_ns = l->load.epoch.start_ns;
	p->flights = (struct flights){
		.slots = agent_shm_flights(l->base.shm, client),
		.used = &p->words->flights_used,
		.cap = l->load.window_messages,
	};
	producer_schedule(l, p);
}

/* What a wake-up that is late is late for: a pass of sends, or with few messages each of them. */
static void set_tick(struct producer_loop *l, const struct pacer_epoch *epoch)
{
	double per_s = (double)epoch->micro_per_s / 1e6 * l->base.clients / l->load.producers;
	double message_ns = 1e9 / per_s, pass_ns = (double)l->load.wake_interval_ns;

	if (producer_is_paced(l))
		loop_set_tick(&l->base, message_ns > pass_ns ? message_ns : pass_ns);
}

static bool start(struct producer_loop *l, const struct load_spec *load, int pool_fd,
                  struct error *err)
{
	if (l->pool != NULL)
		return error_set(err, ERROR_USAGE, "the load was started already");
	uint32_t most = l->base.shm->shape.window_messages;
	if (load->window_messages > most)
		return error_set(err, ERROR_USAGE,
		                 "%u messages in flight: the producers were made for %u",
		                 load->window_messages, most);
	l->load = *load;
	struct driver_traits traits = driver_traits_of(l->base.driver, l->base.spec->driver_config);
	if (traits.has_max_block)
		l->load.max_block_ns = traits.max_block_ms * NS_PER_MS;
	l->base.spin_ns = producer_is_paced(l) ? load->spin_ns : 0;
	counter_set(&l->base.words->message_bytes, load->payload.size);
	l->stamps = load->payload.size >= STAMP_BYTES;
	l->pool = payload_map(pool_fd, load->payload.size, load->payload.count, err);
	if (l->pool == NULL)
		return false;
	if (l->stamps)
		touch_pool(l);
	if (load->keys != KEY_NONE) {
		l->keys = xmalloc(sizeof(*l->keys));
		key_table_fill(l->keys, load->seed);
	}

	for (uint32_t i = 0; i < l->base.clients; i++)
		begin_load(l, &l->producers[i]);
	set_tick(l, &load->epoch);
	l->next_pass_ns = load->epoch.start_ns;
	producer_set_offering(l, true);
	return true;
}

static void change_rate(struct producer_loop *l, const struct pacer_epoch *epoch, bool forgive)
{
	uint64_t now_ns = clock_ns();

	l->changes++;
	l->due.count = 0;
	if (forgive) { /* the messages at hand are others now: nobody was refused those */
		l->blocked_count = l->answered_count = 0;
		l->next_retry_ns = UINT64_MAX;
	}
	for (uint32_t i = 0; i < l->base.clients; i++) {
		struct producer *p = &l->producers[i];
		uint64_t at_hand_ns = p->pacer.next_ns;
		pacer_change(&p->pacer, epoch, forgive, now_ns);
		put_schedule(l, p);
		if (p->pacer.next_ns != at_hand_ns)
			p->busy_since_ns =
				0; /* another message is at hand, and nobody refused it */
		if (forgive && p->state == PRODUCER_BLOCKED)
			p->state = PRODUCER_SCHEDULED;
		if (p->state == PRODUCER_SCHEDULED)
			heap_push(&l->due, p->pacer.next_ns, p->index);
	}
	set_tick(l, epoch);
}

static bool obey(struct producer_loop *l, const struct agent_command *command, int passed_fd,
                 struct error *err)
{
	switch (command->verb) {
	case AGENT_VERB_PROBE:
		probe(l);
		return true;
	case AGENT_VERB_START:
		return start(l, &command->load, passed_fd, err);
	case AGENT_VERB_RATE:
		if (!l->running || !producer_is_paced(l))
			return error_set(err, ERROR_USAGE, "no paced load is running");
		change_rate(l, &command->rate.epoch, command->rate.forgive);
		return true;
	case AGENT_VERB_CLOSE:
		l->base.closing = true;
		return true;
	case AGENT_VERB_PAUSE:
	case AGENT_VERB_RESUME:
		return error_set(err, ERROR_USAGE, "producers cannot be paused");
	}
	abort();
}

/* --- the loop ----------------------------------------------------------------------------------- */

static void serve_ready(struct producer_loop *l)
{
	struct loop *b = &l->base;
	uint32_t kept = 0, at_hand = b->ready_count;

	for (uint32_t k = 0; k < at_hand; k++) {
		uint32_t i = b->ready[k];
		struct producer *p = &l->producers[i];
		loop_batch_begins(b);
		unsigned served = b->driver->producer_serve(p->priv, LOOP_SERVE_BATCH);
		if (served >= LOOP_SERVE_BATCH || (p->fd < 0 && p->flights.under_way > 0))
			b->ready[kept++] = i;
		else
			b->is_ready[i] = false;
	}
	b->ready_count = kept;
}

static void run(struct producer_loop *l)
{
	struct loop *b = &l->base;

	while (!b->closing) {
		struct agent_command command;
		struct error err;
		int passed_fd;

		if (loop_wait(b, producer_next_wake_ns(l), &command, &passed_fd)) {
			bool ok = obey(l, &command, passed_fd, &err);
			file_close(passed_fd);
			loop_answer(b, command.tag, ok, &err);
		}
		if (b->ready_count > 0)
			serve_ready(l);
		if (l->running) {
			uint64_t now_ns = clock_ns();
			if (now_ns >= producer_next_wake_ns(l))
				producer_pass(l, now_ns);
		}
	}
}

static bool open_clients(struct producer_loop *l, struct error *err)
{
	struct loop *b = &l->base;

	for (uint32_t i = 0; i < b->clients; i++) {
		uint32_t c = loop_client_index(b, i);
		const struct client_spec *spec = &b->spec->clients[c];
		struct producer *p = &l->producers[i];
		*p = (struct producer){
			.loop = l,
			.words = agent_shm_client(b->shm, c),
			.schedule = agent_shm_schedule(b->shm, c),
			.id = spec->id,
			.index = i,
			.fd = -1,
		};
		silence_init(&p->silence, &p->words->silence,
		             l->heard_ns + i * (b->spec->partitions + (size_t)1),
		             b->spec->partitions, true);
		void *priv = l->privs + i * l->stride;
		struct producer_spec wanted = { .owner = p, .topic = spec->topic, .id = spec->id };
		if (!b->driver->producer_open(b->instance, priv, &wanted, &p->fd, err))
			return error_wrap(err, "producer %u of topic %s", spec->id, spec->topic);
		p->priv = priv;
		if (!loop_watch(b, i, p->fd, err))
			return false;
	}
	return true;
}

/* All begin before one is waited for. */
static void begin_to_close(struct producer_loop *l)
{
	if (l->base.driver->producer_close_begin == NULL)
		return;
	for (uint32_t i = 0; i < l->base.clients; i++) {
		if (l->producers[i].priv == NULL)
			continue;
		loop_batch_begins(&l->base);
		l->base.driver->producer_close_begin(l->producers[i].priv);
	}
}

static void close_clients(struct producer_loop *l)
{
	l->base.closing = true; /* what comes back now was never acknowledged */
	producer_end_load(l, clock_ns());
	loop_ask_all(&l->base);
	begin_to_close(l);
	for (uint32_t i = 0; i < l->base.clients; i++) {
		struct producer *p = &l->producers[i];
		if (p->priv == NULL)
			continue;
		loop_batch_begins(&l->base);
		l->base.driver->producer_close(p->priv);
		producer_sweep(p);
		loop_closed_one(&l->base);
	}
}

bool producer_loop(const struct agent_spec *spec, struct agent_shm *shm, unsigned index,
                   int channel_fd, struct error *err)
{
	struct producer_loop l = { .next_retry_ns = UINT64_MAX };
	bool ok = false;

	if (!loop_open(&l.base, spec, shm, index, channel_fd, err))
		return false;
	l.producers = xcalloc(l.base.clients + 1, sizeof(*l.producers));
	l.privs = loop_alloc_parts(l.base.clients, spec->driver->producer_size, &l.stride);
	l.heard_ns =
		xcalloc(l.base.clients * (spec->partitions + (size_t)1) + 1, sizeof(*l.heard_ns));
	l.due = (struct heap){ .cap = l.base.clients };
	l.due.items = xcalloc(l.base.clients + 1, sizeof(*l.due.items));
	l.blocked = xcalloc(l.base.clients + 1, sizeof(*l.blocked));
	l.answered = xcalloc(l.base.clients + 1, sizeof(*l.answered));
	l.unflushed = xcalloc(l.base.clients + 1, sizeof(*l.unflushed));
	if (agent_shm_account(shm, index) != NULL)
		account_writer_init(&l.account, agent_shm_account(shm, index));

	if (!loop_open_driver(&l.base, &producer_core, err))
		goto out;
	ok = open_clients(&l, err);
	if (ok) {
		loop_ask(&l.base, spec->driver->producer_claims, l.privs, l.stride);
		loop_opened(&l.base);
		run(&l);
	}
	close_clients(&l);
	loop_close_driver(&l.base);
out:
	payload_unmap(l.pool, l.load.payload.size, l.load.payload.count);
	account_writer_fini(&l.account);
	free(l.keys);
	free(l.unflushed);
	free(l.answered);
	free(l.blocked);
	free(l.due.items);
	free(l.heard_ns);
	loop_free_parts(l.privs, l.base.clients, l.stride);
	free(l.producers);
	loop_close(&l.base);
	return ok;
}
