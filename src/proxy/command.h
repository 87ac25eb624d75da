/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PROXY_COMMAND_H
#define OMB_PROXY_COMMAND_H

/*
 * command -- what a proxy can be told while it runs, as a line of text.
 *
 *     VERB [up|down] [on LISTENER] [KEY=VALUE ...]
 *
 * in any order behind the verb.  `up` is what clients say, `down` what the target says; without
 * either both are meant.  LISTENER is an address as the proxy printed it, or its port alone;
 * without it all are meant. `omb help proxy` says what each does.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/relay.h"
#include "util/error.h"

enum proxy_verb {
	PROXY_SET,
	PROXY_BLACKHOLE,
	PROXY_CUT,
	PROXY_RESET,
	PROXY_HALF_CLOSE,
	PROXY_HEAL,
	PROXY_STATUS,
};

struct proxy_command {
	enum proxy_verb verb;
	bool directions[DIRECTIONS]; /* at least one */
	char listener[64];           /* "" = all */
	enum hole hole;              /* of PROXY_BLACKHOLE */
	/* Of PROXY_SET: */
	bool has_latency, has_jitter, has_bandwidth;
	struct shape_settings shape;
};

/* ERROR_USAGE. */
bool proxy_command_parse(const char *line, struct proxy_command *out, struct error *err);

#endif
