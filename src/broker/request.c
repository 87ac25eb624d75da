/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/request.h"

#include <stdlib.h>

#include "broker/store/pool.h"
#include "util/xalloc.h"

void request_splice(struct request *req, const struct writer *out, struct chunk *chunk,
                    const uint8_t *data, size_t len)
{
	if (req->splices_count == req->splices_cap) {
		req->splices_cap = req->splices_cap > 0 ? 2 * req->splices_cap : 16;
		req->splices = xrealloc(req->splices, req->splices_cap * sizeof(*req->splices));
	}
	chunk_hold(chunk);
	req->splices[req->splices_count++] = (struct splice){
		.at = out->len,
		.chunk = chunk,
		.data = data,
		.len = len,
	};
}

void request_drop_splices(struct request *req)
{
	for (size_t i = 0; i < req->splices_count; i++)
		chunk_release(req->splices[i].chunk);
	req->splices_count = 0;
}

void request_fini(struct request *req)
{
	sleeper_fini(&req->sleeper);
	request_drop_splices(req);
	free(req->splices);
	*req = (struct request){ 0 };
}
