/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_doubts.h"

#include <string.h>

#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "driver/driver.h"
#include "plan/plan.h"
#include "util/arena.h"

struct gathering {
	struct arena *arena;
	struct doubt *items;
	size_t count, cap;
};

static void add(void *to, const struct driver_doubt *d)
{
	struct gathering *g = to;

	if (g->count == g->cap) {
		g->cap = g->cap == 0 ? 8 : 2 * g->cap;
		struct doubt *items = arena_alloc(g->arena, g->cap * sizeof(*items));
		if (g->count > 0)
			memcpy(items, g->items, g->count * sizeof(*items));
		g->items = items;
	}
	g->items[g->count++] = (struct doubt){
		.severity = d->weight == DRIVER_WARNING ? DOUBT_WARNING : DOUBT_NOTE,
		.text = d->text,
		.remedy = d->remedy,
	};
}

struct doubts run_doubts(const struct plan *plan, const struct input_driver *d, struct arena *arena)
{
	const struct workload *w = plan->workload;
	struct gathering g = { .arena = arena };
	struct driver_load load = {
		.payload_bytes = plan->load.payload.size,
		.key_bytes = plan->load.keys == KEY_NONE ? 0 : PAYLOAD_KEY_BYTES,
		.is_consumed = plan->consumers > 0,
		.commits = w->commit_messages > 0 || w->commit_ns > 0,
	};

	if (d->driver->load_doubts != NULL)
		d->driver->load_doubts(d->config, &load, arena, add, &g);
	if (d->file.defaults_said && (d->driver->flags & DRIVER_CLIENT_DEFAULTS) == 0)
		add(&g, &(struct driver_doubt){
				DRIVER_NOTE,
				"clientDefaults has no effect: this driver stands in for no other "
				"client",
				NULL,
			});
	return (struct doubts){ .items = g.items, .count = g.count };
}

static struct client_cost cost_of(const struct driver_cost *fixed, const struct driver_cost *each,
                                  uint32_t brokers)
{
	return (struct client_cost){
		.threads = fixed->threads + brokers * each->threads,
		.files = fixed->files + brokers * each->files,
		.sockets = fixed->sockets + brokers * each->sockets,
		.memory_bytes = fixed->memory_bytes + brokers * each->memory_bytes,
	};
}

struct resource_driver resource_driver_of(const struct driver *d, const void *config,
                                          uint32_t brokers)
{
	struct driver_traits traits = driver_traits_of(d, config);
	struct resource_driver r = {
		.producer = cost_of(&traits.producer, &traits.per_broker, brokers),
		.consumer = cost_of(&traits.consumer, &traits.per_broker, brokers),
	};

	r.partitions = (d->flags & DRIVER_PARTITIONS) != 0;
	r.keys = (d->flags & DRIVER_KEYS) != 0;
	r.commits = d->consumer_commit != NULL;
	r.delivers = (d->flags & DRIVER_NO_CONSUMERS) == 0;
	return r;
}

struct host_driver host_driver_of(const struct driver *d, const void *config)
{
	struct driver_traits traits = driver_traits_of(d, config);

	return (struct host_driver){
		.send_buffer = traits.send_buffer_bytes,
		.receive_buffer = traits.receive_buffer_bytes,
		.is_local = traits.is_local,
	};
}

struct doubts machine_shortages(const struct plan *plan, const struct input_driver *d,
                                struct arena *arena)
{
	struct resource_driver driver = resource_driver_of(d->driver, d->config, 1);
	struct resource_limits limits;
	struct resources need;

	machine_limits_read(&limits);
	resources_estimate(plan, &driver, &need);
	return resources_shortages(&need, &limits, arena);
}
