/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_metrics.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "http/server.h"
#include "net/poller.h"
#include "results/prometheus.h"
#include "run/platform.h"
#include "util/clock.h"
#include "util/xalloc.h"

struct run_metrics {
	struct poller poller;
	struct http_server *server;
	struct run_platform_real real;
	struct run_platform inner, platform;
	struct run_onlooker onlooker;
	struct prometheus_minute minute;
	struct text page;
};

/* --- the page ---------------------------------------------------------------------------------------- */

static void take(void *to, const struct prometheus_about *about, const struct fact_totals *totals)
{
	struct run_metrics *m = to;

	if (!totals->without_latencies)
		prometheus_minute_turn(&m->minute, &totals->snapshot);
	m->page.len = 0;
	prometheus_write(about, totals, &m->minute, &m->page);
}

static void on_request(void *to, struct http_request *r)
{
	struct run_metrics *m = to;
	struct http_answer answer = { .status = 200, .type = PROMETHEUS_TYPE };
	struct text body = { 0 };

	if (strcmp(r->path, "/metrics") != 0)
		answer = (struct http_answer){ .status = 404, .type = "text/plain" };
	else if (strcmp(r->method, "GET") != 0)
		answer = (struct http_answer){ .status = 405, .type = "text/plain" };
	if (answer.status == 200)
		text_add_bytes(&body, m->page.data, m->page.len);
	else
		text_addf(&body, "the metrics are at GET /metrics\n");
	answer.body = &body;
	http_answer(r, &answer);
}

/* --- waiting ------------------------------------------------------------------------------------------ */

static uint64_t now_ns(void *to)
{
	struct run_metrics *m = to;

	return m->inner.now_ns(m->inner.to);
}

static uint64_t wall_ns(void *to)
{
	struct run_metrics *m = to;

	return m->inner.wall_ns(m->inner.to);
}

static unsigned signals(void *to)
{
	struct run_metrics *m = to;

	return m->inner.signals(m->inner.to);
}

/* As the real one, and whoever asks for the page is served besides. */
static void wait_and_serve(void *to, int worker_fd, uint64_t until_ns)
{
	struct run_metrics *m = to;
	struct pollfd fds[] = {
		{ .fd = m->real.signal_fd, .events = POLLIN },
		{ .fd = worker_fd, .events = POLLIN },
		{ .fd = m->poller.epoll_fd, .events = POLLIN },
	};
	uint64_t now = clock_ns(), timer_ns = timers_next_ns(&m->poller.timers);
	struct error err;

	if (timer_ns < until_ns)
		until_ns = timer_ns;
	uint64_t left = until_ns > now && !poller_is_asked(&m->poller) ? until_ns - now : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(left / 1000000000u),
		.tv_nsec = (long)(left % 1000000000u),
	};
	(void)ppoll(fds, sizeof(fds) / sizeof(fds[0]), &timeout, NULL);
	/* What fails there costs those who ask, never the run. */
	(void)poller_turn(&m->poller, 0, &err);
}

/* --- all ------------------------------------------------------------------------------------------------ */

static bool take_port(const char *text, int *out, struct error *err)
{
	char *end;
	long port = strtol(text, &end, 10);

	*out = (int)port;
	return (end != text && *end == '\0' && port >= 1 && port <= 65535) ||
	       error_set(err, ERROR_USAGE, "--metrics: \"%s\" is not a port in 1..65535", text);
}

static bool open_all(struct run_metrics *m, int port, struct error *err)
{
	struct http_options http = { .poller = &m->poller,
		                     .calls = { .asked = on_request },
		                     .to = m };
	const struct prometheus_about about = { .run_id = NULL };
	const struct fact_totals none = { .without_latencies = true };
	char where[32];

	(void)snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	if (!poller_open(&m->poller, err) || !address_parse(where, &http.at, err) ||
	    !run_platform_open(&m->real, &m->inner, err))
		return false;
	m->server = http_server_open(&http, err);
	if (m->server == NULL)
		return false;
	m->platform = (struct run_platform){ .to = m,
		                             .now_ns = now_ns,
		                             .wall_ns = wall_ns,
		                             .wait = wait_and_serve,
		                             .signals = signals };
	m->onlooker = (struct run_onlooker){ .to = m, .seen = take };
	take(m, &about, &none);
	return true;
}

bool run_metrics_open(const struct args *args, struct run_metrics **out, struct error *err)
{
	const char *text = args_value(args, "metrics");
	int port;

	*out = NULL;
	if (text == NULL)
		return true;
	if (!take_port(text, &port, err))
		return false;
	struct run_metrics *m = xcalloc(1, sizeof(*m));
	m->poller.epoll_fd = m->real.signal_fd = -1;
	if (open_all(m, port, err)) {
		*out = m;
		return true;
	}
	run_metrics_close(m);
	return error_wrap(err, "--metrics");
}

void run_metrics_close(struct run_metrics *m)
{
	if (m == NULL)
		return;
	http_server_close(m->server);
	poller_close(&m->poller);
	run_platform_close(&m->real);
	prometheus_minute_fini(&m->minute);
	text_fini(&m->page);
	free(m);
}

void run_metrics_attach(struct run_metrics *m, struct run_options *options)
{
	if (m == NULL)
		return;
	options->platform = &m->platform;
	options->onlooker = &m->onlooker;
}
