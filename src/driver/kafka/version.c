/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/version.h"

#include <stdio.h>
#include <string.h>

#include "driver/kafka/kafka.h"
#include "driver/kafka/request.h"
#include "facts/environment.h"
#include "kafka/api.h"
#include "kafka/messages/session.h"

#define ASKED_VERSION 3 /* of ApiVersions: the first with features */
#define LISTS_MAX     65536

/* The last level of each release, as MetadataVersion of Apache Kafka counts them. */
static const struct {
	int16_t last;
	const char *release;
} releases[] = {
	{ 1, "3.0" },  { 2, "3.1" },  { 3, "3.2" },  { 7, "3.3" },  { 8, "3.4" },
	{ 11, "3.5" }, { 14, "3.6" }, { 19, "3.7" }, { 20, "3.8" }, { 21, "3.9" },
	{ 25, "4.0" }, { 27, "4.1" }, { 29, "4.2" }, { 30, "4.3" },
};

const char *kafka_release_of(int16_t metadata_level)
{
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		if (metadata_level > 0 && metadata_level <= releases[i].last)
			return releases[i].release;
	return NULL;
}

static bool is_named(const struct kafka_string *s, const char *name)
{
	return (size_t)s->len == strlen(name) && memcmp(s->data, name, strlen(name)) == 0;
}

static int16_t api_last(const struct kafka_api_versions_response *r, int16_t key)
{
	for (size_t i = 0; i < r->apis.count; i++)
		if (r->apis.items[i].key == key)
			return r->apis.items[i].last;
	return -1;
}

static void describe(const struct kafka_api_versions_response *r, char *out, size_t size)
{
	int16_t level = 0;

	for (size_t i = 0; i < r->features.count; i++)
		if (is_named(&r->features.items[i].name, "metadata.version"))
			level = r->features.items[i].last;
	const char *release = kafka_release_of(level);
	if (release != NULL)
		(void)snprintf(out, size, "Kafka %s, by its metadata.version %d", release, level);
	else if (level > 0)
		(void)snprintf(out, size, "Kafka, newer than %s: metadata.version %d",
		               releases[sizeof(releases) / sizeof(releases[0]) - 1].release, level);
	else
		(void)snprintf(out, size, "unknown (Produce up to version %d, Fetch up to %d)",
		               api_last(r, KAFKA_PRODUCE), api_last(r, KAFKA_FETCH));
}

bool kafka_version_read(const void *answer, size_t len, char *out, size_t size)
{
	struct kafka_api_versions_response r = { 0 };
	struct kafka_memory memory = { .max = LISTS_MAX };

	/* One that does not know version 3 says so in the words of version 0. */
	bool ok = kafka_request_read(answer, len, KAFKA_API_VERSIONS, ASKED_VERSION, &memory, &r) &&
	          r.error == 0;
	if (ok)
		describe(&r, out, size);
	kafka_memory_fini(&memory);
	return ok;
}

/* --- asking ---------------------------------------------------------------------------------------- */

static bool ask_version(const struct ask_whom *server, char *out, size_t size)
{
	const struct kafka_api_versions_request question = { { "omb", 3 }, { "1", 1 } };
	struct buffer answer;

	bool ok = kafka_request(server, KAFKA_API_VERSIONS, ASKED_VERSION, &question, &answer) &&
	          kafka_version_read(buffer_data(&answer), buffer_pending(&answer), out, size);
	buffer_fini(&answer);
	return ok;
}

bool kafka_version_ask(const struct kafka_settings *s, char *out, size_t size)
{
	const char *at = kafka_setting_value(s, "bootstrap.servers", "");
	struct tls_options tls;
	char address[256];
	struct ask_whom server = { .address = address,
		                   .tls = kafka_request_tls(s, &tls) ? &tls : NULL };

	for (;;) {
		at += strspn(at, ", ");
		size_t len = strcspn(at, ", ");
		if (len == 0)
			return false;
		(void)snprintf(address, sizeof(address), "%.*s", (int)len, at);
		if (ask_version(&server, out, size))
			return true;
		at += len;
	}
}

void kafka_broker_version(void *instance, char *out, size_t size)
{
	const struct kafka_instance *c = instance;
	struct environment program;

	out[0] = '\0';
	if (c->config->broker == KAFKA_BROKER_EMBEDDED) {
		environment_set_program(&program);
		(void)snprintf(out, size, "omb %s", program.version);
		return;
	}
	(void)kafka_version_ask(&c->config->roles[KAFKA_ADMIN], out, size);
}
