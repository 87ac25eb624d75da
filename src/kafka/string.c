/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/string.h"

#include <string.h>

#include "util/xalloc.h"

uint32_t kafka_string_hash(struct kafka_string s)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ (uint8_t)s.data[i]) * 16777619U;
	return hash;
}

int kafka_string_compare(struct kafka_string a, struct kafka_string b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

	if (order != 0)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

struct kafka_string kafka_string_of(const char *text)
{
	return (struct kafka_string){ .data = text, .len = text ? strlen(text) : 0 };
}

struct kafka_string kafka_string_copy(struct kafka_string s)
{
	if (!s.data)
		return (struct kafka_string){ 0 };

	char *copy = xmalloc(s.len + 1);
	memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	return (struct kafka_string){ .data = copy, .len = s.len };
}
