/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "agent/producer_state.h"
#include "util/clock.h"

/* Messages of one pass between two looks at acknowledgements and commands. */
#define PASS_CHUNK    256

#define NS_PER_MS     UINT64_C(1000000)

/* A producer that got BUSY and hears nothing is offered again after 1, 2, 4, 4, 4 ... ms. */
#define RETRY_NS      NS_PER_MS
#define RETRY_DOUBLED 2

static void fill_message(struct producer_loop *l, const struct producer *p, struct outgoing *m)
{
	const struct load_spec *load = &l->load;
	uint64_t mixed = payload_mix_next(p->payload_seed, p->sequence);

	m->payload =
		l->pool + (size_t)payload_index(mixed, load->payload.count) * load->payload.size;
	m->payload_len = load->payload.size;
	m->key = NULL;
	m->headers_count = 0;
	m->key_len = 0;
	if (load->keys != KEY_NONE) {
		m->key = l->keys->keys[key_index(load->keys, mixed, p->sequence)];
		m->key_len = PAYLOAD_KEY_BYTES;
	}
}

/* The message at hand had to wait for room, and does not any more. */
static void wait_is_over(struct producer *p, uint64_t now_ns)
{
	if (producer_is_paced(p->loop))
		producer_add(p->loop, COUNTER_BLOCKED_NS, now_ns - p->busy_since_ns);
	p->busy_since_ns = 0;
}

/* The message at hand is dealt with: the next one is another. */
static inline void message_taken(struct producer *p, uint64_t now_ns)
{
	if (p->busy_since_ns != 0)
		wait_is_over(p, now_ns);
	p->sequence++;
	p->retries = 0;
	counter_set(&p->words->sent, p->sequence);
}

/* The message before the next one has failed. */
static void account_failed(struct producer *p, uint64_t due_ns)
{
	static const struct sent_report failed = { .partition = -1 };

	if (p->loop->account.area != NULL)
		producer_account(p, p->sequence - 1, due_ns, &failed);
}

static void record_sent(struct producer_loop *l, uint64_t due_ns, uint64_t called_ns,
                        uint64_t returned_ns)
{
	struct shm_latencies *latencies = producer_latencies(l, due_ns);

	if (producer_is_paced(l))
		shm_record(latencies, LATENCY_DELAY, called_ns - due_ns);
	shm_record(latencies, LATENCY_CALL, returned_ns - called_ns);
}

void producer_flush(struct producer_loop *l)
{
	for (uint32_t i = 0; i < l->unflushed_count; i++) {
		struct producer *p = &l->producers[l->unflushed[i]];
		p->is_unflushed = false;
		loop_batch_begins(&l->base);
		l->base.driver->flush(p->priv);
	}
	l->unflushed_count = 0;
}

/* The message at hand was answered "not now".  A message counts once, however often that is. */
static void refused_for_now(struct producer_loop *l, struct producer *p, uint64_t called_ns)
{
	producer_count(l, COUNTER_BUSY);
	if (p->busy_since_ns != 0)
		return;
	p->busy_since_ns = called_ns;
	if (producer_is_paced(l))
		producer_count(l, COUNTER_BLOCKED);
}

/* Offers the message due at `due_ns`.  *now_ns is the last reading of the clock, and the next one
 * when this returns. */
static inline enum send_status offer(struct producer_loop *l, struct producer *p, uint64_t due_ns,
                                     uint64_t *now_ns)
{
	uint64_t called_ns = *now_ns;
	struct outgoing m;

	if (flights_full(&p->flights)) {
		refused_for_now(l, p, called_ns);
		if (!producer_is_paced(l))
			p->busy_since_ns = 0; /* there it sets the pace */
		return SEND_BUSY;
	}

	fill_message(l, p, &m);
	/* In place: the payload belongs to this loop alone, and to this message for the call. */
	if (l->stamps)
		stamp_put((void *)(uintptr_t)m.payload, m.payload_len, &p->stamp, p->sequence,
		          due_ns, called_ns - due_ns);

	uint32_t slot = flights_take(&p->flights, p->sequence, due_ns, called_ns);
	loop_batch_begins(&l->base);
	enum send_status status = l->base.driver->send(p->priv, &m, slot, &l->refusal);
	*now_ns = clock_ns();

	switch (status) {
	case SEND_QUEUED:
		message_taken(p, called_ns);
		record_sent(l, due_ns, called_ns, *now_ns);
		producer_queued(l, p);
		return status;
	case SEND_FAILED:
		message_taken(p, called_ns);
		account_failed(p, due_ns);
		flights_give_back(&p->flights, slot);
		producer_failed(p, due_ns, *now_ns);
		loop_note(&l->base, NOTE_SEND, l->refusal.text);
		return status;
	case SEND_BUSY:
		flights_give_back(&p->flights, slot);
		refused_for_now(l, p, called_ns);
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

void producer_schedule(struct producer_loop *l, struct producer *p)
{
	p->state = PRODUCER_SCHEDULED;
	heap_push(&l->due, p->pacer.next_ns, p->index);
}

/* In unlimited mode the "schedule" is only whose turn it is. */
static uint64_t advance(struct producer_loop *l, struct producer *p, uint64_t now_ns)
{
	if (producer_is_paced(l))
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
	producer_schedule(l, p);
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
	message_taken(p, now_ns);
	account_failed(p, due_ns);
	/* It was never sent: all of its age is delay. */
	if (producer_is_paced(l))
		shm_record(producer_latencies(l, due_ns), LATENCY_DELAY, now_ns - due_ns);
	producer_failed(p, producer_is_paced(l) ? due_ns : since_ns, now_ns);
	loop_note(&l->base, NOTE_BLOCKED, "the client had no room for a message in time");
	return true;
}

/* One chunk of a pass: sends what is due, earliest first. */
static void send_due(struct producer_loop *l, uint64_t now_ns)
{
	uint64_t load_end_ns = counter_read(&l->base.shm->control.load_end_ns);

	loop_look(&l->base, now_ns);
	bool paced = producer_is_paced(l);

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

void producer_set_offering(struct producer_loop *l, bool is_offering)
{
	l->running = is_offering;
	/* The partner is agent_shm_is_offering. */
	atomic_store_explicit(&l->base.words->is_offering, is_offering, memory_order_release);
}

void producer_end_load(struct producer_loop *l, uint64_t now_ns)
{
	for (uint32_t i = 0; i < l->base.clients; i++)
		l->producers[i].state = PRODUCER_DONE;
	l->due.count = 0;
	l->blocked_count = l->answered_count = 0;
	l->next_retry_ns = UINT64_MAX;
	if (counter_read(&l->base.words->gave_up_ns) == 0)
		counter_set(&l->base.words->gave_up_ns, now_ns);
	producer_set_offering(l, false);
}

/* Was all that was due before the end of the load sent? */
static bool nothing_is_left(const struct producer_loop *l, uint64_t now_ns, uint64_t load_end_ns)
{
	return now_ns >= load_end_ns && l->blocked_count == 0 &&
	       (l->due.count == 0 || l->due.items[0].key >= load_end_ns);
}

void producer_pass(struct producer_loop *l, uint64_t now_ns)
{
	uint64_t load_end_ns = counter_read(&l->base.shm->control.load_end_ns);

	if (now_ns >= load_end_ns && now_ns - load_end_ns >= LOAD_GRACE_NS) {
		producer_end_load(l, now_ns);
		return;
	}
	if (!l->pass_goes_on)
		producer_count(l, COUNTER_PASSES);
	l->pass_goes_on = false;
	l->next_pass_ns = producer_is_paced(l) ? now_ns + l->load.wake_interval_ns : 0;
	unblock(l, now_ns);
	send_due(l, now_ns);
	producer_flush(l);
	if (nothing_is_left(l, now_ns, load_end_ns))
		producer_end_load(l, now_ns);
}

uint64_t producer_next_wake_ns(const struct producer_loop *l)
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
