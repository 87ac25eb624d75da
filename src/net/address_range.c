/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 64

static unsigned bits_of(int family)
{
	return family == AF_INET ? 32 : 128;
}

/* The first `bits` bits alone; the others must be 0. */
static bool has_rest(const struct address_range *r)
{
	for (unsigned i = r->bits; i < bits_of(r->family); i++)
		if (r->bytes[i / 8] & (0x80 >> i % 8))
			return true;
	return false;
}

static bool parse_bits(const char *text, unsigned most, unsigned *out)
{
	char *end;
	unsigned long bits = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || bits > most)
		return false;
	*out = (unsigned)bits;
	return true;
}

bool address_range_parse(const char *text, struct address_range *out, struct error *err)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char host[TEXT_MAX] = "";

	*out = (struct address_range){ 0 };
	if (len < sizeof(host))
		snprintf(host, sizeof(host), "%.*s", (int)len, text);
	if (inet_pton(AF_INET, host, out->bytes) == 1)
		out->family = AF_INET;
	else if (inet_pton(AF_INET6, host, out->bytes) == 1)
		out->family = AF_INET6;
	else
		return error_set(err, ERROR_USAGE,
		                 "\"%s\" is not a block of addresses such as 10.0.0.0/8", text);
	out->bits = bits_of(out->family);
	if (slash != NULL && !parse_bits(slash + 1, bits_of(out->family), &out->bits))
		return error_set(err, ERROR_USAGE, "\"%s\": the length is a number up to %u", text,
		                 bits_of(out->family));
	if (has_rest(out))
		return error_set(err, ERROR_USAGE,
		                 "\"%s\": there are bits set behind the first %u: is another "
		                 "length meant?",
		                 text, out->bits);
	return true;
}

/* NULL: no internet address. */
static const unsigned char *bytes_of(const struct address *a, int *family)
{
	*family = a->at.ss_family;
	if (*family == AF_INET)
		return (const unsigned char *)&((const struct sockaddr_in *)&a->at)->sin_addr;
	if (*family != AF_INET6)
		return NULL;
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *)&a->at)->sin6_addr;
	if (!IN6_IS_ADDR_V4MAPPED(in6))
		return in6->s6_addr;
	*family = AF_INET;
	return in6->s6_addr + 12;
}

bool address_range_has(const struct address_range *r, const struct address *a)
{
	int family;
	const unsigned char *bytes = bytes_of(a, &family);

	if (bytes == NULL || family != r->family)
		return false;
	for (unsigned i = 0; i < r->bits; i++)
		if ((bytes[i / 8] ^ r->bytes[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

bool address_is_loopback(const struct address *a)
{
	static const struct address_range v4 = { AF_INET, { 127 }, 8 };
	static const struct address_range v6 = { AF_INET6, { [15] = 1 }, 128 };

	return address_range_has(&v4, a) || address_range_has(&v6, a) || !address_is_tcp(a);
}
