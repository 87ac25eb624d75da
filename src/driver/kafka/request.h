/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_REQUEST_H
#define OMB_DRIVER_KAFKA_REQUEST_H

/*
 * request -- one request of Kafka's protocol past the client library, for what that has no call for.
 *
 * Without a login: a broker that wants one answers to ApiVersions alone.  For administration; takes ASK_MS
 * at the most (driver/ask.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/ask.h"
#include "driver/kafka/settings.h"
#include "kafka/memory.h"
#include "net/buffer.h"
#include "net/tls.h"

/* The client's TLS, as far as a question needs it; false: it has none.  A client that does not look
 * whether the certificate is the server's asks whoever answers.  Borrows from the settings. */
bool kafka_request_tls(const struct kafka_settings *s, struct tls_options *out);

/* Asks a broker.  *answer is what came, without its length; it is initialised here and
 * finished by the caller in either case. */
bool kafka_request(const struct ask_whom *server, int16_t key, int16_t version, const void *message,
                   struct buffer *answer);

/* Pure: reads such an answer into *out; strings point into `data`.  False: it is malformed. */
bool kafka_request_read(const void *data, size_t len, int16_t key, int16_t version,
                        struct kafka_memory *memory, void *out);

#endif
