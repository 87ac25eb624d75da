/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/pair_doubts.h"

#include <string.h>

#include "cmd/input_files.h"
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

struct doubts pair_doubts(const struct plan *plan, const struct input_driver *d,
                          struct arena *arena)
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
