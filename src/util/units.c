/* SPDX-License-Identifier: Apache-2.0 */
#include "util/units.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"

/* Longer numbers are no numbers that people write; it bounds the copy for strtold. */
#define NUMBER_MAX 40

#define SECOND     1000000000.0L
#define LIMIT      9223372036854775808.0L /* 2^63 */

struct unit {
	const char *name;
	long double factor;
};

static const struct unit time_units[] = {
	{ "ns", 1 },          { "us", 1e3L },         { "\xc2\xb5s", 1e3L },
	{ "ms", 1e6L },       { "s", SECOND },        { "min", 60 * SECOND },
	{ "m", 60 * SECOND }, { "h", 3600 * SECOND }, { NULL, 0 },
};

static const struct unit size_units[] = {
	{ "B", 1 },
	{ "kB", 1e3L },
	{ "KB", 1e3L },
	{ "MB", 1e6L },
	{ "GB", 1e9L },
	{ "TB", 1e12L },
	{ "KiB", 1024.0L },
	{ "MiB", 1048576.0L },
	{ "GiB", 1073741824.0L },
	{ "TiB", 1099511627776.0L },
	{ NULL, 0 },
};

static const struct unit *unit_find(const struct unit *units, const char *name, size_t len)
{
	for (const struct unit *u = units; u->name != NULL; u++)
		if (strlen(u->name) == len && memcmp(u->name, name, len) == 0)
			return u;
	return NULL;
}

/* Digits, and perhaps a point and digits; *end is behind them. */
static enum units_status scan_number(const char *text, const char **end, long double *value)
{
	const char *s = text;
	char copy[NUMBER_MAX + 1];

	while (isdigit((unsigned char)*s))
		s++;
	if (s == text)
		return UNITS_NOT_A_NUMBER;
	if (s[0] == '.' && isdigit((unsigned char)s[1]))
		for (s++; isdigit((unsigned char)*s); s++)
			;
	if (s - text > NUMBER_MAX)
		return UNITS_TOO_LARGE;

	memcpy(copy, text, (size_t)(s - text));
	copy[s - text] = '\0';
	*value = strtold(copy, NULL);
	*end = s;
	return UNITS_OK;
}

/* One number with its unit; without one `bare` counts. */
static enum units_status scan_part(const char **text, const struct unit *units, const char *bare,
                                   long double *sum)
{
	long double value;
	const char *s;
	enum units_status status = scan_number(*text, &s, &value);

	if (status != UNITS_OK)
		return status;
	while (*s == ' ')
		s++;

	size_t len = strcspn(s, "0123456789 ");
	const struct unit *u;
	if (len > 0) {
		u = unit_find(units, s, len);
	} else if (bare != NULL) {
		u = unit_find(units, bare, strlen(bare));
		assert(u != NULL);
	} else if (value == 0) {
		u = units;
	} else {
		return UNITS_NO_UNIT;
	}
	if (u == NULL)
		return isalpha((unsigned char)s[0]) || (s[0] & 0x80) ? UNITS_UNKNOWN_UNIT
		                                                     : UNITS_NOT_A_NUMBER;
	*sum += value * u->factor;
	*text = s + len;
	return *sum < LIMIT ? UNITS_OK : UNITS_TOO_LARGE;
}

enum units_status parse_duration(const char *text, const char *bare, uint64_t *ns)
{
	const char *s = text;
	long double sum = 0;
	enum units_status status = scan_part(&s, time_units, bare, &sum);

	while (status == UNITS_OK && *s != '\0')
		status = scan_part(&s, time_units, NULL, &sum);
	if (status == UNITS_OK)
		*ns = (uint64_t)(sum + 0.5L);
	return status;
}

enum units_status parse_bytes(const char *text, const char *bare, uint64_t *bytes)
{
	const char *s = text;
	long double sum = 0;
	enum units_status status = scan_part(&s, size_units, bare, &sum);

	if (status == UNITS_OK && *s != '\0')
		return UNITS_NOT_A_NUMBER;
	if (status == UNITS_OK)
		*bytes = (uint64_t)(sum + 0.5L);
	return status;
}

char *format_duration(uint64_t ns, char *out)
{
	unsigned long long seconds = ns / 1000000000u;
	int len = 0;

	if (ns % 1000 != 0)
		snprintf(out, UNITS_TEXT, "%lluns", (unsigned long long)ns);
	else if (ns % 1000000 != 0)
		snprintf(out, UNITS_TEXT, "%lluus", (unsigned long long)ns / 1000);
	else if (ns % 1000000000u != 0)
		snprintf(out, UNITS_TEXT, "%llums", (unsigned long long)ns / 1000000);
	else {
		if (seconds >= 3600)
			len += snprintf(out + len, UNITS_TEXT - (size_t)len, "%lluh",
			                seconds / 3600);
		if (seconds / 60 % 60 != 0)
			len += snprintf(out + len, UNITS_TEXT - (size_t)len, "%llum",
			                seconds / 60 % 60);
		if (seconds % 60 != 0 || len == 0)
			snprintf(out + len, UNITS_TEXT - (size_t)len, "%llus", seconds % 60);
	}
	return out;
}

char *format_bytes(uint64_t bytes, char *out)
{
	const struct unit *best = &size_units[0];

	for (const struct unit *u = size_units; u->name != NULL; u++)
		if (bytes != 0 && bytes % (uint64_t)u->factor == 0 && u->factor > best->factor)
			best = u;
	snprintf(out, UNITS_TEXT, "%llu%s", (unsigned long long)(bytes / (uint64_t)best->factor),
	         best->name);
	return out;
}

/* Three digits with the largest of `units` (rising) that leaves something before the point. */
static char *three_digits(long double value, const struct unit *units, char *out)
{
	const struct unit *u = units;

	while (u[1].name != NULL && value / u->factor >= 999.5L)
		u++;

	long double shown = value / u->factor;
	int decimals = shown >= 99.95L ? 0 : shown >= 9.995L ? 1 : 2;
	if (u == units)
		decimals = 0; /* nanoseconds and bytes are whole */
	snprintf(out, UNITS_TEXT, "%.*Lf%s", decimals, shown, u->name);
	return out;
}

char *format_duration_short(uint64_t ns, char *out)
{
	static const struct unit rising[] = {
		{ "ns", 1 }, { "us", 1e3L }, { "ms", 1e6L }, { "s", SECOND }, { NULL, 0 },
	};

	if (ns == 0 || ns >= 100 * (uint64_t)SECOND)
		return format_duration(
			(ns + (uint64_t)SECOND / 2) / (uint64_t)SECOND * (uint64_t)SECOND, out);
	return three_digits((long double)ns, rising, out);
}

char *format_bytes_short(uint64_t bytes, char *out)
{
	static const struct unit rising[] = {
		{ "B", 1 },     { "kB", 1e3L },  { "MB", 1e6L },
		{ "GB", 1e9L }, { "TB", 1e12L }, { NULL, 0 },
	};

	return three_digits((long double)bytes, rising, out);
}

char *format_grouped(uint64_t n, char *out)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *to = out;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return out;
}

/* A number below CPU_LIST_MAX; what stands behind it is the caller's. */
static bool scan_cpu(const char **text, uint32_t *cpu, const char *whole, struct error *err)
{
	const char *s = *text;
	uint32_t n = 0;

	if (!isdigit((unsigned char)*s))
		return error_set(err, ERROR_CONFIG, "\"%s\" is not a list of CPUs such as 0-3,5",
		                 whole);
	for (; isdigit((unsigned char)*s); s++) {
		n = n * 10 + (uint32_t)(*s - '0');
		if (n >= CPU_LIST_MAX)
			return error_set(err, ERROR_CONFIG,
			                 "CPU numbers are 0..%d, not as in \"%s\"",
			                 CPU_LIST_MAX - 1, whole);
	}
	*cpu = n;
	*text = s;
	return true;
}

static bool add_cpus(uint32_t from, uint32_t to, struct cpu_list *list, uint32_t *cpus,
                     struct error *err)
{
	if (to < from)
		return error_set(err, ERROR_CONFIG, "CPUs %u-%u run backwards", from, to);
	for (uint32_t cpu = from; cpu <= to; cpu++) {
		for (size_t i = 0; i < list->count; i++)
			if (cpus[i] == cpu)
				return error_set(err, ERROR_CONFIG, "CPU %u is named twice", cpu);
		cpus[list->count++] = cpu;
	}
	return true;
}

bool cpu_list_parse(const char *text, struct arena *a, struct cpu_list *out, struct error *err)
{
	uint32_t cpus[CPU_LIST_MAX];
	struct cpu_list list = { 0 };
	const char *s = text;

	while (*s != '\0') {
		uint32_t from = 0, to;

		if (!scan_cpu(&s, &from, text, err))
			return false;
		to = from;
		if (*s == '-') {
			s++;
			if (!scan_cpu(&s, &to, text, err))
				return false;
		}
		if (!add_cpus(from, to, &list, cpus, err))
			return false;
		if (*s == ',' && s[1] != '\0')
			s++;
		else if (*s != '\0')
			return error_set(err, ERROR_CONFIG,
			                 "\"%s\" is not a list of CPUs such as 0-3,5", text);
	}
	if (list.count > 0) {
		uint32_t *copy = arena_alloc(a, list.count * sizeof(*copy));
		memcpy(copy, cpus, list.count * sizeof(*copy));
		list.cpus = copy;
	}
	*out = list;
	return true;
}
