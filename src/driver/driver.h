/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_DRIVER_H
#define OMB_DRIVER_DRIVER_H

/*
 * driver -- the contract between the core and a broker's client library.
 *
 * The core owns clock, schedule, stamps, counts and histograms.  A driver moves bytes and says what
 * became of each message.  It does not measure, print, exit, sleep or start threads of its own
 * unless its library forces it to.
 *
 * An *instance* is what a loop has of a driver: what its producers and consumers share, a connection
 * perhaps.  A *client* is a producer or a consumer.
 *
 * Life: configure (any process; pure) -> open an instance (in an agent, after its fork, once for each
 * loop of the agent) -> producer_open / consumer_open -> send, serve ... -> [close_begin of all
 * clients of the loop] -> producer_close / consumer_close -> close.  Close is called exactly once for every open that returned true, and
 * never for one that failed.  All but `configure`, `reach`, `load_doubts`, `traits` and the broker's
 * `is_wanted`, which are pure and may be called in any process, runs in an agent: a parent never touches
 * a client library, because a client made before a fork does nothing after it.
 *
 * Memory: the core allocates instance, producer and consumer (instance_size, ...; zeroed, aligned to
 * 64 bytes) and frees them.  `send` and `serve` are the hot path: they take no lock and allocate
 * nothing of their own (what the client library does is its own affair).
 *
 * Waiting: one thread waits for all clients of a loop.  A producer or consumer hands out one
 * descriptor that turns readable when there is something to serve.  The core waits for the *edge*
 * and never reads from it; so serve must go on until it returns less than it was asked for.  A
 * driver that has to wait on several descriptors or timers hands out an epoll descriptor of its
 * own.  A producer without one hands out -1 and is served in every turn while it has messages under
 * way; a consumer must have one.
 *
 * Threads: an instance and all that was opened from it belong to one thread.  The callbacks of
 * `struct driver_core` are called from inside a hook of that same thread, never from elsewhere.
 *
 * Callbacks: any hook may report what has come back, of any client of that thread, `send` included.
 * `send` may even report the message that it was called with, acknowledged or failed: its token is
 * valid from the call on, and `send` answers SEND_QUEUED then, nothing else.  The core reads the
 * clock anew at the first report of each hook and after each core->looked, and never uses a reading
 * older than the send.  A report never makes the core call another hook; received.header is none.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/admin.h"
#include "driver/core.h"
#include "driver/doubt.h"
#include "driver/library.h"
#include "driver/traits.h"
#include "facts/origin.h"
#include "util/error.h"

struct arena;
struct claims;
struct driver_file;
struct option_spec;

/* --- what it says about itself -------------------------------------------------------------- */

struct driver_row {
	const char *section; /* "producer", "consumer", "topic", "meaning", "library" */
	const char *key, *value;
	const char *origin; /* one of ORIGIN_* (facts/origin.h), or "" */
	const char *note;   /* "" = none */
};

typedef void driver_row_fn(void *to, const struct driver_row *row);

/* A driver whose client stands in for another (clientDefaults) says in the meaning section, under
 * "client defaults", whose defaults hold. */

/* What the meaning section must answer, so that brokers are compared honestly: keys
 * "acknowledgement", "replication", "persistence", "ordering", "batching", "consumer ack", "redelivery", "tls". */

/* --- what it touches -------------------------------------------------------------------------- */

/* A setting whose value names a file of the host, or what is run there. */
struct driver_reach {
	const char *key, *value;
	bool is_command;
};

typedef void driver_reach_fn(void *to, const struct driver_reach *reach);

/* --- the driver ------------------------------------------------------------------------------- */

enum driver_flag {
	DRIVER_PARTITIONS = 1 << 0,   /* consumers report their partitions through core->assigned */
	DRIVER_KEYS = 1 << 1,         /* keys reach the broker */
	DRIVER_TIMESTAMP = 1 << 2,    /* received.broker_ms is filled */
	DRIVER_HEADERS = 1 << 3,      /* headers reach the broker and come back */
	DRIVER_REDELIVERY = 1 << 4,   /* received.redelivery is known */
	DRIVER_NO_CONSUMERS = 1 << 5, /* nothing is delivered */
	DRIVER_CLIENT_DEFAULTS = 1 << 6, /* its client stands in for another: clientDefaults */
};

/* What a consumer is asked for now and then. */
enum consumer_wish {
	CONSUMER_PAUSE, /* delivery stops; the consumer stays in its group */
	CONSUMER_RESUME,
};

struct driver {
	const char *name;           /* what a driver file says behind `driver:` */
	const char *summary;        /* one line for `omb drivers` */
	const char *caveats;        /* paragraph for the documentation */
	const char *const *classes; /* OMB's driverClass values that mean this driver; NULL ends */
	unsigned flags;
	const struct option_spec *options; /* keys of the driver file; { 0 } ends */
	/* Loaded in each agent before any hook that may call it.  Optional. */
	const struct driver_library *library;
	size_t config_size, instance_size, producer_size, consumer_size;

	/* After the options were parsed into *config: checks and translates.  Pure: no client library,
	 * any process.  Adds every failure to *errors, with its place.  Optional. */
	void (*configure)(void *config, const struct driver_file *file, struct arena *arena,
	                  struct error_list *errors);
	/* What it would read, write or run on the host of its agents besides the marked rows of
	 * `options`: see driver_reach.  Pure.  Optional. */
	void (*reach)(const void *config, driver_reach_fn *fn, void *to);
	/* One row for each line of the effective configuration.  May fail where the library refuses
	 * the configuration. */
	bool (*describe)(const struct driver_context *ctx, driver_row_fn *fn, void *to,
	                 struct error *err);
	/* Doubts about a load with this configuration; texts in the arena.  Pure.  Optional. */
	void (*load_doubts)(const void *config, const struct driver_load *load, struct arena *arena,
	                    driver_doubt_fn *fn, void *to);
	/* Fills in what it has to say into *traits, which is zeroed.  Pure. */
	void (*traits)(const void *config, struct driver_traits *traits);

	bool (*open)(void *instance, const struct driver_context *ctx, struct error *err);
	void (*close)(void *instance);

	/* *fd: the descriptor to wait on, or -1.  Returns without waiting for the broker. */
	bool (*producer_open)(void *instance, void *producer, const struct producer_spec *spec,
	                      int *fd, struct error *err);
	/* Begins what producer_close waits for, and does not wait itself: every producer of the loop
	 * hears of it before the first one is closed, so that closing a hundred takes as long as
	 * closing one.  Messages may come back through core->sent.  Optional. */
	void (*producer_close_begin)(void *producer);
	/* What is still under way comes back as failed through core->sent before this returns. */
	void (*producer_close)(void *producer);
	enum send_status (*send)(void *producer, const struct outgoing *m, uint64_t token,
	                         struct error *err);
	/* The pass of sends is over: what `send` only collected goes out now.  Never blocks.
	 * Optional. */
	void (*flush)(void *producer);
	/* Reports through core->sent what came back.  About `max` at the most; returns how many. */
	unsigned (*producer_serve)(void *producer, unsigned max);

	bool (*consumer_open)(void *instance, void *consumer, const struct consumer_spec *spec,
	                      int *fd, struct error *err);
	/* Begins to leave its group and does not wait for it, as producer_close_begin.  Nothing is
	 * delivered any more once this is called.  Optional. */
	void (*consumer_close_begin)(void *consumer);
	/* Leaves its group.  Nothing is delivered any more once this is called. */
	void (*consumer_close)(void *consumer);
	/* Delivers through core->received.  At most `max`; returns how many. */
	unsigned (*consumer_serve)(void *consumer, unsigned max);
	/* Confirms all that was delivered so far, without waiting.  Optional; does nothing where the
	 * configuration has the client confirm by itself. */
	void (*consumer_commit)(void *consumer);
	/* Optional: no wish can be granted. */
	bool (*consumer_ask)(void *consumer, enum consumer_wish wish, struct error *err);
	/* Called every 100 ms from its opening on until it clears *again: what it does of its own
	 * accord so that all members of its group have their share soon.  Not for one that takes the
	 * place of a dead one: how long its group stands still then is a result.  Optional: where
	 * members hear of each other at once there is nothing to do. */
	bool (*consumer_settle)(void *consumer, bool *again, struct error *err);

	/* Optional: what the client says of itself (stats/claims.h), all that it knows, as of about
	 * now.  Asked about once a second, between two turns of the loop; never waits. */
	void (*producer_claims)(void *producer, struct claims *out);
	void (*consumer_claims)(void *consumer, struct claims *out);

	const struct driver_admin *admin;   /* optional: there is nothing to create */
	const struct driver_broker *broker; /* optional */
};

/* What it answers; all zero where it has nothing to say. */
static inline struct driver_traits driver_traits_of(const struct driver *d, const void *config)
{
	struct driver_traits traits = { 0 };

	if (d->traits != NULL)
		d->traits(config, &traits);
	return traits;
}

#endif
