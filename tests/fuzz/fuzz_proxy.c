/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever line comes as a command to the proxy, it is refused with a reason or becomes one whose
 * settings are within their limits.  And whatever comes through its wire, however the settings
 * change meanwhile: nothing leaves that did not come, all of it leaves in the end, and who is told
 * when to ask again never asks in vain.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/command.h"
#include "proxy/shape.h"

#define HOUR_NS UINT64_C(3600000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_command(const uint8_t *data, size_t len)
{
	struct proxy_command c;
	struct error err = { 0 };
	char *line = malloc(len + 1);

	assert(line != NULL);
	memcpy(line, data, len);
	line[len] = '\0';
	if (proxy_command_parse(line, &c, &err)) {
		assert(c.directions[UP] || c.directions[DOWN]);
		assert(c.shape.latency_ns <= SHAPE_LATENCY_MAX_NS);
		assert(c.shape.jitter_ns <= SHAPE_LATENCY_MAX_NS);
		assert(c.shape.bytes_per_s <= SHAPE_RATE_MAX);
	} else {
		assert(err.kind == ERROR_USAGE && err.text[0] != '\0');
	}
	free(line);
}

/* Three bytes are a step: what, and how much of it. */
static void try_wire(const uint8_t *data, size_t len)
{
	struct shape_settings settings = { 0 };
	struct shape s;
	uint64_t now_ns = HOUR_NS, came = 0, went = 0;

	shape_init(&s, &settings, 1);
	for (; len >= 3; data += 3, len -= 3) {
		uint64_t much = (uint64_t)data[1] << (data[2] % 32);
		size_t ready;
		switch (data[0] % 6) {
		case 0:
			if (much == 0 || shape_is_full(&s))
				break;
			shape_came(&s, (size_t)much, now_ns);
			came += much;
			break;
		case 1:
			now_ns += much;
			break;
		case 2:
			settings.latency_ns = much;
			shape_changed(&s, now_ns);
			break;
		case 3:
			settings.jitter_ns = much;
			shape_changed(&s, now_ns);
			break;
		case 4:
			settings.bytes_per_s = much > SHAPE_RATE_MAX ? SHAPE_RATE_MAX : much;
			shape_changed(&s, now_ns);
			break;
		default:
			ready = shape_ready(&s, now_ns);
			shape_went(&s, ready);
			went += ready;
			assert(went <= came);
			assert(went == came || shape_next_ns(&s) > now_ns);
		}
	}
	settings.bytes_per_s = 0;
	shape_changed(&s, now_ns);
	now_ns += settings.latency_ns + settings.jitter_ns;
	assert(shape_ready(&s, now_ns) == came - went);
	shape_went(&s, (size_t)(came - went));
	assert(shape_next_ns(&s) == UINT64_MAX);
	shape_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (data[0] % 2 == 0)
		try_wire(data + 1, len - 1);
	else
		try_command(data + 1, len - 1);
	return 0;
}
