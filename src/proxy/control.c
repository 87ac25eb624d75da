/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/listener.h"
#include "net/socket.h"
#include "util/file.h"
#include "util/xalloc.h"

#define IN_MAX  ((size_t)16 * 1024)
#define OUT_MAX ((size_t)1024 * 1024)

struct caller {
	struct conn conn;
	struct control *control;
	struct caller *next, **link;
};

struct control {
	struct poller *poller;
	struct proxy *proxy;
	struct listener listener;
	struct caller *callers;
	char *path;
};

/* --- callers -------------------------------------------------------------------------------------- */

static void end_caller(struct caller *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	conn_close(&c->conn);
	free(c);
}

/* False: the caller reads no answers. */
static bool answer(struct caller *c, const char *line)
{
	struct proxy_command command;
	struct text out = { 0 };
	struct error err;

	if (!proxy_command_parse(line, &command, &err) ||
	    !proxy_command(c->control->proxy, &command, &out, &err)) {
		text_fini(&out);
		text_addf(&out, "error: %s\n", err.text);
	} else {
		char *more = text_take(&out);
		text_addf(&out, "ok %s\n", more);
		free(more);
	}
	bool sent = conn_send(&c->conn, out.data, out.len);
	text_fini(&out);
	return sent;
}

static void received(struct conn *conn)
{
	struct caller *c = conn->owner;
	bool goes_on = true;
	char *end;

	while (goes_on && (end = memchr(buffer_data(&conn->in), '\n', buffer_pending(&conn->in)))) {
		char *line = (char *)buffer_data(&conn->in);
		size_t len = (size_t)(end - line);
		*end = '\0';
		goes_on = answer(c, line);
		conn_consume(conn, len + 1);
	}
	if (buffer_pending(&conn->in) == conn->in.max || !goes_on)
		end_caller(c);
	else if (conn->in_ended)
		conn_finish(conn);
}

static void lost(struct conn *conn, const struct error *why)
{
	(void)why;
	end_caller(conn->owner);
}

static const struct conn_handler handler = { .received = received, .lost = lost };

static const struct conn_options options = {
	.handler = &handler,
	.in_max = IN_MAX,
	.out_max = OUT_MAX,
	.half_close = true,
};

static void accepted(struct listener *l, int fd, const struct address *from)
{
	struct control *k = l->context;
	struct caller *c = xcalloc(1, sizeof(*c));
	struct error err;

	(void)from;
	c->control = k;
	c->conn.owner = c;
	if (!conn_adopt(&c->conn, k->poller, &options, fd, &err)) {
		free(c);
		return;
	}
	c->next = k->callers;
	c->link = &k->callers;
	if (k->callers != NULL)
		k->callers->link = &c->next;
	k->callers = c;
}

/* --- the socket ----------------------------------------------------------------------------------- */

/* A socket whose process is gone refuses. */
static bool is_left_over(const struct address *at, const char *path)
{
	struct stat s;
	struct error err;

	if (stat(path, &s) < 0 || !S_ISSOCK(s.st_mode))
		return false;
	int fd = socket_connect(at, &err);
	file_close(fd);
	return fd < 0 && err.os_errno == ECONNREFUSED;
}

static bool listen_at(struct control *k, const char *path, struct error *err)
{
	struct address at;

	if (!address_parse_path(path, &at, err))
		return false;
	if (is_left_over(&at, path))
		unlink(path);
	mode_t before = umask(0077);
	bool ok = listener_open(&k->listener, k->poller, &at, err);
	umask(before);
	if (ok)
		k->path = xstrdup(path);
	return ok;
}

struct control *control_open(struct poller *p, const char *path, struct proxy *x, struct error *err)
{
	struct control *k = xcalloc(1, sizeof(*k));

	k->poller = p;
	k->proxy = x;
	k->listener.accepted = accepted;
	k->listener.context = k;
	if (!listen_at(k, path, err)) {
		error_wrap(err, "control socket");
		control_close(k);
		return NULL;
	}
	return k;
}

void control_close(struct control *k)
{
	if (k == NULL)
		return;
	for (struct caller *c = k->callers, *next; c != NULL; c = next) {
		next = c->next;
		end_caller(c);
	}
	listener_close(&k->listener);
	if (k->path != NULL)
		unlink(k->path);
	free(k->path);
	free(k);
}
