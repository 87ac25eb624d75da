/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/address.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_MAX 65535

/* One of the list, without the blanks around it. */
struct address {
	const char *text;
	int len;
};

static bool refuse(const struct address *a, struct error *err, const char *why)
{
	return error_set(err, ERROR_CONFIG, "\"%.*s\" %s", a->len, a->text, why);
}

/* What is behind PROTOCOL://, if there is one. */
static bool skip_protocol(const struct address *a, const char *protocol, struct address *rest,
                          struct error *err)
{
	static const char *const known[] = { "plaintext", "ssl", "sasl_plaintext", "sasl_ssl" };
	const char *slashes = memmem(a->text, (size_t)a->len, "://", 3);

	*rest = *a;
	if (slashes == NULL)
		return true;

	size_t len = (size_t)(slashes - a->text);
	bool is_known = false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		is_known |= strlen(known[i]) == len && strncasecmp(known[i], a->text, len) == 0;
	if (!is_known)
		return refuse(a, err,
		              "is a URL, and Kafka has none: HOST:PORT is expected, such as "
		              "localhost:9092");
	if (strlen(protocol) != len || strncasecmp(protocol, a->text, len) != 0)
		return error_set(err, ERROR_CONFIG,
		                 "\"%.*s\" has another protocol than security.protocol=%s, and "
		                 "would be left out",
		                 a->len, a->text, protocol);
	rest->text = slashes + 3;
	rest->len = a->len - (int)len - 3;
	return true;
}

static bool check_port(const struct address *a, const char *port, int len, struct error *err)
{
	long value = 0;

	if (len == 0)
		return refuse(a, err, "has no port: HOST:PORT is expected, such as localhost:9092");
	for (int i = 0; i < len; i++) {
		if (!isdigit((unsigned char)port[i]))
			return refuse(
				a, err,
				"has a port that is no number: HOST:PORT is expected; a comma "
				"parts one address from the next");
		value = value > PORT_MAX ? value : 10 * value + (port[i] - '0');
	}
	if (value < 1 || value > PORT_MAX)
		return refuse(a, err, "has a port outside 1..65535");
	return true;
}

static bool check_name(const struct address *a, const char *host, int len, struct error *err)
{
	if (len == 0)
		return refuse(a, err, "has no host: HOST:PORT is expected, such as localhost:9092");
	for (int i = 0; i < len; i++) {
		if (host[i] == ':')
			return refuse(
				a, err,
				"has more than one colon: an IPv6 address is written in brackets, "
				"[::1]:9092, and a comma parts one address from the next");
		if (!isalnum((unsigned char)host[i]) && strchr("-._%", host[i]) == NULL)
			return refuse(
				a, err,
				"has a character that no host name has; a comma parts one address "
				"from the next");
	}
	return true;
}

static bool check_ipv6(const struct address *a, const struct address *rest, struct error *err)
{
	const char *end = memchr(rest->text, ']', (size_t)rest->len);

	if (end == NULL || end == rest->text + 1)
		return refuse(a, err, "is no IPv6 address in brackets, such as [::1]:9092");
	for (const char *c = rest->text + 1; c < end; c++)
		if (!isalnum((unsigned char)*c) && strchr(":.%", *c) == NULL)
			return refuse(a, err, "is no IPv6 address in brackets, such as [::1]:9092");

	int left = rest->len - (int)(end + 1 - rest->text);
	if (left > 0 && end[1] != ':')
		return refuse(a, err, "goes on behind the bracket: [::1]:9092 is expected");
	return check_port(a, end + 2, left > 0 ? left - 1 : 0, err);
}

/* Up to the last colon; all of it when there is none. */
static int host_length(const struct address *a)
{
	int i = a->len;

	while (i > 0 && a->text[i - 1] != ':')
		i--;
	return i > 0 ? i - 1 : a->len;
}

static bool check_one(const struct address *a, const char *protocol, struct error *err)
{
	struct address rest;

	if (!skip_protocol(a, protocol, &rest, err))
		return false;
	if (rest.len > 0 && rest.text[0] == '[')
		return check_ipv6(a, &rest, err);

	int host_len = host_length(&rest), port_len = rest.len - host_len - 1;
	if (!check_name(a, rest.text, host_len, err))
		return false;
	return port_len < 0 ? check_port(a, rest.text, 0, err)
	                    : check_port(a, rest.text + host_len + 1, port_len, err);
}

static struct address trimmed(const char *from, const char *end)
{
	while (from < end && isspace((unsigned char)*from))
		from++;
	while (end > from && isspace((unsigned char)end[-1]))
		end--;
	return (struct address){ from, (int)(end - from) };
}

bool address_check(const char *servers, const char *protocol, struct error *err)
{
	bool any = false;

	for (const char *at = servers;;) {
		const char *end = at + strcspn(at, ",");
		struct address a = trimmed(at, end);

		if (a.len > 0 && !check_one(&a, protocol, err))
			return false;
		any |= a.len > 0;
		if (*end == '\0')
			break;
		at = end + 1;
	}
	return any || error_set(err, ERROR_CONFIG,
	                        "it is empty; HOST:PORT is expected, such as localhost:9092");
}
