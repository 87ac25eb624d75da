/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_OMB_JSON_H
#define OMB_WORKER_OMB_JSON_H

/*
 * omb_json -- the bodies of OMB's worker protocol as structs and back, for either end.
 *
 *     verb                    request                        answer
 *     create-topics           omb_topics_info                omb_topics, the names
 *     create-consumers        omb_consumers                  -
 *     create-producers        omb_topics, one a producer     -
 *     start-load              omb_assignment                 -
 *     adjust-publish-rate     omb_rate                       -
 *     counters-stats          -                              omb_counters
 *     period-stats            -                              omb_period
 *     cumulative-latencies    -                              omb_latencies
 *
 * initialize-driver carries the driver's file as it is; everything else has empty bodies.  A worker
 * reads requests and writes answers, a coordinator writes requests and reads answers.
 *
 * Written as Java's own programs write: Jackson's pretty JSON, doubles as `300.0` and `1.0E7`, payloads
 * and histograms as base64.  Read as Jackson reads: white space anywhere, members that are not known
 * left out, those that are missing or null 0 or empty, the last of two that have one name, numbers as
 * texts ("12"), exponents, fractions of whole numbers cut.  Unlike there something behind the value is
 * refused, and so is what could only fail later: a null within a list, a topic or subscription without a
 * name, a negative count, and for omb_assignment whatever is said there.
 *
 * Any bytes are safe: the limits below are looked at before memory is taken, and the memory taken is
 * at most some ten times the body's length, beside the histograms' (hdr_codec.h).  The time is linear:
 * a million names some tenths of a second.
 *
 * Texts and lists that are read go into the caller's arena (of what fails half-way, too).  Errors are
 * ERROR_PROTOCOL, with line and column in the body where it is about them.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/payload.h"
#include "stats/hist_copy.h"
#include "util/error.h"
#include "util/text.h"
#include "worker/call.h"

struct arena;

/* A million topics with four producers each, and their names, are 150 MB. */
#define OMB_BODY_MAX       ((size_t)512 << 20)
#define OMB_NAMES_MAX      ((size_t)10000000) /* in one list */
#define OMB_NAME_BYTES_MAX ((size_t)4096)     /* of a topic or a subscription */
#define OMB_TOPICS_MAX     ((uint32_t)10000000)
#define OMB_PARTITIONS_MAX ((uint32_t)1000000)
#define OMB_PAYLOADS_MAX   ((size_t)1000000)
#define OMB_PAYLOAD_MAX    ((size_t)48 << 20) /* bytes of one */
/* What Java's decoder takes for one histogram, packed and before base64. */
#define OMB_HISTOGRAM_MAX  ((size_t)8 << 20)

/* --- requests ----------------------------------------------------------------------------------- */

struct omb_topics_info {
	uint32_t topics, partitions; /* partitions: of each */
};

bool omb_topics_info_read(const char *body, size_t len, struct omb_topics_info *out,
                          struct error *err);
void omb_topics_info_write(const struct omb_topics_info *from, struct text *out);

/* Never NULL when it was read, not even without any. */
struct omb_topics {
	const char *const *names;
	size_t count;
};

bool omb_topics_read(const char *body, size_t len, struct arena *arena, struct omb_topics *out,
                     struct error *err);
void omb_topics_write(const struct omb_topics *from, struct text *out);

struct omb_consumers {
	const struct worker_subscription *items; /* one for each consumer; never NULL when read */
	size_t count;
};

bool omb_consumers_read(const char *body, size_t len, struct arena *arena,
                        struct omb_consumers *out, struct error *err);
void omb_consumers_write(const struct omb_consumers *from, struct text *out);

extern const char *const omb_key_names[]; /* NO_KEY, ...: by enum key_pick */
#define OMB_KEY_NAMES ((size_t)KEY_RANDOM + 1)

/* The load of one worker. */
struct omb_assignment {
	/* Of the pool, `count` of them: contents[i] has sizes[i] bytes. */
	const void *const *contents;
	const uint32_t *sizes;
	size_t count;
	uint32_t size; /* of all of them; 0 = they differ.  Not looked at by the writer. */
	double rate_per_s;
	enum key_pick keys;
};

/* Refused: no payloads or an empty one, a rate that is not above 0 or not finite ("NaN"), and keys that are
 * missing or of another name than OMB's three. */
bool omb_assignment_read(const char *body, size_t len, struct arena *arena,
                         struct omb_assignment *out, struct error *err);
void omb_assignment_write(const struct omb_assignment *from, struct text *out);

/* Below 1 it is 1, as OMB's worker has it; what is not finite is refused. */
bool omb_rate_read(const char *body, size_t len, double *rate_per_s, struct error *err);
void omb_rate_write(double rate_per_s, struct text *out);

/* --- answers ------------------------------------------------------------------------------------ */

bool omb_counters_read(const char *body, size_t len, struct worker_counters *out,
                       struct error *err);
void omb_counters_write(const struct worker_counters *from, struct text *out);

/* Microseconds of 5 digits: `publish` and `delay` in hist_layout_omb_publish, `e2e` in
 * hist_layout_omb_e2e, whatever layout came; zeroed is valid and empty.  Owned. */
struct omb_latencies {
	struct hist_copy publish, delay, e2e;
};

void omb_latencies_fini(struct omb_latencies *l);

struct omb_period {
	/* Since the last read. */
	uint64_t sent, send_errors, bytes_sent, received, bytes_received;
	struct worker_counters totals;
	struct omb_latencies latencies;
};

/* What OMB's worker would say of `from`: acknowledged messages are sent, those of probes stand in the
 * totals alone, and received probes count in both.  *out is overwritten; the caller finishes it. */
void omb_period_of(const struct worker_period *from, struct omb_period *out);
/* Likewise of CUMULATIVE_LATENCIES. */
void omb_latencies_of(const struct snapshot *from, struct omb_latencies *out);
void omb_period_fini(struct omb_period *p);

/*
 * Histograms of any layout are written in those above, values beyond 60 s or 12 h as that; the larger
 * ones that Java's merge cannot take do not leave here.  One that would have more bytes than Java's
 * decoder takes (none of ours has: a twentieth) goes with 4 digits.
 *
 * Read are also the names of Redpanda's fork: publishLatencyBytes, publishDelayLatencyBytes,
 * endToEndLatencyBytes; there and in upstream's.  *out is overwritten; it is empty after a failure, else
 * the caller finishes it.
 */
bool omb_period_read(const char *body, size_t len, struct omb_period *out, struct error *err);
void omb_period_write(const struct omb_period *from, struct text *out);

bool omb_latencies_read(const char *body, size_t len, struct omb_latencies *out, struct error *err);
void omb_latencies_write(const struct omb_latencies *from, struct text *out);

#endif
