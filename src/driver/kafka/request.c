/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/request.h"

#include <string.h>

#include "kafka/api.h"
#include "kafka/codec.h"

#define LENGTH_BYTES 4

bool kafka_request_tls(const struct kafka_settings *s, struct tls_options *out)
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

static size_t frame_bytes(const unsigned char *data)
{
	return LENGTH_BYTES +
	       ((size_t)data[0] << 24 | (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3]);
}

static bool is_whole(const unsigned char *data, size_t len)
{
	return len >= LENGTH_BYTES && len >= frame_bytes(data);
}

static void write_frame(struct writer *w, int16_t key, int16_t version, const void *message)
{
	const struct kafka_api *api = kafka_api_find(key);
	const struct kafka_head head = { .key = key,
		                         .version = version,
		                         .client_id = { "omb", 3 } };
	const struct kafka_encoder e = {
		.version = version,
		.is_flexible = kafka_api_is_flexible(api, version),
		.out = w,
	};

	write_u32(w, 0);
	kafka_head_write(w, &head);
	kafka_encode(&e, api->request, message);
	patch_u32(w, 0, (uint32_t)(w->len - LENGTH_BYTES));
}

bool kafka_request(const struct ask_whom *server, int16_t key, int16_t version, const void *message,
                   struct buffer *answer)
{
	struct writer frame = { 0 };

	write_frame(&frame, key, version, message);
	bool ok = ask_server(server, frame.data, frame.len, is_whole, answer);
	if (ok)
		buffer_consume(answer, LENGTH_BYTES);
	writer_fini(&frame);
	return ok;
}

bool kafka_request_read(const void *data, size_t len, int16_t key, int16_t version,
                        struct kafka_memory *memory, void *out)
{
	const struct kafka_api *api = kafka_api_find(key);
	struct reader reader = reader_over(data, len);
	struct kafka_decoder d = {
		.version = version,
		.is_flexible = kafka_api_is_flexible(api, version),
		.memory = memory,
	};

	(void)kafka_answer_head_read(&reader, api, version);
	return kafka_decode(&d, api->answer, &reader, out);
}
