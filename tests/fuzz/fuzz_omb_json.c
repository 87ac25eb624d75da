/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come as a body of OMB's worker protocol, reading ends with an error that says why, or
 * with something that can be written: and what is read from that is written the same.
 *
 * The first byte says which body it is meant to be.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "util/arena.h"
#include "worker/omb_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* False: it was refused. */
typedef bool pass_fn(const char *body, size_t len, struct arena *arena, struct text *out,
                     struct error *err);

static bool pass_info(const char *body, size_t len, struct arena *arena, struct text *out,
                      struct error *err)
{
	struct omb_topics_info info;

	(void)arena;
	if (!omb_topics_info_read(body, len, &info, err))
		return false;
	assert(info.topics <= OMB_TOPICS_MAX && info.partitions <= OMB_PARTITIONS_MAX);
	omb_topics_info_write(&info, out);
	return true;
}

static bool pass_topics(const char *body, size_t len, struct arena *arena, struct text *out,
                        struct error *err)
{
	struct omb_topics topics;

	if (!omb_topics_read(body, len, arena, &topics, err))
		return false;
	assert(topics.names != NULL && topics.count <= len);
	omb_topics_write(&topics, out);
	return true;
}

static bool pass_consumers(const char *body, size_t len, struct arena *arena, struct text *out,
                           struct error *err)
{
	struct omb_consumers consumers;

	if (!omb_consumers_read(body, len, arena, &consumers, err))
		return false;
	assert(consumers.items != NULL && consumers.count <= len);
	omb_consumers_write(&consumers, out);
	return true;
}

static bool pass_assignment(const char *body, size_t len, struct arena *arena, struct text *out,
                            struct error *err)
{
	struct omb_assignment load;

	if (!omb_assignment_read(body, len, arena, &load, err))
		return false;
	assert(load.count > 0 && load.rate_per_s > 0 && load.keys < OMB_KEY_NAMES);
	for (size_t i = 0; i < load.count; i++)
		assert(load.sizes[i] > 0 && (load.size == 0 || load.size == load.sizes[i]));
	omb_assignment_write(&load, out);
	return true;
}

static bool pass_rate(const char *body, size_t len, struct arena *arena, struct text *out,
                      struct error *err)
{
	double rate = 0;

	(void)arena;
	if (!omb_rate_read(body, len, &rate, err))
		return false;
	assert(rate >= 1);
	omb_rate_write(rate, out);
	return true;
}

static bool pass_counters(const char *body, size_t len, struct arena *arena, struct text *out,
                          struct error *err)
{
	struct worker_counters counters;

	(void)arena;
	if (!omb_counters_read(body, len, &counters, err))
		return false;
	omb_counters_write(&counters, out);
	return true;
}

static bool pass_period(const char *body, size_t len, struct arena *arena, struct text *out,
                        struct error *err)
{
	struct omb_period period;

	(void)arena;
	if (!omb_period_read(body, len, &period, err))
		return false;
	omb_period_write(&period, out);
	omb_period_fini(&period);
	return true;
}

static bool pass_latencies(const char *body, size_t len, struct arena *arena, struct text *out,
                           struct error *err)
{
	struct omb_latencies latencies;

	(void)arena;
	if (!omb_latencies_read(body, len, &latencies, err))
		return false;
	omb_latencies_write(&latencies, out);
	omb_latencies_fini(&latencies);
	return true;
}

static pass_fn *const bodies[] = {
	pass_info, pass_topics,   pass_consumers, pass_assignment,
	pass_rate, pass_counters, pass_period,    pass_latencies,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct text once = { 0 }, twice = { 0 };
	struct arena arena = { 0 };
	struct error err = { 0 };

	if (len == 0)
		return 0;
	/* Corpora are made by hand, too: '0' to '7'. */
	pass_fn *pass = bodies[data[0] % (sizeof(bodies) / sizeof(bodies[0]))];
	if (pass((const char *)data + 1, len - 1, &arena, &once, &err)) {
		bool ok = pass(once.data, once.len, &arena, &twice, &err);
		assert(ok && strcmp(text_str(&once), text_str(&twice)) == 0);
	} else {
		assert(err.kind == ERROR_PROTOCOL && err.text[0] != '\0');
	}
	text_fini(&once);
	text_fini(&twice);
	arena_fini(&arena);
	return 0;
}
