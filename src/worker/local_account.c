/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "account/book.h"
#include "account/parcel.h"
#include "stats/counter.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"
#include "worker/local_state.h"

/* 1,000 producers at 1 M msg/s in a healthy group take 27 MB. */
#define BYTES_MAX        ((size_t)64 << 20)

/* At 1 M msg/s a look finds some 120 chunks: loops have room for what comes in a second (roster.c). */
#define LOOK_NS          100000000L
/* Of all loops together in one look, 2 to 4 ms: the coordinator has more to do. */
#define LOOK_CHUNKS      256u

/* Of a share, packed: until it is asked for. */
#define PARCEL_BYTES_MAX ((size_t)16 << 20)

/* Ranges of lost messages that are told one by one. */
#define LOST_MAX         10000

/* --- the book ----------------------------------------------------------------------------------- */

static void index_subscriptions(struct local *l)
{
	struct local_account *a = &l->account;
	uint32_t topics = l->roster.of->topics;

	a->first_of = arena_alloc(&l->arena, (topics + 1) * sizeof(*a->first_of));
	a->subscriptions_of = arena_alloc(&l->arena, (topics + 1) * sizeof(*a->subscriptions_of));
	for (uint32_t t = 0; t < topics; t++)
		a->first_of[t] = a->subscriptions_of[t] = 0;
	for (size_t i = l->subscriptions_count; i-- > 0;) {
		uint32_t topic = l->roster.numbers[i].topic;
		if (topic == ROSTER_NONE)
			continue;
		a->subscriptions_of[topic]++;
		a->first_of[topic] = (uint32_t)i;
	}
}

/* Counts of partitions take a quarter of the book at most. */
static bool partitions_fit(const struct local *l)
{
	uint64_t rows = (uint64_t)l->roster.of->topics * ((uint64_t)l->partitions + 1);

	return rows * l->roster.subscriptions * sizeof(struct book_counts) <= BYTES_MAX / 4;
}

static void arm(const struct local_account *a, long in_ns)
{
	const struct itimerspec when = { .it_value.tv_nsec = in_ns };

	timerfd_settime(a->timer_fd, 0, &when, NULL);
}

static bool open_timer(struct local *l, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		int saved = errno;
		file_close(fd);
		return error_set_errno(err, saved, "opening a timer for the account");
	}
	l->account.timer_fd = fd;
	return true;
}

static bool is_kept(const struct local_account *a)
{
	return a->book != NULL || a->parcel != NULL;
}

static bool open_share(struct local *l, struct error *err)
{
	struct local_account *a = &l->account;
	uint32_t producers = l->roster.of->producers;

	if (!open_timer(l, err))
		return false;
	a->parcel = parcel_create(PARCEL_BYTES_MAX);
	a->missed_from = arena_alloc(&l->arena, (producers + 1) * sizeof(*a->missed_from));
	for (uint32_t i = 0; i < producers; i++)
		a->missed_from[i] = ACCOUNT_EXACT;
	arm(a, LOOK_NS);
	return true;
}

bool local_account_open(struct local *l, struct error *err)
{
	const struct roster *r = l->roster.of;
	struct local_account *a = &l->account;

	if (r == NULL || is_kept(a)) /* producers that could not be started are asked for again */
		return true;
	index_subscriptions(l);
	if (l->roster.is_share)
		return open_share(l, err);
	a->with_partitions = partitions_fit(l);
	const struct book_shape shape = {
		.topic_of = r->topic_of,
		.producers = r->producers,
		.topics = r->topics,
		.subscriptions = l->roster.subscriptions,
		.subscriptions_of = a->subscriptions_of,
		.partitions = a->with_partitions ? l->partitions : 0,
		.bytes_max = BYTES_MAX,
	};
	if (!open_timer(l, err))
		return false;
	a->book = book_create(&shape);
	arm(a, LOOK_NS);
	return true;
}

void local_account_close(struct local *l)
{
	struct local_account *a = &l->account;

	if (!is_kept(a))
		return;
	/* Agents may have the descriptor, too, and an epoll forgets what is closed everywhere. */
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, a->timer_fd, NULL);
	file_close(a->timer_fd);
	book_destroy(a->book);
	parcel_destroy(a->parcel);
	*a = (struct local_account){ 0 };
}

/* --- what loops hand over ------------------------------------------------------------------------ */

/* It lives, and hands something over. */
static bool keeps_account(const struct agent *a)
{
	return agent_role_makes_load(a->spec.role) && !agent_is_gone(a) &&
	       a->shm->shape.account.keys > 0;
}

/* Of a share. */
static void miss(void *to, uint32_t producer, uint32_t subscription, uint64_t sequence)
{
	const struct local *l = to;
	uint64_t *from = &l->account.missed_from[producer];

	(void)subscription;
	*from = sequence < *from ? sequence : *from;
}

static void pack(void *to, const struct account_chunk *c, unsigned partition_bytes)
{
	struct local *l = to;
	const struct roster *r = l->roster.of;
	uint32_t subscription = c->subscription;

	if (subscription != ACCOUNT_ANSWERS)
		subscription += l->account.first_of[r->topic_of[c->producer]];
	if (!parcel_add(l->account.parcel, c, partition_bytes, r->id_of[c->producer], subscription))
		miss(l, c->producer, c->subscription, c->block << ACCOUNT_BLOCK_SHIFT);
}

static uint32_t take(struct local *l, const struct agent *a, uint32_t most)
{
	uint32_t taken = 0;

	for (uint32_t i = 0; i < a->spec.loops; i++) {
		struct account_area *area = agent_shm_account(a->shm, i);
		uint32_t n = l->account.book != NULL
		                     ? book_take(l->account.book, area, most - taken)
		                     : account_area_take(area, most - taken, pack, l);
		if (n > 0)
			account_area_let_go(area);
		taken += n;
	}
	return taken;
}

void local_account_look(struct local *l)
{
	struct local_account *a = &l->account;
	size_t agents = l->supervisor.count;
	bool any = false;
	uint32_t taken = 0;
	uint64_t times;

	if (!is_kept(a) || read(a->timer_fd, &times, sizeof(times)) != sizeof(times))
		return;
	for (size_t i = 0; i < agents && taken < LOOK_CHUNKS; i++) {
		size_t at = (a->first + i) % agents;
		if (!keeps_account(l->supervisor.agents[at]))
			continue;
		any = true;
		taken += take(l, l->supervisor.agents[at], LOOK_CHUNKS - taken);
		if (taken == LOOK_CHUNKS)
			a->first = at; /* it may have more */
	}
	if (any) /* else nobody will hand over anything any more */
		arm(a, taken == LOOK_CHUNKS ? 1 : LOOK_NS);
}

/* By the counts of a load that has ended. */
static bool seems_complete(const struct local *l, const struct snapshot *now)
{
	const uint64_t *c = now->counters;

	if (!l->debts.load_started ||
	    c[COUNTER_RECEIVED] < c[COUNTER_ACKNOWLEDGED] * l->roster.subscriptions)
		return false;
	for (uint32_t i = 0; i < l->producers.count; i++) {
		const struct agent *a = l->producers.items[i].agent;
		if (a != NULL && !agent_is_gone(a) && agent_shm_is_offering(a->shm))
			return false;
	}
	return true;
}

uint64_t local_account_outstanding(struct local *l, const struct snapshot *now)
{
	struct book *book = l->account.book;
	size_t count = 0, loops = 0;

	if (book == NULL || !seems_complete(l, now) || !book_is_exact(book))
		return 0;
	for (size_t i = 0; i < l->supervisor.count; i++)
		loops += l->supervisor.agents[i]->spec.loops;
	struct account_area **areas = xcalloc(loops + 1, sizeof(struct account_area *));
	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		if (!keeps_account(a))
			continue;
		(void)take(l, a, UINT32_MAX);
		for (uint32_t k = 0; k < a->spec.loops; k++)
			areas[count++] = agent_shm_account(a->shm, k);
	}
	uint64_t outstanding = book_outstanding(book, areas, count);
	free(areas);
	return outstanding;
}

void local_account_agent_ended(struct local *l, const struct agent *a)
{
	if (!is_kept(&l->account) || a->shm->shape.account.keys == 0)
		return;
	for (uint32_t i = 0; i < a->spec.loops; i++) {
		struct account_area *area = agent_shm_account(a->shm, i);
		if (l->account.book != NULL) {
			book_take_over(l->account.book, area);
		} else {
			account_area_take_over(area, pack, l);
			account_area_missed(area, miss, l);
		}
		account_area_free(area);
	}
}

/* --- the end ------------------------------------------------------------------------------------ */

/* Clients were dealt out in turns (local_agents.c). */
static struct local_slot *slot_of_producer(struct local *l, uint32_t producer, uint32_t *client)
{
	*client = producer / l->producers.count;
	return &l->producers.items[producer % l->producers.count];
}

/* Where those came that are damaged. */
static void settle_corrupted(struct local *l, const struct agent *a)
{
	for (uint32_t i = 0; i < a->spec.clients_count; i++) {
		const struct client_spec *client = &a->spec.clients[i];
		const struct shm_loop *loop = &a->shm->loop[i % a->spec.loops];
		const _Atomic uint64_t *damaged = agent_shm_damaged(a->shm, i);
		if (counter_read(&loop->counters[COUNTER_CORRUPT]) +
		            counter_read(&loop->counters[COUNTER_SPOILED]) ==
		    0)
			continue;
		for (uint32_t p = 0; p < a->shm->shape.partitions; p++)
			book_corrupted(l->account.book, client->topic_number,
			               client->subscription_number, (int32_t)p,
			               counter_read(&damaged[p]));
	}
}

void local_account_settle(struct local *l)
{
	struct local_account *a = &l->account;

	if (a->book == NULL)
		return;
	uint32_t producers = l->roster.of->producers;
	a->sent = arena_alloc(&l->arena, (producers + 1) * sizeof(*a->sent));
	for (uint32_t p = 0; p < producers; p++) {
		uint32_t client;
		const struct local_slot *slot = slot_of_producer(l, p, &client);
		a->sent[p] = slot->accounts != NULL ? slot->accounts[client].sent : 0;
	}
	for (size_t i = 0; i < l->supervisor.count; i++)
		if (l->supervisor.agents[i]->spec.role == AGENT_CONSUMER)
			settle_corrupted(l, l->supervisor.agents[i]);
	book_settle(a->book, a->sent);
}

struct charging {
	struct local *l;
	const struct debt_terms *terms;
};

/* When its messages were due: by the schedule, or as far as the book knows, or not before the load. */
static struct debt_missing missing_of(const struct book_range *r, const struct debt_client *client,
                                      const struct debt_terms *terms)
{
	struct debt_missing m = { r->last - r->first + 1, r->first_due_ns, r->last_due_ns };

	if (debt_due_ns(client, terms, r->first, &m.first_due_ns)) {
		(void)debt_due_ns(client, terms, r->last, &m.last_due_ns);
	} else if (m.first_due_ns == 0) {
		m.first_due_ns = m.last_due_ns = terms->load->epoch.start_ns;
	}
	/* The clock of one agent does not go back; what a killed one left may seem to. */
	if (m.last_due_ns < m.first_due_ns)
		m.last_due_ns = m.first_due_ns;
	return m;
}

static void charge_range(void *to, const struct book_range *r)
{
	const struct charging *c = to;
	uint32_t client;
	const struct local_slot *slot = slot_of_producer(c->l, r->producer, &client);
	const struct debt_client of = { .shm = slot->agent->shm, .client = client };
	const struct debt_missing m = missing_of(r, &of, c->terms);

	debt_charge_missing(&m, c->terms, &of.shm->control, &c->l->debts.missing);
}

bool local_account_charge(struct local *l, const struct debt_terms *terms)
{
	struct charging c = { l, terms };

	if (l->roster.is_share) /* by who knows what the others have received */
		return true;
	if (l->account.book == NULL || !book_is_exact(l->account.book))
		return false;
	if (terms->load != NULL)
		book_missing(l->account.book, l->account.sent, charge_range, &c);
	return true;
}

/* --- what is told -------------------------------------------------------------------------------- */

struct book_counts local_account_partition(const struct local *l, size_t subscription,
                                           uint32_t partition)
{
	if (l->account.book == NULL || !l->account.with_partitions ||
	    l->roster.numbers[subscription].topic == ROSTER_NONE)
		return fact_counts_unknown;
	const struct local_number *n = &l->roster.numbers[subscription];
	return *book_partition(l->account.book, n->topic, n->subscription, (int32_t)partition);
}

static void tell_producer(const struct local *l, struct fact_producer *to)
{
	const struct book *book = l->account.book;
	uint32_t producer = roster_find(l->roster.of, to->producer);

	to->account = (struct book_counts){ 0 };
	to->exact_below = book_answers(book, producer)->exact_below;
	for (uint32_t s = 0; s < l->roster.subscriptions; s++) {
		uint64_t below = book_exact_below(book, producer, s);
		fact_counts_add(&to->account, book_counts(book, producer, s));
		to->exact_below = below < to->exact_below ? below : to->exact_below;
	}
}

static bool is_order_known(const struct local *l)
{
	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		if (a->spec.role == AGENT_CONSUMER && !agent_shm_knows_order(a->shm))
			return false;
	}
	return true;
}

static uint64_t corrupted(const struct local *l)
{
	uint64_t counters[COUNTER_COUNT] = { 0 };

	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		for (uint32_t k = 0; a->spec.role == AGENT_CONSUMER && k < a->spec.loops; k++)
			agent_shm_count(a->shm, k, counters);
	}
	return counters[COUNTER_CORRUPT] + counters[COUNTER_SPOILED];
}

struct telling {
	const struct local *l;
	struct arena *arena;
	struct fact_account *to;
};

static void tell_lost(void *to, const struct book_range *r)
{
	const struct telling *t = to;
	const struct roster *roster = t->l->roster.of;
	uint32_t topic = roster->topic_of[r->producer];

	if (t->to->lost_count == LOST_MAX) {
		t->to->lost_left_off++;
		return;
	}
	if (t->to->lost == NULL)
		t->to->lost = arena_alloc(t->arena, LOST_MAX * sizeof(*t->to->lost));
	t->to->lost[t->to->lost_count++] = (struct fact_range){
		.producer = roster->id_of[r->producer],
		.topic = roster->names[topic],
		.subscription = t->l->subscriptions[t->l->account.first_of[topic] + r->subscription]
		                        .subscription,
		.partition = r->partition,
		.first = r->first,
		.last = r->last,
		.first_due_ns = r->first_due_ns,
		.last_due_ns = r->last_due_ns,
	};
}

void local_account_tell(struct local *l, struct arena *arena, struct fact_totals *out)
{
	struct local_account *a = &l->account;

	out->account = (struct fact_account){ .is_kept = a->book != NULL };
	if (a->book == NULL)
		return;
	out->account.is_exact = book_is_exact(a->book);
	out->account.is_order_known = is_order_known(l);
	out->account.bytes_most = book_bytes_most(a->book);
	for (size_t i = 0; i < out->producers_count; i++) {
		tell_producer(l, &out->producers[i]);
		fact_counts_add(&out->account.all, &out->producers[i].account);
	}
	out->account.all.corrupted = corrupted(l);
	struct telling t = { l, arena, &out->account };
	book_lost(a->book, a->sent, tell_lost, &t);
}

/* --- a share ------------------------------------------------------------------------------------- */

static bool all_have_ended(const struct local *l)
{
	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		if (agent_role_makes_load(a->spec.role) && !agent_is_gone(a))
			return false;
	}
	return true;
}

static void list_missed(const struct local *l, struct arena *arena, struct worker_account *out)
{
	const struct roster *r = l->roster.of;
	struct worker_missed *missed = arena_alloc(arena, (r->producers + 1) * sizeof(*missed));

	out->missed = missed;
	for (uint32_t i = 0; i < r->producers; i++)
		if (l->account.missed_from[i] != ACCOUNT_EXACT)
			missed[out->missed_count++] = (struct worker_missed){
				r->id_of[i],
				l->account.missed_from[i],
			};
}

/* Of one consumer; `to` has room for its partitions. */
static size_t list_damaged_of(const struct local *l, const struct agent *a, uint32_t client,
                              struct worker_damaged *to)
{
	const _Atomic uint64_t *damaged = agent_shm_damaged(a->shm, client);
	size_t count = 0;

	if (counter_read(&a->shm->loop[client % a->spec.loops].counters[COUNTER_CORRUPT]) == 0)
		return 0;
	for (uint32_t p = 0; p < a->shm->shape.partitions; p++)
		if (counter_read(&damaged[p]) > 0)
			to[count++] = (struct worker_damaged){
				.subscription = l->subscription_of[a->spec.clients[client].id],
				.partition = p,
				.messages = counter_read(&damaged[p]),
			};
	return count;
}

static void list_damaged(const struct local *l, struct arena *arena, struct worker_account *out)
{
	size_t most = 0;

	for (size_t i = 0; i < l->supervisor.count; i++)
		if (l->supervisor.agents[i]->spec.role == AGENT_CONSUMER)
			most += l->supervisor.agents[i]->spec.clients_count;
	struct worker_damaged *items =
		arena_alloc(arena, (most * l->partitions + 1) * sizeof(*items));
	out->damaged = items;
	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		for (uint32_t c = 0; a->spec.role == AGENT_CONSUMER && c < a->spec.clients_count;
		     c++)
			out->damaged_count += list_damaged_of(l, a, c, items + out->damaged_count);
	}
}

void local_account_share(struct local *l, struct arena *arena, struct worker_account *out)
{
	struct local_account *a = &l->account;
	struct text chunks = { 0 };

	*out = (struct worker_account){ .is_kept = a->parcel != NULL };
	if (!out->is_kept)
		return;
	for (size_t i = 0; i < l->supervisor.count; i++)
		if (keeps_account(l->supervisor.agents[i]))
			(void)take(l, l->supervisor.agents[i], LOOK_CHUNKS);
	out->is_whole = all_have_ended(l);
	out->is_order_known = is_order_known(l);
	parcel_take(a->parcel, &chunks);
	out->chunks = memcpy(arena_alloc(arena, chunks.len + 1), text_str(&chunks), chunks.len);
	out->chunks_len = chunks.len;
	text_fini(&chunks);
	out->subscriptions = l->subscriptions;
	out->subscriptions_count = l->subscriptions_count;
	list_missed(l, arena, out);
	if (out->is_whole)
		list_damaged(l, arena, out);
	out->at_ns = out->clock_ns = clock_ns();
}
