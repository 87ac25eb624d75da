/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_LOOP_H
#define OMB_AGENT_LOOP_H

/*
 * loop -- one thread of an agent: waits for clients, commands, signals and the next due time at once.
 *
 * What producer and consumer loops share.  A client that its driver gave a descriptor for is put
 * into epoll edge-triggered and served when it fires; a producer without one (fd -1) is served in
 * every turn while it has messages under way.
 * A client that returned as many as it was asked for stays on the ready list, so that neighbours
 * get their turn in between.
 *
 * Owner thread only.  Nothing allocates between the opening of the clients and loop_close, but START in
 * a producer loop, before anything is due (pool, table of keys).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/channel.h"
#include "agent/slow.h"
#include "agent/spec.h"
#include "stats/claims.h"

/* How many messages come between two readings of the clock while a batch is served: one reading
 * costs some 22 ns, shared by so many; a message takes some 50 to 100 ns to serve. */
#define LOOP_CLOCK_EVERY 16

/*
 * How many are asked of one client before its neighbours get their turn.  A consumer that commits
 * itself does so after each batch, and the broker pays for every commit: at 100 B and the maximum
 * rate batches of 256 made 3,100 commits/s, which took a broker a third of a core and cost a third of
 * the rate.
 */
#define LOOP_SERVE_BATCH 1000

typedef void loop_claims_fn(void *client, struct claims *out);

/*
 * Where the messages go that are due within one slot (shm_loop.h) and on one side of the window's
 * edges.  Messages come by slots of 134 ms: the next one nearly always belongs where the last one did,
 * and looking there first costs less than to compute its window alone.
 */
struct loop_slot {
	uint64_t from_ns, ns; /* ns = 0: none was looked up since the parent's words have changed */
	_Atomic uint32_t *count;
	struct shm_latencies *latencies;
	enum window window;
};

struct loop {
	const struct agent_spec *spec;
	const struct driver *driver;
	struct agent_shm *shm;
	struct shm_loop *words;
	unsigned index; /* of the loops of this agent */
	int channel_fd, epoll_fd;

	void *instance; /* the driver's, for all clients of this loop */
	size_t instance_stride;
	struct driver_context context;
	char client_id[64];
	uint32_t clients; /* of this loop */
	uint32_t *ready;  /* ring-less list of clients to serve */
	uint32_t ready_count;
	bool *is_ready;

	/* The measured window as of the last loop_look. */
	uint64_t window_start_ns, window_ns;
	/* Of the last message that loop_count_due counted; its window is known in any case. */
	struct loop_slot slot;
	struct shm_latencies *latencies[WINDOW_COUNT]; /* of `words` */
	struct slow slow;
	unsigned edges_passed;
	uint64_t edge_ns; /* the next one of the window; UINT64_MAX = none is announced */
	uint64_t tick_ns; /* see loop_set_tick */
	uint64_t spin_ns; /* so much of the end of a wait is spun; 0 = all is slept */
	/* What clients say of themselves; each is asked about once a second, one after the other. */
	loop_claims_fn *ask;  /* NULL: they say nothing */
	unsigned char *parts; /* the driver's, `stride` apart */
	size_t stride;
	struct claims said; /* by those that were asked in this round */
	uint32_t asked;
	uint64_t next_ask_ns;

	uint64_t now_ns; /* the last reading; see loop_tick */
	uint32_t ticks;  /* how many more reports may share it */
	bool closing;    /* CLOSE came, or the agent has to end by itself */
};

bool loop_open(struct loop *l, const struct agent_spec *spec, struct agent_shm *shm, unsigned index,
               int channel_fd, struct error *err);
void loop_close(struct loop *l);

/* The driver's instance for this loop; `core` lives as long as it. */
bool loop_open_driver(struct loop *l, const struct driver_core *core, struct error *err);
void loop_close_driver(struct loop *l);

/* Zeroed memory for the driver's parts of `count` clients, each part starting on a cache line.
 * *stride: from one to the next.  Only what is touched is memory. */
unsigned char *loop_alloc_parts(uint32_t count, size_t size, size_t *stride);
void loop_free_parts(unsigned char *parts, uint32_t count, size_t stride);

/* Client i of this loop waits on `fd` (-1: none). */
bool loop_watch(struct loop *l, uint32_t i, int fd, struct error *err);

/* The clients are open: the parent hears of it.  From here on this thread wakes up on time (timer
 * slack 1 ns); the library's threads, which exist by now, keep theirs: with ours inherited, idle
 * clients of a library with threads cost two to three times the CPU. */
void loop_opened(struct loop *l);

/* From now on the clients are asked what they say of themselves; before loop_opened. */
void loop_ask(struct loop *l, loop_claims_fn *ask, unsigned char *parts, size_t stride);
/* For the last time, before they are closed. */
void loop_ask_all(struct loop *l);

/* From one due time of its schedule to the next; without one it is by its longest sleep. */
void loop_set_tick(struct loop *l, double ns);
/* A loop turns at least so often: one that does not hangs, and the parent sees it. */
#define LOOP_SLEEP_MAX_NS UINT64_C(1000000000)

/* Waits until `until_ns` (clock_ns(); 0 = do not wait, UINT64_MAX = nothing is due) or until something
 * happens, or an edge of the window or LOOP_SLEEP_MAX_NS has passed; commands are in *command then.  Returns true when there is a command to handle.
 * *passed_fd belongs to the caller, or is -1. */
bool loop_wait(struct loop *l, uint64_t until_ns, struct agent_command *command, int *passed_fd);

/* Puts client i on the ready list, unless it is there. */
static inline void loop_mark_ready(struct loop *l, uint32_t i)
{
	if (l->is_ready[i])
		return;
	l->is_ready[i] = true;
	l->ready[l->ready_count++] = i;
}

/* Before each call into the driver that may report messages (serve, send, flush, close, ...), and
 * when the driver has looked for more within one: the next report reads the clock.  Not earlier: between a reading before the client is asked
 * and the message's arrival the thread may have been off its CPU. */
static inline void loop_batch_begins(struct loop *l)
{
	l->ticks = 0;
}

/* At each reading of the clock that messages are counted by, and before each pass of sends: takes
 * notice of what the parent has announced, and of an edge of the window that has passed.  A message costs no look of its own. */
void loop_look(struct loop *l, uint64_t now_ns);

/* Where the times of a message go that was due then. */
static inline enum window loop_window_of(const struct loop *l, uint64_t due_ns)
{
	return due_ns - l->window_start_ns < l->window_ns ? WINDOW_MEASURED : WINDOW_OUTSIDE;
}

static inline struct shm_latencies *loop_latencies(const struct loop *l, enum window window)
{
	return l->latencies[window];
}

/* Behind loop_count_due: a message of another slot. */
struct shm_latencies *loop_count_elsewhere(struct loop *l, uint64_t due_ns);

/* Counts one message, acknowledged or received, by when it was due.  Where its times go. */
static inline struct shm_latencies *loop_count_due(struct loop *l, uint64_t due_ns)
{
	if (__builtin_expect(due_ns - l->slot.from_ns >= l->slot.ns, 0))
		return loop_count_elsewhere(l, due_ns);
	counter_bump_u32(l->slot.count);
	return l->slot.latencies;
}

/* Behind loop_tick. */
void loop_read_clock(struct loop *l);

/* For each message that is reported: l->now_ns, read anew every LOOP_CLOCK_EVERY calls, and whenever
 * it is older than `since_ns`, when the message was sent: on one clock nothing arrives before it was
 * sent.  Still older after that: the sender's clock is another one. */
static inline uint64_t loop_tick(struct loop *l, uint64_t since_ns)
{
	if (l->ticks == 0 || l->now_ns < since_ns)
		loop_read_clock(l);
	l->ticks--;
	return l->now_ns;
}

/* One more client is closed: the parent tells slow from stuck by it. */
void loop_closed_one(struct loop *l);

/* Which clients of the agent belong to this loop: client i of the loop is client
 * loop_client_index(l, i) of the agent. */
uint32_t loop_client_index(const struct loop *l, uint32_t i);

/* Counts an event of the driver; the `event` call of both cores. */
void loop_note(struct loop *l, enum note_kind kind, const char *text);

/* Answers a command.  *err is looked at only when `ok` is false. */
void loop_answer(struct loop *l, uint32_t tag, bool ok, const struct error *err);

#endif
