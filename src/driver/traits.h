/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_TRAITS_H
#define OMB_DRIVER_TRAITS_H

/*
 * traits -- what a configured driver answers to whoever plans and judges a run.
 *
 * Any process may ask; no client library is touched.  Zero is the answer of a driver whose clients
 * are code of our own: no threads, nothing that stands still.
 */

#include <stdbool.h>
#include <stdint.h>

/* What one client takes of its process. */
struct driver_cost {
	uint32_t threads, files, sockets;
	uint64_t memory_bytes;
};

enum driver_ceiling {
	DRIVER_CEILING_UNKNOWN,    /* what its client can do at most was not measured */
	DRIVER_CEILING_BARE,       /* as much as omb itself: next to nothing is behind a send */
	DRIVER_CEILING_CALIBRATED, /* what `omb calibrate` finds through a client library */
};

struct driver_traits {
	struct driver_cost producer, consumer; /* with no broker at all ... */
	struct driver_cost per_broker;         /* ... and for each broker of the cluster */
	enum driver_ceiling ceiling;
	/* How long a message may stay BUSY until the core fails it, if the configuration says so (0 =
	 * it fails at once); else the workload does. */
	bool has_max_block;
	uint32_t max_block_ms;
	/* How long the partitions of a consumer that died may stand still until its group gives them
	 * to others (a session that has to time out). */
	uint32_t standstill_ms;
	/* How long the broker keeps from other consumers what one that died had and had not confirmed, while
	 * all else goes on. */
	uint32_t redelivery_ms;
	/* What its connections ask the kernel for; 0 = nothing, as it has them. */
	uint64_t send_buffer_bytes, receive_buffer_bytes;
	/* An address that it was given is of this host, so the broker shares it with the load. */
	bool is_local;
};

#endif
