/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's JSON of statistics, as far as it is read. */
#include "driver/kafka/statistics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char producer[] =
	"{ \"name\": \"x \\\" {\", \"msg_cnt\":3, \"msg_size\":300, \"brokers\":{ \"a:1/0\": { "
	"\"tx\":53, \"txretries\":2, \"disconnects\":1, \"rtt\": { \"min\":-1, \"max\":716, "
	"\"avg\":1.5e3, \"sum\":1182, \"cnt\":8 }, \"toppars\":{ \"t-0\": { \"partition\":0} } } , "
	"\"b:1/1\": { \"txretries\":5, \"rtt\": { \"max\":900, \"sum\":18, \"cnt\":2 } } }, "
	"\"topics\":{ \"t\": { \"batchsize\": { \"sum\":584, \"cnt\":8 }, \"batchcnt\": { "
	"\"sum\":80, \"cnt\":8 }, \"partitions\":{ \"0\": { \"fetchq_cnt\":0, \"txmsgs\":3} } } } , "
	"\"tx\":53, \"tx_bytes\":6344, \"rx\":53, \"rx_bytes\":3442}";

static const char consumer[] =
	"{ \"msg_cnt\":0, \"topics\":{ \"t\": { \"partitions\":{ \"0\": { \"fetchq_cnt\":7, "
	"\"fetchq_size\":70} , \"-1\": { \"fetchq_cnt\":1, \"fetchq_size\":9} } } } }";

static void everything_that_is_wanted_is_found(void **state)
{
	struct claims latest, sums = { 0 };

	(void)state;
	kafka_statistics_read(producer, sizeof(producer) - 1, &latest, &sums);
	assert_int_equal(latest.values[CLAIM_QUEUE_MESSAGES], 3);
	assert_int_equal(latest.values[CLAIM_QUEUE_BYTES], 300);
	assert_int_equal(latest.values[CLAIM_REQUESTS], 53);
	assert_int_equal(latest.values[CLAIM_BYTES_OUT], 6344);
	assert_int_equal(latest.values[CLAIM_BYTES_IN], 3442);
	assert_int_equal(latest.values[CLAIM_RETRIES], 7);
	assert_int_equal(latest.values[CLAIM_DISCONNECTS], 1);
	assert_int_equal(latest.values[CLAIM_ROUND_TRIP_MAX_NS], 900000);
	assert_int_equal(sums.values[CLAIM_ROUND_TRIPS], 10);
	assert_int_equal(sums.values[CLAIM_ROUND_TRIP_NS], 1200000);
	assert_int_equal(sums.values[CLAIM_BATCHES], 8);
	assert_int_equal(sums.values[CLAIM_BATCH_MESSAGES], 80);
	assert_int_equal(sums.values[CLAIM_BATCH_BYTES], 584);

	kafka_statistics_read(consumer, sizeof(consumer) - 1, &latest, &sums);
	assert_int_equal(latest.values[CLAIM_QUEUE_MESSAGES], 8);
	assert_int_equal(latest.values[CLAIM_QUEUE_BYTES], 79);
	assert_int_equal(latest.said >> CLAIM_REQUESTS & 1, 0); /* not 0, but not said */
}

static void what_is_of_an_interval_adds_up_and_what_is_of_a_life_does_not(void **state)
{
	struct claims latest, sums = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++)
		kafka_statistics_read(producer, sizeof(producer) - 1, &latest, &sums);
	assert_int_equal(sums.values[CLAIM_BATCHES], 16);
	assert_int_equal(latest.values[CLAIM_REQUESTS], 53);
	assert_int_equal(latest.values[CLAIM_RETRIES], 7);
}

/* A library may say anything: each beginning of it, and any byte in place of another. */
static void nothing_of_it_is_read_beyond_its_end(void **state)
{
	static const char bytes[] = "{}[]\"\\:9-";
	char copy[sizeof(producer)];
	struct claims latest, sums = { 0 };

	(void)state;
	for (size_t len = 0; len < sizeof(producer); len++) {
		char *piece = test_malloc(len + 1);
		memcpy(piece, producer, len);
		kafka_statistics_read(piece, len, &latest, &sums);
		test_free(piece);
	}
	for (size_t i = 0; i < sizeof(producer); i++)
		for (size_t k = 0; k < sizeof(bytes); k++) { /* its NUL, too */
			memcpy(copy, producer, sizeof(copy));
			copy[i] = bytes[k];
			kafka_statistics_read(copy, sizeof(copy) - 1, &latest, &sums);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_that_is_wanted_is_found),
		cmocka_unit_test(what_is_of_an_interval_adds_up_and_what_is_of_a_life_does_not),
		cmocka_unit_test(nothing_of_it_is_read_beyond_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
