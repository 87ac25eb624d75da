/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_STATISTICS_H
#define OMB_DRIVER_KAFKA_STATISTICS_H

/*
 * statistics -- what librdkafka says of a client: its JSON of every interval, kept until somebody asks.
 *
 * All clients of a loop tell at about the same time, so nothing is read when it comes, in the middle of
 * serving messages, but when the loop asks.  Making it costs the library 0.2 to 0.6 ms of CPU (16
 * partitions, 14 kB).  So the first KAFKA_TELLERS clients of a loop tell every second, the next ones
 * every two seconds, and so on: a hundred clients cost as much as thirty would.
 */

#include <stdbool.h>
#include <stddef.h>

#include "driver/kafka_library.h"

#include "stats/claims.h"

#define KAFKA_TELLERS 10

struct kafka_settings;
struct error;

struct kafka_statistics {
	char *json; /* the latest, owned; NULL = it was read */
	size_t len;
	struct claims sums; /* of what the library says of each interval alone */
	struct claims latest;
};

/* For the client that is the `number`th of its loop, from 0 on, unless the file has its own interval. */
bool kafka_statistics_ask(rd_kafka_conf_t *conf, const struct kafka_settings *settings,
                          unsigned number, struct error *err);

/* What a statistics callback does and returns: `json` belongs to *s. */
int kafka_statistics_keep(struct kafka_statistics *s, char *json, size_t len);
void kafka_statistics_claims(struct kafka_statistics *s, struct claims *out);
void kafka_statistics_fini(struct kafka_statistics *s);

/* Pure.  *latest is overwritten; *sums goes on. */
void kafka_statistics_read(const char *json, size_t len, struct claims *latest,
                           struct claims *sums);

#endif
