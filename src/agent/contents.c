/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/contents.h"

#include <assert.h>

bool contents_open(struct contents *c, const struct agent_verify *verify, struct error *err)
{
	*c = (struct contents){ .size = verify->size,
		                .count = verify->count,
		                .seed = verify->seed };
	if (verify->size == 0)
		return true;
	assert(verify->size >= STAMP_BYTES);
	c->pool = payload_map(verify->pool_fd, verify->size, verify->count, err);
	return c->pool != NULL;
}

void contents_close(struct contents *c)
{
	payload_unmap((unsigned char *)(uintptr_t)c->pool, c->size, c->count);
	c->pool = NULL;
}
