/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/option.h"
#include "config/workload_raw.h"
#include "config/yaml.h"
#include "util/arena.h"

/* Clients of a kind: their numbers stay far from the 32 bits that stamps have for them. */
#define CLIENTS_MAX 100000000u

static size_t row_of(const char *key)
{
	const struct option_spec *spec = option_find(workload_table, key);

	assert(spec != NULL);
	return (size_t)(spec - workload_table);
}

bool workload_key_failed(const struct workload_loading *l, const char *key)
{
	return l->failed[row_of(key)];
}

void workload_complain(struct workload_loading *l, const char *key, bool as_java, const char *fmt,
                       ...)
{
	const struct yaml_node *at = yaml_find(l->root, key);
	struct error err = { 0 };
	char text[sizeof(err.text)];
	va_list ap;

	if (workload_key_failed(l, key))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	error_set(&err, ERROR_CONFIG, "%s: %s", key, text);
	if (at != NULL) {
		err.line = at->line;
		err.column = at->column;
	}
	as_java = as_java && l->mode->lenient;
	error_list_add(as_java ? l->warnings : l->errors, &err);
	l->failed[row_of(key)] = !as_java;
}

static void check_duration(struct workload_loading *l)
{
	if (l->raw.w.test_ns == 0 && !workload_key_failed(l, "testDuration"))
		workload_complain(l, "testDurationMinutes", true, "%s",
		                  l->mode->lenient
		                          ? "without it the run ends only when it is interrupted"
		                          : "missing; give it, or testDuration: 90s");
}

static void check_payload(struct workload_loading *l)
{
	const struct workload *w = &l->raw.w;

	/* Java's run fails on each of these, so they are errors when read leniently too. */
	if (w->message_size == 0)
		workload_complain(l, "messageSize", false, "0 bytes cannot carry anything");
	if (w->randomized_payloads && w->payload_pool == 0)
		workload_complain(l, "randomizedPayloadPoolSize", false,
		                  "a pool of 0 payloads has none to send (useRandomizedPayloads)");
	if (!w->randomized_payloads && w->payload_path == NULL &&
	    !workload_key_failed(l, "useRandomizedPayloads"))
		workload_complain(l, "payloadFile", false,
		                  "missing, and useRandomizedPayloads is not true");
}

static void check_consumers(struct workload_loading *l)
{
	const struct workload *w = &l->raw.w;
	bool unsure = workload_key_failed(l, "subscriptionsPerTopic") ||
	              workload_key_failed(l, "consumerPerSubscription");

	if (unsure)
		return;
	if (w->subscriptions_per_topic > 0 && w->consumers_per_subscription == 0)
		workload_complain(l, "consumerPerSubscription", true,
		                  "subscriptions without consumers receive nothing "
		                  "(subscriptionsPerTopic is %u)",
		                  w->subscriptions_per_topic);
	if (w->backlog_gib > 0 && w->subscriptions_per_topic == 0)
		workload_complain(l, "consumerBacklogSizeGB", true,
		                  "without subscriptions there is no backlog");
}

static void check_backlog(struct workload_loading *l)
{
	const struct workload *w = &l->raw.w;

	if (w->backlog_gib > 0 && w->rate_mode == RATE_SEARCH &&
	    !workload_key_failed(l, "producerRate"))
		workload_complain(l, "consumerBacklogSizeGB", false,
		                  "a backlog needs a fixed producerRate, and it is 0 (search)");
}

static void check_clients(struct workload_loading *l)
{
	uint64_t producers = workload_producers(&l->raw.w);
	uint64_t consumers = workload_consumers(&l->raw.w);

	if (producers > CLIENTS_MAX)
		workload_complain(l, "producersPerTopic", false,
		                  "%llu producers in all are more than %u",
		                  (unsigned long long)producers, CLIENTS_MAX);
	if (consumers > CLIENTS_MAX)
		workload_complain(l, "consumerPerSubscription", false,
		                  "%llu consumers in all are more than %u",
		                  (unsigned long long)consumers, CLIENTS_MAX);
}

/* The range of producerRate holds for the total, however it is given. */
static void check_total_rate(struct workload_loading *l)
{
	const struct option_spec *spec = option_find(workload_table, "producerRate");
	double total = workload_rate(&l->raw.w);

	if (total > spec->max)
		workload_complain(l, "producerRate", false,
		                  "%.15g messages/s of all producers are more than %.15g", total,
		                  spec->max);
}

static void check_window(struct workload_loading *l)
{
	const struct option_amount *window = &l->raw.window;

	if (window->count == 0 && window->bytes == 0)
		workload_complain(l, "maxInFlight", false, "nothing could be sent");
	if (window->bytes > 0 && yaml_find(l->root, "maxInFlightBytes") != NULL)
		workload_complain(l, "maxInFlightBytes", false,
		                  "maxInFlight already gives the limit in bytes");
}

void workload_check(struct workload_loading *l)
{
	check_duration(l);
	check_payload(l);
	check_consumers(l);
	check_backlog(l);
	check_clients(l);
	check_total_rate(l);
	check_window(l);
}
