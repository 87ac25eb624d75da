/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_CLIENT_H
#define OMB_DRIVER_LOOPBACK_CLIENT_H

/*
 * client -- the agent's side of the loopback driver: what its files share.
 *
 * Each producer and each consumer has a connection of its own.  Nothing blocks but the kernel's own
 * connecting and the administration.  A connection that is lost stays lost: what was under way has
 * failed, and the client says so once (DRIVER_EVENT_CONNECTION, then FATAL).
 */

#include <stdbool.h>
#include <stdint.h>

#include "config/option.h"
#include "driver/driver.h"
#include "driver/loopback/address.h"
#include "driver/loopback/script.h"
#include "driver/loopback/wire.h"
#include "net/buffer.h"

struct loopback_config {
	const char *address; /* NULL: named after the run */
	bool external;       /* somebody else runs the broker */
	const char *report_file;
	uint64_t max_buffer_bytes;
	uint32_t max_in_flight;
	const char *broker_faults; /* NULL: none */
	const char *fault_log;     /* file; NULL: none */
	struct loop_script script; /* with the faults */
};

struct loopback_instance {
	const struct loopback_config *config;
	const struct driver_core *core;
	void *owner; /* for progress */
	struct address address;
};

struct loopback_producer {
	const struct driver_core *core;
	const struct loopback_config *config;
	void *owner;
	int fd, epoll_fd;               /* epoll: the socket, and room in it while `is_blocked` */
	struct buffer in, out, headers; /* headers: of the message in hand */
	struct loop_batch batch;        /* the open PRODUCE frame */
	struct loop_reader acks;        /* of the ACKS frame in hand, in `in` ... */
	uint32_t acks_left;             /* ... so many are not reported yet ... */
	size_t acks_bytes;              /* ... of a frame so long; 0 = none in hand */
	uint64_t *tokens;               /* ring of max_in_flight, a mapping */
	uint64_t head, tail;            /* of the ring: taken so far, reported so far */
	bool is_blocked;                /* the socket had no room for all of `out` */
	bool is_refusing;               /* the broker's script wants BUSY */
	bool is_lost;
};

struct loopback_consumer {
	const struct driver_core *core;
	const struct loopback_config *config;
	void *owner;
	int fd;
	struct buffer in, out;
	struct loop_reader run; /* of the DELIVER frame in hand, in `in` ... */
	uint32_t run_left;      /* ... so many are not delivered yet ... */
	size_t run_bytes;       /* ... of a frame so long; 0 = none in hand */
	uint32_t run_partition;
	uint64_t run_offset;                 /* of the next message */
	uint64_t used;                       /* bytes of credit that were not granted again */
	struct loopback_position *positions; /* by partition; known from the first assignment on */
	uint32_t partitions;
	uint32_t *moved; /* partitions whose position was not committed */
	uint32_t moved_count;
	bool is_paused, is_lost;
};

struct loopback_position {
	uint64_t next; /* everything below was delivered */
	bool is_moved;
};

extern const struct option_spec loopback_options[];
extern const struct driver_admin loopback_admin;

void loopback_configure(void *config, const struct driver_file *file, struct arena *arena,
                        struct error_list *errors);
/* Messages that do not pass the producer's buffer. */
void loopback_load_doubts(const void *config, const struct driver_load *load, struct arena *arena,
                          driver_doubt_fn *fn, void *to);
bool loopback_describe(const struct driver_context *ctx, driver_row_fn *fn, void *to,
                       struct error *err);

bool loopback_producer_open(void *instance, void *producer, const struct producer_spec *spec,
                            int *fd, struct error *err);
void loopback_producer_close(void *producer);
enum send_status loopback_send(void *producer, const struct outgoing *m, uint64_t token,
                               struct error *err);
void loopback_flush(void *producer);
unsigned loopback_producer_serve(void *producer, unsigned max);
void loopback_producer_claims(void *producer, struct claims *out);

bool loopback_consumer_open(void *instance, void *consumer, const struct consumer_spec *spec,
                            int *fd, struct error *err);
void loopback_consumer_close(void *consumer);
unsigned loopback_consumer_serve(void *consumer, unsigned max);
void loopback_consumer_commit(void *consumer);
void loopback_consumer_claims(void *consumer, struct claims *out);
bool loopback_consumer_ask(void *consumer, enum consumer_wish wish, struct error *err);

#endif
