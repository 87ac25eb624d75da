/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_CORE_H
#define OMB_DRIVER_CORE_H

/*
 * core -- what the core gives to a driver: messages, clients to open, and whom to call back.
 *
 * The other half of the contract is driver.h, where its rules stand.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct header {
	const char *name;
	const void *value; /* NULL = a name without a value, where the broker knows that */
	size_t value_len;
};

struct outgoing {
	const void *payload; /* borrowed for the call; never NULL */
	size_t payload_len;
	const char *key; /* borrowed for the call; NULL = no key */
	size_t key_len;
	const struct header *headers; /* borrowed for the call */
	size_t headers_count;
};

enum redelivery {
	REDELIVERY_UNKNOWN, /* this broker does not say it of any message */
	REDELIVERY_NO,
	REDELIVERY_YES, /* the broker says that it delivered this before */
};

struct received {
	const void *payload; /* borrowed for the call */
	size_t payload_len;
	const char *key; /* borrowed for the call; NULL = no key, or the broker does not carry it */
	size_t key_len;
	int32_t partition; /* -1 where the broker has none */
	enum redelivery redelivery;
	int64_t broker_ms; /* the driver's own publish time, ms since 1970; 0 = none */
	/* Its i-th header, borrowed for the call; false: there are no more.  Only who wants to know them
	 * pays for looking.  NULL = it has none. */
	bool (*header)(const struct received *m, size_t i, struct header *out);
	const void *native; /* the driver's, for `header` */
};

struct sent_report {
	bool acknowledged;  /* false: failed, for good */
	int32_t partition;  /* -1 where unknown */
	const char *reason; /* of a failure, borrowed for the call; else NULL */
};

enum driver_event {
	DRIVER_EVENT_CONNECTION, /* a connection was lost or refused; the client goes on trying */
	DRIVER_EVENT_CLIENT,     /* the client library reports any other error */
	DRIVER_EVENT_COMMIT,     /* a commit of positions failed */
	DRIVER_EVENT_POLL,       /* a receive failed */
	DRIVER_EVENT_REBALANCE,  /* partitions moved; not an error */
	DRIVER_EVENT_FATAL,      /* this client will never work again */
	DRIVER_EVENT_COUNT
};

/* Calls from the driver into the core.  `owner` is what the client was opened with. */
struct driver_core {
	/* Message `token` came back; exactly once for each SEND_QUEUED. */
	void (*sent)(void *owner, uint64_t token, const struct sent_report *report);
	void (*received)(void *owner, const struct received *message);
	/* What is reported from here on may have arrived only now: after each further look for more
	 * (receive, poll) within one hook.  Reports share readings of the clock, and a message that
	 * came after the reading would seem faster than it was.  May be called from any number of
	 * looks that find nothing. */
	void (*looked)(void *owner);
	/* The consumer now has this many partitions (0 after losing all of them). */
	void (*assigned)(void *owner, uint32_t partitions);
	/* Counted by kind and text; a few that differ are kept (agent/note.h).  `text` is borrowed. */
	void (*event)(void *owner, enum driver_event kind, const char *text);
	/* Administration: `done` of the items asked for are finished.  Called with 0 before the first
	 * request that may change anything: without that call there is nothing to tidy up after a
	 * failure.  owner = driver_context.owner */
	void (*progress)(void *owner, size_t done);
};

struct driver_context {
	const void *config; /* of this driver, configured; lives longer than the instance */
	const struct driver_core *core;
	void *owner;           /* for progress */
	const char *run_id;    /* letters and digits; part of every name that the run creates */
	const char *client_id; /* tells this agent apart in the broker's logs */
	/* Of a driver's own broker: when the load begins, by clock_ns; 0 as long as nobody knows. */
	const _Atomic uint64_t *load_start_ns;
};

struct producer_spec {
	void *owner;
	const char *topic; /* lives longer than the producer */
	uint32_t id;
};

struct consumer_spec {
	void *owner;
	const char *topic;
	const char *subscription;
	uint32_t id;
	uint32_t partitions; /* of the topic; 0 = unknown */
	uint32_t members;    /* consumers of the subscription, itself included, on all workers */
};

struct topic_spec {
	const char *name;
	uint32_t partitions;
};

/* A subscription.  For some brokers its name alone says which one it is, for others it belongs to its
 * topic. */
struct group_spec {
	const char *topic; /* NULL or "": not known */
	const char *name;
};

enum send_status {
	SEND_QUEUED, /* taken over: comes back once through core->sent */
	SEND_BUSY,   /* not now: nothing happened, offer it again after a serve; never blocks */
	SEND_FAILED, /* never: *err says why; does not come back */
};

#endif
