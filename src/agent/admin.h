/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_ADMIN_H
#define OMB_AGENT_ADMIN_H

/*
 * admin -- administration, and a driver's own broker, in disposable agents.
 *
 * A job runs in a process forked for it, under a deadline that the parent keeps: a client library
 * that hangs takes nobody along.  What a job has to say comes back through a pipe as records of
 * NUL-terminated strings; failures and progress through shared memory.
 */

#include "agent/spec.h"

enum admin_job_kind {
	ADMIN_DESCRIBE,      /* records: section, key, value, origin, note */
	ADMIN_CREATE_TOPICS, /* a record: what the broker is, or "unknown"; none if nobody can say */
	ADMIN_DELETE,
	ADMIN_TOPIC_ENDS, /* records: for each topic its end and its partitions as decimals; none if
	                     the driver cannot tell */
	ADMIN_LIST,       /* records: "topic" or "group", name, topic of a group or "" */
	ADMIN_BROKER,     /* serves until CLOSE; says that it is open like any loop */
};

#define ADMIN_DESCRIBE_FIELDS 5
#define ADMIN_VERSION_FIELDS  1
#define ADMIN_LIST_FIELDS     3
#define ADMIN_ENDS_FIELDS     2

/* Borrowed: lives until the process has ended. */
struct admin_job {
	enum admin_job_kind kind;
	const struct topic_spec *topics; /* CREATE_TOPICS, TOPIC_ENDS */
	size_t topics_count;
	struct agent_names names;   /* DELETE */
	uint32_t timeout_ms;        /* DELETE */
	uint32_t groups_timeout_ms; /* DELETE: for the groups; 0 = timeout_ms for them too */
	const char *prefix;         /* LIST */
};

/* In the child.  Returns the exit status. */
int admin_main(const struct agent_spec *spec, const struct admin_job *job, struct agent_shm *shm,
               int channel_fd, int output_fd);

/* Deletes topics and groups with a client of its own; also what the first producer agent does when
 * its parent has died. */
bool admin_delete(const struct agent_spec *spec, const struct agent_names *names,
                  uint32_t timeout_ms, struct error *err);

#endif
