/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_SUPERVISOR_H
#define OMB_AGENT_SUPERVISOR_H

/*
 * supervisor -- the parent's side of agents: fork, command, listen, reap.
 *
 * It knows processes and nothing about runs.  Everything that happens is told through the
 * callbacks of `struct supervisor_calls`, from inside supervisor_serve.  The process has one thread
 * and never opens a client.  No zombie stays: every end is seen through a pidfd and reaped.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/admin.h"
#include "agent/agent.h"
#include "agent/channel.h"
#include "util/text.h"

/* What the parent killed an agent for. */
enum agent_kill {
	AGENT_NOT_KILLED,
	AGENT_DEAF,     /* it did not read its commands */
	AGENT_HUNG,     /* it did not answer */
	AGENT_SLOW,     /* it answered, and took too long to close its clients */
	AGENT_UNWANTED, /* a job whose call is over */
};

struct agent {
	struct agent_spec spec;
	const struct admin_job *job; /* NULL: a producer or consumer agent */
	pid_t pid;
	int pid_fd;    /* -1 once it has ended */
	int *channels; /* one for each loop */
	int output_fd; /* of a job; -1 at its end */
	struct agent_shm *shm;
	struct text output; /* of a job, whole once the agent has ended */
	uint32_t loops_open;
	uint32_t answers_due;
	uint64_t asked_ns;    /* when it was told to close; 0 = not */
	uint64_t answered_ns; /* when the last of its loops had answered that; 0 = not yet */
	uint64_t closed;      /* clients, when it was looked at last ... */
	uint64_t closed_ns;   /* ... and when that was seen to grow; 0 = not yet */
	uint64_t still_ns;    /* when its loops last turned, as it was seen to stand still ... */
	uint64_t noticed_ns;  /* ... and when that was first seen; 0 = it does not */
	bool stalled;         /* and was told of */
	enum agent_kill killed_for;
	uint64_t killed_ns;
	char killed_state; /* of the process just before, as in /proc: 'T' = stopped; 0 = unknown */
	uint64_t oom_kills; /* of the whole host, when it was started ... */
	bool out_of_memory; /* ... and there was one more when it ended by SIGKILL */
	bool given_up;      /* it was killed and did not end: nobody waits for it any more */
	bool ended;
	int wait_status; /* as of waitpid, once ended; -1 = not to be had */
	uint64_t ended_ns;
	uint64_t cpu_ns;        /* user + system, as of the last look or the end */
	uint64_t max_rss_bytes; /* once ended */
};

struct supervisor_calls {
	void (*opened)(void *to, struct agent *a); /* all its clients are open */
	void (*answered)(void *to, struct agent *a, const struct agent_answer *answer);
	void (*ended)(void *to, struct agent *a);  /* reaped; counts and errors are complete */
	void (*wrote)(void *to, const char *line); /* some agent wrote this line to stderr */
};

struct supervisor {
	const struct supervisor_calls *calls;
	void *to;
	int epoll_fd;
	int stderr_pipe[2];
	struct text stderr_rest; /* of a line that is not complete */
	struct agent **agents;   /* all that were ever started; owned */
	size_t count, cap;
};

bool supervisor_init(struct supervisor *s, const struct supervisor_calls *calls, void *to,
                     struct error *err);
/* Kills and reaps what is left (within 2 s: what does not even die is left to itself); frees the agents and what they counted. */
void supervisor_fini(struct supervisor *s);

/* Readable when supervisor_serve has something to do. */
int supervisor_fd(const struct supervisor *s);
/* Never blocks. */
void supervisor_serve(struct supervisor *s);

/* Forks an agent.  *spec is copied, what it points to is borrowed until the agent has ended; so is
 * `job` (NULL for producers and consumers).  NULL = failed.  Borrowed, owned by the supervisor. */
struct agent *supervisor_start(struct supervisor *s, const struct agent_spec *spec,
                               const struct admin_job *job, struct error *err);

/* To every loop of the agent; each answers.  An agent that has ended gets nothing.  One that does
 * not read its commands has failed and is killed: its end tells. */
void agent_command(struct agent *a, const struct agent_command *command, int fd_to_pass);
/* SIGKILL; the first reason stays. */
void agent_kill(struct agent *a, enum agent_kill reason);

/* Its end has been seen, or is not waited for any longer. */
bool agent_is_gone(const struct agent *a);

/* User + system time so far, of a running agent or of one that has ended.  Only grows. */
uint64_t agent_cpu_ns(struct agent *a);
/* Its proportional share of memory now; 0 when it has ended. */
uint64_t agent_pss_bytes(const struct agent *a);

/* It died, or was killed, or failed: before it was asked to close or while it closed.  Not one that
 * was only slow: it had answered that it sends and receives no more, so its counts are complete. */
bool agent_is_lost(const struct agent *a);
bool agent_is_slow(const struct agent *a);

/* Why it ended, in words: its own error, a signal, an exit status. */
void agent_describe_end(const struct agent *a, struct error *err);

#endif
