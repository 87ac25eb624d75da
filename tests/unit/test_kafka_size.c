/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes that pass the client and the topic, to the byte: what librdkafka 2.0.2 and Kafka 4.3 did.
 */
#include "driver/kafka/size.h"

#include <stdio.h>

#include "kafka_fixture.h"

#define DOUBTS_MAX 8

struct doubts {
	struct driver_doubt items[DOUBTS_MAX];
	size_t count;
};

static void keep(void *to, const struct driver_doubt *doubt)
{
	struct doubts *d = to;

	assert_true(d->count < DOUBTS_MAX);
	d->items[d->count++] = *doubt;
}

static struct doubts doubts_of(struct run *r, const struct input *in,
                               const struct driver_load *load)
{
	struct doubts d = { .count = 0 };

	translate(r, in);
	no_errors(r);
	kafka_load_doubts(&r->config, load, &r->arena, keep, &d);
	return d;
}

static void a_batch_of_one_is_as_large_as_on_the_wire(void **state)
{
	(void)state;
	assert_int_equal(kafka_batch_bytes(5000, 0), 5070);
	assert_int_equal(kafka_batch_bytes(5000, 10), 5080);
	assert_int_equal(kafka_batch_bytes(1048516, 0), 1048588);
	assert_int_equal(kafka_batch_bytes(1, 0), 61 + 1 + 7);
}

/* clang-format off */
static const struct {
	uint32_t payload, key;
	const char *producer, *topic; /* of a file with the Java client's defaults */
	const char *text, *remedy;    /* of the first doubt; NULL = there is none */
} cases[] = {
	{ 1024, 10, NULL, NULL, NULL, NULL },
	/* message.max.bytes, with the topic out of the way. */
	{ 1048540, 0, NULL, "max.message.bytes=9000000", NULL, NULL },
	{ 1048541, 0, NULL, "max.message.bytes=9000000",
	  "messageSize: every message fails: 1048541 bytes and the record around them may take 1048577, "
	  "and the producer's max.request.size is 1048576 (the Java client's default)",
	  "--set producerConfig.max.request.size=1048577" },
	{ 1048530, 10, NULL, "max.message.bytes=9000000", NULL, NULL },
	{ 1048531, 10, NULL, "max.message.bytes=9000000", "messageSize: every message fails",
	  "--set producerConfig.max.request.size=1048577" },
	{ 5000, 0, "max.request.size=5036\nbatch.size=100", NULL, NULL, NULL },
	{ 5001, 0, "max.request.size=5036\nbatch.size=100", NULL,
	  "messageSize: every message fails: 5001 bytes and the record around them may take 5037, and "
	  "the producer's max.request.size is 5036 (as the driver file says)",
	  "--set producerConfig.max.request.size=5037" },
	/* buffer.memory. */
	{ 65536, 0, "buffer.memory=65536", NULL, NULL, NULL },
	{ 65537, 0, "buffer.memory=65536", NULL,
	  "messageSize: every message fails: 65537 bytes do not fit into the producer's queue of 64 kB",
	  "--set producerConfig.buffer.memory=66560" },
	/* The topic's limit. */
	{ 5000, 0, "batch.size=100", "max.message.bytes=5070", NULL, NULL },
	{ 5000, 0, "batch.size=100", "max.message.bytes=5069",
	  "messageSize: the broker refuses every message: a batch of one takes 5070 bytes, and "
	  "topicConfig's max.message.bytes is 5069",
	  "--set topicConfig.max.message.bytes=5070" },
	{ 5000, 10, "batch.size=100", "max.message.bytes=5080", NULL, NULL },
	{ 5000, 10, "batch.size=100", "max.message.bytes=5079", "messageSize: the broker refuses",
	  "--set topicConfig.max.message.bytes=5080" },
	{ 5000, 0, "batch.size=100\ncompression.type=lz4", "max.message.bytes=5069",
	  "messageSize: the broker refuses every message unless compression makes them smaller", NULL },
	/* The broker's own. */
	{ 1048516, 0, "max.request.size=3000000", NULL, NULL, NULL },
	{ 1048517, 0, "max.request.size=3000000", NULL,
	  "messageSize: a broker as it comes refuses every message: a batch of one takes 1048589 bytes",
	  "--set topicConfig.max.message.bytes=1048589" },
	/* Whole batches. */
	{ 1000, 0, NULL, "max.message.bytes=5000",
	  "batches of up to 16384 bytes (batch.size) are larger than topicConfig's max.message.bytes of "
	  "5000", "--set producerConfig.batch.size=5000" },
	{ 1000, 0, "batch.size=5000", "max.message.bytes=5000", NULL, NULL },
	{ 1000, 0, "compression.type=zstd", "max.message.bytes=5000", NULL, NULL },
};
/* clang-format on */

static void sizes_are_doubted_from_the_first_byte_that_does_not_pass(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct driver_load load = { .payload_bytes = cases[i].payload,
			                    .key_bytes = cases[i].key };
		struct run r;
		struct doubts d = doubts_of(
			&r,
			&(struct input){ .producer = cases[i].producer, .topic = cases[i].topic },
			&load);

		if (d.count != (cases[i].text != NULL))
			fail_msg("case %zu: %zu doubts: %s", i, d.count,
			         d.count > 0 ? d.items[0].text : "");
		if (cases[i].text != NULL) {
			if (strncmp(d.items[0].text, cases[i].text, strlen(cases[i].text)) != 0)
				fail_msg("%s\n  instead of %s", d.items[0].text, cases[i].text);
			if (cases[i].remedy != NULL)
				assert_string_equal(d.items[0].remedy, cases[i].remedy);
			assert_int_equal(d.items[0].weight, DRIVER_WARNING);
		}
		done(&r);
	}
}

static void a_file_for_librdkafka_is_spoken_to_in_its_words(void **state)
{
	(void)state;
	struct driver_load load = { .payload_bytes = 999965 };
	struct run r;

	struct doubts d = doubts_of(&r, &(struct input){ .librdkafka = true }, &load);
	assert_int_equal(d.count, 1);
	assert_non_null(strstr(d.items[0].text, "the producer's message.max.bytes is 1000000 "
	                                        "(librdkafka's default)"));
	assert_string_equal(d.items[0].remedy, "--set producerConfig.message.max.bytes=1000001");
	done(&r);
	load.payload_bytes--;
	assert_int_equal(doubts_of(&r, &(struct input){ .librdkafka = true }, &load).count, 0);
	done(&r);
}

static void consumers_are_doubted_only_where_there_are_some(void **state)
{
	(void)state;
	static const char producer[] = "max.request.size=9000000";
	struct input in = { .producer = producer, .topic = "max.message.bytes=9000000" };
	struct driver_load load = { .payload_bytes = 3000000 };
	struct run r;

	assert_int_equal(doubts_of(&r, &in, &load).count, 0);
	done(&r);
	load.is_consumed = true;
	struct doubts d = doubts_of(&r, &in, &load);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.items[0].weight, DRIVER_NOTE); /* it arrives all the same */
	assert_non_null(strstr(d.items[0].text, "max.partition.fetch.bytes is 1048576"));
	done(&r);
	in.consumer = "receive.message.max.bytes=2500000\nfetch.max.bytes=1000000\n";
	d = doubts_of(&r, &in, &load);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.items[0].weight, DRIVER_WARNING);
	assert_non_null(strstr(d.items[0].text, "the consumers cannot receive a batch of 3000074"));
	done(&r);
}

static void an_interval_of_commits_is_void_where_the_client_commits(void **state)
{
	(void)state;
	struct driver_load load = { .payload_bytes = 100, .is_consumed = true, .commits = true };
	struct run r;

	assert_int_equal(doubts_of(&r, &(struct input){ 0 }, &load).count, 0);
	done(&r);
	struct doubts d =
		doubts_of(&r, &(struct input){ .consumer = "enable.auto.commit=true" }, &load);
	assert_int_equal(d.count, 1);
	assert_non_null(strstr(d.items[0].text, "commitInterval has no effect"));
	done(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_of_one_is_as_large_as_on_the_wire),
		cmocka_unit_test(sizes_are_doubted_from_the_first_byte_that_does_not_pass),
		cmocka_unit_test(a_file_for_librdkafka_is_spoken_to_in_its_words),
		cmocka_unit_test(consumers_are_doubted_only_where_there_are_some),
		cmocka_unit_test(an_interval_of_commits_is_void_where_the_client_commits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
