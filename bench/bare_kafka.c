/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bare_kafka -- what librdkafka costs with nothing around it.
 *
 * The floor that a benchmark harness is compared with: it produces or consumes, and reads the clock
 * once for each message sent, acknowledged and received.
 *
 * One thread waits with epoll_pwait2 for everything.  librdkafka writes to an eventfd when a queue
 * turns from empty to not empty; the descriptor is watched edge-triggered, so nobody ever reads it,
 * and a queue is served until it is empty.  Sends go by an absolute schedule in passes at least
 * `-w` us apart: a pass sends all that is due.  Serving acknowledgements sends nothing.
 *
 * The due time (monotonic clock, ns) stands in the last 8 bytes of each message, so producer and
 * consumer run on the same host.  Without a schedule (-r max) a message is due when it is sent.
 *
 * The window that is reported lasts `-d` seconds, after `-W` seconds of warm-up.  The consumer
 * counts both from the due time of the first message that it receives, so that its window is the
 * producer's.  The result is one JSON line on standard output.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <librdkafka/rdkafka.h>

#include "bare_window.h"

#define CLIENTS_MAX      1000
#define EVENTS_MAX       64
#define CONSUME_BATCH    1000
#define STAMP_BYTES      sizeof(uint64_t)
#define BLOCKED          UINT64_MAX
#define PASS_MAX         512 /* without a schedule all is always due: acknowledgements get a turn */
#define FLUSH_NS         (30 * SECOND_NS)
#define FIRST_MESSAGE_NS (60 * SECOND_NS) /* then the consumer gives up */
#define QUIET_NS         SECOND_NS        /* nothing received for so long: all is consumed */
#define ADMIN_MS         30000

static struct {
	const char *broker, *topic, *group;
	rd_kafka_conf_t *conf; /* with all of -X in it */
	size_t size_bytes;
	uint64_t rate_per_s; /* of all producers together; 0 = no schedule */
	uint64_t window_ns, warmup_ns, wake_ns;
	uint64_t in_flight_max; /* in flight for each producer; 0 = only librdkafka's own limits */
	int clients;            /* producers or consumers in this process */
	int partitions;
	bool delete_topic;
} opt;

static struct client {
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;  /* producer only */
	rd_kafka_queue_t *events; /* the queue that wakes this program */
	bool commits;             /* consumer: enable.auto.commit=false */
	/* Producers share one schedule: each sends every clients-th message of it. */
	uint64_t number;  /* of the next message in the common schedule */
	uint64_t next_ns; /* when it is due; BLOCKED until something is acknowledged */
	uint64_t in_flight_bytes;
} clients[CLIENTS_MAX];

static struct window window;
static int epoll_fd = -1;
static volatile sig_atomic_t stopped;
/* Of the whole life of the process, warm-up and drain too; `done`: acknowledged or received. */
static uint64_t sent, done, failed, busy, wakes;
static uint64_t last_received_ns;
static char *payload; /* one for all: librdkafka copies it */

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bare_kafka: %s: %s\n", what, why);
	exit(1);
}

/* --- clients ------------------------------------------------------------------------------ */

static void conf_set(const char *name, const char *value)
{
	char why[512];

	if (rd_kafka_conf_set(opt.conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		die("option", why);
}

static rd_kafka_t *client_create(rd_kafka_type_t type, void *opaque)
{
	char why[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(opt.conf);

	rd_kafka_conf_set_opaque(conf, opaque);
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (rk == NULL)
		die("creating a client", why);
	return rk;
}

/* From now on a change of the queue from empty to not empty ends epoll_pwait2. */
static void client_watch(struct client *c, rd_kafka_queue_t *events)
{
	static const uint64_t one = 1;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = c };
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); /* open until the process ends */

	if (fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("eventfd", strerror(errno));
	c->events = events;
	rd_kafka_queue_io_event_enable(events, fd, &one, sizeof(one));
}

/* Serves all clients that have something; waits for that until `until_ns` at most. */
static void clients_wait(uint64_t until_ns, void (*serve)(struct client *))
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t now = clock_ns();
	uint64_t wait_ns = until_ns > now ? until_ns - now : 0;
	struct timespec timeout = { .tv_sec = (time_t)(wait_ns / SECOND_NS),
		                    .tv_nsec = (long)(wait_ns % SECOND_NS) };

	int n = epoll_pwait2(epoll_fd, events, EVENTS_MAX, &timeout, NULL);
	if (n < 0 && errno != EINTR)
		die("epoll_pwait2", strerror(errno));
	wakes++;
	for (int i = 0; i < n; i++)
		serve(events[i].data.ptr);
}

/* --- produce ------------------------------------------------------------------------------ */

/* Runs inside rd_kafka_poll.  The opaque of a message is its due time. */
static void producer_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct client *c = opaque;
	uint64_t now = clock_ns();

	(void)rk;
	if (c->next_ns == BLOCKED)
		c->next_ns = 0;
	c->in_flight_bytes -= m->len;
	if (m->err) {
		if (failed++ == 0)
			fprintf(stderr, "bare_kafka: delivery: %s\n", rd_kafka_err2str(m->err));
		return;
	}
	done++;
	if (window_is_open(&window)) {
		window.messages++;
		histogram_record(&window.latency, now - (uint64_t)(uintptr_t)m->_private);
	}
}

static void producer_serve(struct client *c)
{
	while (rd_kafka_poll(c->rk, 0) > 0)
		;
}

/* Whole seconds and the rest apart, so that nothing overflows and nothing drifts. */
static uint64_t producer_due_ns(const struct client *c, uint64_t start_ns)
{
	uint64_t rate = opt.rate_per_s;

	return start_ns + c->number / rate * SECOND_NS + c->number % rate * SECOND_NS / rate;
}

/* False when this producer has to wait for acknowledgements. */
static bool producer_send(struct client *c, uint64_t due_ns)
{
	if (opt.in_flight_max != 0 && c->in_flight_bytes + opt.size_bytes > opt.in_flight_max)
		return false;
	memcpy(payload + opt.size_bytes - STAMP_BYTES, &due_ns, STAMP_BYTES);
	if (rd_kafka_produce(c->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, payload,
	                     opt.size_bytes, NULL, 0, (void *)(uintptr_t)due_ns) == 0) {
		c->in_flight_bytes += opt.size_bytes;
		c->number += (uint64_t)opt.clients;
		sent++;
		return true;
	}
	if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
		die("produce", rd_kafka_err2str(rd_kafka_last_error()));
	return false;
}

/* Sends what is due and leaves in `next_ns` when more is; true when it only ran into PASS_MAX. */
static bool producer_pass(struct client *c, uint64_t start_ns)
{
	for (int i = 0; i < PASS_MAX; i++) {
		uint64_t now = clock_ns();

		c->next_ns = opt.rate_per_s != 0 ? producer_due_ns(c, start_ns) : now;
		if (c->next_ns > now)
			return false;
		if (!producer_send(c, c->next_ns)) {
			c->next_ns = BLOCKED;
			busy++;
			return false;
		}
		if (window_is_open(&window))
			histogram_record(&window.delay, now - c->next_ns);
	}
	return true;
}

static bool producers_pass(uint64_t start_ns)
{
	bool more = false;

	for (int i = 0; i < opt.clients; i++)
		if (clients[i].next_ns != BLOCKED && producer_pass(&clients[i], start_ns))
			more = true;
	return more;
}

static uint64_t producers_next_ns(void)
{
	uint64_t next_ns = BLOCKED;

	for (int i = 0; i < opt.clients; i++)
		next_ns = earlier(next_ns, clients[i].next_ns);
	return next_ns;
}

static void producers_open(void)
{
	payload = malloc(opt.size_bytes);
	if (payload == NULL)
		die("payload", strerror(errno));
	for (size_t i = 0; i < opt.size_bytes; i++)
		payload[i] = (char)('a' + i * i % 26);
	rd_kafka_conf_set_dr_msg_cb(opt.conf, producer_report);
	for (int i = 0; i < opt.clients; i++) {
		struct client *c = &clients[i];
		c->rk = client_create(RD_KAFKA_PRODUCER, c);
		c->topic = rd_kafka_topic_new(c->rk, opt.topic, NULL);
		c->number = (uint64_t)i;
		client_watch(c, rd_kafka_queue_get_main(c->rk));
	}
}

static void produce(void)
{
	uint64_t gate_ns = 0; /* no pass before */

	producers_open();
	uint64_t start_ns = clock_ns();
	window_set(&window, start_ns + opt.warmup_ns, opt.window_ns);
	while (!stopped && window.closed_ns == 0) {
		uint64_t next_ns = producers_next_ns();
		uint64_t until_ns = next_ns > gate_ns ? next_ns : gate_ns;
		clients_wait(earlier(until_ns, window_edge_ns(&window)), producer_serve);

		uint64_t now = clock_ns();
		window_tick(&window, now, stopped);
		if (now < gate_ns || producers_next_ns() > now)
			continue;
		/* What PASS_MAX cut short goes on as soon as acknowledgements are served. */
		gate_ns = producers_pass(start_ns) ? 0 : now + opt.wake_ns;
	}
	window_tick(&window, clock_ns(), true);

	uint64_t limit_ns = clock_ns() + FLUSH_NS;
	for (int i = 0; i < opt.clients; i++)
		rd_kafka_flush(clients[i].rk,
		               (int)((limit_ns - earlier(limit_ns, clock_ns())) / 1000000));
}

/* --- consume ------------------------------------------------------------------------------ */

static void message_receive(const rd_kafka_message_t *m)
{
	uint64_t due_ns;
	uint64_t now = clock_ns();

	if (m->err || m->len < STAMP_BYTES) {
		if (failed++ == 0)
			fprintf(stderr, "bare_kafka: receive: %s\n", rd_kafka_message_errstr(m));
		return;
	}
	memcpy(&due_ns, (const char *)m->payload + m->len - STAMP_BYTES, STAMP_BYTES);
	if (done++ == 0)
		window_set(&window, due_ns + opt.warmup_ns, opt.window_ns);
	last_received_ns = now;
	if (window_is_open(&window)) {
		window.messages++;
		histogram_record(&window.latency, now - due_ns);
	}
}

static void consumer_serve(struct client *c)
{
	static rd_kafka_message_t *batch[CONSUME_BATCH];
	ssize_t n;

	/* With a timeout this call would wait for a full batch (measured: 51 ms instead of 1.2). */
	while ((n = rd_kafka_consume_batch_queue(c->events, 0, batch, CONSUME_BATCH)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			message_receive(batch[i]);
			rd_kafka_message_destroy(batch[i]);
		}
		if (c->commits)
			rd_kafka_commit(c->rk, NULL, 1);
		window_tick(&window, last_received_ns, stopped);
	}
}

static void consumers_open(void)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	char auto_commit[8] = "";
	size_t size = sizeof(auto_commit);

	rd_kafka_topic_partition_list_add(topics, opt.topic, RD_KAFKA_PARTITION_UA);
	conf_set("group.id", opt.group);
	rd_kafka_conf_get(opt.conf, "enable.auto.commit", auto_commit, &size);
	for (int i = 0; i < opt.clients; i++) {
		struct client *c = &clients[i];
		c->commits = strcmp(auto_commit, "false") == 0;
		c->rk = client_create(RD_KAFKA_CONSUMER, c);
		rd_kafka_poll_set_consumer(c->rk);
		client_watch(c, rd_kafka_queue_get_consumer(c->rk));
		rd_kafka_resp_err_t err = rd_kafka_subscribe(c->rk, topics);
		if (err)
			die("subscribe", rd_kafka_err2str(err));
	}
	rd_kafka_topic_partition_list_destroy(topics);
}

static void consume(void)
{
	consumers_open();
	uint64_t give_up_ns = clock_ns() + FIRST_MESSAGE_NS;

	while (!stopped && (window.closed_ns == 0 || clock_ns() < last_received_ns + QUIET_NS)) {
		uint64_t quiet_ns = done == 0 ? give_up_ns : last_received_ns + QUIET_NS;
		uint64_t edge_ns = window_edge_ns(&window);
		clients_wait(edge_ns != 0 ? edge_ns : quiet_ns, consumer_serve);
		window_tick(&window, clock_ns(), stopped);
		if (done == 0 && clock_ns() >= give_up_ns)
			die("consume", "no message came");
	}
	window_tick(&window, clock_ns(), true);
	for (int i = 0; i < opt.clients; i++)
		rd_kafka_consumer_close(clients[i].rk);
}

/* --- topics ------------------------------------------------------------------------------- */

static rd_kafka_event_t *topic_ask(rd_kafka_t *rk, rd_kafka_queue_t *answers)
{
	char why[512] = "";

	if (opt.delete_topic) {
		rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(opt.topic);
		rd_kafka_DeleteTopics(rk, &topic, 1, NULL, answers);
		return rd_kafka_queue_poll(answers, ADMIN_MS);
	}
	rd_kafka_NewTopic_t *topic =
		rd_kafka_NewTopic_new(opt.topic, opt.partitions, 1, why, sizeof(why));
	if (topic == NULL)
		die("topic", why);
	rd_kafka_CreateTopics(rk, &topic, 1, NULL, answers);
	return rd_kafka_queue_poll(answers, ADMIN_MS);
}

static void topic(void)
{
	size_t n;
	rd_kafka_t *rk = client_create(RD_KAFKA_PRODUCER, NULL);
	rd_kafka_event_t *event = topic_ask(rk, rd_kafka_queue_new(rk));

	if (event == NULL || rd_kafka_event_error(event))
		die("topic", event ? rd_kafka_event_error_string(event) : "no answer");
	const rd_kafka_topic_result_t **results =
		opt.delete_topic ? rd_kafka_DeleteTopics_result_topics(
					   rd_kafka_event_DeleteTopics_result(event), &n)
				 : rd_kafka_CreateTopics_result_topics(
					   rd_kafka_event_CreateTopics_result(event), &n);
	if (n == 1 && rd_kafka_topic_result_error(results[0]))
		die(opt.topic, rd_kafka_err2str(rd_kafka_topic_result_error(results[0])));
}

/* --- command line ------------------------------------------------------------------------- */

/* clang-format off */
static const char help[] =
	"usage: bare_kafka produce -b BROKER -t TOPIC -s BYTES -r RATE|max -d SECONDS\n"
	"                          [-W warm-up s (0)] [-w wake interval us (100)]\n"
	"                          [-P producers (1)] [-i bytes in flight per producer (no limit)]\n"
	"       bare_kafka consume -b BROKER -t TOPIC -g GROUP -d SECONDS [-W s] [-n consumers (1)]\n"
	"       bare_kafka topic   -b BROKER -t TOPIC -p PARTITIONS | -D (delete)\n"
	"  -r    messages/s of all producers of the process together; max: no schedule\n"
	"  -X NAME=VALUE   a librdkafka property, any number of times; Nagle is off unless set\n";
/* clang-format on */

static void usage(void)
{
	fputs(help, stderr);
	exit(2);
}

static uint64_t number_of(const char *text, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10); /* out of range: 2^64 - 1, which no `max` allows */
	if (*text < '0' || *text > '9' || *end != '\0' || n < min || n > max) {
		fprintf(stderr, "bare_kafka: %s is no whole number in %" PRIu64 "..%" PRIu64 "\n",
		        text, min, max);
		exit(2);
	}
	return n;
}

static void property_set(char *text)
{
	const char *name = strsep(&text, "=");

	if (text == NULL)
		usage();
	conf_set(name, text);
}

/* clang-format off */
static void option_take(int letter, char *text)
{
	switch (letter) {
	case 'b': opt.broker = text; conf_set("bootstrap.servers", text); break;
	case 't': opt.topic = text; break;
	case 'g': opt.group = text; break;
	case 's': opt.size_bytes = number_of(text, STAMP_BYTES, 1 << 30); break;
	case 'r': opt.rate_per_s = strcmp(text, "max") ? number_of(text, 1, SECOND_NS) : 0; break;
	case 'd': opt.window_ns = number_of(text, 1, 1000000) * SECOND_NS; break;
	case 'W': opt.warmup_ns = number_of(text, 0, 1000000) * SECOND_NS; break;
	case 'w': opt.wake_ns = number_of(text, 0, 1000000) * 1000; break;
	case 'P': case 'n': opt.clients = (int)number_of(text, 1, CLIENTS_MAX); break;
	case 'i': opt.in_flight_max = number_of(text, 0, UINT64_C(1) << 40); break;
	case 'p': opt.partitions = (int)number_of(text, 1, 100000); break;
	case 'D': opt.delete_topic = true; break;
	case 'X': property_set(text); break;
	default: usage();
	}
}
/* clang-format on */

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static bool mode_run(const char *mode)
{
	if (strcmp(mode, "produce") == 0 && opt.size_bytes != 0 && opt.window_ns != 0)
		produce();
	else if (strcmp(mode, "consume") == 0 && opt.group != NULL && opt.window_ns != 0)
		consume();
	else
		return false;
	window_print(&window, mode);
	printf(",\"totalSent\":%" PRIu64 ",\"totalMessages\":%" PRIu64 ",\"totalFailed\":%" PRIu64,
	       sent, done, failed);
	printf(",\"totalBusy\":%" PRIu64 ",\"totalWakes\":%" PRIu64 ",\"librdkafka\":\"%s\"}\n",
	       busy, wakes, rd_kafka_version_str());
	return true;
}

int main(int argc, char **argv)
{
	int letter;

	if (argc < 2)
		usage();
	opt.conf = rd_kafka_conf_new();
	opt.clients = 1;
	opt.wake_ns = 100000;
	conf_set("socket.nagle.disable", "true");
	while ((letter = getopt(argc - 1, argv + 1, "b:t:g:s:r:d:W:w:P:n:i:p:DX:")) != -1)
		option_take(letter, optarg);
	if (opt.broker == NULL || opt.topic == NULL || optind != argc - 1)
		usage();

	prctl(PR_SET_TIMERSLACK, 1); /* else each sleep is 50 us too long */
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (strcmp(argv[1], "topic") == 0 && (opt.partitions != 0) != opt.delete_topic)
		topic();
	else if (!mode_run(argv[1]))
		usage();
	/* Clients are not destroyed: what was to be measured is over, and the process ends. */
	return failed != 0 || (sent != 0 && done != sent);
}
