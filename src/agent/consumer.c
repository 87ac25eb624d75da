/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/consumer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/contents.h"
#include "agent/receipts.h"
#include "agent/silence.h"
#include "agent/twins.h"
#include "load/stamp.h"
#include "stats/counter.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/heap.h"
#include "util/xalloc.h"

/* How often drivers see to it that groups are dealt out after the start. */
#define SETTLE_EVERY_NS UINT64_C(100000000)

struct consumer {
	struct consumer_loop *loop;
	void *priv; /* the driver's */
	struct shm_client *words;
	_Atomic uint64_t *partitions; /* messages received by partition */
	_Atomic uint64_t *damaged;    /* the same of those that are damaged */
	struct silence silence;
	struct receipts_key key; /* in the account */
	uint32_t index;          /* in this loop */
	uint16_t run;            /* stamps of another one are foreign */
	uint64_t uncommitted;    /* messages delivered since the last commit */
	uint64_t uncommitted_ns; /* when the first of them was delivered */
	uint64_t not_before_ns;  /* slow consumers: no message before this */
	bool is_waiting;         /* in the heap until then */
	bool is_settled;         /* its driver has nothing more to do for its group */
};

struct consumer_loop {
	struct loop base;
	struct consumer *consumers;
	struct receipts receipts;
	struct twins twins; /* looked for where workers draw the numbers of their producers */
	struct contents contents;
	unsigned char *privs; /* the driver's parts ... */
	size_t stride;        /* ... so far apart */
	struct heap waiting;  /* slow consumers with something to serve, by not_before_ns */
	uint64_t
		next_commit_ns; /* when the oldest uncommitted message has to be; UINT64_MAX = none */
	uint64_t next_settle_ns; /* UINT64_MAX = all groups are settled */
};

static void count(struct consumer_loop *l, enum counter which)
{
	counter_bump(&l->base.words->counters[which]);
}

/* --- what arrives ------------------------------------------------------------------------------- */

static struct shm_latencies *latencies_of(struct consumer_loop *l, uint64_t due_ns)
{
	return loop_latencies(&l->base, loop_window_of(&l->base, due_ns));
}

/* Apart from where it is asked: few messages are. */
static __attribute__((noinline)) void keep_slow(struct consumer *c, const struct received *m,
                                                const struct stamp *s, uint64_t now_ns)
{
	struct loop *b = &c->loop->base;
	bool is_scheduled = (s->flags & STAMP_UNSCHEDULED) == 0;
	const struct slow_message slow = {
		.due_ns = is_scheduled ? s->due_ns : 0,
		.sent_ns = stamp_called_ns(s),
		.done_ns = now_ns,
		.sequence = s->sequence,
		.producer = s->producer,
		.client = c->index,
		.partition = m->partition,
	};

	slow_put(&b->slow, b->slot.window, now_ns - (is_scheduled ? s->due_ns : slow.sent_ns),
	         &slow);
}

static void record_latencies(struct consumer *c, const struct received *m, const struct stamp *s,
                             uint64_t now_ns)
{
	struct consumer_loop *l = c->loop;
	struct shm_latencies *latencies = loop_count_due(&l->base, s->due_ns);
	uint64_t called_ns = stamp_called_ns(s);

	if (now_ns < called_ns) { /* read anew after it: another clock's stamp (loop_tick) */
		count(l, COUNTER_NEGATIVE);
		now_ns = called_ns; /* counted and kept, as zero */
	}
	uint64_t took_ns = now_ns - called_ns;
	shm_record(latencies, LATENCY_E2E, took_ns);
	if (!(s->flags & STAMP_UNSCHEDULED)) {
		took_ns = now_ns - s->due_ns;
		shm_record(latencies, LATENCY_CORRECTED_E2E, took_ns);
	}
	if (slow_is_kept(&l->base.slow, l->base.slot.window, took_ns))
		keep_slow(c, m, s, now_ns);
}

static void count_at_partition(const struct consumer *c, _Atomic uint64_t *counts,
                               int32_t partition)
{
	if (partition >= 0 && (uint32_t)partition < c->loop->base.shm->shape.partitions)
		counter_bump(&counts[partition]);
}

static void count_received(struct consumer *c, const struct received *m)
{
	struct consumer_loop *l = c->loop;

	counter_bump(&c->words->received);
	counter_add(&l->base.words->counters[COUNTER_BYTES_RECEIVED], m->payload_len);
	if (m->redelivery == REDELIVERY_YES)
		count(l, COUNTER_REDELIVERED);
	count_at_partition(c, c->partitions, m->partition);
}

/* Received all the same: its stamp is good, and names it. */
static __attribute__((noinline)) void keep_spoiled(struct consumer *c, const struct received *m,
                                                   const struct stamp *s)
{
	struct loop *b = &c->loop->base;
	const struct spoiled_message spoiled = {
		.sequence = s->sequence,
		.due_ns = s->due_ns,
		.producer = s->producer,
		.client = loop_client_index(b, c->index),
		.partition = m->partition,
	};

	spoiled_put(&b->words->spoiled, &spoiled);
	count_at_partition(c, c->damaged, m->partition);
	count(c->loop, COUNTER_SPOILED);
}

static bool is_foreign(const struct consumer *c, const struct stamp *s)
{
	return s->run != c->run;
}

/* The stamp's instants become ours.  False: nobody knows its clock.  That of this worker's own producers is
 * known where no other is. */
static bool bring_home(const struct consumer_loop *l, struct stamp *s)
{
	const struct consume_spec *spec = &l->base.spec->consume;

	if (__builtin_expect(spec->clocks_unknown, 0))
		return s->producer - spec->own_first < spec->own_count;
	return shm_clocks_apply(&l->base.shm->clocks, s);
}

/* By the record's own time, in whole milliseconds.  What took nothing by it is left out if it is none of
 * ours, as OMB does. */
static void record_by_the_wall(struct consumer *c, const struct received *m, const struct stamp *s,
                               uint64_t now_ns)
{
	struct consumer_loop *l = c->loop;
	uint64_t wall_ms = clock_wall_ns() / 1000000;

	if (m->broker_ms <= 0)
		return;
	uint64_t sent_ms = (uint64_t)m->broker_ms;
	count(l, COUNTER_BROKER_TIMED);
	if (wall_ms < sent_ms)
		count(l, COUNTER_NEGATIVE);
	uint64_t age_ns = wall_ms < sent_ms ? 0 : (wall_ms - sent_ms) * 1000000;
	if (age_ns == 0 && s == NULL && l->base.spec->consume.clocks_unknown)
		return;
	/* A broker may say anything, also that a message is older than our clock. */
	uint64_t called_ns = age_ns < now_ns ? now_ns - age_ns : 0;
	shm_record(latencies_of(l, called_ns), LATENCY_E2E, age_ns);
	if (s == NULL)
		return;
	silence_heard(&c->silence, m->partition, called_ns, now_ns);
	if (!(s->flags & STAMP_UNSCHEDULED))
		shm_record(latencies_of(l, called_ns), LATENCY_CORRECTED_E2E,
		           age_ns + s->send_delay_ns);
}

static __attribute__((noinline)) void note_twins(struct consumer *c, const struct stamp *s)
{
	char text[NOTE_TEXT_BYTES];

	(void)snprintf(
		text, sizeof(text),
		"two producers have the number %u: what becomes of their messages is not told "
		"apart (message %" PRIu64 " was due at two times)",
		s->producer, s->sequence);
	loop_note(&c->loop->base, NOTE_TWINS, text);
}

static void take_stamped(struct consumer *c, const struct received *m, const struct stamp *s,
                         bool is_timed, uint64_t now_ns)
{
	struct consumer_loop *l = c->loop;

	if (is_foreign(c, s)) {
		count(l, COUNTER_FOREIGN);
	} else if (s->flags & STAMP_PROBE) {
		counter_bump(&c->words->probes_received);
	} else {
		/* In this order: shm.h says what a parent makes of it. */
		receipts_take(&l->receipts, &c->key, s, m->partition,
		              m->redelivery == REDELIVERY_YES);
		count_received(c, m);
		if (__builtin_expect(is_timed, 1)) {
			silence_heard(&c->silence, m->partition, stamp_called_ns(s), now_ns);
			record_latencies(c, m, s, now_ns);
		} else {
			record_by_the_wall(c, m, s, now_ns);
		}
		if (__builtin_expect(twins_found(&l->twins, s), 0))
			note_twins(c, s);
		if (__builtin_expect(!contents_are_good(&l->contents, m, s), 0))
			keep_spoiled(c, m, s);
	}
}

/* Payloads too small for a stamp, and messages of OMB's own producers.  Elsewhere a message without
 * one is somebody else's. */
static void take_unstamped(struct consumer *c, const struct received *m, uint64_t now_ns)
{
	struct consumer_loop *l = c->loop;

	count(l, COUNTER_UNSTAMPED);
	if (!l->base.spec->consume.unstamped)
		return;
	count_received(c, m);
	record_by_the_wall(c, m, NULL, now_ns);
}

static void spend_processing_time(struct consumer *c, uint64_t now_ns)
{
	uint64_t processing_ns = c->loop->base.spec->consume.processing_ns;

	if (processing_ns == 0)
		return;
	/* One that was waiting takes its message when its time had come, not when we woke up. */
	uint64_t from_ns = c->is_waiting ? c->not_before_ns : now_ns;
	c->not_before_ns = from_ns + processing_ns;
}

static void consumer_received(void *owner, const struct received *m)
{
	struct consumer *c = owner;
	struct consumer_loop *l = c->loop;
	struct stamp stamp = { 0 };
	enum stamp_status status = stamp_read(m->payload, m->payload_len, &stamp);
	bool is_timed = status == STAMP_OK && !is_foreign(c, &stamp) && bring_home(l, &stamp);
	uint64_t now_ns = loop_tick(&l->base, is_timed ? stamp_called_ns(&stamp) : 0);

	if (counter_read(&c->words->first_ns) == 0)
		counter_set(&c->words->first_ns, now_ns);
	counter_set(&c->words->last_ns, now_ns);
	if (c->uncommitted++ == 0)
		c->uncommitted_ns = now_ns;

	switch (status) {
	case STAMP_OK:
		take_stamped(c, m, &stamp, is_timed, now_ns);
		break;
	case STAMP_ABSENT:
		take_unstamped(c, m, now_ns);
		break;
	case STAMP_CORRUPT:
		count(l, COUNTER_CORRUPT);
		count_at_partition(c, c->damaged, m->partition);
		break;
	}
	spend_processing_time(c, now_ns);
}

static void consumer_assigned(void *owner, uint32_t partitions)
{
	struct consumer *c = owner;

	counter_set(&c->words->assigned, partitions);
}

static void consumer_event(void *owner, enum driver_event kind, const char *text)
{
	struct consumer *c = owner;

	loop_note(&c->loop->base, (enum note_kind)kind, text);
}

static void consumer_looked(void *owner)
{
	struct consumer *c = owner;

	loop_batch_begins(&c->loop->base);
}

static const struct driver_core consumer_core = {
	.received = consumer_received,
	.looked = consumer_looked,
	.assigned = consumer_assigned,
	.event = consumer_event,
};

/* --- commits ------------------------------------------------------------------------------------ */

static void commit(struct consumer_loop *l, struct consumer *c)
{
	if (l->base.driver->consumer_commit == NULL || c->uncommitted == 0)
		return;
	loop_batch_begins(&l->base);
	l->base.driver->consumer_commit(c->priv);
	count(l, COUNTER_COMMITS);
	c->uncommitted = 0;
}

/* Later than any time, and earlier than never. */
#define BEFORE_THE_END (UINT64_MAX - 1)

/* By the rule, 0 = at once.  But behind the end of the load nobody waits to commit: members leave one
 * after the other then, and what one has not committed would be delivered again to those that are left. */
static uint64_t commit_due_ns(const struct consumer_loop *l, const struct consumer *c)
{
	const struct consume_spec *rule = &l->base.spec->consume;
	uint64_t load_end_ns = counter_read(&l->base.shm->control.load_end_ns), due_ns = 0;

	if (rule->commit_messages > 0)
		due_ns = c->uncommitted >= rule->commit_messages ? 0 : BEFORE_THE_END;
	else if (rule->commit_interval_ns > 0)
		due_ns = c->uncommitted_ns + rule->commit_interval_ns;
	return due_ns < load_end_ns ? due_ns : load_end_ns;
}

static void commit_by_rule(struct consumer_loop *l, struct consumer *c)
{
	if (c->uncommitted == 0)
		return;
	uint64_t due_ns = commit_due_ns(l, c);
	if (due_ns <= l->base.now_ns)
		commit(l, c);
	else if (due_ns < l->next_commit_ns)
		l->next_commit_ns = due_ns;
}

static void commit_overdue(struct consumer_loop *l, uint64_t now_ns)
{
	l->next_commit_ns = UINT64_MAX;
	l->base.now_ns = now_ns;
	for (uint32_t i = 0; i < l->base.clients; i++)
		commit_by_rule(l, &l->consumers[i]);
}

/* --- the start ---------------------------------------------------------------------------------- */

static void settle(struct consumer_loop *l, uint64_t now_ns)
{
	bool any = false;
	struct error err;

	loop_batch_begins(&l->base);
	for (uint32_t i = 0; i < l->base.clients; i++) {
		struct consumer *c = &l->consumers[i];
		if (c->is_settled)
			continue;
		bool again = true;
		if (!l->base.driver->consumer_settle(c->priv, &again, &err))
			loop_note(&l->base, (enum note_kind)DRIVER_EVENT_CLIENT, err.text);
		c->is_settled = !again;
		any = any || again;
	}
	l->next_settle_ns = any ? now_ns + SETTLE_EVERY_NS : UINT64_MAX;
}

/* One that takes the place of a dead one leaves its group alone: how long it stands still then is a
 * result. */
static void settle_from_now_on(struct consumer_loop *l)
{
	const struct loop *b = &l->base;
	bool wanted = b->spec->generation == 0 && b->driver->consumer_settle != NULL;

	l->next_settle_ns = wanted ? clock_ns() + SETTLE_EVERY_NS : UINT64_MAX;
}

/* --- the loop ----------------------------------------------------------------------------------- */

/* Serves one client; true when it has more. */
static bool serve(struct consumer_loop *l, struct consumer *c, unsigned max)
{
	loop_batch_begins(&l->base);
	unsigned n = l->base.driver->consumer_serve(c->priv, max);
	commit_by_rule(l, c);
	return n >= max;
}

/* A slow consumer takes one message at a time and then waits in the heap. */
static void serve_slow(struct consumer_loop *l, struct consumer *c)
{
	bool more = serve(l, c, 1);

	c->is_waiting = more;
	if (more)
		heap_push(&l->waiting, c->not_before_ns, c->index);
}

static void serve_waiting(struct consumer_loop *l, uint64_t now_ns)
{
	while (l->waiting.count > 0 && l->waiting.items[0].key <= now_ns) {
		struct consumer *c = &l->consumers[l->waiting.items[0].index];
		heap_pop(&l->waiting);
		serve_slow(l, c);
	}
}

static void serve_ready(struct consumer_loop *l)
{
	struct loop *b = &l->base;
	bool slow = b->spec->consume.processing_ns > 0;
	uint32_t kept = 0, at_hand = b->ready_count;

	for (uint32_t k = 0; k < at_hand; k++) {
		struct consumer *c = &l->consumers[b->ready[k]];
		bool more = false;
		if (!slow) {
			more = serve(l, c, LOOP_SERVE_BATCH);
		} else if (!c->is_waiting && c->not_before_ns > clock_ns()) {
			c->is_waiting = true;
			heap_push(&l->waiting, c->not_before_ns, c->index);
		} else if (!c->is_waiting) {
			serve_slow(l, c);
		}
		if (more)
			b->ready[kept++] = c->index;
		else
			b->is_ready[c->index] = false;
	}
	b->ready_count = kept;
}

static bool ask_all(struct consumer_loop *l, enum consumer_wish wish, struct error *err)
{
	if (l->base.driver->consumer_ask == NULL)
		return error_set(err, ERROR_UNSUPPORTED, "driver %s cannot pause consumers",
		                 l->base.driver->name);
	loop_batch_begins(&l->base);
	for (uint32_t i = 0; i < l->base.clients; i++)
		if (!l->base.driver->consumer_ask(l->consumers[i].priv, wish, err))
			return false;
	for (uint32_t i = 0; i < l->base.clients && wish == CONSUMER_RESUME; i++)
		silence_forget(&l->consumers[i].silence);
	return true;
}

static bool obey(struct consumer_loop *l, const struct agent_command *command, struct error *err)
{
	switch (command->verb) {
	case AGENT_VERB_PAUSE:
		return ask_all(l, CONSUMER_PAUSE, err);
	case AGENT_VERB_RESUME:
		return ask_all(l, CONSUMER_RESUME, err);
	case AGENT_VERB_CLOSE:
		l->base.closing = true;
		return true;
	case AGENT_VERB_PROBE:
	case AGENT_VERB_START:
	case AGENT_VERB_RATE:
		return error_set(err, ERROR_USAGE, "consumers send nothing");
	}
	abort();
}

/* A load that was cut short ends earlier than it was said when a commit was put off. */
static uint64_t next_commit_ns(const struct consumer_loop *l)
{
	uint64_t load_end_ns = counter_read(&l->base.shm->control.load_end_ns);

	if (l->next_commit_ns == UINT64_MAX || l->next_commit_ns < load_end_ns)
		return l->next_commit_ns;
	return load_end_ns;
}

static uint64_t next_wake_ns(const struct consumer_loop *l)
{
	uint64_t wake = next_commit_ns(l);

	if (l->waiting.count > 0 && l->waiting.items[0].key < wake)
		wake = l->waiting.items[0].key;
	return l->next_settle_ns < wake ? l->next_settle_ns : wake;
}

static void run(struct consumer_loop *l)
{
	struct loop *b = &l->base;

	while (!b->closing) {
		struct agent_command command;
		struct error err;
		int passed_fd;

		if (loop_wait(b, next_wake_ns(l), &command, &passed_fd)) {
			bool ok = obey(l, &command, &err);
			file_close(passed_fd);
			loop_answer(b, command.tag, ok, &err);
		}
		if (b->ready_count > 0)
			serve_ready(l);
		if (next_wake_ns(l) != UINT64_MAX) {
			uint64_t now_ns = clock_ns();
			serve_waiting(l, now_ns);
			if (next_commit_ns(l) <= now_ns)
				commit_overdue(l, now_ns);
			if (l->next_settle_ns <= now_ns)
				settle(l, now_ns);
		}
	}
}

static bool open_clients(struct consumer_loop *l, struct error *err)
{
	struct loop *b = &l->base;
	size_t words = 0;

	for (uint32_t i = 0; i < b->clients; i++) {
		uint32_t index = loop_client_index(b, i);
		const struct client_spec *spec = &b->spec->clients[index];
		struct consumer *c = &l->consumers[i];
		*c = (struct consumer){
			.loop = l,
			.words = agent_shm_client(b->shm, index),
			.partitions = agent_shm_partitions(b->shm, index),
			.damaged = agent_shm_damaged(b->shm, index),
			.key = receipts_key(&l->receipts, b->spec, spec, &words),
			.index = i,
			.run = agent_run_of(b->spec, index),
		};
		silence_init(&c->silence, &c->words->silence, agent_shm_heard(b->shm, index),
		             b->spec->partitions, false);
		silence_set_least(&c->silence, SILENCE_LEAST_NS + b->spec->consume.processing_ns);
		void *priv = l->privs + i * l->stride;
		struct consumer_spec wanted = {
			.owner = c,
			.topic = spec->topic,
			.subscription = spec->subscription,
			.id = spec->id,
			.partitions = b->spec->partitions,
			.members = spec->members,
		};
		int fd = -1;
		if (!b->driver->consumer_open(b->instance, priv, &wanted, &fd, err))
			return error_wrap(err, "consumer %u of topic %s", spec->id, spec->topic);
		c->priv = priv;
		if (!loop_watch(b, i, fd, err))
			return false;
	}
	if (b->spec->consume.processing_ns > 0) /* slow ones: the others wait for what comes */
		loop_set_tick(b, (double)b->spec->consume.processing_ns / b->clients);
	return true;
}

/* All begin to leave before one is waited for. */
static void begin_to_close(struct consumer_loop *l)
{
	for (uint32_t i = 0; i < l->base.clients; i++) {
		struct consumer *c = &l->consumers[i];
		if (c->priv == NULL)
			continue;
		commit(l, c);
		if (l->base.driver->consumer_close_begin != NULL)
			l->base.driver->consumer_close_begin(c->priv);
	}
}

static void close_clients(struct consumer_loop *l)
{
	loop_ask_all(&l->base);
	loop_batch_begins(&l->base);
	begin_to_close(l);
	for (uint32_t i = 0; i < l->base.clients; i++) {
		if (l->consumers[i].priv == NULL)
			continue;
		l->base.driver->consumer_close(l->consumers[i].priv);
		loop_closed_one(&l->base);
	}
}

bool consumer_loop(const struct agent_spec *spec, struct agent_shm *shm, unsigned index,
                   int channel_fd, struct error *err)
{
	struct consumer_loop l = { .next_commit_ns = UINT64_MAX, .next_settle_ns = UINT64_MAX };
	bool ok = false;

	if (!loop_open(&l.base, spec, shm, index, channel_fd, err))
		return false;
	l.consumers = xcalloc(l.base.clients + 1, sizeof(*l.consumers));
	l.privs = loop_alloc_parts(l.base.clients, spec->driver->consumer_size, &l.stride);
	l.waiting = (struct heap){ .cap = l.base.clients };
	l.waiting.items = xcalloc(l.base.clients + 1, sizeof(*l.waiting.items));
	receipts_open(&l.receipts, spec, shm, index);
	if (spec->consume.clocks_unknown)
		twins_open(&l.twins);

	if (!contents_open(&l.contents, &spec->verify, err) ||
	    !loop_open_driver(&l.base, &consumer_core, err))
		goto out;
	ok = open_clients(&l, err);
	if (ok) {
		settle_from_now_on(&l);
		loop_ask(&l.base, spec->driver->consumer_claims, l.privs, l.stride);
		loop_opened(&l.base);
		run(&l);
	}
	close_clients(&l);
	loop_close_driver(&l.base);
out:
	contents_close(&l.contents);
	receipts_close(&l.receipts);
	twins_close(&l.twins);
	free(l.waiting.items);
	loop_free_parts(l.privs, l.base.clients, l.stride);
	free(l.consumers);
	loop_close(&l.base);
	return ok;
}
