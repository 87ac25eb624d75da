/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_SERVED_STATE_H
#define OMB_WORKER_SERVED_STATE_H

/*
 * served_state -- what the files of the served worker share; nobody else includes it.
 *
 *     served.c          requests to routes
 *     served_reply.c    answers, and the log
 *     served_user.c     who has the worker
 *     served_omb.c      OMB's protocol
 *     served_own.c      ours: sessions
 *     served_session.c  what is held of a session; pure
 *     served_queue.c    many askers, one worker
 */

#include "http/server.h"
#include "worker/served_options.h"
#include "worker/served_queue.h"
#include "worker/served_session.h"

/* Somebody who waits for an answer; first member of what stands behind it (http_request.context). */
struct served_waiter {
	void (*left)(struct served_waiter *w, struct http_request *r);
	void (*done)(struct served_waiter *w, struct http_request *r, bool delivered);
};

struct omb_ask;

/* What a command of OMB's protocol made: the same command again makes nothing. */
struct omb_made {
	bool is_there;
	uint64_t digest;    /* of its body */
	struct text answer; /* owned */
};

struct served_omb {
	struct omb_ask *asks; /* under way, or not delivered yet */
	struct omb_made made[WORKER_VERB_COUNT];
	uint32_t id_base, producers;
	uint64_t lead_ns;
	bool is_broken; /* a command has failed half-way */
};

struct own_call;

struct served_own {
	struct session session;
	struct timer lease;
	struct own_call *calls; /* under way */
	bool is_cleaning;       /* the lease has run out, or it is being deleted ... */
	struct served_waiter ending;
	struct http_request *ending_request; /* ... by this; NULL = nobody waits for it */
};

struct served {
	struct served_options options;
	struct served_queue queue;
	struct watch watch; /* of the worker */
	struct served_omb omb;
	struct served_own own;
	void (*told)(void *to, const struct fact_totals *totals); /* of a look; NULL = none */
	void *told_to;
};

void served_log(struct served *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* May the driver file be used that is asked for? */
bool served_may_initialize(const struct served *s, const struct worker_initialize *ask,
                           struct error *err);

/* Answers without ceremony; the text is taken. */
void served_answer(struct http_request *r, unsigned status, const char *type, struct text *body);
void served_answer_text(struct http_request *r, unsigned status, const char *body);
/* As errors of our protocol are told; the status is that of the error's kind unless it is given. */
void served_answer_error(struct http_request *r, unsigned status, const struct error *err);

#define SERVED_TEXT "text/plain;charset=utf-8" /* OMB's, for JSON too */
#define SERVED_JSON "application/json"

/* --- OMB's protocol --------------------------------------------------------------------------------- */

void omb_ask(struct served *s, enum worker_verb verb, struct http_request *r);
/* Something was made that has not been stopped, or is being made. */
bool omb_is_in_use(const struct served *s);
void omb_fini(struct served *s);

/* --- ours -------------------------------------------------------------------------------------------- */

void own_hello(struct served *s, struct http_request *r, const char *rest);
void own_clock(struct served *s, struct http_request *r, const char *rest);
void own_begin(struct served *s, struct http_request *r, const char *rest);
void own_call(struct served *s, struct http_request *r, const char *rest);
void own_renew(struct served *s, struct http_request *r, const char *rest);
void own_end(struct served *s, struct http_request *r, const char *rest);
void own_fini(struct served *s);

static inline bool own_is_in_use(const struct served *s)
{
	return s->own.session.is_live;
}

/* Who has the worker, in words; false: nobody. */
bool served_user(const struct served *s, struct text *out);

#endif
