/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/command.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"
#include "util/units.h"

#define LINE_MAX_BYTES 1000
#define BLANKS         " \t\r\n"

enum { TAKES_DIRECTION = 1, TAKES_SETTINGS = 2, TAKES_MODE = 4 };

static const struct verb {
	const char *name;
	enum proxy_verb verb;
	unsigned takes;
} verbs[] = {
	{ "set", PROXY_SET, TAKES_DIRECTION | TAKES_SETTINGS },
	{ "blackhole", PROXY_BLACKHOLE, TAKES_DIRECTION | TAKES_MODE },
	{ "cut", PROXY_CUT, 0 },
	{ "reset", PROXY_RESET, TAKES_DIRECTION },
	{ "half-close", PROXY_HALF_CLOSE, TAKES_DIRECTION },
	{ "heal", PROXY_HEAL, TAKES_DIRECTION },
	{ "status", PROXY_STATUS, 0 },
};

#define VERBS (sizeof(verbs) / sizeof(*verbs))

static bool unknown_verb(const char *word, struct error *err)
{
	struct text names = { 0 };

	for (size_t i = 0; i < VERBS; i++)
		text_addf(&names, " %s", verbs[i].name);
	error_set(err, ERROR_USAGE, "\"%s\" is no command; there are:%s", word, text_str(&names));
	text_fini(&names);
	return false;
}

static const struct verb *find_verb(const char *word)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(word, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

static bool take_time(const char *key, const char *text, uint64_t *out, struct error *err)
{
	if (parse_duration(text, NULL, out) == UNITS_OK && *out <= SHAPE_LATENCY_MAX_NS)
		return true;
	return error_set(err, ERROR_USAGE, "%s=%s: expected a time up to 1h, such as 20ms", key,
	                 text);
}

static bool take_rate(const char *text, uint64_t *out, struct error *err)
{
	char size[UNITS_TEXT];
	size_t len = strlen(text);

	if (len > 2 && strcmp(text + len - 2, "/s") == 0)
		len -= 2;
	snprintf(size, sizeof(size), "%.*s", len < sizeof(size) ? (int)len : 0, text);
	if (parse_bytes(size, NULL, out) == UNITS_OK && *out <= SHAPE_RATE_MAX)
		return true;
	return error_set(err, ERROR_USAGE,
	                 "bandwidth=%s: expected bytes in a second up to 10GB, such as 1MB", text);
}

static bool take_setting(const char *word, const char *equals, struct proxy_command *out,
                         struct error *err)
{
	size_t len = (size_t)(equals - word);
	const char *value = equals + 1;

	if (len == strlen("latency") && strncmp(word, "latency", len) == 0) {
		out->has_latency = true;
		return take_time("latency", value, &out->shape.latency_ns, err);
	}
	if (len == strlen("jitter") && strncmp(word, "jitter", len) == 0) {
		out->has_jitter = true;
		return take_time("jitter", value, &out->shape.jitter_ns, err);
	}
	if (len == strlen("bandwidth") && strncmp(word, "bandwidth", len) == 0) {
		out->has_bandwidth = true;
		return take_rate(value, &out->shape.bytes_per_s, err);
	}
	return error_set(err, ERROR_USAGE, "\"%s\": there are latency, jitter and bandwidth", word);
}

static bool take_direction(const char *word, struct proxy_command *out, struct error *err)
{
	int direction = strcmp(word, "up") == 0 ? UP : DOWN;

	if (out->directions[1 - direction])
		return error_set(err, ERROR_USAGE,
		                 "up and down together are what is meant without either");
	out->directions[direction] = true;
	return true;
}

static bool take_listener(const char *word, struct proxy_command *out, struct error *err)
{
	if (word == NULL || strlen(word) >= sizeof(out->listener))
		return error_set(err, ERROR_USAGE, "on: expected the address of a listener");
	snprintf(out->listener, sizeof(out->listener), "%s", word);
	return true;
}

static bool take_word(const struct verb *v, const char *word, char **rest,
                      struct proxy_command *out, struct error *err)
{
	const char *equals = strchr(word, '=');

	if (strcmp(word, "on") == 0)
		return take_listener(strtok_r(NULL, BLANKS, rest), out, err);
	if (strcmp(word, "up") == 0 || strcmp(word, "down") == 0) {
		if (v->takes & TAKES_DIRECTION)
			return take_direction(word, out, err);
		return error_set(err, ERROR_USAGE, "%s: is for both directions", v->name);
	}
	if (v->takes & TAKES_SETTINGS && equals != NULL)
		return take_setting(word, equals, out, err);
	if (v->takes & TAKES_MODE && strcmp(word, "hold") == 0)
		out->hole = HOLE_HOLD;
	else if (v->takes & TAKES_MODE && strcmp(word, "swallow") == 0)
		out->hole = HOLE_SWALLOW;
	else
		return error_set(err, ERROR_USAGE, "%s: \"%s\" is not expected", v->name, word);
	return true;
}

bool proxy_command_parse(const char *line, struct proxy_command *out, struct error *err)
{
	char words[LINE_MAX_BYTES + 1], *rest = NULL;

	*out = (struct proxy_command){ .hole = HOLE_HOLD };
	if (strlen(line) > LINE_MAX_BYTES)
		return error_set(err, ERROR_USAGE, "a command of more than %d bytes",
		                 LINE_MAX_BYTES);
	snprintf(words, sizeof(words), "%s", line);
	const char *word = strtok_r(words, BLANKS, &rest);
	const struct verb *v = word != NULL ? find_verb(word) : NULL;
	if (v == NULL)
		return unknown_verb(word != NULL ? word : "", err);
	out->verb = v->verb;
	while ((word = strtok_r(NULL, BLANKS, &rest)) != NULL)
		if (!take_word(v, word, &rest, out, err))
			return false;
	if (!out->directions[UP] && !out->directions[DOWN])
		out->directions[UP] = out->directions[DOWN] = true;
	if (v->verb == PROXY_SET && !out->has_latency && !out->has_jitter && !out->has_bandwidth)
		return error_set(err, ERROR_USAGE,
		                 "set: expected latency=TIME, jitter=TIME or bandwidth=SIZE");
	return true;
}
