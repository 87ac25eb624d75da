/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_RECORD_H
#define OMB_RESULTS_RECORD_H

/*
 * record -- everything that is known of a run when it is over, as plain structs.
 *
 * The coordinator fills it; verdict, side file, OMB's file and the summary are made from it.  All
 * instants are clock_ns(); `started_ns` and `wall_started_ns` are the same moment on both clocks.
 * Texts and arrays are borrowed and outlive the record; snapshots belong to whoever filled it in.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts/environment.h"
#include "facts/event.h"
#include "facts/origin.h"
#include "facts/totals.h"
#include "results/verdict.h"
#include "stats/snapshot.h"

struct journal;
struct omb_result;

struct record_setting {
	const char *key, *value;
};

struct record_phase {
	const char *name;
	uint64_t start_ns, end_ns;
};

/* Totals so far, over the connections' whole life. */
struct record_second {
	uint64_t at_ns;
	const char *phase;
	uint64_t sent, acknowledged, failed, received;
	uint64_t backlog; /* acknowledged x subscriptions - received */
};

struct record_period {
	const char *kind; /* "measure"; the last one is "drain" */
	uint64_t start_ns, end_ns;
	uint64_t backlog;            /* at its end */
	struct snapshot interval;    /* what was recorded between the two instants */
	struct fact_slowest slowest; /* of that */
};

/* consumerBacklogSizeGB; all 0 when there was no such test. */
struct record_backlog {
	uint64_t asked_messages, built_messages, left_messages;
	uint64_t build_ns, drain_ns;
	bool not_built, not_drained;
	bool build_cut, drain_cut; /* by the end of the load; not by a limit of time */
	/* Not drained because it grew: by so much, over so long, while so much was received. */
	bool grew;
	uint64_t growing_ns;
	double growth_per_s, received_per_s;
};

enum record_rate { RECORD_FIXED, RECORD_SEARCHED, RECORD_MAX };

/* One rate that the search for the maximum tried. */
struct record_reading {
	double rate_per_s, carried_per_s;
	bool sustained;
};

struct record {
	const char *run_id, *workload_name, *workload_path, *driver_name, *driver_path,
		*command_line;
	const char *worker; /* "local" */
	struct environment environment;
	uint64_t started_ns, wall_started_ns, ended_ns;
	bool interrupted;
	const char *failure; /* what ended it early; NULL = nothing did */
	bool recovered;      /* made from the journal of a run that did not end */
	int pid;             /* of the coordinator */
	const char *result;  /* the name reserved for OMB's file; NULL = none */

	const struct record_setting *settings;
	size_t settings_count;
	const struct fact_row *rows;
	size_t rows_count;

	uint64_t topics, partitions, producers, consumers;
	uint64_t producers_per_topic, consumers_per_subscription;
	uint64_t subscriptions; /* of each topic */
	uint64_t message_bytes;
	uint64_t window_messages, window_bytes; /* in flight, per producer; bytes 0 = not bounded */
	uint64_t wake_interval_ns, sample_ns;
	enum record_rate rate;
	double asked_per_s;    /* what was found, after a search; 0 for max */
	bool search_converged; /* false: its time was up, a higher rate may be sustained too */
	unsigned search_trials;
	const struct record_reading *readings; /* the latest of the search, oldest first */
	size_t readings_count;
	bool stamped, verified; /* verified: consumers compared what arrived with what was sent */
	/* Messages/s that the generator can make here of this size, as `omb calibrate` found; 0: it
	 * was never run on this machine. */
	double ceiling_per_s;

	uint64_t window_start_ns, window_end_ns; /* measured; equal when it never began */
	uint64_t readiness_ns; /* from the first probe until everything was ready */

	const struct record_phase *phases;
	size_t phases_count;
	const struct record_second *seconds;
	size_t seconds_count;
	/* Closed sample periods are lines of a journal; those below are in none, and come after them. */
	const struct journal *journal; /* NULL = there is none */
	const struct record_period *periods;
	size_t periods_count;
	/* The series of all of them; the rest is filled in when it is written.  NULL = there were none. */
	struct omb_result *samples;
	const struct fact_agent *agents;
	size_t agents_count;
	const struct fact_worker *workers; /* of several; NULL: there was one */
	size_t workers_count;
	const struct fact_producer *producer_totals;
	size_t producer_totals_count;
	const struct fact_partition *partition_totals;
	size_t partition_totals_count;
	struct fact_account account;      /* its ranges are borrowed, too */
	const struct fact_range *spoiled; /* see fact_totals */
	size_t spoiled_count;
	const char *account_lack;  /* why none was kept; NULL = one was, or nobody told */
	struct fact_clocks clocks; /* that end-to-end latencies are between */
	const struct fact_event *events;
	size_t events_count;
	const char *failure_cause; /* the commonest of messages that failed; NULL = none is known */
	uint64_t failure_often;
	struct record_backlog backlog;

	struct snapshot totals;      /* after the drain, everything */
	struct fact_slowest slowest; /* of the messages due in the window */
	/* Counts by recording time, between the two samples that were taken near the ends of the window,
	 * never at the planned instant; what it took to send and receive them is below. */
	uint64_t window_counters[COUNTER_COUNT];
	uint64_t counted_start_ns, counted_end_ns;
	/* The same between the ends of the window itself, where every loop counted at them: throughput.
	 * Where it is not known, rates are by the samples. */
	bool edges_known;
	uint64_t edge_counters[COUNTER_COUNT];
	const char *edge_lack; /* why it is not known; NULL = it is, or nothing was measured */
	uint64_t producer_cpu_ns, consumer_cpu_ns; /* of the agents */
	struct host_usage window_usage;            /* of their host */
	const struct hist_copy
		*coordinator_late; /* how late it woke up in the window; NULL: unknown */

	struct verdict_result verdict;
};

/* What the corrected latencies are: those of a load, or of something else. */
enum record_meaning {
	RECORD_MEANS_LOAD,     /* of the rate asked for */
	RECORD_MEANS_MAXIMUM,  /* of the rate that a search found: the edge of what is sustained */
	RECORD_MEANS_OVERLOAD, /* of a queue that grew: they depend on how long it was measured */
	RECORD_MEANS_NOTHING,  /* rate max: there are none */
};

enum record_meaning record_meaning(const struct record *r);

/* 0 when nothing was counted. */
double record_producer_cpu_per_message_ns(const struct record *r);
double record_consumer_cpu_per_message_ns(const struct record *r);
/* What was carried at the rates that were refused, above what was found; false = none was. */
bool record_refused(const struct record *r, double *least_per_s, double *most_per_s);
/* Of the window itself if that is known; else between the two samples. */
const uint64_t *record_window_counters(const struct record *r);
double record_publish_per_s(const struct record *r); /* acknowledged within the window */
double record_consume_per_s(const struct record *r);
/* The account of every producer is exact below this sequence; ACCOUNT_EXACT: all of it. */
uint64_t record_exact_below(const struct record *r);

/* --- latencies of the measured window ---------------------------------------------------------- */

#define RECORD_PERCENTILES 6
extern const double record_percentiles[RECORD_PERCENTILES]; /* 50 75 95 99 99.9 99.99 */

struct record_latency {
	enum latency which;
	bool meaningful; /* corrected latencies have no meaning without a schedule */
	uint64_t count, max_ns, overflow;
	double mean_ns;
	uint64_t error_ns; /* each value may be wrong by it: 0 on one clock, UINT64_MAX by any */
	struct record_percentile {
		uint64_t ns, lower_ns, upper_ns; /* with its 95 % interval */
		bool too_few;    /* samples above it: upper_ns is the maximum seen, and no bound */
		bool unresolved; /* below what the clocks that it is between may be wrong by */
	} percentiles[RECORD_PERCENTILES];
};

void record_latency(const struct record *r, enum latency which, struct record_latency *out);

#endif
