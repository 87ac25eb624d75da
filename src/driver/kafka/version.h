/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_VERSION_H
#define OMB_DRIVER_KAFKA_VERSION_H

/*
 * version -- which Kafka a broker is.
 *
 * The protocol has no word for it, and librdkafka tells nothing.  But a broker answers ApiVersions
 * before anybody has logged in, and one with KRaft says which levels of metadata.version its software
 * has: each belongs to a release.  Over TLS it is asked with the certificates of the driver file, but not
 * with those that only librdkafka reads (in a key store, or with a pass phrase): then it is not known.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kafka_settings;

/* Asks the bootstrap servers in turn.  False: none can tell, and *out is not touched. */
bool kafka_version_ask(const struct kafka_settings *s, char *out, size_t size);

/* Empty: it cannot be told. */
void kafka_broker_version(void *instance, char *out, size_t size);

/* Pure: the body of an answer to ApiVersions 3, behind its length.  False: it is none. */
bool kafka_version_read(const void *answer, size_t len, char *out, size_t size);

/* "4.0"; NULL: a level that is not known (yet). */
const char *kafka_release_of(int16_t metadata_level);

#endif
