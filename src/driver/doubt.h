/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_DOUBT_H
#define OMB_DRIVER_DOUBT_H

/*
 * doubt -- what a driver's configuration makes of a load, as far as it can be told beforehand.
 */

#include <stdbool.h>
#include <stdint.h>

struct driver_load {
	uint32_t payload_bytes, key_bytes; /* of each message; 0 = no key */
	bool is_consumed;
	bool commits; /* the workload says how often consumers commit */
};

enum driver_doubt_weight {
	DRIVER_NOTE,    /* worth knowing */
	DRIVER_WARNING, /* messages will fail */
};

struct driver_doubt {
	enum driver_doubt_weight weight;
	const char *text;
	const char *remedy; /* "--set ..."; NULL = none */
};

typedef void driver_doubt_fn(void *to, const struct driver_doubt *doubt);

#endif
