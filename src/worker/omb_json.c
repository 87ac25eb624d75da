/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/omb_json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "stats/hdr_codec.h"
#include "util/base64.h"
#include "util/fields.h"
#include "util/java_number.h"

/* With this many digits no histogram has 8 MiB: 377,000 buckets of at most 9 bytes. */
#define FEWER_DIGITS 4

const char *const omb_key_names[] = {
	[KEY_NONE] = "NO_KEY",
	[KEY_ROUND_ROBIN] = "KEY_ROUND_ROBIN",
	[KEY_RANDOM] = "RANDOM_NANO",
};

/* --- as Jackson's pretty printer ---------------------------------------------------------------- */

/* The next member's name; `first` of its object. */
static void write_key(const char *name, bool first, struct text *out)
{
	text_addf(out, "%s\n  \"%s\" : ", first ? "{" : ",", name);
}

static void write_real(double value, struct text *out)
{
	char digits[JAVA_NUMBER_SIZE];

	assert(isfinite(value));
	text_add(out, java_number_format(value, digits));
}

/* --- requests ----------------------------------------------------------------------------------- */

void omb_topics_info_write(const struct omb_topics_info *from, struct text *out)
{
	write_key("numberOfTopics", true, out);
	text_addf(out, "%" PRIu32, from->topics);
	write_key("numberOfPartitionsPerTopic", false, out);
	text_addf(out, "%" PRIu32 "\n}", from->partitions);
}

void omb_topics_write(const struct omb_topics *from, struct text *out)
{
	for (size_t i = 0; i < from->count; i++) {
		text_add(out, i > 0 ? ", " : "[ ");
		fields_write_text(from->names[i], out);
	}
	text_add(out, from->count > 0 ? " ]" : "[ ]");
}

void omb_consumers_write(const struct omb_consumers *from, struct text *out)
{
	write_key("topicsSubscriptions", true, out);
	for (size_t i = 0; i < from->count; i++) {
		text_add(out, i > 0 ? ", {\n    \"topic\" : " : "[ {\n    \"topic\" : ");
		fields_write_text(from->items[i].topic, out);
		text_add(out, ",\n    \"subscription\" : ");
		fields_write_text(from->items[i].subscription, out);
		text_add(out, "\n  }");
	}
	text_add(out, from->count > 0 ? " ]\n}" : "[ ]\n}");
}

void omb_assignment_write(const struct omb_assignment *from, struct text *out)
{
	write_key("payloadData", true, out);
	for (size_t i = 0; i < from->count; i++) {
		text_add(out, i > 0 ? ", \"" : "[ \"");
		base64_encode(from->contents[i], from->sizes[i], BASE64_STANDARD, out);
		text_add(out, "\"");
	}
	text_add(out, from->count > 0 ? " ]" : "[ ]");
	write_key("publishRate", false, out);
	write_real(from->rate_per_s, out);
	write_key("keyDistributorType", false, out);
	text_addf(out, "\"%s\"\n}", omb_key_names[from->keys]);
}

void omb_rate_write(double rate_per_s, struct text *out)
{
	write_real(rate_per_s, out);
}

/* --- answers ------------------------------------------------------------------------------------ */

static void write_count(const char *name, bool first, uint64_t value, struct text *out)
{
	write_key(name, first, out);
	text_addf(out, "%" PRIu64, value);
}

void omb_counters_write(const struct worker_counters *from, struct text *out)
{
	write_count("messagesSent", true, from->sent, out);
	write_count("messagesReceived", false, from->received, out);
	write_count("messageSendErrors", false, from->send_errors, out);
	text_add(out, "\n}");
}

/* What the text of base64 stands for, to two bytes. */
static size_t bytes_since(const struct text *t, size_t start)
{
	return (t->len - start) / 4 * 3;
}

static void write_histogram(const struct hist_copy *c, const struct hist_layout *as,
                            struct text *out)
{
	size_t start = out->len;

	hdr_codec_encode_as(c, as, out);
	if (bytes_since(out, start) > OMB_HISTOGRAM_MAX) {
		struct hist_layout coarse = *as;
		coarse.digits = FEWER_DIGITS;
		coarse.bits = hist_layout_bits(FEWER_DIGITS);
		out->len = start;
		hdr_codec_encode_as(c, &coarse, out);
	}
	assert(bytes_since(out, start) <= OMB_HISTOGRAM_MAX);
}

static void write_latencies(const struct omb_latencies *l, bool first, struct text *out)
{
	const struct {
		const char *name;
		const struct hist_copy *of;
		const struct hist_layout *as;
	} rows[] = {
		{ "publishLatency", &l->publish, &hist_layout_omb_publish },
		{ "publishDelayLatency", &l->delay, &hist_layout_omb_publish },
		{ "endToEndLatency", &l->e2e, &hist_layout_omb_e2e },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_key(rows[i].name, first && i == 0, out);
		text_add(out, "\"");
		write_histogram(rows[i].of, rows[i].as, out);
		text_add(out, "\"");
	}
	text_add(out, "\n}");
}

void omb_period_write(const struct omb_period *from, struct text *out)
{
	write_count("messagesSent", true, from->sent, out);
	write_count("messageSendErrors", false, from->send_errors, out);
	write_count("bytesSent", false, from->bytes_sent, out);
	write_count("messagesReceived", false, from->received, out);
	write_count("bytesReceived", false, from->bytes_received, out);
	write_count("totalMessagesSent", false, from->totals.sent, out);
	write_count("totalMessageSendErrors", false, from->totals.send_errors, out);
	write_count("totalMessagesReceived", false, from->totals.received, out);
	write_latencies(&from->latencies, false, out);
}

void omb_latencies_write(const struct omb_latencies *from, struct text *out)
{
	write_latencies(from, true, out);
}

void omb_latencies_fini(struct omb_latencies *l)
{
	hist_copy_fini(&l->publish);
	hist_copy_fini(&l->delay);
	hist_copy_fini(&l->e2e);
}

void omb_period_fini(struct omb_period *p)
{
	omb_latencies_fini(&p->latencies);
}

/* --- ours as OMB's ------------------------------------------------------------------------------ */

static void latency_of(const struct snapshot *from, enum latency which,
                       const struct hist_layout *as, struct hist_copy *out)
{
	struct hist_copy both = { 0 };

	snapshot_latency(from, which, &both);
	hist_copy_init(out, as);
	hist_copy_convert(&both, as, out);
	hist_copy_fini(&both);
}

void omb_latencies_of(const struct snapshot *from, struct omb_latencies *out)
{
	latency_of(from, LATENCY_PUBLISH, &hist_layout_omb_publish, &out->publish);
	latency_of(from, LATENCY_DELAY, &hist_layout_omb_publish, &out->delay);
	latency_of(from, LATENCY_E2E, &hist_layout_omb_e2e, &out->e2e);
}

void omb_period_of(const struct worker_period *from, struct omb_period *out)
{
	const uint64_t *counters = from->interval.counters;

	*out = (struct omb_period){
		.sent = counters[COUNTER_ACKNOWLEDGED],
		.send_errors = counters[COUNTER_FAILED],
		.bytes_sent = counters[COUNTER_BYTES_ACKED],
		.received = counters[COUNTER_RECEIVED] + counters[COUNTER_PROBES_RECEIVED],
		.bytes_received = counters[COUNTER_BYTES_RECEIVED],
		.totals = from->totals,
	};
	omb_latencies_of(&from->interval, &out->latencies);
}
