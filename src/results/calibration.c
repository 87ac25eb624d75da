/* SPDX-License-Identifier: Apache-2.0 */
#include "results/calibration.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results/state_folder.h"
#include "util/file.h"
#include "util/xalloc.h"

#define FORMAT   "omb-calibration"
#define FILE_MAX ((size_t)64 * 1024)

const uint32_t calibration_sizes[CALIBRATION_SIZES] = { 100, 1024 };

/* --- writing -------------------------------------------------------------------------------------- */

static json_t *ceilings_json(const struct calibration_ceiling *ceilings)
{
	json_t *list = json_array();

	for (int i = 0; i < CALIBRATION_SIZES; i++)
		(void)json_array_append_new(
			list, json_pack("{s:I, s:f, s:f, s:f}", "messageSize",
		                        (json_int_t)calibration_sizes[i], "messagesPerSecond",
		                        ceilings[i].per_s, "producerNsPerMessage",
		                        ceilings[i].producer_ns, "consumerNsPerMessage",
		                        ceilings[i].consumer_ns));
	return list;
}

static json_t *spread_json(const struct calibration_spread *s)
{
	return json_pack("{s:I, s:I, s:I}", "p50Ns", (json_int_t)s->p50_ns, "p99Ns",
	                 (json_int_t)s->p99_ns, "maxNs", (json_int_t)s->max_ns);
}

void calibration_format(const struct calibration *c, const struct environment *e, struct text *out)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:o, s:o, s:f, s:o, s:o}",
	                      "format", FORMAT, "taken", c->taken, "omb", e->version, "commit",
	                      e->commit, "cpu", e->cpu_model, "cpus", (int)e->cpus_allowed,
	                      "kernel", e->kernel, "bare", ceilings_json(c->bare), "library",
	                      ceilings_json(c->library), "recordingNs", c->recording_ns, "pacing",
	                      spread_json(&c->pacing), "waking", spread_json(&c->waking));
	char *text = json_dumps(o, JSON_INDENT(1));

	text_add(out, text);
	text_add(out, "\n");
	free(text);
	json_decref(o);
}

char *calibration_path(struct error *err)
{
	char *folder = state_folder(err);
	char *path = folder != NULL ? xasprintf("%s/calibration.json", folder) : NULL;

	free(folder);
	return path;
}

bool calibration_save(const struct calibration *c, const struct environment *e, struct error *err)
{
	char *folder = state_folder(err);
	char *path = calibration_path(err);
	struct text text = { 0 };

	calibration_format(c, e, &text);
	bool ok = folder != NULL && path != NULL && file_make_dirs(folder, err) &&
	          file_write_atomic(path, text.data, text.len, err);
	text_fini(&text);
	free(path);
	free(folder);
	return ok || error_wrap(err, "keeping the calibration");
}

/* --- reading -------------------------------------------------------------------------------------- */

static bool is_text(const json_t *o, const char *key, const char *wanted)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL && strcmp(text, wanted) == 0;
}

static bool read_ceilings(const json_t *list, struct calibration_ceiling *out)
{
	if (json_array_size(list) != CALIBRATION_SIZES)
		return false;
	for (size_t i = 0; i < CALIBRATION_SIZES; i++) {
		const json_t *o = json_array_get(list, i);
		json_int_t size = json_integer_value(json_object_get(o, "messageSize"));
		out[i].per_s = json_number_value(json_object_get(o, "messagesPerSecond"));
		out[i].producer_ns = json_number_value(json_object_get(o, "producerNsPerMessage"));
		out[i].consumer_ns = json_number_value(json_object_get(o, "consumerNsPerMessage"));
		if (size != calibration_sizes[i] || !(out[i].per_s > 0))
			return false;
	}
	return true;
}

static void read_spread(const json_t *o, struct calibration_spread *out)
{
	out->p50_ns = (uint64_t)json_integer_value(json_object_get(o, "p50Ns"));
	out->p99_ns = (uint64_t)json_integer_value(json_object_get(o, "p99Ns"));
	out->max_ns = (uint64_t)json_integer_value(json_object_get(o, "maxNs"));
}

bool calibration_parse(const char *json, size_t len, const struct environment *e,
                       struct calibration *out)
{
	json_t *o = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	json_int_t cpus = json_integer_value(json_object_get(o, "cpus"));
	bool ok = is_text(o, "format", FORMAT) && is_text(o, "omb", e->version) &&
	          is_text(o, "cpu", e->cpu_model) && cpus == (json_int_t)e->cpus_allowed;

	*out = (struct calibration){ 0 };
	ok = ok && read_ceilings(json_object_get(o, "bare"), out->bare) &&
	     read_ceilings(json_object_get(o, "library"), out->library);
	if (ok) {
		const char *taken = json_string_value(json_object_get(o, "taken"));
		snprintf(out->taken, sizeof(out->taken), "%s", taken != NULL ? taken : "");
		out->recording_ns = json_number_value(json_object_get(o, "recordingNs"));
		read_spread(json_object_get(o, "pacing"), &out->pacing);
		read_spread(json_object_get(o, "waking"), &out->waking);
	}
	json_decref(o);
	return ok;
}

bool calibration_load(const struct environment *e, struct calibration *out)
{
	struct error err;
	size_t len = 0;
	char *path = calibration_path(&err);
	char *text = path != NULL ? file_read(path, FILE_MAX, &len, &err) : NULL;
	bool ok = text != NULL && calibration_parse(text, len, e, out);

	free(text);
	free(path);
	return ok;
}

double calibration_per_s(const struct calibration_ceiling ceilings[CALIBRATION_SIZES],
                         uint64_t message_bytes)
{
	double small = 1 / ceilings[0].per_s, large = 1 / ceilings[1].per_s;
	double slope = (large - small) / (calibration_sizes[1] - calibration_sizes[0]);
	double time = small + slope * ((double)message_bytes - calibration_sizes[0]);

	/* Noise may have the larger message cost less: never less than either is believed. */
	double least = small < large ? small : large;
	return 1 / (time > least / 2 ? time : least / 2);
}
