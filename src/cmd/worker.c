/* SPDX-License-Identifier: Apache-2.0 */
/* worker -- `omb worker`: makes the load that a coordinator on another host asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/args.h"
#include "cmd/foreground.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "cmd/worker_access.h"
#include "cmd/worker_metrics.h"
#include "cmd/worker_settings.h"
#include "util/file.h"
#include "worker/local.h"
#include "worker/served.h"

#define PORT_DEFAULT 8080

static const struct flag worker_flags[] = {
	{ "port", "p", FLAG_VALUE, "PORT", "of the protocol; 0 = a free one (8080)" },
	{ "stats-port", "sp", FLAG_VALUE, "PORT",
	  "serve metrics for Prometheus there, at /metrics; 0 = a free one (not at all)" },
	{ "bind", NULL, FLAG_VALUE, "ADDRESS", "number of the address to listen on (127.0.0.1)" },
	{ "worker-id", NULL, FLAG_VALUE, "NAME", "what it calls itself (the name of the host)" },
	{ "workload", NULL, FLAG_VALUE, "FILE",
	  "a workload file, for the keys that OMB's protocol does not carry: agents, wakeInterval, "
	  "maxInFlight, ..." },
	INPUT_FLAG_SET,
	INPUT_FLAG_AGENTS,
	WORKER_ACCESS_FLAGS,
	{ "quiet", "q", FLAG_SWITCH, NULL, "print only where it listens" },
	INPUT_FLAG_HELP,
	{ 0 },
};

struct front {
	const struct args *args;
	struct poller poller;
	struct watch end;
	unsigned signals;
	int signal_fd;
	bool quiet;
	struct outlet out;
	struct address at;
	struct worker_access access;
	struct served_settings settings;
	struct worker *worker;
	struct served *served;
	struct http_server *server;
	struct worker_metrics *metrics; /* NULL = nobody asked for them */
};

/* --- what it was told ------------------------------------------------------------------------------- */

static bool take_port(const struct args *args, const char *flag, int fallback, int *out,
                      struct error *err)
{
	const char *text = args_value(args, flag);
	char *end = NULL;

	*out = fallback;
	if (text == NULL)
		return true;
	long port = strtol(text, &end, 10);
	if (end == text || *end != '\0' || port < 0 || port > 65535)
		return error_set(err, ERROR_USAGE, "--%s: \"%s\" is not a port in 0..65535", flag,
		                 text);
	*out = (int)port;
	return true;
}

/* A number: names would have to be looked up. */
static bool take_address(const struct args *args, int port, struct address *out, struct error *err)
{
	const char *bind = args_value(args, "bind");
	struct text text = { 0 };
	struct error why;

	if (bind == NULL)
		bind = "127.0.0.1";
	text_addf(&text, strchr(bind, ':') != NULL && bind[0] != '[' ? "[%s]:%d" : "%s:%d", bind,
	          port);
	bool ok = address_parse(text_str(&text), out, &why) && address_is_tcp(out);
	text_fini(&text);
	return ok || error_set(err, ERROR_USAGE,
	                       "--bind: \"%s\" is not an address such as 10.0.0.7", bind);
}

/* --- serving ------------------------------------------------------------------------------------------ */

static void print_line(void *to, const char *line)
{
	struct front *f = to;
	struct text text = { 0 };
	time_t now = time(NULL);
	struct tm at;
	char stamp[32];

	if (f->quiet)
		return;
	gmtime_r(&now, &at);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &at);
	text_addf(&text, "%s %s", stamp, line);
	foreground_notice(&f->out, text_str(&text));
	text_fini(&text);
}

static void on_end(struct watch *w, uint32_t events)
{
	struct front *f = (struct front *)((char *)w - offsetof(struct front, end));

	(void)events;
	f->signals += foreground_signals(f->signal_fd);
}

/* Before anything is opened. */
static bool take_access(struct front *f, struct error *err)
{
	int port;

	if (!take_port(f->args, "port", PORT_DEFAULT, &port, err) ||
	    !take_address(f->args, port, &f->at, err) ||
	    !worker_access_read(f->args, &f->at, &f->access, err))
		return false;
	f->access.own = f->settings.overrides;
	return true;
}

static bool admits(const void *to, const struct address *from)
{
	const struct front *f = to;

	return worker_access_admits(&f->access, from);
}

static bool may_initialize(void *to, const struct worker_initialize *ask, struct error *err)
{
	const struct front *f = to;

	return worker_access_may_initialize(&f->access, ask, err);
}

static bool open_server(struct front *f, struct error *err)
{
	const struct http_options http = {
		.poller = &f->poller,
		.at = f->at,
		.calls = served_calls,
		.to = f->served,
		.admits = admits,
		.gate = f,
	};

	f->server = http_server_open(&http, err);
	return f->server != NULL;
}

static bool open_metrics(struct front *f, struct error *err)
{
	struct address at;
	char where[ADDRESS_TEXT];
	int port;

	if (!args_has(f->args, "stats-port"))
		return true;
	if (!take_port(f->args, "stats-port", 0, &port, err) ||
	    !take_address(f->args, port, &at, err))
		return false;
	f->metrics = worker_metrics_open(&f->poller, &at, f->served, f->settings.name, err);
	if (f->metrics == NULL)
		return error_wrap(err, "--stats-port");
	foreground_say(&f->out, "metrics on %s",
	               address_format(worker_metrics_address(f->metrics), where));
	return true;
}

static bool begin(struct front *f, struct error *err)
{
	if (!take_access(f, err))
		return false;
	const struct served_options options = {
		.poller = &f->poller,
		.settings = &f->settings,
		.token = f->access.token,
		.may_initialize = may_initialize,
		.log = print_line,
		.to = f,
		.worker = f->worker = worker_local_create(),
	};
	char where[ADDRESS_TEXT];

	f->end.event = on_end;
	f->signal_fd = foreground_open_signals(err);
	if (f->signal_fd < 0 || !poller_open(&f->poller, err) ||
	    !poller_add(&f->poller, &f->end, f->signal_fd, EPOLLIN, err))
		return false;
	f->served = served_create(&options, err);
	if (f->served == NULL || !open_metrics(f, err) || !open_server(f, err))
		return false;
	foreground_say(&f->out, "listening on %s",
	               address_format(http_server_address(f->server), where));
	return true;
}

static bool serve(struct front *f, struct error *err)
{
	while (f->signals == 0)
		if (!poller_turn(&f->poller, UINT64_MAX, err))
			return false;
	return true;
}

/* The load is stopped and clients are closed as they should; a second signal skips that. */
static bool wind_up(struct front *f, struct error *err)
{
	http_server_close(f->server);
	f->server = NULL;
	worker_metrics_shut(f->metrics);
	served_stop(f->served);
	while (!served_is_idle(f->served) && f->signals < 2)
		if (!poller_turn(&f->poller, UINT64_MAX, err))
			return false;
	return true;
}

static void close_all(struct front *f)
{
	http_server_close(f->server);
	worker_metrics_shut(f->metrics);
	worker_destroy(f->worker);
	served_destroy(f->served);
	worker_metrics_destroy(f->metrics);
	poller_close(&f->poller);
	file_close(f->signal_fd);
}

static int worker_run(const struct args *args)
{
	struct front f = { .args = args,
		           .signal_fd = -1,
		           .poller.epoll_fd = -1,
		           .quiet = args_has(args, "quiet") };
	struct error_list errors = { 0 }, warnings = { 0 };
	struct error err;
	int code = 0;

	if (args->words.count > 0) {
		error_set(&err, ERROR_USAGE, "worker: \"%s\" is not a flag", args->words.items[0]);
		return args_fail(args, &err);
	}
	bool ok = worker_settings_read(args, &f.settings, &errors, &warnings);
	args_warn_all(args, &warnings);
	if (!ok)
		code = args_fail_all(args, &errors);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	if (!ok)
		return code;
	machine_limits_raise();
	outlet_open(&f.out, stdout);
	ok = begin(&f, &err) && serve(&f, &err) && wind_up(&f, &err);
	ok = foreground_end(&f.out, ok, &err);
	close_all(&f);
	return ok ? 0 : args_fail(args, &err);
}

extern const struct command command_worker;
const struct command command_worker = {
	.name = "worker",
	.summary = "makes the load that a coordinator on another host asks for",
	.text = "Waits, in the foreground, until SIGINT, SIGTERM or SIGHUP, for a coordinator, and "
		"makes its load: one run after the other. It speaks the protocol of OMB's "
		"benchmark-worker, so OMB's own coordinator drives it too, and one of its own with "
		"`omb run -w`.\n\n"
		"Whoever reaches the port can make it load any broker: without --bind only this "
		"host does, and with it callers have to show a token (--token-file; it goes over "
		"the network as it is), to come from certain addresses (--allow-from), or are "
		"everybody (--insecure). A driver file that is sent names no file of this host, "
		"but for those in the folder of --allow-files, and runs nothing on it.\n\n"
		"OMB's protocol does not carry everything that a load may be told. What it leaves "
		"out is taken from --workload and --set: how clients are dealt out to processes "
		"(agents), wakeInterval, maxInFlight, commits, processingTime; keys of a driver "
		"file given by --set replace those of the file that the coordinator sends.",
	.examples = "omb worker\n"
		    "omb worker -p 9090 --bind 10.0.0.7 --token-file token --agents per-client\n"
		    "omb worker --workload w.yaml --set wakeInterval=5ms",
	.flags = worker_flags,
	.run = worker_run,
};
