/* SPDX-License-Identifier: Apache-2.0 */
/* proxy -- `omb proxy`: TCP connections through a bad network, on request. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/foreground.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "proxy/control.h"
#include "proxy/proxy.h"
#include "proxy/tell.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/text.h"
#include "util/units.h"

#define MEMORY_DEFAULT (UINT64_C(16) << 20)
#define MEMORY_MIN     (UINT64_C(4) << 10)
#define MEMORY_MAX     (UINT64_C(1) << 30)

static const struct flag proxy_flags[] = {
	{ "listen", "l", FLAG_REPEAT, "[HOST:]PORT=TARGET:PORT",
	  "listen here (127.0.0.1 if no host is given; port 0 = a free one) and connect to the "
	  "target; "
	  "may be repeated, one for each broker" },
	{ "control", NULL, FLAG_VALUE, "PATH",
	  "take commands on this unix socket, one a line, each answered by a line; with a command "
	  "and no --listen: send it to the proxy there" },
	{ "do", NULL, FLAG_REPEAT, "COMMAND", "a command to begin with; may be repeated" },
	{ "memory", NULL, FLAG_VALUE, "SIZE",
	  "bytes under way in each direction of a connection; beyond them the sender is slowed "
	  "down, so "
	  "a direction carries at most so much in the time of its latency (16MiB)" },
	{ "seed", NULL, FLAG_VALUE, "N", "of the jitter (1)" },
	{ "quiet", "q", FLAG_SWITCH, NULL, "print only where it listens, and the totals" },
	INPUT_FLAG_HELP,
	{ 0 },
};

struct front {
	const struct args *args;
	struct poller poller;
	struct proxy_options options;
	struct proxy *proxy;
	struct control *control;
	struct outlet out;
	struct watch end;
	bool is_ending;
};

static struct front *front_of(struct watch *w)
{
	return (struct front *)((char *)w - offsetof(struct front, end));
}

/* --- what it was told ----------------------------------------------------------------------------- */

static bool take_options(const struct args *args, struct proxy_options *o, struct error *err)
{
	const char *memory = args_value(args, "memory"), *seed = args_value(args, "seed");
	uint64_t bytes = MEMORY_DEFAULT;
	char *end = NULL;

	if (memory != NULL && (parse_bytes(memory, NULL, &bytes) != UNITS_OK ||
	                       bytes < MEMORY_MIN || bytes > MEMORY_MAX))
		return error_set(err, ERROR_USAGE,
		                 "--memory: \"%s\" is not a size in 4KiB..1GiB, such as 16MB",
		                 memory);
	o->memory = (size_t)bytes;
	o->seed = seed != NULL ? strtoull(seed, &end, 10) : 1;
	if (seed != NULL && (seed[0] < '0' || seed[0] > '9' || *end != '\0'))
		return error_set(err, ERROR_USAGE, "--seed: \"%s\" is not a whole number", seed);
	return true;
}

static bool listen_on(struct front *front, const char *text, struct error *err)
{
	char *here = arena_strdup(front->args->arena, text), *target = strchr(here, '=');
	char shown[ADDRESS_TEXT];
	struct address at;

	if (target == NULL)
		return error_set(err, ERROR_USAGE,
		                 "--listen: \"%s\": expected [HOST:]PORT=TARGET:PORT, as in "
		                 "9192=127.0.0.1:9092",
		                 text);
	*target++ = '\0';
	if (here[0] != '\0' && strspn(here, "0123456789") == strlen(here))
		here = arena_printf(front->args->arena, "127.0.0.1:%s", here);
	if (!address_parse(here, &at, err) || !proxy_listen(front->proxy, &at, target, err))
		return error_wrap(err, "--listen %s", text);
	foreground_say(&front->out, "listening on %s for %s", address_format(&at, shown), target);
	return true;
}

static bool listen_on_all(struct front *front, struct error *err)
{
	struct args_values texts = args_values(front->args, "listen");

	if (texts.count == 0)
		return error_set(err, ERROR_USAGE,
		                 "proxy: where? for example --listen 9192=127.0.0.1:9092");
	for (size_t i = 0; i < texts.count; i++)
		if (!listen_on(front, texts.items[i], err))
			return false;
	return true;
}

static bool do_all(struct front *front, struct error *err)
{
	struct args_values lines = args_values(front->args, "do");

	for (size_t i = 0; i < lines.count; i++) {
		struct proxy_command c;
		struct text answer = { 0 };
		bool ok = proxy_command_parse(lines.items[i], &c, err) &&
		          proxy_command(front->proxy, &c, &answer, err);
		text_fini(&answer);
		if (!ok)
			return error_wrap(err, "--do \"%s\"", lines.items[i]);
	}
	return true;
}

/* --- what it prints ------------------------------------------------------------------------------- */

static void notice(void *context, const char *text)
{
	struct front *front = context;

	foreground_notice(&front->out, text);
}

static void print_totals(struct front *front)
{
	struct proxy_counts c = proxy_counts(front->proxy);
	char up[UNITS_TEXT], down[UNITS_TEXT];
	struct text line = { 0 };

	text_addf(&line, "%" PRIu64 " connection%s, %s up, %s down", c.accepted,
	          c.accepted == 1 ? "" : "s", format_bytes_short(c.bytes[UP], up),
	          format_bytes_short(c.bytes[DOWN], down));
	if (c.reset > 0)
		text_addf(&line, ", %" PRIu64 " connections reset on request", c.reset);
	if (c.unreachable > 0)
		text_addf(&line, ", %" PRIu64 " connections without a target", c.unreachable);
	foreground_say(&front->out, "%s", text_str(&line));
	text_fini(&line);
}

/* --- the command ---------------------------------------------------------------------------------- */

static void on_end(struct watch *w, uint32_t events)
{
	(void)events;
	front_of(w)->is_ending = true;
}

/* The socket of commands is there before the addresses are printed: who reads them may use it. */
static bool begin(struct front *front, int termination_fd, struct error *err)
{
	const char *path = args_value(front->args, "control");

	if (!poller_open(&front->poller, err))
		return false;
	front->end.event = on_end;
	front->proxy = proxy_create(&front->poller, &front->options);
	if (!poller_add(&front->poller, &front->end, termination_fd, EPOLLIN, err))
		return false;
	if (path != NULL) {
		front->control = control_open(&front->poller, path, front->proxy, err);
		if (front->control == NULL)
			return false;
	}
	return listen_on_all(front, err) && do_all(front, err);
}

static bool serve(struct front *front, struct error *err)
{
	while (!front->is_ending)
		if (!poller_turn(&front->poller, UINT64_MAX, err))
			return false;
	return true;
}

/* Words are a command for a proxy that runs. */
static int tell(const struct args *args)
{
	const char *path = args_value(args, "control");
	struct text command = { 0 }, answer = { 0 };
	struct error err;
	bool ok = false;

	for (size_t i = 0; i < args->words.count; i++)
		text_addf(&command, "%s%s", i > 0 ? " " : "", args->words.items[i]);
	if (path == NULL || args_values(args, "listen").count > 0)
		error_set(&err, ERROR_USAGE,
		          "proxy: \"%s\": a command goes to a proxy that runs (--control PATH and "
		          "no --listen), or behind --do",
		          text_str(&command));
	else if (!proxy_tell(path, text_str(&command), &answer, &err))
		error_wrap(&err, "proxy at %s", path);
	else
		ok = true;
	if (ok)
		printf("%s\n", text_str(&answer));
	text_fini(&command);
	text_fini(&answer);
	return ok ? 0 : args_fail(args, &err);
}

static int proxy_run(const struct args *args)
{
	struct front front = { .args = args, .poller.epoll_fd = -1 };
	struct error err;

	if (args->words.count > 0)
		return tell(args);
	if (!take_options(args, &front.options, &err))
		return args_fail(args, &err);
	if (!args_has(args, "quiet"))
		front.options.notice = notice;
	front.options.context = &front;
	int termination_fd = foreground_open_signals(&err);
	if (termination_fd < 0)
		return args_fail(args, &err);
	machine_limits_raise();        /* each connection is two descriptors */
	prctl(PR_SET_TIMERSLACK, 1UL); /* what is due goes when it is due */
	outlet_open(&front.out, stdout);
	bool ok = begin(&front, termination_fd, &err) && serve(&front, &err);
	if (ok)
		print_totals(&front);
	ok = foreground_end(&front.out, ok, &err);
	control_close(front.control);
	proxy_destroy(front.proxy);
	poller_close(&front.poller);
	file_close(termination_fd);
	return ok ? 0 : args_fail(args, &err);
}

extern const struct command command_proxy;
const struct command command_proxy = {
	.name = "proxy",
	.words = "[COMMAND]",
	.summary = "passes TCP connections on, slowed down, held up or cut on request",
	.text = "Stands between clients and a broker, in the foreground, until SIGINT, SIGTERM or "
		"SIGHUP, and makes the network as bad as it is told: latency, jitter, bandwidth, "
		"black "
		"holes and resets, for each direction, changed while connections go through it. A "
		"line "
		"for each listener says where it listens. Clients must not learn of another "
		"address of "
		"the broker: omb broker --advertise, Kafka's advertised.listeners, tools/broker "
		"kafka "
		"up --advertise.\n\n"
		"Commands, by omb proxy --control PATH COMMAND, on that socket itself, or by --do, "
		"are VERB [up|down] "
		"[on "
		"LISTENER] [KEY=VALUE...]. up is what clients say, down what the target says, "
		"neither is "
		"both; LISTENER is an address as it was printed or its port, none is all. Each is "
		"answered by \"ok ...\" or \"error: ...\" when it has been obeyed.\n\n"
		"set latency=TIME jitter=TIME bandwidth=SIZE: every byte comes later by the "
		"latency and "
		"a random part of the jitter, in order, and no more than so many bytes go on in a "
		"second; 0 is none, and what is not named stays.\n\n"
		"blackhole [hold|swallow]: nothing goes on, ends of connections included, and "
		"neither "
		"side is told. hold reads nothing, so that the sender's buffers fill up; swallow "
		"reads "
		"and forgets.\n\n"
		"cut: all connections are reset and new ones refused until heal.\n\n"
		"reset: all connections are reset, new ones are welcome. With a direction only its "
		"receiver is told, and the sender talks to nobody from then on.\n\n"
		"half-close: the stream ends (FIN) behind what is under way.\n\n"
		"heal: ends cut and blackhole; what was held goes on, what set said stays.\n\n"
		"status: counts and settings of each listener as JSON.",
	.examples =
		"omb proxy -l 9192=127.0.0.1:9092 --control /tmp/proxy\n"
		"omb proxy -l 0=127.0.0.1:9092 --do 'set latency=20ms jitter=5ms' --do 'set down "
		"bandwidth=10MB'\n"
		"omb proxy --control /tmp/proxy blackhole up",
	.flags = proxy_flags,
	.run = proxy_run,
};
