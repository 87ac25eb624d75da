/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "agent/producer_state.h"
#include "util/clock.h"

static void probe_came_back(struct producer *p, const struct sent_report *report)
{
	if (report->acknowledged) {
		counter_bump(&p->words->probes_acknowledged);
		producer_count(p->loop, COUNTER_PROBES_ACKED);
	} else if (!p->loop->base.closing) {
		loop_note(&p->loop->base, NOTE_DELIVERY,
		          report->reason ? report->reason : "failed");
	}
}

/* A message that will never be acknowledged is charged its age: it does not vanish. */
static void charge_age(struct producer_loop *l, uint64_t due_ns, uint64_t now_ns)
{
	/* Without a schedule there are no corrected latencies: send -> acknowledged is what is judged. */
	enum latency which = producer_is_paced(l) ? LATENCY_CORRECTED_PUBLISH : LATENCY_PUBLISH;

	shm_record(producer_latencies(l, due_ns), which, now_ns - due_ns);
}

/* Not inline: a loop that keeps no account would pay for what lies in the way. */
__attribute__((noinline)) void producer_account(struct producer *p, uint64_t sequence,
                                                uint64_t due_ns, const struct sent_report *report)
{
	const struct account_entry e = {
		.sequence = sequence,
		.due_ns = due_ns,
		.partition = report->partition,
		.failed_or_marked = !report->acknowledged,
	};

	account_put(&p->loop->account, p->index, &e);
}

void producer_failed(struct producer *p, uint64_t due_ns, uint64_t now_ns)
{
	charge_age(p->loop, due_ns, now_ns);
	counter_bump(&p->words->failed);
}

static void message_unacknowledged(struct producer *p, uint64_t due_ns, uint64_t now_ns)
{
	charge_age(p->loop, due_ns, now_ns);
	counter_bump(&p->words->unacknowledged);
}

/* Apart from where it is asked: few messages are. */
static __attribute__((noinline)) void keep_slow(struct producer *p,
                                                const struct sent_report *report, uint64_t sequence,
                                                uint64_t due_ns, uint64_t called_ns,
                                                uint64_t now_ns)
{
	struct loop *b = &p->loop->base;
	bool is_paced = producer_is_paced(p->loop);
	const struct slow_message m = {
		.due_ns = is_paced ? due_ns : 0,
		.sent_ns = called_ns,
		.done_ns = now_ns,
		.sequence = sequence,
		.producer = p->id,
		.client = p->index,
		.partition = report->partition,
	};

	slow_put(&b->slow, b->slot.window, now_ns - (is_paced ? due_ns : called_ns), &m);
}

static void message_acknowledged(struct producer *p, const struct sent_report *report,
                                 uint64_t sequence, uint64_t due_ns, uint64_t called_ns,
                                 uint64_t now_ns)
{
	struct producer_loop *l = p->loop;
	struct shm_latencies *latencies = loop_count_due(&l->base, due_ns);
	uint64_t took_ns = now_ns - called_ns;

	shm_record(latencies, LATENCY_PUBLISH, took_ns);
	if (producer_is_paced(l)) {
		took_ns = now_ns - due_ns;
		shm_record(latencies, LATENCY_CORRECTED_PUBLISH, took_ns);
	}
	if (slow_is_kept(&l->base.slow, l->base.slot.window, took_ns))
		keep_slow(p, report, sequence, due_ns, called_ns, now_ns);
	counter_bump(&p->words->acknowledged);
}

static void producer_sent(void *owner, uint64_t token, const struct sent_report *report)
{
	struct producer *p = owner;

	if (!flights_has(&p->flights, token)) {
		assert(token == PROBE_TOKEN);
		probe_came_back(p, report);
		return;
	}
	uint32_t slot = (uint32_t)token;
	uint64_t due_ns = flights_due_ns(&p->flights, slot);
	uint64_t called_ns = flights_called_ns(&p->flights, slot);
	uint64_t sequence = flights_sequence(&p->flights, slot);
	uint64_t now_ns = loop_tick(&p->loop->base, called_ns);
	/* In this order: shm.h says what a parent makes of it. */
	if (sequence == p->sequence) /* inside its own send */
		counter_set(&p->words->sent, p->sequence + 1);
	if (p->loop->account.area != NULL && (report->acknowledged || !p->loop->base.closing))
		producer_account(p, sequence, due_ns, report);
	flights_give_back(&p->flights, slot);
	if (report->acknowledged)
		silence_heard(&p->silence, report->partition, called_ns, now_ns);
	else
		silence_failed(&p->silence, report->partition, called_ns, now_ns);

	if (report->acknowledged) {
		message_acknowledged(p, report, sequence, due_ns, called_ns, now_ns);
	} else if (p->loop->base.closing) {
		message_unacknowledged(p, due_ns, now_ns);
	} else {
		producer_failed(p, due_ns, now_ns);
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

const struct driver_core producer_core = {
	.sent = producer_sent,
	.looked = producer_looked,
	.event = producer_event,
};

void producer_sweep(struct producer *p)
{
	uint64_t now_ns = clock_ns();

	for (uint32_t slot = 0; p->flights.under_way > 0; slot++) {
		if (!flights_has(&p->flights, slot))
			continue;
		uint64_t due_ns = flights_due_ns(&p->flights, slot);
		silence_failed(&p->silence, -1, flights_called_ns(&p->flights, slot), now_ns);
		flights_give_back(&p->flights, slot);
		message_unacknowledged(p, due_ns, now_ns);
	}
}
