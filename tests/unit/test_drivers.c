/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What every driver carries and answers, through nothing but the contract: Kafka on the broker of our
 * own, NATS on a server of this machine, loopback.
 */

#include "driver/driver.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker_process.h"
#include "config/driver_file.h"
#include "driver/ask.h"
#include "driver/registry.h"
#include "stats/claims.h"
#include "util/arena.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"

#define WAIT_NS   UINT64_C(20000000000)
#define NATS_PORT 19193
#define TOPIC     "omb-test-topic"
#define OTHER     "omb-test-other"
#define GROUP     "omb-test-group"

struct target {
	const char *name, *file; /* %s: the address of a server that the test started */
	enum redelivery first;
	bool is_nats, comes_again; /* what is not confirmed comes again within a second */
	enum { BY_NAME, BY_TOPIC, NONE } groups;
};

static const struct target targets[] = {
	{ "kafka",
	  "driver: kafka\nbroker: embedded\nbrokerMemory: 4MB\n"
	  "consumerConfig: |\n  auto.offset.reset=earliest\n",
	  REDELIVERY_UNKNOWN, false, false, BY_NAME },
	{ "jetstream", "driver: nats\nnatsHostUrl: %s\nstorageType: Memory\nackWait: 1s\n",
	  REDELIVERY_NO, true, true, BY_TOPIC },
	{ "pull",
	  "driver: nats\nnatsHostUrl: %s\nstorageType: Memory\nackWait: 1s\nconsumer: pull\n",
	  REDELIVERY_NO, true, true, BY_TOPIC },
	{ "core", "driver: nats\nnatsHostUrl: %s\nmode: core\n", REDELIVERY_NO, true, false, NONE },
	{ "loopback", "driver: loopback\n", REDELIVERY_NO, false, false, BY_TOPIC },
};
#define TARGETS (sizeof(targets) / sizeof(targets[0]))

/* --- one world: a broker, a producer, a consumer -------------------------------------------------- */

struct message {
	char payload[64], key[64];
	bool has_key;
	enum redelivery redelivery;
	int64_t broker_ms;
	int32_t partition;
	char headers[4][2][64]; /* name, value */
	size_t headers_count;
};

struct world {
	const struct target *target;
	struct arena arena;
	struct config_mode mode;
	struct driver_file file;
	const struct driver *driver;
	void *config, *instance, *producer, *consumer;
	struct driver_context ctx;
	struct broker_process own; /* the driver's ... */
	pid_t server;              /* ... or one that the test started */
	int epoll_fd;
	char folder[64];
	struct message got[16];
	size_t got_count, sent, acknowledged;
	char event[256];
};

static void take_sent(void *owner, uint64_t token, const struct sent_report *r)
{
	struct world *w = owner;

	(void)token;
	if (!r->acknowledged)
		fail_msg("%s: %s", w->target->name, r->reason);
	w->acknowledged++;
}

static void copy(char *to, size_t size, const void *from, size_t len)
{
	assert_true(len < size);
	if (from != NULL)
		memcpy(to, from, len);
	to[len] = '\0';
}

static void take_received(void *owner, const struct received *m)
{
	struct world *w = owner;
	struct message *to = &w->got[w->got_count++];
	struct header h;

	assert_true(w->got_count <= sizeof(w->got) / sizeof(w->got[0]));
	*to = (struct message){
		.has_key = m->key != NULL,
		.redelivery = m->redelivery,
		.broker_ms = m->broker_ms,
		.partition = m->partition,
	};
	copy(to->payload, sizeof(to->payload), m->payload, m->payload_len);
	copy(to->key, sizeof(to->key), m->key, m->key_len);
	while (m->header != NULL && m->header(m, to->headers_count, &h)) {
		assert_true(to->headers_count < 4);
		copy(to->headers[to->headers_count][0], 64, h.name, strlen(h.name));
		copy(to->headers[to->headers_count][1], 64, h.value, h.value_len);
		to->headers_count++;
	}
}

static void take_event(void *owner, enum driver_event kind, const char *text)
{
	struct world *w = owner;

	(void)kind;
	if (w != NULL)
		snprintf(w->event, sizeof(w->event), "%s", text);
}

static const struct driver_core core = {
	.sent = take_sent,
	.received = take_received,
	.looked = core_ignores_looks,
	.assigned = core_ignores_assignments,
	.event = take_event,
};

static bool answers(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;

	close(fd);
	return ok;
}

/* Its address, which is nobody else's; NULL: there is no nats-server here. */
static const char *start_nats(struct world *w)
{
	unsigned id = (unsigned)getpid();
	uint64_t end_ns = clock_ns() + WAIT_NS;
	const char *host = arena_printf(&w->arena, "127.%u.%u.%u", 64 + ((id >> 16) & 63),
	                                (id >> 8) & 255, id & 255);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(NATS_PORT) };
	int status;

	at.sin_addr.s_addr = htonl(127U << 24 | (64 + ((id >> 16) & 63)) << 16 | (id & 0xffff));
	snprintf(w->folder, sizeof(w->folder), "/tmp/omb-test-nats-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	w->server = fork();
	if (w->server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("nats-server", "nats-server", "-a", host, "-p",
		       arena_printf(&w->arena, "%d", NATS_PORT), "-js", "-sd", w->folder, "-l",
		       arena_printf(&w->arena, "%s/log", w->folder), (char *)NULL);
		_exit(errno == ENOENT ? 99 : 98);
	}
	while (!answers(&at)) {
		if (waitpid(w->server, &status, WNOHANG) == w->server) {
			w->server = 0;
			assert_int_equal(WEXITSTATUS(status), 99);
			return NULL;
		}
		assert_true(clock_ns() < end_ns);
	}
	return arena_printf(&w->arena, "nats://%s:%d", host, NATS_PORT);
}

static void stop_broker(struct world *w)
{
	if (w->own.pid > 0)
		assert_int_equal(broker_process_stop(&w->own), 0);
	if (w->server > 0) {
		kill(w->server, SIGTERM);
		assert_int_equal(waitpid(w->server, NULL, 0), w->server);
	}
	if (w->folder[0] != '\0')
		assert_int_equal(system(arena_printf(&w->arena, "rm -r %s", w->folder)), 0);
}

static void configure(struct world *w, const char *server)
{
	struct error_list errors = { 0 }, warnings = { 0 };
	char *text = arena_strdup(&w->arena, w->target->file);
	char *hole = strstr(text, "%s");

	if (hole != NULL)
		text = arena_printf(&w->arena, "%.*s%s%s", (int)(hole - text), text,
		                    server != NULL ? server : "", hole + 2);
	w->file = (struct driver_file){ .path = "d.yaml", .mode = &w->mode, .arena = &w->arena };
	assert_true(driver_file_parse(text, strlen(text), &w->file, &errors, &warnings));
	w->driver = driver_configure(&w->file, &w->arena, &w->config, &errors, &warnings);
	if (errors.count > 0)
		fail_msg("%s: %s", w->target->name, errors.items[0].text);
	assert_non_null(w->driver);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	w->ctx = (struct driver_context){
		.config = w->config,
		.core = &core,
		.run_id = arena_printf(&w->arena, "t%d", (int)getpid()),
		.client_id = "test",
	};
}

static bool is_loopback(const struct world *w)
{
	return strcmp(w->target->name, "loopback") == 0;
}

static bool is_in_build(const struct target *target)
{
	struct error err;

	return driver_by_name(target->is_nats ? "nats" : target->name, &err) != NULL;
}

/* NULL: what it needs is not here, and the test says so. */
static struct world *open_world(const struct target *target, uint32_t partitions)
{
	struct world *w = xcalloc(1, sizeof(*w));
	const struct topic_spec topic = { TOPIC, partitions };
	const char *server = NULL;
	struct error err;

	w->target = target;
	bool is_here = is_in_build(target);
	if (!is_here || (target->is_nats && (server = start_nats(w)) == NULL)) {
		print_message("%s is left out: %s\n", target->name,
		              is_here ? "no nats-server; tools/setup test installs it"
		                      : "it is not in this build");
		stop_broker(w);
		arena_fini(&w->arena);
		free(w);
		return NULL;
	}
	configure(w, server);
	if (w->driver->broker != NULL && w->driver->broker->is_wanted(w->config))
		w->own = broker_process_start(w->driver, &w->ctx);
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->instance = xcalloc(1, w->driver->instance_size);
	assert_true(driver_load_library(w->driver, &err));
	assert_true(w->driver->open(w->instance, &w->ctx, &err));
	if (!w->driver->admin->create_topics(w->instance, &topic, 1, &err))
		fail_msg("%s: %s", target->name, err.text);
	return w;
}

static void watch(struct world *w, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	assert_true(fd >= 0);
	assert_int_equal(epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event), 0);
}

static void open_clients_of(struct world *w, const char *topic)
{
	const struct consumer_spec from = {
		.owner = w, .topic = topic, .subscription = GROUP, .partitions = 1, .members = 1
	};
	const struct producer_spec to = { .owner = w, .topic = topic };
	struct error err;
	int fd;

	w->consumer = aligned_alloc(64, (w->driver->consumer_size + 63) & ~(size_t)63);
	w->producer = aligned_alloc(64, (w->driver->producer_size + 63) & ~(size_t)63);
	memset(w->consumer, 0, w->driver->consumer_size);
	memset(w->producer, 0, w->driver->producer_size);
	assert_true(w->driver->consumer_open(w->instance, w->consumer, &from, &fd, &err));
	watch(w, fd);
	assert_true(w->driver->producer_open(w->instance, w->producer, &to, &fd, &err));
	watch(w, fd);
}

static void open_clients(struct world *w)
{
	open_clients_of(w, TOPIC);
}

static void turn(struct world *w)
{
	struct epoll_event event;

	epoll_wait(w->epoll_fd, &event, 1, 20);
	while (w->driver->producer_serve(w->producer, 64) >= 64)
		;
	while (w->driver->consumer_serve(w->consumer, 64) >= 64)
		;
}

static void send_one(struct world *w, const struct outgoing *m)
{
	uint64_t end_ns = clock_ns() + WAIT_NS;
	struct error err;
	enum send_status status;

	while ((status = w->driver->send(w->producer, m, 1, &err)) == SEND_BUSY) {
		assert_true(clock_ns() < end_ns);
		turn(w);
	}
	if (status != SEND_QUEUED)
		fail_msg("%s: %s", w->target->name, err.text);
	w->sent++;
	if (w->driver->flush != NULL)
		w->driver->flush(w->producer);
}

static void await_answers(struct world *w)
{
	uint64_t end_ns = clock_ns() + WAIT_NS;

	while (w->acknowledged < w->sent) {
		if (clock_ns() >= end_ns)
			fail_msg("%s: no answer; %s", w->target->name, w->event);
		turn(w);
	}
}

static void close_clients(struct world *w)
{
	if (w->producer != NULL) {
		await_answers(w);
		w->driver->producer_close(w->producer);
	}
	if (w->consumer != NULL)
		w->driver->consumer_close(w->consumer);
	free(w->producer);
	free(w->consumer);
	w->producer = w->consumer = NULL;
}

static void close_world(struct world *w)
{
	close_clients(w);
	w->driver->close(w->instance);
	stop_broker(w);
	close(w->epoll_fd);
	free(w->instance);
	arena_fini(&w->arena);
	free(w);
}

/* Until the consumer gets what is sent now: the first messages are those of before it was there. */
static void await_delivery(struct world *w)
{
	const struct outgoing probe = { .payload = "probe", .payload_len = 5 };
	uint64_t end_ns = clock_ns() + WAIT_NS;

	while (w->got_count == 0) {
		if (clock_ns() >= end_ns)
			fail_msg("%s: nothing comes; %s", w->target->name, w->event);
		send_one(w, &probe);
		await_answers(w);
		for (int i = 0; i < 10 && w->got_count == 0; i++)
			turn(w);
	}
	if (w->driver->consumer_commit != NULL)
		w->driver->consumer_commit(w->consumer);
}

/* --- keys and headers ------------------------------------------------------------------------------ */

static const struct message *find(const struct world *w, const char *payload)
{
	for (size_t i = 0; i < w->got_count; i++)
		if (strcmp(w->got[i].payload, payload) == 0)
			return &w->got[i];
	return NULL;
}

static const char *header_named(const struct message *m, const char *name)
{
	for (size_t i = 0; i < m->headers_count; i++)
		if (strcmp(m->headers[i][0], name) == 0)
			return m->headers[i][1];
	return NULL;
}

static void await_message(struct world *w, const char *payload)
{
	uint64_t end_ns = clock_ns() + WAIT_NS;

	while (find(w, payload) == NULL) {
		if (clock_ns() >= end_ns)
			fail_msg("%s: \"%s\" does not come; %s", w->target->name, payload,
			         w->event);
		turn(w);
	}
}

static void keys_and_headers_of(struct world *w)
{
	static const struct header headers[] = {
		{ "trace", "00-4bf92f", 9 },
		{ "baggage", "user: 7", 7 },
	};
	const struct outgoing full = {
		.payload = "full",
		.payload_len = 4,
		.key = "the key",
		.key_len = 7,
		.headers = headers,
		.headers_count = 2,
	};
	const struct outgoing keyed = {
		.payload = "keyed", .payload_len = 5, .key = "k", .key_len = 1
	};
	const struct outgoing named = {
		.payload = "named", .payload_len = 5, .headers = headers, .headers_count = 1
	};

	send_one(w, &full);
	send_one(w, &keyed);
	send_one(w, &named);
	await_message(w, "full");
	await_message(w, "keyed");
	await_message(w, "named");

	const struct message *m = find(w, "full");
	assert_true(m->has_key);
	assert_string_equal(m->key, "the key");
	assert_int_equal(m->headers_count, 2);
	assert_string_equal(header_named(m, "trace"), "00-4bf92f");
	assert_string_equal(header_named(m, "baggage"), "user: 7");
	m = find(w, "keyed");
	assert_string_equal(m->key, "k");
	assert_int_equal(m->headers_count, 0);
	m = find(w, "named");
	assert_false(m->has_key);
	assert_int_equal(m->headers_count, 1);
	m = find(w, "probe");
	assert_false(m->has_key);
	assert_int_equal(m->headers_count, 0);
}

/* libnats reads one as the beginning of the next. */
static void empty_headers_of(struct world *w)
{
	static const struct header empty = { "empty", "", 0 };
	const struct outgoing m = {
		.payload = "empty", .payload_len = 5, .headers = &empty, .headers_count = 1
	};
	struct error err;

	if (w->target->is_nats) {
		assert_int_equal(w->driver->send(w->producer, &m, 1, &err), SEND_FAILED);
		assert_non_null(strstr(err.text, "a line of text"));
		return;
	}
	send_one(w, &m);
	await_message(w, "empty");
	assert_string_equal(header_named(find(w, "empty"), "empty"), "");
}

static void keys_and_headers_come_back_as_they_were_sent(void **state)
{
	(void)state;
	for (size_t i = 0; i < TARGETS; i++) {
		struct world *w = open_world(&targets[i], 1);
		if (w == NULL)
			continue;
		assert_true(w->driver->flags & DRIVER_KEYS);
		assert_true(w->driver->flags & DRIVER_HEADERS);
		open_clients(w);
		await_delivery(w);
		keys_and_headers_of(w);
		empty_headers_of(w);
		close_world(w);
	}
}

/* --- what the broker says of a message ----------------------------------------------------------- */

static void check_broker_words(const struct world *w, const struct message *m)
{
	int64_t now_ms = (int64_t)(clock_wall_ns() / 1000000);
	bool has_time = w->driver->flags & DRIVER_TIMESTAMP;

	/* Core stamps nothing, though its driver can. */
	if (strcmp(w->target->name, "core") != 0 && has_time)
		assert_true(m->broker_ms > now_ms - 60000 && m->broker_ms < now_ms + 60000);
	assert_int_equal(m->partition, w->driver->flags & DRIVER_PARTITIONS ? 0 : -1);
	assert_int_equal(m->redelivery, w->target->first);
	assert_int_equal(m->redelivery != REDELIVERY_UNKNOWN,
	                 (w->driver->flags & DRIVER_REDELIVERY) != 0);
}

static void what_comes_again_says_so_where_the_broker_does(void **state)
{
	static const struct outgoing once = { .payload = "once", .payload_len = 4 };

	(void)state;
	for (size_t i = 0; i < TARGETS; i++) {
		struct world *w = open_world(&targets[i], 1);
		if (w == NULL)
			continue;
		open_clients(w);
		await_delivery(w);
		send_one(w, &once);
		await_message(w, "once");
		check_broker_words(w, find(w, "once"));
		if (targets[i].comes_again) { /* it was not confirmed */
			w->got_count = 0;
			await_message(w, "once");
			assert_int_equal(find(w, "once")->redelivery, REDELIVERY_YES);
		}
		close_world(w);
	}
}

/* --- what clients say of themselves ------------------------------------------------------------- */

static bool has_said(const struct claims *c, enum claim which)
{
	return (c->said >> which & 1) != 0;
}

static struct claims claims_of(struct world *w, bool is_consumer)
{
	struct claims c = { 0 };

	if (is_consumer)
		w->driver->consumer_claims(w->consumer, &c);
	else
		w->driver->producer_claims(w->producer, &c);
	return c;
}

/* librdkafka says its first word after a second. */
static struct claims await_claims(struct world *w, bool is_consumer)
{
	uint64_t end_ns = clock_ns() + WAIT_NS;
	struct claims c;

	while (c = claims_of(w, is_consumer), !has_said(&c, CLAIM_QUEUE_MESSAGES)) {
		if (clock_ns() >= end_ns)
			fail_msg("%s says nothing", w->target->name);
		turn(w);
	}
	return c;
}

static void clients_say_what_they_know_of_themselves(void **state)
{
	(void)state;
	for (size_t i = 0; i < TARGETS; i++) {
		struct world *w = open_world(&targets[i], 1);
		if (w == NULL)
			continue;
		open_clients(w);
		await_delivery(w);
		struct claims p = await_claims(w, false), c = await_claims(w, true);
		assert_int_equal(p.values[CLAIM_QUEUE_MESSAGES], 0); /* all is answered ... */
		assert_int_equal(c.values[CLAIM_QUEUE_MESSAGES], 0); /* ... and handed over */
		assert_int_equal(has_said(&p, CLAIM_BYTES_OUT), !is_loopback(w));
		assert_true(is_loopback(w) || p.values[CLAIM_BYTES_OUT] >= w->sent * 5);
		assert_true(is_loopback(w) || c.values[CLAIM_BYTES_IN] >= 5);
		bool is_kafka = strcmp(w->target->name, "kafka") == 0;
		assert_int_equal(p.values[CLAIM_BATCH_MESSAGES], is_kafka ? w->sent : 0);
		assert_int_equal(p.values[CLAIM_ROUND_TRIP_NS] > 0, is_kafka);
		close_world(w);
	}
}

/* --- topics that are there -------------------------------------------------------------------------- */

static void a_topic_is_told_with_its_partitions(void **state)
{
	static const struct topic_spec asked[] = { { TOPIC, 1 }, { "omb-test-none", 1 } };

	(void)state;
	for (size_t i = 0; i < TARGETS; i++) {
		struct world *w = open_world(&targets[i], 3);
		uint64_t ends[2];
		uint32_t partitions[2] = { 99, 99 };
		struct error err;
		if (w == NULL)
			continue;
		bool can_tell = w->driver->admin->topic_ends != NULL;
		assert_int_equal(can_tell, !is_loopback(w));
		if (can_tell) {
			assert_true(w->driver->admin->topic_ends(w->instance, asked, 2, ends,
			                                         partitions, &err));
			assert_int_equal(partitions[0], targets[i].is_nats ? 0 : 3);
			assert_int_equal(partitions[1], 0);
		}
		close_world(w);
	}
}

/* At once: a topic that is there gets no more partitions by being waited for. */
static void a_kafka_topic_with_too_few_partitions_is_refused_with_the_way_out(void **state)
{
	static const struct topic_spec fewer = { TOPIC, 2 };
	static const struct topic_spec more[] = { { OTHER, 4 }, { TOPIC, 8 } };
	struct world *w = open_world(&targets[0], 3);
	struct error err = { 0 };

	(void)state;
	if (w == NULL)
		return;
	assert_true(w->driver->admin->create_topics(w->instance, &fewer, 1, &err));
	assert_false(w->driver->admin->create_topics(w->instance, more, 2, &err));
	assert_string_equal(
		err.text, "topic " TOPIC ": it was there already, with 3 of the 8 partitions that "
			  "are wanted: delete it, or ask for 3 at the most (partitionsPerTopic)");
	close_world(w);
}

/* --- what the broker is ---------------------------------------------------------------------------- */

static void brokers_are_asked_what_they_are(void **state)
{
	char version[VERSION_MAX];

	(void)state;
	for (size_t i = 0; i < TARGETS; i++) {
		struct world *w = open_world(&targets[i], 1);
		if (w == NULL)
			continue;
		w->driver->admin->broker_version(w->instance, version, sizeof(version));
		const char *wanted = targets[i].is_nats ? "nats-server " : "omb ";
		assert_memory_equal(version, wanted, strlen(wanted));
		assert_true(strchr(version, '.') != NULL);
		close_world(w);
	}
}

/* --- groups --------------------------------------------------------------------------------------- */

struct listing {
	unsigned topics, groups, of_topic, of_other;
};

static void take_name(void *to, const struct driver_name *name)
{
	struct listing *l = to;

	if (name->kind == DRIVER_TOPIC) {
		l->topics++;
		return;
	}
	assert_string_equal(name->name, GROUP);
	l->groups++;
	l->of_topic += strcmp(name->topic, TOPIC) == 0;
	l->of_other += strcmp(name->topic, OTHER) == 0;
}

static struct listing list(struct world *w)
{
	struct listing l = { 0 };
	struct error err;

	if (!w->driver->admin->list(w->instance, "omb-test-", take_name, &l, &err))
		fail_msg("%s: %s", w->target->name, err.text);
	return l;
}

/* A broker hears late of members that are gone. */
static void await_groups(struct world *w, unsigned count)
{
	uint64_t end_ns = clock_ns() + WAIT_NS;

	while (list(w).groups != count || list(w).topics != 2)
		if (clock_ns() >= end_ns)
			fail_msg("%s: %u groups, %u topics", w->target->name, list(w).groups,
			         list(w).topics);
}

static void use_group(struct world *w, const char *topic)
{
	w->got_count = 0;
	open_clients_of(w, topic);
	await_delivery(w);
	close_clients(w);
}

static void one_name_in_two_topics(struct world *w)
{
	static const struct topic_spec other = { OTHER, 1 };
	static const struct group_spec first = { TOPIC, GROUP }, second = { OTHER, GROUP };
	bool by_topic = w->target->groups == BY_TOPIC;
	struct error err;

	assert_true(w->driver->admin->create_topics(w->instance, &other, 1, &err));
	use_group(w, TOPIC);
	use_group(w, OTHER);
	await_groups(w, by_topic ? 2 : 1);
	assert_int_equal(list(w).of_topic, by_topic);
	assert_int_equal(list(w).of_other, by_topic);
	assert_true(w->driver->admin->delete_groups(w->instance, &first, 1, 5000, &err));
	await_groups(w, by_topic ? 1 : 0);
	assert_int_equal(list(w).of_other, by_topic);
	assert_true(w->driver->admin->delete_groups(w->instance, &second, 1, 5000, &err));
	/* What is not there counts as deleted. */
	assert_true(w->driver->admin->delete_groups(w->instance, &second, 1, 5000, &err));
	await_groups(w, 0);
}

static void groups_are_named_with_their_topic_where_they_belong_to_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < TARGETS; i++) {
		struct world *w = targets[i].groups == NONE ? NULL : open_world(&targets[i], 1);
		if (w == NULL)
			continue;
		one_name_in_two_topics(w);
		close_world(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_headers_come_back_as_they_were_sent),
		cmocka_unit_test(what_comes_again_says_so_where_the_broker_does),
		cmocka_unit_test(clients_say_what_they_know_of_themselves),
		cmocka_unit_test(a_topic_is_told_with_its_partitions),
		cmocka_unit_test(a_kafka_topic_with_too_few_partitions_is_refused_with_the_way_out),
		cmocka_unit_test(brokers_are_asked_what_they_are),
		cmocka_unit_test(groups_are_named_with_their_topic_where_they_belong_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
