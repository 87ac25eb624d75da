/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "load/stamp.h"
#include "worker/ensemble_state.h"

/* clang-format off */
const struct ensemble_rule ensemble_rules[WORKER_VERB_COUNT] = {
	/*                                who            lacking        quick  goes on */
	[WORKER_INITIALIZE_DRIVER]    = { WHO_ALL,       LACK_WHOLE,    false, false },
	[WORKER_CREATE_TOPICS]        = { WHO_LEADER,    LACK_NEXT,     false, false },
	[WORKER_CREATE_CONSUMERS]     = { WHO_CONSUMERS, LACK_WHOLE,    false, false },
	[WORKER_CREATE_PRODUCERS]     = { WHO_PRODUCERS, LACK_WHOLE,    false, false },
	[WORKER_PROBE_PRODUCERS]      = { WHO_PRODUCERS, LACK_WHOLE,    true,  false },
	[WORKER_START_LOAD]           = { WHO_PRODUCERS, LACK_WHOLE,    false, false },
	[WORKER_ADJUST_PUBLISH_RATE]  = { WHO_PRODUCERS, LACK_WHOLE,    true,  false },
	[WORKER_PAUSE_CONSUMERS]      = { WHO_CONSUMERS, LACK_WHOLE,    true,  false },
	[WORKER_RESUME_CONSUMERS]     = { WHO_CONSUMERS, LACK_WHOLE,    true,  false },
	[WORKER_RESET_STATS]          = { WHO_ALL,       LACK_REST,     true,  false },
	[WORKER_STOP_ALL]             = { WHO_ALL,       LACK_REST,     false, true },
	[WORKER_COUNTERS_STATS]       = { WHO_ALL,       LACK_WHOLE,    true,  false },
	[WORKER_PERIOD_STATS]         = { WHO_ALL,       LACK_WHOLE,    true,  false },
	[WORKER_CUMULATIVE_LATENCIES] = { WHO_ALL,       LACK_WHOLE,    true,  false },
	[WORKER_SET_WINDOW]           = { WHO_ALL,       LACK_WHOLE,    true,  false },
	[WORKER_READINESS]            = { WHO_ALL,       LACK_WHOLE,    true,  false },
	[WORKER_SNAPSHOT]             = { WHO_ALL,       LACK_WHOLE,    true,  false },
	[WORKER_FINISH]               = { WHO_ALL,       LACK_REPLACE,  false, true },
	[WORKER_TOPIC_ENDS]           = { WHO_LEADER,    LACK_NEXT,     false, true },
	[WORKER_DELETE_TOPICS]        = { WHO_LEADER,    LACK_NEXT,     false, true },
	[WORKER_CLOCK]                = { WHO_NOBODY,    LACK_WHOLE,    true,  true },
	[WORKER_SET_CLOCKS]           = { WHO_CONSUMERS, LACK_REST,     true,  false },
	[WORKER_EVENTS]               = { WHO_ALL,       LACK_REST,     true,  true },
};
/* clang-format on */

bool ensemble_is_quick(enum worker_verb verb)
{
	return ensemble_rules[verb].quick;
}

struct ensemble_one *ensemble_leader(const struct ensemble *e)
{
	struct ensemble_one *first = NULL;

	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];
		if (m->lost || m->part == PART_LACKS)
			continue;
		if (!m->is.is_foreign)
			return m;
		first = first != NULL ? first : m;
	}
	return first;
}

/* --- who ---------------------------------------------------------------------------------------- */

/* How many clients belong to each of the slots' workers. */
static void count_producers(struct ensemble *e, uint64_t items)
{
	const struct share_slots *slots = &e->producers;

	e->used = shares_used(items, slots->count);
	e->equal_shares = false;
	for (unsigned s = 0; s < slots->count; s++) {
		struct ensemble_one *m = &e->members[slots->workers[s]];

		m->producers = shares_items_of(items, slots->count, s);
		m->first_producer = shares_first_of(items, slots->count, s);
		m->producer_slot = s;
		e->equal_shares |= m->producers > 0 && m->is.is_foreign;
	}
}

static void count_consumers(struct ensemble *e, uint64_t items)
{
	const struct share_slots *slots = &e->consumers;

	for (unsigned s = 0; s < slots->count; s++) {
		struct ensemble_one *m = &e->members[slots->workers[s]];

		m->consumers = shares_items_of(items, slots->count, s);
		m->consumer_slot = s;
	}
}

/* The slots of a run are those of all workers: it does not begin without one of them. */
static void begin_run(struct ensemble *e)
{
	enum share_role roles[STAMP_WORKERS];

	for (unsigned i = 0; i < e->count; i++)
		roles[i] = e->members[i].is.role;
	shares_slots_fini(&e->producers);
	shares_slots_fini(&e->consumers);
	e->producers = shares_slots(roles, e->count, SHARE_PRODUCE, NULL);
	e->consumers = shares_slots(roles, e->count, SHARE_CONSUME, NULL);
	e->used = 0;
	e->equal_shares = e->loading = false;
	e->window = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
}

static bool is_concerned(const struct ensemble *e, const struct ensemble_one *m,
                         enum worker_verb verb)
{
	switch (ensemble_rules[verb].who) {
	case WHO_ALL:
		return true;
	case WHO_PRODUCERS:
		return m->producers > 0;
	case WHO_CONSUMERS:
		return m->consumers > 0;
	case WHO_LEADER:
		return m == ensemble_leader(e);
	case WHO_NOBODY:
		break;
	}
	return false;
}

/* What one of them cannot do. */
static bool check(const struct ensemble_one *m, const struct worker_call *call, struct error *err)
{
	if (call->verb == WORKER_CREATE_PRODUCERS && m->producers > UINT64_C(1)
	                                                                    << STAMP_PRODUCER_BITS)
		return error_set(err, ERROR_CONFIG,
		                 "%" PRIu64 " producers for %s: only %u can be numbered",
		                 m->producers, m->label, 1u << STAMP_PRODUCER_BITS);
	if (call->verb == WORKER_START_LOAD && call->load.mode == LOAD_UNLIMITED &&
	    m->is.is_foreign)
		return error_set(err, ERROR_CONFIG,
		                 "producerRate max: %s is OMB's own program, which needs a number",
		                 m->label);
	return true;
}

bool ensemble_share(struct ensemble *e, const struct worker_call *call, struct error *err)
{
	enum worker_verb verb = call->verb;
	bool ok = true;

	if (verb == WORKER_INITIALIZE_DRIVER)
		begin_run(e);
	else if (verb == WORKER_CREATE_CONSUMERS)
		count_consumers(e, call->create_consumers.count);
	else if (verb == WORKER_CREATE_PRODUCERS)
		count_producers(e, call->create_producers.count);
	else if (verb == WORKER_SET_WINDOW)
		e->window = call->window;
	for (unsigned i = 0; i < e->count; i++)
		e->members[i].part = PART_NONE;
	for (unsigned i = 0; i < e->count && ok; i++) {
		struct ensemble_one *m = &e->members[i];

		if (m->lost || !is_concerned(e, m, verb))
			continue;
		m->part = PART_WAITING;
		m->asked = verb;
		ok = check(m, call, err);
	}
	return ok;
}

/* --- what each is asked --------------------------------------------------------------------------- */

/* No account: it needs one book of all, which nobody has. */
static void share_consumers(const struct ensemble *e, const struct ensemble_one *m,
                            const struct worker_create_consumers *all, struct arena *arena,
                            struct worker_create_consumers *own)
{
	struct worker_subscription *items = arena_alloc(arena, m->consumers * sizeof(*items));

	for (uint64_t j = 0; j < m->consumers; j++)
		items[j] = all->items[m->consumer_slot + j * e->consumers.count];
	own->items = items;
	own->count = m->consumers;
	own->account = false;
	own->producer_topics = NULL;
	own->producers = 0;
	own->id_base = m->index << STAMP_PRODUCER_BITS;
}

static void share_producers(const struct ensemble *e, const struct ensemble_one *m,
                            const struct worker_create_producers *all, struct arena *arena,
                            struct worker_create_producers *own)
{
	const char **topics = arena_alloc(arena, m->producers * sizeof(*topics));

	for (uint64_t j = 0; j < m->producers; j++)
		topics[j] = all->topics[m->producer_slot + j * e->producers.count];
	own->topics = topics;
	own->count = m->producers;
	own->account = false;
	own->id_base = m->index << STAMP_PRODUCER_BITS;
}

static struct pacer_epoch epoch_of(const struct ensemble *e, struct pacer_epoch whole)
{
	if (e->equal_shares && e->used > 0)
		whole.micro_per_s /= e->used;
	return whole;
}

static void share_load(const struct ensemble *e, const struct ensemble_one *m,
                       struct load_spec *own)
{
	own->epoch = epoch_of(e, own->epoch);
	own->first_producer = e->equal_shares ? 0 : (uint32_t)m->first_producer;
	if (e->equal_shares)
		own->producers = (uint32_t)m->producers;
	own->shared = e->count > 1;
}

void ensemble_share_of(const struct ensemble *e, const struct ensemble_one *m,
                       const struct worker_call *call, struct arena *arena, struct worker_call *own)
{
	*own = *call;
	own->verb = m->asked;
	own->state = CALL_IDLE;
	own->arena = arena;
	own->deadline_ns = e->deadline_ns != UINT64_MAX ? e->deadline_ns : 0;
	own->err = (struct error){ .kind = ERROR_NONE };
	own->lacking = false;
	own->done = own->wanted = 0;
	if (own->verb == WORKER_CREATE_CONSUMERS)
		share_consumers(e, m, &call->create_consumers, arena, &own->create_consumers);
	else if (own->verb == WORKER_CREATE_PRODUCERS)
		share_producers(e, m, &call->create_producers, arena, &own->create_producers);
	else if (own->verb == WORKER_START_LOAD)
		share_load(e, m, &own->load);
	else if (own->verb == WORKER_ADJUST_PUBLISH_RATE)
		own->adjust.epoch = epoch_of(e, own->adjust.epoch);
	else if (call->verb == WORKER_FINISH && own->verb == WORKER_SNAPSHOT)
		own->totals = (struct fact_totals){ .without_latencies = false };
	else if (call->verb == WORKER_FINISH && own->verb == WORKER_STOP_ALL)
		own->stop = (struct worker_stop){ .most_ms = call->finish.most_ms };
}
