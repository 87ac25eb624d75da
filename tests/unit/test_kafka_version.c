/* SPDX-License-Identifier: Apache-2.0 */
/* Which Kafka a broker is, by what it answers to ApiVersions. */
#include "driver/kafka/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kafka/api.h"
#include "kafka/codec.h"
#include "kafka/messages/session.h"

static void write_answer(struct writer *w, int16_t error, int16_t level)
{
	const struct kafka_api *api = kafka_api_find(KAFKA_API_VERSIONS);
	struct kafka_api_range apis[] = { { KAFKA_PRODUCE, 0, 9 }, { KAFKA_FETCH, 4, 16 } };
	struct kafka_feature features[] = {
		{ { "group.version", 13 }, 0, 1 },
		{ { "metadata.version", 16 }, 7, level },
	};
	struct kafka_api_versions_response r = { .error = error };
	const struct kafka_encoder e = { .version = 3, .is_flexible = true, .out = w };

	r.apis.items = apis;
	r.apis.count = 2;
	r.features.items = features;
	r.features.count = level > 0 ? 2 : 0;
	kafka_answer_head_write(w, api, 3, 0);
	kafka_encode(&e, api->answer, &r);
}

static void a_broker_is_named_by_the_level_of_its_metadata(void **state)
{
	static const struct {
		int16_t level;
		const char *wanted;
	} cases[] = {
		{ 1, "Kafka 3.0, by its metadata.version 1" },
		{ 19, "Kafka 3.7, by its metadata.version 19" },
		{ 25, "Kafka 4.0, by its metadata.version 25" },
		{ 999, "Kafka, newer than 4.3: metadata.version 999" },
		{ 0, "unknown (Produce up to version 9, Fetch up to 16)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = { 0 };
		char version[64];
		write_answer(&w, 0, cases[i].level);
		assert_true(kafka_version_read(w.data, w.len, version, sizeof(version)));
		assert_string_equal(version, cases[i].wanted);
		writer_fini(&w);
	}
}

static void what_is_no_answer_is_none(void **state)
{
	struct writer w = { 0 };
	char version[64];

	(void)state;
	write_answer(&w, 35, 25); /* it does not know this version of the question */
	assert_false(kafka_version_read(w.data, w.len, version, sizeof(version)));
	writer_clear(&w);
	write_answer(&w, 0, 25);
	for (size_t len = 0; len < w.len; len++)
		(void)kafka_version_read(w.data, len, version, sizeof(version));
	assert_false(kafka_version_read(w.data, 9, version, sizeof(version)));
	writer_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broker_is_named_by_the_level_of_its_metadata),
		cmocka_unit_test(what_is_no_answer_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
