/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/version.h"

#include <stdio.h>
#include <string.h>

#include "driver/ask.h"
#include "driver/kafka/kafka.h"
#include "facts/environment.h"
#include "kafka/api.h"
#include "kafka/codec.h"
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
	const struct kafka_api *api = kafka_api_find(KAFKA_API_VERSIONS);
	struct kafka_api_versions_response r = { 0 };
	struct kafka_memory memory = { .max = LISTS_MAX };
	struct reader reader = reader_over(answer, len);
	struct kafka_decoder d = { .version = ASKED_VERSION,
		                   .is_flexible = true,
		                   .memory = &memory };

	(void)kafka_answer_head_read(&reader, api, ASKED_VERSION);
	/* One that does not know version 3 says so in the words of version 0. */
	bool ok = kafka_decode(&d, api->answer, &reader, &r) && r.error == 0;
	if (ok)
		describe(&r, out, size);
	kafka_memory_fini(&memory);
	return ok;
}

/* --- asking ---------------------------------------------------------------------------------------- */

static size_t frame_bytes(const unsigned char *data)
{
	return 4 + ((size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3]);
}

static bool is_whole(const unsigned char *data, size_t len)
{
	return len >= 4 && len >= frame_bytes(data);
}

static void write_question(struct writer *w)
{
	const struct kafka_api *api = kafka_api_find(KAFKA_API_VERSIONS);
	const struct kafka_head head = { .key = KAFKA_API_VERSIONS,
		                         .version = ASKED_VERSION,
		                         .client_id = { "omb", 3 } };
	const struct kafka_api_versions_request body = { { "omb", 3 }, { "1", 1 } };
	const struct kafka_encoder e = { .version = ASKED_VERSION, .is_flexible = true, .out = w };

	kafka_head_write(w, &head);
	kafka_encode(&e, api->request, &body);
}

static bool ask_version(const struct ask_whom *server, char *out, size_t size)
{
	struct writer body = { 0 }, frame = { 0 };
	struct buffer answer;

	write_question(&body);
	write_u32(&frame, (uint32_t)body.len);
	memcpy(write_space(&frame, body.len), body.data, body.len);
	bool ok = ask_server(server, frame.data, frame.len, is_whole, &answer) &&
	          kafka_version_read(buffer_data(&answer) + 4,
	                             frame_bytes(buffer_data(&answer)) - 4, out, size);
	buffer_fini(&answer);
	writer_fini(&body);
	writer_fini(&frame);
	return ok;
}

/* The client's TLS, as far as a question needs it; false: it has none.  A client that does not look
 * whether the certificate is the server's asks whoever answers. */
static bool tls_of(const struct kafka_settings *s, struct tls_options *out)
{
	const char *check = kafka_setting_value(s, "enable.ssl.certificate.verification", "true");
	const char *name = kafka_setting_value(s, "ssl.endpoint.identification.algorithm", "https");

	*out = (struct tls_options){
		.ca_file = kafka_setting_value(s, "ssl.ca.location", NULL),
		.trusts_anybody = strcmp(check, "false") == 0 || strcmp(name, "none") == 0,
	};
	/* A key with a pass phrase stays the library's: a broker that wants it says no. */
	if (kafka_setting_find(s, "ssl.key.password") == NULL) {
		out->cert_file = kafka_setting_value(s, "ssl.certificate.location", NULL);
		out->key_file = kafka_setting_value(s, "ssl.key.location", NULL);
	}
	return strcasestr(kafka_setting_value(s, "security.protocol", ""), "ssl") != NULL;
}

bool kafka_version_ask(const struct kafka_settings *s, char *out, size_t size)
{
	const char *at = kafka_setting_value(s, "bootstrap.servers", "");
	struct tls_options tls;
	char address[256];
	struct ask_whom server = { .address = address, .tls = tls_of(s, &tls) ? &tls : NULL };

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
