/* SPDX-License-Identifier: Apache-2.0 */
/* broker -- `omb broker`: the embedded broker in the foreground, for any Kafka client. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/serve.h"
#include "cmd/args.h"
#include "cmd/foreground.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/text.h"
#include "util/units.h"

#define PORT_DEFAULT 9092
#define MEMORY_MIN   (UINT64_C(1) << 20)
#define MEMORY_MAX   (UINT64_C(1) << 40)

static const struct flag broker_flags[] = {
	{ "port", "p", FLAG_VALUE, "PORT",
	  "port of the first virtual broker, the others behind it; 0 = free ones (9092)" },
	{ "topics", "t", FLAG_LIST, "NAME:PARTITIONS",
	  "topics to begin with; clients may create and delete others" },
	{ "bind", NULL, FLAG_VALUE, "ADDRESS",
	  "IPv4 address to listen on, and to tell clients (127.0.0.1)" },
	{ "advertise", NULL, FLAG_VALUE, "HOST:PORT",
	  "tell clients to connect to this instead, the other virtual brokers behind it: for a "
	  "proxy, "
	  "or a network that translates addresses" },
	{ "brokers", NULL, FLAG_VALUE, "N", "virtual brokers that share the partitions (1)" },
	{ "memory", NULL, FLAG_VALUE, "SIZE", "for all messages together (256MB)" },
	{ "full", NULL, FLAG_VALUE, "block|drop-oldest",
	  "when the memory is full: producers wait for consumers, or the oldest messages go "
	  "(block)" },
	{ "partitions", NULL, FLAG_VALUE, "N",
	  "of topics that come to be by being asked for; 0 = they do not (1)" },
	{ "keep-topics", NULL, FLAG_SWITCH, NULL,
	  "refuse to delete topics, as a Kafka with delete.topic.enable=false" },
	{ "rebalance-delay", NULL, FLAG_VALUE, "TIME",
	  "how long an empty group waits for more members (0s)" },
	{ "check-crcs", NULL, FLAG_SWITCH, NULL, "verify the checksum of each batch" },
	{ "fault", NULL, FLAG_REPEAT, "FAULT",
	  "something to do wrong, see `omb help faults`; may be repeated" },
	{ "seed", NULL, FLAG_VALUE, "N", "of faults that draw lots (1)" },
	{ "fault-log", NULL, FLAG_VALUE, "FILE",
	  "name each message that a fault struck in this file, a line of JSON for each" },
	{ "quiet", "q", FLAG_SWITCH, NULL, "print only where it listens, and the totals" },
	INPUT_FLAG_HELP,
	{ 0 },
};

struct front {
	const struct args *args;
	struct topic_wish *topics;
	size_t topics_count;
	const char *bind;
	struct outlet out;
	bool quiet, is_terminal, has_progress;
	struct broker_counts last; /* as of the last progress line */
};

struct topic_wish {
	const char *name;
	int32_t partitions;
};

/* --- what it was told ------------------------------------------------------------------------------- */

static bool parse_number(const char *text, long min, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *out >= min && *out <= max;
}

static bool take_number(const struct args *args, const char *name, long min, long max, long *out,
                        struct error *err)
{
	const char *text = args_value(args, name);

	if (text == NULL || parse_number(text, min, max, out))
		return true;
	return error_set(err, ERROR_USAGE, "--%s: \"%s\" is not a whole number in %ld..%ld", name,
	                 text, min, max);
}

static bool take_memory(const struct args *args, size_t *out, struct error *err)
{
	const char *text = args_value(args, "memory");
	uint64_t bytes;

	if (text == NULL)
		return true;
	if (parse_bytes(text, NULL, &bytes) != UNITS_OK || bytes < MEMORY_MIN || bytes > MEMORY_MAX)
		return error_set(err, ERROR_USAGE,
		                 "--memory: \"%s\" is not a size in 1MiB..1TiB, such as 256MB",
		                 text);
	*out = (size_t)bytes;
	return true;
}

static bool take_full(const struct args *args, enum broker_full *out, struct error *err)
{
	const char *text = args_value(args, "full");

	if (text == NULL || strcmp(text, "block") == 0)
		*out = BROKER_BLOCK;
	else if (strcmp(text, "drop-oldest") == 0)
		*out = BROKER_DROP_OLDEST;
	else
		return error_set(err, ERROR_USAGE,
		                 "--full: \"%s\" is neither block nor drop-oldest", text);
	return true;
}

static bool take_delay(const struct args *args, uint64_t *out, struct error *err)
{
	const char *text = args_value(args, "rebalance-delay");

	if (text == NULL || parse_duration(text, NULL, out) == UNITS_OK)
		return true;
	return error_set(err, ERROR_USAGE, "--rebalance-delay: \"%s\" is not a time such as 500ms",
	                 text);
}

static bool take_faults(const struct args *args, struct broker_options *o, struct error *err)
{
	struct args_values texts = args_values(args, "fault");
	struct fault *faults = arena_alloc(args->arena, (texts.count + 1) * sizeof(*faults));

	for (size_t i = 0; i < texts.count; i++)
		if (!fault_parse(texts.items[i], FAULTS_OF_BROKER, &faults[i], err))
			return false;
	o->faults = faults;
	o->faults_count = texts.count;
	return true;
}

static bool take_topics(const struct args *args, struct front *front, struct error *err)
{
	struct args_values texts = args_values(args, "topics");

	front->topics = arena_alloc(args->arena, (texts.count + 1) * sizeof(*front->topics));
	for (size_t i = 0; i < texts.count; i++) {
		char *name = arena_strdup(args->arena, texts.items[i]);
		char *colon = strchr(name, ':');
		long partitions = 1;
		if (colon != NULL) {
			*colon = '\0';
			if (!parse_number(colon + 1, 1, 100000, &partitions))
				return error_set(err, ERROR_USAGE,
				                 "--topics: \"%s\": expected NAME:PARTITIONS",
				                 texts.items[i]);
		}
		front->topics[front->topics_count++] =
			(struct topic_wish){ .name = name, .partitions = (int32_t)partitions };
	}
	return true;
}

/* "host:port" or "[host]:port". */
static bool take_advertised(const struct args *args, const char *text, struct serve_options *o,
                            struct error *err)
{
	char *host = arena_strdup(args->arena, text), *colon = strrchr(host, ':');
	long port = 0;

	if (colon != NULL) {
		*colon = '\0';
		if (host[0] == '[' && colon[-1] == ']') {
			colon[-1] = '\0';
			host++;
		}
	}
	if (colon == NULL || host[0] == '\0' || strlen(host) > HOST_NAME_MAX ||
	    !parse_number(colon + 1, 1, 65536 - o->broker.nodes, &port))
		return error_set(err, ERROR_USAGE, "--advertise: \"%s\" is not HOST:PORT", text);
	o->broker.host = host;
	o->advertised_port = (int)port;
	return true;
}

static bool take_addresses(const struct args *args, struct front *front, struct serve_options *o,
                           struct error *err)
{
	const char *advertised = args_value(args, "advertise");

	o->bind = args_value(args, "bind");
	if (o->bind != NULL && strcmp(o->bind, "0.0.0.0") == 0 && advertised == NULL)
		return error_set(err, ERROR_USAGE,
		                 "--bind: 0.0.0.0 is nowhere that clients could be told to "
		                 "connect to; name an address of this host, or --advertise one");
	if (o->bind != NULL)
		o->broker.host = o->bind;
	front->bind = o->broker.host;
	return advertised == NULL || take_advertised(args, advertised, o, err);
}

static bool take_all(const struct args *args, struct front *front, struct serve_options *o,
                     struct error *err)
{
	long port = PORT_DEFAULT, nodes = 1, partitions = 1, seed = 1;

	broker_options_init(&o->broker);
	if (!take_number(args, "port", 0, 65535, &port, err) ||
	    !take_number(args, "brokers", 1, BROKER_NODES_MAX, &nodes, err) ||
	    !take_number(args, "partitions", 0, 1000, &partitions, err) ||
	    !take_number(args, "seed", 0, LONG_MAX, &seed, err) ||
	    !take_memory(args, &o->broker.memory_bytes, err) ||
	    !take_full(args, &o->broker.full, err) ||
	    !take_delay(args, &o->broker.group_delay_ns, err) ||
	    !take_faults(args, &o->broker, err) || !take_topics(args, front, err))
		return false;
	if (port > 0 && port + nodes - 1 > 65535)
		return error_set(err, ERROR_USAGE,
		                 "--port: %ld brokers from %ld on: ports end at "
		                 "65535",
		                 nodes, port);
	o->port = (int)port;
	o->broker.nodes = (int)nodes;
	o->broker.partitions = (int32_t)partitions;
	o->broker.seed = (uint64_t)seed;
	o->broker.check_crcs = args_has(args, "check-crcs");
	o->broker.keeps_topics = args_has(args, "keep-topics");
	return take_addresses(args, front, o, err);
}

/* --- what it prints --------------------------------------------------------------------------------- */

#define CLEAR_LINE "\r\033[K"

static void end_progress(struct front *front)
{
	if (front->has_progress)
		front->has_progress =
			!outlet_put_passing(&front->out, CLEAR_LINE, strlen(CLEAR_LINE));
}

static void notice(void *context, const char *text)
{
	struct front *front = context;

	if (front->quiet)
		return;
	end_progress(front);
	foreground_notice(&front->out, text);
}

static void ready(void *context, const int *ports, int count)
{
	struct front *front = context;

	for (int i = 0; i < count; i++)
		foreground_say(&front->out, "listening on %s:%d", front->bind, ports[i]);
}

static bool prepare(void *context, struct broker *b, struct error *err)
{
	const struct front *front = context;

	for (size_t i = 0; i < front->topics_count; i++)
		if (!broker_add_topic(b, front->topics[i].name, front->topics[i].partitions, err))
			return false;
	return true;
}

static void show_progress(struct front *front, const struct broker *b)
{
	const struct broker_counts *c = broker_counts(b);
	size_t used, all;
	char used_text[UNITS_TEXT], all_text[UNITS_TEXT];
	struct text line = { 0 };

	broker_memory(b, &used, &all);
	text_addf(&line,
	          CLEAR_LINE "%" PRIu64 " msg/s in, %" PRIu64
	                     " msg/s out, %zu connections, %s of %s",
	          c->produced - front->last.produced, c->fetched - front->last.fetched,
	          broker_connections(b), format_bytes_short(used, used_text),
	          format_bytes_short(all, all_text));
	if (c->dropped > 0)
		text_addf(&line, ", %" PRIu64 " dropped unread", c->dropped);
	if (outlet_put_passing(&front->out, text_str(&line), line.len))
		front->has_progress = true;
	text_fini(&line);
}

static void every_second(void *context, const struct broker *b)
{
	struct front *front = context;

	if (!front->quiet && front->is_terminal)
		show_progress(front, b);
	front->last = *broker_counts(b);
}

static void add_count(struct text *out, uint64_t count, const char *what)
{
	if (count > 0)
		text_addf(out, ", %" PRIu64 " %s", count, what);
}

static void print_totals(struct front *front, const struct broker_counts *c)
{
	struct text out = { 0 };
	char bytes[UNITS_TEXT];

	end_progress(front);
	text_addf(&out,
	          "%" PRIu64 " messages in %" PRIu64 " batches in, %" PRIu64 " out, %" PRIu64
	          " connections",
	          c->produced, c->batches, c->fetched, c->connections);
	add_count(&out, c->blocked, "requests waited for room");
	add_count(&out, c->dropped, "messages dropped unread");
	if (c->dropped > 0)
		text_addf(&out, " (in batches of %s)", format_bytes_short(c->dropped_bytes, bytes));
	add_count(&out, c->late, "fetches of what was dropped");
	add_count(&out, c->refused_readers, "fetches refused for too many readers");
	add_count(&out, c->crowded, "connections turned away for too many");
	add_count(&out, c->lost, "messages lost on purpose");
	add_count(&out, c->duplicated, "messages stored twice on purpose");
	add_count(&out, c->refused, "messages refused on purpose");
	add_count(&out, c->reordered, "messages overtaken on purpose");
	add_count(&out, c->corrupted, "messages corrupted on purpose");
	add_count(&out, c->spoiled, "messages spoiled on purpose");
	add_count(&out, c->closed, "connections closed on purpose");
	add_count(&out, c->turned_away, "connections turned away on purpose");
	foreground_say(&front->out, "%s", text_str(&out));
	text_fini(&out);
}

/* --- the command ------------------------------------------------------------------------------------ */

/* With the log of its faults around it. */
static bool serve(const struct args *args, struct serve_options *o, struct broker_counts *counts,
                  struct error *err)
{
	const char *path = args_value(args, "fault-log");
	struct error log_err;

	if (path != NULL) {
		o->broker.fault_log = fault_log_open(path, err);
		if (o->broker.fault_log == NULL)
			return error_wrap(err, "--fault-log");
	}
	bool ok = serve_run(o, counts, err);
	if (!fault_log_close(o->broker.fault_log, &log_err) && ok)
		return error_set(err, log_err.kind, "--fault-log: %s", log_err.text);
	return ok;
}

static int broker_run(const struct args *args)
{
	struct front front = { .args = args, .quiet = args_has(args, "quiet") };
	struct serve_options options = { .stop_fd = -1 };
	struct broker_counts counts = { 0 };
	struct error err;

	if (args->words.count > 0) {
		error_set(&err, ERROR_USAGE, "broker: \"%s\" is not a flag", args->words.items[0]);
		return args_fail(args, &err);
	}
	if (!take_all(args, &front, &options, &err))
		return args_fail(args, &err);
	front.is_terminal = isatty(STDOUT_FILENO) != 0;
	options.stop_fd = foreground_open_signals(&err);
	if (options.stop_fd < 0)
		return args_fail(args, &err);
	machine_limits_raise(); /* each connection is a descriptor */
	options.broker.notices = (struct notices){ .tell = notice, .context = &front };
	options.ready = ready;
	options.prepare = prepare;
	options.every_second = every_second;
	options.context = &front;
	outlet_open(&front.out, stdout);
	bool ok = serve(args, &options, &counts, &err);
	file_close(options.stop_fd);
	if (ok)
		print_totals(&front, &counts);
	ok = foreground_end(&front.out, ok, &err);
	return ok ? 0 : args_fail(args, &err);
}

extern const struct command command_broker;
const struct command command_broker = {
	.name = "broker",
	.summary = "serves the Kafka protocol from memory: a broker for trying and testing",
	.text = "A Kafka broker in memory, in the foreground, until SIGINT, SIGTERM or SIGHUP. Any "
		"Kafka "
		"client "
		"can use it: it knows topics, consumer groups, idempotent producers, committed "
		"offsets and all compressions, and no transactions. Nothing is durable: it is for "
		"trying, testing and calibrating, and what is measured on it says nothing about "
		"any "
		"product.\n\n"
		"When the memory is full, what all consumers have had is dropped. If that is not "
		"enough, producers wait (block), or the oldest messages go (drop-oldest). Messages "
		"that nobody has ever read are kept: a producer without a "
		"consumer stops when the memory is full. Nobody waits for a consumer that has been "
		"silent for 10 s; what is dropped that a consumer has not had is counted in the "
		"totals, and its topic is named.\n\n"
		"`omb help faults` says what it can do wrong; the totals at the end say how many "
		"messages met each.",
	.examples = "omb broker -p 9092 --topics a:16\n"
		    "omb broker -p 0 --memory 64MB --fault lose:1000@1",
	.flags = broker_flags,
	.run = broker_run,
};
