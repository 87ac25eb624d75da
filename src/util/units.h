/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_UNITS_H
#define OMB_UTIL_UNITS_H

/*
 * units -- durations, sizes, counts and lists of CPUs as people write them.
 *
 * Durations: ns, us (or µs), ms, s, m (or min), h; several together as in 1m30s.
 * Sizes: B, kB, MB, GB, TB are powers of 1000 and KiB, MiB, GiB, TiB powers of 1024; KB is kB.
 * Numbers may have a fraction (1.5s), never a sign.  A parser takes the whole text or nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct arena;

/* CPU numbers stay below this: what fits into a cpu_set_t. */
#define CPU_LIST_MAX 1024

enum units_status {
	UNITS_OK,
	UNITS_NOT_A_NUMBER,
	UNITS_NO_UNIT, /* a bare number, and `bare` is NULL */
	UNITS_UNKNOWN_UNIT,
	UNITS_TOO_LARGE, /* beyond 2^63 */
};

/* `bare`: the unit of a number without one ("s"); NULL = there must be one, except behind 0. */
enum units_status parse_duration(const char *text, const char *bare, uint64_t *ns);
enum units_status parse_bytes(const char *text, const char *bare, uint64_t *bytes);

/* Room for any text that the formatters below write, NUL included. */
#define UNITS_TEXT 32

/* Exact, and readable by the parsers: "1m30s", "200us", "0s"; "2MB", "64KiB", "1234B".  Return
 * `out`, which holds at least UNITS_TEXT bytes. */
char *format_duration(uint64_t ns, char *out);
char *format_bytes(uint64_t bytes, char *out);

/* For people, rounded to three digits: "1.53ms", "2.10GB". */
char *format_duration_short(uint64_t ns, char *out);
char *format_bytes_short(uint64_t bytes, char *out);

/* "6,000,000" */
char *format_grouped(uint64_t n, char *out);

struct cpu_list {
	const uint32_t *cpus; /* in the order written, each once; in the arena */
	size_t count;
};

/* "0-3,5".  An empty text is an empty list. */
bool cpu_list_parse(const char *text, struct arena *a, struct cpu_list *out, struct error *err);

#endif
