/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_NATS_CONFIG_H
#define OMB_DRIVER_NATS_CONFIG_H

/*
 * config -- what a driver file says to the NATS driver.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/option.h"
#include "driver/doubt.h"
#include "driver/nats/wire.h"

struct driver_file;

enum nats_mode { NATS_MODE_JETSTREAM, NATS_MODE_CORE };
enum nats_pace { NATS_PACE_PASS, NATS_PACE_MESSAGE, NATS_PACE_LIBRARY }; /* sendAsap */
enum nats_confirm { NATS_CONFIRM_SERVER, NATS_CONFIRM_NONE };
enum nats_delivery { NATS_PUSH, NATS_PULL };

struct nats_config {
	/* OMB's */
	const char *url;
	uint32_t replicas; /* 0: the server's default */
	int storage;       /* jsStorageType */
	struct option_pick max_bytes;

	int mode, delivery, ack_policy /* enum nats_ack */, discard, retention;
	int pace, confirm;
	uint64_t ack_wait_ns, publish_timeout_ns;
	uint32_t max_ack_pending; /* 0 until configured: by whose defaults hold */
	uint32_t pull_batch;
	uint32_t max_in_flight;
	uint64_t max_buffer_bytes, pending_limit_bytes;
	struct option_pick max_reconnects;
	uint64_t connect_timeout_ns, reconnect_wait_ns, ping_interval_ns;

	const char *user, *password, *token, *credentials_file;
	bool tls, tls_verify;
	const char *tls_ca_file, *tls_cert_file, *tls_key_file, *tls_hostname;

	const char *const *servers; /* of `url`, with their schemes */
	size_t servers_count;
	bool java_defaults;
};

extern const struct option_spec nats_options[];

/* What the file leaves to whose defaults hold. */
void nats_config_fill(struct nats_config *c, bool java_defaults);
void nats_configure(void *config, const struct driver_file *file, struct arena *arena,
                    struct error_list *errors);
void nats_load_doubts(const void *config, const struct driver_load *load, struct arena *arena,
                      driver_doubt_fn *fn, void *to);

#endif
