/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever text comes as Java properties, reading ends with an error that has a line, or with keys
 * that are each there once and have a value.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/properties.h"
#include "util/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct properties p = { 0 };
	struct arena a = { 0 };
	struct error err = { 0 };

	if (properties_parse((const char *)data, len, 1, &a, &p, &err)) {
		for (size_t i = 0; i < p.count; i++) {
			assert(p.items[i].value != NULL && p.items[i].line > 0);
			assert(p.items[i].replaced_line < p.items[i].line);
			assert(properties_find(&p, p.items[i].key) == &p.items[i]);
		}
	} else {
		assert(err.kind == ERROR_CONFIG && err.text[0] != '\0');
	}
	arena_fini(&a);
	return 0;
}
