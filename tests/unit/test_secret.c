/* SPDX-License-Identifier: Apache-2.0 */
#include "util/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void keys_of_secrets_are_known_by_their_words(void **state)
{
	static const char *const secret[] = {
		"sasl.password",
		"commonConfig.sasl.password",
		"ssl.key.password",
		"ssl.keystore.password",
		"ssl.truststore.password",
		"ssl.key.pem",
		"ssl.keystore.key",
		"sasl.jaas.config",
		"listener.name.x.plain.sasl.jaas.config",
		"sasl.oauthbearer.config",
		"sasl.oauthbearer.client.secret",
		"sasl.oauthbearer.client.credentials.client.secret",
		"sasl.oauthbearer.assertion.private.key.passphrase",
		"schema.registry.basic.auth.user.info",
		"SASL_PASSWORD",
		"sasl.passwd",
		"db-pwd",
		"authToken",
		"authParams",
		"apiKey",
		"aws.secret.access.key",
		"sasl.pass",
	};
	static const char *const open[] = {
		"client.id",
		"bootstrap.servers",
		"ssl.truststore.location",
		"ssl.keystore.location",
		"ssl.key.location",
		"ssl.keystore.type",
		"sasl.username",
		"sasl.mechanism",
		"sasl.oauthbearer.token.endpoint.url",
		"sasl.login.refresh.window.factor",
		"sasl.kerberos.keytab",
		"ssl.endpoint.identification.algorithm",
		"ssl.certificate.location",
		"key.serializer",
		"partition.assignment.strategy",
		"passwordFile",
		"privateKeyPath",
		"credentialsProvider",
		"keyDistributor",
		"payloadFile",
		"messageSize",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		if (!secret_is_key(secret[i]))
			fail_msg("%s is a secret", secret[i]);
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		if (secret_is_key(open[i]))
			fail_msg("%s is no secret", open[i]);
	assert_string_equal(secret_shown("sasl.password", "x"), SECRET_MASK);
	assert_string_equal(secret_shown("sasl.password", ""), "");
	assert_null(secret_shown("sasl.password", NULL));
	assert_string_equal(secret_shown("client.id", "x"), "x");
}

static void an_argument_is_shown_up_to_its_first_secret(void **state)
{
	static const struct {
		const char *argument, *shown;
	} cases[] = {
		{ "commonConfig.sasl.password=correct horse", "commonConfig.sasl.password=****" },
		{ "--set=commonConfig.sasl.password=a=b", "--set=commonConfig.sasl.password=****" },
		{ "commonConfig.sasl.password= x", "commonConfig.sasl.password= ****" },
		{ "commonConfig.sasl.password=", "commonConfig.sasl.password=" },
		{ "commonConfig.sasl.password", "commonConfig.sasl.password" },
		{ "commonConfig.sasl.password horse", "commonConfig.sasl.password ****" },
		{ "producerConfig=client.id=a\nsasl.password = x\nacks=1",
		  "producerConfig=client.id=a\nsasl.password = ****" },
		{ "commonConfig={acks: 1, sasl.password: \"x y\"}",
		  "commonConfig={acks: 1, sasl.password: ****" },
		{ "commonConfig={\"ssl.key.pem\": 'x'}", "commonConfig={\"ssl.key.pem\": ****" },
		{ "producerConfig.sasl.jaas.config=org.x.Plain required username=\"u\";",
		  "producerConfig.sasl.jaas.config=****" },
		{ "commonConfig.ssl.truststore.location=/a b/c",
		  "commonConfig.ssl.truststore.location=/a b/c" },
		{ "commonConfig.bootstrap.servers=h:9092",
		  "commonConfig.bootstrap.servers=h:9092" },
		{ "x=amqp://user:pa:ss@host/v", "x=amqp://user:****@host/v" },
		{ "natsHostUrl=nats://t0ken@h:4222,tls://u:p@h",
		  "natsHostUrl=nats://****@h:4222,tls://u:****@h" },
		{ "http://host:80/a@b", "http://host:80/a@b" },
		{ "brokerFaults=stall:500ms@10s", "brokerFaults=stall:500ms@10s" },
		{ "workloads/secret.yaml", "workloads/secret.yaml" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text out = { 0 };
		secret_add_argument(&out, cases[i].argument);
		assert_string_equal(text_str(&out), cases[i].shown);
		text_fini(&out);
	}
}

static void assert_hidden(const char *text, const char *shown)
{
	struct text out = { 0 };

	secret_add(&out, text);
	assert_string_equal(text_str(&out), shown);
	text_fini(&out);
}

static void what_was_learned_is_hidden_in_any_text(void **state)
{
	(void)state;
	assert_hidden("correct horse", "correct horse");
	secret_learn("sasl.password", "correct horse");
	assert_hidden("sasl.password: \"correct horse\" is wrong",
	              "sasl.password: \"****\" is wrong");
	assert_hidden("correct horsecorrect horse", "********");
	assert_hidden("correct", "correct");
	/* Messages that cut long values, and write ? for what cannot be printed. */
	assert_hidden("\"correct hor...\"", "\"****...\"");
	assert_hidden("\"corr...\"", "\"corr...\"");
	secret_learn("ssl.key.pem", "-----BEGIN KEY-----\nMIIEvQ==\n");
	assert_hidden("of \"-----BEGIN KEY-----?MIIEvQ==?\"", "of \"****\"");
	/* A short one only where it is quoted. */
	secret_learn("sasl.password", "a");
	assert_hidden("a \"a\" 'a' \"a'", "a \"****\" '****' \"a'");
	/* Words that are no secret whatever their key. */
	secret_learn("tokens", "true");
	secret_learn("token", "9092");
	assert_hidden("true, h:9092", "true, h:9092");
	secret_learn("client.id", "someone");
	assert_hidden("someone", "someone");
}

static void secrets_inside_of_values_are_learned(void **state)
{
	(void)state;
	secret_learn("sasl.jaas.config", "org.x.Plain required username=\"alice\" "
	                                 "password=\"tr0ub4\\\"dor; x\" token=zzz999;");
	assert_hidden("alice: tr0ub4\"dor; x", "alice: ****");
	assert_hidden("and zzz999", "and ****");
	secret_learn("bootstrap", "nats://bob:sw0rd@h1:4222,nats://carol:f1sh@h2:4222");
	assert_hidden("sw0rd f1sh bob", "**** **** bob");
	secret_learn("bootstrap", "nats://somebody@h1:4222");
	assert_hidden("somebody", "somebody"); /* as a token it is hidden in addresses alone */
	secret_learn_argument("commonConfig.sasl.password= Tr1cky=\"quo ted\" ");
	assert_hidden("(Tr1cky=\"quo ted\")", "(****)");
	secret_learn_argument("commonConfig={sasl.password: 'in flow'}");
	assert_hidden("(in flow)", "(****)");
	secret_learn_argument("producerConfig=a=b\nsasl.password=f1rst l1ne\nacks=1");
	assert_hidden("(f1rst l1ne)", "(****)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_secrets_are_known_by_their_words),
		cmocka_unit_test(an_argument_is_shown_up_to_its_first_secret),
		cmocka_unit_test(what_was_learned_is_hidden_in_any_text),
		cmocka_unit_test(secrets_inside_of_values_are_learned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
