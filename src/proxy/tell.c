/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/tell.h"

#include <stdlib.h>
#include <string.h>

#include "net/conn.h"
#include "util/xalloc.h"

#define LIMIT_NS   UINT64_C(10000000000)
#define ANSWER_MAX ((size_t)1024 * 1024)
#define OUT_MAX    ((size_t)16 * 1024)

struct talk {
	struct conn conn;
	const char *command;
	struct text line; /* the answer, when is_over */
	bool is_over;
	struct error failure;
};

static void opened(struct conn *c)
{
	struct talk *t = c->owner;

	if (!conn_send(c, t->command, strlen(t->command)) || !conn_send(c, "\n", 1)) {
		error_set(&t->failure, ERROR_USAGE, "a command that is too long");
		t->is_over = true;
	}
}

static void received(struct conn *c)
{
	struct talk *t = c->owner;
	const unsigned char *line = buffer_data(&c->in);
	const unsigned char *end = memchr(line, '\n', buffer_pending(&c->in));

	if (end == NULL)
		return;
	text_add_bytes(&t->line, line, (size_t)(end - line));
	t->is_over = true;
}

static void lost(struct conn *c, const struct error *why)
{
	struct talk *t = c->owner;

	t->failure = *why;
	t->is_over = true;
}

static const struct conn_handler handler = {
	.opened = opened,
	.received = received,
	.lost = lost,
};

static bool talk(struct talk *t, struct poller *p, const struct conn_options *o, struct error *err)
{
	uint64_t limit_ns = p->now_ns + LIMIT_NS;

	t->conn.owner = t;
	if (!conn_connect(&t->conn, p, o, 0, err))
		return false;
	while (!t->is_over && p->now_ns < limit_ns)
		if (!poller_turn(p, limit_ns, err))
			return false;
	if (!t->is_over)
		return error_set(err, ERROR_TIMEOUT, "no answer within 10 s");
	if (t->failure.kind != ERROR_NONE)
		*err = t->failure;
	return t->failure.kind == ERROR_NONE;
}

static bool understand(const char *line, struct text *answer, struct error *err)
{
	if (strncmp(line, "ok ", 3) == 0) {
		text_add(answer, line + 3);
		return true;
	}
	if (strncmp(line, "error: ", 7) == 0)
		return error_set(err, ERROR_USAGE, "%s", line + 7);
	return error_set(err, ERROR_PROTOCOL, "that is no proxy: it answered \"%s\"", line);
}

bool proxy_tell(const char *path, const char *command, struct text *answer, struct error *err)
{
	struct address at;
	struct poller poller;
	struct talk t = { .command = command };
	const struct conn_options options = {
		.handler = &handler,
		.addresses = &at,
		.addresses_count = 1,
		.timeout_ns = LIMIT_NS,
		.in_max = ANSWER_MAX,
		.out_max = OUT_MAX,
	};

	if (!address_parse_path(path, &at, err) || !poller_open(&poller, err))
		return false;
	bool ok = talk(&t, &poller, &options, err) && understand(text_str(&t.line), answer, err);
	conn_close(&t.conn);
	poller_close(&poller);
	text_fini(&t.line);
	return ok;
}
