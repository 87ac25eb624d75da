/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_SPEC_H
#define OMB_AGENT_SPEC_H

/* spec -- all that an agent knows when it is forked. */

#include <stddef.h>
#include <stdint.h>

#include "agent/shm.h"
#include "driver/driver.h"
#include "facts/role.h"
#include "load/assignment.h"

struct roster;

/* Names to delete when the parent has died; of the whole run as far as known at the fork. */
struct agent_names {
	const char *const *topics;
	size_t topics_count;
	const struct group_spec *groups;
	size_t groups_count;
};

struct client_spec {
	const char *topic;
	const char *subscription; /* NULL: a producer */
	uint32_t id;              /* of the producer in stamps; number of the consumer */
	/* Of the stamps of its topic; else that of the agent. */
	bool has_run;
	uint16_t run;
	uint32_t schedule_index; /* of a producer: its place in the schedule of this worker */
	uint32_t members;        /* of a consumer: of its subscription, itself included */
	/* In the account, if one is kept (roster.h): of a consumer its topic, its subscription among those
	 * of the topic, and where the keys of its subscription begin in its loop; of a producer its key. */
	uint32_t topic_number, subscription_number;
	uint32_t first_key;
};

/* What consumers compare payloads with (contents.h). */
struct agent_verify {
	uint32_t size, count; /* of the payloads of the pool; size 0 = nothing is compared */
	uint64_t seed;        /* the load's */
	int pool_fd;          /* the agent has it from its parent */
};

/* Borrowed by the agent: lives, unchanged, until its process has ended. */
struct agent_spec {
	enum agent_role role;
	unsigned index, generation;
	int parent_pid;
	const struct driver *driver;
	const void *driver_config;
	const char *run_id;
	uint16_t run; /* of stamps */
	const struct client_spec *clients;
	uint32_t clients_count;
	uint32_t partitions;            /* of every topic; counts are kept for so many */
	uint32_t window_messages;       /* of every producer: no load may ask for more in flight */
	struct shm_times times;         /* as they are at the fork */
	const struct shm_clock *clocks; /* the same; of workers whose clock is another one */
	size_t clocks_count;
	uint32_t loops;
	struct consume_spec consume;
	struct agent_verify verify;  /* of consumers */
	const struct roster *roster; /* NULL: no account is kept */
	uint64_t account_bytes;      /* that the chunks of a loop may take; 0 = not bounded */
	int nice;
	int cpu;                  /* -1: anywhere */
	struct agent_names names; /* empty: leave everything to others */
};

static inline uint16_t agent_run_of(const struct agent_spec *spec, uint32_t client)
{
	const struct client_spec *c = &spec->clients[client];

	return c->has_run ? c->run : spec->run;
}

#endif
