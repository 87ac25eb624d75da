/* SPDX-License-Identifier: Apache-2.0 */

/* The loopback driver against its own broker in a child process, through nothing but the contract
 * of driver.h; descriptors are waited for as an agent does it. */

#include "driver/driver.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker_process.h"
#include "config/option.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/xalloc.h"

extern const struct driver driver_loopback;
static const struct driver *const drv = &driver_loopback;

#define PAYLOAD_BYTES 100
#define CLIENTS_MAX   320
#define SEQUENCES_MAX 200000
#define WAIT_MS       20000

/* --- one world: a broker, a client, some producers and consumers --------------------------------- */

struct party {
	struct world *w;
	void *priv;
	bool is_open, is_consumer, never_commits, broker_ms_was_wrong;
	int fd;
	unsigned char *seen; /* of a consumer: how often each sequence came */
	uint64_t received, redelivered, acknowledged, failed;
	uint64_t last_of[200]; /* by partition: sequence of the last message, + 1 */
	uint64_t out_of_order;
	uint32_t partitions;
	unsigned events[DRIVER_EVENT_COUNT];
	char last_event[256];
	uint64_t min_age_ns; /* send -> received, or -> acknowledged */
};

struct world {
	struct arena arena;
	void *config, *instance;
	struct driver_context ctx;
	struct broker_process broker;
	int epoll_fd;
	struct party parties[CLIENTS_MAX];
	uint64_t sent_ns[SEQUENCES_MAX];
	char run_id[32];
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void note_age(struct party *p, uint64_t sequence)
{
	uint64_t age_ns = now_ns() - p->w->sent_ns[sequence];

	if (p->min_age_ns == 0 || age_ns < p->min_age_ns)
		p->min_age_ns = age_ns;
}

static void host_sent(void *owner, uint64_t token, const struct sent_report *r)
{
	struct party *p = owner;

	if (r->acknowledged) {
		p->acknowledged++;
		note_age(p, token);
	} else {
		p->failed++;
		assert_non_null(r->reason);
	}
}

static void host_received(void *owner, const struct received *m)
{
	struct party *p = owner;
	uint64_t sequence;

	assert_int_equal(m->payload_len, PAYLOAD_BYTES);
	memcpy(&sequence, m->payload, sizeof(sequence));
	assert_true(sequence < SEQUENCES_MAX);
	assert_true(m->partition >= 0 && m->partition < 200);
	p->seen[sequence]++;
	p->received++;
	p->redelivered += m->redelivery == REDELIVERY_YES;
	if (p->last_of[m->partition] > sequence)
		p->out_of_order++;
	p->last_of[m->partition] = sequence + 1;
	note_age(p, sequence);
	if (m->broker_ms < (int64_t)1000 * (time(NULL) - 60))
		p->broker_ms_was_wrong = true;
}

static void host_assigned(void *owner, uint32_t partitions)
{
	((struct party *)owner)->partitions = partitions;
}

static void host_event(void *owner, enum driver_event kind, const char *text)
{
	struct party *p = owner;

	p->events[kind]++;
	snprintf(p->last_event, sizeof(p->last_event), "%s", text);
}

static const struct driver_core core = {
	.sent = host_sent,
	.received = host_received,
	.looked = core_ignores_looks,
	.assigned = host_assigned,
	.event = host_event,
};

/* options: name, value, name, value, NULL */
static struct world *world_create(const char *const *options)
{
	static unsigned worlds;
	struct world *w = xcalloc(1, sizeof(*w));
	struct error err = { 0 };
	struct error_list errors = { 0 };

	snprintf(w->run_id, sizeof(w->run_id), "t%dn%u", (int)getpid(), ++worlds);
	w->config = xcalloc(1, drv->config_size);
	option_defaults(drv->options, &w->arena, w->config);
	for (; *options != NULL; options += 2)
		if (!option_apply(drv->options, &w->arena, w->config, options[0], options[1], &err))
			fail_msg("%s", err.text);
	drv->configure(w->config, NULL, &w->arena, &errors);
	assert_int_equal(errors.count, 0);
	w->ctx = (struct driver_context){
		.config = w->config, .core = &core, .run_id = w->run_id, .client_id = "test"
	};
	w->epoll_fd = epoll_create1(0);
	w->broker = broker_process_start(drv, &w->ctx);
	w->instance = xcalloc(1, drv->instance_size);
	assert_true(drv->open(w->instance, &w->ctx, &err));
	return w;
}

static void close_party(struct party *p)
{
	if (!p->is_open)
		return;
	if (p->is_consumer)
		drv->consumer_close(p->priv);
	else
		drv->producer_close(p->priv);
	p->is_open = false;
	free(p->priv);
	free(p->seen);
	p->seen = NULL;
}

static void world_destroy(struct world *w)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		close_party(&w->parties[i]);
	drv->close(w->instance);
	if (w->broker.pid != 0)
		assert_int_equal(broker_process_stop(&w->broker), 0);
	close(w->epoll_fd);
	free(w->instance);
	free(w->config);
	arena_fini(&w->arena);
	free(w);
}

static void create_topic(struct world *w, const char *name, uint32_t partitions)
{
	struct topic_spec topic = { name, partitions };
	struct error err = { 0 };

	if (!drv->admin->create_topics(w->instance, &topic, 1, &err))
		fail_msg("%s", err.text);
}

static struct party *new_party(struct world *w, bool is_consumer)
{
	struct party *p = w->parties;

	while (p->is_open)
		p++;
	*p = (struct party){ .w = w, .is_consumer = is_consumer, .is_open = true, .fd = -1 };
	p->priv = aligned_alloc(64, 4096);
	memset(p->priv, 0, 4096);
	assert_true(drv->producer_size <= 4096 && drv->consumer_size <= 4096);
	return p;
}

static void watch(struct party *p)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.ptr = p };

	assert_true(p->fd >= 0);
	assert_int_equal(epoll_ctl(p->w->epoll_fd, EPOLL_CTL_ADD, p->fd, &ev), 0);
}

static struct party *open_producer(struct world *w, const char *topic)
{
	struct party *p = new_party(w, false);
	struct producer_spec spec = { .owner = p, .topic = topic };
	struct error err = { 0 };

	if (!drv->producer_open(w->instance, p->priv, &spec, &p->fd, &err))
		fail_msg("%s", err.text);
	watch(p);
	return p;
}

static struct party *open_consumer(struct world *w, const char *topic, const char *group)
{
	struct party *p = new_party(w, true);
	struct consumer_spec spec = { .owner = p, .topic = topic, .subscription = group };
	struct error err = { 0 };

	if (!drv->consumer_open(w->instance, p->priv, &spec, &p->fd, &err))
		fail_msg("%s", err.text);
	p->seen = xcalloc(SEQUENCES_MAX, 1);
	watch(p);
	return p;
}

/* Serves until there is nothing, as the contract asks after an edge. */
static void serve(struct party *p)
{
	if (p->is_consumer) {
		while (drv->consumer_serve(p->priv, 64) == 64)
			;
		if (!p->never_commits)
			drv->consumer_commit(p->priv);
	} else {
		while (drv->producer_serve(p->priv, 64) >= 64)
			;
	}
}

static void turn(struct world *w, int timeout_ms)
{
	struct epoll_event events[CLIENTS_MAX];
	int n = epoll_wait(w->epoll_fd, events, CLIENTS_MAX, timeout_ms);

	for (int i = 0; i < n; i++)
		serve(events[i].data.ptr);
}

#define turn_until(w, condition)                                       \
	do {                                                           \
		uint64_t give_up_ns = now_ns() + WAIT_MS * 1000000ull; \
		while (!(condition) && now_ns() < give_up_ns)          \
			turn(w, 100);                                  \
		if (!(condition))                                      \
			fail_msg("never: %s", #condition);             \
	} while (0)

static enum send_status try_send(struct party *p, uint64_t sequence)
{
	unsigned char payload[PAYLOAD_BYTES] = { 0 };
	struct outgoing m = { .payload = payload, .payload_len = sizeof(payload) };
	struct error err = { 0 };

	memcpy(payload, &sequence, sizeof(sequence));
	p->w->sent_ns[sequence] = now_ns();
	return drv->send(p->priv, &m, sequence, &err);
}

/* Sends [first, first + count) and does not return before all of it was taken over. */
static unsigned send_all(struct party *p, uint64_t first, uint64_t count)
{
	unsigned busy = 0;

	for (uint64_t n = first; n < first + count;) {
		enum send_status status = try_send(p, n);
		assert_int_not_equal(status, SEND_FAILED);
		if (status == SEND_QUEUED) {
			n++;
		} else {
			busy++;
			drv->flush(p->priv);
			turn(p->w, 100);
		}
	}
	drv->flush(p->priv);
	return busy;
}

static uint64_t count_wrong(const struct party *p, uint64_t count, unsigned want)
{
	uint64_t wrong = 0;

	for (uint64_t n = 0; n < count; n++)
		wrong += p->seen[n] != want;
	return wrong;
}

static const char *const no_options[] = { NULL };

/* --- the rules ----------------------------------------------------------------------------------- */

static void two_groups_receive_every_message_once(void **state)
{
	(void)state;
	const uint64_t count = 100000;
	struct world *w = world_create(no_options);

	create_topic(w, "t", 4);
	struct party *a = open_consumer(w, "t", "one");
	struct party *b = open_consumer(w, "t", "two");
	turn_until(w, a->partitions == 4 && b->partitions == 4);
	struct party *p = open_producer(w, "t");

	send_all(p, 0, count);
	turn_until(w, a->received >= count && b->received >= count && p->acknowledged >= count);
	turn(w, 50); /* anything too much would come now */
	assert_int_equal(a->received, count);
	assert_int_equal(b->received, count);
	assert_int_equal(p->acknowledged, count);
	assert_int_equal(p->failed, 0);
	assert_int_equal(count_wrong(a, count, 1) + count_wrong(b, count, 1), 0);
	assert_int_equal(a->out_of_order + b->out_of_order, 0);
	assert_int_equal(a->redelivered + b->redelivered, 0);
	assert_false(a->broker_ms_was_wrong);
	world_destroy(w);
}

static void members_share_and_a_leaving_one_gives_back(void **state)
{
	(void)state;
	const uint64_t third = 10000;
	struct world *w = world_create(no_options);

	create_topic(w, "t", 4);
	struct party *a = open_consumer(w, "t", "g");
	struct party *b = open_consumer(w, "t", "g");
	turn_until(w, a->partitions == 2 && b->partitions == 2);
	struct party *p = open_producer(w, "t");

	send_all(p, 0, third);
	turn_until(w, a->received + b->received >= third);
	assert_int_equal(a->received, third / 2);

	uint64_t before = b->received;
	close_party(b);
	turn_until(w, a->partitions == 4);
	assert_int_equal(a->events[DRIVER_EVENT_REBALANCE] > 0, 1);
	send_all(p, third, third);
	turn_until(w, a->received + before >= 2 * third);

	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, a->partitions == 2 && c->partitions == 2);
	send_all(p, 2 * third, third);
	/* A partition that changes hands before a commit has arrived is read twice, and says so. */
	turn_until(w, a->received - a->redelivered + before + c->received - c->redelivered >=
	                      3 * third);
	assert_int_equal(a->received - a->redelivered + before + c->received - c->redelivered,
	                 3 * third);
	assert_int_equal(c->received, third / 2 + c->redelivered);
	world_destroy(w);
}

static void nothing_is_earlier_than_the_delay(void **state)
{
	(void)state;
	static const char *const options[] = { "delay", "300us", NULL };
	struct world *w = world_create(options);

	create_topic(w, "t", 1);
	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, c->partitions == 1);
	struct party *p = open_producer(w, "t");
	for (uint64_t n = 0; n < 500; n++) {
		send_all(p, n, 1);
		turn_until(w, c->received > n && p->acknowledged > n);
	}
	assert_true(c->min_age_ns >= 300000);
	assert_true(p->min_age_ns >= 300000);
	/* And not by much: the best of 500 has hardly any wake-up in it. */
	assert_true(c->min_age_ns < 2000000);
	world_destroy(w);
}

static void a_full_broker_pushes_back_and_nothing_is_lost(void **state)
{
	(void)state;
	static const char *const options[] = { "maxBytes", "256KiB",      "maxBufferBytes",
		                               "64KiB",    "maxInFlight", "1000",
		                               NULL };
	const uint64_t count = 50000;
	struct world *w = world_create(options);
	struct error err;

	create_topic(w, "t", 2);
	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, c->partitions == 2);
	struct party *p = open_producer(w, "t");
	assert_true(drv->consumer_ask(c->priv, CONSUMER_PAUSE, &err));

	uint64_t sent = 0;
	while (try_send(p, sent) == SEND_QUEUED)
		if (++sent % 100 == 0) {
			drv->flush(p->priv);
			turn(w, 1);
		}
	for (int i = 0; i < 50; i++)
		turn(w, 1); /* more of it goes as far as the sockets */
	assert_true(sent < count / 2);
	assert_int_equal(c->received, 0);
	assert_int_equal(try_send(p, sent), p->acknowledged == sent ? SEND_QUEUED : SEND_BUSY);

	assert_true(drv->consumer_ask(c->priv, CONSUMER_RESUME, &err));
	turn_until(w, c->received >= sent && p->acknowledged >= sent);
	world_destroy(w);
}

static void a_paused_consumer_gets_nothing_until_it_is_resumed(void **state)
{
	(void)state;
	struct world *w = world_create(no_options);
	struct error err;

	create_topic(w, "t", 1);
	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, c->partitions == 1);
	struct party *p = open_producer(w, "t");
	send_all(p, 0, 1000);
	turn_until(w, c->received > 0 && p->acknowledged == 1000);

	assert_true(drv->consumer_ask(c->priv, CONSUMER_PAUSE, &err));
	uint64_t before = c->received;
	send_all(p, 1000, 1000);
	turn_until(w, p->acknowledged == 2000);
	turn(w, 50);
	assert_int_equal(c->received, before);
	assert_true(drv->consumer_ask(c->priv, CONSUMER_RESUME, &err));
	turn_until(w, c->received == 2000);
	assert_int_equal(c->partitions, 1);
	world_destroy(w);
}

static void room_in_the_socket_wakes_a_producer(void **state)
{
	(void)state;
	static const char *const options[] = { "ackDelay", "1h", NULL };
	const uint64_t count = 60000; /* several times what fits into sockets and buffer */
	struct world *w = world_create(options);

	create_topic(w, "t", 1);
	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, c->partitions == 1);
	struct party *p = open_producer(w, "t");
	assert_int_equal(kill(w->broker.pid, SIGSTOP), 0);
	uint64_t sent = 0;
	while (try_send(p, sent) == SEND_QUEUED) /* until nothing fits */
		sent++;
	assert_true(sent < count);
	turn(w, 0);
	assert_int_equal(kill(w->broker.pid, SIGCONT), 0);
	send_all(p, sent, count - sent); /* no acknowledgement helps */
	turn_until(w, c->received == count);
	assert_int_equal(p->acknowledged, 0);
	world_destroy(w);
}

static void room_in_the_socket_wakes_the_broker(void **state)
{
	(void)state;
	static const char *const options[] = { "maxBufferBytes", "32MiB", NULL };
	const uint64_t count = 60000; /* less than half the credit, and more than a socket holds */
	struct world *w = world_create(options);

	create_topic(w, "t", 1);
	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, c->partitions == 1);
	struct party *p = open_producer(w, "t");
	for (uint64_t n = 0; n < count; n++)
		assert_int_equal(try_send(p, n), SEND_QUEUED);
	drv->flush(p->priv);
	while (p->acknowledged < count)
		serve(p);
	c->never_commits = true; /* a commit would wake the broker as well */
	turn_until(w, c->received == count);
	world_destroy(w);
}

static void in_a_stall_of_sending_the_answer_is_busy(void **state)
{
	(void)state;
	static const char *const options[] = { "brokerFaults", "busy:400ms@100", NULL };
	struct world *w = world_create(options);

	create_topic(w, "t", 1);
	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, c->partitions == 1);
	struct party *p = open_producer(w, "t");
	uint64_t sent = 0, busy_from_ns = 0, busy_ns = 0;
	while (busy_ns == 0) {
		if (try_send(p, sent) == SEND_QUEUED) {
			sent++;
			drv->flush(p->priv);
			if (busy_from_ns != 0)
				busy_ns = now_ns() - busy_from_ns;
		} else if (busy_from_ns == 0) {
			busy_from_ns = now_ns();
		}
		turn(w, 1);
	}
	assert_true(sent > 100);
	assert_true(busy_ns > 100000000 && busy_ns < 4000000000);
	turn_until(w, p->acknowledged == sent && c->received == sent);
	world_destroy(w);
}

static void a_lost_connection_fails_what_is_under_way(void **state)
{
	(void)state;
	static const char *const options[] = { "delay", "10s", NULL };
	struct world *w = world_create(options);

	create_topic(w, "t", 1);
	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, c->partitions == 1);
	struct party *p = open_producer(w, "t");
	send_all(p, 0, 100);
	turn(w, 50);
	assert_int_equal(broker_process_stop(&w->broker), 0);

	turn_until(w, p->failed == 100 && c->events[DRIVER_EVENT_FATAL] == 1);
	assert_int_equal(p->events[DRIVER_EVENT_CONNECTION], 1);
	assert_int_equal(p->events[DRIVER_EVENT_FATAL], 1);
	assert_int_equal(c->partitions, 0);
	assert_int_equal(try_send(p, 100), SEND_FAILED);
	world_destroy(w);
}

static void the_script_can_cut_a_connection_off(void **state)
{
	(void)state;
	static const char *const options[] = { "brokerFaults", "close:1@50+1", NULL };
	struct world *w = world_create(options);

	create_topic(w, "t", 1);
	struct party *p = open_producer(w, "t");
	send_all(p, 0, 100);
	turn_until(w, p->events[DRIVER_EVENT_FATAL] == 1);
	assert_int_equal(p->acknowledged + p->failed, 100);
	assert_true(p->failed >= 51);

	struct party *q = open_producer(w, "t");
	send_all(q, 0, 100);
	turn_until(w, q->acknowledged == 100);
	world_destroy(w);
}

static void closing_a_producer_gives_every_token_back(void **state)
{
	(void)state;
	static const char *const options[] = { "delay", "10s", NULL };
	struct world *w = world_create(options);

	create_topic(w, "t", 1);
	struct party *p = open_producer(w, "t");
	send_all(p, 0, 77);
	close_party(p);
	assert_int_equal(p->failed, 77);
	world_destroy(w);
}

static void a_topic_has_to_exist(void **state)
{
	(void)state;
	struct world *w = world_create(no_options);

	struct party *p = open_producer(w, "nowhere");
	turn_until(w, p->events[DRIVER_EVENT_FATAL] == 1);
	assert_string_equal(p->last_event, "there is no topic \"nowhere\"");
	struct party *c = open_consumer(w, "nowhere", "g");
	turn_until(w, c->events[DRIVER_EVENT_FATAL] == 1);
	world_destroy(w);
}

struct names {
	unsigned topics, groups;
};

static void count_name(void *to, const struct driver_name *name)
{
	struct names *n = to;

	assert_non_null(strstr(name->name, "omb-"));
	if (name->kind == DRIVER_TOPIC)
		n->topics++;
	else
		n->groups++;
}

static void names_in_use_are_neither_listed_nor_deleted(void **state)
{
	(void)state;
	static const char *const topics[] = { "omb-a", "omb-b", "omb-never-was" };
	static const struct group_spec groups[] = { { "omb-a", "omb-g" } };
	struct world *w = world_create(no_options);
	struct names n = { 0 };
	struct error err = { 0 };

	create_topic(w, "omb-a", 1);
	create_topic(w, "omb-b", 1);
	create_topic(w, "omb-b", 1); /* once more is fine */
	create_topic(w, "other", 1);
	struct party *c = open_consumer(w, "omb-a", "omb-g");
	turn_until(w, c->partitions == 1);
	assert_true(drv->admin->list(w->instance, "omb-", count_name, &n, &err));
	assert_int_equal(n.topics, 1);
	assert_int_equal(n.groups, 0);
	assert_false(drv->admin->delete_groups(w->instance, groups, 1, 50, &err));
	assert_string_equal(err.text, "group \"omb-g\" still has members");

	close_party(c);
	assert_true(drv->admin->delete_groups(w->instance, groups, 1, 5000, &err));
	assert_true(drv->admin->delete_topics(w->instance, topics, 3, 5000, &err));
	n = (struct names){ 0 };
	assert_true(drv->admin->list(w->instance, "omb-", count_name, &n, &err));
	assert_int_equal(n.topics + n.groups, 0);
	world_destroy(w);
}

static void faults_are_counted_exactly_and_reported(void **state)
{
	(void)state;
	const uint64_t count = 10000;
	char path[] = "/tmp/omb-loopback-report-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	const char *const options[] = { "brokerFaults",
		                        "lose:100@501 error:1000@501 duplicate:77@501",
		                        "reportFile", path, NULL };
	struct world *w = world_create(options);
	struct error err;
	size_t len;

	create_topic(w, "t", 1);
	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, c->partitions == 1);
	struct party *p = open_producer(w, "t");
	send_all(p, 0, count);
	/* Of 9,500: 95 are lost or refused (9 refused), 123 twice but for the one that is also lost. */
	turn_until(w, c->received >= count - 95 + 122 && p->acknowledged + p->failed == count);
	turn(w, 50);
	assert_int_equal(p->failed, 9);
	assert_int_equal(c->received, count - 95 + 122);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		close_party(&w->parties[i]);
	assert_int_equal(broker_process_stop(&w->broker), 0);

	char *report = file_read(path, 4096, &len, &err);
	assert_non_null(report);
	assert_non_null(strstr(report, "\"accepted\": 10000"));
	assert_non_null(strstr(report, "\"lost\": 86"));
	assert_non_null(strstr(report, "\"duplicated\": 122"));
	assert_non_null(strstr(report, "\"refused\": 9"));
	free(report);
	unlink(path);
	world_destroy(w);
}

static void tcp_works_as_well(void **state)
{
	(void)state;
	char address[32];
	snprintf(address, sizeof(address), "127.0.0.1:%d", 20000 + (int)getpid() % 20000);
	const char *const options[] = { "address", address, NULL };
	struct world *w = world_create(options);

	create_topic(w, "t", 4);
	struct party *c = open_consumer(w, "t", "g");
	turn_until(w, c->partitions == 4);
	struct party *p = open_producer(w, "t");
	send_all(p, 0, 20000);
	turn_until(w, c->received == 20000 && p->acknowledged == 20000);
	world_destroy(w);
}

static void hundreds_of_clients_are_served(void **state)
{
	(void)state;
	enum { PAIRS = 150, EACH = 20 };
	struct world *w = world_create(no_options);
	uint64_t received = 0;

	create_topic(w, "t", PAIRS);
	for (int i = 0; i < PAIRS; i++)
		open_consumer(w, "t", "g");
	turn_until(w, w->parties[0].partitions == 1 && w->parties[PAIRS - 1].partitions == 1);
	for (uint64_t i = 0; i < PAIRS; i++)
		send_all(open_producer(w, "t"), i * EACH, EACH);
	for (int i = 0; i < 200 && received < (uint64_t)PAIRS * EACH; i++) {
		turn(w, 100);
		received = 0;
		for (int c = 0; c < PAIRS; c++)
			received += w->parties[c].received;
	}
	assert_int_equal(received, PAIRS * EACH);
	for (int c = 0; c < PAIRS; c++) { /* round-robin: each partition has as many */
		assert_int_equal(w->parties[c].received, EACH);
		turn_until(w, w->parties[PAIRS + c].acknowledged == EACH);
	}
	world_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_groups_receive_every_message_once),
		cmocka_unit_test(members_share_and_a_leaving_one_gives_back),
		cmocka_unit_test(nothing_is_earlier_than_the_delay),
		cmocka_unit_test(a_full_broker_pushes_back_and_nothing_is_lost),
		cmocka_unit_test(a_paused_consumer_gets_nothing_until_it_is_resumed),
		cmocka_unit_test(room_in_the_socket_wakes_a_producer),
		cmocka_unit_test(room_in_the_socket_wakes_the_broker),
		cmocka_unit_test(in_a_stall_of_sending_the_answer_is_busy),
		cmocka_unit_test(a_lost_connection_fails_what_is_under_way),
		cmocka_unit_test(the_script_can_cut_a_connection_off),
		cmocka_unit_test(closing_a_producer_gives_every_token_back),
		cmocka_unit_test(a_topic_has_to_exist),
		cmocka_unit_test(names_in_use_are_neither_listed_nor_deleted),
		cmocka_unit_test(faults_are_counted_exactly_and_reported),
		cmocka_unit_test(tcp_works_as_well),
		cmocka_unit_test(hundreds_of_clients_are_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
