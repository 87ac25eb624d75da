/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/workers_greeting.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "http/client.h"
#include "util/signals.h"
#include "worker/java.h"
#include "worker/remote.h"

struct greeting {
	struct http_client *http;
	const struct workers_source *source;
	struct workers_member *members;
	size_t count;
};

static void greet(struct greeting *all)
{
	const struct workers_source *source = all->source;

	for (size_t i = 0; i < all->count; i++) {
		struct workers_member *m = &all->members[i];
		m->url = source->list.urls[i];
		m->w = worker_remote_create(
			&(struct remote_options){ .http = all->http,
		                                  .url = m->url,
		                                  .index = (unsigned)i,
		                                  .clock_source = source->clock });
	}
}

/* Who does not know our greeting may know OMB's protocol. */
static void greet_as_omb(struct greeting *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct workers_member *m = &all->members[i];
		if (worker_remote_facts(m->w)->stage != REMOTE_FOREIGN)
			continue;
		worker_destroy(m->w);
		m->w = worker_java_create(all->http, m->url);
		m->is_omb = true;
	}
}

static bool is_greeting(const struct greeting *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct workers_member *m = &all->members[i];
		if (m->is_omb ? worker_java_facts(m->w)->stage == JAVA_GREETING
		              : worker_remote_facts(m->w)->stage == REMOTE_GREETING)
			return true;
	}
	return false;
}

/* Every one has its own limit, so this ends. */
static bool await_greetings(struct greeting *all, struct error *err)
{
	sigset_t set;

	signals_of_the_end(&set);
	int signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signal_fd < 0)
		return error_set_errno(err, errno, "signalfd");
	bool ok = true;
	while (ok && is_greeting(all)) {
		struct pollfd fds[] = { { .fd = signal_fd, .events = POLLIN },
			                { .fd = http_client_fd(all->http), .events = POLLIN } };
		poll(fds, 2, -1);
		http_client_serve(all->http);
		if (fds[0].revents != 0)
			ok = error_set(err, ERROR_CANCELLED,
			               "interrupted before the workers had answered");
	}
	close(signal_fd);
	return ok;
}

static bool judge(const struct workers_member *m, struct error *err)
{
	const struct error *why;

	if (m->is_omb) {
		const struct java_facts *f = worker_java_facts(m->w);
		why = f->stage == JAVA_LOST ? &f->why : NULL;
	} else {
		const struct remote_facts *f = worker_remote_facts(m->w);
		why = f->stage == REMOTE_LOST ? &f->why : NULL;
	}
	if (why != NULL)
		*err = *why;
	return why == NULL;
}

bool workers_greet(struct http_client *http, const struct workers_source *source,
                   struct workers_member *out, struct error *err)
{
	struct greeting all = {
		.http = http, .source = source, .members = out, .count = source->list.count
	};

	greet(&all);
	if (!await_greetings(&all, err))
		return false;
	greet_as_omb(&all);
	if (!await_greetings(&all, err))
		return false;
	for (size_t i = 0; i < all.count; i++)
		if (!judge(&out[i], err))
			return false;
	return true;
}

void workers_introduce(const struct workers_member *m, struct text *out)
{
	if (m->is_omb)
		text_add(out, "OMB's own program; nothing is known of its clock");
	else
		worker_remote_introduce(m->w, out);
}
