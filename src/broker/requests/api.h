/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_API_H
#define OMB_BROKER_API_H

/*
 * api -- which requests the broker serves, in which versions, and how one is: decoded, acted upon,
 * and its answer encoded.  The table is the whole truth: the answer to ApiVersions and the dispatch
 * read it.
 *
 * Versions are those that librdkafka 2.0 to 2.15 send.  The oldest is always 0, because librdkafka
 * derives features from old versions.  All are non-flexible but ApiVersions 3.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/request.h"
#include "broker/state.h"

/* One visit of a request whose head was read; what it answers is written to `out` and its splices. */
enum handled api_handle(struct state *s, struct request *req, uint64_t now_ns, struct writer *out);

/* Members, generations, offsets. */
bool api_is_of_groups(int16_t key);

#endif
