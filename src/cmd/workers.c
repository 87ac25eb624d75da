/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/workers.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/args.h"
#include "http/client.h"
#include "load/clock_fit.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/signals.h"
#include "util/units.h"
#include "util/xalloc.h"
#include "worker/local.h"
#include "worker/remote.h"

struct workers {
	struct arena arena;
	struct http_client *http; /* NULL: this host makes the load */
	const char *const *urls;
	struct worker **members;
	size_t count;
	struct worker *form; /* what a run is given */
	struct console console;
};

/* --- the command line ------------------------------------------------------------------------------ */

bool workers_check_usage(const struct args *args, struct error *err)
{
	if (args_has(args, "workers") && args_has(args, "workers-file"))
		return error_set(err, ERROR_USAGE, "either --workers or --workers-file, not both");
	return workers_check_clock(args, err);
}

static void read_list(const struct args *args, struct workers_list *out, struct error_list *errors)
{
	struct args_values urls = args_values(args, "workers");
	struct error err;

	out->urls = arena_alloc(args->arena, (urls.count + 1) * sizeof(*out->urls));
	for (size_t i = 0; i < urls.count; i++) {
		if (workers_list_add(out, urls.items[i], args->arena, &err))
			continue;
		error_wrap(&err, "--workers");
		error_list_add(errors, &err);
	}
}

bool workers_read(const struct args *args, const struct config_mode *mode,
                  struct workers_source *out, struct error_list *errors,
                  struct error_list *warnings)
{
	const char *path = args_value(args, "workers-file");
	size_t before = errors->count;

	*out = (struct workers_source){ 0 };
	if (args_has(args, "workers")) {
		read_list(args, &out->list, errors);
	} else {
		out->is_found = path == NULL && access(WORKERS_FILE_NAME, F_OK) == 0;
		path = out->is_found ? WORKERS_FILE_NAME : path;
		if (path != NULL)
			(void)workers_file_load(path, mode, args->arena, &out->list, errors,
			                        warnings);
	}
	struct error err;
	if (errors->count == before && !workers_read_clock(args, out, &err))
		error_list_add(errors, &err);
	return errors->count == before;
}

/* --- greeting -------------------------------------------------------------------------------------- */

static void greet(struct workers *all, enum fact_clock_source clock)
{
	struct remote_options options = { .http = all->http, .clock_source = clock };

	all->members = arena_alloc(&all->arena, all->count * sizeof(struct worker *));
	for (size_t i = 0; i < all->count; i++) {
		options.url = all->urls[i];
		options.index = (unsigned)i;
		all->members[i] = worker_remote_create(&options);
	}
}

static bool is_greeting(const struct workers *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (worker_remote_facts(all->members[i])->stage == REMOTE_GREETING)
			return true;
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
	file_close(signal_fd);
	return ok;
}

static bool judge(const struct workers *all, size_t i, struct error *err)
{
	const struct remote_facts *f = worker_remote_facts(all->members[i]);

	if (f->stage == REMOTE_READY)
		return true;
	if (f->stage == REMOTE_FOREIGN)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "worker %s: it is no omb worker (it does not know our greeting)",
		                 all->urls[i]);
	*err = f->why;
	return false;
}

static void introduce(struct workers *all, size_t i)
{
	const struct remote_facts *f = worker_remote_facts(all->members[i]);
	struct clock_estimate e = clock_fit_at(f->clock, clock_ns());
	char ahead[UNITS_TEXT], error[UNITS_TEXT];
	uint64_t size_ns = e.offset_ns < 0 ? (uint64_t)-e.offset_ns : (uint64_t)e.offset_ns;
	/* Of two hosts these clocks have nothing in common but their rate; of one they are the same. */
	bool is_same = size_ns <= e.error_ns;

	console_say(&all->console, CONSOLE_INFO, clock_wall_ns(),
	            "worker %s: omb %s%s%s; its clock %s%s, known to %s", all->urls[i],
	            f->hello.version, f->hello.name[0] != '\0' ? " on " : "", f->hello.name,
	            is_same ? "is ours" : format_duration_short(size_ns, ahead),
	            is_same           ? ""
	            : e.offset_ns < 0 ? " behind"
	                              : " ahead",
	            format_duration_short(e.error_ns, error));
}

/* Complains of the first that cannot be used; the others are let go. */
static bool take_all(struct workers *all, struct error *err)
{
	for (size_t i = 0; i < all->count; i++)
		if (!judge(all, i, err))
			return false;
	for (size_t i = 0; i < all->count; i++)
		introduce(all, i);
	if (all->count > 1)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "several workers are not in this version yet: name one");
	all->form = all->members[0];
	return true;
}

struct workers *workers_connect(const struct workers_source *source,
                                const struct console_options *console, struct error *err)
{
	struct workers *all = xcalloc(1, sizeof(*all));

	console_init(&all->console, console);
	all->urls = source->list.urls;
	all->count = source->list.count;
	if (all->count == 0) {
		all->form = worker_local_create();
		return all;
	}
	all->http = http_client_create(err);
	if (all->http != NULL) {
		greet(all, source->clock);
		if (await_greetings(all, err) && take_all(all, err))
			return all;
	}
	workers_close(all);
	return NULL;
}

void workers_close(struct workers *all)
{
	if (all == NULL)
		return;
	if (all->http == NULL)
		worker_destroy(all->form);
	else
		for (size_t i = 0; i < all->count; i++)
			worker_destroy(all->members[i]);
	http_client_destroy(all->http);
	arena_fini(&all->arena);
	free(all);
}

struct worker *workers_form(const struct workers *all)
{
	return all->form;
}
