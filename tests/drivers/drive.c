/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drive -- a driver alone, through nothing but its contract: makes a topic of any name, sends, receives
 * and tidies up, and prints as JSON what it was told.  The suite judges.
 *
 *     drive FILE TOPIC [-p PARTITIONS] [-n PRODUCERS] [-s SUBSCRIPTION]... [-c CONSUMERS]
 *           [-m MESSAGES] [-b BYTES] [-k KEYS] [-H] [-i MS] [-w]
 *
 * CONSUMERS are of each subscription, MESSAGES of each producer; KEYS: message n has key n % KEYS.
 * -H: every message has two headers.
 * -i: ends when nothing came for so long, though something is missing.
 * -w: consumers are paused when they have had the first quarter, the rest is sent, they are resumed.
 */
#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../unit/broker_process.h"
#include "config/driver_file.h"
#include "driver/registry.h"
#include "util/arena.h"
#include "util/xalloc.h"

#define SUBSCRIPTIONS_MAX 16
#define PROBE             UINT32_MAX /* instead of a producer's number: not counted */
#define LOOK_MS           20
#define SETTLE_MS         100
#define LIMIT_MS          20000
#define SERVE_MAX         256
#define TIDY_MS           10000
#define KEY_BYTES         32

/* How often something was given to a socket: libraries find this in the place of libc's. */
static atomic_ulong sends;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): theirs begin with __ */
__attribute__((visibility("default"))) ssize_t send(int fd, const void *data, size_t len, int flags)
{
	atomic_fetch_add(&sends, 1);
	return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

struct payload {
	uint32_t producer, sequence, key;
};

struct client {
	struct world *w;
	void *priv;
	int fd;
	uint32_t number, subscription; /* of a consumer */
	uint32_t partitions;
	bool settles, has_seen_probe;
	uint32_t next; /* of a producer: message to send */
};

struct world {
	const char *topic, *subscriptions[SUBSCRIPTIONS_MAX];
	uint32_t subscriptions_count, partitions, members, messages, bytes, keys;
	uint32_t producers_count, consumers_count;
	uint32_t idle_ms; /* 0: waits for everything */
	bool adds_headers;
	bool waits; /* for the first quarter to be received, and the pause */

	const struct driver *drv;
	struct driver_context ctx;
	void *instance;
	struct broker_process broker;
	int epoll_fd;
	struct client *producers, *consumers;
	unsigned char *payload;

	bool is_paused;
	uint64_t acknowledged, failed, busy, received, received_in_pause, damaged, with_key,
		with_headers;
	uint64_t under_way_max, came_ms;
	uint64_t resumed_at; /* so many were received then */
	uint64_t probes_out; /* not answered yet */
	char reason[504];    /* of the first failure */
	const char *comma;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void die(const char *what, const struct error *err)
{
	fprintf(stderr, "drive: %s: %s\n", what, err->text);
	exit(1);
}

static void print_text(const char *text, size_t len)
{
	putchar('"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < ' ' || c == '"' || c == '\\')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

/* --- the core that the driver is given ------------------------------------------------------------ */

#define PROBE_TOKEN UINT64_MAX

static void on_sent(void *owner, uint64_t token, const struct sent_report *r)
{
	struct world *w = ((struct client *)owner)->w;

	if (token == PROBE_TOKEN) {
		w->probes_out--;
		return;
	}
	w->came_ms = now_ms();
	w->acknowledged += r->acknowledged;
	w->failed += !r->acknowledged;
	if (!r->acknowledged && w->reason[0] == '\0')
		snprintf(w->reason, sizeof(w->reason), "%s", r->reason);
}

static bool has_its_key(const struct world *w, const struct received *m, const struct payload *p)
{
	char key[KEY_BYTES];
	int len = w->keys > 0 ? snprintf(key, sizeof(key), "key-%" PRIu32, p->key) : 0;

	return m->key_len == (size_t)len && (len == 0 || memcmp(m->key, key, (size_t)len) == 0);
}

#define HEADERS 2
#define KIND    "a text: with colon"

/* "kind" and "number", with the message's. */
static bool has_its_headers(const struct received *m, const struct payload *p)
{
	char value[KEY_BYTES];
	size_t len = (size_t)snprintf(value, sizeof(value), "%" PRIu32, p->sequence);
	unsigned kinds = 0, numbers = 0, others = 0;
	struct header h;

	for (size_t i = 0; m->header != NULL && m->header(m, i, &h); i++) {
		bool is_number = strcmp(h.name, "number") == 0 && h.value_len == len &&
		                 memcmp(h.value, value, len) == 0;
		bool is_kind = strcmp(h.name, "kind") == 0 && h.value_len == strlen(KIND) &&
		               memcmp(h.value, KIND, h.value_len) == 0;
		numbers += is_number;
		kinds += is_kind;
		others += !is_number && !is_kind;
	}
	return kinds == 1 && numbers == 1 && others == 0;
}

static bool is_whole(const struct world *w, const struct received *m, const struct payload *p)
{
	const unsigned char *bytes = m->payload;

	if (m->payload_len != w->bytes)
		return false;
	for (size_t i = sizeof(*p); i < w->bytes; i++)
		if (bytes[i] != (unsigned char)(p->sequence + i))
			return false;
	return true;
}

/* subscription, consumer, partition, producer, sequence, key, redelivered, ms of the broker */
static void on_received(void *owner, const struct received *m)
{
	struct client *c = owner;
	struct world *w = c->w;
	struct payload p = { .producer = PROBE };

	if (m->payload_len >= sizeof(p))
		memcpy(&p, m->payload, sizeof(p));
	else
		w->damaged++;
	if (p.producer == PROBE) {
		c->has_seen_probe = true;
		return;
	}
	w->damaged += !is_whole(w, m, &p);
	w->with_key += has_its_key(w, m, &p);
	w->with_headers += w->adds_headers && has_its_headers(m, &p);
	w->received++;
	w->came_ms = now_ms();
	w->received_in_pause += w->is_paused;
	printf("%s[%" PRIu32 ",%" PRIu32 ",%d,%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%d,%" PRId64 "]",
	       w->comma, c->subscription, c->number, (int)m->partition, p.producer, p.sequence,
	       p.key, m->redelivery == REDELIVERY_YES, m->broker_ms);
	w->comma = ",\n";
}

static void on_assigned(void *owner, uint32_t partitions)
{
	((struct client *)owner)->partitions = partitions;
}

static void on_event(void *owner, enum driver_event kind, const char *text)
{
	(void)owner;
	if (kind != DRIVER_EVENT_REBALANCE)
		fprintf(stderr, "drive: event %d: %s\n", kind, text);
}

static void on_progress(void *owner, size_t done)
{
	(void)owner;
	(void)done;
}

static const struct driver_core core = {
	.sent = on_sent,
	.received = on_received,
	.looked = core_ignores_looks,
	.assigned = on_assigned,
	.event = on_event,
	.progress = on_progress,
};

/* --- a broker that the driver brings along ------------------------------------------------------- */

static void start_broker(struct world *w)
{
	if (w->drv->broker != NULL && w->drv->broker->is_wanted(w->ctx.config))
		w->broker = broker_process_start(w->drv, &w->ctx);
}

static void stop_broker(struct world *w)
{
	if (w->broker.pid != 0 && broker_process_stop(&w->broker) != 0)
		exit(1);
}

/* --- clients ----------------------------------------------------------------------------------------- */

static void watch(struct world *w, int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	if (fd >= 0 && epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
		abort();
}

static void open_consumers(struct world *w)
{
	struct error err = { 0 };

	for (uint32_t i = 0; i < w->consumers_count; i++) {
		struct client *c = &w->consumers[i];
		*c = (struct client){ .w = w, .number = i, .settles = true };
		c->subscription = i / w->members;
		c->priv = aligned_alloc(64, (w->drv->consumer_size + 63) / 64 * 64);
		memset(c->priv, 0, w->drv->consumer_size);
		struct consumer_spec spec = {
			.owner = c,
			.topic = w->topic,
			.subscription = w->subscriptions[c->subscription],
			.id = i,
			.partitions = w->partitions,
			.members = w->members,
		};
		if (!w->drv->consumer_open(w->instance, c->priv, &spec, &c->fd, &err))
			die("consumer", &err);
		watch(w, c->fd);
	}
}

static void open_producers(struct world *w)
{
	struct error err = { 0 };

	for (uint32_t i = 0; i < w->producers_count; i++) {
		struct client *c = &w->producers[i];
		*c = (struct client){ .w = w, .number = i };
		c->priv = aligned_alloc(64, (w->drv->producer_size + 63) / 64 * 64);
		memset(c->priv, 0, w->drv->producer_size);
		struct producer_spec spec = { .owner = c, .topic = w->topic, .id = i };
		if (!w->drv->producer_open(w->instance, c->priv, &spec, &c->fd, &err))
			die("producer", &err);
		watch(w, c->fd);
	}
}

static void close_clients(struct world *w)
{
	for (uint32_t i = 0; i < w->producers_count && w->drv->producer_close_begin != NULL; i++)
		w->drv->producer_close_begin(w->producers[i].priv);
	for (uint32_t i = 0; i < w->consumers_count && w->drv->consumer_close_begin != NULL; i++)
		w->drv->consumer_close_begin(w->consumers[i].priv);
	for (uint32_t i = 0; i < w->producers_count; i++)
		w->drv->producer_close(w->producers[i].priv);
	for (uint32_t i = 0; i < w->consumers_count; i++)
		w->drv->consumer_close(w->consumers[i].priv);
}

/* --- the loop ------------------------------------------------------------------------------------ */

/* One turn; waits where nothing is to be had. */
static void turn(struct world *w, bool wait)
{
	const struct driver *d = w->drv;
	struct epoll_event found[16];

	epoll_wait(w->epoll_fd, found, 16, wait ? 1 : 0);
	for (uint32_t i = 0; i < w->producers_count; i++)
		while (d->producer_serve(w->producers[i].priv, SERVE_MAX) >= SERVE_MAX)
			;
	for (uint32_t i = 0; i < w->consumers_count; i++) {
		while (d->consumer_serve(w->consumers[i].priv, SERVE_MAX) >= SERVE_MAX)
			;
		if (d->consumer_commit != NULL)
			d->consumer_commit(w->consumers[i].priv);
	}
}

static enum send_status offer(struct world *w, struct client *c, struct payload p, uint64_t token)
{
	struct error err = { 0 };
	char key[KEY_BYTES];
	char number[KEY_BYTES];
	struct header headers[HEADERS] = { { "kind", KIND, strlen(KIND) },
		                           { .name = "number", .value = number } };
	struct outgoing m = { .payload = w->payload, .payload_len = w->bytes };

	memcpy(w->payload, &p, sizeof(p));
	for (size_t i = sizeof(p); i < w->bytes; i++)
		w->payload[i] = (unsigned char)(p.sequence + i);
	if (w->keys > 0) {
		m.key = key;
		m.key_len = (size_t)snprintf(key, sizeof(key), "key-%" PRIu32, p.key);
	}
	if (w->adds_headers) {
		headers[1].value_len =
			(size_t)snprintf(number, sizeof(number), "%" PRIu32, p.sequence);
		m.headers = headers;
		m.headers_count = HEADERS;
	}
	enum send_status s = w->drv->send(c->priv, &m, token, &err);
	if (s == SEND_FAILED && w->reason[0] == '\0')
		snprintf(w->reason, sizeof(w->reason), "%s", err.text);
	return s;
}

static void flush(struct world *w)
{
	for (uint32_t i = 0; i < w->producers_count && w->drv->flush != NULL; i++)
		w->drv->flush(w->producers[i].priv);
}

static bool are_ready(struct world *w)
{
	for (uint32_t s = 0; s < w->subscriptions_count; s++) {
		uint32_t partitions = 0, busy = 0;
		bool has_seen = false;
		for (uint32_t i = s * w->members; i < (s + 1) * w->members; i++) {
			partitions += w->consumers[i].partitions;
			busy += w->consumers[i].partitions > 0;
			has_seen |= w->consumers[i].has_seen_probe;
		}
		bool are_dealt =
			partitions == w->partitions && (busy == w->members || busy == partitions);
		if (!has_seen || ((w->drv->flags & DRIVER_PARTITIONS) != 0 && !are_dealt))
			return false;
	}
	return w->probes_out == 0;
}

static void settle(struct world *w)
{
	struct error err = { 0 };

	for (uint32_t i = 0; i < w->consumers_count && w->drv->consumer_settle != NULL; i++)
		if (w->consumers[i].settles &&
		    !w->drv->consumer_settle(w->consumers[i].priv, &w->consumers[i].settles, &err))
			die("settle", &err);
}

/* Probes, until each subscription has had one and all its partitions. */
static void get_ready(struct world *w)
{
	uint64_t began_ms = now_ms(), looked_ms = 0, settled_ms = 0;

	while (!are_ready(w)) {
		uint64_t at_ms = now_ms();
		if (at_ms - began_ms > LIMIT_MS) {
			fprintf(stderr, "drive: not ready: %s\n", w->reason);
			exit(1);
		}
		if (at_ms - settled_ms >= SETTLE_MS) {
			settle(w);
			settled_ms = at_ms;
		}
		if (at_ms - looked_ms >= LOOK_MS && w->probes_out == 0) {
			struct payload probe = { .producer = PROBE };
			w->probes_out++;
			if (offer(w, &w->producers[0], probe, PROBE_TOKEN) != SEND_QUEUED)
				w->probes_out--;
			flush(w);
			looked_ms = at_ms;
		}
		turn(w, true);
	}
}

static void note_under_way(struct world *w)
{
	uint64_t under_way = 0;

	for (uint32_t i = 0; i < w->producers_count; i++)
		under_way += w->producers[i].next;
	under_way -= w->acknowledged + w->failed;
	if (under_way > w->under_way_max)
		w->under_way_max = under_way;
}

/* As much as each takes; false: all is sent. */
static bool send_some(struct world *w)
{
	uint32_t end = w->waits ? w->messages / 4 : w->messages;
	bool is_more = false;

	for (uint32_t i = 0; i < w->producers_count; i++) {
		struct client *c = &w->producers[i];
		for (unsigned n = 0; n < SERVE_MAX && c->next < end; n++) {
			struct payload p = { i, c->next, w->keys > 0 ? c->next % w->keys : 0 };
			enum send_status s = offer(w, c, p, c->next);
			if (s == SEND_BUSY) {
				w->busy++;
				break;
			}
			w->failed += s == SEND_FAILED;
			c->next++;
			note_under_way(w);
		}
		is_more |= c->next < w->messages;
	}
	flush(w);
	return is_more;
}

static void ask(struct world *w, enum consumer_wish wish)
{
	struct error err = { 0 };

	for (uint32_t i = 0; i < w->consumers_count; i++)
		if (!w->drv->consumer_ask(w->consumers[i].priv, wish, &err))
			die("wish", &err);
	w->is_paused = wish == CONSUMER_PAUSE;
}

static void carry(struct world *w)
{
	uint64_t all = (uint64_t)w->messages * w->producers_count, began_ms = now_ms();
	uint64_t first = (uint64_t)(w->messages / 4) * w->producers_count;
	bool is_more = true;

	for (;;) {
		is_more = is_more && send_some(w);
		turn(w, !is_more);
		bool is_answered = w->acknowledged + w->failed == all;
		if (w->waits && w->received >= first * w->subscriptions_count) {
			ask(w, CONSUMER_PAUSE);
			w->waits = false;
		}
		if (w->is_paused && is_answered) {
			w->resumed_at = w->received;
			ask(w, CONSUMER_RESUME);
		}
		if (is_answered && w->received >= w->acknowledged * w->subscriptions_count)
			break;
		if (w->idle_ms > 0 && is_answered && now_ms() - w->came_ms > w->idle_ms)
			break;
		if (now_ms() - began_ms > LIMIT_MS) {
			fprintf(stderr, "drive: %" PRIu64 " acknowledged, %" PRIu64 " received\n",
			        w->acknowledged, w->received);
			break;
		}
	}
	for (int i = 0; i < 5; i++) /* what comes too often */
		turn(w, true);
}

/* --- what there is ------------------------------------------------------------------------------- */

struct listing {
	const char *comma;
};

static void print_name(void *to, const struct driver_name *n)
{
	struct listing *l = to;

	printf("%s[\"%s\",", l->comma, n->kind == DRIVER_TOPIC ? "topic" : "group");
	print_text(n->name, strlen(n->name));
	printf("]");
	l->comma = ",";
}

static void print_listed(struct world *w, const char *when)
{
	struct listing l = { "" };
	struct error err = { 0 };

	printf(",\n\"%s\": [", when);
	if (w->drv->admin != NULL &&
	    !w->drv->admin->list(w->instance, "omb-", print_name, &l, &err))
		die("list", &err);
	printf("]");
}

static void make_topic(struct world *w)
{
	struct topic_spec topic = { w->topic, w->partitions };
	struct error err = { 0 };

	if (w->drv->admin != NULL && !w->drv->admin->create_topics(w->instance, &topic, 1, &err))
		die("topic", &err);
}

static void print_end(struct world *w)
{
	struct topic_spec topic = { w->topic, w->partitions };
	struct error err = { 0 };
	uint64_t end = DRIVER_UNTOLD_END;
	uint32_t partitions = 0;

	if (w->drv->admin != NULL && w->drv->admin->topic_ends != NULL &&
	    !w->drv->admin->topic_ends(w->instance, &topic, 1, &end, &partitions, &err))
		die("end of the topic", &err);
	if (end != DRIVER_UNTOLD_END)
		printf(",\n\"end\": %" PRIu64, end);
}

static void tidy(struct world *w)
{
	struct group_spec groups[SUBSCRIPTIONS_MAX] = { 0 };
	struct error err = { 0 };

	if (w->drv->admin == NULL)
		return;
	for (uint32_t i = 0; i < w->subscriptions_count; i++)
		groups[i] = (struct group_spec){ w->topic, w->subscriptions[i] };
	if (!w->drv->admin->delete_groups(w->instance, groups, w->subscriptions_count, TIDY_MS,
	                                  &err))
		die("groups", &err);
	/* Twice: what is gone counts as deleted. */
	for (int i = 0; i < 2; i++)
		if (!w->drv->admin->delete_topics(w->instance, &w->topic, 1, TIDY_MS, &err))
			die("topic", &err);
}

/* --- the program --------------------------------------------------------------------------------- */

/* Of an option with a number, where that goes. */
static uint32_t *number_of(struct world *w, int option)
{
	const struct {
		int option;
		uint32_t *number;
	} numbers[] = {
		{ 'p', &w->partitions }, { 'n', &w->producers_count }, { 'c', &w->members },
		{ 'm', &w->messages },   { 'b', &w->bytes },           { 'k', &w->keys },
		{ 'i', &w->idle_ms },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].option == option)
			return numbers[i].number;
	exit(2);
}

static void read_arguments(struct world *w, int argc, char **argv)
{
	int c;

	*w = (struct world){ .partitions = 1, .members = 1, .messages = 1000, .bytes = 100 };
	w->producers_count = 1;
	w->comma = "";
	while ((c = getopt(argc, argv, "p:n:s:c:m:b:k:i:Hw")) != -1) {
		if (c == 'H')
			w->adds_headers = true;
		else if (c == 'w')
			w->waits = true;
		else if (c == 's' && w->subscriptions_count < SUBSCRIPTIONS_MAX)
			w->subscriptions[w->subscriptions_count++] = optarg;
		else
			*number_of(w, c) = (uint32_t)strtoul(optarg, NULL, 10);
	}
	if (optind + 2 != argc || w->bytes < sizeof(struct payload))
		exit(2);
	w->topic = argv[optind + 1];
	w->consumers_count = w->members * w->subscriptions_count;
}

static void configure(struct world *w, const char *path, struct arena *arena)
{
	static const struct config_mode mode = { 0 };
	struct error_list errors = { 0 }, warnings = { 0 };
	struct driver_file *file = arena_alloc(arena, sizeof(*file));
	void *config = NULL;

	if (driver_file_load(path, &mode, arena, file, &errors, &warnings))
		w->drv = driver_configure(file, arena, &config, &errors, &warnings);
	if (w->drv == NULL)
		die(path, &errors.items[0]);
	w->ctx = (struct driver_context){
		.config = config,
		.core = &core,
		.run_id = "conformance",
		.client_id = "drive",
	};
}

int main(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct error err = { 0 };
	struct world w;

	read_arguments(&w, argc, argv);
	configure(&w, argv[optind], &arena);
	start_broker(&w);
	w.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w.instance = aligned_alloc(64, (w.drv->instance_size + 63) / 64 * 64);
	memset(w.instance, 0, w.drv->instance_size);
	w.producers = xcalloc(w.producers_count, sizeof(*w.producers));
	w.consumers = xcalloc(w.consumers_count, sizeof(*w.consumers));
	w.payload = xcalloc(1, w.bytes);
	if (!driver_load_library(w.drv, &err))
		die("library", &err);
	if (!w.drv->open(w.instance, &w.ctx, &err))
		die("instance", &err);
	make_topic(&w);
	open_consumers(&w);
	open_producers(&w);
	get_ready(&w);
	printf("{\"received\": [");
	carry(&w);
	printf("]");
	print_listed(&w, "listed while read");
	print_end(&w);
	close_clients(&w);
	print_listed(&w, "listed");
	tidy(&w);
	print_listed(&w, "listed after");
	w.drv->close(w.instance);
	stop_broker(&w);
	printf(",\n\"acknowledged\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"busy\": %" PRIu64
	       ", \"damaged\": %" PRIu64 ", \"with key\": %" PRIu64 ", \"with headers\": %" PRIu64
	       ", \"in pause\": %" PRIu64 ", \"resumed at\": %" PRIu64 ", \"under way\": %" PRIu64
	       ", \"sends\": %lu, \"reason\": ",
	       w.acknowledged, w.failed, w.busy, w.damaged, w.with_key, w.with_headers,
	       w.received_in_pause, w.resumed_at, w.under_way_max, atomic_load(&sends));
	print_text(w.reason, strlen(w.reason));
	printf("}\n");
	return 0;
}
