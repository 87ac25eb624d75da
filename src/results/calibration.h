/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_CALIBRATION_H
#define OMB_RESULTS_CALIBRATION_H

/*
 * calibration -- what the harness can do on this machine, as `omb calibrate` found it.
 *
 *     ${XDG_STATE_HOME:-~/.local/state}/omb/calibration.json
 *
 * It holds for the machine and the program that made it: another CPU, another number of CPUs or
 * another version of omb, and it is as if there were none.
 */

#include <stdbool.h>
#include <stdint.h>

#include "facts/environment.h"
#include "util/error.h"
#include "util/text.h"

#define CALIBRATION_SIZES 2
extern const uint32_t calibration_sizes[CALIBRATION_SIZES]; /* bytes of a message: 100, 1024 */

/* The maximum rate, all CPUs of this host in use. */
struct calibration_ceiling {
	double per_s;
	double producer_ns, consumer_ns; /* client CPU a message */
};

struct calibration_spread {
	uint64_t p50_ns, p99_ns, max_ns;
};

struct calibration {
	char taken[32]; /* 2026-11-21T10:00:00Z */
	/* Without a client library (the driver `null`), and through librdkafka on the embedded broker. */
	struct calibration_ceiling bare[CALIBRATION_SIZES], library[CALIBRATION_SIZES];
	double recording_ns; /* one value into a histogram */
	/* due -> send at 1,000 msg/s, each message for itself; how late a sleep until an instant ends. */
	struct calibration_spread pacing, waking;
};

/* The path of the file; the caller frees.  NULL: there is no home. */
char *calibration_path(struct error *err);

/* Makes the folders that it needs. */
bool calibration_save(const struct calibration *c, const struct environment *e, struct error *err);
/* False: there is none for this machine and program. */
bool calibration_load(const struct environment *e, struct calibration *out);

/* The ceiling for messages of a size: time a message grows linearly between and beyond the two that
 * were measured. */
double calibration_per_s(const struct calibration_ceiling ceilings[CALIBRATION_SIZES],
                         uint64_t message_bytes);

/* The JSON, for the file and for tests. */
void calibration_format(const struct calibration *c, const struct environment *e, struct text *out);
/* False: it is not one, or of another machine or program. */
bool calibration_parse(const char *json, size_t len, const struct environment *e,
                       struct calibration *out);

#endif
