/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_STORE_H
#define OMB_BROKER_STORE_H

/*
 * store -- the messages of all topics in their one memory: topics come and go, and what is dropped
 * when it is full.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/options.h"
#include "broker/store/pool.h"
#include "broker/store/topics.h"
#include "kafka/error.h"
#include "util/error.h"

struct groups;

struct store {
	const struct broker_options *options; /* borrowed */
	struct broker_counts *counts;         /* borrowed */
	struct groups *groups;                /* borrowed: what they committed is not held */
	struct pool pool;
	struct topics topics;
	uint64_t scarce_ns;    /* the last time that nothing could be dropped; 0: it can */
	uint64_t full_told_ns; /* when a notice said so; 0: never */
	uint64_t drop_told_ns; /* likewise, of messages dropped unread */
};

/* The borrowed ones are filled in. */
bool store_init(struct store *s, struct error *err);
void store_fini(struct store *s);

/* Room for `chunks` more, dropping what may be dropped.  False: producers have to wait. */
bool store_make_room(struct store *s, size_t chunks, uint64_t now_ns);

enum kafka_error store_create_topic(struct store *s, struct kafka_string name, int32_t partitions);
/* Why store_create_topic refused; NULL: it did not. */
const char *store_topic_reason(enum kafka_error error);
/* Who waits for its data is woken. */
void store_delete_topic(struct store *s, struct topic *topic);
/* The node that leads a partition. */
int32_t store_leader(const struct store *s, const struct topic *topic, int32_t partition);
/* Notices say how many messages of each topic were dropped unread, if any. */
void store_tell_dropped(const struct store *s);

#endif
