/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_KAFKA_CONF_H
#define OMB_DRIVER_KAFKA_KAFKA_CONF_H

/*
 * kafka_conf -- settings become a configuration object of librdkafka, and clients made from it.
 */

#include "driver/driver.h"
#include "driver/kafka/settings.h"
#include "driver/kafka_library.h"

/* What the library is told, plus `client_id` where the file has none, plus a log callback that
 * drops the lines.  The caller destroys it, or gives it to kafka_conf_client. */
rd_kafka_conf_t *kafka_conf_create(const struct kafka_settings *settings, const char *client_id,
                                   struct error *err);

/* A client; takes the configuration in either case.  NULL: *err has the library's reason. */
rd_kafka_t *kafka_conf_client(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *err);

/* Is this a setting that a library without it may go without? */
bool kafka_conf_is_optional(const char *key);

/* What an error callback of the library means to the core. */
enum driver_event kafka_event_of(rd_kafka_resp_err_t code);

/* An eventfd that the library writes to when `queue` turns from empty to not empty; -1 and *err on
 * failure.  Close it after the client is destroyed: its threads write to it until then. */
int kafka_conf_wake(rd_kafka_queue_t *queue, struct error *err);

#endif
