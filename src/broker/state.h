/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_STATE_H
#define OMB_BROKER_STATE_H

/*
 * state -- the inside of a broker, for its own files: what the handlers work on.
 */

#include "broker/broker.h"
#include "broker/groups.h"
#include "broker/pool.h"
#include "broker/topics.h"
#include "util/heap.h"

struct broker {
	struct broker_options options;
	struct broker_counts counts;
	char host[256];
	char cluster_id[32];
	int ports[BROKER_NODES_MAX];
	struct pool pool;
	struct topics topics;
	struct groups *groups;
	uint64_t groups_next_ns; /* when they want their tick */
	struct faults *faults;
	int64_t next_producer_id;

	struct connection *connections;
	size_t connections_count;
	uint64_t next_connection;
	struct connection *woken;  /* to be handled again */
	struct connection **slots; /* owned; by connection->slot */
	uint32_t slots_cap;
	struct heap deadlines; /* of waiting requests, by slot; may be out of date */

	uint64_t scarce_ns;    /* the last time that nothing could be dropped; 0: it can */
	uint64_t full_told_ns; /* when a notice said so; 0: never */
	uint64_t drop_told_ns; /* likewise, of messages dropped unread */
	bool readers_told;     /* that there are too many */
};

void broker_notice(struct broker *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Room for `chunks` more, dropping what may be dropped.  False: producers have to wait. */
bool broker_make_room(struct broker *b, size_t chunks, uint64_t now_ns);

enum kafka_error broker_create_topic(struct broker *b, struct kafka_string name,
                                     int32_t partitions);
/* Why broker_create_topic refused; NULL: it did not. */
const char *broker_topic_reason(enum kafka_error error);
void broker_delete_topic(struct broker *b, struct topic *topic);
/* The node that leads a partition. */
int32_t broker_leader(const struct broker *b, const struct topic *topic, int32_t partition);

/* A Produce with acks=0. */
bool produce_is_one_way(const struct request *req);

request_handler handle_api_versions, handle_metadata, handle_produce, handle_fetch,
	handle_list_offsets, handle_create_topics, handle_delete_topics, handle_init_producer_id;

#endif
