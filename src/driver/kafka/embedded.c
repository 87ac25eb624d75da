/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/embedded.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/serve.h"
#include "util/arena.h"
#include "util/file.h"

#define PORT           19192
/* Members that start together join together. */
#define GROUP_DELAY_NS UINT64_C(50000000)

const struct option_choice kafka_broker_choices[] = {
	{ .name = "external", .value = KAFKA_BROKER_EXTERNAL },
	{ .name = "embedded", .value = KAFKA_BROKER_EMBEDDED },
	{ 0 },
};

static bool is_wanted(const void *config)
{
	return ((const struct kafka_config *)config)->broker == KAFKA_BROKER_EMBEDDED;
}

/* 127.64.0.0 and up: nobody's habit.  A process id has at most 22 bits. */
static const char *address_of_process(struct arena *arena)
{
	unsigned id = (unsigned)getpid();

	return arena_printf(arena, "127.%u.%u.%u:%d", 64 + ((id >> 16) & 63), (id >> 8) & 255,
	                    id & 255, PORT);
}

static void fail(struct error_list *errors, struct error *err, const char *key)
{
	error_wrap(err, "%s", key);
	error_list_add(errors, err);
}

static void refuse_if_set(const char *value, const char *key, struct error_list *errors)
{
	struct error err = { 0 };

	if (value == NULL || value[0] == '\0')
		return;
	error_set(&err, ERROR_CONFIG, "only with `broker: embedded`");
	fail(errors, &err, key);
}

void kafka_embedded_configure(struct kafka_config *c, struct arena *arena,
                              struct error_list *errors)
{
	struct fault faults[FAULTS_MAX];
	struct error err = { 0 };

	if (c->broker != KAFKA_BROKER_EMBEDDED) {
		refuse_if_set(c->broker_faults, "brokerFaults", errors);
		refuse_if_set(c->broker_fault_log, "brokerFaultLog", errors);
		return;
	}
	if (c->broker_faults != NULL &&
	    fault_list_parse(c->broker_faults, FAULTS_OF_BROKER, faults, &err) < 0) {
		err.kind = ERROR_CONFIG;
		fail(errors, &err, "brokerFaults");
	}
	if (c->broker_fault_log != NULL && !file_check_output(c->broker_fault_log, &err))
		fail(errors, &err, "brokerFaultLog");
	c->servers = address_of_process(arena);
}

struct start {
	void (*ready)(void *to);
	void *to;
};

static void on_ready(void *context, const int *ports, int count)
{
	const struct start *start = context;

	(void)ports;
	(void)count;
	start->ready(start->to);
}

/* With the log of its faults around it. */
static bool serve(const struct kafka_config *c, struct serve_options *o, struct error *err)
{
	struct broker_counts counts;
	struct error log_err;

	if (c->broker_fault_log != NULL) {
		o->broker.fault_log = fault_log_open(c->broker_fault_log, err);
		if (o->broker.fault_log == NULL)
			return error_wrap(err, "brokerFaultLog");
	}
	bool ok = serve_run(o, &counts, err);
	if (!fault_log_close(o->broker.fault_log, &log_err) && ok)
		return error_set(err, log_err.kind, "brokerFaultLog: %s", log_err.text);
	return ok;
}

static bool run(const struct driver_context *ctx, int stop_fd, void (*ready)(void *to), void *to,
                struct error *err)
{
	const struct kafka_config *c = ctx->config;
	struct start start = { .ready = ready, .to = to };
	struct serve_options o = { .stop_fd = stop_fd, .ready = on_ready, .context = &start };
	struct fault faults[FAULTS_MAX];
	char host[64];

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(c->servers, ":"), c->servers);
	broker_options_init(&o.broker);
	o.bind = o.broker.host = host;
	o.port = PORT;
	o.broker.memory_bytes = (size_t)c->broker_memory;
	o.broker.group_delay_ns = GROUP_DELAY_NS;
	o.broker.load_start_ns = ctx->load_start_ns;
	if (c->broker_faults != NULL) {
		int count = fault_list_parse(c->broker_faults, FAULTS_OF_BROKER, faults, err);
		if (count < 0)
			return false;
		o.broker.faults = faults;
		o.broker.faults_count = (size_t)count;
	}
	o.broker.seed = c->broker_fault_seed;
	return serve(c, &o, err);
}

const struct driver_broker kafka_embedded = {
	.is_wanted = is_wanted,
	.run = run,
};
