/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_MESSAGES_CONFIGS_H
#define OMB_KAFKA_MESSAGES_CONFIGS_H

/* configs -- what a topic or a broker is set to: DescribeConfigs. */

#include "kafka/schema.h"

enum { KAFKA_RESOURCE_TOPIC = 2, KAFKA_RESOURCE_BROKER = 4 };

struct kafka_config_resource {
	int8_t type;
	struct kafka_string name;
	KAFKA_LIST(struct kafka_string) keys; /* null: all */
};

struct kafka_describe_configs_request {
	KAFKA_LIST(struct kafka_config_resource) resources;
	bool wants_synonyms, wants_documentation;
};

struct kafka_config_synonym {
	struct kafka_string name, value;
	int8_t source;
};

struct kafka_config_entry {
	struct kafka_string name, value;
	bool is_read_only, is_default;
	int8_t source;
	bool is_sensitive;
	KAFKA_LIST(struct kafka_config_synonym) synonyms;
	int8_t type;
	struct kafka_string documentation;
};

struct kafka_described_config {
	int16_t error;
	struct kafka_string error_message;
	int8_t type;
	struct kafka_string name;
	KAFKA_LIST(struct kafka_config_entry) entries;
};

struct kafka_describe_configs_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_described_config) resources;
};

extern const struct kafka_layout describe_configs_request, describe_configs_response;

#endif
