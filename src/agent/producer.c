/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/producer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/flight.h"
#include "load/assignment.h"
#include "load/stamp.h"
#include "stats/counter.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/heap.h"
#include "util/xalloc.h"

/* Messages of one pass between two looks at acknowledgements and commands. */
#define PASS_CHUNK    256

#define NS_PER_MS     UINT64_C(1000000)

/* A producer that got BUSY and hears nothing is offered again after 1, 2, 4, 4, 4 ... ms. */
#define RETRY_NS      NS_PER_MS
#define RETRY_DOUBLED 2

/* Tokens of probes; no slot number is that large. */
#define PROBE_TOKEN   (UINT64_C(1) << 63)

enum producer_state {
	PRODUCER_IDLE,      /* the load has not begun */
	PRODUCER_SCHEDULED, /* in the heap, by when its next message is due */
	PRODUCER_BLOCKED,   /* got BUSY */
	PRODUCER_DONE,      /* nothing more is due before the end of the load */
};

struct producer {
	struct producer_loop *loop;
	void *priv; /* the driver's */
	struct shm_client *words;
	uint32_t id, index; /* in stamps; in this loop */
	int fd;
	enum producer_state state;
	struct pacer pacer;
	struct shm_schedule *schedule; /* the pacer, as a parent sees it */
	struct flights flights;
	uint64_t sequence;      /* of the next message */
	uint64_t busy_since_ns; /* when the message at hand was first offered; 0 = not yet */
	uint64_t retry_ns;      /* of a blocked one */
	uint32_t blocked_place; /* of a blocked one: in the list of them */
	unsigned retries;       /* in a row, without hearing anything */
	bool answered;          /* of a blocked one: something of its came back since */
	bool is_unflushed;      /* took messages since the driver's last flush */
};

struct producer_loop {
	struct loop base;
	struct producer *producers;
	unsigned char *privs; /* the driver's parts ... */
	size_t stride;        /* ... so far apart */
	struct load_spec load;
	uint64_t changes; /* of rate so far */
	bool running;
	bool stamps; /* payloads have room for a stamp */
	unsigned char *pool;
	struct key_table *keys;
	struct heap due;              /* of scheduled producers */
	uint32_t *blocked, *answered; /* of the blocked ones: those that heard something since */
	uint32_t blocked_count, answered_count;
	uint64_t next_retry_ns; /* not after that of any blocked one; UINT64_MAX = none */
	uint32_t *unflushed;
	uint32_t unflushed_count;
	uint64_t next_pass_ns;
	bool pass_goes_on; /* it stopped for a look around with more to send */
};

static struct hist *latencies_of(struct producer_loop *l, uint64_t due_ns)
{
	return l->base.words->latencies[shm_window_of(&l->base.shm->control, due_ns)];
}

static bool is_paced(const struct producer_loop *l)
{
	return l->load.mode == LOAD_PACED;
}

static void count(struct producer_loop *l, enum counter which)
{
	counter_bump(&l->base.words->counters[which]);
}

/* --- what comes back ---------------------------------------------------------------------------- */

static void probe_came_back(struct producer *p, const struct sent_report *report)
{
	if (report->acknowledged)
		count(p->loop, COUNTER_PROBES_ACKED);
	else if (!p->loop->base.closing)
		loop_note(&p->loop->base, NOTE_DELIVERY,
		          report->reason ? report->reason : "failed");
}

/* A message that will never be acknowledged is charged its age: it does not vanish. */
static void charge_age(struct producer_loop *l, uint64_t due_ns, uint64_t now_ns)
{
	/* Without a schedule there are no corrected latencies: send -> acknowledged is what is judged. */
	enum latency which = is_paced(l) ? LATENCY_CORRECTED_PUBLISH : LATENCY_PUBLISH;

	hist_record(&latencies_of(l, due_ns)[which], now_ns - due_ns);
}

static void message_failed(struct producer *p, uint64_t due_ns, uint64_t now_ns)
{
	charge_age(p->loop, due_ns, now_ns);
	counter_bump(&p->words->failed);
	count(p->loop, COUNTER_FAILED);
}

static void message_unacknowledged(struct producer *p, uint64_t due_ns, uint64_t now_ns)
{
	charge_age(p->loop, due_ns, now_ns);
	counter_bump(&p->words->unacknowledged);
	count(p->loop, COUNTER_UNACKNOWLEDGED);
}

static void message_acknowledged(struct producer *p, uint64_t due_ns, uint64_t called_ns,
                                 uint64_t now_ns)
{
	struct producer_loop *l = p->loop;
	const struct shm_control *control = &l->base.shm->control;
	enum window window = shm_window_of(control, due_ns);
	struct hist *latencies = l->base.words->latencies[window];

	hist_record(&latencies[LATENCY_PUBLISH], now_ns - called_ns);
	if (is_paced(l))
		hist_record(&latencies[LATENCY_CORRECTED_PUBLISH], now_ns - due_ns);
	shm_count_due(l->base.words, control, window, due_ns);
	counter_bump(&p->words->acknowledged);
	count(l, COUNTER_ACKNOWLEDGED);
	counter_add(&l->base.words->counters[COUNTER_BYTES_ACKED], l->load.payload.size);
}

static void producer_sent(void *owner, uint64_t token, const struct sent_report *report)
{
	struct producer *p = owner;

	if (token == PROBE_TOKEN) {
		probe_came_back(p, report);
		return;
	}

	assert(flights_has(&p->flights, token));
	uint32_t slot = (uint32_t)token;
	uint64_t due_ns = flights_due_ns(&p->flights, slot);
	uint64_t called_ns = flights_called_ns(&p->flights, slot);
	uint64_t now_ns = loop_tick(&p->loop->base, called_ns);
	/* In this order: shm.h says what a parent makes of it. */
	if (flights_sequence(&p->flights, slot) == p->sequence) /* inside its own send */
		counter_set(&p->words->sent, p->sequence + 1);
	flights_give_back(&p->flights, slot);
	if (report->acknowledged) {
		message_acknowledged(p, due_ns, called_ns, now_ns);
	} else if (p->loop->base.closing) {
		message_unacknowledged(p, due_ns, now_ns);
	} else {
		message_failed(p, due_ns, now_ns);
		loop_note(&p->loop->base, NOTE_DELIVERY,
		          report->reason ? report->reason : "failed");
	}

	if (p->state == PRODUCER_BLOCKED && !p->answered) {
		p->answered = true;
		p->loop->answered[p->loop->answered_count++] = p->index;
	}
}

static void producer_event(void *owner, enum driver_event kind, const char *text)
{
	struct producer *p = owner;

	loop_note(&p->loop->base, (enum note_kind)kind, text);
}

static void producer_looked(void *owner)
{
	struct producer *p = owner;

	loop_batch_begins(&p->loop->base);
}

static const struct driver_core producer_core = {
	.sent = producer_sent,
	.looked = producer_looked,
	.event = producer_event,
};

/* --- sending ------------------------------------------------------------------------------------ */

static void fill_message(struct producer_loop *l, const struct producer *p, struct outgoing *m)
{
	const struct load_spec *load = &l->load;
	uint64_t mixed = payload_mix(load->seed, p->id, p->sequence);

	m->payload =
		l->pool + (size_t)payload_index(mixed, load->payload.count) * load->payload.size;
	m->payload_len = load->payload.size;
	m->key = NULL;
	m->key_len = 0;
	if (load->keys != KEY_NONE) {
		m->key = l->keys->keys[key_index(load->keys, mixed, p->sequence)];
		m->key_len = PAYLOAD_KEY_BYTES;
	}
}

/* The message at hand is dealt with: the next one is another. */
static void message_taken(struct producer *p)
{
	p->sequence++;
	p->busy_since_ns = 0;
	p->retries = 0;
	counter_set(&p->words->sent, p->sequence);
	count(p->loop, COUNTER_SENT);
}

static void record_sent(struct producer_loop *l, uint64_t due_ns, uint64_t called_ns,
                        uint64_t returned_ns)
{
	struct hist *latencies = latencies_of(l, due_ns);

	if (is_paced(l))
		hist_record(&latencies[LATENCY_DELAY], called_ns - due_ns);
	hist_record(&latencies[LATENCY_CALL], returned_ns - called_ns);
}

static void note_queued(struct producer_loop *l, struct producer *p)
{
	if (p->fd < 0)
		loop_mark_ready(&l->base, p->index);
	if (l->base.driver->flush != NULL && !p->is_unflushed) {
		p->is_unflushed = true;
		l->unflushed[l->unflushed_count++] = p->index;
	}
}

static void flush_all(struct producer_loop *l)
{
	for (uint32_t i = 0; i < l->unflushed_count; i++) {
		struct producer *p = &l->producers[l->unflushed[i]];
		p->is_unflushed = false;
		loop_batch_begins(&l->base);
		l->base.driver->flush(p->priv);
	}
	l->unflushed_count = 0;
}

/* In place: the payload belongs to this loop alone, and to this message for the call. */
static void stamp_message(const struct producer_loop *l, const struct producer *p,
                          const struct outgoing *m, uint64_t due_ns, uint64_t called_ns)
{
	struct stamp stamp = {
		.due_ns = due_ns,
		.send_delay_ns = called_ns - due_ns,
		.sequence = p->sequence,
		.producer = p->id,
		.run = l->load.run,
		.flags = is_paced(l) ? 0 : STAMP_UNSCHEDULED,
	};

	stamp_write((void *)(uintptr_t)m->payload, m->payload_len, &stamp);
}

static uint64_t first_offer_ns(const struct producer *p, uint64_t now_ns)
{
	return p->busy_since_ns != 0 ? p->busy_since_ns : now_ns;
}

/* Offers the message due at `due_ns`.  *now_ns is the last reading of the clock, and the next one
 * when this returns. */
static enum send_status offer(struct producer_loop *l, struct producer *p, uint64_t due_ns,
                              uint64_t *now_ns)
{
	uint64_t called_ns = *now_ns;
	struct outgoing m;
	struct error err;

	if (flights_full(&p->flights)) {
		count(l, COUNTER_BUSY);
		p->busy_since_ns = is_paced(l) ? first_offer_ns(p, called_ns) : 0;
		return SEND_BUSY;
	}
	p->busy_since_ns = first_offer_ns(p, called_ns);

	fill_message(l, p, &m);
	if (l->stamps)
		stamp_message(l, p, &m, due_ns, called_ns);

	uint32_t slot = flights_take(&p->flights, p->sequence, due_ns, called_ns);
	loop_batch_begins(&l->base);
	enum send_status status = l->base.driver->send(p->priv, &m, slot, &err);
	*now_ns = clock_ns();

	switch (status) {
	case SEND_QUEUED:
		message_taken(p);
		record_sent(l, due_ns, called_ns, *now_ns);
		note_queued(l, p);
		return status;
	case SEND_FAILED:
		message_taken(p);
		flights_give_back(&p->flights, slot);
		message_failed(p, due_ns, *now_ns);
		loop_note(&l->base, NOTE_SEND, err.text);
		return status;
	case SEND_BUSY:
		flights_give_back(&p->flights, slot);
		count(l, COUNTER_BUSY);
		return status;
	}
	abort();
}

static void block(struct producer_loop *l, struct producer *p, uint64_t now_ns)
{
	p->state = PRODUCER_BLOCKED;
	p->answered = false;
	p->retry_ns = now_ns + (RETRY_NS << p->retries);
	if (p->retries < RETRY_DOUBLED)
		p->retries++;
	if (p->retry_ns < l->next_retry_ns)
		l->next_retry_ns = p->retry_ns;
	p->blocked_place = l->blocked_count;
	l->blocked[l->blocked_count++] = p->index;
}

static void schedule(struct producer_loop *l, struct producer *p)
{
	p->state = PRODUCER_SCHEDULED;
	heap_push(&l->due, p->pacer.next_ns, p->index);
}

/* In unlimited mode the "schedule" is only whose turn it is. */
static uint64_t advance(struct producer_loop *l, struct producer *p, uint64_t now_ns)
{
	if (is_paced(l))
		pacer_advance(&p->pacer);
	else
		p->pacer.next_ns = now_ns;
	return p->pacer.next_ns;
}

static void try_again(struct producer_loop *l, struct producer *p)
{
	uint32_t last = l->blocked[--l->blocked_count];

	l->blocked[p->blocked_place] = last;
	l->producers[last].blocked_place = p->blocked_place;
	schedule(l, p);
}

/* Blocked producers that heard something, or waited long enough, may try again.  All of them are
 * looked through only when it is time for one: thousands may wait while one is answered. */
static void unblock(struct producer_loop *l, uint64_t now_ns)
{
	for (uint32_t i = 0; i < l->answered_count; i++)
		try_again(l, &l->producers[l->answered[i]]);
	l->answered_count = 0;
	if (now_ns < l->next_retry_ns)
		return;

	l->next_retry_ns = UINT64_MAX;
	for (uint32_t i = 0; i < l->blocked_count;) {
		struct producer *p = &l->producers[l->blocked[i]];
		if (now_ns >= p->retry_ns) {
			try_again(l, p); /* the last one is at i now */
			continue;
		}
		if (p->retry_ns < l->next_retry_ns)
			l->next_retry_ns = p->retry_ns;
		i++;
	}
}

/* The message at hand was refused for as long as it may be: it has failed. */
static bool give_up_blocked(struct producer_loop *l, struct producer *p, uint64_t due_ns,
                            uint64_t now_ns)
{
	uint64_t since_ns = p->busy_since_ns;

	if (since_ns == 0 || now_ns - since_ns < l->load.max_block_ns)
		return false;
	message_taken(p);
	message_failed(p, is_paced(l) ? due_ns : since_ns, now_ns);
	loop_note(&l->base, NOTE_BLOCKED, "the client had no room for a message in time");
	return true;
}

/* One chunk of a pass: sends what is due, earliest first. */
static void send_due(struct producer_loop *l, uint64_t now_ns)
{
	uint64_t load_end_ns = counter_read(&l->base.shm->control.load_end_ns);
	bool paced = is_paced(l);

	for (unsigned sent = 0; l->due.count > 0 && l->due.items[0].key <= now_ns; sent++) {
		struct producer *p = &l->producers[l->due.items[0].index];
		uint64_t due_ns = paced ? l->due.items[0].key : now_ns;

		if (due_ns >= load_end_ns) {
			p->state = PRODUCER_DONE;
			heap_pop(&l->due);
		} else if (sent == PASS_CHUNK) {
			l->pass_goes_on = true;
			l->next_pass_ns = 0;
			return;
		} else {
			enum send_status status = offer(l, p, due_ns, &now_ns);
			if (status == SEND_BUSY && give_up_blocked(l, p, due_ns, now_ns))
				status = SEND_FAILED;
			/* Without a schedule, a client that refuses everything must not be asked without
			 * end. */
			bool steps_aside = status == SEND_BUSY || (status == SEND_FAILED && !paced);
			uint64_t next_ns = status == SEND_BUSY ? 0 : advance(l, p, now_ns);
			if (!steps_aside) {
				heap_delay_top(&l->due, next_ns);
				continue;
			}
			heap_pop(&l->due);
			block(l, p, now_ns);
		}
	}
}

static void set_offering(struct producer_loop *l, bool is_offering)
{
	l->running = is_offering;
	/* The partner is agent_shm_is_offering. */
	atomic_store_explicit(&l->base.words->is_offering, is_offering, memory_order_release);
}

/* What is due and was not sent by now is the parent's to count and to charge (debt.h). */
static void end_load(struct producer_loop *l, uint64_t now_ns)
{
	for (uint32_t i = 0; i < l->base.clients; i++)
		l->producers[i].state = PRODUCER_DONE;
	l->due.count = 0;
	l->blocked_count = l->answered_count = 0;
	l->next_retry_ns = UINT64_MAX;
	if (counter_read(&l->base.words->gave_up_ns) == 0)
		counter_set(&l->base.words->gave_up_ns, now_ns);
	set_offering(l, false);
}

/* Was all that was due before the end of the load sent? */
static bool nothing_is_left(const struct producer_loop *l, uint64_t now_ns, uint64_t load_end_ns)
{
	return now_ns >= load_end_ns && l->blocked_count == 0 &&
	       (l->due.count == 0 || l->due.items[0].key >= load_end_ns);
}

static void pass_of_sends(struct producer_loop *l, uint64_t now_ns)
{
	uint64_t load_end_ns = counter_read(&l->base.shm->control.load_end_ns);

	if (now_ns >= load_end_ns && now_ns - load_end_ns >= LOAD_GRACE_NS) {
		end_load(l, now_ns);
		return;
	}
	if (!l->pass_goes_on)
		count(l, COUNTER_PASSES);
	l->pass_goes_on = false;
	l->next_pass_ns = is_paced(l) ? now_ns + l->load.wake_interval_ns : 0;
	unblock(l, now_ns);
	send_due(l, now_ns);
	flush_all(l);
	if (nothing_is_left(l, now_ns, load_end_ns))
		end_load(l, now_ns);
}

/* When the next pass has something to do; UINT64_MAX: when something comes back. */
static uint64_t next_wake_ns(const struct producer_loop *l)
{
	uint64_t load_end_ns = counter_read(&l->base.shm->control.load_end_ns);
	uint64_t wake = UINT64_MAX;

	if (!l->running)
		return wake;
	if (l->due.count > 0)
		wake = l->due.items[0].key;
	if (l->blocked_count == 0 && load_end_ns < wake)
		wake = load_end_ns;
	if (l->answered_count > 0)
		wake = 0;
	else if (l->next_retry_ns < wake)
		wake = l->next_retry_ns;
	return wake == UINT64_MAX || wake > l->next_pass_ns ? wake : l->next_pass_ns;
}

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
			.run = l->base.spec->run,
			.flags = STAMP_PROBE,
		};
		stamp_write(payload, sizeof(payload), &stamp);

		loop_batch_begins(&l->base);
		enum send_status status = l->base.driver->send(p->priv, &m, PROBE_TOKEN, &err);
		if (status == SEND_FAILED)
			loop_note(&l->base, NOTE_SEND, err.text);
		if (status != SEND_QUEUED)
			continue;
		count(l, COUNTER_PROBES_SENT);
		note_queued(l, p);
	}
	flush_all(l);
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
	if (!is_paced(l))
		p->pacer.next_ns = l->load.epoch.start_ns;
	p->flights = (struct flights){
		.slots = agent_shm_flights(l->base.shm, client),
		.used = &p->words->flights_used,
		.cap = l->load.window_messages,
	};
	schedule(l, p);
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
	uint32_t max_block_ms;
	if (l->base.driver->max_block_ms != NULL &&
	    l->base.driver->max_block_ms(l->base.spec->driver_config, &max_block_ms))
		l->load.max_block_ns = max_block_ms * NS_PER_MS;
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
	l->next_pass_ns = load->epoch.start_ns;
	set_offering(l, true);
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
		if (!l->running || !is_paced(l))
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

		if (loop_wait(b, next_wake_ns(l), &command, &passed_fd)) {
			bool ok = obey(l, &command, passed_fd, &err);
			file_close(passed_fd);
			loop_answer(b, command.tag, ok, &err);
		}
		if (b->ready_count > 0)
			serve_ready(l);
		if (l->running) {
			uint64_t now_ns = clock_ns();
			if (now_ns >= next_wake_ns(l))
				pass_of_sends(l, now_ns);
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

/* What the driver did not give back, whatever it has promised. */
static void sweep(struct producer *p)
{
	uint64_t now_ns = clock_ns();

	for (uint32_t slot = 0; p->flights.under_way > 0; slot++) {
		if (!flights_has(&p->flights, slot))
			continue;
		uint64_t due_ns = flights_due_ns(&p->flights, slot);
		flights_give_back(&p->flights, slot);
		message_unacknowledged(p, due_ns, now_ns);
	}
}

static void close_clients(struct producer_loop *l)
{
	l->base.closing = true; /* what comes back now was never acknowledged */
	end_load(l, clock_ns());
	begin_to_close(l);
	for (uint32_t i = 0; i < l->base.clients; i++) {
		struct producer *p = &l->producers[i];
		if (p->priv == NULL)
			continue;
		loop_batch_begins(&l->base);
		l->base.driver->producer_close(p->priv);
		sweep(p);
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
	l.due = (struct heap){ .cap = l.base.clients };
	l.due.items = xcalloc(l.base.clients + 1, sizeof(*l.due.items));
	l.blocked = xcalloc(l.base.clients + 1, sizeof(*l.blocked));
	l.answered = xcalloc(l.base.clients + 1, sizeof(*l.answered));
	l.unflushed = xcalloc(l.base.clients + 1, sizeof(*l.unflushed));

	if (!loop_open_driver(&l.base, &producer_core, err))
		goto out;
	ok = open_clients(&l, err);
	if (ok) {
		loop_opened(&l.base);
		run(&l);
	}
	close_clients(&l);
	loop_close_driver(&l.base);
out:
	payload_unmap(l.pool, l.load.payload.size, l.load.payload.count);
	free(l.keys);
	free(l.unflushed);
	free(l.answered);
	free(l.blocked);
	free(l.due.items);
	loop_free_parts(l.privs, l.base.clients, l.stride);
	free(l.producers);
	loop_close(&l.base);
	return ok;
}
