/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config/driver_file.h"
#include "http/client.h"
#include "plan/plan.h"
#include "util/clock.h"
#include "util/signals.h"
#include "util/xalloc.h"
#include "worker/java.h"
#include "worker/local.h"
#include "worker/remote.h"

/* One of other hosts. */
struct member {
	const char *url;
	struct worker *w;
	bool is_omb; /* OMB's own program */
};

struct workers {
	struct http_client *http; /* NULL: this host makes the load */
	struct member *members;
	size_t count;
	struct worker *form; /* what a run is given */
	struct console console;
};

/* --- greeting -------------------------------------------------------------------------------------- */

static void greet(struct workers *all, const struct workers_source *source)
{
	all->count = source->list.count;
	all->members = xcalloc(all->count, sizeof(*all->members));
	for (size_t i = 0; i < all->count; i++) {
		struct member *m = &all->members[i];
		m->url = source->list.urls[i];
		m->w = worker_remote_create(
			&(struct remote_options){ .http = all->http,
		                                  .url = m->url,
		                                  .index = (unsigned)i,
		                                  .clock_source = source->clock });
	}
}

/* Who does not know our greeting may know OMB's protocol. */
static void greet_as_omb(struct workers *all)
{
	for (size_t i = 0; i < all->count; i++) {
		struct member *m = &all->members[i];
		if (worker_remote_facts(m->w)->stage != REMOTE_FOREIGN)
			continue;
		worker_destroy(m->w);
		m->w = worker_java_create(all->http, m->url);
		m->is_omb = true;
	}
}

static bool is_greeting(const struct workers *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct member *m = &all->members[i];
		if (m->is_omb ? worker_java_facts(m->w)->stage == JAVA_GREETING
		              : worker_remote_facts(m->w)->stage == REMOTE_GREETING)
			return true;
	}
	return false;
}

/* Every one has its own limit, so this ends. */
static bool await_greetings(struct workers *all, struct error *err)
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

static bool judge(const struct member *m, struct error *err)
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

static void introduce(struct workers *all, const struct member *m)
{
	if (m->is_omb) {
		console_say(&all->console, CONSOLE_INFO, clock_wall_ns(),
		            "worker %s: OMB's own program; nothing is known of its clock", m->url);
		return;
	}
	struct text who = { 0 };
	worker_remote_introduce(m->w, &who);
	console_say(&all->console, CONSOLE_INFO, clock_wall_ns(), "worker %s: %s", m->url,
	            text_str(&who));
	text_fini(&who);
}

/* Complains of the first that cannot be used; the others are let go. */
static bool take_all(struct workers *all, struct error *err)
{
	for (size_t i = 0; i < all->count; i++)
		if (!judge(&all->members[i], err))
			return false;
	for (size_t i = 0; i < all->count; i++)
		introduce(all, &all->members[i]);
	if (all->count > 1)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "several workers are not in this version yet: name one");
	all->form = all->members[0].w;
	return true;
}

struct workers *workers_connect(const struct workers_source *source,
                                const struct console_options *console, struct error *err)
{
	struct workers *all = xcalloc(1, sizeof(*all));

	console_init(&all->console, console);
	if (source->list.count == 0) {
		all->form = worker_local_create();
		return all;
	}
	all->http = http_client_create(err);
	if (all->http != NULL) {
		http_client_set_token(all->http, source->token);
		greet(all, source);
		bool ok = await_greetings(all, err);
		greet_as_omb(all);
		if (ok && await_greetings(all, err) && take_all(all, err))
			return all;
	}
	workers_close(all);
	return NULL;
}

bool workers_fit(const struct workers *all, const struct plan *plan,
                 const struct driver_file *driver, struct error *err)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct member *m = &all->members[i];
		if (!m->is_omb)
			continue;
		if (plan->load.mode == LOAD_UNLIMITED)
			return error_set(err, ERROR_UNSUPPORTED,
			                 "worker %s is OMB's own program, whose rates are finite: "
			                 "producerRate max needs workers of omb",
			                 m->url);
		if (driver->driver_class == NULL)
			return error_set(err, ERROR_UNSUPPORTED,
			                 "worker %s is OMB's own program, and driver file %s has "
			                 "no driverClass that it would know",
			                 m->url, driver->path);
	}
	return true;
}

void workers_close(struct workers *all)
{
	if (all == NULL)
		return;
	if (all->http == NULL)
		worker_destroy(all->form);
	else
		for (size_t i = 0; i < all->count; i++)
			worker_destroy(all->members[i].w);
	http_client_destroy(all->http);
	free(all->members);
	free(all);
}

struct worker *workers_form(const struct workers *all)
{
	return all->form;
}
