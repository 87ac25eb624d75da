/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/result_size.h"

#include <math.h>

#include "config/workload.h"
#include "plan/plan.h"

#define NS_PER_S        1e9
#define DAY_S           86400.0

/* A histogram as text, by its messages: 90 bytes of 10, 320 of 100, 1 kB of 1,000, 3.5 kB of 10,000, and
 * not above 8 kB, as fast brokers make them. */
#define HISTOGRAM_LEAST 60.0
#define HISTOGRAM_ROOT  30.0
#define HISTOGRAM_MOST  8000.0

#define PERIOD_BYTES    650.0  /* times and counters */
#define SLOWEST_BYTES   190.0  /* the names of the columns */
#define SLOW_BYTES      110.0  /* one message, if all is known of it */
#define JSON_PERIOD     260.0  /* 28 numbers */
#define SECOND_BYTES    60.0   /* in columns */
#define SECOND_LINE     170.0  /* of the journal, with names */
#define AGENT_BYTES     1400.0 /* and its histograms */
#define ROW_BYTES       50.0   /* of a producer, or a partition in a subscription */
#define SIDE_BYTES      10000.0
#define JSON_LEAST      2000.0 /* and three curves of percentiles, which grow like histograms */
#define JSON_ROOT       450.0
#define JSON_MOST       65000.0

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double histogram_bytes(double messages)
{
	return least(HISTOGRAM_LEAST + HISTOGRAM_ROOT * sqrt(messages), HISTOGRAM_MOST);
}

/* Delay, call, publish and corrected publish of producers; two of consumers, if they can tell. */
static double agents_bytes(const struct plan *p, double messages)
{
	double producers = deal_agents(&p->deal, p->producers);
	double consumers = p->consumers > 0 ? deal_agents(&p->deal, p->consumers) : 0;
	double bytes = (producers + consumers) * AGENT_BYTES +
	               producers * 4 * histogram_bytes(messages / producers);

	if (consumers > 0)
		bytes += consumers * 2 * histogram_bytes(messages * p->subscriptions / consumers);
	return bytes;
}

/* Of a test without end, for a day. */
static double test_s_of(const struct workload *w)
{
	return w->test_ns > 0 ? (double)w->test_ns / NS_PER_S : DAY_S;
}

/* And the drain. */
static double periods_of(const struct workload *w)
{
	return ceil(test_s_of(w) * NS_PER_S / (double)w->sample_ns) + 1;
}

unsigned result_size_slowest(const struct workload *w)
{
	double each = floor(RESULT_SLOWEST_ALL / periods_of(w));

	return each < 1 ? 1 : each < RESULT_SLOWEST_EACH ? (unsigned)each : RESULT_SLOWEST_EACH;
}

/* Of a period with so many messages. */
static double slowest_bytes(const struct plan *p, double messages)
{
	double kinds = p->stamped && p->consumers > 0 ? 2 : 1;

	return kinds *
	       (SLOWEST_BYTES + SLOW_BYTES * least(result_size_slowest(p->workload), messages));
}

void result_size_estimate(const struct plan *p, struct result_size *out)
{
	const struct workload *w = p->workload;
	bool is_known = p->load.mode != LOAD_UNLIMITED && !p->searches;
	double sample_s = (double)w->sample_ns / NS_PER_S;
	double test_s = test_s_of(w);
	double warmup_s = (double)w->warmup_ns / NS_PER_S;
	double rate = is_known ? p->rate_per_s : 1e6;
	double periods = periods_of(w);
	double kinds = p->stamped && p->consumers > 0 ? 5.5 : 3.5; /* calls take little */
	double period = PERIOD_BYTES + kinds * histogram_bytes(rate * sample_s) +
	                slowest_bytes(p, rate * sample_s);
	double rows = p->producers + (double)p->topics * p->partitions * p->subscriptions;
	double messages = rate * test_s;

	*out = (struct result_size){
		.periods = (uint64_t)periods,
		.period_bytes = (uint64_t)period,
		.slowest = result_size_slowest(w),
		.side_bytes = (uint64_t)(SIDE_BYTES + periods * period +
		                         (test_s + warmup_s) * SECOND_BYTES +
		                         6 * histogram_bytes(messages) + rows * ROW_BYTES +
		                         agents_bytes(p, messages)),
		.json_bytes = (uint64_t)(periods * JSON_PERIOD +
		                         least(JSON_LEAST + JSON_ROOT * sqrt(messages), JSON_MOST)),
		.journal_bytes = (uint64_t)(SIDE_BYTES + periods * period +
		                            (test_s + warmup_s) * SECOND_LINE),
		.is_daily = w->test_ns == 0,
		.is_most = !is_known,
	};
}
