/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/nats/link.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "driver/driver.h"
#include "driver/nats/config.h"
#include "stats/claims.h"
#include "util/file.h"
#include "util/xalloc.h"

#define IO_BYTES \
	(256 * 1024) /* of one read; 32 KiB, libnats' own, is one system call in 32 messages */
#define NEWS_CAP 64
#define MS(ns)   ((int64_t)((ns) / 1000000))

/* --- news: from the threads of libnats --------------------------------------------------------- */

enum news_kind { NEWS_UP, NEWS_LOST, NEWS_WRITE, NEWS_ERROR, NEWS_SLOW, NEWS_CLOSED };

struct news {
	enum news_kind kind;
	char text[200];
};

static void post(struct nats_link *l, enum news_kind kind, const char *text)
{
	struct news n = { .kind = kind };

	if (text != NULL)
		snprintf(n.text, sizeof(n.text), "%s", text);
	mailbox_post(&l->news, &n); /* full of errors: one more does not matter */
}

static void release(struct nats_link *l)
{
	if (atomic_fetch_sub(&l->holders, 1) > 1)
		return;
	mailbox_fini(&l->news);
	file_close(l->epoll_fd);
	file_close(l->timer_fd);
	natsStatistics_Destroy(l->statistics);
	free(l);
}

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *to)
{
	const char *text = NULL;

	(void)sub;
	if (natsConnection_GetLastError(nc, &text) == NATS_OK || text == NULL || *text == '\0')
		text = natsStatus_GetText(status);
	post(to, status == NATS_SLOW_CONSUMER ? NEWS_SLOW : NEWS_ERROR, text);
}

/* The last that libnats says of a connection. */
static void on_closed(natsConnection *nc, void *to)
{
	const char *text = NULL;
	natsStatus status = natsConnection_GetLastError(nc, &text);

	if (text == NULL || *text == '\0')
		text = status == NATS_OK ? "closed" : natsStatus_GetText(status);
	post(to, NEWS_CLOSED, text);
	release(to);
}

/* There has to be one for a first attempt that fails to be repeated without waiting for it. */
static void on_connected(natsConnection *nc, void *to)
{
	(void)nc;
	(void)to;
}

/* --- the event loop that libnats is given ------------------------------------------------------- */

enum watched { WATCH_SOCKET, WATCH_TIMER, WATCH_NEWS };

static bool watch(int epoll_fd, int operation, int fd, uint32_t events, enum watched what)
{
	struct epoll_event e = { .events = events, .data.u32 = what };

	return epoll_ctl(epoll_fd, operation, fd, &e) == 0;
}

static natsStatus attach(void **user, void *loop, natsConnection *nc, natsSock fd)
{
	struct nats_link *l = loop;

	(void)nc;
	*user = l;
	if (!watch(l->epoll_fd, EPOLL_CTL_ADD, fd, EPOLLIN, WATCH_SOCKET))
		return NATS_ERR;
	atomic_store(&l->socket, fd);
	atomic_store_explicit(&l->is_up, true, memory_order_release);
	post(l, NEWS_UP, NULL);
	return NATS_OK;
}

static natsStatus watch_read(void *user, bool wanted)
{
	struct nats_link *l = user;

	if (wanted || !atomic_exchange(&l->is_up, false))
		return NATS_OK;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, atomic_load(&l->socket), NULL);
	post(l, NEWS_LOST, NULL);
	return NATS_OK;
}

static natsStatus watch_write(void *user, bool wanted)
{
	struct nats_link *l = user;

	if (!wanted)
		return NATS_OK;
	if ((uintptr_t)pthread_self() == l->thread)
		l->is_dirty = true;
	else
		post(l, NEWS_WRITE, NULL);
	return NATS_OK;
}

/* A connection that ends, before the next attempt to connect as well.  Older versions of libnats
 * close their sockets themselves, newer ones leave that to the loop (meson.build). */
static natsStatus detach(void *user)
{
#ifdef NATS_LOOP_CLOSES
	struct nats_link *l = user;
	int fd = atomic_exchange(&l->socket, -1);

	atomic_store(&l->is_up, false);
	file_close(fd);
#else
	(void)user;
#endif
	return NATS_OK;
}

/* --- options ------------------------------------------------------------------------------------- */

static natsStatus set_login(const struct nats_config *c, natsOptions *o)
{
	natsStatus s = NATS_OK;

	if (c->user != NULL)
		s = natsOptions_SetUserInfo(o, c->user, c->password == NULL ? "" : c->password);
	if (s == NATS_OK && c->token != NULL)
		s = natsOptions_SetToken(o, c->token);
	if (s == NATS_OK && c->credentials_file != NULL)
		s = natsOptions_SetUserCredentialsFromFiles(o, c->credentials_file, NULL);
	return s;
}

static natsStatus set_tls(const struct nats_config *c, natsOptions *o)
{
	natsStatus s = NATS_OK;

	if (c->tls)
		s = natsOptions_SetSecure(o, true);
	if (s == NATS_OK && c->tls_ca_file != NULL)
		s = natsOptions_LoadCATrustedCertificates(o, c->tls_ca_file);
	if (s == NATS_OK && c->tls_cert_file != NULL)
		s = natsOptions_LoadCertificatesChain(o, c->tls_cert_file, c->tls_key_file);
	if (s == NATS_OK && c->tls_hostname != NULL)
		s = natsOptions_SetExpectedHostname(o, c->tls_hostname);
	if (s == NATS_OK && !c->tls_verify)
		s = natsOptions_SkipServerVerification(o, true);
	return s;
}

static natsStatus set_connection(const struct nats_config *c, natsOptions *o)
{
	int reconnects =
		c->max_reconnects.choice == OPTION_NUMBER ? (int)c->max_reconnects.number : -1;
	natsStatus s = natsOptions_SetServers(o, (const char **)c->servers, (int)c->servers_count);

	if (s == NATS_OK)
		s = natsOptions_SetTimeout(o, MS(c->connect_timeout_ns));
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(o, reconnects);
	if (s == NATS_OK)
		s = natsOptions_SetAllowReconnect(o, reconnects != 0);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectWait(o, MS(c->reconnect_wait_ns));
	if (s == NATS_OK)
		s = natsOptions_SetPingInterval(o, MS(c->ping_interval_ns));
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(o, c->pace != NATS_PACE_LIBRARY);
	return s;
}

bool nats_link_options(const struct nats_config *config, const char *client_id, natsOptions **out,
                       struct error *err)
{
	natsStatus s = natsOptions_Create(out);

	if (s == NATS_OK)
		s = natsOptions_SetName(*out, client_id);
	if (s == NATS_OK)
		s = set_connection(config, *out);
	if (s == NATS_OK)
		s = set_login(config, *out);
	if (s == NATS_OK)
		s = set_tls(config, *out);
	if (s == NATS_OK)
		return true;
	const char *why = nats_GetLastError(NULL);
	error_set(err, ERROR_CONFIG, "libnats refuses the configuration: %s",
	          why == NULL || *why == '\0' ? natsStatus_GetText(s) : why);
	natsOptions_Destroy(*out);
	*out = NULL;
	return false;
}

/* --- open and close ------------------------------------------------------------------------------ */

static bool make_descriptors(struct nats_link *l, uint64_t tick_ns, struct error *err)
{
	const struct itimerspec every = {
		.it_interval = { .tv_sec = (time_t)(tick_ns / 1000000000),
		                 .tv_nsec = (long)(tick_ns % 1000000000) },
		.it_value = { .tv_sec = (time_t)(tick_ns / 1000000000),
		              .tv_nsec = (long)(tick_ns % 1000000000) },
	};

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	/* Nobody reads the descriptor of a mailbox: its edge is what counts. */
	if (l->epoll_fd >= 0 && l->timer_fd >= 0 &&
	    timerfd_settime(l->timer_fd, 0, &every, NULL) == 0 &&
	    watch(l->epoll_fd, EPOLL_CTL_ADD, l->timer_fd, EPOLLIN, WATCH_TIMER) &&
	    watch(l->epoll_fd, EPOLL_CTL_ADD, l->news.fd, EPOLLIN | EPOLLET, WATCH_NEWS))
		return true;
	return error_set_errno(err, errno, "descriptors of a connection");
}

static natsStatus connect_link(struct nats_link *l, natsOptions *o)
{
	natsStatus s = natsOptions_SetEventLoop(o, l, attach, watch_read, watch_write, detach);

	if (s == NATS_OK)
		s = natsOptions_SetErrorHandler(o, on_error, l);
	if (s == NATS_OK)
		s = natsOptions_SetClosedCB(o, on_closed, l);
	if (s == NATS_OK)
		s = natsOptions_SetRetryOnFailedConnect(o, true, on_connected, NULL);
	if (s == NATS_OK)
		s = natsOptions_SetIOBufSize(o, IO_BYTES);
	if (s == NATS_OK)
		s = natsConnection_Connect(&l->nc, o);
	return s == NATS_NOT_YET_CONNECTED ? NATS_OK : s;
}

struct nats_link *nats_link_open(const struct nats_link_spec *spec, struct error *err)
{
	struct nats_link *l = xcalloc(1, sizeof(*l));
	natsOptions *o = NULL;

	atomic_init(&l->socket, -1);
	l->config = spec->config;
	l->core = spec->core;
	l->owner = spec->owner;
	l->thread = (uintptr_t)pthread_self();
	l->epoll_fd = l->timer_fd = -1;
	atomic_init(&l->holders, 2);
	if (!mailbox_init(&l->news, sizeof(struct news), NEWS_CAP, err)) {
		free(l);
		return NULL;
	}
	bool ok = (natsStatistics_Create(&l->statistics) == NATS_OK ||
	           error_set(err, ERROR_SYSTEM, "no memory for statistics")) &&
	          make_descriptors(l, spec->tick_ns, err) &&
	          nats_link_options(spec->config, spec->client_id, &o, err);
	if (ok) {
		natsStatus s = connect_link(l, o);
		ok = s == NATS_OK || error_set(err, ERROR_BROKER, "%s: %s", spec->config->url,
		                               natsStatus_GetText(s));
	}
	natsOptions_Destroy(o);
	if (ok)
		return l;
	atomic_store(&l->holders, 1); /* libnats never held it */
	release(l);
	return NULL;
}

void nats_link_close(struct nats_link *l)
{
	if (l == NULL)
		return;
	l->core = NULL;
	if (nats_link_is_up(l))
		nats_link_write(l);
	mailbox_close(&l->news);
	/* Closing would wait for the lock of one that is not connected, and for the server to take
	 * what is unsent. */
	bool is_stuck = !l->is_over && (!nats_link_is_up(l) || l->unsent > 0);
	if (!is_stuck) {
		natsConnection_Close(l->nc);
		natsConnection_Destroy(l->nc);
	}
	release(l);
}

/* --- the loop ------------------------------------------------------------------------------------ */

void nats_link_write(struct nats_link *l)
{
	if (!nats_link_is_up(l))
		return;
	l->is_dirty = false;
	/* libnats takes a write of nothing for a connection that is lost. */
	int left = natsConnection_Buffered(l->nc);
	if (left > 0) {
		natsConnection_ProcessWriteEvent(l->nc);
		left = natsConnection_Buffered(l->nc);
	}
	l->unsent = left > 0 ? (size_t)left : 0;
	bool is_blocked = l->unsent > 0;
	if (is_blocked == l->is_armed || !nats_link_is_up(l))
		return;
	l->is_armed = is_blocked;
	watch(l->epoll_fd, EPOLL_CTL_MOD, atomic_load(&l->socket),
	      is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, WATCH_SOCKET);
}

static void report(struct nats_link *l, enum driver_event kind, const char *what, const char *text)
{
	char whole[320];

	snprintf(whole, sizeof(whole), "%s%s%s", what, *text != '\0' ? ": " : "", text);
	l->core->event(l->owner, kind, whole);
}

static void take_news(struct nats_link *l)
{
	struct news n;

	while (mailbox_take(&l->news, &n)) {
		switch (n.kind) {
		case NEWS_UP:
			l->is_new = true;
			l->is_armed = false;
			l->unsent = 0;
			nats_link_write(l);
			break;
		case NEWS_LOST:
			report(l, DRIVER_EVENT_CONNECTION, "the connection to the server is lost",
			       "");
			break;
		case NEWS_WRITE:
			nats_link_write(l);
			break;
		case NEWS_ERROR:
			report(l, DRIVER_EVENT_CLIENT, "libnats", n.text);
			break;
		case NEWS_SLOW:
			report(l, DRIVER_EVENT_POLL, "messages beyond pendingLimit are dropped",
			       n.text);
			break;
		case NEWS_CLOSED:
			l->is_over = true;
			report(l, DRIVER_EVENT_FATAL, "libnats has given up connecting", n.text);
			break;
		}
	}
}

static void take_ticks(struct nats_link *l)
{
	uint64_t expired;

	if (read(l->timer_fd, &expired, sizeof(expired)) == (ssize_t)sizeof(expired))
		l->tick += (uint32_t)expired;
}

bool nats_link_look(struct nats_link *l)
{
	struct epoll_event found[4];
	int n = epoll_wait(l->epoll_fd, found, 4, 0);

	for (int i = 0; i < n; i++) {
		switch ((enum watched)found[i].data.u32) {
		case WATCH_SOCKET:
			if (found[i].events & EPOLLOUT)
				nats_link_write(l);
			if (found[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				natsConnection_ProcessReadEvent(l->nc);
			break;
		case WATCH_TIMER:
			take_ticks(l);
			break;
		case WATCH_NEWS:
			take_news(l);
			break;
		}
	}
	if (n > 0)
		l->core->looked(l->owner);
	return n > 0;
}

void nats_link_nudge(struct nats_link *l)
{
	post(l, NEWS_WRITE, NULL);
}

bool nats_link_is_new(struct nats_link *l)
{
	bool is_new = l->is_new && nats_link_is_up(l);

	if (is_new)
		l->is_new = false;
	return is_new;
}

void nats_link_claims(struct nats_link *l, natsSubscription *waiting, struct claims *out)
{
	uint64_t in_messages, in_bytes, out_messages, out_bytes, reconnects;
	int messages, bytes;

	if (!nats_link_is_up(l))
		return;
	if (natsConnection_GetStats(l->nc, l->statistics) == NATS_OK &&
	    natsStatistics_GetCounts(l->statistics, &in_messages, &in_bytes, &out_messages,
	                             &out_bytes, &reconnects) == NATS_OK) {
		claims_say(out, CLAIM_REQUESTS, out_messages);
		claims_say(out, CLAIM_BYTES_OUT, out_bytes);
		claims_say(out, CLAIM_BYTES_IN, in_bytes);
		claims_say(out, CLAIM_DISCONNECTS, reconnects);
	}
	if (waiting != NULL && natsSubscription_GetPending(waiting, &messages, &bytes) == NATS_OK) {
		claims_say(out, CLAIM_QUEUE_MESSAGES, (uint64_t)messages);
		claims_say(out, CLAIM_QUEUE_BYTES, (uint64_t)bytes);
	}
}
