/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_VERSION_H
#define OMB_DRIVER_KAFKA_VERSION_H

/*
 * version -- which Kafka a broker is.
 *
 * The protocol has no word for it, and librdkafka tells nothing.  But a broker answers ApiVersions
 * before anybody has logged in, and one with KRaft says which levels of metadata.version its software
 * has: each belongs to a release.  Not asked over TLS.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Empty: it cannot be told. */
void kafka_broker_version(void *instance, char *out, size_t size);

/* Pure: the body of an answer to ApiVersions 3, behind its length.  False: it is none. */
bool kafka_version_read(const void *answer, size_t len, char *out, size_t size);

/* "4.0"; NULL: a level that is not known (yet). */
const char *kafka_release_of(int16_t metadata_level);

#endif
