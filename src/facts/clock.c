/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/clock.h"

#include <inttypes.h>
#include <jansson.h>

#include "util/fields.h"

const char *const fact_clock_sources[CLOCK_SOURCES] = {
	[CLOCK_BY_PROBES] = "probes",
	[CLOCK_BY_SYSTEM] = "system",
};

/* Offsets and steps have a sign, which no kind of field has. */
static bool write_signed(int64_t value, struct fields_out *out)
{
	text_addf(out->text, "%" PRId64, value);
	return true;
}

static bool read_signed(const json_t *value, const char *name, int64_t *to, struct fields_in *in)
{
	if (value == NULL)
		return true;
	if (!json_is_integer(value))
		return error_set(in->err, ERROR_CONFIG, "%s is no whole number", name);
	*to = json_integer_value(value);
	return true;
}

static bool write_offset(const void *from, struct fields_out *out)
{
	return write_signed(((const struct fact_clock *)from)->offset_ns, out);
}

static bool read_offset(const json_t *value, void *to, struct fields_in *in)
{
	return read_signed(value, "offsetNs", &((struct fact_clock *)to)->offset_ns, in);
}

static bool write_step(const void *from, struct fields_out *out)
{
	return write_signed(((const struct fact_clock *)from)->step_most_ns, out);
}

static bool read_step(const json_t *value, void *to, struct fields_in *in)
{
	return read_signed(value, "stepMostNs", &((struct fact_clock *)to)->step_most_ns, in);
}

static const struct field_custom offset = { write_offset, read_offset };
static const struct field_custom step = { write_step, read_step };

static const struct field clock_items[] = {
	FIELD(struct fact_clock, is_known, "known", FIELD_BOOL),
	FIELD(struct fact_clock, source, "source", FIELD_NAME, .names = fact_clock_sources,
	      .names_count = CLOCK_SOURCES),
	FIELD(struct fact_clock, offset_ns, "offsetNs", FIELD_CUSTOM, .custom = &offset),
	FIELD(struct fact_clock, drift_ppm, "driftPpm", FIELD_REAL),
	FIELD(struct fact_clock, error_ns, "errorNs", FIELD_LIMIT),
	FIELD(struct fact_clock, probes, "probes", FIELD_COUNT),
	FIELD(struct fact_clock, lost, "lost", FIELD_COUNT),
	FIELD(struct fact_clock, round_trip_min_ns, "roundTripMinNs", FIELD_COUNT),
	FIELD(struct fact_clock, steps, "steps", FIELD_COUNT),
	FIELD(struct fact_clock, bends, "bends", FIELD_COUNT),
	FIELD(struct fact_clock, step_most_ns, "stepMostNs", FIELD_CUSTOM, .custom = &step),
};
const struct fields fact_clock_fields = FIELDS(struct fact_clock, clock_items);

static const struct field clocks_items[] = {
	FIELD(struct fact_clocks, count, "count", FIELD_UINT),
	FIELD(struct fact_clocks, is_known, "known", FIELD_BOOL),
	FIELD(struct fact_clocks, error_ns, "errorNs", FIELD_LIMIT),
	FIELD(struct fact_clocks, steps, "steps", FIELD_COUNT),
};
const struct fields fact_clocks_fields = FIELDS(struct fact_clocks, clocks_items);
