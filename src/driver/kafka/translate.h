/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_TRANSLATE_H
#define OMB_DRIVER_KAFKA_TRANSLATE_H

/*
 * translate -- OMB's properties blocks, written for the Java client, as settings of librdkafka.
 *
 * Each property of a block is one of
 *     - an option of the Java client that librdkafka has by the same or another name, perhaps in
 *       another unit or range: it becomes a setting; a value that the library would refuse is cut
 *       to what it takes, and the setting says so ("altered");
 *     - an option of the Java client that has no counterpart and of which nothing comes: it is
 *       listed as ignored, with the reason;
 *     - one of which something would come in the Java client, but not here, or that another one
 *       makes void: it is listed as without effect, with the reason;
 *     - one that matters and cannot be had: an error that names it and the way out;
 *     - a property of librdkafka by its own name: taken as it is;
 *     - unknown: an error with the nearest name.
 * Then come the rules of the Java client that join several options (idempotence, delivery.timeout),
 * the defaults of the Java client for all that was left out (if wanted), and our own settings.
 *
 * Pure: no librdkafka, any process.  All of it lives in the arena.
 */

#include <stdbool.h>

#include "driver/kafka/settings.h"
#include "util/error.h"

struct arena;

struct kafka_translate_opts {
	bool java_defaults;
	bool lenient;        /* an unknown property is ignored, as the Java client does */
	const char *zone_id; /* replaces {zone.id} in client.id; NULL = the text stays */
};

/* Fills the second part of *c.  Failures are added to *errors, each with its line. */
void kafka_translate(struct kafka_config *c, const struct kafka_translate_opts *opts,
                     struct arena *a, struct error_list *errors);

#endif
