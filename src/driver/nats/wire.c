/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/nats/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

void nats_wire_stream_name(const char *topic, struct text *out)
{
	for (; *topic != '\0'; topic++) {
		bool is_free = strchr(".*>/\\ \t\r\n", *topic) == NULL;
		text_add_bytes(out, is_free ? topic : "_", 1);
	}
}

void nats_wire_create_subject(const struct nats_durable *d, struct text *out)
{
	text_addf(out, "$JS.API.CONSUMER.DURABLE.CREATE.%s.%s", d->stream, d->name);
}

void nats_wire_create_body(const struct nats_durable *d, struct text *out)
{
	static const char *const policies[] = { "explicit", "all", "none" };

	text_addf(out,
	          "{\"stream_name\":\"%s\",\"config\":{\"durable_name\":\"%s\","
	          "\"deliver_policy\":\"all\",\"replay_policy\":\"instant\","
	          "\"ack_policy\":\"%s\"",
	          d->stream, d->name, policies[d->ack]);
	if (d->deliver_subject != NULL)
		text_addf(out, ",\"deliver_subject\":\"%s\",\"deliver_group\":\"%s\"",
		          d->deliver_subject, d->name);
	if (d->ack != NATS_ACK_NONE)
		text_addf(out, ",\"ack_wait\":%" PRIu64 ",\"max_ack_pending\":%" PRIu32,
		          d->ack_wait_ns, d->max_ack_pending);
	text_add(out, "}}");
}

/* --- answers ---------------------------------------------------------------------------------- */

static const char *find(const char *json, size_t len, const char *word)
{
	return memmem(json, len, word, strlen(word));
}

bool nats_wire_answer(const char *json, size_t len, char *why, size_t why_size)
{
	static const char key[] = "\"description\":\"";
	const char *end = json + len;
	size_t n = 0;

	/* Names in an answer are ours: none holds a quotation mark. */
	const char *error = find(json, len, "\"error\":");
	if (error == NULL && len > 0 && json[0] == '{')
		return true;
	if (error == NULL) {
		snprintf(why, why_size, "an answer that is not of JetStream");
		return false;
	}
	const char *text = find(error, (size_t)(end - error), key);
	if (text == NULL) {
		snprintf(why, why_size, "refused by JetStream");
		return false;
	}
	for (text += strlen(key); text < end && *text != '"' && n + 1 < why_size; text++)
		why[n++] = *text;
	why[n] = '\0';
	return false;
}

bool nats_wire_version(const char *info, size_t len, char *out, size_t size)
{
	static const char key[] = "\"version\":\"";
	const char *end = info + len;
	const char *at = len > 5 && memcmp(info, "INFO ", 5) == 0 ? find(info, len, key) : NULL;
	size_t n = 0;

	if (at == NULL)
		return false;
	for (at += strlen(key); at < end && *at != '"' && n + 1 < size; at++)
		out[n++] = *at;
	out[n] = '\0';
	return at < end && *at == '"' && n > 0;
}

/* --- subjects --------------------------------------------------------------------------------- */

#define ACK_TOKENS_MIN 9 /* $JS.ACK and seven more */
#define ACK_TOKENS_MAX 12

bool nats_wire_delivery(const char *reply, struct nats_delivery_facts *out)
{
	const char *tokens[ACK_TOKENS_MAX];
	size_t count = 0;

	if (reply == NULL || strncmp(reply, "$JS.ACK.", 8) != 0)
		return false;
	for (const char *at = reply; at != NULL && count < ACK_TOKENS_MAX; count++) {
		tokens[count] = at;
		at = strchr(at, '.');
		at = at == NULL ? NULL : at + 1;
	}
	if (count < ACK_TOKENS_MIN || count == ACK_TOKENS_MIN + 1)
		return false;
	/* Domain and account stand before the stream where there are eleven tokens or more. */
	const char *const *numbers = tokens + (count == ACK_TOKENS_MIN ? 4 : 6);
	*out = (struct nats_delivery_facts){
		.delivered = strtoull(numbers[0], NULL, 10),
		.stream_sequence = strtoull(numbers[1], NULL, 10),
		.broker_ns = strtoll(numbers[3], NULL, 10),
	};
	return out->delivered > 0;
}

bool nats_wire_number(const char *subject, uint64_t *number)
{
	const char *dot = strrchr(subject, '.');
	char *end;

	if (dot == NULL || dot[1] < '0' || dot[1] > '9')
		return false;
	*number = strtoull(dot + 1, &end, 10);
	return *end == '\0';
}

/* Behind a host: nothing, or ":PORT". */
static bool is_port(const char *at, const char *end)
{
	unsigned port = 0;

	if (at == end)
		return true;
	if (*at++ != ':' || at == end)
		return false;
	for (; at < end; at++) {
		if (*at < '0' || *at > '9')
			return false;
		port = port * 10 + (unsigned)(*at - '0');
		if (port > UINT16_MAX)
			return false;
	}
	return port > 0;
}

/* NAME, 1.2.3.4, [::1], and each with a port. */
static bool is_host(const char *at, const char *end)
{
	const char *host_end;

	if (at < end && *at == '[') {
		host_end = memchr(at, ']', (size_t)(end - at));
		return host_end != NULL && host_end > at + 1 && is_port(host_end + 1, end);
	}
	host_end = memchr(at, ':', (size_t)(end - at));
	if (host_end == NULL)
		host_end = end;
	return host_end > at && is_port(host_end, end);
}

bool nats_wire_is_server(const char *server)
{
	static const char *const schemes[] = { "nats://", "tls://" };
	const char *scheme_end = strstr(server, "://");

	if (scheme_end != NULL) {
		bool is_known = false;
		for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
			is_known |= strncmp(server, schemes[i], strlen(schemes[i])) == 0;
		if (!is_known)
			return false;
		server = scheme_end + 3;
	}
	const char *end = server + strlen(server), *login_end = strrchr(server, '@');
	if (end > server && end[-1] == '/')
		end--;
	if (strpbrk(server, " \t\r\n") != NULL)
		return false;
	/* Without a scheme nobody would know the login for a secret. */
	if (login_end != NULL && scheme_end == NULL)
		return false;
	return is_host(login_end == NULL ? server : login_end + 1, end);
}
