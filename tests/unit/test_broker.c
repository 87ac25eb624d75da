/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/store/readers.h"
#include "broker_harness.h"

#define MS                    UINT64_C(1000000)
#define S                     (1000 * MS)

#define NO_ERROR              0
#define OFFSET_OUT_OF_RANGE   1
#define UNKNOWN_TOPIC         3
#define INVALID_TOPIC         17
#define TOPIC_EXISTS          36
#define OUT_OF_ORDER_SEQUENCE 45
#define FENCED                47
#define SESSION_NOT_FOUND     70

static const struct test_batch one = { .messages = 1, .len = 161, .producer = -1, .fill = 7 };

static const struct fetch_request from_start = {
	.topic = "t",
	.max_wait_ms = 500,
	.min_bytes = 1,
	.max_bytes = 1 << 20,
	.partition_max_bytes = 1 << 20,
};

static int setup_topic(void **state)
{
	struct broker_harness *h = malloc(sizeof(*h));

	broker_harness_init(h, NULL);
	broker_harness_connect(h, 0);
	broker_harness_connect(h, 1);
	assert_int_equal(harness_create_topic(h, &h->clients[0], "t", 2), NO_ERROR);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	broker_harness_fini(*state);
	free(*state);
	return 0;
}

static void what_is_produced_is_fetched_byte_by_byte(void **state)
{
	struct broker_harness *h = *state;
	struct test_batch batch = { .messages = 3, .len = 200000, .producer = -1, .fill = 9 };
	struct writer wanted = { 0 };
	int64_t offset;

	assert_int_equal(harness_produce(h, &h->clients[0], "t", 0, &one, &offset), NO_ERROR);
	assert_int_equal(offset, 0);
	assert_int_equal(harness_produce(h, &h->clients[0], "t", 0, &batch, &offset), NO_ERROR);
	assert_int_equal(offset, 1);
	harness_send_fetch(h, &h->clients[1], &from_start);
	assert_int_equal(h->clients[1].how, HANDLED_REPLY);
	struct fetched f = harness_read_fetched(&h->clients[1]);
	assert_int_equal(f.error, NO_ERROR);
	assert_int_equal(f.high_watermark, 4);

	/* The base offset and the leader epoch are the broker's. */
	write_test_batch(&wanted, &one);
	write_test_batch(&wanted, &batch);
	memset(wanted.data + 12, 0, 4);
	memset(wanted.data + 161 + 12, 0, 4);
	wanted.data[161 + 7] = 1;
	assert_int_equal(f.records_len, wanted.len);
	assert_memory_equal(f.records, wanted.data, wanted.len);
	writer_fini(&wanted);
}

static void a_fetch_waits_for_data_and_is_woken_by_it(void **state)
{
	struct broker_harness *h = *state;
	struct broker_client *reader = &h->clients[1];
	int64_t offset;

	harness_send_fetch(h, reader, &from_start);
	assert_int_equal(reader->how, HANDLED_WAIT);
	broker_harness_pass(h, 499 * MS);
	assert_int_equal(reader->how, HANDLED_WAIT);
	harness_produce(h, &h->clients[0], "t", 1, &one, &offset); /* another partition */
	assert_int_equal(reader->how, HANDLED_WAIT);
	harness_produce(h, &h->clients[0], "t", 0, &one, &offset);
	assert_int_equal(reader->how, HANDLED_REPLY);
	assert_int_equal(harness_read_fetched(reader).records_len, one.len);
}

static void a_fetch_that_finds_nothing_is_answered_in_time(void **state)
{
	struct broker_harness *h = *state;
	struct broker_client *reader = &h->clients[1];

	harness_send_fetch(h, reader, &from_start);
	broker_harness_pass(h, 500 * MS);
	assert_int_equal(reader->how, HANDLED_REPLY);
	assert_int_equal(harness_read_fetched(reader).records_len, 0);
	/* ... and one that asks for more than there is gets what there is. */
	struct fetch_request more = from_start;
	int64_t offset;
	more.min_bytes = 1000;
	harness_produce(h, &h->clients[0], "t", 0, &one, &offset);
	harness_send_fetch(h, reader, &more);
	assert_int_equal(reader->how, HANDLED_WAIT);
	broker_harness_pass(h, 500 * MS);
	assert_int_equal(harness_read_fetched(reader).records_len, one.len);
}

static void limits_of_a_fetch_hold_but_for_its_first_batch(void **state)
{
	struct broker_harness *h = *state;
	struct fetch_request small = from_start;
	int64_t offset;

	for (int i = 0; i < 5; i++)
		harness_produce(h, &h->clients[0], "t", 0, &one, &offset);
	small.partition_max_bytes = 10;
	harness_send_fetch(h, &h->clients[1], &small);
	assert_int_equal(harness_read_fetched(&h->clients[1]).records_len, one.len);
	small.partition_max_bytes = 3 * (int32_t)one.len + 1;
	harness_send_fetch(h, &h->clients[1], &small);
	assert_int_equal(harness_read_fetched(&h->clients[1]).records_len, 3 * one.len);
	small.max_bytes = 2 * (int32_t)one.len;
	harness_send_fetch(h, &h->clients[1], &small);
	assert_int_equal(harness_read_fetched(&h->clients[1]).records_len, 2 * one.len);
}

static void offsets_outside_and_topics_that_are_not_there_are_errors(void **state)
{
	struct broker_harness *h = *state;
	struct fetch_request f = from_start;
	int64_t offset;

	f.offset = 1;
	harness_send_fetch(h, &h->clients[1], &f);
	assert_int_equal(harness_read_fetched(&h->clients[1]).error, OFFSET_OUT_OF_RANGE);
	f.topic = "other";
	harness_send_fetch(h, &h->clients[1], &f);
	assert_int_equal(harness_read_fetched(&h->clients[1]).error, UNKNOWN_TOPIC);
	f.topic = "t";
	f.partition = 2;
	harness_send_fetch(h, &h->clients[1], &f);
	assert_int_equal(harness_read_fetched(&h->clients[1]).error, UNKNOWN_TOPIC);
	assert_int_equal(harness_produce(h, &h->clients[0], "t", -1, &one, &offset), UNKNOWN_TOPIC);
}

static void topics_are_created_once_with_legal_names_and_deleted(void **state)
{
	struct broker_harness *h = *state;
	struct broker_client *c = &h->clients[0];

	assert_int_equal(harness_create_topic(h, c, "t", 1), TOPIC_EXISTS);
	assert_int_equal(harness_create_topic(h, c, "a b", 1), INVALID_TOPIC);
	assert_int_equal(harness_create_topic(h, c, "..", 1), INVALID_TOPIC);
	assert_int_equal(harness_create_topic(h, c, "", 1), INVALID_TOPIC);
	/* A fetch that waits on a topic learns at once that it has gone. */
	harness_send_fetch(h, &h->clients[1], &from_start);
	assert_int_equal(harness_delete_topic(h, c, "t"), NO_ERROR);
	assert_int_equal(h->clients[1].how, HANDLED_REPLY);
	assert_int_equal(harness_read_fetched(&h->clients[1]).error, UNKNOWN_TOPIC);
	assert_int_equal(harness_delete_topic(h, c, "t"), UNKNOWN_TOPIC);
	assert_int_equal(harness_create_topic(h, c, "t", 1), NO_ERROR);
}

static void topics_that_are_to_be_kept_are_not_deleted(void **state)
{
	static struct broker_harness h;
	struct broker_options o;

	(void)state;
	broker_options_init(&o);
	o.keeps_topics = true;
	broker_harness_init(&h, &o);
	struct broker_client *c = broker_harness_connect(&h, 0);
	assert_int_equal(harness_create_topic(&h, c, "t", 1), NO_ERROR);
	/* The version that librdkafka sends has no better word for it. */
	assert_int_equal(harness_delete_topic(&h, c, "t"), KAFKA_INVALID_REQUEST);
	assert_int_equal(harness_create_topic(&h, c, "t", 1), TOPIC_EXISTS);
	broker_harness_fini(&h);
}

static void a_batch_sent_twice_is_stored_once_and_a_gap_is_refused(void **state)
{
	struct broker_harness *h = *state;
	struct broker_client *c = &h->clients[0];
	struct test_batch b = { .messages = 10, .len = 300, .producer = 1000 };
	int64_t offset;

	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), NO_ERROR);
	b.sequence = 10;
	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), NO_ERROR);
	assert_int_equal(offset, 10);
	b.sequence = 0;
	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), NO_ERROR);
	assert_int_equal(offset, 0); /* where it stands already */
	b.sequence = 30;
	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), OUT_OF_ORDER_SEQUENCE);
	b.epoch = 1;
	b.sequence = 0;
	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), NO_ERROR);
	assert_int_equal(offset, 20);
	b.epoch = 0;
	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), FENCED);
	assert_int_equal(broker_counts(h->b)->produced, 30);
}

static int64_t ask_producer_id(struct broker_harness *h, struct broker_client *c)
{
	request_begin(c, 22, 1);
	write_string(&c->frame, NULL);
	write_i32(&c->frame, 60000);
	broker_harness_send(h, c);
	struct reader r = reader_over(c->answer.data, c->answer.len);
	(void)read_u32(&r);
	assert_int_equal(read_i16(&r), NO_ERROR);
	return read_i64(&r);
}

/* The first producer id that a broker with this seed gives. */
static int64_t first_producer_id(uint64_t seed)
{
	struct broker_harness h;
	struct broker_options o;

	broker_options_init(&o);
	o.memory_bytes = (size_t)1 << 20;
	o.id_seed = seed;
	broker_harness_init(&h, &o);
	struct broker_client *c = broker_harness_connect(&h, 0);
	int64_t first = ask_producer_id(&h, c);
	assert_int_equal(ask_producer_id(&h, c), first + 1);
	broker_harness_fini(&h);
	return first;
}

static void producer_ids_of_two_brokers_are_not_the_same(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 100; seed++) {
		int64_t id = first_producer_id(seed);
		assert_true(id >= 0 && id <= INT64_MAX - INT32_MAX);
		assert_int_equal(id, first_producer_id(seed));
		assert_true(llabs(id - first_producer_id(seed + 1)) > 1000000);
	}
	assert_true(first_producer_id(0) != first_producer_id(0)); /* drawn */
}

static void an_unknown_producer_may_begin_anywhere_and_a_new_epoch_only_at_0(void **state)
{
	struct broker_harness *h = *state;
	struct broker_client *c = &h->clients[0];
	struct test_batch b = { .messages = 1, .len = 100, .producer = 7, .sequence = 57 };
	int64_t offset;

	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), NO_ERROR);
	assert_int_equal(offset, 0);
	b.sequence = 58;
	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), NO_ERROR);
	b.epoch = 1;
	b.sequence = 59;
	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), OUT_OF_ORDER_SEQUENCE);
	b.sequence = 0;
	assert_int_equal(harness_produce(h, c, "t", 0, &b, &offset), NO_ERROR);
	assert_int_equal(offset, 2);
}

static void a_fetch_of_another_brokers_session_is_told_so(void **state)
{
	struct broker_harness *h = *state;
	struct broker_client *c = &h->clients[0];

	request_begin(c, 1, 7);
	write_i32(&c->frame, -1);
	for (int i = 0; i < 3; i++)
		write_i32(&c->frame, 500); /* max wait, min bytes, max bytes */
	write_u8(&c->frame, 0);
	write_i32(&c->frame, 1234); /* session */
	write_i32(&c->frame, 5);    /* its epoch: what has not changed is not named */
	write_u32(&c->frame, 0);
	write_u32(&c->frame, 0);
	broker_harness_send(h, c);
	assert_int_equal(c->how, HANDLED_REPLY);
	struct reader r = reader_over(c->answer.data, c->answer.len);
	(void)read_u32(&r);
	assert_int_equal(read_i16(&r), SESSION_NOT_FOUND);
	assert_int_equal(read_i32(&r), 0);
	assert_int_equal(read_u32(&r), 0);
	assert_true(reader_is_done(&r));
}

/* --- memory ------------------------------------------------------------------------------------- */

#define BIG ((uint32_t)60000) /* nearly a chunk */

static void init_small(struct broker_harness *h, enum broker_full full)
{
	struct broker_options o;

	broker_options_init(&o);
	o.memory_bytes = (size_t)1 << 20; /* 16 chunks */
	o.full = full;
	broker_harness_init(h, &o);
	broker_harness_connect(h, 0);
	broker_harness_connect(h, 1);
	harness_create_topic(h, &h->clients[0], "t", 1);
}

static int64_t fetch_all(struct broker_harness *h, int64_t offset)
{
	struct fetch_request f = from_start;

	f.offset = offset;
	f.max_wait_ms = 0;
	harness_send_fetch(h, &h->clients[1], &f);
	struct fetched got = harness_read_fetched(&h->clients[1]);
	return got.error == NO_ERROR ? (int64_t)(got.records_len / BIG) : -1;
}

static void full_memory_makes_producers_wait_and_loses_nothing(void **state)
{
	struct test_batch b = { .messages = 1, .len = BIG, .producer = -1 };
	struct broker_harness h;
	int64_t offset, sent = 0, read = 0;

	(void)state;
	init_small(&h, BROKER_BLOCK);
	while (harness_produce(&h, &h.clients[0], "t", 0, &b, &offset) == NO_ERROR)
		sent++;
	assert_in_range(sent, 10, 17);
	assert_int_equal(h.clients[0].how, HANDLED_WAIT);
	assert_non_null(strstr(h.notices, "memory is full"));
	broker_harness_pass(&h, 60 * S); /* nobody has read anything: it goes on waiting */
	assert_int_equal(h.clients[0].how, HANDLED_WAIT);

	read += fetch_all(&h, 0);
	assert_true(read > 0);
	fetch_all(&h, read); /* only now they are known to have arrived */
	broker_harness_pass(&h, 5 * MS);
	assert_int_equal(h.clients[0].how, HANDLED_REPLY);
	assert_int_equal(harness_read_produced(&h.clients[0], &offset), NO_ERROR);
	assert_int_equal(offset, sent);
	while (read < sent + 1) {
		int64_t got = fetch_all(&h, read);
		assert_true(got > 0);
		read += got;
	}
	assert_int_equal(broker_counts(h.b)->dropped, 0);
	broker_harness_fini(&h);
}

static void a_reader_that_has_gone_does_not_hold_for_ever(void **state)
{
	struct test_batch b = { .messages = 1, .len = BIG, .producer = -1 };
	struct broker_harness h;
	int64_t offset;

	(void)state;
	init_small(&h, BROKER_BLOCK);
	harness_produce(&h, &h.clients[0], "t", 0, &b, &offset);
	fetch_all(&h, 1);
	while (harness_produce(&h, &h.clients[0], "t", 0, &b, &offset) == NO_ERROR)
		;
	broker_harness_pass(&h, READER_STALE_NS - S);
	assert_int_equal(h.clients[0].how, HANDLED_WAIT);
	broker_harness_pass(&h, 2 * S);
	/* What it had is free, what it had not is still there for the next one. */
	assert_int_equal(broker_counts(h.b)->dropped, 0);
	broker_harness_fini(&h);
}

static void drop_oldest_goes_on_and_tells_readers_that_they_missed_something(void **state)
{
	struct test_batch b = { .messages = 1, .len = BIG, .producer = -1 };
	struct broker_harness h;
	int64_t offset;

	(void)state;
	init_small(&h, BROKER_DROP_OLDEST);
	for (int i = 0; i < 100; i++)
		assert_int_equal(harness_produce(&h, &h.clients[0], "t", 0, &b, &offset), NO_ERROR);
	assert_int_equal(offset, 99);
	assert_int_equal(fetch_all(&h, 0), -1);
	assert_int_equal(harness_read_fetched(&h.clients[1]).error, OFFSET_OUT_OF_RANGE);
	int64_t start = harness_read_fetched(&h.clients[1]).log_start;
	assert_in_range(start, 80, 95);
	assert_int_equal(broker_counts(h.b)->dropped, start);
	assert_true(fetch_all(&h, start) > 0);
	broker_harness_fini(&h);
}

static void a_request_larger_than_the_memory_ends_its_connection(void **state)
{
	struct test_batch b = { .messages = 1, .len = 2 << 20, .producer = -1 };
	struct broker_harness h;

	(void)state;
	init_small(&h, BROKER_BLOCK);
	harness_send_produce(&h, &h.clients[0], "t", 0, &b);
	assert_int_equal(h.clients[0].how, HANDLED_BAD);
	broker_harness_fini(&h);
}

/* --- faults --------------------------------------------------------------------------------------- */

static void init_faulty(struct broker_harness *h, const char *text)
{
	static struct fault fault;
	struct broker_options o;
	struct error err;

	broker_options_init(&o);
	o.memory_bytes = (size_t)4 << 20;
	assert_true(fault_parse(text, FAULTS_OF_BROKER, &fault, &err));
	o.faults = &fault;
	o.faults_count = 1;
	broker_harness_init(h, &o);
	broker_harness_connect(h, 0);
	broker_harness_connect(h, 1);
}

static void faults_of_batches_are_planted_as_often_as_asked_for(void **state)
{
	static const struct {
		const char *fault;
		uint64_t lost, duplicated, refused;
		int64_t end; /* offset behind the last */
	} cases[] = {
		{ "lose:10", 10, 0, 0, 100 },   { "duplicate:10", 0, 10, 0, 110 },
		{ "error:1/1", 0, 0, 100, 0 },  { "deny:10", 0, 0, 10, 100 },
		{ "lose:10@91", 1, 0, 0, 100 }, { "lose:10@1..51", 5, 0, 0, 100 },
		{ "lose:10@1h", 0, 0, 0, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct broker_harness h;
		int64_t offset;
		init_faulty(&h, cases[i].fault);
		harness_create_topic(&h, &h.clients[0], "t", 1);
		for (int k = 0; k < 100; k++)
			harness_produce(&h, &h.clients[0], "t", 0, &one, &offset);
		const struct broker_counts *c = broker_counts(h.b);
		assert_int_equal(c->lost, cases[i].lost);
		assert_int_equal(c->duplicated, cases[i].duplicated);
		assert_int_equal(c->refused, cases[i].refused);
		struct fetch_request end = from_start;
		end.offset = cases[i].end;
		end.max_wait_ms = 0;
		harness_send_fetch(&h, &h.clients[1], &end);
		assert_int_equal(harness_read_fetched(&h.clients[1]).high_watermark, cases[i].end);
		broker_harness_fini(&h);
	}
}

static void a_delay_and_a_stall_hold_requests_as_long_as_asked_for(void **state)
{
	struct broker_harness h;
	int64_t offset;

	(void)state;
	init_faulty(&h, "delay:5ms");
	harness_create_topic(&h, &h.clients[0], "t", 1);
	assert_int_equal(h.clients[0].how, HANDLED_WAIT);
	broker_harness_pass(&h, 5 * MS - 1);
	assert_int_equal(h.clients[0].how, HANDLED_WAIT);
	broker_harness_pass(&h, 1);
	assert_int_equal(h.clients[0].how, HANDLED_REPLY);
	broker_harness_fini(&h);

	init_faulty(&h, "stall:500ms@1s");
	assert_int_equal(harness_create_topic(&h, &h.clients[0], "t", 1), NO_ERROR);
	harness_produce(&h, &h.clients[0], "t", 0, &one, &offset); /* the load begins */
	broker_harness_pass(&h, 1100 * MS);
	harness_create_topic(&h, &h.clients[0], "u", 1);
	assert_int_equal(h.clients[0].how, HANDLED_WAIT);
	broker_harness_pass(&h, 400 * MS);
	assert_int_equal(h.clients[0].how, HANDLED_REPLY);
	broker_harness_fini(&h);
}

static void connections_are_closed_and_turned_away_as_asked_for(void **state)
{
	struct broker_harness h;
	int64_t offset;

	(void)state;
	init_faulty(&h, "close:3");
	harness_create_topic(&h, &h.clients[0], "t", 1);
	harness_create_topic(&h, &h.clients[0], "u", 1);
	assert_int_equal(h.clients[0].how, HANDLED_REPLY);
	harness_create_topic(&h, &h.clients[0], "v", 1);
	assert_int_equal(h.clients[0].how, HANDLED_BAD);
	assert_int_equal(broker_counts(h.b)->closed, 1);
	broker_harness_fini(&h);

	init_faulty(&h, "refuse@5s+2s");
	harness_create_topic(&h, &h.clients[0], "t", 1);
	harness_produce(&h, &h.clients[0], "t", 0, &one, &offset);
	assert_non_null(broker_harness_connect(&h, 2)->c);
	broker_harness_pass(&h, 6 * S);
	assert_null(broker_harness_connect(&h, 3)->c);
	broker_harness_pass(&h, 2 * S);
	assert_non_null(broker_harness_connect(&h, 3)->c);
	broker_harness_fini(&h);
}

/* --- foreign bytes --------------------------------------------------------------------------------- */

/* Every prefix of a good frame is refused or answered; under the sanitizers nothing else happens. */
static void send_prefixes(struct broker_harness *h, const struct writer *good)
{
	for (size_t len = 0; len < good->len; len++) {
		struct broker_client *c = broker_harness_connect(h, 2);
		uint8_t *exact = malloc(len + 1);
		memcpy(exact, good->data, len);
		enum handled how = broker_frame(h->b, c->c, exact, len, h->now_ns);
		assert_true(how == HANDLED_BAD || how == HANDLED_REPLY || how == HANDLED_WAIT);
		broker_disconnect(h->b, c->c);
		free(exact);
	}
}

static void every_truncation_of_a_frame_is_survived(void **state)
{
	struct broker_harness *h = *state;
	struct broker_client *c = &h->clients[0];
	int64_t offset;

	harness_produce(h, c, "t", 0, &one, &offset);
	send_prefixes(h, &c->frame);
	harness_send_fetch(h, c, &from_start);
	send_prefixes(h, &c->frame);
	harness_create_topic(h, c, "v", 3);
	send_prefixes(h, &c->frame);
	harness_delete_topic(h, c, "v");
	send_prefixes(h, &c->frame);
	request_begin(c, 3, 4);
	write_u32(&c->frame, 1);
	write_string(&c->frame, "made");
	write_u8(&c->frame, 1);
	send_prefixes(h, &c->frame);
	request_begin(c, 2, 2);
	write_i32(&c->frame, -1);
	write_u8(&c->frame, 0);
	write_u32(&c->frame, 1);
	write_string(&c->frame, "t");
	write_u32(&c->frame, 1);
	write_i32(&c->frame, 0);
	write_i64(&c->frame, -2);
	send_prefixes(h, &c->frame);
}

static void counts_that_the_bytes_do_not_bear_end_the_connection(void **state)
{
	struct broker_harness *h = *state;
	static const int16_t counted[][2] = { { 3, 4 }, { 19, 4 }, { 20, 3 } };

	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		struct broker_client *c = broker_harness_connect(h, 3);
		request_begin(c, counted[i][0], counted[i][1]);
		write_u32(&c->frame, INT32_MAX);
		broker_harness_send(h, c);
		assert_int_equal(c->how, HANDLED_BAD);
	}
}

static void what_is_no_batch_is_refused(void **state)
{
	struct broker_harness *h = *state;
	struct broker_client *c = &h->clients[0];
	struct test_batch b = one;
	int64_t offset;

	b.messages = 0;
	assert_int_not_equal(harness_produce(h, c, "t", 0, &b, &offset), NO_ERROR);
	harness_send_produce(h, c, "t", 0, &one);
	c->frame.data[c->frame.len - one.len + 16] = 1; /* magic of an older format */
	broker_harness_send(h, c);
	assert_int_equal(harness_read_produced(c, &offset), 43);
	harness_send_produce(h, c, "t", 0, &one);
	c->frame.data[c->frame.len - one.len + 8] = 1; /* longer than what is there */
	broker_harness_send(h, c);
	assert_int_equal(harness_read_produced(c, &offset), 2);
	assert_int_equal(broker_counts(h->b)->produced, 2);
}

static void unknown_requests_end_the_connection_and_new_versions_are_told(void **state)
{
	struct broker_harness *h = *state;
	struct broker_client *c = broker_harness_connect(h, 4);

	request_begin(c, 18, 9);
	broker_harness_send(h, c);
	assert_int_equal(c->how, HANDLED_REPLY);
	struct reader r = reader_over(c->answer.data, c->answer.len);
	assert_int_equal(read_i16(&r), 35);
	uint32_t count = read_u32(&r);
	assert_int_equal(reader_left(&r), count * 6);
	request_begin(c, 0, 99);
	broker_harness_send(h, c);
	assert_int_equal(c->how, HANDLED_BAD);
	c = broker_harness_connect(h, 4);
	request_begin(c, 77, 0);
	broker_harness_send(h, c);
	assert_int_equal(c->how, HANDLED_BAD);
}

/* Groups as one of several nodes lists them. */
static uint32_t list_groups(struct broker_harness *h, int node)
{
	struct broker_client *c = &h->clients[0];

	c->c->req.listener = node;
	request_begin(c, 16, 0);
	broker_harness_send(h, c);
	struct reader r = reader_over(c->answer.data, c->answer.len);
	assert_int_equal(read_i16(&r), NO_ERROR);
	return read_u32(&r);
}

static void each_group_is_listed_by_its_coordinator_alone(void **state)
{
	struct broker_options o;
	struct broker_harness h;

	(void)state;
	broker_options_init(&o);
	o.memory_bytes = 1 << 20;
	o.nodes = 2;
	broker_harness_init(&h, &o);
	struct broker_client *c = broker_harness_connect(&h, 0);
	harness_create_topic(&h, c, "t", 1);
	for (int i = 0; i < 20; i++) {
		char name[16];
		snprintf(name, sizeof(name), "group-%d", i);
		request_begin(c, 8, 0); /* a commit makes it */
		write_string(&c->frame, name);
		write_u32(&c->frame, 1);
		write_string(&c->frame, "t");
		write_u32(&c->frame, 1);
		write_i32(&c->frame, 0);
		write_i64(&c->frame, 1);
		write_string(&c->frame, "");
		broker_harness_send(&h, c);
		assert_int_equal(c->how, HANDLED_REPLY);
	}
	uint32_t first = list_groups(&h, 0), second = list_groups(&h, 1);
	assert_in_range(first, 1, 19);
	assert_int_equal(first + second, 20);
	broker_harness_fini(&h);
}

#define WITH_TOPIC(test) cmocka_unit_test_setup_teardown(test, setup_topic, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TOPIC(what_is_produced_is_fetched_byte_by_byte),
		WITH_TOPIC(a_fetch_waits_for_data_and_is_woken_by_it),
		WITH_TOPIC(a_fetch_that_finds_nothing_is_answered_in_time),
		WITH_TOPIC(limits_of_a_fetch_hold_but_for_its_first_batch),
		WITH_TOPIC(offsets_outside_and_topics_that_are_not_there_are_errors),
		WITH_TOPIC(topics_are_created_once_with_legal_names_and_deleted),
		cmocka_unit_test(topics_that_are_to_be_kept_are_not_deleted),
		WITH_TOPIC(a_batch_sent_twice_is_stored_once_and_a_gap_is_refused),
		cmocka_unit_test(producer_ids_of_two_brokers_are_not_the_same),
		WITH_TOPIC(an_unknown_producer_may_begin_anywhere_and_a_new_epoch_only_at_0),
		WITH_TOPIC(a_fetch_of_another_brokers_session_is_told_so),
		cmocka_unit_test(full_memory_makes_producers_wait_and_loses_nothing),
		cmocka_unit_test(a_reader_that_has_gone_does_not_hold_for_ever),
		cmocka_unit_test(drop_oldest_goes_on_and_tells_readers_that_they_missed_something),
		cmocka_unit_test(a_request_larger_than_the_memory_ends_its_connection),
		cmocka_unit_test(faults_of_batches_are_planted_as_often_as_asked_for),
		cmocka_unit_test(a_delay_and_a_stall_hold_requests_as_long_as_asked_for),
		cmocka_unit_test(connections_are_closed_and_turned_away_as_asked_for),
		WITH_TOPIC(every_truncation_of_a_frame_is_survived),
		WITH_TOPIC(counts_that_the_bytes_do_not_bear_end_the_connection),
		WITH_TOPIC(what_is_no_batch_is_refused),
		cmocka_unit_test(each_group_is_listed_by_its_coordinator_alone),
		WITH_TOPIC(unknown_requests_end_the_connection_and_new_versions_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
