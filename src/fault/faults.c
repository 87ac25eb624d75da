/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/faults.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "util/xalloc.h"

#define NEVER UINT64_MAX

struct item {
	struct fault fault;
	uint64_t begin_ns; /* NEVER: not known yet */
	uint64_t told;     /* messages or requests since it began ... */
	uint64_t first;    /* ... of these in the call that it began with, if it began so ... */
	uint64_t before;   /* ... and before the latest call */
	uint64_t drawn;    /* answers, up to the last for which a lot was drawn */
};

struct faults {
	struct item *items;
	size_t count;
	uint64_t lots, seed;
	uint64_t answers; /* what shares one was told, so often */
	const _Atomic uint64_t *word;
	uint64_t load_start_ns; /* NEVER: not known yet */
	uint64_t messages;      /* of the load */
};

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > NEVER - b ? NEVER : a + b;
}

struct faults *faults_create(const struct fault *faults, size_t count, uint64_t seed,
                             const _Atomic uint64_t *load_start_ns, uint64_t now_ns)
{
	struct faults *f = xcalloc(1, sizeof(*f));

	f->items = xcalloc(count + 1, sizeof(*f->items));
	for (size_t i = 0; i < count; i++) {
		f->items[i].fault = faults[i];
		f->items[i].begin_ns = faults[i].from.unit == FAULT_ALWAYS ? now_ns : NEVER;
	}
	f->count = count;
	f->word = load_start_ns;
	f->load_start_ns = NEVER;
	f->lots = f->seed = seed;
	return f;
}

void faults_destroy(struct faults *f)
{
	if (f == NULL)
		return;
	free(f->items);
	free(f);
}

static uint64_t load_start_ns(const struct faults *f)
{
	if (f->word == NULL)
		return f->load_start_ns;

	uint64_t start_ns = atomic_load_explicit(f->word, memory_order_relaxed);
	return start_ns != 0 ? start_ns : NEVER;
}

static uint64_t begin_ns(const struct faults *f, const struct item *item)
{
	if (item->fault.from.unit == FAULT_NS)
		return sum(load_start_ns(f), item->fault.from.n);
	return item->begin_ns;
}

/* How long after the last beginning that is not behind `at_ns`; NEVER: there is none. */
static uint64_t into_ns(const struct faults *f, const struct item *item, uint64_t at_ns)
{
	uint64_t from_ns = begin_ns(f, item);

	if (from_ns == NEVER || at_ns < from_ns)
		return NEVER;
	uint64_t into = at_ns - from_ns;
	return item->fault.period_ns != 0 ? into % item->fault.period_ns : into;
}

/* Where a length is a number, so many of its messages have been. */
static bool is_on_after(const struct faults *f, const struct item *item, uint64_t been,
                        uint64_t at_ns)
{
	const struct fault_span *length = &item->fault.length;
	uint64_t into = into_ns(f, item, at_ns);

	if (into == NEVER)
		return false;
	if (length->unit == FAULT_MESSAGES)
		return been < length->n;
	return length->unit == FAULT_ALWAYS || into < length->n;
}

static bool is_on(const struct faults *f, const struct item *item, uint64_t at_ns)
{
	return is_on_after(f, item, item->told, at_ns);
}

/* For what comes: the message that it began with is here already. */
static bool is_on_behind(const struct faults *f, const struct item *item, uint64_t at_ns)
{
	return is_on_after(f, item, item->told - item->first, at_ns);
}

/* --- messages ------------------------------------------------------------------------------------- */

/* Faults that begin with one of these messages begin. */
static void count_messages(struct faults *f, uint64_t messages, uint64_t now_ns)
{
	if (f->word == NULL && f->load_start_ns == NEVER)
		f->load_start_ns = now_ns;
	if (now_ns < load_start_ns(f))
		return;
	f->messages += messages;
	for (size_t i = 0; i < f->count; i++) {
		struct item *item = &f->items[i];
		if (item->fault.from.unit == FAULT_MESSAGES && item->begin_ns == NEVER &&
		    f->messages >= item->fault.from.n) {
			item->begin_ns = now_ns;
			item->first = item->fault.kind != FAULT_CLOSE ? messages : 0;
		}
	}
}

/* A linear congruential generator (Knuth's constants); its upper half is good enough for lots. */
static uint64_t draw(struct faults *f)
{
	f->lots = f->lots * 6364136223846793005U + 1442695040888963407U;
	return f->lots >> 33;
}

/* Messages that share an answer share one lot, or a large batch would be sent again for ever. */
static bool is_drawn_already(const struct faults *f, struct item *item)
{
	bool is_drawn =
		(FAULT_BIT(item->fault.kind) & FAULTS_OF_ANSWERS) != 0 && item->drawn == f->answers;

	item->drawn = f->answers;
	return is_drawn;
}

static bool strikes(struct faults *f, struct item *item, uint64_t messages)
{
	const struct fault *fault = &item->fault;
	uint64_t before = item->told;

	item->told += messages;
	if (fault->of == 0)
		return false;
	if (fault->count == 0)
		return item->told / fault->of != before / fault->of;
	return !is_drawn_already(f, item) && draw(f) % fault->of < fault->count;
}

/* The lot of a message: whatever came before it. */
static uint64_t lot_of(const struct faults *f, const struct item *item,
                       const struct fault_subject *who)
{
	uint64_t h = f->seed ^ (uint64_t)(item - f->items) << 48;

	h = (h ^ who->producer) * 6364136223846793005U;
	h = (h ^ (h >> 31) ^ who->sequence) * 1442695040888963407U;
	h = (h ^ (h >> 29)) * 6364136223846793005U;
	return h >> 33;
}

static bool strikes_sequence(const struct faults *f, const struct item *item,
                             const struct fault_subject *who)
{
	const struct fault *fault = &item->fault;

	if (!who->is_known || who->producer != fault->producer || who->sequence < fault->from.n)
		return false;
	uint64_t before = who->sequence - fault->from.n;
	if (fault->length.unit == FAULT_MESSAGES && before >= fault->length.n)
		return false;
	if (fault->count == 0)
		return (before + 1) % fault->of == 0;
	return lot_of(f, item, who) % fault->of < fault->count;
}

static bool tell(struct faults *f, struct item *item, uint64_t messages, uint64_t now_ns)
{
	if (is_on(f, item, now_ns))
		return strikes(f, item, messages);
	/* What goes by a number of messages, and is over for these, may not be over for what comes. */
	if (item->told > 0 && item->fault.length.unit == FAULT_MESSAGES)
		item->told += messages;
	return false;
}

/* `who`: NULL of several. */
static unsigned strike(struct faults *f, const struct fault_subject *who, uint64_t messages,
                       uint64_t now_ns)
{
	unsigned struck = 0;

	count_messages(f, messages, now_ns);
	for (size_t i = 0; i < f->count; i++) {
		struct item *item = &f->items[i];
		bool strikes_it;
		if (item->fault.kind == FAULT_CLOSE)
			continue;
		item->before = item->told;
		if (item->fault.from.unit == FAULT_SEQUENCES)
			strikes_it = who != NULL && strikes_sequence(f, item, who);
		else
			strikes_it = tell(f, item, messages, now_ns);
		if (strikes_it)
			struck |= FAULT_BIT(item->fault.kind);
	}
	return struck;
}

unsigned faults_strike(struct faults *f, uint64_t messages, uint64_t now_ns)
{
	f->answers++;
	return strike(f, NULL, messages, now_ns);
}

void faults_strike_each(struct faults *f, const struct fault_subject *who, size_t count,
                        uint64_t now_ns, unsigned *struck)
{
	unsigned shared = 0;

	f->answers++;
	for (size_t i = 0; i < count; i++) {
		struck[i] = strike(f, &who[i], 1, now_ns);
		shared |= struck[i] & FAULTS_OF_ANSWERS;
	}
	for (size_t i = 0; i < count; i++)
		struck[i] |= shared;
}

bool faults_are_of_messages(const struct faults *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].fault.of > 0 && f->items[i].fault.kind != FAULT_CLOSE)
			return true;
	return false;
}

bool faults_close(struct faults *f, uint64_t now_ns)
{
	bool closed = false;

	for (size_t i = 0; i < f->count; i++) {
		struct item *item = &f->items[i];
		if (item->fault.kind == FAULT_CLOSE && is_on(f, item, now_ns) &&
		    strikes(f, item, 1))
			closed = true;
	}
	return closed;
}

/* --- time ----------------------------------------------------------------------------------------- */

bool faults_refuse(const struct faults *f, uint64_t now_ns)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].fault.kind == FAULT_REFUSE && is_on_behind(f, &f->items[i], now_ns))
			return true;
	return false;
}

static uint64_t longer_delay(const struct item *item, bool is_on, uint64_t ns)
{
	return item->fault.kind == FAULT_DELAY && is_on && item->fault.ns > ns ? item->fault.ns
	                                                                       : ns;
}

uint64_t faults_delay_ns(const struct faults *f, uint64_t at_ns)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct item *item = &f->items[i];
		longest = longer_delay(item, is_on_behind(f, item, at_ns), longest);
	}
	return longest;
}

uint64_t faults_delay_of_told_ns(const struct faults *f, uint64_t now_ns)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct item *item = &f->items[i];
		longest = longer_delay(item, is_on_after(f, item, item->before, now_ns), longest);
	}
	return longest;
}

uint64_t faults_stall_end_ns(const struct faults *f, enum fault_kind kind, uint64_t at_ns)
{
	/* Stalls may follow each other; those that never end are looked at again at what is said here. */
	for (size_t i = 0, rounds = 0; i < f->count && rounds < FAULTS_MAX; i++) {
		const struct item *item = &f->items[i];
		if (item->fault.kind != kind || !is_on(f, item, at_ns))
			continue;
		at_ns = sum(at_ns - into_ns(f, item, at_ns), item->fault.length.n);
		i = (size_t)-1;
		rounds++;
	}
	return at_ns;
}

uint64_t faults_stall_edge_ns(const struct faults *f, enum fault_kind kind, uint64_t at_ns)
{
	uint64_t first = NEVER;

	for (size_t i = 0; i < f->count; i++) {
		const struct item *item = &f->items[i];
		uint64_t into = into_ns(f, item, at_ns), edge = NEVER;
		if (item->fault.kind != kind)
			continue;
		if (into == NEVER)
			edge = begin_ns(f, item);
		else if (into < item->fault.length.n)
			edge = sum(at_ns - into, item->fault.length.n);
		else if (item->fault.period_ns != 0)
			edge = sum(at_ns - into, item->fault.period_ns);
		if (edge < first)
			first = edge;
	}
	return first;
}
