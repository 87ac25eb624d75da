/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_WORKLOAD_H
#define OMB_CONFIG_WORKLOAD_H

/*
 * workload -- the description of a load: OMB's workload file, with OMB's meaning of OMB's keys,
 * and our own keys beside them.
 *
 * What each key means, its range and its default stand in workload_table, which also prints the
 * documentation.  A loaded workload has passed every check that needs no broker and no look at the
 * machine.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/option_spec.h"
#include "util/error.h"
#include "util/units.h"

struct arena;
struct config_mode;

enum rate_mode {
	RATE_FIXED,
	RATE_SEARCH, /* producerRate: 0 finds the highest rate that the system sustains */
	RATE_MAX,    /* no schedule: as fast as the window in flight allows */
};

enum rate_scope { RATE_TOTAL, RATE_PER_PRODUCER };

enum pacing {
	PACING_SLEEP,
	PACING_SPIN, /* the last part of each wait: precise, at the cost of CPU */
};

enum agent_layout {
	AGENTS_PER_CORE, /* as many producer agents and as many consumer agents as CPUs */
	AGENTS_PER_CLIENT,
	AGENTS_NUMBER, /* agent_count of each kind */
};

enum accounting {
	ACCOUNTING_EXACT, /* what became of every message */
	ACCOUNTING_OFF,   /* sums alone, in which a loss and a duplicate cancel */
};

enum key_distributor {
	KEYS_NONE,        /* NO_KEY */
	KEYS_ROUND_ROBIN, /* KEY_ROUND_ROBIN */
	KEYS_RANDOM,      /* RANDOM_NANO */
};

struct workload {
	const char *path;
	const char *file_name; /* without folder and extension: names the result file */
	const char *name;      /* never NULL: file_name when the file has none */

	uint32_t topics, partitions_per_topic; /* topics may be 0 when read leniently */
	uint32_t producers_per_topic, subscriptions_per_topic, consumers_per_subscription;

	enum rate_mode rate_mode;
	double rate_per_s; /* of RATE_FIXED, as written; see workload_rate */
	enum rate_scope rate_scope;

	uint32_t message_size; /* bytes */
	enum key_distributor keys;
	bool randomized_payloads;
	double random_ratio;   /* 0..1: share of each payload that is random, the rest is zeros */
	uint32_t payload_pool; /* payloads, when randomized */
	const char *payload_path; /* file or folder as found; NULL when randomized */
	bool payload_path_unused; /* one was given, and payloads are randomized */
	uint64_t seed;

	double backlog_gib; /* 0 = no backlog phase; summed over subscriptions */
	double backlog_drain_ratio;
	uint64_t backlog_build_ns, backlog_drain_ns; /* limits; 0 = by the size of the backlog */

	uint64_t test_ns; /* 0 = until interrupted (only when read leniently) */
	uint64_t warmup_ns;
	uint64_t sample_ns;
	uint64_t drain_timeout_ns, readiness_timeout_ns;

	enum agent_layout agents;
	uint32_t agent_count; /* of AGENTS_NUMBER, else 0 */
	uint32_t threads_per_agent;
	struct cpu_list agent_cpus; /* empty = wherever the kernel puts them */
	int32_t agent_nice;

	uint64_t
		wake_ns; /* at least this between two passes of sends; 0 = each message by itself */
	enum pacing pacing;
	uint64_t max_in_flight;       /* messages of a producer, never 0 */
	uint64_t max_in_flight_bytes; /* of a producer; 0 = not bounded by bytes */

	uint64_t processing_ns;   /* of each message, by a slow consumer */
	uint64_t commit_messages; /* at most one of the two; both 0 = after every batch */
	uint64_t commit_ns;

	bool keep_topics;
	enum accounting accounting;
	bool verify_payload;
};

/* Rows of a private struct: for documentation and names only. */
extern const struct option_spec workload_table[];

/*
 * False = something was added to *errors.  What is added to either list begins with
 * "workload w.yaml:7:3: ".  The payload file is looked for as OMB does (from the working folder),
 * then from the workload's folder and from the one above it; its size is checked.
 */
bool workload_load(const char *path, const struct config_mode *mode, struct arena *a,
                   struct workload *out, struct error_list *errors, struct error_list *warnings);

struct config_source {
	const char *path; /* for messages and as the folder of payload files */
	const char *text;
	size_t len;
};

/* The same from memory, and pure: payload_path stays as it was written, unchecked; errors have
 * their place and no path in front. */
bool workload_parse(const struct config_source *source, const struct config_mode *mode,
                    struct arena *a, struct workload *out, struct error_list *errors,
                    struct error_list *warnings);

uint64_t workload_producers(const struct workload *w);
uint64_t workload_consumers(const struct workload *w);

/* Messages per second over all producers; 0 unless RATE_FIXED. */
double workload_rate(const struct workload *w);

/* Every key with its value as resolved, as one would write it: for plans and results. */
typedef void workload_row_fn(void *to, const char *key, const char *value);
void workload_describe(const struct workload *w, workload_row_fn *fn, void *to);

#endif
