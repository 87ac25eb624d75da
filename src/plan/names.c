/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/names.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TIME_CHARS   8
#define CHANCE_CHARS 7 /* as many as OMB's names have */

static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

uint64_t name_chance(void)
{
	uint64_t bits;

	/* Requests of this size are never cut short once the kernel's pool is filled. */
	while (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		if (errno != EINTR)
			abort();
	return bits;
}

static void format_base32(char *out, int chars, uint64_t value)
{
	for (int i = chars - 1; i >= 0; i--) {
		out[i] = digits[value & 31];
		value >>= 5;
	}
	out[chars] = '\0';
}

static bool parse_base32(const char *text, int chars, uint64_t *value)
{
	uint64_t sum = 0;

	for (int i = 0; i < chars; i++) {
		const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
		if (digit == NULL)
			return false;
		sum = sum << 5 | (uint64_t)(digit - digits);
	}
	*value = sum;
	return true;
}

/* At least `chars_min` decimal digits up to a dash; *end is left behind the dash. */
static bool parse_number(const char *text, int chars_min, uint32_t *number, const char **end)
{
	uint64_t sum = 0;
	int chars = 0;

	for (; text[chars] >= '0' && text[chars] <= '9'; chars++) {
		if (chars == 9)
			return false;
		sum = sum * 10 + (uint64_t)(text[chars] - '0');
	}
	if (chars < chars_min || text[chars] != '-')
		return false;
	*number = (uint32_t)sum;
	*end = text + chars + 1;
	return true;
}

void run_id_format(char out[RUN_ID_CHARS + 1], uint64_t started_s, uint64_t chance)
{
	assert(started_s < UINT64_C(1) << 5 * TIME_CHARS);

	format_base32(out, TIME_CHARS, started_s);
	format_base32(out + TIME_CHARS, RUN_ID_CHARS - TIME_CHARS, chance);
}

bool run_id_parse(const char *run_id, uint64_t *started_s)
{
	uint64_t chance;

	return strlen(run_id) == RUN_ID_CHARS && parse_base32(run_id, TIME_CHARS, started_s) &&
	       parse_base32(run_id + TIME_CHARS, RUN_ID_CHARS - TIME_CHARS, &chance);
}

uint16_t run_id_stamp(const char *run_id)
{
	uint32_t hash = UINT32_C(2166136261); /* FNV-1a */

	for (const char *c = run_id; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * UINT32_C(16777619);
	return (uint16_t)(hash ^ hash >> 16);
}

void name_topic(char out[NAME_MAX_BYTES], const char *run_id, uint32_t number, uint64_t chance)
{
	char tail[CHANCE_CHARS + 1];

	assert(strlen(run_id) <= RUN_ID_CHARS && number < 10000000);
	format_base32(tail, CHANCE_CHARS, chance);
	snprintf(out, NAME_MAX_BYTES, NAME_PREFIX "%s-%07u-%s", run_id, number, tail);
}

void name_group(char out[NAME_MAX_BYTES], const char *run_id, uint32_t number, uint64_t chance)
{
	char tail[CHANCE_CHARS + 1];

	assert(strlen(run_id) <= RUN_ID_CHARS && number < 10000000);
	format_base32(tail, CHANCE_CHARS, chance);
	snprintf(out, NAME_MAX_BYTES, NAME_PREFIX "%s-sub-%03u-%s", run_id, number, tail);
}

bool name_parse(const char *name, struct name_parts *out)
{
	struct name_parts parts = { .kind = NAME_TOPIC };
	const char *rest = name + strlen(NAME_PREFIX);
	uint64_t chance;

	if (strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0 ||
	    strnlen(rest, RUN_ID_CHARS + 1) <= RUN_ID_CHARS || rest[RUN_ID_CHARS] != '-')
		return false;
	memcpy(parts.run_id, rest, RUN_ID_CHARS);
	if (!run_id_parse(parts.run_id, &parts.run_started_s))
		return false;

	rest += RUN_ID_CHARS + 1;
	if (strncmp(rest, "sub-", 4) == 0) {
		parts.kind = NAME_GROUP;
		rest += 4;
	}
	int chars_min = parts.kind == NAME_GROUP ? 3 : 7;
	if (!parse_number(rest, chars_min, &parts.number, &rest) || strlen(rest) != CHANCE_CHARS ||
	    !parse_base32(rest, CHANCE_CHARS, &chance))
		return false;
	*out = parts;
	return true;
}
