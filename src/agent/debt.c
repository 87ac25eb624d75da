/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debt.h"

#include <assert.h>
#include <stdlib.h>

#include "load/stamp.h"
#include "stats/counter.h"
#include "util/xalloc.h"

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* Nothing here is ever younger than nothing. */
static uint64_t age_ns(uint64_t now_ns, uint64_t since_ns)
{
	return now_ns > since_ns ? now_ns - since_ns : 0;
}

/* --- never sent ----------------------------------------------------------------------------------- */

/* Where the producer stood when it ended: its pacer at the message `sent`, with every change of rate
 * that it would have heard of. */
static struct pacer pacer_at_end(const struct debt_client *c, const struct debt_terms *terms,
                                 uint64_t sent)
{
	const struct shm_schedule_copy *known =
		shm_schedule_latest(agent_shm_schedule(c->shm, c->client));
	bool gave_up = counter_read(&c->shm->loop[c->loop].gave_up_ns) != 0;
	struct pacer p;
	uint64_t heard = 0, sequence = 0;

	if (known != NULL) {
		p = known->pacer;
		heard = known->changes;
		sequence = known->sequence;
	} else {
		pacer_init(&p, &terms->load->epoch, terms->load->first_producer + c->schedule_index,
		           terms->load->producers);
	}
	pacer_skip(&p, sent - sequence);
	for (uint64_t i = heard; i < terms->changes_count && !gave_up; i++) {
		const struct debt_change *change = &terms->changes[i];
		pacer_change(&p, &change->epoch, change->forgive, change->told_ns);
	}
	return p;
}

/* The end of the bucket that `due_ns` is in: messages due before it have an age of the same bucket. */
static uint64_t bucket_end_ns(uint64_t due_ns, uint64_t at_ns)
{
	const struct hist_layout *l = &hist_layout_ns;
	uint64_t age = age_ns(at_ns, due_ns);

	if (age >= l->highest)
		return at_ns - l->highest + 1;
	return at_ns - hist_layout_lowest(l, hist_layout_index(l, age)) + 1;
}

/* `n` ages of one bucket, evenly from the oldest to the youngest: their ends and their sum are
 * exact. */
static void record_ages(struct hist_copy *to, uint64_t oldest, uint64_t youngest, uint64_t n)
{
	hist_copy_record(to, oldest, 1);
	if (n > 1)
		hist_copy_record(to, youngest, 1);
	if (n > 2)
		hist_copy_record(to, youngest + (oldest - youngest) / 2, n - 2);
}

/* How many messages from p's next one on are due before `limit_ns`, and where the last of them is. */
static uint64_t go_to(struct pacer *p, uint64_t limit_ns, uint64_t *last_ns)
{
	*last_ns = p->next_ns;
	if (limit_ns - p->next_ns <= p->step_ns) { /* the common case at ordinary rates */
		pacer_advance(p);
		return 1;
	}
	uint64_t n = pacer_owed(p, limit_ns);
	pacer_skip(p, n - 1);
	*last_ns = p->next_ns;
	pacer_advance(p);
	return n;
}

/* The end of the window that comes next after `due_ns`, or `limit_ns` if that is earlier. */
static uint64_t next_edge_ns(const struct shm_control *control, uint64_t due_ns, uint64_t limit_ns)
{
	uint64_t start_ns = counter_read(&control->window_start_ns);
	uint64_t end_ns = counter_read(&control->window_end_ns);

	if (due_ns < start_ns)
		limit_ns = earlier(limit_ns, start_ns);
	return due_ns < end_ns ? earlier(limit_ns, end_ns) : limit_ns;
}

/* The ages at `at_ns` of all that `p` has due before `end_ns`. */
static uint64_t charge_unsent(struct pacer *p, uint64_t end_ns, uint64_t at_ns,
                              const struct shm_control *control, struct hist_copy *ages)
{
	uint64_t unsent = 0;

	assert(at_ns >= end_ns);
	while (p->next_ns < end_ns) {
		uint64_t due_ns = p->next_ns, last_ns;
		uint64_t limit_ns = next_edge_ns(control, due_ns,
		                                 earlier(end_ns, bucket_end_ns(due_ns, at_ns)));
		uint64_t n = go_to(p, limit_ns, &last_ns);
		record_ages(&ages[shm_window_of(control, due_ns)], at_ns - due_ns, at_ns - last_ns,
		            n);
		unsent += n;
	}
	return unsent;
}

static bool is_received_by_stamp(const struct load_spec *load)
{
	return load->payload.size >= STAMP_BYTES;
}

static uint64_t settle_unsent(const struct debt_client *c, const struct debt_terms *terms,
                              uint64_t sent, struct snapshot *to)
{
	const struct shm_control *control = &c->shm->control;
	uint64_t load_end_ns = counter_read(&control->load_end_ns);
	uint64_t gave_up_ns = counter_read(&c->shm->loop[c->loop].gave_up_ns);
	struct hist_copy ages[WINDOW_COUNT] = { 0 };

	struct pacer p = pacer_at_end(c, terms, sent);
	uint64_t known_end_ns = gave_up_ns != 0 ? gave_up_ns : terms->closed_ns;
	uint64_t end_ns = earlier(load_end_ns, known_end_ns);
	uint64_t at_ns =
		gave_up_ns != 0 ? gave_up_ns : earlier(end_ns + LOAD_GRACE_NS, known_end_ns);
	uint64_t unsent = charge_unsent(&p, end_ns, at_ns, control, ages);
	for (int w = 0; w < WINDOW_COUNT; w++) {
		hist_copy_add(&to->latencies[w][LATENCY_DELAY], &ages[w]);
		hist_copy_add(&to->latencies[w][LATENCY_CORRECTED_PUBLISH], &ages[w]);
		if (is_received_by_stamp(terms->load))
			hist_copy_add_times(&to->latencies[w][LATENCY_CORRECTED_E2E], &ages[w],
			                    terms->load->subscriptions);
		hist_copy_fini(&ages[w]);
	}
	return unsent;
}

/* --- never answered ------------------------------------------------------------------------------- */

/* Charges what is in flight.  True: the message `sent` is, which was being offered. */
static bool settle_flights(const struct debt_client *c, const struct debt_terms *terms,
                           uint64_t sent, struct snapshot *to)
{
	const struct flight *flights = agent_shm_flights(c->shm, c->client);
	uint64_t used = counter_read(&agent_shm_client(c->shm, c->client)->flights_used);
	enum latency which =
		terms->load->mode == LOAD_PACED ? LATENCY_CORRECTED_PUBLISH : LATENCY_PUBLISH;
	bool was_offered = false;

	for (uint64_t slot = 0; slot < used; slot++) {
		if (counter_read(&flights[slot].called_ns) == 0)
			continue;
		uint64_t due_ns = counter_read(&flights[slot].due_ns);
		enum window w = shm_window_of(&c->shm->control, due_ns);
		hist_copy_record(&to->latencies[w][which], age_ns(terms->closed_ns, due_ns), 1);
		was_offered |= counter_read(&flights[slot].sequence) >= sent;
	}
	return was_offered;
}

struct debt_account debt_settle(const struct debt_client *c, const struct debt_terms *terms,
                                struct snapshot *to)
{
	const struct shm_client *words = agent_shm_client(c->shm, c->client);
	struct debt_account a = {
		.sent = counter_read(&words->sent),
		.acknowledged = counter_read(&words->acknowledged),
		.failed = counter_read(&words->failed),
		.unacknowledged = counter_read(&words->unacknowledged),
	};
	uint64_t answered = a.acknowledged + a.failed + a.unacknowledged;

	if (terms->load == NULL)
		return a;
	if (settle_flights(c, terms, a.sent, to))
		a.sent++;
	a.unacknowledged += a.sent > answered ? a.sent - answered : 0;
	if (terms->load->mode == LOAD_PACED)
		a.unsent = settle_unsent(c, terms, a.sent, to);
	return a;
}

void debt_count(const struct debt_account *accounts, const struct agent_shm *shm,
                struct snapshot *to)
{
	for (uint32_t i = 0; i < shm->shape.clients; i++) {
		const struct shm_client *c = agent_shm_client(shm, i);
		to->counters[COUNTER_SENT] += accounts[i].sent - counter_read(&c->sent);
		to->counters[COUNTER_UNACKNOWLEDGED] +=
			accounts[i].unacknowledged - counter_read(&c->unacknowledged);
		to->counters[COUNTER_UNSENT] += accounts[i].unsent;
	}
}

/* --- never received ----------------------------------------------------------------------------- */

bool debt_due_ns(const struct debt_client *c, const struct debt_terms *terms, uint64_t sequence,
                 uint64_t *due_ns)
{
	const struct shm_schedule_copy *known =
		shm_schedule_latest(agent_shm_schedule(c->shm, c->client));

	if (terms->load->mode != LOAD_PACED || known == NULL || sequence < known->sequence)
		return false;
	struct pacer p = known->pacer;
	pacer_skip(&p, sequence - known->sequence);
	*due_ns = p.next_ns;
	return true;
}

static enum latency latency_of_missing(const struct debt_terms *terms)
{
	return terms->load->mode == LOAD_PACED ? LATENCY_CORRECTED_E2E : LATENCY_E2E;
}

static uint64_t due_of(const struct debt_missing *m, uint64_t i)
{
	if (i == 0)
		return m->first_due_ns;
	__extension__ unsigned __int128 span_ns = m->last_due_ns - m->first_due_ns;
	return m->first_due_ns + (uint64_t)(span_ns * i / (m->messages - 1));
}

/* How many of them, one at least, from the i-th on are due before `limit_ns`. */
static uint64_t due_before(const struct debt_missing *m, uint64_t i, uint64_t limit_ns)
{
	uint64_t low = i + 1, high = m->messages;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (due_of(m, middle) < limit_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low - i;
}

void debt_charge_missing(const struct debt_missing *m, const struct debt_terms *terms,
                         const struct shm_control *control, struct snapshot *to)
{
	enum latency which = latency_of_missing(terms);
	uint64_t n;

	assert(m->messages > 0 && m->last_due_ns >= m->first_due_ns);
	for (uint64_t i = 0; i < m->messages; i += n) {
		uint64_t due_ns = due_of(m, i);
		uint64_t bucket_ns = bucket_end_ns(due_ns, terms->closed_ns);
		n = due_before(m, i, next_edge_ns(control, due_ns, bucket_ns));
		enum window w = shm_window_of(control, due_ns);
		record_ages(&to->latencies[w][which], age_ns(terms->closed_ns, due_ns),
		            age_ns(terms->closed_ns, due_of(m, i + n - 1)), n);
	}
}

/* --- the same without an account ---------------------------------------------------------------- */

static void add_slots(uint64_t *to, const struct shm_loop *loop, enum window w, uint64_t used)
{
	for (uint64_t slot = 0; slot < used && slot < SHM_SLOTS - 1; slot++)
		to[slot] += atomic_load_explicit(&loop->by_due[w][slot], memory_order_relaxed);
	to[SHM_SLOTS - 1] += counter_read(&loop->due_later[w]);
}

void debt_slots_add(struct debt_slots *to, const struct agent_shm *shm, uint64_t end_ns)
{
	uint64_t start_ns = counter_read(&shm->control.slots_start_ns);
	uint64_t used = (age_ns(end_ns, start_ns) >> SHM_SLOT_SHIFT) + 1;

	for (int w = 0; w < WINDOW_COUNT; w++) {
		if (to->counts[w] == NULL)
			to->counts[w] = xcalloc(SHM_SLOTS, sizeof(*to->counts[w]));
		for (uint32_t i = 0; i < shm->shape.loops; i++)
			add_slots(to->counts[w], &shm->loop[i], (enum window)w, used);
	}
}

void debt_slots_fini(struct debt_slots *s)
{
	for (int w = 0; w < WINDOW_COUNT; w++)
		free(s->counts[w]);
	*s = (struct debt_slots){ 0 };
}

void debt_charge_slots(const struct debt_slots *acknowledged, const struct debt_slots *received,
                       const struct debt_terms *terms, const struct shm_control *control,
                       struct snapshot *to)
{
	uint64_t window_start_ns = counter_read(&control->window_start_ns);
	uint64_t start_ns = counter_read(&control->slots_start_ns);

	if (terms->load == NULL || !is_received_by_stamp(terms->load))
		return;
	assert(acknowledged->counts[0] != NULL);
	enum latency which = latency_of_missing(terms);
	for (int w = 0; w < WINDOW_COUNT; w++) {
		for (uint64_t s = 0; s < SHM_SLOTS; s++) {
			uint64_t wanted = acknowledged->counts[w][s] * terms->load->subscriptions;
			uint64_t arrived = received->counts[w] ? received->counts[w][s] : 0;
			if (wanted <= arrived)
				continue;
			uint64_t due_ns = start_ns + (s << SHM_SLOT_SHIFT);
			if (w == WINDOW_MEASURED && due_ns < window_start_ns)
				due_ns = window_start_ns;
			hist_copy_record(&to->latencies[w][which], age_ns(terms->closed_ns, due_ns),
			                 wanted - arrived);
		}
	}
}
