/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/admin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/channel.h"
#include "agent/termination.h"
#include "driver/ask.h"
#include "driver/registry.h"
#include "stats/counter.h"
#include "util/text.h"
#include "util/xalloc.h"

struct admin {
	const struct agent_spec *spec;
	struct agent_shm *shm;
	struct driver_context context;
	struct text output;
	int channel_fd;
};

static void admin_progress(void *owner, size_t done)
{
	struct admin *a = owner;

	if (a->shm != NULL)
		counter_set(&a->shm->progress, 1 + (uint64_t)done);
}

/* A client for administration sends nothing and receives nothing. */
static void no_message(void *owner, uint64_t token, const struct sent_report *report)
{
	(void)owner;
	(void)token;
	(void)report;
}

static void ignore_event(void *owner, enum driver_event kind, const char *text)
{
	(void)owner;
	(void)kind;
	(void)text;
}

static const struct driver_core admin_core = {
	.sent = no_message,
	.event = ignore_event,
	.progress = admin_progress,
};

static void admin_init(struct admin *a, const struct agent_spec *spec, struct agent_shm *shm)
{
	*a = (struct admin){ .spec = spec, .shm = shm, .channel_fd = -1 };
	a->context = (struct driver_context){
		.config = spec->driver_config,
		.core = &admin_core,
		.owner = a,
		.run_id = spec->run_id,
		.client_id = "omb-admin",
		.load_start_ns = shm != NULL ? &shm->control.load_start_ns : NULL,
	};
}

static void add_field(struct admin *a, const char *field)
{
	text_add_bytes(&a->output, field, strlen(field) + 1);
}

static void add_row(void *to, const struct driver_row *row)
{
	struct admin *a = to;

	add_field(a, row->section);
	add_field(a, row->key);
	add_field(a, row->value);
	add_field(a, row->origin);
	add_field(a, row->note);
}

static void add_name(void *to, const struct driver_name *name)
{
	struct admin *a = to;

	add_field(a, name->kind == DRIVER_TOPIC ? "topic" : "group");
	add_field(a, name->name);
	add_field(a, name->topic);
}

/* Opens an instance, does `what` with it, closes it. */
static bool with_instance(struct admin *a,
                          bool (*what)(struct admin *, void *instance, const void *arg,
                                       struct error *err),
                          const void *arg, struct error *err)
{
	const struct driver *driver = a->spec->driver;

	if (driver->admin == NULL)
		return true; /* there is nothing to administrate */
	void *instance = aligned_alloc(64, (driver->instance_size + 63) & ~(size_t)63);
	if (instance == NULL)
		return error_set_errno(err, ENOMEM, "opening a client for administration");
	memset(instance, 0, (driver->instance_size + 63) & ~(size_t)63);

	bool ok = driver->open(instance, &a->context, err);
	if (ok) {
		ok = what(a, instance, arg, err);
		driver->close(instance);
	}
	free(instance);
	return ok;
}

static bool create_topics(struct admin *a, void *instance, const void *arg, struct error *err)
{
	const struct admin_job *job = arg;
	const struct driver_admin *admin = a->spec->driver->admin;
	char version[VERSION_MAX] = "";

	if (!admin->create_topics(instance, job->topics, job->topics_count, err))
		return false;
	if (admin->broker_version != NULL)
		admin->broker_version(instance, version, sizeof(version));
	add_field(a, version[0] != '\0' ? version : "unknown");
	return true;
}

static bool delete_names(struct admin *a, void *instance, const void *arg, struct error *err)
{
	const struct admin_job *job = arg;
	const struct driver_admin *admin = a->spec->driver->admin;
	struct error groups_err = { 0 };
	uint32_t groups_ms = job->groups_timeout_ms ? job->groups_timeout_ms : job->timeout_ms;

	/* Groups first: what reads a topic is gone before the topic is.  A group that cannot be
	 * deleted does not keep the topics. */
	bool groups_ok = job->names.groups_count == 0 ||
	                 admin->delete_groups(instance, job->names.groups, job->names.groups_count,
	                                      groups_ms, &groups_err);
	if (job->names.topics_count > 0 &&
	    !admin->delete_topics(instance, job->names.topics, job->names.topics_count,
	                          job->timeout_ms, err))
		return false;
	if (!groups_ok)
		*err = groups_err;
	return groups_ok;
}

static bool read_ends(struct admin *a, void *instance, const void *arg, struct error *err)
{
	const struct admin_job *job = arg;
	const struct driver_admin *admin = a->spec->driver->admin;
	char text[32];

	if (admin->topic_ends == NULL)
		return true;
	uint64_t *ends = xcalloc(job->topics_count + 1, sizeof(*ends));
	uint32_t *partitions = xcalloc(job->topics_count + 1, sizeof(*partitions));
	bool ok =
		admin->topic_ends(instance, job->topics, job->topics_count, ends, partitions, err);
	for (size_t i = 0; ok && i < job->topics_count; i++) {
		(void)snprintf(text, sizeof(text), "%" PRIu64, ends[i]);
		add_field(a, text);
		(void)snprintf(text, sizeof(text), "%" PRIu32, partitions[i]);
		add_field(a, text);
	}
	free(ends);
	free(partitions);
	return ok;
}

static bool list_names(struct admin *a, void *instance, const void *arg, struct error *err)
{
	const struct admin_job *job = arg;

	return a->spec->driver->admin->list(instance, job->prefix, add_name, a, err);
}

static void broker_is_ready(void *to)
{
	struct admin *a = to;
	struct agent_answer answer = { .tag = 0, .ok = true };

	channel_send_answer(a->channel_fd, &answer);
}

/* Turns readable on a command (there is only CLOSE) and on the death of the parent. */
static int open_stop_fd(int channel_fd, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	int fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, termination_fd(), &event) < 0 ||
	    epoll_ctl(fd, EPOLL_CTL_ADD, channel_fd, &event) < 0) {
		error_set_errno(err, errno, "watching for the end");
		return -1; /* the process ends: nothing to close */
	}
	return fd;
}

static bool serve_broker(struct admin *a, struct error *err)
{
	int stop_fd = open_stop_fd(a->channel_fd, err);

	if (stop_fd < 0)
		return false;
	return a->spec->driver->broker->run(&a->context, stop_fd, broker_is_ready, a, err);
}

static bool do_job(struct admin *a, const struct admin_job *job, struct error *err)
{
	switch (job->kind) {
	case ADMIN_DESCRIBE:
		return a->spec->driver->describe(&a->context, add_row, a, err);
	case ADMIN_CREATE_TOPICS:
		return with_instance(a, create_topics, job, err);
	case ADMIN_DELETE:
		return with_instance(a, delete_names, job, err);
	case ADMIN_TOPIC_ENDS:
		return with_instance(a, read_ends, job, err);
	case ADMIN_LIST:
		return with_instance(a, list_names, job, err);
	case ADMIN_BROKER:
		return serve_broker(a, err);
	}
	abort();
}

static bool write_output(const struct text *output, int fd, struct error *err)
{
	for (size_t at = 0; at < output->len;) {
		ssize_t n = write(fd, output->data + at, output->len - at);
		if (n < 0 && errno != EINTR)
			return error_set_errno(err, errno, "handing over what was found");
		if (n > 0)
			at += (size_t)n;
	}
	return true;
}

int admin_main(const struct agent_spec *spec, const struct admin_job *job, struct agent_shm *shm,
               int channel_fd, int output_fd)
{
	struct admin a;
	struct error err;

	admin_init(&a, spec, shm);
	a.channel_fd = channel_fd;
	if (!driver_load_library(spec->driver, &err) || !do_job(&a, job, &err) ||
	    !write_output(&a.output, output_fd, &err)) {
		agent_shm_fail(shm, &err);
		return error_exit_code(err.kind);
	}
	atomic_store_explicit(&shm->state, AGENT_CLOSED, memory_order_relaxed);
	return 0;
}

bool admin_delete(const struct agent_spec *spec, const struct agent_names *names,
                  uint32_t timeout_ms, struct error *err)
{
	struct admin_job job = { .kind = ADMIN_DELETE, .names = *names, .timeout_ms = timeout_ms };
	struct admin a;

	admin_init(&a, spec, NULL);
	return with_instance(&a, delete_names, &job, err);
}
