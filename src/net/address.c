/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static bool parse_unix(const char *text, struct address *out, struct error *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&out->at;
	bool is_abstract = text[0] == '@';
	const char *name = is_abstract ? text + 1 : text;
	size_t len = strlen(name), room = sizeof(un->sun_path) - 1;

	if (len == 0 || len > room)
		return error_set(err, ERROR_CONFIG,
		                 "\"%s\": the name of a unix socket has 1 to %zu bytes", text,
		                 room);
	*out = (struct address){ 0 };
	un->sun_family = AF_UNIX;
	/* Abstract: behind a NUL.  A path: with its NUL. */
	memcpy(un->sun_path + is_abstract, name, len);
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return true;
}

bool address_parse_path(const char *path, struct address *out, struct error *err)
{
	char text[sizeof(((struct sockaddr_un *)0)->sun_path) + 4];

	/* "./" makes a path of any name; what does not fit is refused with its text. */
	if (path[0] == '/' || path[0] == '\0' || strlen(path) >= sizeof(text) - 2)
		return parse_unix(path, out, err);
	snprintf(text, sizeof(text), "./%s", path);
	return parse_unix(text, out, err);
}

/* "host:port" or "[host]:port" in two; false: it is not that. */
static bool split(const char *text, char host[NI_MAXHOST], const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	bool in_brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';

	if (in_brackets) {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= NI_MAXHOST || (!in_brackets && memchr(text, ':', len) != NULL))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	*port = colon + 1;
	return true;
}

/* What getaddrinfo takes for a port is more than we do: "", " 80", "-1". */
static bool is_port(const char *text)
{
	size_t len = strlen(text);
	int value = 0;

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
		return false;
	for (; *text != '\0'; text++)
		value = value * 10 + (*text - '0');
	return value <= 65535;
}

/* Of `out` as many as there is room for; 0: failed. */
static size_t look_up(const char *text, int flags, struct address *out, size_t room,
                      struct error *err)
{
	const struct addrinfo wanted = { .ai_flags = flags | AI_NUMERICSERV,
		                         .ai_socktype = SOCK_STREAM };
	char host[NI_MAXHOST];
	const char *port = NULL;
	struct addrinfo *found = NULL;
	size_t count = 0;

	if (!split(text, host, &port) || !is_port(port)) {
		error_set(err, ERROR_CONFIG, "\"%s\" is not HOST:PORT", text);
		return 0;
	}
	int status = getaddrinfo(host, port, &wanted, &found);
	if (status != 0) {
		if (flags & AI_NUMERICHOST)
			error_set(err, ERROR_CONFIG,
			          "\"%s\": the host must be a number, as in 127.0.0.1:%s", text,
			          port);
		else
			error_set(err, ERROR_CONFIG, "\"%s\": %s", host, gai_strerror(status));
		return 0;
	}
	for (const struct addrinfo *a = found; a != NULL && count < room; a = a->ai_next) {
		if (a->ai_addrlen > sizeof(out->at))
			continue;
		out[count] = (struct address){ .len = a->ai_addrlen };
		memcpy(&out[count++].at, a->ai_addr, a->ai_addrlen);
	}
	freeaddrinfo(found);
	return count;
}

static bool is_unix(const char *text)
{
	return text[0] == '@' || text[0] == '/' || strncmp(text, "./", 2) == 0;
}

bool address_parse(const char *text, struct address *out, struct error *err)
{
	if (is_unix(text))
		return parse_unix(text, out, err);
	return look_up(text, AI_NUMERICHOST, out, 1, err) == 1;
}

size_t address_resolve(const char *text, struct address out[ADDRESSES_MAX], struct error *err)
{
	if (is_unix(text))
		return parse_unix(text, out, err) ? 1 : 0;
	return look_up(text, 0, out, ADDRESSES_MAX, err);
}

static void format_unix(const struct address *a, char out[ADDRESS_TEXT])
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->at;
	size_t head = offsetof(struct sockaddr_un, sun_path);
	size_t len = a->len > head ? a->len - head : 0;

	if (len == 0)
		snprintf(out, ADDRESS_TEXT, "unix");
	else if (un->sun_path[0] == '\0')
		snprintf(out, ADDRESS_TEXT, "@%.*s", (int)(len - 1), un->sun_path + 1);
	else
		snprintf(out, ADDRESS_TEXT, "%.*s", (int)len, un->sun_path);
}

char *address_format(const struct address *a, char out[ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?";

	switch (a->at.ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &((const struct sockaddr_in *)&a->at)->sin_addr, host,
		          sizeof(host));
		snprintf(out, ADDRESS_TEXT, "%s:%d", host, address_port(a));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&a->at)->sin6_addr, host,
		          sizeof(host));
		snprintf(out, ADDRESS_TEXT, "[%s]:%d", host, address_port(a));
		break;
	case AF_UNIX:
		format_unix(a, out);
		break;
	default:
		snprintf(out, ADDRESS_TEXT, "nowhere");
	}
	return out;
}

bool address_is_tcp(const struct address *a)
{
	return a->at.ss_family == AF_INET || a->at.ss_family == AF_INET6;
}

int address_port(const struct address *a)
{
	if (a->at.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->at)->sin_port);
	if (a->at.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&a->at)->sin6_port);
	return 0;
}

void address_set_port(struct address *a, int port)
{
	if (a->at.ss_family == AF_INET)
		((struct sockaddr_in *)&a->at)->sin_port = htons((uint16_t)port);
	if (a->at.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->at)->sin6_port = htons((uint16_t)port);
}

static bool is_this_host(const char *host)
{
	return strncmp(host, "localhost", 9) == 0 || strncmp(host, "127.", 4) == 0 ||
	       strncmp(host, "[::1]", 5) == 0;
}

bool address_names_this_host(const char *list)
{
	for (const char *at = list; *at != '\0';) {
		at += strspn(at, ", \t");
		size_t len = strcspn(at, ",");
		const char *scheme = strstr(at, "://"), *user = memchr(at, '@', len);
		if (user != NULL)
			at = user + 1;
		else if (scheme != NULL && scheme < at + len)
			at = scheme + 3;
		if (is_this_host(at))
			return true;
		at += strcspn(at, ",");
	}
	return false;
}
