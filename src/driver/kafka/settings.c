/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/settings.h"

#include <stdlib.h>
#include <string.h>

const struct kafka_setting *kafka_setting_find(const struct kafka_settings *list, const char *key)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].key, key) == 0)
			return &list->items[i];
	return NULL;
}

const char *kafka_setting_value(const struct kafka_settings *list, const char *key,
                                const char *otherwise)
{
	const struct kafka_setting *s = kafka_setting_find(list, key);
	return s == NULL ? otherwise : s->value;
}

uint32_t kafka_standstill_ms(const struct kafka_config *c)
{
	const char *ms = kafka_setting_value(&c->roles[KAFKA_CONSUMER], "session.timeout.ms", "");

	/* Checked when it was translated.  Absent: librdkafka's own default. */
	return ms[0] != '\0' ? (uint32_t)strtoul(ms, NULL, 10) : 45000;
}
