/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/fact_fields.h"

#include <jansson.h>

#include "facts/claim_fields.h"
#include "facts/clock.h"
#include "facts/environment.h"
#include "facts/event.h"
#include "facts/origin.h"
#include "facts/totals.h"
#include "stats/hdr_codec.h"
#include "stats/percentile.h"
#include "util/arena.h"
#include "util/secret.h"

/* Counts of one run stay far below; sums of two cannot wrap. */
#define COUNT_MAX (UINT64_C(1) << 53)

const char *const fact_counter_names[COUNTER_COUNT] = {
#define X(enumerator, name, help) name,
	COUNTERS(X)
#undef X
};

struct fact_wakeups {
	uint64_t count, ns[3], max_ns;
};

#define COUNTS .names = fact_counter_names, .names_count = COUNTER_COUNT
#define ROLES  .names = agent_role_names, .names_count = AGENT_ROLES

/* --- rows ------------------------------------------------------------------------------------------- */

/* A secret is masked here once more, whatever the driver did. */
static bool write_row_value(const void *from, struct fields_out *out)
{
	const struct fact_row *row = from;
	struct text shown = { 0 };

	secret_add(&shown, secret_shown(row->key, row->value != NULL ? row->value : ""));
	fields_write_text(row->value != NULL ? text_str(&shown) : NULL, out->text);
	text_fini(&shown);
	return true;
}

static bool read_row_value(const json_t *value, void *to, struct fields_in *in)
{
	struct fact_row *row = to;

	if (value != NULL && !json_is_string(value))
		return error_set(in->err, ERROR_CONFIG, "value is no text");
	row->value = value != NULL ? arena_strdup(in->arena, json_string_value(value)) : NULL;
	return true;
}

static const struct field_custom row_value = { write_row_value, read_row_value };

static const struct field row_items[] = {
	FIELD(struct fact_row, section, "section", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct fact_row, key, "key", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct fact_row, value, "value", FIELD_CUSTOM, .custom = &row_value),
	FIELD(struct fact_row, origin, "origin", FIELD_TEXT),
	FIELD(struct fact_row, note, "note", FIELD_MESSAGE, .flags = FIELD_OMIT),
};
const struct fields row_fields = FIELDS(struct fact_row, row_items);

/* --- snapshots -------------------------------------------------------------------------------------- */

void fact_histogram_write(const struct hist_copy *h, struct text *out)
{
	text_add(out, "\"");
	hdr_codec_encode(h, out);
	text_add(out, "\"");
}

void fact_histograms_write(const struct snapshot *s, enum window window, struct text *out)
{
	const char *comma = "";

	text_add(out, "{");
	for (unsigned i = 0; i < LATENCY_COUNT; i++) {
		const struct hist_copy *h = &s->latencies[window][i];

		if (h->count == 0)
			continue;
		text_addf(out, "%s\"%s\":", comma, latency_name((enum latency)i));
		fact_histogram_write(h, out);
		comma = ",";
	}
	text_add(out, "}");
}

/* Only our own buckets can be merged. */
static bool is_our_layout(const struct hist_copy *h)
{
	const struct hist_layout *l = hist_copy_layout(h);

	return l->highest == hist_layout_ns.highest && l->digits == hist_layout_ns.digits;
}

bool fact_histogram_read(const json_t *value, const char *name, struct hist_copy *out,
                         struct error *err)
{
	if (!json_is_string(value) ||
	    !hdr_codec_decode(json_string_value(value), json_string_length(value),
	                      hist_layout_ns.unit_ns, out, err))
		return error_set(err, ERROR_CONFIG, "%s is no histogram", name);
	if (!is_our_layout(out) || out->count > COUNT_MAX)
		return error_set(err, ERROR_CONFIG, "%s is no histogram that omb makes", name);
	return true;
}

void fact_histogram_set_max(struct hist_copy *h, uint64_t max)
{
	const struct hist_layout *l = hist_copy_layout(h);
	uint64_t kept = max < l->highest ? max : l->highest;

	if (h->count > 0 && hist_layout_index(l, kept) + 1 == h->hi)
		h->max = max;
}

bool fact_histograms_read(const json_t *all, struct snapshot *to, enum window window,
                          struct error *err)
{
	for (unsigned i = 0; i < LATENCY_COUNT; i++) {
		const char *name = latency_name((enum latency)i);
		const json_t *value = json_object_get(all, name);

		if (value != NULL &&
		    !fact_histogram_read(value, name, &to->latencies[window][i], err))
			return false;
	}
	return true;
}

static bool write_measured(const void *from, struct fields_out *out)
{
	fact_histograms_write(from, WINDOW_MEASURED, out->text);
	return true;
}

static bool write_outside(const void *from, struct fields_out *out)
{
	fact_histograms_write(from, WINDOW_OUTSIDE, out->text);
	return true;
}

static bool read_measured(const json_t *value, void *to, struct fields_in *in)
{
	return fact_histograms_read(value, to, WINDOW_MEASURED, in->err);
}

static bool read_outside(const json_t *value, void *to, struct fields_in *in)
{
	return fact_histograms_read(value, to, WINDOW_OUTSIDE, in->err);
}

static const struct field_custom measured = { write_measured, read_measured };
static const struct field_custom outside = { write_outside, read_outside };

static bool write_claims(const void *from, struct fields_out *out)
{
	return claims_write(&((const struct snapshot *)from)->claims, out->text);
}

static bool read_claims(const json_t *value, void *to, struct fields_in *in)
{
	return claims_read(value, &((struct snapshot *)to)->claims, in->err);
}

static const struct field_custom claims = { write_claims, read_claims };

static const struct field snapshot_items[] = {
	FIELD(struct snapshot, taken_ns, "takenNs", FIELD_INSTANT, .flags = FIELD_NULL),
	FIELD(struct snapshot, cpu_ns, "cpuNs", FIELD_COUNT),
	FIELD(struct snapshot, counters, "counters", FIELD_COUNTS, COUNTS),
	FIELD(struct snapshot, claims, "client", FIELD_CUSTOM, .custom = &claims),
	FIELD(struct snapshot, latencies, "measured", FIELD_CUSTOM, .custom = &measured),
	FIELD(struct snapshot, latencies, "outside", FIELD_CUSTOM, .custom = &outside),
};
const struct fields snapshot_fields = FIELDS(struct snapshot, snapshot_items);

static const struct field interval_items[] = {
	FIELD(struct snapshot, taken_ns, "lengthNs", FIELD_COUNT),
	FIELD(struct snapshot, cpu_ns, "cpuNs", FIELD_COUNT),
	FIELD(struct snapshot, counters, "counters", FIELD_COUNTS, COUNTS),
	FIELD(struct snapshot, claims, "client", FIELD_CUSTOM, .custom = &claims),
	FIELD(struct snapshot, latencies, "measured", FIELD_CUSTOM, .custom = &measured),
	FIELD(struct snapshot, latencies, "outside", FIELD_CUSTOM, .custom = &outside),
};
const struct fields interval_fields = FIELDS(struct snapshot, interval_items);

/* --- agents ----------------------------------------------------------------------------------------- */

static bool write_agent_snapshot(const void *from, struct fields_out *out)
{
	const struct fact_agent *a = from;

	if (a->snapshot == NULL)
		return false;
	fields_write(&snapshot_fields, a->snapshot, out);
	return true;
}

static bool read_agent_snapshot(const json_t *value, void *to, struct fields_in *in)
{
	struct fact_agent *a = to;

	if (value == NULL)
		return true;
	a->snapshot = arena_alloc(in->arena, sizeof(*a->snapshot));
	return fields_read(&snapshot_fields, value, a->snapshot, in);
}

static const struct field_custom agent_snapshot = { write_agent_snapshot, read_agent_snapshot };

static bool write_late(const void *from, struct fields_out *out)
{
	const struct fact_agent *a = from;

	if (a->late == NULL)
		return false;
	fact_histogram_write(a->late, out->text);
	return true;
}

static bool read_late(const json_t *value, void *to, struct fields_in *in)
{
	struct fact_agent *a = to;

	if (value == NULL)
		return true;
	a->late = arena_alloc(in->arena, sizeof(*a->late));
	return fact_histogram_read(value, "late", a->late, in->err);
}

static const struct field_custom late = { write_late, read_late };

static bool write_agent_claims(const void *from, struct fields_out *out)
{
	return claims_write(&((const struct fact_agent *)from)->claims, out->text);
}

static bool read_agent_claims(const json_t *value, void *to, struct fields_in *in)
{
	return claims_read(value, &((struct fact_agent *)to)->claims, in->err);
}

static const struct field_custom agent_claims = { write_agent_claims, read_agent_claims };

/* clang-format off */
#define AGENT_ITEMS \
	FIELD(struct fact_agent, role, "role", FIELD_NAME, .flags = FIELD_MUST, ROLES), \
	FIELD(struct fact_agent, worker, "worker", FIELD_UINT, .flags = FIELD_OMIT), \
	FIELD(struct fact_agent, index, "index", FIELD_UINT), \
	FIELD(struct fact_agent, generation, "generation", FIELD_UINT), \
	FIELD(struct fact_agent, pid, "pid", FIELD_INT), \
	FIELD(struct fact_agent, clients, "clients", FIELD_UINT), \
	FIELD(struct fact_agent, loops, "threads", FIELD_UINT), \
	FIELD(struct fact_agent, lost, "lost", FIELD_BOOL), \
	FIELD(struct fact_agent, slow, "slow", FIELD_BOOL), \
	FIELD(struct fact_agent, hung, "hung", FIELD_BOOL, .flags = FIELD_OMIT), \
	FIELD(struct fact_agent, stalled, "stalled", FIELD_BOOL, .flags = FIELD_OMIT), \
	FIELD(struct fact_agent, ended_ns, "endedNs", FIELD_INSTANT, .flags = FIELD_OMIT), \
	FIELD(struct fact_agent, is_resuming, "resuming", FIELD_BOOL, .flags = FIELD_OMIT), \
	FIELD(struct fact_agent, is_offering, "offering", FIELD_BOOL, .flags = FIELD_OMIT), \
	FIELD(struct fact_agent, silence_ns, "silenceNs", FIELD_COUNT, .flags = FIELD_OMIT), \
	FIELD(struct fact_agent, cpu_ns, "cpuNs", FIELD_COUNT), \
	FIELD(struct fact_agent, window_cpu_ns, "windowCpuNs", FIELD_COUNT), \
	FIELD(struct fact_agent, max_rss_bytes, "maxRssBytes", FIELD_COUNT), \
	FIELD(struct fact_agent, pss_bytes, "pssBytes", FIELD_COUNT), \
	FIELD(struct fact_agent, loops_known, "loopsKnown", FIELD_UINT), \
	FIELD(struct fact_agent, busiest_loop, "busiestLoop", FIELD_REAL), \
	FIELD(struct fact_agent, all_loops, "allLoops", FIELD_REAL), \
	FIELD(struct fact_agent, library_threads, "libraryThreads", FIELD_UINT), \
	FIELD(struct fact_agent, library_cpu_ns, "libraryCpuNs", FIELD_COUNT), \
	FIELD(struct fact_agent, library_thread, "libraryThread", FIELD_TEXT), \
	FIELD(struct fact_agent, counters, "counters", FIELD_COUNTS, COUNTS), \
	FIELD(struct fact_agent, claims, "client", FIELD_CUSTOM, .custom = &agent_claims)
/* clang-format on */

static const struct field agent_items[] = {
	AGENT_ITEMS,
	FIELD(struct fact_agent, late, "late", FIELD_CUSTOM, .custom = &late),
	FIELD(struct fact_agent, snapshot, "snapshot", FIELD_CUSTOM, .custom = &agent_snapshot),
};
const struct fields agent_fields = FIELDS(struct fact_agent, agent_items);

static bool has_snapshot(const void *from)
{
	const struct fact_agent *a = from;

	return a->snapshot != NULL;
}

static bool write_agent_measured(const void *from, struct fields_out *out)
{
	const struct fact_agent *a = from;

	return write_measured(a->snapshot, out);
}

static bool write_agent_outside(const void *from, struct fields_out *out)
{
	const struct fact_agent *a = from;

	return write_outside(a->snapshot, out);
}

static bool read_agent_window(const json_t *value, void *to, enum window window,
                              struct fields_in *in)
{
	struct fact_agent *a = to;

	if (value == NULL)
		return true;
	if (a->snapshot == NULL) {
		a->snapshot = arena_alloc(in->arena, sizeof(*a->snapshot));
		*a->snapshot = (struct snapshot){ 0 };
	}
	return fact_histograms_read(value, a->snapshot, window, in->err);
}

static bool read_agent_measured(const json_t *value, void *to, struct fields_in *in)
{
	return read_agent_window(value, to, WINDOW_MEASURED, in);
}

static bool read_agent_outside(const json_t *value, void *to, struct fields_in *in)
{
	return read_agent_window(value, to, WINDOW_OUTSIDE, in);
}

static const struct field wakeup_items[] = {
	FIELD(struct fact_wakeups, count, "count", FIELD_COUNT),
	FIELD(struct fact_wakeups, ns[0], "p50Ns", FIELD_COUNT),
	FIELD(struct fact_wakeups, ns[1], "p95Ns", FIELD_COUNT),
	FIELD(struct fact_wakeups, ns[2], "p99Ns", FIELD_COUNT),
	FIELD(struct fact_wakeups, max_ns, "maxNs", FIELD_COUNT),
};
static const struct fields wakeup_fields = FIELDS(struct fact_wakeups, wakeup_items);

void fact_wakeups_write(const struct hist_copy *h, struct fields_out *out)
{
	static const double at[] = { 50, 95, 99 };
	struct fact_wakeups w = { 0 };

	if (h == NULL) {
		text_add(out->text, "null");
		return;
	}
	w.count = h->count;
	w.max_ns = h->max;
	percentile_values(h, at, 3, w.ns);
	text_add(out->text, "{");
	fields_write_members(&wakeup_fields, &w, out);
	text_add(out->text, ",\"histogram\":");
	fact_histogram_write(h, out->text);
	text_add(out->text, "}");
}

bool fact_wakeups_read(const json_t *value, struct hist_copy **out, struct fields_in *in)
{
	struct fact_wakeups w;

	if (value == NULL)
		return true;
	if (!fields_read(&wakeup_fields, value, &w, in))
		return false;
	*out = arena_alloc(in->arena, sizeof(**out));
	if (!fact_histogram_read(json_object_get(value, "histogram"), "late", *out, in->err))
		return false;
	fact_histogram_set_max(*out, w.max_ns);
	return true;
}

static bool write_agent_wakeups(const void *from, struct fields_out *out)
{
	const struct fact_agent *a = from;

	fact_wakeups_write(a->late, out);
	return true;
}

static bool read_agent_wakeups(const json_t *value, void *to, struct fields_in *in)
{
	struct fact_agent *a = to;

	return fact_wakeups_read(value, &a->late, in);
}

static const struct field_custom agent_wakeups = { write_agent_wakeups, read_agent_wakeups };
static const struct field_custom agent_measured = { write_agent_measured, read_agent_measured };
static const struct field_custom agent_outside = { write_agent_outside, read_agent_outside };

static const struct field agent_account_items[] = {
	AGENT_ITEMS,
	FIELD(struct fact_agent, late, "late", FIELD_CUSTOM, .custom = &agent_wakeups),
	FIELD(struct fact_agent, snapshot, "measured", FIELD_CUSTOM, .custom = &agent_measured,
	      .when = has_snapshot),
	FIELD(struct fact_agent, snapshot, "outside", FIELD_CUSTOM, .custom = &agent_outside,
	      .when = has_snapshot),
};
const struct fields agent_account_fields = FIELDS(struct fact_agent, agent_account_items);

static const struct field edge_items[] = {
	FIELD(struct fact_edge, at_ns, "atNs", FIELD_INSTANT, .flags = FIELD_NULL),
	FIELD(struct fact_edge, counters, "counters", FIELD_COUNTS, COUNTS),
};
static const struct fields edge_fields = FIELDS(struct fact_edge, edge_items);

/* Of a struct book_counts, which is a member.  What no account was kept of is null.  A message that came
 * at least once is "received once": partitions have a count of all receipts besides. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type has none, nor has a member */
/* clang-format off */
#define ACCOUNT_ITEMS(type, member) \
	FIELD(type, member.received, "receivedOnce", FIELD_LIMIT), \
	FIELD(type, member.lost, "lost", FIELD_LIMIT), \
	FIELD(type, member.missing, "missing", FIELD_LIMIT), \
	FIELD(type, member.delivered_though_failed, "deliveredThoughFailed", FIELD_LIMIT), \
	FIELD(type, member.duplicated, "duplicated", FIELD_LIMIT), \
	FIELD(type, member.redelivered, "redelivered", FIELD_LIMIT), \
	FIELD(type, member.out_of_order, "outOfOrder", FIELD_LIMIT), \
	FIELD(type, member.never_sent, "neverSent", FIELD_LIMIT)
#define CORRUPTED(type, member) \
	FIELD(type, member.corrupted, "corrupted", FIELD_LIMIT)
/* clang-format on */
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct field producer_items[] = {
	FIELD(struct fact_producer, producer, "producer", FIELD_UINT),
	FIELD(struct fact_producer, topic, "topic", FIELD_TEXT),
	FIELD(struct fact_producer, sent, "sent", FIELD_COUNT),
	FIELD(struct fact_producer, acknowledged, "acknowledged", FIELD_COUNT),
	FIELD(struct fact_producer, failed, "failed", FIELD_COUNT),
	FIELD(struct fact_producer, unacknowledged, "unacknowledged", FIELD_COUNT),
	FIELD(struct fact_producer, unsent, "unsent", FIELD_COUNT),
	ACCOUNT_ITEMS(struct fact_producer, account),
	FIELD(struct fact_producer, exact_below, "exactBelow", FIELD_LIMIT),
};
const struct fields producer_fields = FIELDS(struct fact_producer, producer_items);

static const struct field partition_items[] = {
	FIELD(struct fact_partition, topic, "topic", FIELD_TEXT),
	FIELD(struct fact_partition, subscription, "subscription", FIELD_TEXT),
	FIELD(struct fact_partition, partition, "partition", FIELD_UINT),
	FIELD(struct fact_partition, received, "received", FIELD_COUNT),
	ACCOUNT_ITEMS(struct fact_partition, account),
	CORRUPTED(struct fact_partition, account),
};
const struct fields partition_fields = FIELDS(struct fact_partition, partition_items);

static bool write_range_partition(const void *from, struct fields_out *out)
{
	const struct fact_range *lost = from;

	if (lost->partition >= 0)
		text_addf(out->text, "%d", (int)lost->partition);
	else
		text_add(out->text, "null");
	return true;
}

static bool read_range_partition(const json_t *value, void *to, struct fields_in *in)
{
	struct fact_range *lost = to;
	json_int_t partition = json_integer_value(value);

	lost->partition = -1;
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_integer(value) || partition < 0 || partition > INT32_MAX)
		return error_set(in->err, ERROR_CONFIG, "partition is no number");
	lost->partition = (int32_t)partition;
	return true;
}

static const struct field_custom range_partition = { write_range_partition, read_range_partition };

static const struct field range_items[] = {
	FIELD(struct fact_range, producer, "producer", FIELD_UINT),
	FIELD(struct fact_range, topic, "topic", FIELD_TEXT),
	FIELD(struct fact_range, subscription, "subscription", FIELD_TEXT),
	FIELD(struct fact_range, partition, "partition", FIELD_CUSTOM, .custom = &range_partition),
	FIELD(struct fact_range, first, "first", FIELD_COUNT),
	FIELD(struct fact_range, last, "last", FIELD_COUNT),
	FIELD(struct fact_range, first_due_ns, "firstDueNs", FIELD_INSTANT),
	FIELD(struct fact_range, last_due_ns, "lastDueNs", FIELD_INSTANT),
};
const struct fields range_fields = FIELDS(struct fact_range, range_items);

static const struct field account_items[] = {
	FIELD(struct fact_account, is_kept, "kept", FIELD_BOOL),
	FIELD(struct fact_account, is_exact, "exact", FIELD_BOOL),
	FIELD(struct fact_account, is_order_known, "orderKnown", FIELD_BOOL),
	ACCOUNT_ITEMS(struct fact_account, all),
	CORRUPTED(struct fact_account, all),
	FIELD(struct fact_account, bytes_most, "bytesMost", FIELD_COUNT),
	FIELD(struct fact_account, lost, "lostRanges", FIELD_ROWS, .of = &range_fields,
	      .count = offsetof(struct fact_account, lost_count)),
	FIELD(struct fact_account, lost_left_off, "lostRangesLeftOff", FIELD_COUNT),
};
const struct fields account_fields = FIELDS(struct fact_account, account_items);

static const struct field event_items[] = {
	FIELD(struct fact_event, kind, "kind", FIELD_NAME, .flags = FIELD_MUST,
	      .names = fact_event_names, .names_count = EVENT_KINDS),
	FIELD(struct fact_event, at_ns, "atNs", FIELD_INSTANT, .flags = FIELD_MUST),
	FIELD(struct fact_event, role, "role", FIELD_NAME, .flags = FIELD_MUST, ROLES),
	FIELD(struct fact_event, worker, "worker", FIELD_UINT, .flags = FIELD_OMIT),
	FIELD(struct fact_event, agent, "agent", FIELD_UINT),
	FIELD(struct fact_event, generation, "generation", FIELD_UINT),
	FIELD(struct fact_event, gap_ns, "gapNs", FIELD_COUNT, .flags = FIELD_OMIT),
	FIELD(struct fact_event, count, "count", FIELD_COUNT, .flags = FIELD_OMIT),
	FIELD(struct fact_event, is_rest, "rest", FIELD_BOOL, .flags = FIELD_OMIT),
	FIELD(struct fact_event, is_open, "open", FIELD_BOOL, .flags = FIELD_OMIT),
	FIELD(struct fact_event, name, "name", FIELD_MESSAGE, .flags = FIELD_OMIT),
	FIELD(struct fact_event, text, "text", FIELD_MESSAGE, .flags = FIELD_OMIT),
};
const struct fields event_fields = FIELDS(struct fact_event, event_items);

bool fact_event_is_known(const json_t *event)
{
	const char *kind = json_string_value(json_object_get(event, "kind"));
	const char *role = json_string_value(json_object_get(event, "role"));
	enum fact_event_kind known_kind;
	enum agent_role known_role;

	return kind != NULL && role != NULL && fact_event_kind_of(kind, &known_kind) &&
	       agent_role_of(role, &known_role);
}

/* --- hosts ------------------------------------------------------------------------------------------ */

static const struct field environment_items[] = {
	FIELD(struct environment, host, "name", FIELD_CHARS),
	FIELD(struct environment, kernel, "kernel", FIELD_CHARS),
	FIELD(struct environment, cpu_model, "cpuModel", FIELD_CHARS),
	FIELD(struct environment, cpus_online, "cpusOnline", FIELD_UINT),
	FIELD(struct environment, cpus_allowed, "cpusAllowed", FIELD_UINT),
	FIELD(struct environment, cpu_quota, "cpuQuota", FIELD_REAL, .flags = FIELD_NULL),
	FIELD(struct environment, virtual_machine, "virtualMachine", FIELD_BOOL),
	FIELD(struct environment, memory_bytes, "memoryBytes", FIELD_COUNT),
	FIELD(struct environment, governor, "governor", FIELD_CHARS),
	FIELD(struct environment, clock_source, "clockSource", FIELD_CHARS),
	FIELD(struct environment, broker, "broker", FIELD_CHARS, .flags = FIELD_OMIT),
	FIELD(struct environment, open_files_max, "openFilesLimit", FIELD_LIMIT),
	FIELD(struct environment, processes_max, "processesLimit", FIELD_LIMIT),
};
const struct fields environment_fields = FIELDS(struct environment, environment_items);

static const struct field usage_items[] = {
	FIELD(struct host_usage, ticks, "ticks", FIELD_COUNT),
	FIELD(struct host_usage, idle_ticks, "idleTicks", FIELD_COUNT),
	FIELD(struct host_usage, steal_ticks, "stealTicks", FIELD_COUNT),
	FIELD(struct host_usage, throttled_periods, "throttledPeriods", FIELD_COUNT),
	FIELD(struct host_usage, throttled_ns, "throttledNs", FIELD_COUNT),
};
const struct fields usage_fields = FIELDS(struct host_usage, usage_items);

static const struct field host_items[] = {
	FIELD(struct fact_host, environment, "environment", FIELD_STRUCT,
	      .of = &environment_fields),
	FIELD(struct fact_host, usage, "usage", FIELD_STRUCT, .of = &usage_fields),
};
static const struct fields host_fields = FIELDS(struct fact_host, host_items);

static bool knows_usage(const void *from)
{
	return ((const struct fact_worker *)from)->usage_known;
}

static bool knows_clock(const void *from)
{
	return ((const struct fact_worker *)from)->clock.is_known;
}

static const struct field worker_items[] = {
	FIELD(struct fact_worker, index, "index", FIELD_UINT),
	FIELD(struct fact_worker, name, "name", FIELD_TEXT),
	FIELD(struct fact_worker, url, "url", FIELD_TEXT),
	FIELD(struct fact_worker, is_foreign, "foreign", FIELD_BOOL),
	FIELD(struct fact_worker, produces, "produces", FIELD_BOOL),
	FIELD(struct fact_worker, consumes, "consumes", FIELD_BOOL),
	FIELD(struct fact_worker, producers, "producers", FIELD_COUNT),
	FIELD(struct fact_worker, consumers, "consumers", FIELD_COUNT),
	FIELD(struct fact_worker, lost, "lost", FIELD_BOOL),
	FIELD(struct fact_worker, lost_ns, "lostNs", FIELD_INSTANT, .flags = FIELD_OMIT),
	FIELD(struct fact_worker, seen_ns, "seenNs", FIELD_INSTANT, .flags = FIELD_NULL),
	FIELD(struct fact_worker, why, "why", FIELD_MESSAGE, .flags = FIELD_OMIT),
	FIELD(struct fact_worker, counters, "counters", FIELD_COUNTS, COUNTS),
	FIELD(struct fact_worker, clock, "clock", FIELD_STRUCT, .flags = FIELD_NULL,
	      .of = &fact_clock_fields, .when = knows_clock),
	FIELD(struct fact_worker, cpu_share, "hostCpuShare", FIELD_REAL, .flags = FIELD_NULL,
	      .when = knows_usage),
	FIELD(struct fact_worker, steal_share, "hostStealShare", FIELD_REAL, .flags = FIELD_NULL,
	      .when = knows_usage),
	FIELD(struct fact_worker, throttled_periods, "hostThrottledPeriods", FIELD_COUNT,
	      .flags = FIELD_NULL, .when = knows_usage),
	FIELD(struct fact_worker, throttled_ns, "hostThrottledNs", FIELD_COUNT, .flags = FIELD_NULL,
	      .when = knows_usage),
	FIELD(struct fact_worker, usage_known, "hostUsageKnown", FIELD_BOOL),
	FIELD(struct fact_worker, host.environment, "host", FIELD_STRUCT,
	      .of = &environment_fields),
};
const struct fields worker_fields = FIELDS(struct fact_worker, worker_items);

static bool keeps_account(const void *from)
{
	return ((const struct fact_totals *)from)->account.is_kept;
}

static bool has_clocks(const void *from)
{
	return ((const struct fact_totals *)from)->clocks.count > 1;
}

const struct field totals_items[TOTALS_ITEMS] = {
	FIELD(struct fact_totals, without_latencies, "withoutLatencies", FIELD_BOOL),
	FIELD(struct fact_totals, snapshot, "snapshot", FIELD_STRUCT, .of = &snapshot_fields),
	FIELD(struct fact_totals, edges[FACT_WINDOW_START], "windowStart", FIELD_STRUCT,
	      .of = &edge_fields),
	FIELD(struct fact_totals, edges[FACT_WINDOW_END], "windowEnd", FIELD_STRUCT,
	      .of = &edge_fields),
	FIELD(struct fact_totals, edge_lack, "edgeLack", FIELD_TEXT, .flags = FIELD_OMIT),
	FIELD(struct fact_totals, host, "host", FIELD_STRUCT, .of = &host_fields),
	FIELD(struct fact_totals, slow_acknowledged, "slowAcknowledged", FIELD_ROWS,
	      .flags = FIELD_OMIT, .of = &slow_fields,
	      .count = offsetof(struct fact_totals, slow_acknowledged_count)),
	FIELD(struct fact_totals, slow_received, "slowReceived", FIELD_ROWS, .flags = FIELD_OMIT,
	      .of = &slow_fields, .count = offsetof(struct fact_totals, slow_received_count)),
	FIELD(struct fact_totals, agents, "agents", FIELD_LIST, .of = &agent_fields,
	      .count = offsetof(struct fact_totals, agents_count)),
	FIELD(struct fact_totals, outstanding, "outstanding", FIELD_COUNT, .flags = FIELD_OMIT),
	FIELD(struct fact_totals, producers, "producers", FIELD_LIST, .of = &producer_fields,
	      .count = offsetof(struct fact_totals, producers_count)),
	FIELD(struct fact_totals, partitions, "partitions", FIELD_LIST, .of = &partition_fields,
	      .count = offsetof(struct fact_totals, partitions_count)),
	FIELD(struct fact_totals, account, "account", FIELD_STRUCT, .of = &account_fields,
	      .when = keeps_account),
	FIELD(struct fact_totals, spoiled, "spoiledRanges", FIELD_ROWS, .flags = FIELD_OMIT,
	      .of = &range_fields, .count = offsetof(struct fact_totals, spoiled_count)),
	FIELD(struct fact_totals, verified, "payloadsVerified", FIELD_BOOL),
	FIELD(struct fact_totals, clocks, "clocks", FIELD_STRUCT, .of = &fact_clocks_fields,
	      .when = has_clocks),
};
const struct fields totals_fields = FIELDS(struct fact_totals, totals_items);
