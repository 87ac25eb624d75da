/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_STATE_H
#define OMB_WORKER_LOCAL_STATE_H

/*
 * local_state -- what the files of the local worker share; nobody else includes it.
 *
 *     local.c         the worker: a call begins, something happens to an agent
 *     local_verbs.c   the table: what is started, and when it is complete
 *     local_call.c    how a call ends, and how a run does
 *     local_close.c   how agents are closed, and how long they are waited for
 *     local_agents.c  which agents there are: dealing clients, losing and restarting agents
 *     local_rows.c    what a job said of the driver's configuration
 *     local_totals.c  what they counted
 *     local_edges.c   what they had counted at the ends of the window
 *     local_notes.c   what agents noted about themselves
 *     local_events.c  all that is worth a word, as events
 *     local_outage.c  how long nothing good came back
 *     local_slow.c    which messages were the slowest
 *     local_spoiled.c which messages arrived with other contents
 *     local_debts.c   what they owe when they have ended
 *     local_roster.c  whose messages an account is kept of
 *     local_account.c what became of each of them
 *     local_unheard.c what was owed to consumers at the end
 */

#include "agent/supervisor.h"
#include "util/arena.h"
#include "util/text.h"
#include "worker/closing.h"
#include "worker/local_books.h"
#include "worker/local_roster.h"
#include "worker/worker.h"

#define LOCAL_RESTARTS_MAX 3  /* of consumer agents in a run, all of them together */
#define LOCAL_STDERR_MAX   20 /* lines that are kept as events; more are only counted */

/* One place in the deal: the agent that holds it now, and the one it replaced. */
struct local_slot {
	enum agent_role role;
	unsigned index, generation;
	uint32_t loops;
	int nice, cpu; /* cpu -1: anywhere */
	struct client_spec *clients;
	uint32_t clients_count;
	uint64_t account_bytes; /* that the account may take of each loop */
	struct agent *agent;
	struct agent *replaced; /* the one before, while its successor has received nothing yet */
	uint64_t replaced_last_ns; /* when that one received its last message */
	/* Of producers, once the books are closed; NULL = not yet. */
	struct debt_account *accounts;
	struct snapshot charged; /* beyond what the agent counted itself */
};

struct local_slots {
	struct local_slot *items;
	uint32_t count;
};

struct local {
	struct worker base;
	const struct supervisor_calls *calls;
	struct arena arena; /* of this run: configuration, names, specs, texts of events */
	struct supervisor supervisor;
	bool supervisor_ok;
	struct error supervisor_err;
	int epoll_fd, timer_fd;

	struct environment environment; /* of this host */
	const struct driver *driver;    /* NULL: not initialized */
	void *driver_config;
	const char *run_id;
	uint16_t run; /* of the stamp */
	bool keep_topics;
	bool run_of_topic;
	struct consume_spec consume;
	struct agent_verify verify; /* its pool is pool_fd, which stays */
	bool stopped;               /* by STOP_ALL: the next INITIALIZE_DRIVER starts over */
	struct agent *broker;       /* the driver's own; NULL = none */
	bool job_asked;             /* the job under way has asked the broker for something */
	struct agent *job;          /* the disposable agent of the call under way */
	struct admin_job job_spec;

	struct worker_call *call;                               /* under way; NULL = none */
	uint32_t tag;                                           /* of the last command */
	uint64_t deadline_ns;                                   /* of the call; UINT64_MAX = none */
	struct closing_limits close_producers, close_consumers; /* FINISH, STOP_ALL */
	bool finishing_consumers; /* FINISH: the producers have closed */
	int pool_fd;              /* of the payloads, made in advance; -1 = not */
	struct payload_spec pool_spec;

	struct local_slots producers, consumers;
	struct worker_subscription *subscriptions; /* distinct; of the consumers */
	size_t subscriptions_count;
	uint32_t *subscription_of; /* of consumer i */
	struct local_roster roster;
	uint32_t partitions;
	struct agent_names names;
	struct worker_window window;
	struct shm_clock *clocks; /* of other workers, those that were told last */
	size_t clocks_count;
	uint64_t slots_start_ns;  /* of shm_control; 0 = no agent was started yet */
	uint32_t window_messages; /* of each producer */
	struct local_debts debts;
	struct local_account account;
	struct local_unheard unheard;
	bool paused;
	unsigned restarts;

	struct fact_event *events;
	size_t events_count, events_cap;
	uint64_t stderr_lines;

	struct snapshot period; /* as of the last PERIOD_STATS */
	struct snapshot reset;  /* as of the last RESET_STATS or CUMULATIVE_LATENCIES */
};

/* --- local_call.c ----------------------------------------------------------------------------- */

/* Everything but the descriptors and the call under way is of one run; what fini leaves is only good
 * to be overwritten. */
bool local_init_run(struct local *l, struct error *err);
void local_fini_run(struct local *l);

void local_set_timer(struct local *l, uint64_t at_ns); /* UINT64_MAX = none */
void local_complete(struct local *l);
void local_fail(struct local *l, const struct error *err);
void local_look_at_job(struct local *l, const struct agent *job);

/* --- local_agents.c --------------------------------------------------------------------------- */

bool local_start_consumers(struct local *l, const struct worker_create_consumers *c,
                           struct error *err);
bool local_start_producers(struct local *l, const struct worker_create_producers *p,
                           struct error *err);
bool local_start_broker(struct local *l, struct error *err);
/* It ends in order: it may have something to say at its end. */
void local_stop_broker(struct local *l);
bool local_start_job(struct local *l, struct error *err);

/* Commands to every agent of a role, with a fresh tag. */
void local_command(struct local *l, const struct local_slots *slots, struct agent_command *command,
                   int fd_to_pass);
/* Every agent that lives has answered all it was asked. */
bool local_all_answered(const struct local_slots *slots);
bool local_all_open(const struct local_slots *slots);

void local_publish_window(struct local *l);
/* An agent is gone: if that is worth a word it is told.  Consumers that died are restarted if
 * `may_restart`. */
void local_agent_ended(struct local *l, struct agent *a, bool may_restart);
void local_agent_opened(struct local *l, struct agent *a);
/* Looks whether restarted agents receive again. */
void local_watch_resumes(struct local *l);
/* Looks whether the loops of all agents turn; those that do not are told of, once. */
void local_watch_turns(struct local *l);
/* Does this one replace a dead one, and has got neither a partition nor a message yet? */
bool local_is_resuming(const struct local *l, const struct agent *a);
void local_add_event(struct local *l, const struct fact_event *event);

/* --- local_close.c ---------------------------------------------------------------------------- */

void local_close_begin(struct local *l, const struct local_slots *slots);
struct closing_limits local_close_limits(const struct local_slots *slots, uint32_t most_ms);
/* True: all are gone.  Else *look_ns is made earlier if this has to be called before. */
bool local_close_goes_on(struct local *l, const struct local_slots *slots,
                         const struct closing_limits *limits, uint64_t *look_ns);
/* Who keeps a call waiting: "producer agent 1 (process 4711) has not answered". */
void local_describe_waiting(const struct local_slots *slots, bool is_opening, struct text *out);

/* --- local_rows.c ----------------------------------------------------------------------------- */

/* Of the job that has ended, for the call under way. */
void local_take_rows(struct local *l, struct fact_rows *rows);
void local_take_version(struct local *l); /* of the broker: into the facts of the host */
struct admin_job local_ends_job(struct local *l, const struct worker_topic_ends *of);
void local_take_ends(struct local *l, struct worker_topic_ends *to); /* of that job */

/* --- local_totals.c --------------------------------------------------------------------------- */

void local_snapshot(struct local *l, bool with_latencies, struct snapshot *out);
/* Closely: into the processes, too, which costs much more. */
void local_agents_list(struct local *l, struct arena *arena, bool closely, struct fact_totals *out);
void local_final_totals(struct local *l, struct arena *arena, struct fact_totals *out);
void local_readiness(struct local *l, struct arena *arena, struct worker_readiness *out);
void local_counters(struct local *l, struct worker_counters *out);
/* Events of what agents of a role noted, at most local_notes_max for both roles; how many. */
size_t local_notes(struct local *l, enum agent_role role, struct arena *arena,
                   struct fact_event *to);
size_t local_notes_max(void);

#endif
