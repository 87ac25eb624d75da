/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_CALL_H
#define OMB_BROKER_CALL_H

/*
 * call -- what the handlers of requests are called with, and which there are.
 *
 * A handler is given the request as its struct (kafka/messages/) and fills in the answer, which is
 * written afterwards; it does no I/O.  One that cannot answer yet registers what it waits for with the
 * request's sleeper and returns HANDLED_WAIT: request.h.
 */

#include "broker/request.h"
#include "broker/state.h"
#include "kafka/memory.h"

struct call {
	struct state *state;
	struct request *req;
	struct kafka_memory *memory; /* of the answer's lists; free again once it is written */
	uint64_t now_ns;             /* monotonic clock, read once for each wake-up of the broker */
};

/* `in` and `out` are the structs of its request and answer; `out` has its defaults. */
typedef enum handled request_handler(struct call *c, const void *in, void *out);

/* Records of an answer that stay in their log: the `source` of kafka_records. */
struct log_span {
	const struct log *log;
	uint64_t position;
};

request_handler handle_metadata, handle_produce, handle_fetch, handle_list_offsets,
	handle_create_topics, handle_delete_topics, handle_init_producer_id,
	handle_find_coordinator, handle_join_group, handle_sync_group, handle_heartbeat,
	handle_leave_group, handle_offset_commit, handle_offset_fetch, handle_list_groups,
	handle_describe_groups, handle_delete_groups;

#endif
