/* SPDX-License-Identifier: Apache-2.0 */
#include "results/verdict.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "util/units.h"

#define MS                  UINT64_C(1000000)

/* Lateness counts where it is this much, and this part of what is shown.  On a quiet virtual machine of 2
 * CPUs the excess is a fraction of a millisecond at all three percentiles; at p99.9, which is not
 * judged, it is a quarter of the corrected latency of a demo. */
#define LATE_MIN_NS         (1 * MS)
#define LATE_SHARE          0.25

/* A series has an entry for every second. */
#define COORDINATOR_LATE_NS (1000 * MS)

/* Of the window's messages that were refused when they were due, and of its time spent waiting. */
#define BLOCKED_SHARE       0.01

/* Of the end-to-end latency that is shown. */
#define CLOCK_SHARE         0.25

/* Of a core. */
#define CPU_SHARE           0.95

/* At least 10 samples above the 99th percentile. */
#define SAMPLES_MIN         1000

/* Above what was found, rates that were refused carry a little more: the tolerances of the search. */
#define SEARCH_SPREAD       1.1

/* A backlog smaller than this is what is under way. */
#define BACKLOG_NOISE       1000

static void add(struct verdict_result *out, enum verdict weight, const char *name, const char *fmt,
                ...) __attribute__((format(printf, 4, 5)));

/* Worst first, and in the order of judging among equals. */
static void add(struct verdict_result *out, enum verdict weight, const char *name, const char *fmt,
                ...)
{
	size_t place = out->count;
	va_list ap;

	assert(out->count < VERDICT_REASONS_MAX);
	while (place > 0 && out->reasons[place - 1].weight < weight) {
		out->reasons[place] = out->reasons[place - 1];
		place--;
	}
	struct verdict_reason *reason = &out->reasons[place];
	reason->weight = weight;
	reason->name = name;
	va_start(ap, fmt);
	(void)vsnprintf(reason->text, sizeof(reason->text), fmt, ap);
	va_end(ap);
	out->count++;
	if (weight > out->verdict)
		out->verdict = weight;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (double)part / (double)whole;
}

static void judge_search(const struct verdict_facts *f, struct verdict_result *out)
{
	if (f->search_cut)
		add(out, VERDICT_SUSPECT, "search",
		    "the search was out of time: this rate is sustained, a higher one may be too");
	if (f->refused_most_per_s > f->asked_per_s * SEARCH_SPREAD)
		add(out, VERDICT_VALID, "search",
		    "rates above the one found were not sustained, but carried %.6g to %.6g msg/s: "
		    "the maximum is not sharper than that",
		    f->refused_least_per_s, f->refused_most_per_s);
}

uint64_t verdict_excess_ns(const struct verdict_facts *f, enum verdict_point at)
{
	uint64_t delay_ns = f->late[at].delay_ns;

	return delay_ns > f->wake_interval_ns ? delay_ns - f->wake_interval_ns : 0;
}

double verdict_excess_share(const struct verdict_facts *f, enum verdict_point at)
{
	return share(verdict_excess_ns(f, at), f->late[at].corrected_ns);
}

static bool is_late_at(const struct verdict_facts *f, enum verdict_point at)
{
	return verdict_excess_ns(f, at) > LATE_MIN_NS && verdict_excess_share(f, at) > LATE_SHARE;
}

/* The percentile with the most to say; VERDICT_POINTS: none is late. */
static enum verdict_point latest(const struct verdict_facts *f)
{
	enum verdict_point found = VERDICT_POINTS;

	for (int i = 0; f->scheduled && i < VERDICT_POINTS; i++) {
		enum verdict_point at = (enum verdict_point)i;

		if (is_late_at(f, at) &&
		    (found == VERDICT_POINTS ||
		     verdict_excess_share(f, at) > verdict_excess_share(f, found)))
			found = at;
	}
	return found;
}

static void judge_lateness(const struct verdict_facts *f, struct verdict_result *out)
{
	enum verdict_point at = latest(f);

	if (at == VERDICT_POINTS)
		return;
	add(out, VERDICT_SUSPECT, "publishDelay",
	    "at p%.0f messages were sent %.1f ms late%s, %.0f %% of their corrected publish latency "
	    "beyond wakeInterval: the sender (or a full window in flight) did not keep up",
	    verdict_percentiles[at], (double)f->late[at].delay_ns / 1e6,
	    f->unsent > 0 ? ", or never" : "", verdict_excess_share(f, at) * 100);
}

/* VERDICT_POINTS: it was in time. */
static enum verdict_point woke_late_at(const struct verdict_sentinel *s)
{
	/* The worst of few is no percentile. */
	for (int i = 0; s->wakeups >= SAMPLES_MIN && i < VERDICT_POINTS; i++)
		if (s->late_ns[i] > LATE_MIN_NS &&
		    share(s->late_ns[i], s->shown_ns[i]) > LATE_SHARE)
			return (enum verdict_point)i;
	return VERDICT_POINTS;
}

static bool is_late(const struct verdict_facts *f)
{
	for (int i = 0; i < VERDICT_SENTINELS; i++)
		if (woke_late_at(&f->sentinels[i]) != VERDICT_POINTS)
			return true;
	return latest(f) != VERDICT_POINTS;
}

static void judge_sentinels(const struct verdict_facts *f, struct verdict_result *out)
{
	static const char *const names[VERDICT_SENTINELS] = { "producer", "consumer" };

	for (int i = 0; i < VERDICT_SENTINELS; i++) {
		const struct verdict_sentinel *s = &f->sentinels[i];
		enum verdict_point at = woke_late_at(s);

		if (at != VERDICT_POINTS)
			add(out, VERDICT_SUSPECT, "sentinel",
			    "at p%.0f %s agents woke up %.1f ms late, %.0f %% of the latency that "
			    "is shown: they did not get a CPU when they wanted one",
			    verdict_percentiles[at], names[i], (double)s->late_ns[at] / 1e6,
			    share(s->late_ns[at], s->shown_ns[at]) * 100);
	}
	if (f->coordinator_late_ns > COORDINATOR_LATE_NS)
		add(out, VERDICT_VALID, "sentinel",
		    "omb itself woke up %.1f s late: seconds are missing in the series",
		    (double)f->coordinator_late_ns / 1e9);
}

static void judge_blocked(const struct verdict_facts *f, struct verdict_result *out)
{
	double messages = share(f->window_blocked, f->window_sent);
	double time = share(f->window_blocked_ns, f->window_ns * f->producers);

	if (messages > BLOCKED_SHARE || time > BLOCKED_SHARE)
		add(out, VERDICT_SUSPECT, "queue",
		    "the client's queue or the window in flight was full: %.2g %% of the messages "
		    "waited for room, %.2g %% of the producers' time",
		    messages * 100, time * 100);
}

static void judge_rate(const struct verdict_facts *f, struct verdict_result *out)
{
	if (!f->scheduled || f->window_ns == 0)
		return;
	judge_search(f, out);

	double due = f->asked_per_s * (double)f->window_ns / 1e9;
	double reached = due > 0 ? (double)f->window_acknowledged / due : 1;

	/* The last message of a window falls in or out by rounding. */
	if (reached < 0.999 && due - (double)f->window_acknowledged > 1) {
		char unsent[64] = "";

		if (f->unsent > 0)
			(void)snprintf(unsent, sizeof(unsent), "; %" PRIu64 " were never sent",
			               f->unsent);
		add(out, reached < 0.95 ? VERDICT_INVALID : VERDICT_SUSPECT, "rate",
		    "%.2f %% of the messages due in the window were acknowledged (asked for %.6g "
		    "msg/s)%s",
		    reached * 100, f->asked_per_s, unsent);
	}

	/* Everything may be acknowledged in the end, and still much too late.  Of a sample that was
	 * taken late only the most is known that can have been acknowledged before. */
	double stretch = 1 + share(f->counted_late_ns, f->window_ns);
	double published = f->asked_per_s > 0 ? f->published_per_s * stretch / f->asked_per_s : 1;
	if (published < 0.99 && due * (1 - published) > 1)
		add(out, published < 0.95 ? VERDICT_INVALID : VERDICT_SUSPECT, "throughput",
		    "only %.2f %% of the rate asked for was acknowledged within the window",
		    published * 100);

	if (stretch > 1.01)
		add(out, VERDICT_SUSPECT, "sampling",
		    "the window ended %.1f s before it was looked at, omb itself stood still: the "
		    "rates "
		    "are those until then, and too low",
		    (double)f->counted_late_ns / 1e9);
	judge_lateness(f, out);
	judge_blocked(f, out);
}

/* Room for a cause. */
#define CAUSE_TEXT 256

/* ": "Message size too large" (60 times)", or nothing. */
static const char *because(const struct verdict_cause *cause, char *out)
{
	out[0] = '\0';
	if (cause->text != NULL)
		(void)snprintf(out, CAUSE_TEXT, ": \"%.200s\" (%" PRIu64 " times)", cause->text,
		               cause->often);
	return out;
}

static void judge_answers(const struct verdict_facts *f, struct verdict_result *out)
{
	uint64_t bad = f->failed + f->unacknowledged;
	const struct verdict_cause *cause = &f->failure_cause;
	char why[CAUSE_TEXT];

	/* A broker that is gone does not answer, and the connections say so. */
	if (cause->text == NULL)
		cause = f->fatal_cause.text != NULL ? &f->fatal_cause : &f->other_cause;
	if (bad > 0)
		add(out, share(bad, f->sent) > 0.01 ? VERDICT_INVALID : VERDICT_SUSPECT, "failed",
		    "%" PRIu64 " messages failed and %" PRIu64 " had no answer, of %" PRIu64
		    " sent%s",
		    f->failed, f->unacknowledged, f->sent, because(cause, why));
}

static void judge_topics(const struct verdict_facts *f, struct verdict_result *out)
{
	uint64_t others = f->topics_gone + f->topics_short;
	/* That one is short has another reason, too: a broker that did not have its end took over. */
	const char *what = f->topics_gone > 0 ? "somebody deleted" : "messages are gone from";

	if (others == 0)
		return;
	if (others == 1)
		add(out, VERDICT_INVALID, "topics", "%s a topic of this run: %s", what,
		    f->topics_example);
	else
		add(out, VERDICT_INVALID, "topics",
		    "%s %" PRIu64 " topics of this run; one of them: %s", what, others,
		    f->topics_example);
}

static void judge_drain(const struct verdict_facts *f, struct verdict_result *out)
{
	bool stands = f->standstill_ns > 0;

	if (f->drain_ns == 0)
		return;
	add(out, VERDICT_VALID, "drain",
	    "the drain took %.3g s and was allowed more than drainTimeout (%.3g s): a consumer "
	    "agent died, and %s for %.3g s",
	    (double)f->drain_ns / 1e9, (double)f->drain_timeout_ns / 1e9,
	    stands ? "its group may stand still" : "what it had may be kept from others",
	    (double)(stands ? f->standstill_ns : f->redelivery_ns) / 1e9);
}

static const char *why_missing(const struct verdict_facts *f)
{
	if (f->consumers_lost > 0)
		return "; consumer agents were lost for good";
	if (f->agents_restarted > 0)
		return "; consumer agents were restarted: what they held is unknown";
	if (f->drain_limit_reached)
		return "; the drain limit was reached: they may still be on their way";
	if (f->drain_cut)
		return "; the drain was cut short: they may still be on their way";
	return "; lost after they were acknowledged";
}

static const char *why_surplus(const struct verdict_facts *f, uint64_t surplus)
{
	if (f->producers_lost > 0)
		return "; a lost producer agent did not see its last acknowledgements";
	if (surplus <= (f->failed + f->unacknowledged) * f->subscriptions)
		return "; failed messages may have been delivered";
	if (f->redelivered > 0 || f->agents_restarted > 0)
		return "; delivered again after a restart or a rebalance";
	return "; delivered more than once";
}

/* Sums say what no account says: all, or, where it is not exact, what goes beyond it. */
static void judge_sums(const struct verdict_facts *f, struct verdict_result *out)
{
	uint64_t expected = f->acknowledged * f->subscriptions;
	uint64_t missing_known = 0, surplus_known = 0;

	if (f->account != NULL) {
		const struct book_counts *c = &f->account->all;
		missing_known = c->lost;
		surplus_known = c->duplicated + c->redelivered + c->delivered_though_failed;
	}
	if (expected > f->received && expected - f->received > missing_known)
		add(out, VERDICT_INVALID, "missing",
		    "%" PRIu64 " of %" PRIu64
		    " acknowledged messages (times subscriptions) were not "
		    "received%s",
		    expected - f->received, expected, why_missing(f));
	if (f->received > expected && f->received - expected > surplus_known && f->stamped)
		add(out, VERDICT_SUSPECT, "surplus",
		    "%" PRIu64 " messages more were received than acknowledged%s",
		    f->received - expected, why_surplus(f, f->received - expected));
}

static const char *why_lost(const struct verdict_facts *f)
{
	if (f->consumers_lost > 0)
		return "; consumer agents were lost for good";
	if (f->drain_limit_reached)
		return "; the drain limit was reached: they may still be on their way";
	if (f->drain_cut)
		return "; the drain was cut short: they may still be on their way";
	if (f->corrupt > 0)
		return "; those that arrived damaged name nobody, and are among them";
	return "";
}

/* What a broker promises, once or in order, it promises to consumers that live. */
static void judge_repeats(const struct verdict_facts *f, const struct book_counts *c,
                          struct verdict_result *out)
{
	bool is_explained = f->consumers_lost + f->agents_restarted > 0;
	enum verdict weight = is_explained ? VERDICT_VALID : VERDICT_SUSPECT;
	const char *why = is_explained ? ": a consumer agent died, and what it had not committed "
	                                 "is delivered again"
	                               : "";

	if (c->duplicated > 0)
		add(out, weight, "duplicated", "%" PRIu64 " messages were received again%s",
		    c->duplicated, why);
	if (c->redelivered > 0)
		add(out, weight, "redelivered",
		    "%" PRIu64 " messages were received again, and the broker says so%s",
		    c->redelivered, why);
	if (c->out_of_order > 0)
		add(out, weight, "outOfOrder",
		    "%" PRIu64 " messages were received after later ones of their producer and "
		    "partition%s",
		    c->out_of_order, why);
}

static void judge_exactness(const struct verdict_facts *f, struct verdict_result *out)
{
	char from[64] = "";

	if (f->account->is_exact)
		return;
	if (f->exact_below != ACCOUNT_EXACT)
		(void)snprintf(from, sizeof(from), " from message %" PRIu64 " of a producer on",
		               f->exact_below);
	add(out, VERDICT_SUSPECT, "accounting",
	    "the account of messages is not exact%s: more may have been lost, and every other count "
	    "may be higher",
	    from);
}

/* Each of its counts is true whatever the sums are: a loss and a duplicate cancel there. */
static void judge_account(const struct verdict_facts *f, struct verdict_result *out)
{
	const struct book_counts *c = &f->account->all;
	const char *least = f->account->is_exact ? "" : "at least ";

	if (c->lost > 0)
		add(out, VERDICT_INVALID, "lost",
		    "%s%" PRIu64 " of %" PRIu64
		    " acknowledged messages (times subscriptions) were never received%s",
		    least, c->lost, f->acknowledged * f->subscriptions, why_lost(f));
	if (c->never_sent > 0)
		add(out, VERDICT_INVALID, "neverSent",
		    "%" PRIu64 " messages were received that their producers never sent",
		    c->never_sent);
	judge_repeats(f, c, out);
	if (c->delivered_though_failed > 0)
		add(out, VERDICT_SUSPECT, "deliveredThoughFailed",
		    "%" PRIu64 " messages were received although they had failed: who sends them "
		    "again has them twice",
		    c->delivered_though_failed);
	judge_exactness(f, out);
}

static void judge_damage(const struct verdict_facts *f, struct verdict_result *out)
{
	const struct fact_range *first = f->first_spoiled;
	char which[96] = "";

	if (f->corrupt > 0)
		add(out, VERDICT_INVALID, "corrupt", "%" PRIu64 " messages had a damaged stamp",
		    f->corrupt);
	if (f->unverified)
		add(out, VERDICT_SUSPECT, "contents",
		    "contents were to be compared (verifyPayload), and the worker did not");
	if (f->spoiled == 0)
		return;
	if (first != NULL)
		(void)snprintf(which, sizeof(which),
		               ", the first of them number %" PRIu64 " of producer %" PRIu32,
		               first->first, first->producer);
	add(out, VERDICT_INVALID, "corrupt",
	    "%" PRIu64 " messages were received with other contents than were sent%s", f->spoiled,
	    which);
}

static void judge_accounting(const struct verdict_facts *f, struct verdict_result *out)
{
	judge_damage(f, out);
	if (f->foreign + f->unstamped > 0 && f->stamped)
		add(out, VERDICT_SUSPECT, "foreign",
		    "%" PRIu64 " messages of another run and %" PRIu64
		    " without a stamp were received",
		    f->foreign, f->unstamped);
	if (!f->stamped)
		add(out, VERDICT_SUSPECT, "accounting",
		    "messages are too small for the stamp: probes cannot be told from them, so that "
		    "a few losses would not be seen");
	if (f->subscriptions == 0)
		return;
	if (f->account != NULL)
		judge_account(f, out);
	if (f->account == NULL || !f->account->is_exact)
		judge_sums(f, out);
}

/* "1 producer agent and 2 consumer agents were" */
static void describe_lost(const struct verdict_facts *f, char *out, size_t size)
{
	unsigned p = f->producers_lost, c = f->consumers_lost;

	if (p > 0 && c > 0)
		(void)snprintf(out, size, "%u producer agent%s and %u consumer agent%s were", p,
		               p == 1 ? "" : "s", c, c == 1 ? "" : "s");
	else
		(void)snprintf(out, size, "%u %s agent%s", p + c, p > 0 ? "producer" : "consumer",
		               p + c == 1 ? " was" : "s were");
}

static void judge_stalls(const struct verdict_facts *f, struct verdict_result *out)
{
	if (f->agents_stalled > 0)
		add(out, VERDICT_SUSPECT, "agentStalled",
		    "%u agent%s stood still during the load: %s", f->agents_stalled,
		    f->agents_stalled == 1 ? "" : "s", f->agent_stalls);
}

static void judge_agents(const struct verdict_facts *f, struct verdict_result *out)
{
	char why[CAUSE_TEXT];

	const char *colon = f->agent_ends ? ": " : "";
	const char *how = f->agent_ends ? f->agent_ends : "";
	unsigned lost = f->producers_lost + f->consumers_lost;
	char who[96];

	describe_lost(f, who, sizeof(who));

	if (lost > f->agents_late)
		add(out, VERDICT_INVALID, "agents", "%s lost for good%s%s", who, colon, how);
	else if (lost > 0)
		add(out, VERDICT_VALID, "agents",
		    "%u agent%s ended early, but after everything had arrived%s%s", lost,
		    lost == 1 ? "" : "s", colon, how);
	if (f->agents_slow > 0)
		add(out, VERDICT_VALID, "slowToClose",
		    "%u agent%s took too long to close and had to be killed; the counts are "
		    "complete",
		    f->agents_slow, f->agents_slow == 1 ? "" : "s");
	if (f->agents_restarted > 0)
		add(out, VERDICT_SUSPECT, "agents", "%u consumer agents died and were restarted",
		    f->agents_restarted);
	if (f->fatal_events > 0)
		add(out, VERDICT_SUSPECT, "clients",
		    "%" PRIu64 " clients stopped working for good%s", f->fatal_events,
		    because(&f->fatal_cause, why));
	if (f->other_events > 0)
		add(out, VERDICT_VALID, "events",
		    "client libraries reported %" PRIu64 " errors%s; `events` has all kinds",
		    f->other_events, because(&f->other_cause, why));
	if (f->idle_consumers > 0)
		add(out, VERDICT_SUSPECT, "idleConsumers",
		    "%" PRIu64
		    " consumers have no partition: there are more consumers than partitions",
		    f->idle_consumers);
}

static void judge_backlog(const struct verdict_facts *f, struct verdict_result *out)
{
	uint64_t delivered = f->half_acknowledged * f->subscriptions;

	if (f->backlog_growth > BACKLOG_NOISE && share(f->backlog_growth, delivered) > 0.02)
		add(out, VERDICT_SUSPECT, "backlog",
		    "the backlog was still growing: by %" PRIu64
		    " messages in the later half of the window",
		    f->backlog_growth);
	if (f->backlog_not_built)
		add(out, VERDICT_SUSPECT, "backlog",
		    "the backlog asked for was not reached within its limit (backlogBuildTimeout)");
	if (f->backlog_grew)
		add(out, VERDICT_INVALID, "backlog",
		    "the consumers cannot catch up: in %.3g s the backlog grew by %.4g msg/s, for "
		    "%.4g msg/s were received and %.4g msg/s came in",
		    (double)f->backlog_growing_ns / 1e9, f->backlog_growth_per_s,
		    f->backlog_received_per_s, f->backlog_received_per_s + f->backlog_growth_per_s);
	else if (f->backlog_not_drained)
		add(out, VERDICT_SUSPECT, "backlog",
		    "the backlog was not drained within its limit (backlogDrainTimeout)");
}

/* What explains a lateness that was seen; of a run that was in time a note. */
static void judge_cpu(const struct verdict_facts *f, struct verdict_result *out)
{
	enum verdict weight = is_late(f) ? VERDICT_SUSPECT : VERDICT_VALID;

	if (f->agent_cpu_max > CPU_SHARE && f->scheduled)
		add(out, weight, "agentCpu",
		    "%s used %.0f %% of a core: it may have been the limit",
		    f->busiest_loop != NULL ? f->busiest_loop : "an agent", f->agent_cpu_max * 100);
	if (f->library_cpu_max > CPU_SHARE && f->scheduled)
		add(out, weight, "libraryCpu",
		    "a thread of the client library (%s) used %.0f %% of a core: it may have been "
		    "the limit",
		    f->busiest_library != NULL ? f->busiest_library : "its name is not known",
		    f->library_cpu_max * 100);
	if (f->steal_share > 0.01)
		add(out, weight, "hostCpu",
		    "%.1f %% of the CPU time was stolen by other virtual machines",
		    f->steal_share * 100);
	if (f->throttled > 0)
		add(out, weight, "hostCpu",
		    "the CPU quota was used up in %" PRIu64 " periods (cgroup)", f->throttled);
}

static void judge_host(const struct verdict_facts *f, struct verdict_result *out)
{
	if (f->broker_is_local)
		add(out, VERDICT_VALID, "brokerLocal", "the broker shares this host with the load");
	if (f->journal_failed)
		add(out, VERDICT_VALID, "journal",
		    "from %.1f s on the journal could not be written: the sample periods after it "
		    "are "
		    "one, and nothing could have been recovered; see events",
		    (double)f->journal_failed_ns / 1e9);
	if (f->edge_lack != NULL)
		add(out, VERDICT_VALID, "rates",
		    "the rates are those between two samples near the ends of the window: %s",
		    f->edge_lack);
	if (f->settings != NULL)
		add(out, VERDICT_VALID, "settings", "%s", f->settings);
	if (f->topics_unknown != NULL)
		add(out, VERDICT_VALID, "topics",
		    "whether the topics were still there at the end is not known: %s",
		    f->topics_unknown);
	if (f->worker_lacks != NULL)
		add(out, VERDICT_VALID, "workerLacks", "the worker does not have: %s",
		    f->worker_lacks);
	if (f->left_behind && f->deletion_refused != NULL)
		add(out, VERDICT_VALID, "leftBehind",
		    "the broker refuses to delete what this run created, and it stays: %s",
		    f->deletion_refused);
	else if (f->left_behind)
		add(out, VERDICT_VALID, "leftBehind",
		    "topics or groups of this run could not be deleted: `omb cleanup` does it");
}

static void judge_samples(const struct verdict_facts *f, struct verdict_result *out)
{
	if (f->window_acknowledged == 0)
		add(out, VERDICT_INVALID, "samples", "no message of the window was acknowledged");
	else if (f->window_acknowledged < SAMPLES_MIN)
		add(out, VERDICT_SUSPECT, "samples",
		    "%" PRIu64 " messages are too few for a 99th percentile",
		    f->window_acknowledged);
	if (f->negative > 0)
		add(out, VERDICT_SUSPECT, "negative",
		    "%" PRIu64
		    " messages were received before they were sent: the clocks disagree, "
		    "and these have an end-to-end latency of 0",
		    f->negative);
	if (f->overflow > 0)
		add(out, VERDICT_SUSPECT, "overflow",
		    "%" PRIu64 " latencies were above 73 minutes and count as that", f->overflow);
}

/* The point where the error is the largest part of what is shown: the lowest. */
static void judge_clocks(const struct verdict_facts *f, struct verdict_result *out)
{
	uint64_t error_ns = fact_clocks_error_ns(&f->clocks);
	uint64_t shown_ns = f->e2e_ns[VERDICT_P50];
	char error[UNITS_TEXT], shown[UNITS_TEXT];

	if (error_ns == 0 || !f->has_e2e)
		return;
	if (error_ns == UINT64_MAX)
		add(out, VERDICT_SUSPECT, "clock",
		    "how far the clocks of the workers are apart is not known: end-to-end "
		    "latencies may be wrong by any amount");
	else if ((double)error_ns > CLOCK_SHARE * (double)shown_ns)
		add(out, VERDICT_SUSPECT, "clock",
		    "end-to-end latencies are wrong by up to %s, for the clocks of the workers are "
		    "not known better: the p50 is %s%s",
		    format_duration_short(error_ns, error), format_duration_short(shown_ns, shown),
		    f->clocks.steps > 0 ? " (a clock was set, or its host stood still)" : "");
	else if (f->clocks.steps > 0)
		add(out, VERDICT_VALID, "clock",
		    "a clock of a worker was set, or its host stood still: end-to-end latencies are "
		    "wrong by up to %s",
		    format_duration_short(error_ns, error));
}

/* Nobody saw what became of the messages that were under way: nothing is said about losses. */
static void judge_recovered(const struct verdict_facts *f, struct verdict_result *out)
{
	add(out, VERDICT_INVALID, "recovered",
	    "made from the journal of a run that did not end: nothing is known of what came later "
	    "than "
	    "%.1f s after its start, and what was under way then is not accounted for",
	    (double)f->ended_ns / 1e9);
	add(out, VERDICT_VALID, "recordingTime",
	    f->window_latencies > 0
	            ? "latencies are those recorded in the window, whenever the messages were due"
	            : "there are no latencies: the run ended before its first sample period did");
	judge_rate(f, out);
	judge_samples(f, out);
}

void verdict_judge(const struct verdict_facts *f, struct verdict_result *out)
{
	*out = (struct verdict_result){ .verdict = VERDICT_VALID };

	if (f->recovered) {
		judge_recovered(f, out);
		return;
	}
	if (f->failure)
		add(out, VERDICT_INVALID, "failure", "the run failed in the middle: %s",
		    f->failure);
	if (f->interrupted)
		add(out, VERDICT_SUSPECT, "interrupted", "a signal ended the run early");
	judge_rate(f, out);
	judge_answers(f, out);
	judge_accounting(f, out);
	judge_topics(f, out);
	judge_drain(f, out);
	judge_agents(f, out);
	judge_stalls(f, out);
	judge_backlog(f, out);
	judge_samples(f, out);
	judge_clocks(f, out);
	judge_sentinels(f, out);
	judge_cpu(f, out);
	judge_host(f, out);
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {
		[VERDICT_VALID] = "VALID",
		[VERDICT_SUSPECT] = "SUSPECT",
		[VERDICT_INVALID] = "INVALID",
	};

	assert((unsigned)v < sizeof(names) / sizeof(names[0]));
	return names[v];
}
