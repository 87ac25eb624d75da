/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_ADDRESS_H
#define OMB_DRIVER_KAFKA_ADDRESS_H

/*
 * address -- whether bootstrap.servers can be the address of a broker at all.
 *
 * HOST:PORT, comma-separated; blanks around them and empty places do not count, as in the Java
 * client.  HOST is a name, an IPv4 address, or an IPv6 address in brackets.  A protocol in front
 * (PLAINTEXT://) must be the one of security.protocol: librdkafka drops the address otherwise, with
 * no more than a line in its log.  Pure: nothing is looked up.
 */

#include <stdbool.h>

#include "util/error.h"

/* `protocol` is security.protocol.  False: *err (ERROR_CONFIG) quotes the one that cannot work and
 * says what is expected. */
bool address_check(const char *servers, const char *protocol, struct error *err);

#endif
