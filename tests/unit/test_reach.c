/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration would read, write or run on the host of its agents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/driver_file.h"
#include "config/option.h"
#include "config/workload.h"
#include "driver/registry.h"
#include "util/arena.h"

struct told {
	char text[1024];
};

static void take(void *to, const struct driver_reach *r)
{
	struct told *t = to;
	size_t at = strlen(t->text);

	snprintf(t->text + at, sizeof(t->text) - at, "%s%s=%s\n", r->is_command ? "run " : "",
	         r->key, r->value);
}

static void assert_reach(const char *text, const char *wanted)
{
	struct arena arena = { 0 };
	struct error_list errors = { 0 }, warnings = { 0 };
	struct config_mode mode = { 0 };
	struct driver_file file = { .path = "d.yaml", .mode = &mode, .arena = &arena };
	struct told told = { { 0 } };
	void *config;

	assert_true(driver_file_parse(text, strlen(text), &file, &errors, &warnings));
	const struct driver *d = driver_configure(&file, &arena, &config, &errors, &warnings);
	if (errors.count > 0)
		fail_msg("%s", errors.items[0].text);
	driver_each_reach(d, config, take, &told);
	assert_string_equal(told.text, wanted);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	arena_fini(&arena);
}

static bool has_driver(const char *name)
{
	struct error err;

	return driver_by_name(name, &err) != NULL;
}

static void files_of_a_driver_file_are_told(void **state)
{
	(void)state;
	assert_reach("driver: loopback\n", "");
	assert_reach("driver: loopback\nreportFile: /tmp/x.json\n", "reportFile=/tmp/x.json\n");
	if (has_driver("nats"))
		assert_reach("driver: nats\nnatsHostUrl: h\ncredentialsFile: /c\ntlsCaFile: /a\n"
		             "tlsCertFile: /b\ntlsKeyFile: /k\n",
		             "credentialsFile=/c\ntlsCaFile=/a\ntlsCertFile=/b\ntlsKeyFile=/k\n");
}

#define KAFKA "driver: kafka\ncommonConfig: |\n  bootstrap.servers=h:1\n"

static void files_and_commands_of_kafkas_properties_are_told_once(void **state)
{
	(void)state;
	if (!has_driver("kafka"))
		return;
	assert_reach(KAFKA, "");
	assert_reach(KAFKA "  security.protocol=SSL\n  ssl.ca.location=/ca.pem\n",
	             "ssl.ca.location=/ca.pem\n");
	assert_reach(KAFKA "producerConfig: |\n  plugin.library.paths=/evil.so\n",
	             "run plugin.library.paths=/evil.so\n");
	assert_reach(KAFKA "  security.protocol=SASL_PLAINTEXT\n  sasl.mechanism=GSSAPI\n"
	                   "  sasl.kerberos.kinit.cmd=rm -r /\n",
	             "run sasl.kerberos.kinit.cmd=rm -r /\n");
	/* Without a command of the file librdkafka has one of its own. */
	assert_reach(KAFKA "  security.protocol=SASL_PLAINTEXT\n  sasl.mechanism=GSSAPI\n",
	             "run sasl.mechanism=GSSAPI\n");
}

/* Rows whose help speaks of a file, and those that are marked. */
static void check_table(const struct option_spec *table)
{
	for (; table->name != NULL; table++) {
		bool is_marked = (table->flags & (OPTION_FILE | OPTION_COMMAND)) != 0;
		bool sounds_so = strstr(table->name, "File") != NULL ||
		                 strstr(table->name, "Path") != NULL ||
		                 strstr(table->name, "Command") != NULL;
		if (sounds_so && !is_marked)
			fail_msg("%s names a file or a command and is not marked", table->name);
		assert_true(!is_marked || table->type == OPTION_TEXT);
	}
}

static void no_key_of_a_table_is_forgotten(void **state)
{
	(void)state;
	check_table(workload_table);
	assert_true(option_find(workload_table, "payloadFile")->flags & OPTION_FILE);
	for (size_t i = 0; drivers[i] != NULL; i++)
		check_table(drivers[i]->options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_a_driver_file_are_told),
		cmocka_unit_test(files_and_commands_of_kafkas_properties_are_told_once),
		cmocka_unit_test(no_key_of_a_table_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
