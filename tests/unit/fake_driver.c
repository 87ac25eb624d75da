/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_driver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"

#define FAKE_WINDOW 65536

struct fake_script fake_script;
struct fake_send fake_sends[FAKE_SENDS_MAX];
_Atomic uint32_t fake_sends_count;
_Atomic uint32_t fake_commits;
_Atomic uint32_t fake_settles[4];
_Atomic uint32_t fake_begun_at_first_close, fake_closed;
static _Atomic uint32_t begun;

struct fake_instance {
	const struct driver_core *core;
};

struct fake_producer {
	const struct driver_core *core;
	void *owner;
	uint32_t id;
	int fd;
	uint64_t head, tail;
	uint64_t tokens[FAKE_WINDOW];
};

struct fake_consumer {
	const struct driver_core *core;
	void *owner;
	uint32_t id, next;
	uint32_t partitions;
	uint32_t settles;
};

void fake_reset(void)
{
	fake_script = (struct fake_script){ .acknowledges = true };
	fake_sends_count = 0;
	fake_commits = 0;
	fake_begun_at_first_close = fake_closed = begun = 0;
	for (size_t i = 0; i < sizeof(fake_settles) / sizeof(fake_settles[0]); i++)
		fake_settles[i] = 0;
}

static bool fake_open(void *instance, const struct driver_context *ctx, struct error *err)
{
	(void)err;
	((struct fake_instance *)instance)->core = ctx->core;
	return true;
}

static void fake_close(void *instance)
{
	(void)instance;
}

static bool fake_producer_open(void *instance, void *producer, const struct producer_spec *spec,
                               int *fd, struct error *err)
{
	struct fake_producer *p = producer;

	(void)err;
	p->core = ((struct fake_instance *)instance)->core;
	p->owner = spec->owner;
	p->id = spec->id;
	p->fd = *fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return true;
}

static void answer(struct fake_producer *p, uint64_t token)
{
	struct sent_report r = { .acknowledged = !fake_script.fails, .reason = "scripted failure" };

	p->core->sent(p->owner, token, &r);
}

static unsigned report(struct fake_producer *p, unsigned max, bool acknowledged)
{
	struct sent_report r = { .acknowledged = acknowledged, .reason = "scripted failure" };
	unsigned n = 0;

	for (; p->tail < p->head && n < max; n++)
		p->core->sent(p->owner, p->tokens[p->tail++ % FAKE_WINDOW], &r);
	return n;
}

static unsigned fake_producer_serve(void *producer, unsigned max)
{
	const struct fake_producer *p = producer;

	if (p->id + 1 == fake_script.silent_producer)
		return 0;
	return fake_script.acknowledges ? report(producer, max, !fake_script.fails) : 0;
}

static void take(uint64_t ns)
{
	const struct timespec pause = { .tv_sec = (time_t)(ns / 1000000000u),
		                        .tv_nsec = (long)(ns % 1000000000u) };

	if (ns > 0)
		nanosleep(&pause, NULL);
}

static void fake_close_begin(void *instance)
{
	(void)instance;
	begun++;
}

static void note_close(void)
{
	if (fake_closed++ == 0)
		fake_begun_at_first_close = begun;
}

static void fake_producer_close(void *producer)
{
	struct fake_producer *p = producer;

	note_close();
	take(fake_script.close_ns);
	if (!fake_script.forgets)
		report(p, FAKE_WINDOW, false);
	close(p->fd);
}

static void write_down(const struct outgoing *m, const struct stamp *stamp)
{
	uint32_t n = fake_sends_count;

	if (n == FAKE_SENDS_MAX)
		return;
	fake_sends[n] =
		(struct fake_send){ .stamp = *stamp, .at_ns = clock_ns(), .len = m->payload_len };
	if (m->key != NULL)
		memcpy(fake_sends[n].key, m->key, m->key_len);
	fake_sends_count = n + 1;
}

static enum send_status fake_send(void *producer, const struct outgoing *m, uint64_t token,
                                  struct error *err)
{
	struct fake_producer *p = producer;
	struct stamp stamp = { 0 };
	enum send_status status = SEND_QUEUED;

	if (stamp_read(m->payload, m->payload_len, &stamp) != STAMP_OK)
		abort(); /* a producer loop that does not stamp is broken beyond any test */
	bool probe = stamp.flags & STAMP_PROBE;
	if (!probe && fake_script.allocates) {
		void *volatile planted = malloc(64); /* volatile: or the compiler leaves it out */
		free(planted);
	}
	if (!probe && fake_script.on_send != NULL)
		status = fake_script.on_send(p->id, &stamp, err);
	if (status == SEND_QUEUED && !probe && fake_script.answers_in_send) {
		answer(p, token);
	} else if (status == SEND_QUEUED) {
		p->tokens[p->head++ % FAKE_WINDOW] = token;
		eventfd_write(p->fd, 1);
	}
	if (!probe && status == SEND_QUEUED)
		write_down(m, &stamp);
	return status;
}

static bool fake_consumer_open(void *instance, void *consumer, const struct consumer_spec *spec,
                               int *fd, struct error *err)
{
	struct fake_consumer *c = consumer;

	(void)err;
	take(fake_script.open_ns);
	c->core = ((struct fake_instance *)instance)->core;
	c->owner = spec->owner;
	c->id = spec->id;
	c->partitions = spec->partitions;
	c->core->assigned(c->owner, c->partitions);
	*fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	return true;
}

static void stamp_anew(struct fake_delivery *d)
{
	struct stamp stamp;

	if (stamp_read(d->payload, d->len, &stamp) != STAMP_OK)
		abort();
	stamp.due_ns = clock_ns();
	stamp_write(d->payload, d->len, &stamp);
}

static unsigned fake_consumer_serve(void *consumer, unsigned max)
{
	struct fake_consumer *c = consumer;
	unsigned served = 0;

	for (; c->next < fake_script.deliveries_count && served < max; c->next++) {
		struct fake_delivery *d = &fake_script.deliveries[c->next];
		if (d->consumer != c->id)
			continue;
		if (fake_script.look_ns > 0) {
			take(fake_script.look_ns);
			c->core->looked(c->owner);
		}
		if (fake_script.stamps_on_arrival)
			stamp_anew(d);
		struct received m = {
			.payload = d->payload,
			.payload_len = d->len,
			.partition = d->partition,
			.broker_ms = d->broker_ms,
			.redelivery = d->redelivered ? REDELIVERY_YES : REDELIVERY_NO,
		};
		c->core->received(c->owner, &m);
		served++;
	}
	return served;
}

static void fake_consumer_commit(void *consumer)
{
	(void)consumer;
	fake_commits++;
	if (fake_script.on_commit != NULL)
		fake_script.on_commit();
}

static bool fake_consumer_settle(void *consumer, bool *again, struct error *err)
{
	struct fake_consumer *c = consumer;

	*again = ++c->settles < FAKE_SETTLES;
	if (c->id < sizeof(fake_settles) / sizeof(fake_settles[0]))
		fake_settles[c->id]++;
	return c->id == 0 || error_set(err, ERROR_BROKER, "no such group");
}

static void fake_consumer_close(void *consumer)
{
	(void)consumer;
	note_close();
}

const struct driver driver_fake = {
	.name = "fake",
	.flags = DRIVER_PARTITIONS | DRIVER_KEYS,
	.instance_size = sizeof(struct fake_instance),
	.producer_size = sizeof(struct fake_producer),
	.consumer_size = sizeof(struct fake_consumer),
	.open = fake_open,
	.close = fake_close,
	.producer_open = fake_producer_open,
	.producer_close_begin = fake_close_begin,
	.producer_close = fake_producer_close,
	.send = fake_send,
	.producer_serve = fake_producer_serve,
	.consumer_open = fake_consumer_open,
	.consumer_close_begin = fake_close_begin,
	.consumer_close = fake_consumer_close,
	.consumer_serve = fake_consumer_serve,
	.consumer_commit = fake_consumer_commit,
	.consumer_settle = fake_consumer_settle,
};
