/* SPDX-License-Identifier: Apache-2.0 */
#include "results/prometheus_table.h"

#define PRODUCERS (1u << AGENT_PRODUCER)
#define CONSUMERS (1u << AGENT_CONSUMER)
#define EACH      "role, agent, worker"

/* clang-format off */
const struct metric metrics_of_omb[OMB_COUNTS] = {
	[OMB_MESSAGES_SENT] = { "benchmark_producer_messages_sent", METRIC_UNTYPED, "", "OMB: messages that the broker acknowledged, probes left out" },
	[OMB_SEND_ERRORS] = { "benchmark_producer_message_send_errors", METRIC_UNTYPED, "", "OMB: messages that failed" },
	[OMB_BYTES_SENT] = { "benchmark_producer_bytes_sent", METRIC_UNTYPED, "", "OMB: payload bytes of acknowledged messages" },
	[OMB_MESSAGES_RECEIVED] = { "benchmark_consumer_messages_recv", METRIC_UNTYPED, "", "OMB: messages received, probes too" },
	[OMB_BYTES_RECEIVED] = { "benchmark_consumer_bytes_recv", METRIC_UNTYPED, "", "OMB: payload bytes received" },
};

#define OMB_LABELS "success, quantile"
#define A_MINUTE   "; quantiles are of the last whole minute"

const struct metric metrics_of_omb_latency[3] = {
	{ "benchmark_producer_producer_delay_latency", METRIC_SUMMARY, OMB_LABELS, "OMB: from when a message was due until it was sent, in ms" A_MINUTE },
	{ "benchmark_producer_produce_latency", METRIC_SUMMARY, OMB_LABELS, "OMB: from when a message was sent until it was acknowledged, in ms" A_MINUTE },
	{ "benchmark_consumer_e2e_latency", METRIC_SUMMARY, OMB_LABELS, "OMB: from when a message was sent until it was received, in ms" A_MINUTE },
};

_Static_assert(COUNTER_COUNT == 25, "each counter has its metric here");
const struct metric_of_counter metrics_of_counters[COUNTER_COUNT] = {
	[COUNTER_SENT] = { { "omb_sent_messages_total", METRIC_COUNTER, EACH, "messages that send took over or refused for good" }, 1, PRODUCERS },
	[COUNTER_ACKNOWLEDGED] = { { "omb_acknowledged_messages_total", METRIC_COUNTER, EACH, "messages that the broker confirmed" }, 1, PRODUCERS },
	[COUNTER_FAILED] = { { "omb_failed_messages_total", METRIC_COUNTER, EACH, "messages that failed for good" }, 1, PRODUCERS },
	[COUNTER_UNACKNOWLEDGED] = { { "omb_unacknowledged_messages_total", METRIC_COUNTER, EACH, "messages without an answer until their producer was closed" }, 1, PRODUCERS },
	[COUNTER_BYTES_ACKED] = { { "omb_acknowledged_bytes_total", METRIC_COUNTER, EACH, "payload bytes of acknowledged messages" }, 1, PRODUCERS },
	[COUNTER_UNSENT] = { { "omb_unsent_messages_total", METRIC_COUNTER, EACH, "messages that were due before the end of the load and never offered" }, 1, PRODUCERS },
	[COUNTER_BUSY] = { { "omb_busy_answers_total", METRIC_COUNTER, EACH, "times that send answered: not now" }, 1, PRODUCERS },
	[COUNTER_PASSES] = { { "omb_passes_total", METRIC_COUNTER, EACH, "passes of sends" }, 1, PRODUCERS },
	[COUNTER_WAKEUPS] = { { "omb_wakeups_total", METRIC_COUNTER, EACH, "times a loop woke up" }, 1, PRODUCERS | CONSUMERS },
	[COUNTER_PROBES_SENT] = { { "omb_sent_probes_total", METRIC_COUNTER, EACH, "probes that send took over, before the load" }, 1, PRODUCERS },
	[COUNTER_PROBES_ACKED] = { { "omb_acknowledged_probes_total", METRIC_COUNTER, EACH, "probes that the broker confirmed" }, 1, PRODUCERS },
	[COUNTER_RECEIVED] = { { "omb_received_messages_total", METRIC_COUNTER, EACH, "messages of this run received, probes left out" }, 1, CONSUMERS },
	[COUNTER_BYTES_RECEIVED] = { { "omb_received_bytes_total", METRIC_COUNTER, EACH, "payload bytes of received messages" }, 1, CONSUMERS },
	[COUNTER_PROBES_RECEIVED] = { { "omb_received_probes_total", METRIC_COUNTER, EACH, "probes received" }, 1, CONSUMERS },
	[COUNTER_REDELIVERED] = { { "omb_redelivered_messages_total", METRIC_COUNTER, EACH, "received messages that the broker marked as delivered before" }, 1, CONSUMERS },
	[COUNTER_CORRUPT] = { { "omb_corrupt_messages_total", METRIC_COUNTER, EACH, "received messages whose stamp is damaged" }, 1, CONSUMERS },
	[COUNTER_SPOILED] = { { "omb_spoiled_messages_total", METRIC_COUNTER, EACH, "received messages whose contents are not what was sent; known with verifyPayload" }, 1, CONSUMERS },
	[COUNTER_UNSTAMPED] = { { "omb_unstamped_messages_total", METRIC_COUNTER, EACH, "received messages without a stamp" }, 1, CONSUMERS },
	[COUNTER_FOREIGN] = { { "omb_foreign_messages_total", METRIC_COUNTER, EACH, "received messages of another run" }, 1, CONSUMERS },
	[COUNTER_NEGATIVE] = { { "omb_early_messages_total", METRIC_COUNTER, EACH, "messages received before they were sent: clocks disagree" }, 1, CONSUMERS },
	[COUNTER_COMMITS] = { { "omb_commits_total", METRIC_COUNTER, EACH, "commits of positions asked for" }, 1, CONSUMERS },
	[COUNTER_BLOCKED] = { { "omb_blocked_messages_total", METRIC_COUNTER, EACH, "messages with a due time that had to wait for room in the client" }, 1, PRODUCERS },
	[COUNTER_BLOCKED_NS] = { { "omb_blocked_seconds_total", METRIC_COUNTER, EACH, "how long these waited, from when they were first offered" }, 1e-9, PRODUCERS },
	[COUNTER_SPUN_NS] = { { "omb_spun_seconds_total", METRIC_COUNTER, EACH, "how long loops spun until a message was due" }, 1e-9, PRODUCERS },
	[COUNTER_BROKER_TIMED] = { { "omb_broker_timed_messages_total", METRIC_COUNTER, EACH, "received messages whose end-to-end latency is by the record's own timestamp" }, 1, CONSUMERS },
};

const struct metric metrics_of_latencies[LATENCY_COUNT] = {
	[LATENCY_DELAY] = { "omb_publish_delay_seconds", METRIC_HISTOGRAM, "le", "from when a message was due until send was called" },
	[LATENCY_CALL] = { "omb_send_call_seconds", METRIC_HISTOGRAM, "le", "from when send was called until it returned" },
	[LATENCY_PUBLISH] = { "omb_publish_latency_seconds", METRIC_HISTOGRAM, "le", "from when send was called until the message was acknowledged" },
	[LATENCY_CORRECTED_PUBLISH] = { "omb_corrected_publish_latency_seconds", METRIC_HISTOGRAM, "le", "from when a message was due until it was acknowledged; those that never are count with their age" },
	[LATENCY_E2E] = { "omb_end_to_end_latency_seconds", METRIC_HISTOGRAM, "le", "from when send was called until the message was received" },
	[LATENCY_CORRECTED_E2E] = { "omb_corrected_end_to_end_latency_seconds", METRIC_HISTOGRAM, "le", "from when a message was due until it was received; those that never are count with their age" },
};

const struct metric metrics_other[METRIC_OTHERS] = {
	[METRIC_BUILD] = { "omb_build_info", METRIC_GAUGE, "version, commit", "1: this program" },
	[METRIC_RUN] = { "omb_run_info", METRIC_GAUGE, "run_id, workload, driver, worker", "1: what is run; what is not known is left out" },
	[METRIC_PHASE] = { "omb_phase_info", METRIC_GAUGE, "phase", "1: where the run stands" },
	[METRIC_RATE] = { "omb_asked_rate_messages_per_second", METRIC_GAUGE, "", "messages a second that the load is asked for, over all producers; not there with rate max" },
	[METRIC_AGENTS] = { "omb_agents", METRIC_GAUGE, "role", "agents that live" },
	[METRIC_AGENTS_LOST] = { "omb_lost_agents", METRIC_GAUGE, "role", "agents that died, or did not answer when they were asked to end" },
	[METRIC_CLIENTS] = { "omb_clients", METRIC_GAUGE, "role", "clients that the living agents hold" },
	[METRIC_AGENT_CPU] = { "omb_agent_cpu_seconds_total", METRIC_COUNTER, EACH, "user and system time of the agents" },
	[METRIC_BACKLOG] = { "omb_backlog_messages", METRIC_GAUGE, "", "acknowledged messages that subscriptions have not received" },
	[METRIC_OUTSTANDING] = { "omb_outstanding_messages", METRIC_GAUGE, "", "acknowledged messages that a subscription has not received, as the account knows, although by the counts all has arrived" },
	[METRIC_HOST_TICKS] = { "omb_host_cpu_ticks_total", METRIC_COUNTER, "", "time of all CPUs of the load's host" },
	[METRIC_HOST_IDLE] = { "omb_host_cpu_idle_ticks_total", METRIC_COUNTER, "", "of it: nothing to do" },
	[METRIC_HOST_STEAL] = { "omb_host_cpu_steal_ticks_total", METRIC_COUNTER, "", "of it: taken by other virtual machines" },
	[METRIC_HOST_THROTTLED] = { "omb_host_throttled_seconds_total", METRIC_COUNTER, "", "how long control groups kept the load from running" },
	[METRIC_TOPIC_ACKNOWLEDGED] = { "omb_topic_acknowledged_messages", METRIC_GAUGE, "topic", "acknowledged messages; known when the load has ended" },
	[METRIC_TOPIC_RECEIVED] = { "omb_topic_received_messages", METRIC_GAUGE, "topic", "messages received by all subscriptions; known when the load has ended" },
	[METRIC_WORKER_UP] = { "omb_worker_up", METRIC_GAUGE, "worker", "of several workers: 1, or 0 once one was lost" },
	[METRIC_ACCOUNT] = { "omb_account_messages", METRIC_GAUGE, "what", "what became of the messages, where an account is kept; known when the load has ended" },
};
const enum counter counters_of_workers[METRICS_OF_WORKERS] = {
	COUNTER_ACKNOWLEDGED, COUNTER_FAILED, COUNTER_BYTES_ACKED, COUNTER_RECEIVED, COUNTER_BYTES_RECEIVED,
};
const struct metric metrics_of_workers[METRICS_OF_WORKERS] = {
	{ "omb_worker_acknowledged_messages_total", METRIC_COUNTER, "worker", "of several workers: messages that the broker confirmed" },
	{ "omb_worker_failed_messages_total", METRIC_COUNTER, "worker", "of several workers: messages that failed for good" },
	{ "omb_worker_acknowledged_bytes_total", METRIC_COUNTER, "worker", "of several workers: payload bytes of acknowledged messages" },
	{ "omb_worker_received_messages_total", METRIC_COUNTER, "worker", "of several workers: messages received, probes left out" },
	{ "omb_worker_received_bytes_total", METRIC_COUNTER, "worker", "of several workers: payload bytes of received messages" },
};
/* clang-format on */
