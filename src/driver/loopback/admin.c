/* SPDX-License-Identifier: Apache-2.0 */

/* Questions to the loopback broker, one connection for each; these may block. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "driver/loopback/client.h"
#include "facts/environment.h"
#include "net/socket.h"
#include "util/file.h"

/* A broker in memory that says nothing for so long is not there. */
#define ANSWER_TIMEOUT_MS 10000

/* Groups whose members are leaving are tried again after so long. */
#define RETRY_MS          20

struct question {
	int fd;
	struct buffer in, out;
	size_t at; /* of the frame that is the question */
};

static void question_close(struct question *q)
{
	file_close(q->fd);
	buffer_fini(&q->in);
	buffer_fini(&q->out);
}

static bool question_open(struct question *q, const struct loopback_instance *c,
                          enum loop_frame_type type, struct error *err)
{
	const size_t max = 2 * (size_t)LOOP_FRAME_MAX;

	*q = (struct question){ .fd = loop_address_connect(&c->address, err) };
	if (q->fd < 0 || !buffer_init(&q->in, 65536, max, err) ||
	    !buffer_init(&q->out, 65536, max, err)) {
		question_close(q);
		return false;
	}
	q->at = loop_frame_open(&q->out, LOOP_HELLO);
	loop_put_u32(&q->out, LOOP_WIRE_MAGIC);
	loop_frame_close(&q->out, q->at);
	q->at = loop_frame_open(&q->out, type);
	return true;
}

static bool wait_for(int fd, short events, struct error *err)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, ANSWER_TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set_errno(err, errno, "poll");
	if (n == 0)
		return error_set(err, ERROR_TIMEOUT, "no answer of the loopback broker within %d s",
		                 ANSWER_TIMEOUT_MS / 1000);
	return true;
}

static bool hung_up(struct error *err)
{
	return error_set(err, ERROR_BROKER, "the loopback broker closed the connection");
}

/* Sends the question and waits for the frame that answers it, which borrows from q->in. */
static bool question_ask(struct question *q, struct loop_frame *answer, struct error *err)
{
	enum loop_frame_status status;
	enum io io;

	loop_frame_close(&q->out, q->at);
	if (q->out.overflowed || buffer_pending(&q->out) > LOOP_FRAME_MAX)
		return error_set(err, ERROR_UNSUPPORTED, "too many names for one question");
	while ((io = socket_send(q->fd, &q->out)) == IO_BLOCKED)
		if (!wait_for(q->fd, POLLOUT, err))
			return false;
	if (io_is_over(io))
		return hung_up(err);

	while ((status = loop_frame_parse(q->in.data + q->in.head, buffer_pending(&q->in), answer,
	                                  err)) == LOOP_FRAME_MORE) {
		if (!wait_for(q->fd, POLLIN, err))
			return false;
		if (io_is_over(socket_receive(q->fd, &q->in, 65536)))
			return hung_up(err);
	}
	return status == LOOP_FRAME_COMPLETE;
}

/* Asks for something to be done.  *retry: it may work later; false is returned then. */
static bool question_order(struct question *q, bool *retry, struct error *err)
{
	char text[LOOP_NAME_MAX + 1];
	struct loop_frame f;

	*retry = false;
	if (!question_ask(q, &f, err))
		return false;
	uint8_t status = loop_read_u8(&f.body);
	if (f.type != LOOP_DONE || !loop_read_text(&f.body, text))
		return error_set(err, ERROR_PROTOCOL, "the loopback broker answered with frame %u",
		                 f.type);
	*retry = status == LOOP_DONE_RETRY;
	return status == LOOP_DONE_OK || error_set(err, ERROR_BROKER, "%s", text);
}

static bool create_topics(void *instance, const struct topic_spec *topics, size_t count,
                          struct error *err)
{
	const struct loopback_instance *c = instance;
	struct question q;
	bool retry;

	if (!question_open(&q, c, LOOP_CREATE_TOPICS, err))
		return false;
	loop_put_u32(&q.out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		loop_put_text(&q.out, topics[i].name);
		loop_put_u32(&q.out, topics[i].partitions);
	}
	if (c->core->progress != NULL)
		c->core->progress(c->owner, 0);
	bool ok = question_order(&q, &retry, err);
	question_close(&q);
	return ok;
}

static bool delete_topics(void *instance, const char *const *names, size_t count,
                          uint32_t timeout_ms, struct error *err)
{
	struct question q;
	bool retry;

	(void)timeout_ms;
	if (!question_open(&q, instance, LOOP_DELETE_TOPICS, err))
		return false;
	loop_put_u32(&q.out, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		loop_put_text(&q.out, names[i]);
	bool ok = question_order(&q, &retry, err);
	question_close(&q);
	return ok;
}

static bool order_groups(void *instance, const struct group_spec *groups, size_t count, bool *retry,
                         struct error *err)
{
	struct question q;

	*retry = false;
	if (!question_open(&q, instance, LOOP_DELETE_GROUPS, err))
		return false;
	loop_put_u32(&q.out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		loop_put_text(&q.out, groups[i].topic);
		loop_put_text(&q.out, groups[i].name);
	}
	bool ok = question_order(&q, retry, err);
	question_close(&q);
	return ok;
}

static bool delete_groups(void *instance, const struct group_spec *groups, size_t count,
                          uint32_t timeout_ms, struct error *err)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
	bool retry;

	for (uint32_t waited_ms = 0;; waited_ms += RETRY_MS) {
		if (order_groups(instance, groups, count, &retry, err))
			return true;
		if (!retry || waited_ms >= timeout_ms)
			return false;
		nanosleep(&pause, NULL);
	}
}

static bool list(void *instance, const char *prefix, driver_name_fn *fn, void *to,
                 struct error *err)
{
	char topic[LOOP_NAME_MAX + 1], name[LOOP_NAME_MAX + 1];
	struct question q;
	struct loop_frame f = { 0 };

	if (!question_open(&q, instance, LOOP_LIST, err))
		return false;
	loop_put_text(&q.out, prefix);
	bool ok = question_ask(&q, &f, err);
	if (ok && f.type != LOOP_NAMES)
		ok = error_set(err, ERROR_PROTOCOL, "the loopback broker answered with frame %u",
		               f.type);
	for (uint32_t left = ok ? loop_read_u32(&f.body) : 0; left > 0; left--) {
		if (!loop_read_text(&f.body, topic) || !loop_read_text(&f.body, name)) {
			ok = error_set(err, ERROR_PROTOCOL, "a malformed list of names");
			break;
		}
		fn(to, &(struct driver_name){
			       .kind = topic[0] != '\0' ? DRIVER_GROUP : DRIVER_TOPIC,
			       .name = name,
			       .topic = topic,
		       });
	}
	question_close(&q);
	return ok;
}

static void broker_version(void *instance, char *out, size_t size)
{
	const struct loopback_instance *c = instance;
	struct environment program;

	out[0] = '\0';
	if (c->config->external) /* of another omb, perhaps of another version */
		return;
	environment_set_program(&program);
	(void)snprintf(out, size, "omb %s", program.version);
}

const struct driver_admin loopback_admin = {
	.create_topics = create_topics,
	.delete_topics = delete_topics,
	.delete_groups = delete_groups,
	.list = list,
	.broker_version = broker_version,
};
