/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BENCH_BARE_WINDOW_H
#define OMB_BENCH_BARE_WINDOW_H

/*
 * bare_window -- what the bare programs measure: messages, CPU and latencies between two instants.
 *
 * Deliberately none of omb's own clock and histogram: a floor that shares code with what stands on
 * it cannot show what that code costs.  One thread, no locks, nothing allocated.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#define SECOND_NS       UINT64_C(1000000000)
#define HISTOGRAM_SLOTS (58 * 128)

/* Values below 256 ns are exact, above that each power of two has 128 slots (error < 0.8 %). */
struct histogram {
	uint64_t counts[HISTOGRAM_SLOTS];
	uint64_t total, max;
};

struct window {
	uint64_t begin_ns, end_ns;     /* monotonic clock; 0 until known */
	uint64_t opened_ns, closed_ns; /* the instants really taken; 0 = not yet */
	uint64_t cpu_ns;               /* of this process, once closed */
	uint64_t messages;             /* acknowledged or received */
	struct histogram delay;        /* due -> sent */
	struct histogram latency;      /* due -> acknowledged or received */
};

static inline uint64_t clock_read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* User and system time of all threads, as getrusage has it, but finer. */
static inline uint64_t cpu_ns(void)
{
	return clock_read_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline void histogram_record(struct histogram *h, uint64_t ns)
{
	unsigned shift = ns < 256 ? 0 : 56u - (unsigned)__builtin_clzll(ns);

	h->counts[shift * 128 + (ns >> shift)]++;
	h->total++;
	if (ns > h->max)
		h->max = ns;
}

/* The highest value of the slot that holds the percentile, in us; 0 when there is none. */
static inline double histogram_us(const struct histogram *h, double percent)
{
	double rank = (double)h->total * percent / 100;
	uint64_t seen = h->counts[0];
	unsigned i = 0;

	while ((double)seen < rank && i < HISTOGRAM_SLOTS - 1)
		seen += h->counts[++i];
	unsigned shift = i < 256 ? 0 : i / 128 - 1;
	return (double)earlier(((uint64_t)(i - shift * 128 + 1) << shift) - 1, h->max) / 1e3;
}

/* As one member of a JSON object, with the comma before it. */
static inline void histogram_print(const char *name, const struct histogram *h)
{
	printf(",\"%s\":{\"p50\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f}", name,
	       histogram_us(h, 50), histogram_us(h, 99), histogram_us(h, 99.9),
	       (double)h->max / 1e3);
}

static inline bool window_is_open(const struct window *w)
{
	return w->opened_ns != 0 && w->closed_ns == 0;
}

static inline void window_set(struct window *w, uint64_t begin_ns, uint64_t length_ns)
{
	w->begin_ns = begin_ns;
	w->end_ns = begin_ns + length_ns;
}

/* When the window has to be looked at next; 0 = never again. */
static inline uint64_t window_edge_ns(const struct window *w)
{
	if (w->closed_ns != 0)
		return 0;
	return w->opened_ns != 0 ? w->end_ns : w->begin_ns;
}

/* Opens or closes the window when it is time; `stopped` closes it early. */
static inline void window_tick(struct window *w, uint64_t now_ns, bool stopped)
{
	if (w->opened_ns == 0 && w->begin_ns != 0 && now_ns >= w->begin_ns) {
		w->opened_ns = now_ns;
		w->cpu_ns = cpu_ns();
	}
	if (window_is_open(w) && (now_ns >= w->end_ns || stopped)) {
		w->closed_ns = now_ns;
		w->cpu_ns = cpu_ns() - w->cpu_ns;
	}
}

/* The result as the beginning of a JSON object, without its end.  `total...`: from start to now. */
static inline void window_print(const struct window *w, const char *mode)
{
	struct rusage u;
	double seconds = (double)(w->closed_ns - w->opened_ns) / 1e9;
	double messages = (double)w->messages;

	getrusage(RUSAGE_SELF, &u);
	printf("{\"mode\":\"%s\",\"messages\":%" PRIu64 ",\"seconds\":%.3f", mode, w->messages,
	       seconds);
	printf(",\"messagesPerSecond\":%.1f,\"cpuSeconds\":%.3f,\"cpuNsPerMessage\":%.1f",
	       seconds > 0 ? messages / seconds : 0, (double)w->cpu_ns / 1e9,
	       messages > 0 ? (double)w->cpu_ns / messages : 0);
	if (w->delay.total != 0)
		histogram_print("publishDelayUs", &w->delay);
	histogram_print("latencyUs", &w->latency);
	printf(",\"totalCpuSeconds\":%.3f,\"maxRssMb\":%.1f", (double)cpu_ns() / 1e9,
	       (double)u.ru_maxrss / 1024);
}

#endif
