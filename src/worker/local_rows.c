/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/local_state.h"

/* The next `count` strings of a job's output, borrowed; false at its end. */
static bool next_record(const struct text *output, size_t *at, const char **fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (*at >= output->len)
			return false;
		fields[i] = output->data + *at;
		*at += strlen(fields[i]) + 1;
	}
	return true;
}

void local_take_rows(struct local *l, struct fact_rows *rows)
{
	const char *f[ADMIN_DESCRIBE_FIELDS];
	size_t count = 0;

	for (size_t at = 0; next_record(&l->job->output, &at, f, ADMIN_DESCRIBE_FIELDS);)
		count++;
	rows->items = arena_alloc(l->call->arena, count * sizeof(*rows->items));
	rows->count = 0;
	for (size_t at = 0; next_record(&l->job->output, &at, f, ADMIN_DESCRIBE_FIELDS);) {
		struct arena *arena = l->call->arena;
		rows->items[rows->count++] = (struct fact_row){
			.section = arena_strdup(arena, f[0]),
			.key = arena_strdup(arena, f[1]),
			.value = arena_strdup(arena, f[2]),
			.origin = arena_strdup(arena, f[3]),
			.note = arena_strdup(arena, f[4]),
		};
	}
}

void local_take_version(struct local *l)
{
	const char *version;
	size_t at = 0;

	if (next_record(&l->job->output, &at, &version, ADMIN_VERSION_FIELDS))
		(void)snprintf(l->environment.broker, sizeof(l->environment.broker), "%s", version);
}

struct admin_job local_ends_job(struct local *l, const struct worker_topic_ends *of)
{
	struct topic_spec *specs = arena_alloc(&l->arena, (of->topics_count + 1) * sizeof(*specs));

	for (size_t i = 0; i < of->topics_count; i++)
		specs[i] = (struct topic_spec){ .name = of->topics[i] };
	return (struct admin_job){ .kind = ADMIN_TOPIC_ENDS,
		                   .topics = specs,
		                   .topics_count = of->topics_count };
}

void local_take_ends(struct local *l, struct worker_topic_ends *to)
{
	const char *f[ADMIN_ENDS_FIELDS];
	size_t at = 0, count = 0;
	uint64_t *ends = arena_alloc(l->call->arena, (to->topics_count + 1) * sizeof(*ends));
	uint32_t *partitions =
		arena_alloc(l->call->arena, (to->topics_count + 1) * sizeof(*partitions));

	while (count < to->topics_count &&
	       next_record(&l->job->output, &at, f, ADMIN_ENDS_FIELDS)) {
		ends[count] = strtoull(f[0], NULL, 10);
		partitions[count++] = (uint32_t)strtoul(f[1], NULL, 10);
	}
	bool is_told = count == to->topics_count;
	to->ends = is_told ? ends : NULL;
	to->partitions = is_told ? partitions : NULL;
}
