/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_BROKER_HARNESS_H
#define OMB_TESTS_BROKER_HARNESS_H

/*
 * broker_harness -- frames for the embedded broker and what it answers, without a socket; for unit
 * tests and the fuzzer.  The clock stands still until it is told to go on.
 */

#include "broker/broker.h"
#include "kafka/error.h"
#include "kafka/wire.h"
#include "net/bytes.h"

#define BROKER_CLIENTS_MAX 1200

/* A connection and the last answer on it. */
struct broker_client {
	struct connection *c; /* NULL: closed */
	struct writer frame;  /* of the request under way */
	struct writer answer; /* without length and correlation id */
	int32_t correlation;  /* of the answer */
	enum handled how;
	unsigned answers;
};

struct broker_harness {
	struct broker *b;
	uint64_t now_ns;
	struct broker_client clients[BROKER_CLIENTS_MAX];
	char notices[4096]; /* one line each */
};

/* `options` with the harness's own callbacks; NULL: the defaults with 4 MB. */
void broker_harness_init(struct broker_harness *h, const struct broker_options *options);
void broker_harness_fini(struct broker_harness *h);

/* Client `i` connects. */
struct broker_client *broker_harness_connect(struct broker_harness *h, int i);

/* Sends c->frame, which request_begin began; the answer stands in c->answer when c->how is
 * HANDLED_REPLY. */
void broker_harness_send(struct broker_harness *h, struct broker_client *c);
/* Time passes, and what is due is done. */
void broker_harness_pass(struct broker_harness *h, uint64_t ns);

/* Begins a request in c->frame. */
void request_begin(struct broker_client *c, int16_t api, int16_t version);

/* A batch of `messages` messages, `len` bytes in all (at least 61), whose records are not real. */
struct test_batch {
	uint32_t messages, len;
	int64_t producer; /* -1 */
	int16_t epoch;
	int32_t sequence;
	int64_t timestamp_ms;
	uint8_t fill; /* of the records */
};
void write_test_batch(struct writer *w, const struct test_batch *b);

/* A request in c->frame but for its `len` bytes of batches. */
void write_produce_head(struct broker_client *c, const char *topic, int32_t partition, size_t len);
/* A whole request in c->frame. */
void write_produce(struct broker_client *c, const char *topic, int32_t partition,
                   const struct test_batch *batch);
struct fetch_request {
	const char *topic;
	int32_t partition;
	int64_t offset;
	int32_t max_wait_ms, min_bytes, max_bytes, partition_max_bytes;
};
void write_fetch(struct broker_client *c, const struct fetch_request *f);

/* Whole exchanges; each returns the error of the (only) partition or topic. */
int16_t harness_create_topic(struct broker_harness *h, struct broker_client *c, const char *name,
                             int32_t partitions);
int16_t harness_delete_topic(struct broker_harness *h, struct broker_client *c, const char *name);
void harness_send_produce(struct broker_harness *h, struct broker_client *c, const char *topic,
                          int32_t partition, const struct test_batch *batch);
/* Of an answer that is there. */
int16_t harness_read_produced(const struct broker_client *c, int64_t *offset);
int16_t harness_produce(struct broker_harness *h, struct broker_client *c, const char *topic,
                        int32_t partition, const struct test_batch *batch, int64_t *offset);

void harness_send_fetch(struct broker_harness *h, struct broker_client *c,
                        const struct fetch_request *f);
struct fetched {
	int16_t error;
	int64_t high_watermark, log_start;
	const uint8_t *records; /* in c->answer */
	size_t records_len;
};
struct fetched harness_read_fetched(const struct broker_client *c);

#endif
