/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_ADDRESS_RANGE_H
#define OMB_NET_ADDRESS_RANGE_H

/*
 * address_range -- a block of addresses: 10.0.0.0/8, fd00::/8, or a single one without its length.
 *
 * Pure.
 */

#include <stdbool.h>

#include "net/address.h"

struct address_range {
	int family;
	unsigned char bytes[16];
	unsigned bits; /* so many have to be the same */
};

/* ERROR_USAGE: what it is not, or that bits are set behind its length (10.0.0.1/8 is a mistake). */
bool address_range_parse(const char *text, struct address_range *out, struct error *err);

/* An IPv4 address that came in through IPv6 (::ffff:10.0.0.1) is that of IPv4. */
bool address_range_has(const struct address_range *r, const struct address *a);

/* Does it reach no further than this host? */
bool address_is_loopback(const struct address *a);

#endif
