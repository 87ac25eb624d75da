/* SPDX-License-Identifier: Apache-2.0 */

/* What a driver file may say to the loopback driver. */

#include "driver/loopback/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/arena.h"
#include "util/xalloc.h"

extern const struct driver driver_loopback;
static const struct driver *const drv = &driver_loopback;

static void left_alone_the_broker_does_nothing_to_messages(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct loopback_config c = { 0 };
	struct loop_script nothing = { .max_bytes = 1 << 30, .fault_seed = 1 };

	option_defaults(drv->options, &arena, &c);
	assert_memory_equal(&c.script, &nothing, sizeof(nothing));
	assert_null(c.address);
	assert_int_equal(c.max_buffer_bytes, 1 << 20);
	assert_int_equal(c.max_in_flight, 65536);
	assert_true(drv->broker->is_wanted(&c));
	c.external = true;
	assert_false(drv->broker->is_wanted(&c));
	arena_fini(&arena);
}

static void mistakes_in_the_file_are_found(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *name2, *value2, *want;
	} cases[] = {
		{ "address", "nowhere", "external", "false",
		  "address: \"nowhere\" is neither @name nor 127.0.0.1:port nor [::1]:port" },
		{ "external", "true", "delay", "0s", "external: true needs an address" },
		{ "brokerFaults", "stall:2s@1s/2s", "external", "false",
		  "brokerFaults: fault \"stall:2s@1s/2s\", character 13: expected a time longer "
		  "than what comes again instead of 2s" },
		{ "brokerFaults", "refuse", "external", "false",
		  "brokerFaults: fault \"refuse\": this broker cannot do that" },
		{ "brokerFaultLog", "/", "external", "false",
		  "brokerFaultLog: / is a folder: it is not replaced by a file" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena = { 0 };
		struct error_list errors = { 0 };
		struct error err = { 0 };
		void *config = xcalloc(1, drv->config_size);

		option_defaults(drv->options, &arena, config);
		assert_true(option_apply(drv->options, &arena, config, cases[i].name,
		                         cases[i].value, &err));
		assert_true(option_apply(drv->options, &arena, config, cases[i].name2,
		                         cases[i].value2, &err));
		drv->configure(config, NULL, &arena, &errors);
		assert_int_equal(errors.count, 1);
		assert_string_equal(errors.items[0].text, cases[i].want);
		error_list_fini(&errors);
		free(config);
		arena_fini(&arena);
	}
}

static void note_row(void *to, const struct driver_row *row)
{
	static const char *const wanted[] = {
		"acknowledgement", "replication",  "persistence", "ordering",
		"batching",        "consumer ack", "tls",
	};
	unsigned *seen = to;

	assert_string_equal(row->section, "meaning");
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (strcmp(row->key, wanted[i]) == 0)
			*seen |= 1u << i;
}

static void every_question_about_the_meaning_is_answered(void **state)
{
	(void)state;
	struct loopback_config config = { 0 };
	struct driver_context ctx = { .run_id = "x", .config = &config };
	struct error err;
	unsigned seen = 0;

	assert_true(drv->describe(&ctx, note_row, &seen, &err));
	assert_int_equal(seen, 0x7f);
}

static void addresses_are_unix_or_tcp(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int family; /* 0 = refused */
	} cases[] = {
		{ NULL, AF_UNIX },          { "@x", AF_UNIX },    { "127.0.0.1:1", AF_INET },
		{ "[::1]:5999", AF_INET6 }, { "@", 0 },           { "127.0.0.1", 0 },
		{ "127.0.0.1:http", 0 },    { "localhost:1", 0 }, { ":1", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address a;
		struct error err;
		bool ok = loop_address_parse(cases[i].text, "run7", &a, &err);
		assert_int_equal(ok ? a.at.ss_family : 0, cases[i].family);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(left_alone_the_broker_does_nothing_to_messages),
		cmocka_unit_test(mistakes_in_the_file_are_found),
		cmocka_unit_test(every_question_about_the_meaning_is_answered),
		cmocka_unit_test(addresses_are_unix_or_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
