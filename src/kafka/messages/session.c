/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/messages/session.h"

/* clang-format off */

static const struct kafka_field api_versions_request_fields[] = {
	STRING(api_versions_request, software, 3),
	STRING(api_versions_request, software_version, 3),
};
KAFKA_LAYOUT(api_versions_request);

static const struct kafka_field api_range_fields[] = {
	I16(api_range, key, 0),
	I16(api_range, first, 0),
	I16(api_range, last, 0),
};
KAFKA_LAYOUT(api_range);

static const struct kafka_field feature_fields[] = {
	STRING(feature, name, 3),
	I16(feature, first, 3),
	I16(feature, last, 3),
};
static KAFKA_LAYOUT(feature);

static const struct kafka_field final_feature_fields[] = {
	STRING(final_feature, name, 3),
	I16(final_feature, last, 3),
	I16(final_feature, first, 3),
};
static KAFKA_LAYOUT(final_feature);

static const struct kafka_field api_versions_response_fields[] = {
	I16(api_versions_response, error, 0),
	STRUCTS(api_versions_response, apis, api_range, 0),
	I32(api_versions_response, throttle_ms, 1),
	STRUCTS(api_versions_response, features, feature, 3, TAG(0)),
	I64(api_versions_response, final_epoch, 3, MISSING(-1), TAG(1)),
	STRUCTS(api_versions_response, final_features, final_feature, 3, TAG(2)),
	BOOL(api_versions_response, is_ready_to_migrate, 3, TAG(3)),
};
KAFKA_TAGGED_LAYOUT(api_versions_response);

static const struct kafka_field sasl_handshake_request_fields[] = {
	STRING(sasl_handshake_request, mechanism, 0),
};
KAFKA_LAYOUT(sasl_handshake_request);

static const struct kafka_field sasl_handshake_response_fields[] = {
	I16(sasl_handshake_response, error, 0),
	STRINGS(sasl_handshake_response, mechanisms, 0),
};
KAFKA_LAYOUT(sasl_handshake_response);

static const struct kafka_field sasl_authenticate_request_fields[] = {
	BYTES(sasl_authenticate_request, bytes, 0),
};
KAFKA_LAYOUT(sasl_authenticate_request);

static const struct kafka_field sasl_authenticate_response_fields[] = {
	I16(sasl_authenticate_response, error, 0),
	STRING(sasl_authenticate_response, error_message, 0, NULL_FROM(0)),
	BYTES(sasl_authenticate_response, bytes, 0),
	I64(sasl_authenticate_response, lifetime_ms, 1),
};
KAFKA_LAYOUT(sasl_authenticate_response);
/* clang-format on */
