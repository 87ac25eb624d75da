/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/schema.h"

#include <stdlib.h>
#include <string.h>

void kafka_set_number(const struct kafka_field *f, void *at, int64_t value)
{
	switch (f->type) {
	case KAFKA_BOOL:
		*(bool *)at = value != 0;
		break;
	case KAFKA_I8:
		*(int8_t *)at = (int8_t)value;
		break;
	case KAFKA_I16:
		*(int16_t *)at = (int16_t)value;
		break;
	case KAFKA_I32:
		*(int32_t *)at = (int32_t)value;
		break;
	case KAFKA_I64:
		*(int64_t *)at = value;
		break;
	default:
		abort();
	}
}

void kafka_set_default(const struct kafka_field *f, unsigned char *at)
{
	if (f->type == KAFKA_STRUCT)
		kafka_set_defaults(f->inner, at);
	else if (f->type <= KAFKA_I64 && f->missing != 0)
		kafka_set_number(f, at, f->missing);
}

void kafka_set_defaults(const struct kafka_layout *layout, void *message)
{
	unsigned char *bytes = message;

	memset(bytes, 0, layout->size);
	for (size_t i = 0; i < layout->count; i++)
		kafka_set_default(&layout->fields[i], bytes + layout->fields[i].offset);
}
