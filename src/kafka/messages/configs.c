/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/messages/configs.h"

/* clang-format off */

static const struct kafka_field config_resource_fields[] = {
	I8(config_resource, type, 0),
	STRING(config_resource, name, 0),
	STRINGS(config_resource, keys, 0, NULL_FROM(0)),
};
static KAFKA_LAYOUT(config_resource);

static const struct kafka_field describe_configs_request_fields[] = {
	STRUCTS(describe_configs_request, resources, config_resource, 0),
	BOOL(describe_configs_request, wants_synonyms, 1),
	BOOL(describe_configs_request, wants_documentation, 3),
};
KAFKA_LAYOUT(describe_configs_request);

static const struct kafka_field config_synonym_fields[] = {
	STRING(config_synonym, name, 1),
	STRING(config_synonym, value, 1, NULL_FROM(0)),
	I8(config_synonym, source, 1),
};
static KAFKA_LAYOUT(config_synonym);

static const struct kafka_field config_entry_fields[] = {
	STRING(config_entry, name, 0),
	STRING(config_entry, value, 0, NULL_FROM(0)),
	BOOL(config_entry, is_read_only, 0),
	BOOL(config_entry, is_default, 0, UNTIL(1)),
	I8(config_entry, source, 1, MISSING(-1)),
	BOOL(config_entry, is_sensitive, 0),
	STRUCTS(config_entry, synonyms, config_synonym, 1),
	I8(config_entry, type, 3),
	STRING(config_entry, documentation, 3, NULL_FROM(0)),
};
static KAFKA_LAYOUT(config_entry);

static const struct kafka_field described_config_fields[] = {
	I16(described_config, error, 0),
	STRING(described_config, error_message, 0, NULL_FROM(0)),
	I8(described_config, type, 0),
	STRING(described_config, name, 0),
	STRUCTS(described_config, entries, config_entry, 0),
};
static KAFKA_LAYOUT(described_config);

static const struct kafka_field describe_configs_response_fields[] = {
	I32(describe_configs_response, throttle_ms, 0),
	STRUCTS(describe_configs_response, resources, described_config, 0),
};
KAFKA_LAYOUT(describe_configs_response);
/* clang-format on */
