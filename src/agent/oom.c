/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/oom.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"

#define VMSTAT_MAX ((size_t)1 << 20)

bool oom_parse(const char *text, uint64_t *kills)
{
	static const char field[] = "oom_kill ";
	const char *at = strstr(text, field);

	while (at != NULL && at != text && at[-1] != '\n')
		at = strstr(at + 1, field);
	return at != NULL && sscanf(at + strlen(field), "%" SCNu64, kills) == 1;
}

uint64_t oom_kills(void)
{
	struct error ignored;
	uint64_t kills = 0;
	size_t len;
	char *text = file_read("/proc/vmstat", VMSTAT_MAX, &len, &ignored);

	if (text != NULL)
		(void)oom_parse(text, &kills);
	free(text);
	return kills;
}
