/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/proxy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "net/listener.h"
#include "net/socket.h"
#include "proxy/relay.h"
#include "util/xalloc.h"

/* A listener, its target, and the connections between them. */
struct route {
	struct proxy *proxy;
	struct listener listener;
	char *target; /* as it was written */
	struct address targets[ADDRESSES_MAX];
	size_t targets_count;
	struct flow_settings flows[DIRECTIONS];
	struct relay_options options;
	struct relay *relays;
	size_t relays_count;
	struct proxy_counts counts; /* bytes are counted in flows */
	struct error last_failure;  /* told once, until a connection reaches the target again */
	bool is_cut;
};

struct proxy {
	struct poller *poller;
	const struct proxy_options *options;
	struct route *routes[PROXY_LISTENERS_MAX]; /* owned */
	size_t count;
	struct rng seeds;
};

/* --- connections ---------------------------------------------------------------------------------- */

static void say(const struct route *t, const char *what, const char *why)
{
	const struct proxy_options *o = t->proxy->options;
	char text[ADDRESS_TEXT];
	struct text line = { 0 };

	if (o->notice == NULL)
		return;
	text_addf(&line, "%s: %s%s%s", address_format(&t->listener.address, text), what,
	          why[0] != '\0' ? ": " : "", why);
	o->notice(o->context, text_str(&line));
	text_fini(&line);
}

static void remove_relay(struct route *t, struct relay *r, bool reset)
{
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	t->relays_count--;
	relay_destroy(r, reset);
}

static void over(struct relay *r, const struct error *why)
{
	struct route *t = r->options->owner;

	if (why != NULL) {
		t->counts.unreachable++;
		if (strcmp(t->last_failure.text, why->text) != 0)
			say(t, "target not reached", why->text);
		t->last_failure = *why;
	} else {
		t->last_failure = (struct error){ 0 };
	}
	remove_relay(t, r, false);
}

static void accepted(struct listener *l, int fd, const struct address *from)
{
	struct route *t = l->context;
	struct error err;

	(void)from;
	t->counts.accepted++;
	struct relay *r = relay_create(&t->options, fd, rng_next(&t->proxy->seeds), &err);
	if (r == NULL) {
		say(t, "connection refused", err.text);
		return;
	}
	r->next = t->relays;
	r->link = &t->relays;
	if (t->relays != NULL)
		t->relays->link = &r->next;
	t->relays = r;
	t->relays_count++;
}

static size_t reset_all(struct route *t)
{
	size_t count = t->relays_count;

	while (t->relays != NULL)
		remove_relay(t, t->relays, true);
	t->counts.reset += count;
	return count;
}

/* Every relay may end while it is told. */
static void tell_all(struct route *t, void (*tell)(struct relay *r, int direction), int direction)
{
	for (struct relay *r = t->relays, *next; r != NULL; r = next) {
		next = r->next;
		tell(r, direction);
	}
}

static void tell_changed(struct relay *r, int direction)
{
	(void)direction;
	relay_changed(r);
}

/* --- commands ------------------------------------------------------------------------------------- */

static void set(struct route *t, const struct proxy_command *c)
{
	for (int d = 0; d < DIRECTIONS; d++) {
		struct shape_settings *s = &t->flows[d].shape;
		if (!c->directions[d])
			continue;
		if (c->has_latency)
			s->latency_ns = c->shape.latency_ns;
		if (c->has_jitter)
			s->jitter_ns = c->shape.jitter_ns;
		if (c->has_bandwidth)
			s->bytes_per_s = c->shape.bytes_per_s;
	}
	tell_all(t, tell_changed, 0);
}

static void dig(struct route *t, const struct proxy_command *c, enum hole hole)
{
	for (int d = 0; d < DIRECTIONS; d++)
		if (c->directions[d])
			t->flows[d].hole = hole;
	tell_all(t, tell_changed, 0);
}

static size_t reset(struct route *t, const struct proxy_command *c)
{
	size_t count = t->relays_count;

	if (c->directions[UP] && c->directions[DOWN])
		return reset_all(t);
	t->counts.reset += count;
	tell_all(t, relay_reset_receiver, c->directions[UP] ? UP : DOWN);
	return count;
}

static size_t half_close(struct route *t, const struct proxy_command *c)
{
	size_t count = t->relays_count;

	for (int d = 0; d < DIRECTIONS; d++)
		if (c->directions[d])
			tell_all(t, relay_half_close, d);
	return count;
}

static size_t cut(struct route *t)
{
	t->is_cut = true;
	listener_deafen(&t->listener);
	return reset_all(t);
}

static bool heal(struct route *t, const struct proxy_command *c, struct error *err)
{
	dig(t, c, HOLE_NONE);
	if (t->is_cut && !listener_hear(&t->listener, err))
		return false;
	t->is_cut = false;
	return true;
}

static void add_direction(const struct route *t, int d, struct text *out)
{
	static const char *const names[] = { "up", "down" };
	static const char *const holes[] = { "none", "hold", "swallow" };
	const struct flow_settings *f = &t->flows[d];

	text_addf(out, ",\"%s\":{\"latencyNs\":%" PRIu64 ",\"jitterNs\":%" PRIu64, names[d],
	          f->shape.latency_ns, f->shape.jitter_ns);
	text_addf(out,
	          ",\"bytesPerSecond\":%" PRIu64 ",\"blackhole\":\"%s\",\"bytes\":%" PRIu64 "}",
	          f->shape.bytes_per_s, holes[f->hole], f->bytes);
}

static void add_status(const struct route *t, struct text *out)
{
	char text[ADDRESS_TEXT];

	text_addf(out, "{\"listen\":\"%s\",\"target\":\"%s\",\"cut\":%s",
	          address_format(&t->listener.address, text), t->target,
	          t->is_cut ? "true" : "false");
	text_addf(out, ",\"connections\":%zu,\"accepted\":%" PRIu64 ",\"unreachable\":%" PRIu64,
	          t->relays_count, t->counts.accepted, t->counts.unreachable);
	text_addf(out, ",\"reset\":%" PRIu64, t->counts.reset);
	add_direction(t, UP, out);
	add_direction(t, DOWN, out);
	text_add(out, "}");
}

static void add_count(struct text *answer, size_t count)
{
	text_addf(answer, "%zu connection%s", count, count == 1 ? "" : "s");
}

static bool is_meant(const struct route *t, const struct proxy_command *c)
{
	char text[ADDRESS_TEXT];
	const char *address = address_format(&t->listener.address, text);
	const char *port = strrchr(address, ':');

	return c->listener[0] == '\0' || strcmp(c->listener, address) == 0 ||
	       (port != NULL && strcmp(c->listener, port + 1) == 0);
}

static bool obey(struct route *t, const struct proxy_command *c, size_t *count, struct error *err)
{
	switch (c->verb) {
	case PROXY_SET:
		*count += t->relays_count;
		set(t, c);
		break;
	case PROXY_BLACKHOLE:
		*count += t->relays_count;
		dig(t, c, c->hole);
		break;
	case PROXY_CUT:
		*count += cut(t);
		break;
	case PROXY_RESET:
		*count += reset(t, c);
		break;
	case PROXY_HALF_CLOSE:
		*count += half_close(t, c);
		break;
	case PROXY_HEAL:
		*count += t->relays_count;
		return heal(t, c, err);
	case PROXY_STATUS:
		break;
	}
	return true;
}

bool proxy_command(struct proxy *x, const struct proxy_command *c, struct text *answer,
                   struct error *err)
{
	size_t count = 0, meant = 0;

	if (c->verb == PROXY_STATUS)
		text_add(answer, "[");
	for (size_t i = 0; i < x->count; i++) {
		struct route *t = x->routes[i];
		if (!is_meant(t, c))
			continue;
		if (c->verb == PROXY_STATUS) {
			text_add(answer, meant > 0 ? "," : "");
			add_status(t, answer);
		}
		meant++;
		if (!obey(t, c, &count, err))
			return false;
	}
	if (meant == 0)
		return error_set(err, ERROR_USAGE, "there is no listener \"%s\"", c->listener);
	if (c->verb == PROXY_STATUS)
		text_add(answer, "]");
	else
		add_count(answer, count);
	return true;
}

/* --- the whole ------------------------------------------------------------------------------------ */

struct proxy *proxy_create(struct poller *p, const struct proxy_options *o)
{
	struct proxy *x = xcalloc(1, sizeof(*x));

	x->poller = p;
	x->options = o;
	x->seeds.state = o->seed;
	return x;
}

static void destroy_route(struct route *t)
{
	reset_all(t);
	listener_close(&t->listener);
	free(t->target);
	free(t);
}

void proxy_destroy(struct proxy *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->count; i++)
		destroy_route(x->routes[i]);
	free(x);
}

bool proxy_listen(struct proxy *x, struct address *at, const char *target, struct error *err)
{
	if (x->count == PROXY_LISTENERS_MAX)
		return error_set(err, ERROR_USAGE, "more than %d listeners", PROXY_LISTENERS_MAX);

	struct route *t = xcalloc(1, sizeof(*t));
	t->proxy = x;
	t->target = xstrdup(target);
	t->listener.accepted = accepted;
	t->listener.context = t;
	t->targets_count = address_resolve(target, t->targets, err);
	if (t->targets_count == 0 || !listener_open(&t->listener, x->poller, at, err)) {
		destroy_route(t);
		return false;
	}
	t->options = (struct relay_options){ .poller = x->poller,
		                             .targets = t->targets,
		                             .targets_count = t->targets_count,
		                             .memory = x->options->memory,
		                             .flows = t->flows,
		                             .over = over,
		                             .owner = t };
	*at = t->listener.address;
	x->routes[x->count++] = t;
	return true;
}

struct proxy_counts proxy_counts(const struct proxy *x)
{
	struct proxy_counts all = { 0 };

	for (size_t i = 0; i < x->count; i++) {
		const struct route *t = x->routes[i];
		all.accepted += t->counts.accepted;
		all.unreachable += t->counts.unreachable;
		all.reset += t->counts.reset;
		for (int d = 0; d < DIRECTIONS; d++)
			all.bytes[d] += t->flows[d].bytes;
	}
	return all;
}
