/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_STRING_H
#define OMB_KAFKA_STRING_H

/*
 * string -- text or bytes as Kafka has them: with a length, without an end, and perhaps null.
 */

#include <stddef.h>
#include <stdint.h>

struct kafka_string {
	const char *data; /* borrowed, unless its holder says that it owns it; NULL: null */
	size_t len;
};

struct kafka_string kafka_string_of(const char *text); /* NULL: null */
/* The caller frees `data`; a null stays null. */
struct kafka_string kafka_string_copy(struct kafka_string s);
/* Order of two strings by their bytes: below, at or above 0. */
int kafka_string_compare(struct kafka_string a, struct kafka_string b);
/* FNV-1a. */
uint32_t kafka_string_hash(struct kafka_string s);

#endif
