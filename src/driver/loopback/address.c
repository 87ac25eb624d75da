/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/time.h>

#include "util/file.h"

/* A connection is refused or made at once; only a queue that is full takes longer. */
#define CONNECT_TIMEOUT_S 5

/* Asked for; the kernel gives less where net.core.wmem_max is less.  One write then takes a whole
 * batch. */
#define SOCKET_BUFFER     (1 << 20)

bool loop_address_parse(const char *text, const char *run_id, struct address *out,
                        struct error *err)
{
	char name[128];

	if (text == NULL) {
		snprintf(name, sizeof(name), "@omb-loopback-%s", run_id);
		return address_parse(name, out, err);
	}
	if (text[0] == '@')
		return address_parse(text, out, err);
	if (!address_parse(text, out, err) || !address_is_tcp(out))
		return error_set(err, ERROR_CONFIG,
		                 "\"%s\" is neither @name nor 127.0.0.1:port nor [::1]:port", text);
	return true;
}

void loop_address_tune(const struct address *a, int fd)
{
	int on = 1, bytes = SOCKET_BUFFER;

	/* All of it only makes things faster; failing is no failure. */
	if (a->at.ss_family == AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	else
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int open_socket(const struct address *a, struct error *err)
{
	int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		error_set_errno(err, errno, "a socket for the loopback broker");
	else
		loop_address_tune(a, fd);
	return fd;
}

int loop_address_connect(const struct address *a, struct error *err)
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
