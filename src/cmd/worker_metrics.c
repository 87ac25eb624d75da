/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/worker_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "http/server.h"
#include "results/prometheus.h"
#include "util/xalloc.h"
#include "worker/served.h"

#define WAITING_MAX 64 /* requests at once */

struct worker_metrics {
	struct served *served;
	const char *name;
	struct http_server *server;
	struct http_request *waiting[WAITING_MAX]; /* for what is looked at */
	size_t waiting_count;
	bool is_looking;
	struct prometheus_minute minute;
	struct text page; /* as of the last look */
};

static void refuse(struct http_request *r, unsigned status, const char *what)
{
	struct text body = { 0 };
	struct http_answer answer = { .status = status, .type = "text/plain", .body = &body };

	text_addf(&body, "%s\n", what);
	http_answer(r, &answer);
}

static void give_page(const struct worker_metrics *m, struct http_request *r)
{
	struct text body = { 0 };
	struct http_answer answer = { .status = 200, .type = PROMETHEUS_TYPE, .body = &body };

	text_add_bytes(&body, m->page.data, m->page.len);
	http_answer(r, &answer);
}

static void write_page(struct worker_metrics *m, const struct fact_totals *totals)
{
	const struct prometheus_about about = { .worker = m->name };

	if (!totals->without_latencies)
		prometheus_minute_turn(&m->minute, &totals->snapshot);
	m->page.len = 0;
	prometheus_write(&about, totals, &m->minute, &m->page);
}

/* NULL: it was not to be had. */
static void on_looked(void *to, const struct fact_totals *totals)
{
	struct worker_metrics *m = to;

	m->is_looking = false;
	if (totals != NULL)
		write_page(m, totals);
	while (m->waiting_count > 0)
		give_page(m, m->waiting[--m->waiting_count]);
}

static void on_asked(void *to, struct http_request *r)
{
	struct worker_metrics *m = to;

	if (strcmp(r->path, "/metrics") != 0) {
		refuse(r, 404, "the metrics are at GET /metrics");
	} else if (strcmp(r->method, "GET") != 0) {
		refuse(r, 405, "the metrics are at GET /metrics");
	} else if (m->is_looking && m->waiting_count == WAITING_MAX) {
		refuse(r, 503, "too many ask at once");
	} else if (m->is_looking || served_is_idle(m->served)) {
		m->waiting[m->waiting_count++] = r;
		if (m->is_looking)
			return;
		m->is_looking = true;
		served_look(m->served, on_looked, m);
	} else {
		give_page(m, r);
	}
}

static void on_done(void *to, struct http_request *r, bool delivered)
{
	struct worker_metrics *m = to;

	(void)delivered;
	for (size_t i = 0; i < m->waiting_count; i++)
		if (m->waiting[i] == r)
			m->waiting[i--] = m->waiting[--m->waiting_count];
}

struct worker_metrics *worker_metrics_open(struct poller *poller, const struct address *at,
                                           struct served *served, const char *name,
                                           struct error *err)
{
	struct worker_metrics *m = xcalloc(1, sizeof(*m));
	const struct http_options http = {
		.poller = poller,
		.at = *at,
		.calls = { .asked = on_asked, .done = on_done },
		.to = m,
	};
	const struct fact_totals none = { .without_latencies = true };

	m->served = served;
	m->name = name;
	write_page(m, &none);
	m->server = http_server_open(&http, err);
	if (m->server != NULL)
		return m;
	worker_metrics_destroy(m);
	return NULL;
}

const struct address *worker_metrics_address(const struct worker_metrics *m)
{
	return http_server_address(m->server);
}

void worker_metrics_shut(struct worker_metrics *m)
{
	if (m == NULL)
		return;
	http_server_close(m->server);
	m->server = NULL;
}

void worker_metrics_destroy(struct worker_metrics *m)
{
	if (m == NULL)
		return;
	prometheus_minute_fini(&m->minute);
	text_fini(&m->page);
	free(m);
}
