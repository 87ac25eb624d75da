/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_ADMIN_H
#define OMB_DRIVER_ADMIN_H

/*
 * admin -- what a driver does for topics and groups, and the broker that it may bring along.
 *
 * Runs in a disposable agent and may block: the parent keeps the deadline.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/core.h"
#include "util/error.h"

enum driver_name_kind { DRIVER_TOPIC, DRIVER_GROUP };

struct driver_name {
	enum driver_name_kind kind;
	const char *name;
	const char *topic; /* of a group; "" where the broker does not keep it by topic */
};

typedef void driver_name_fn(void *to, const struct driver_name *name);

#define DRIVER_NO_TOPIC   UINT64_MAX
#define DRIVER_UNTOLD_END (UINT64_MAX - 1) /* the broker keeps no count of this topic */

struct driver_admin {
	/* In batches, with a bounded number of retries; an error says which topic and why.  A topic
	 * that exists already with this name counts as created. */
	bool (*create_topics)(void *instance, const struct topic_spec *topics, size_t count,
	                      struct error *err);
	/* Deletes and waits until the broker agrees.  What does not exist counts as deleted.  Groups
	 * that still have members are tried again until `timeout_ms` has passed; those that the run
	 * left in them are taken out where the broker lets that be done.  Where the broker
	 * does not allow it, and so will not the next time, the error is ERROR_REFUSED and names
	 * what forbids it. */
	bool (*delete_topics)(void *instance, const char *const *names, size_t count,
	                      uint32_t timeout_ms, struct error *err);
	bool (*delete_groups)(void *instance, const struct group_spec *groups, size_t count,
	                      uint32_t timeout_ms, struct error *err);
	/* How many messages each topic ever took: the sum of the end offsets of its partitions, which
	 * neither retention nor compaction lowers; DRIVER_NO_TOPIC: it is not there.  And how many
	 * partitions it has; 0: none, or not known.  Within about
	 * 10 s.  Optional: the broker cannot tell. */
	bool (*topic_ends)(void *instance, const struct topic_spec *topics, size_t count,
	                   uint64_t *ends, uint32_t *partitions, struct error *err);
	/* What the broker is, a name and a version; *out stays empty where it cannot be told.  Takes a few
	 * seconds at the most.  Optional. */
	void (*broker_version)(void *instance, char *out, size_t size);
	/* Names of topics and groups that start with `prefix`.  A group that has members is not listed;
	 * nor is a topic that such a group reads. */
	bool (*list)(void *instance, const char *prefix, driver_name_fn *fn, void *to,
	             struct error *err);
};

/* A driver that brings its own broker (loopback): the worker forks one process for it. */
struct driver_broker {
	/* Does this configuration want one started?  Any process; pure. */
	bool (*is_wanted)(const void *config);
	/* Serves until `stop_fd` turns readable.  Calls ready(to) once when clients may connect. */
	bool (*run)(const struct driver_context *ctx, int stop_fd, void (*ready)(void *to),
	            void *to, struct error *err);
};

#endif
