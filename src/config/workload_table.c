/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "config/workload_raw.h"

#define AT(member)  offsetof(struct workload_raw, member)
#define MINUTE      60e9
#define HOUR        3600e9
#define GIB         1073741824.0
#define CLIENTS_MAX 1e6

static const struct option_choice key_choices[] = {
	{ .name = "NO_KEY", .value = KEYS_NONE },
	{ .name = "KEY_ROUND_ROBIN", .value = KEYS_ROUND_ROBIN },
	{ .name = "RANDOM_NANO", .value = KEYS_RANDOM },
	{ .name = "ROUND_ROBIN", .value = KEYS_ROUND_ROBIN, .alias = true },
	{ .name = "RANDOM", .value = KEYS_RANDOM, .alias = true },
	{ 0 },
};

static const struct option_choice rate_choices[] = {
	{ .name = "max", .value = RATE_MAX },
	{ 0 },
};

static const struct option_choice scope_choices[] = {
	{ .name = "total", .value = RATE_TOTAL },
	{ .name = "per-producer", .value = RATE_PER_PRODUCER },
	{ 0 },
};

static const struct option_choice agent_choices[] = {
	{ .name = "per-core", .value = AGENTS_PER_CORE },
	{ .name = "per-client", .value = AGENTS_PER_CLIENT },
	{ 0 },
};

static const struct option_choice pacing_choices[] = {
	{ .name = "sleep", .value = PACING_SLEEP },
	{ .name = "spin", .value = PACING_SPIN },
	{ 0 },
};

static const struct option_choice accounting_choices[] = {
	{ .name = "exact", .value = ACCOUNTING_EXACT },
	{ .name = "off", .value = ACCOUNTING_OFF },
	{ 0 },
};

const struct option_spec workload_table[] = {
	{
		.name = "name",
		.type = OPTION_TEXT,
		.offset = AT(w.name),
		.flags = OPTION_OMB,
		.help = "goes into the result; charts group by it; the file's name when absent",
	},
	{
		.name = "topics",
		.type = OPTION_COUNT,
		.offset = AT(w.topics),
		.min = 1,
		.max = 1e6,
		.flags = OPTION_OMB | OPTION_REQUIRED,
		.help = "number of topics to create",
	},
	{
		.name = "partitionsPerTopic",
		.type = OPTION_COUNT,
		.offset = AT(w.partitions_per_topic),
		.min = 1,
		.max = 1e6,
		.fallback = "1",
		.flags = OPTION_OMB,
		.help = "partitions of each topic",
	},
	{
		.name = "keyDistributor",
		.type = OPTION_ENUM,
		.offset = AT(w.keys),
		.fallback = "NO_KEY",
		.choices = key_choices,
		.flags = OPTION_OMB,
		.help = "which of 10,000 keys a message has: none, each in turn, or any "
			"(ROUND_ROBIN "
			"and RANDOM are other names of the last two)",
	},
	{
		.name = "messageSize",
		.type = OPTION_COUNT,
		.offset = AT(w.message_size),
		.min = 1,
		.max = GIB,
		.unit = "bytes",
		.flags = OPTION_OMB | OPTION_REQUIRED,
		.help = "payload of a message; must be the size of each payload file",
	},
	{
		.name = "useRandomizedPayloads",
		.type = OPTION_BOOL,
		.offset = AT(w.randomized_payloads),
		.fallback = "false",
		.flags = OPTION_OMB,
		.help = "make a pool of payloads instead of reading a file",
	},
	{
		.name = "randomBytesRatio",
		.type = OPTION_REAL,
		.offset = AT(w.random_ratio),
		.max = 1,
		.fallback = "0",
		.flags = OPTION_OMB,
		.help = "share of each payload of the pool that is random; the rest is zeros",
	},
	{
		.name = "randomizedPayloadPoolSize",
		.type = OPTION_COUNT,
		.offset = AT(w.payload_pool),
		.max = 1e6,
		.fallback = "0",
		.flags = OPTION_OMB,
		.help = "number of payloads in the pool",
	},
	{
		.name = "payloadFile",
		.type = OPTION_TEXT,
		.offset = AT(w.payload_path),
		.flags = OPTION_OMB | OPTION_FILE,
		.help = "file with the payload, or a folder of which every file is one; sought "
			"from "
			"the working folder, then from the workload's and the one above it",
	},
	{
		.name = "subscriptionsPerTopic",
		.type = OPTION_COUNT,
		.offset = AT(w.subscriptions_per_topic),
		.max = CLIENTS_MAX,
		.fallback = "0",
		.flags = OPTION_OMB,
		.help = "subscriptions (consumer groups) of each topic; each receives everything",
	},
	{
		.name = "producersPerTopic",
		.type = OPTION_COUNT,
		.offset = AT(w.producers_per_topic),
		.min = 1,
		.max = CLIENTS_MAX,
		.flags = OPTION_OMB | OPTION_REQUIRED,
		.help = "producers of each topic",
	},
	{
		.name = "consumerPerSubscription",
		.type = OPTION_COUNT,
		.offset = AT(w.consumers_per_subscription),
		.max = CLIENTS_MAX,
		.fallback = "0",
		.flags = OPTION_OMB,
		.help = "consumers that share each subscription",
	},
	{
		.name = "producerRate",
		.type = OPTION_CHOICE_OR_RATE,
		.offset = AT(rate),
		.max = 1e9,
		.fallback = "0",
		.unit = "messages/s",
		.choices = rate_choices,
		.flags = OPTION_OMB | OPTION_JAVA_WHOLE,
		.help = "over all producers of all topics; 0 searches for the highest rate that "
			"the "
			"system sustains; max sends without a schedule",
	},
	{
		.name = "consumerBacklogSizeGB",
		.type = OPTION_REAL,
		.offset = AT(w.backlog_gib),
		.max = 1e6,
		.fallback = "0",
		.unit = "GiB",
		.flags = OPTION_OMB | OPTION_JAVA_WHOLE,
		.help = "stop the consumers until this much waits for them (over all "
			"subscriptions), "
			"then let them catch up; 0 = do not",
	},
	{
		.name = "backlogDrainRatio",
		.type = OPTION_REAL,
		.offset = AT(w.backlog_drain_ratio),
		.max = 1,
		.fallback = "1.0",
		.flags = OPTION_OMB,
		.help = "share of the backlog that must be gone for it to count as drained",
	},
	{
		.name = "testDurationMinutes",
		.type = OPTION_COUNT,
		.offset = AT(test_minutes),
		.min = 1,
		.max = 1e6,
		.unit = "minutes",
		.flags = OPTION_OMB,
		.excludes = "testDuration",
		.help = "how long the measurement takes; this or testDuration is required",
	},
	{
		.name = "warmupDurationMinutes",
		.type = OPTION_COUNT,
		.offset = AT(warmup_minutes),
		.max = 1e6,
		.fallback = "1",
		.unit = "minutes",
		.flags = OPTION_OMB,
		.excludes = "warmupDuration",
		.help = "full load before the measurement, whose samples are thrown away",
	},
	{
		.name = "testDuration",
		.type = OPTION_DURATION,
		.offset = AT(w.test_ns),
		.min = 1e6,
		.max = 1e6 * MINUTE,
		.unit = "s",
		.help = "testDurationMinutes with a unit: 90s, 5m, 1h30m",
	},
	{
		.name = "warmupDuration",
		.type = OPTION_DURATION,
		.offset = AT(w.warmup_ns),
		.max = 1e6 * MINUTE,
		.unit = "s",
		.help = "warmupDurationMinutes with a unit; 0 = none",
	},
	{
		.name = "producerRateScope",
		.type = OPTION_ENUM,
		.offset = AT(w.rate_scope),
		.fallback = "total",
		.choices = scope_choices,
		.help = "whether producerRate is that of all producers or of each",
	},
	{
		.name = "agents",
		.type = OPTION_CHOICE_OR_COUNT,
		.offset = AT(agents),
		.min = 1,
		.max = 1e5,
		.fallback = "per-core",
		.choices = agent_choices,
		.help = "processes that share the producers, and as many that share the consumers: "
			"one for each CPU, one for each client, or a number",
	},
	{
		.name = "threadsPerAgent",
		.type = OPTION_COUNT,
		.offset = AT(w.threads_per_agent),
		.min = 1,
		.max = 64,
		.fallback = "1",
		.help = "threads that share the clients of an agent",
	},
	{
		.name = "wakeInterval",
		.type = OPTION_DURATION,
		.offset = AT(w.wake_ns),
		.max = 1e9,
		.fallback = "100us",
		.unit = "us",
		.help = "at least this long from one pass of sends to the next: all that is due "
			"goes "
			"out together; 0 = each message when it is due",
	},
	{
		.name = "pacing",
		.type = OPTION_ENUM,
		.offset = AT(w.pacing),
		.fallback = "sleep",
		.choices = pacing_choices,
		.help = "how a producer thread waits until a message is due: asleep, or spinning "
			"for the last 50us, which spares it being woken up and costs up to a CPU "
			"(check says how much); wakeInterval holds as ever",
	},
	{
		.name = "samplePeriod",
		.type = OPTION_DURATION,
		.offset = AT(w.sample_ns),
		.min = 1e9,
		.max = HOUR,
		.fallback = "10s",
		.unit = "s",
		.help = "length of an interval in the result",
	},
	{
		.name = "seed",
		.type = OPTION_COUNT64,
		.offset = AT(w.seed),
		.fallback = "42",
		.help = "of payloads and keys: the same seed makes the same messages",
	},
	{
		.name = "messageProcessingTime",
		.type = OPTION_DURATION,
		.offset = AT(w.processing_ns),
		.max = MINUTE,
		.fallback = "0",
		.unit = "ms",
		.help = "time that a consumer spends on each message after its receipt was "
			"recorded",
	},
	{
		.name = "maxInFlight",
		.type = OPTION_COUNT_OR_BYTES,
		.offset = AT(window),
		.min = 1,
		.max = 16777216,
		.fallback = "65536",
		.help = "messages (5000) or bytes (2MB) of a producer that may be sent and not yet "
			"acknowledged; the client library may allow fewer",
	},
	{
		.name = "maxInFlightBytes",
		.type = OPTION_BYTES,
		.offset = AT(w.max_in_flight_bytes),
		.min = 1,
		.max = 1024 * GIB,
		.unit = "B",
		.help = "a limit in bytes besides one in messages; absent = none",
	},
	{
		.name = "agentCpus",
		.type = OPTION_CPUS,
		.offset = AT(w.agent_cpus),
		.help = "CPUs that agents are dealt to in turn, such as 0-3,5; absent = any",
	},
	{
		.name = "agentNice",
		.type = OPTION_INT,
		.offset = AT(w.agent_nice),
		.min = -20,
		.max = 19,
		.fallback = "0",
		.help = "scheduling priority of agents as nice(1) means it",
	},
	{
		.name = "keepTopics",
		.type = OPTION_BOOL,
		.offset = AT(w.keep_topics),
		.fallback = "false",
		.help = "leave topics and groups on the broker at the end",
	},
	{
		.name = "drainTimeout",
		.type = OPTION_DURATION,
		.offset = AT(w.drain_timeout_ns),
		.max = 24 * HOUR,
		.fallback = "30s",
		.unit = "s",
		.help = "how long to wait at the end for what was sent and has not arrived",
	},
	{
		.name = "backlogBuildTimeout",
		.type = OPTION_DURATION,
		.offset = AT(w.backlog_build_ns),
		.min = 1e9,
		.max = 1e6 * MINUTE,
		.unit = "s",
		.help = "how long consumerBacklogSizeGB may take to build up; then the consumers "
			"start with what there is; absent = thrice what producerRate needs for it, "
			"and 1m more",
	},
	{
		.name = "backlogDrainTimeout",
		.type = OPTION_DURATION,
		.offset = AT(w.backlog_drain_ns),
		.min = 1e9,
		.max = 1e6 * MINUTE,
		.unit = "s",
		.help = "how long the consumers may take to catch up with consumerBacklogSizeGB; "
			"absent = ten times as long as it took to build up, and 10m at least; a "
			"backlog that grows for 30s while they work ends it at once",
	},
	{
		.name = "readinessTimeout",
		.type = OPTION_DURATION,
		.offset = AT(w.readiness_timeout_ns),
		.min = 1e9,
		.max = 24 * HOUR,
		.fallback = "60s",
		.unit = "s",
		.help = "how long every subscription may take to receive its first probe",
	},
	{
		.name = "commitInterval",
		.type = OPTION_COUNT_OR_DURATION,
		.offset = AT(commit),
		.max = 1e9,
		.fallback = "0",
		.help = "messages (100) or time (500ms) between two commits of a consumer that "
			"commits itself; 0 = after every batch: what the client has at hand, at "
			"most 1000 messages; so it is for all when the load is over",
	},
	{
		.name = "accounting",
		.type = OPTION_ENUM,
		.offset = AT(w.accounting),
		.fallback = "exact",
		.choices = accounting_choices,
		.help = "exact: what became of every message is known, so that a loss and a "
			"duplicate do not cancel; off: sums alone, which spares a few ns a message "
			"at each end",
	},
	{
		.name = "verifyPayload",
		.type = OPTION_BOOL,
		.offset = AT(w.verify_payload),
		.fallback = "false",
		.help = "consumers compare every byte of what arrives with what was sent; without "
			"it a message is damaged when its stamp is, its last 32 bytes",
	},
	{ 0 },
};
