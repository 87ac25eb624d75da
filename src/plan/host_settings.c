/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/host_settings.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plan/plan.h"
#include "util/arena.h"
#include "util/units.h"

#define DOUBTS_MAX   16

/* Between zones of one region a round trip takes 0.5 to 2 ms: a connection that cannot carry its
 * share of the rate so far is limited by its buffers and not by the broker. */
#define ROUND_TRIP_S 0.002

struct gathering {
	const struct host_need *need;
	const struct host_settings *host;
	struct arena *arena;
	struct doubt *items;
	size_t count;
};

static void note(struct gathering *g, const char *text, const char *remedy)
{
	assert(g->count < DOUBTS_MAX);
	g->items[g->count++] = (struct doubt){ DOUBT_NOTE, text, remedy };
}

struct host_need host_need_of(const struct plan *plan, const struct resources *need,
                              const struct host_driver *driver,
                              const struct resource_limits *limits)
{
	double bytes_per_s = plan_bytes_per_s(plan);
	struct host_need out = {
		.sockets = need->sockets,
		.local_ports = limits->local_ports,
		.is_local = driver->is_local,
		.cpus = limits->cpus,
		.send_buffer = driver->send_buffer,
		.receive_buffer = driver->receive_buffer,
	};

	if (plan->producers > 0)
		out.send_bytes_per_s = bytes_per_s / plan->producers;
	if (plan->consumers > 0)
		out.receive_bytes_per_s = bytes_per_s * plan->subscriptions / plan->consumers;
	return out;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void host_need_join(struct host_need *into, const struct host_need *one)
{
	if (into->cpus == 0) { /* the first one */
		*into = *one;
		return;
	}
	into->sockets = larger(into->sockets, one->sockets);
	into->is_local = into->is_local && one->is_local;
	into->send_buffer = larger(into->send_buffer, one->send_buffer);
	into->receive_buffer = larger(into->receive_buffer, one->receive_buffer);
	if (one->send_bytes_per_s > into->send_bytes_per_s)
		into->send_bytes_per_s = one->send_bytes_per_s;
	if (one->receive_bytes_per_s > into->receive_bytes_per_s)
		into->receive_bytes_per_s = one->receive_bytes_per_s;
}

/* One direction of a client's connections. */
struct direction {
	const char *name, *limit, *grown; /* "send", and the settings of the host */
	uint64_t asked, most, grown_most;
	double bytes_per_s;
};

static void doubt_asked(struct gathering *g, const struct direction *d)
{
	char asked[UNITS_TEXT], most[UNITS_TEXT];

	if (d->most == UINT64_MAX || d->asked <= d->most)
		return;
	note(g,
	     arena_printf(g->arena,
	                  "clients ask for %s buffers of %s and get %s: the kernel cuts them "
	                  "without a word (%s)",
	                  d->name, format_bytes(d->asked, asked), format_bytes(d->most, most),
	                  d->limit),
	     arena_printf(g->arena, "sudo sysctl %s=%llu", d->limit, (unsigned long long)d->asked));
}

/* A connection has at most a buffer of bytes under way in a round trip. */
static void doubt_reach(struct gathering *g, const struct direction *d)
{
	bool is_asked = d->asked > 0;
	uint64_t buffer = is_asked ? (d->asked < d->most ? d->asked : d->most) : d->grown_most;
	char size[UNITS_TEXT], rate[UNITS_TEXT], round[UNITS_TEXT];

	if (g->need->is_local || d->bytes_per_s <= 0 || buffer == UINT64_MAX)
		return;
	double reach_s = (double)buffer / d->bytes_per_s;
	if (reach_s >= ROUND_TRIP_S)
		return;
	note(g,
	     arena_printf(g->arena,
	                  "with a %s buffer of %s one connection carries its %s/s only up to a "
	                  "round trip of %s%s%s%s",
	                  d->name, format_bytes_short(buffer, size),
	                  format_bytes_short((uint64_t)d->bytes_per_s, rate),
	                  format_duration_short((uint64_t)(reach_s * 1e9), round),
	                  is_asked ? "" : " (", is_asked ? "" : d->grown, is_asked ? "" : ")"),
	     is_asked
	             ? "more clients, or buffers as the kernel grows them (none in the driver file)"
	             : arena_printf(g->arena,
	                            "more clients, or sudo sysctl %s='4096 131072 16777216'",
	                            d->grown));
}

static void doubt_buffers(struct gathering *g)
{
	const struct host_need *n = g->need;
	const struct host_settings *h = g->host;
	const struct direction both[] = {
		{ "send", "net.core.wmem_max", "net.ipv4.tcp_wmem", n->send_buffer,
		  h->send_buffer_max, h->tcp_send_buffer_max, n->send_bytes_per_s },
		{ "receive", "net.core.rmem_max", "net.ipv4.tcp_rmem", n->receive_buffer,
		  h->receive_buffer_max, h->tcp_receive_buffer_max, n->receive_bytes_per_s },
	};

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		doubt_asked(g, &both[i]);
		doubt_reach(g, &both[i]);
	}
}

/* Clients close first: their ports stay taken for a minute. */
static void doubt_ports(struct gathering *g)
{
	const struct host_need *n = g->need;
	uint64_t reuse = g->host->reuse_time_wait;

	if (n->sockets > n->local_ports || n->sockets <= n->local_ports / 2)
		return; /* more than there are is a warning of its own */
	if (reuse == UINT64_MAX || reuse == 1 || (reuse == 2 && n->is_local))
		return;
	note(g,
	     arena_printf(g->arena,
	                  "some %llu connections take more than half of %llu local ports, and a "
	                  "closed one keeps its port for a minute: a second run right after a "
	                  "first finds too few",
	                  (unsigned long long)n->sockets, (unsigned long long)n->local_ports),
	     "sudo sysctl net.ipv4.tcp_tw_reuse=1");
}

/* What programs can read without a system call. */
static bool clock_is_fast(const char *source)
{
	static const char *const fast[] = { "tsc", "kvm-clock", "hyperv_clocksource_tsc_page",
		                            "arch_sys_counter" };

	for (size_t i = 0; i < sizeof(fast) / sizeof(fast[0]); i++)
		if (strcmp(source, fast[i]) == 0)
			return true;
	return source[0] == '\0';
}

static void doubt_time(struct gathering *g)
{
	const struct host_settings *h = g->host;

	if (!clock_is_fast(h->clock_source))
		note(g,
		     arena_printf(g->arena,
		                  "clock source %s: reading the clock takes a system call, and "
		                  "every message is timed several times",
		                  h->clock_source),
		     "echo tsc | sudo tee "
		     "/sys/devices/system/clocksource/clocksource0/current_clocksource, where "
		     "available_clocksource has it");
	if (strcmp(h->governor, "powersave") == 0 || strcmp(h->governor, "conservative") == 0)
		note(g,
		     arena_printf(
			     g->arena,
			     "CPU governor %s: a CPU that was idle is slow when a message is due",
			     h->governor),
		     "echo performance | sudo tee "
		     "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
	if (h->cpu_quota > 0)
		note(g,
		     arena_printf(
			     g->arena,
			     "a quota of %.3g CPUs of %u: who has used it up stands still until "
			     "the next period, up to 0.1 s, and that is measured",
			     h->cpu_quota, g->need->cpus),
		     "CPUs of one's own instead of a quota (AllowedCPUs= of systemd, whole CPUs of a "
		     "guaranteed pod under the kubelet's static CPU policy)");
}

static void doubt_memory(struct gathering *g)
{
	const struct host_settings *h = g->host;

	if (strcmp(h->huge_pages, "always") == 0 && strcmp(h->huge_pages_defrag, "always") == 0)
		note(g,
		     "transparent huge pages: whoever touches new memory waits while the kernel "
		     "makes room for 2 MB in one piece",
		     "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/defrag");
	if (h->overcommit == 2)
		note(g,
		     "vm.overcommit_memory is 2: what agents map counts as used, and most of it they "
		     "never touch",
		     "sudo sysctl vm.overcommit_memory=0");
}

struct doubts host_doubts(const struct host_need *need, const struct host_settings *host,
                          struct arena *arena)
{
	struct doubt *items = arena_alloc(arena, DOUBTS_MAX * sizeof(*items));
	struct gathering g = { .need = need, .host = host, .arena = arena, .items = items };

	doubt_ports(&g);
	doubt_buffers(&g);
	doubt_time(&g);
	doubt_memory(&g);
	return (struct doubts){ .items = g.items, .count = g.count };
}
