/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fourteen Kafka driver files that OMB ships, by what their blocks hold.
 */
#include <stdio.h>

#include "kafka_fixture.h"

static const struct {
	const char *name, *common, *producer, *topic;
	const char *linger, *batch, *codec;
} files[] = {
	{ "throughput", "default.api.timeout.ms=1200000\nrequest.timeout.ms=1200000\n",
	  "linger.ms=1\nbatch.size=1048576\n", "", "1", "1048576", "(unset)" },
	{ "latency", "", "linger.ms=1\nbatch.size=131072\n", "", "1", "131072", "(unset)" },
	{ "no-linger", "", "linger.ms=0\nbatch.size=1048576\n", "", "0", "1048576", "(unset)" },
	{ "sync", "", "linger.ms=1\nbatch.size=1048576\n", "flush.messages=1\nflush.ms=0\n", "1",
	  "1048576", "(unset)" },
	{ "big-batches", "", "linger.ms=100\nbatch.size=1048576\nmax.request.size=4194304\n", "",
	  "100", "1048576", "(unset)" },
	{ "big-batches-gzip", "", "linger.ms=200\nbatch.size=1048576\ncompression.type=gzip\n", "",
	  "200", "1048576", "gzip" },
	{ "big-batches-lz4", "", "linger.ms=200\nbatch.size=1048576\ncompression.type=lz4\n", "",
	  "200", "1048576", "lz4" },
	{ "big-batches-snappy", "", "linger.ms=200\nbatch.size=1048576\ncompression.type=snappy\n",
	  "", "200", "1048576", "snappy" },
	{ "big-batches-zstd", "", "linger.ms=200\nbatch.size=1048576\ncompression.type=zstd\n", "",
	  "200", "1048576", "zstd" },
	{ "compression-gzip", "", "linger.ms=1\nbatch.size=1048576\ncompression.type=gzip\n", "",
	  "1", "1048576", "gzip" },
	{ "compression-lz4", "", "linger.ms=1\nbatch.size=1048576\ncompression.type=lz4\n", "", "1",
	  "1048576", "lz4" },
	{ "compression-snappy", "", "linger.ms=1\nbatch.size=1048576\ncompression.type=snappy\n",
	  "", "1", "1048576", "snappy" },
	{ "compression-zstd", "", "linger.ms=1\nbatch.size=1048576\ncompression.type=zstd\n", "",
	  "1", "1048576", "zstd" },
	{ "exactly-once", "",
	  "linger.ms=1\nbatch.size=1048576\nenable.idempotence=true\n"
	  "max.in.flight.requests.per.connection=1\nretries=2147483647\n",
	  "", "1", "1048576", "(unset)" },
};

static void the_fourteen_files_of_omb_translate_without_an_error(void **state)
{
	(void)state;
	assert_int_equal(sizeof(files) / sizeof(files[0]), 14);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char common[256], producer[256], topic[128];
		struct run r;
		snprintf(common, sizeof(common), SERVERS "%s", files[i].common);
		snprintf(producer, sizeof(producer), "acks=all\n%s", files[i].producer);
		snprintf(topic, sizeof(topic), "min.insync.replicas=2\n%s", files[i].topic);
		translate(&r, &(struct input){
				      .common = common,
				      .producer = producer,
				      .topic = topic,
				      .consumer = "auto.offset.reset=earliest\n"
						  "enable.auto.commit=false\n"
						  "max.partition.fetch.bytes=10485760\n",
			      });
		no_errors(&r);
		assert_string_equal(value(&r, P, "linger.ms"), files[i].linger);
		assert_string_equal(value(&r, P, "batch.size"), files[i].batch);
		assert_string_equal(value(&r, P, "compression.type"), files[i].codec);
		assert_string_equal(value(&r, P, "acks"), "all");
		assert_string_equal(value(&r, P, "enable.idempotence"), "true");
		assert_string_equal(value(&r, C, "max.partition.fetch.bytes"), "10485760");
		assert_string_equal(origin(&r, C, "auto.offset.reset"), ORIGIN_FILE);
		assert_true(r.config.manual_commit);
		assert_string_equal(kafka_setting_value(&r.config.topic, "min.insync.replicas", ""),
		                    "2");
		done(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fourteen_files_of_omb_translate_without_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
