/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/file.h"

#define BACKLOG           4096

/* A connection is refused or made at once; only a queue that is full takes longer. */
#define CONNECT_TIMEOUT_S 5

/* Asked for; the kernel gives less where net.core.wmem_max is less.  One write then takes a whole
 * batch. */
#define SOCKET_BUFFER     (1 << 20)

static bool parse_unix(const char *name, struct loop_address *out, struct error *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&out->at;
	size_t len = strlen(name);

	if (len == 0 || len > sizeof(un->sun_path) - 1)
		return error_set(err, ERROR_CONFIG, "\"@%s\" is not 1 to %zu bytes long", name,
		                 sizeof(un->sun_path) - 1);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path + 1, name, len); /* behind a NUL: abstract */
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
	return true;
}

static bool parse_tcp(const char *text, struct loop_address *out, struct error *err)
{
	const struct addrinfo wanted = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	const char *colon = strrchr(text, ':');
	char host[64];
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len > 0 && len < sizeof(host)) {
		memcpy(host, text, len);
		host[len] = '\0';
		if (getaddrinfo(host, colon + 1, &wanted, &found) != 0)
			found = NULL;
	}
	if (found == NULL)
		return error_set(err, ERROR_CONFIG,
		                 "\"%s\" is neither @name nor 127.0.0.1:port nor [::1]:port", text);
	memcpy(&out->at, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool loop_address_parse(const char *text, const char *run_id, struct loop_address *out,
                        struct error *err)
{
	char name[128];

	*out = (struct loop_address){ 0 };
	if (text != NULL)
		return text[0] == '@' ? parse_unix(text + 1, out, err) : parse_tcp(text, out, err);
	snprintf(name, sizeof(name), "omb-loopback-%s", run_id);
	return parse_unix(name, out, err);
}

static void tune(int fd, int family)
{
	int on = 1, bytes = SOCKET_BUFFER;

	/* All of it only makes things faster; failing is no failure. */
	if (family == AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	else
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int open_socket(const struct loop_address *a, struct error *err)
{
	int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		error_set_errno(err, errno, "a socket for the loopback broker");
	else
		tune(fd, a->at.ss_family);
	return fd;
}

int loop_address_listen(const struct loop_address *a, struct error *err)
{
	int fd = open_socket(a, err);
	int on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&a->at, a->len) < 0 || listen(fd, BACKLOG) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		error_set_errno(err, errno, "listening for clients of the loopback broker");
		file_close(fd);
		return -1;
	}
	return fd;
}

int loop_address_connect(const struct loop_address *a, struct error *err)
{
	struct timeval timeout = { .tv_sec = CONNECT_TIMEOUT_S };
	int fd = open_socket(a, err);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&a->at, a->len) < 0) {
		error_set_errno(err, errno, "connecting to the loopback broker");
		file_close(fd);
		return -1;
	}
	return fd;
}

int loop_address_accept(int listen_fd)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = accept4(listen_fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		tune(fd, peer.ss_family);
	return fd;
}
