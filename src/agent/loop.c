/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/termination.h"
#include "load/deal.h"
#include "stats/counter.h"
#include "stats/late.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/os.h"
#include "util/xalloc.h"

/* epoll's user data beyond any client. */
#define TAG_CHANNEL    UINT32_MAX
#define TAG_END        (UINT32_MAX - 1)

#define EVENTS_AT_ONCE 64
#define CACHE_LINE     64

/* Each client is asked so often what it says of itself. */
#define CLAIMS_NS      UINT64_C(1000000000)

/* A schedule of shorter ticks is served by several at a time. */
#define TICK_MIN_NS    100000

static bool watch(struct loop *l, int fd, uint32_t tag, uint32_t events, struct error *err)
{
	struct epoll_event event = { .events = events, .data.u32 = tag };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return error_set_errno(err, errno, "watching a descriptor");
	return true;
}

bool loop_open(struct loop *l, const struct agent_spec *spec, struct agent_shm *shm, unsigned index,
               int channel_fd, struct error *err)
{
	*l = (struct loop){
		.spec = spec,
		.driver = spec->driver,
		.shm = shm,
		.words = &shm->loop[index],
		.index = index,
		.channel_fd = channel_fd,
		.epoll_fd = -1,
		.clients = deal_clients_of(spec->clients_count, spec->loops, index),
		.edge_ns = UINT64_MAX,
		.tick_ns = LOOP_SLEEP_MAX_NS,
		.next_ask_ns = UINT64_MAX,
	};
	for (int w = 0; w < WINDOW_COUNT; w++)
		l->latencies[w] = &l->words->latencies[w];
	slow_init(&l->slow, &l->words->slow);
	l->ready = xcalloc(l->clients + 1, sizeof(*l->ready));
	l->is_ready = xcalloc(l->clients + 1, sizeof(*l->is_ready));

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		error_set_errno(err, errno, "opening epoll");
		goto fail;
	}
	if (!watch(l, channel_fd, TAG_CHANNEL, EPOLLIN, err))
		goto fail;
	if (termination_fd() >= 0 && !watch(l, termination_fd(), TAG_END, EPOLLIN, err))
		goto fail;
	return true;
fail:
	loop_close(l);
	return false;
}

void loop_close(struct loop *l)
{
	file_close(l->epoll_fd);
	free(l->ready);
	free(l->is_ready);
	l->epoll_fd = -1;
	l->ready = NULL;
	l->is_ready = NULL;
}

bool loop_open_driver(struct loop *l, const struct driver_core *core, struct error *err)
{
	const struct agent_spec *spec = l->spec;

	snprintf(l->client_id, sizeof(l->client_id), "omb-%s-%s-%u.%u", spec->run_id,
	         agent_role_name(spec->role), spec->index, l->index);
	l->context = (struct driver_context){
		.config = spec->driver_config,
		.core = core,
		.owner = l,
		.run_id = spec->run_id,
		.client_id = l->client_id,
	};
	l->instance = loop_alloc_parts(1, l->driver->instance_size, &l->instance_stride);
	if (l->driver->open(l->instance, &l->context, err))
		return true;
	loop_free_parts(l->instance, 1, l->instance_stride);
	l->instance = NULL;
	return false;
}

void loop_close_driver(struct loop *l)
{
	l->driver->close(l->instance);
	loop_free_parts(l->instance, 1, l->instance_stride);
	l->instance = NULL;
}

static size_t parts_bytes(uint32_t count, size_t stride)
{
	return (count + 1) * stride;
}

unsigned char *loop_alloc_parts(uint32_t count, size_t size, size_t *stride)
{
	*stride = (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);

	/* Mapped, because some drivers ask for much and use little of it. */
	void *parts = mmap(NULL, parts_bytes(count, *stride), PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (parts == MAP_FAILED)
		abort(); /* set-up, as in xalloc.h */
	return parts;
}

void loop_free_parts(unsigned char *parts, uint32_t count, size_t stride)
{
	if (parts != NULL)
		munmap(parts, parts_bytes(count, stride));
}

bool loop_watch(struct loop *l, uint32_t i, int fd, struct error *err)
{
	/* What came before the descriptor was watched makes no edge: look once. */
	loop_mark_ready(l, i);
	if (fd < 0 && l->spec->role == AGENT_CONSUMER)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "driver %s: a consumer without a descriptor", l->driver->name);
	return fd < 0 || watch(l, fd, i, EPOLLIN | EPOLLET, err);
}

void loop_set_tick(struct loop *l, double ns)
{
	l->tick_ns = LOOP_SLEEP_MAX_NS;
	if (ns < (double)l->tick_ns)
		l->tick_ns = ns > TICK_MIN_NS ? (uint64_t)ns : TICK_MIN_NS;
}

/* The sentinel: it slept until a time of its own, and this is when it came to.  Something that came
 * meanwhile is no excuse: whoever sleeps through 20 ms has something waiting for him. */
static void wake_up(struct loop *l, uint64_t until_ns)
{
	uint64_t now_ns = clock_ns();

	loop_look(l, now_ns);
	if (now_ns >= until_ns && loop_window_of(l, until_ns) == WINDOW_MEASURED)
		late_record(&l->words->late, &(struct late){ until_ns, now_ns, l->tick_ns,
		                                             l->window_start_ns + l->window_ns });
}

/* Events are served when they come: an acknowledgement does not wait for the end of it. */
static int spin(struct loop *l, uint64_t until_ns, struct epoll_event *events)
{
	uint64_t began_ns = clock_ns(), now_ns = began_ns;
	int n = 0;

	while (n == 0 && now_ns < until_ns) {
		n = os_epoll_wait(l->epoll_fd, events, EVENTS_AT_ONCE, 0);
		now_ns = clock_ns();
	}
	uint64_t spun_ns = now_ns - began_ns; /* longer: the thread was off its CPU */
	counter_add(&l->words->counters[COUNTER_SPUN_NS],
	            spun_ns < l->spin_ns ? spun_ns : l->spin_ns);
	return n;
}

static int sleep_and_spin(struct loop *l, uint64_t left_ns, uint64_t until_ns,
                          struct epoll_event *events)
{
	uint64_t sleep_ns = left_ns > l->spin_ns ? left_ns - l->spin_ns : 0;
	int n = os_epoll_wait(l->epoll_fd, events, EVENTS_AT_ONCE, sleep_ns);

	return n != 0 || sleep_ns == left_ns ? n : spin(l, until_ns, events);
}

/* --- what clients say of themselves -------------------------------------------------------------- */

void loop_ask(struct loop *l, loop_claims_fn *ask, unsigned char *parts, size_t stride)
{
	if (ask == NULL || l->clients == 0)
		return;
	l->ask = ask;
	l->parts = parts;
	l->stride = stride;
	l->next_ask_ns = clock_ns() + CLAIMS_NS / l->clients;
}

/* The next one; with the last one the round is complete. */
static void ask_one(struct loop *l)
{
	struct claims one = { 0 };

	l->ask(l->parts + l->asked * l->stride, &one);
	if (one.said != 0)
		claims_say(&one, CLAIM_CLIENTS, 1);
	claims_add(&l->said, &one);
	if (++l->asked < l->clients)
		return;
	agent_shm_claim(l->shm, l->index, &l->said);
	l->said = (struct claims){ 0 };
	l->asked = 0;
}

/* Those whose turn it is: a loop that slept asks several. */
static void ask_those_due(struct loop *l, uint64_t now_ns)
{
	uint64_t every_ns = CLAIMS_NS / l->clients;
	uint64_t due = (now_ns - l->next_ask_ns) / every_ns + 1;

	l->next_ask_ns += due * every_ns;
	for (uint64_t i = 0; i < due && i < l->clients; i++)
		ask_one(l);
}

void loop_ask_all(struct loop *l)
{
	if (l->ask == NULL)
		return;
	while (l->asked > 0)
		ask_one(l);
	do
		ask_one(l);
	while (l->asked > 0);
	l->ask = NULL;
	l->next_ask_ns = UINT64_MAX;
}

static int wait_events(struct loop *l, uint64_t until_ns, struct epoll_event *events)
{
	uint64_t left_ns = 0;

	if (l->ready_count == 0 && until_ns > 0) {
		uint64_t now_ns = clock_ns();
		counter_set(&l->words->turned_ns, now_ns);
		if (until_ns > l->edge_ns)
			until_ns = l->edge_ns;
		if (until_ns > now_ns + LOOP_SLEEP_MAX_NS)
			until_ns = now_ns + LOOP_SLEEP_MAX_NS;
		left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	}

	int n = sleep_and_spin(l, left_ns, until_ns, events);
	assert(n >= 0 || errno == EINTR);
	if (n >= 0 && left_ns > 0)
		wake_up(l, until_ns);
	return n < 0 ? 0 : n; /* the caller comes again */
}

bool loop_wait(struct loop *l, uint64_t until_ns, struct agent_command *command, int *passed_fd)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	bool commanded = false;

	int n = wait_events(l, until_ns, events);
	counter_bump(&l->words->counters[COUNTER_WAKEUPS]);
	uint64_t turned_ns = counter_read(&l->words->turned_ns);
	if (__builtin_expect(turned_ns >= l->next_ask_ns, 0))
		ask_those_due(l, turned_ns);
	for (int i = 0; i < n; i++) {
		uint32_t tag = events[i].data.u32;
		if (tag == TAG_CHANNEL)
			commanded = true;
		else if (tag == TAG_END)
			l->closing = true;
		else
			loop_mark_ready(l, tag);
	}
	if (!commanded)
		return false;

	switch (channel_receive_command(l->channel_fd, command, passed_fd)) {
	case CHANNEL_GOT:
		return true;
	case CHANNEL_EMPTY:
		return false;
	case CHANNEL_CLOSED: /* the parent is gone; this may be earlier than SIGTERM */
		termination_orphaned();
		l->closing = true;
		return false;
	}
	abort();
}

static void pass_edges(struct loop *l, uint64_t start_ns, uint64_t end_ns, uint64_t now_ns)
{
	const uint64_t at[EDGES] = { start_ns, end_ns };

	while (l->edges_passed < EDGES && now_ns >= at[l->edges_passed])
		agent_shm_pass_edge(l->shm, l->index, (enum shm_edge_of)l->edges_passed++, now_ns,
		                    clock_read_ns(CLOCK_THREAD_CPUTIME_ID));
	l->edge_ns = l->edges_passed < EDGES ? at[l->edges_passed] : UINT64_MAX;
}

void loop_look(struct loop *l, uint64_t now_ns)
{
	const struct shm_control *c = &l->shm->control;
	uint64_t start_ns = counter_read(&c->window_start_ns);
	uint64_t end_ns = counter_read(&c->window_end_ns);
	uint64_t window_ns = end_ns > start_ns ? end_ns - start_ns : 0;

	if (start_ns != l->window_start_ns || window_ns != l->window_ns)
		l->slot.ns = 0; /* its messages may be of the other window now */
	l->window_start_ns = start_ns;
	l->window_ns = window_ns;
	counter_set(&l->words->turned_ns, now_ns);
	/* The partner is agent_shm_take_slow. */
	uint64_t round = atomic_load_explicit(&c->round, memory_order_acquire);
	if (__builtin_expect(round != l->slow.round, 0))
		slow_begin(&l->slow, round);
	pass_edges(l, start_ns, end_ns, now_ns);
}

/* Ends the slot at the edges of the window, on both sides of the message. */
static void slot_cut(struct loop_slot *slot, const struct loop *l, uint64_t due_ns)
{
	const uint64_t edges[EDGES] = { l->window_start_ns, l->window_start_ns + l->window_ns };
	uint64_t end_ns = slot->from_ns + slot->ns;

	for (int i = 0; i < EDGES; i++) {
		if (edges[i] <= due_ns && edges[i] > slot->from_ns)
			slot->from_ns = edges[i];
		if (edges[i] > due_ns && edges[i] < end_ns)
			end_ns = edges[i];
	}
	slot->ns = end_ns - slot->from_ns;
}

struct shm_latencies *loop_count_elsewhere(struct loop *l, uint64_t due_ns)
{
	uint64_t slots_start_ns = counter_read(&l->shm->control.slots_start_ns);
	uint64_t slot = shm_slot_of(slots_start_ns, due_ns);
	enum window window = loop_window_of(l, due_ns);

	shm_count_due(l->words, slots_start_ns, window, due_ns);
	l->slot = (struct loop_slot){ .window = window };
	if (slot < SHM_SLOTS - 1) { /* the last one has another kind of word, and no end */
		l->slot = (struct loop_slot){
			.from_ns = slots_start_ns + (slot << SHM_SLOT_SHIFT),
			.ns = UINT64_C(1) << SHM_SLOT_SHIFT,
			.count = &l->words->by_due[window][slot],
			.latencies = loop_latencies(l, window),
			.window = window,
		};
		slot_cut(&l->slot, l, due_ns);
	}
	return loop_latencies(l, window);
}

void loop_read_clock(struct loop *l)
{
	l->now_ns = clock_ns();
	loop_look(l, l->now_ns);
	/* While closing, the library may wait between two messages. */
	l->ticks = l->closing ? 1 : LOOP_CLOCK_EVERY;
}

uint32_t loop_client_index(const struct loop *l, uint32_t i)
{
	return i * l->spec->loops + l->index;
}

void loop_note(struct loop *l, enum note_kind kind, const char *text)
{
	note_add(&l->words->notes[kind], text, clock_ns());
}

void loop_closed_one(struct loop *l)
{
	counter_bump(&l->words->closed);
}

void loop_opened(struct loop *l)
{
	prctl(PR_SET_TIMERSLACK, 1UL);
	atomic_store_explicit(&l->words->thread, (uint32_t)gettid(), memory_order_relaxed);
	loop_answer(l, 0, true, NULL);
}

void loop_answer(struct loop *l, uint32_t tag, bool ok, const struct error *err)
{
	struct agent_answer answer = { .tag = tag, .ok = ok };

	if (!ok)
		answer.err = *err;
	channel_send_answer(l->channel_fd, &answer);
}
