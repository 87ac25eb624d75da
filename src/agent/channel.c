/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

bool channel_open(int pair[2], struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return error_set_errno(err, errno, "opening a control channel");
	return true;
}

bool channel_send_command(int fd, const struct agent_command *command, int fd_to_pass,
                          struct error *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)command, .iov_len = sizeof(*command) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd_to_pass >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd_to_pass, sizeof(int));
	}

	ssize_t n;
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set_errno(err, errno, "sending a command");
	return true;
}

bool channel_send_answer(int fd, const struct agent_answer *answer)
{
	ssize_t n;

	do
		n = send(fd, answer, sizeof(*answer), MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*answer);
}

static int descriptor_of(struct msghdr *msg)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

static enum channel_status receive(int fd, void *to, size_t len, int *passed_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = to, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n;

	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return CHANNEL_EMPTY;
	if (n != (ssize_t)len)
		return CHANNEL_CLOSED;
	if (passed_fd != NULL)
		*passed_fd = descriptor_of(&msg);
	return CHANNEL_GOT;
}

enum channel_status channel_receive_command(int fd, struct agent_command *out, int *passed_fd)
{
	*passed_fd = -1;
	return receive(fd, out, sizeof(*out), passed_fd);
}

enum channel_status channel_receive_answer(int fd, struct agent_answer *out)
{
	return receive(fd, out, sizeof(*out), NULL);
}
