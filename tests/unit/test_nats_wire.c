/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "driver/nats/wire.h"
#include "util/text.h"

static void facts_of_a_delivery_are_read_from_both_forms_of_its_subject(void **state)
{
	static const char *const replies[] = {
		"$JS.ACK.stream.group.2.17.18.1700000000123456789.3",
		"$JS.ACK.domain.hash.stream.group.2.17.18.1700000000123456789.3",
		"$JS.ACK._.hash.stream.group.2.17.18.1700000000123456789.3.token",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct nats_delivery_facts f;
		assert_true(nats_wire_delivery(replies[i], &f));
		assert_int_equal(f.delivered, 2);
		assert_int_equal(f.stream_sequence, 17);
		assert_int_equal(f.broker_ns, 1700000000123456789);
	}
}

static void other_subjects_are_no_deliveries(void **state)
{
	static const char *const replies[] = {
		NULL,
		"",
		"_INBOX.x.1",
		"$JS.ACK.",
		"$JS.ACK.s.g.1.1.1.1",
		"$JS.ACK.s.g.0.1.1.1.0",
		"$JS.ACK.x.s.g.1.1.1.1.0",
	};
	struct nats_delivery_facts f;

	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		assert_false(nats_wire_delivery(replies[i], &f));
}

static void an_answer_is_an_error_with_its_description_or_none(void **state)
{
	static const struct {
		const char *json, *why; /* NULL: no error */
	} cases[] = {
		{ "{\"stream\":\"a\",\"seq\":12}", NULL },
		{ "{\"type\":\"x\",\"error\":{\"code\":503,\"description\":\"no space\"}}",
		  "no space" },
		{ "{\"error\":{\"code\":503}}", "refused by JetStream" },
		{ "+OK", "an answer that is not of JetStream" },
		{ "", "an answer that is not of JetStream" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[64] = "";
		bool ok = nats_wire_answer(cases[i].json, strlen(cases[i].json), why, sizeof(why));
		assert_int_equal(ok, cases[i].why == NULL);
		if (!ok)
			assert_string_equal(why, cases[i].why);
	}
}

static void a_description_is_cut_to_its_room(void **state)
{
	static const char json[] = "{\"error\":{\"description\":\"0123456789";
	char why[5];

	(void)state;
	assert_false(nats_wire_answer(json, strlen(json), why, sizeof(why)));
	assert_string_equal(why, "0123");
}

static void the_request_for_a_durable_consumer_says_what_it_shall_be(void **state)
{
	struct nats_durable d = {
		.stream = "s",
		.name = "g",
		.ack = NATS_ACK_ALL,
		.ack_wait_ns = 5,
		.max_ack_pending = 7,
	};
	struct text out = { 0 };

	(void)state;
	nats_wire_create_body(&d, &out);
	assert_non_null(strstr(text_str(&out), "\"ack_policy\":\"all\""));
	assert_non_null(strstr(text_str(&out), "\"ack_wait\":5,\"max_ack_pending\":7"));
	assert_null(strstr(text_str(&out), "deliver_subject"));
	text_fini(&out);

	d.deliver_subject = "d";
	d.ack = NATS_ACK_NONE;
	nats_wire_create_body(&d, &out);
	assert_non_null(
		strstr(text_str(&out), "\"deliver_subject\":\"d\",\"deliver_group\":\"g\""));
	assert_null(strstr(text_str(&out), "max_ack_pending")); /* the server refuses it then */
	text_fini(&out);

	nats_wire_create_subject(&d, &out);
	assert_string_equal(text_str(&out), "$JS.API.CONSUMER.DURABLE.CREATE.s.g");
	text_fini(&out);
}

static void names_of_streams_have_nothing_that_names_may_not_have(void **state)
{
	struct text out = { 0 };

	(void)state;
	nats_wire_stream_name("omb-a.b/c d*>", &out);
	assert_string_equal(text_str(&out), "omb-a_b_c_d__");
	text_fini(&out);
}

static void numbers_end_a_subject(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_true(nats_wire_number("_INBOX.abc.18446744073709551615", &n));
	assert_true(n == UINT64_MAX);
	assert_false(nats_wire_number("_INBOX.abc.", &n));
	assert_false(nats_wire_number("_INBOX.abc.1x", &n));
	assert_false(nats_wire_number("12", &n));
}

static void servers_are_told_from_what_is_none(void **state)
{
	(void)state;
	static const char *const servers[] = {
		"localhost:4222",    "localhost",         "nats://a",
		"tls://a:1",         "nats://[::1]:4222", "[fe80::1]",
		"nats://u:p@h:4222", "nats://t@h",        "nats://u:p:w@1.2.3.4:65535",
		"nats://h:4222/",    "nats://a@b@h:4222",
	};
	static const char *const others[] = {
		"",        "nats://",   "http://a",     "a b",         "h:0",
		"h:65536", "h:x",       "h:",           ":4222",       "::1:4222",
		"[]:4222", "[::1]4222", "[::1",         "nats://u:p@", "nats://u:p@:4222",
		"u:p@h",   "h:4222/x",  "nats://h:1:2", "/",           "kafka://h:9092",
	};

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		if (!nats_wire_is_server(servers[i]))
			fail_msg("%s is a server", servers[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (nats_wire_is_server(others[i]))
			fail_msg("%s is no server", others[i]);
}

static void a_server_says_its_version_first(void **state)
{
	static const struct {
		const char *info, *version; /* NULL: none */
	} cases[] = {
		{ "INFO {\"server_id\":\"X\",\"version\":\"2.9.10\",\"go\":\"go1.19\"}\r\n",
		  "2.9.10" },
		{ "INFO {\"server_id\":\"X\"}\r\n", NULL },
		{ "INFO {\"version\":\"2.9", NULL },
		{ "INFO {\"version\":\"\"}", NULL },
		{ "HTTP/1.1 400 \"version\":\"2\"", NULL },
		{ "", NULL },
	};
	char version[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok = nats_wire_version(cases[i].info, strlen(cases[i].info), version,
		                            sizeof(version));
		assert_int_equal(ok, cases[i].version != NULL);
		if (ok)
			assert_string_equal(version, cases[i].version);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_of_a_delivery_are_read_from_both_forms_of_its_subject),
		cmocka_unit_test(other_subjects_are_no_deliveries),
		cmocka_unit_test(an_answer_is_an_error_with_its_description_or_none),
		cmocka_unit_test(a_description_is_cut_to_its_room),
		cmocka_unit_test(the_request_for_a_durable_consumer_says_what_it_shall_be),
		cmocka_unit_test(names_of_streams_have_nothing_that_names_may_not_have),
		cmocka_unit_test(numbers_end_a_subject),
		cmocka_unit_test(servers_are_told_from_what_is_none),
		cmocka_unit_test(a_server_says_its_version_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
