/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_REMOTE_TEXT_H
#define OMB_WORKER_REMOTE_TEXT_H

/*
 * remote_text -- what a coordinator and a worker of ours say to each other outside of the verbs.
 *
 * Pure.  Texts that are read go into the arena; any bytes are safe.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/clock_fit.h"
#include "util/error.h"
#include "util/text.h"
#include "worker/verb.h"

struct arena;

#define REMOTE_PROTOCOL      1
#define REMOTE_SESSION_CHARS 32
#define REMOTE_LEASE_NS      UINT64_C(30000000000)

struct remote_hello {
	const char *version, *commit, *name; /* never NULL */
	const char *in_use;                  /* by whom; NULL = it is free */
	const char *clock; /* which one it reads (util/host_clock.h); NULL = it has not said */
	uint32_t protocol;
	bool has[WORKER_VERB_COUNT];
};

struct remote_session {
	char id[REMOTE_SESSION_CHARS + 1];
	uint64_t origin_ns; /* of its clock */
};

struct remote_reading {
	uint64_t received_ns, sent_ns; /* of its clock */
	bool has_system;
	struct clock_system system; /* how well its host follows the time of day */
	char system_lack[200];      /* why that is not known; "" = it has not said */
};

struct remote_opening {
	const char *version, *coordinator;
	unsigned worker;
	uint64_t lease_ns;
};

/* A worker that speaks another protocol is read all the same: remote_hello_check says so. */
bool remote_hello_read(const char *body, size_t len, struct arena *a, struct remote_hello *out,
                       struct error *err);
/* Does it speak our protocol?  Says which of the two is too old. */
bool remote_hello_check(const struct remote_hello *hello, const char *our_version,
                        struct error *err);

void remote_opening_write(const struct remote_opening *o, struct text *out);
bool remote_session_read(const char *body, size_t len, struct remote_session *out,
                         struct error *err);
bool remote_reading_read(const char *body, size_t len, struct remote_reading *out,
                         struct error *err);

/* The error that an answer of another status has in it; false: none. */
bool remote_error_read(const char *body, size_t len, struct error *out);

#endif
