/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_MESSAGES_SESSION_H
#define OMB_KAFKA_MESSAGES_SESSION_H

/*
 * session -- messages with which a connection begins: ApiVersions, SaslHandshake and
 * SaslAuthenticate.  session.c says which version has what.
 */

#include "kafka/schema.h"

struct kafka_api_versions_request {
	struct kafka_string software, software_version;
};

struct kafka_api_range {
	int16_t key, first, last;
};

struct kafka_feature {
	struct kafka_string name;
	int16_t first, last;
};

struct kafka_final_feature {
	struct kafka_string name;
	int16_t last, first;
};

struct kafka_api_versions_response {
	int16_t error;
	KAFKA_LIST(struct kafka_api_range) apis;
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_feature) features;
	int64_t final_epoch;
	KAFKA_LIST(struct kafka_final_feature) final_features;
	bool is_ready_to_migrate;
};

extern const struct kafka_layout api_versions_request, api_range, api_versions_response;

struct kafka_sasl_handshake_request {
	struct kafka_string mechanism;
};

struct kafka_sasl_handshake_response {
	int16_t error;
	KAFKA_LIST(struct kafka_string) mechanisms;
};

struct kafka_sasl_authenticate_request {
	struct kafka_string bytes;
};

struct kafka_sasl_authenticate_response {
	int16_t error;
	struct kafka_string error_message, bytes;
	int64_t lifetime_ms;
};

extern const struct kafka_layout sasl_handshake_request, sasl_handshake_response,
	sasl_authenticate_request, sasl_authenticate_response;

#endif
