/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/java_load.h"

#include <stdlib.h>

#include "util/file.h"
#include "util/xalloc.h"
#include "worker/omb_json.h"

static void write_pool(const struct load_spec *load, const unsigned char *pool, double rate_per_s,
                       struct text *out)
{
	const struct payload_spec *p = &load->payload;
	const void **contents = xcalloc(p->count, sizeof(*contents));
	uint32_t *sizes = xcalloc(p->count, sizeof(*sizes));
	struct omb_assignment assignment = { .contents = contents,
		                             .sizes = sizes,
		                             .count = p->count,
		                             .rate_per_s = rate_per_s,
		                             .keys = load->keys };

	for (uint32_t i = 0; i < p->count; i++) {
		contents[i] = pool != NULL ? pool + (size_t)i * p->size : p->contents[i];
		sizes[i] = p->size;
	}
	omb_assignment_write(&assignment, out);
	free(contents);
	free(sizes);
}

bool java_load_write(const struct load_spec *load, double rate_per_s, struct text *out,
                     struct error *err)
{
	const struct payload_spec *p = &load->payload;

	if (p->contents != NULL) {
		write_pool(load, NULL, rate_per_s, out);
		return true;
	}
	int fd = payload_make(p, err);
	if (fd < 0)
		return false;
	unsigned char *pool = payload_map(fd, p->size, p->count, err);
	file_close(fd);
	if (pool == NULL)
		return false;
	write_pool(load, pool, rate_per_s, out);
	payload_unmap(pool, p->size, p->count);
	return true;
}
