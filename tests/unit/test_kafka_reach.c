/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties whose value names a file or runs something are marked: every property of the library and
 * of our table that takes any text is looked at here, and one that is not is a failure.
 */
#include "driver/kafka/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>

static const char *const files[] = {
	"https.ca.location", "offset.store.path",        "sasl.kerberos.keytab",
	"ssl.ca.location",   "ssl.certificate.location", "ssl.crl.location",
	"ssl.key.location",  "ssl.keystore.location",    NULL,
};

static const char *const commands[] = {
	"plugin.library.paths", "sasl.kerberos.kinit.cmd", "ssl.engine.id",
	"ssl.engine.location",  "ssl.providers",           NULL,
};

/* Words, numbers, secrets, addresses, texts in the value itself. */
static const char *const harmless[] = {
	"bootstrap.servers",
	"broker.version.fallback",
	"builtin.features",
	"client.dns.lookup",
	"client.id",
	"client.rack",
	"client.software.name",
	"client.software.version",
	"debug",
	"default_topic_conf",
	"group.id",
	"group.instance.id",
	"group.protocol.type",
	"group.remote.assignor",
	"https.ca.pem",
	"interceptors",
	"log_cb",
	"open_cb",
	"partition.assignment.strategy",
	"sasl.kerberos.principal",
	"sasl.kerberos.service.name",
	"sasl.mechanism",
	"sasl.oauthbearer.client.id",
	"sasl.oauthbearer.client.secret",
	"sasl.oauthbearer.config",
	"sasl.oauthbearer.extensions",
	"sasl.oauthbearer.scope",
	"sasl.oauthbearer.token.endpoint.url",
	"sasl.password",
	"sasl.username",
	"socket_cb",
	"ssl.ca.certificate.stores",
	"ssl.ca.pem",
	"ssl.certificate.pem",
	"ssl.cipher.suites",
	"ssl.curves.list",
	"ssl.key.password",
	"ssl.key.pem",
	"ssl.keystore.password",
	"ssl.sigalgs.list",
	"topic.blacklist",
	"transactional.id",
	NULL,
};

static bool is_in(const char *const *list, const char *key)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, key) == 0)
			return true;
	return false;
}

static void check(const struct name *n)
{
	bool is_file = (n->flags & NAME_FILE) != 0, runs = (n->flags & NAME_COMMAND) != 0;

	if (is_in(files, n->key) != is_file || is_in(commands, n->key) != runs)
		fail_msg("%s has the wrong mark", n->key);
	if (n->type == NAME_TEXT && !is_file && !runs && !is_in(harmless, n->key))
		fail_msg("%s: does it name a file, does it run something?", n->key);
}

static void every_property_of_our_table_is_marked_or_known_as_harmless(void **state)
{
	(void)state;
	for (unsigned i = 0; name_at(i) != NULL; i++)
		if (!(name_at(i)->flags & NAME_ALIAS))
			check(name_at(i));
	for (const char *const *f = files; *f != NULL; f++)
		assert_non_null(name_find(*f));
	for (const char *const *c = commands; *c != NULL; c++)
		assert_non_null(name_find(*c));
}

/* As this version of the library lists them. */
static void every_property_of_the_library_that_can_be_set_is_looked_at(void **state)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	size_t count = 0, seen = 0;
	const char **pairs = rd_kafka_conf_dump(conf, &count);

	(void)state;
	for (size_t i = 0; i < count; i += 2) {
		const struct name *n = name_find(pairs[i]);
		if (n == NULL)
			continue; /* a driver file that has it is refused */
		check(n);
		seen++;
	}
	assert_true(seen > 80);
	rd_kafka_conf_dump_free(pairs, count);
	rd_kafka_conf_destroy(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_property_of_our_table_is_marked_or_known_as_harmless),
		cmocka_unit_test(every_property_of_the_library_that_can_be_set_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
