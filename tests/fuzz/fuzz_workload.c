/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come as a workload or driver file, reading ends with errors or with a workload
 * that is within its ranges and that loads again from its own description.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "config/driver_file.h"
#include "config/workload.h"
#include "util/arena.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct lists {
	struct error_list errors, warnings;
};

static void lists_fini(struct lists *l)
{
	error_list_fini(&l->errors);
	error_list_fini(&l->warnings);
}

/* Without the texts: they may hold anything, and quoting them is not what is tried here. */
static void add_line(void *to, const char *key, const char *value)
{
	bool is_text = strcmp(key, "name") == 0 || strcmp(key, "payloadFile") == 0;

	if (!is_text)
		text_addf(to, "%s: %s\n", key, value);
}

static void check_described(const struct workload *w, struct arena *a)
{
	static const struct config_mode strict;
	struct text again = { 0 };
	struct lists l = { 0 };
	struct workload second;

	text_add(&again, w->payload_path ? "payloadFile: x\n" : "");
	workload_describe(w, add_line, &again);

	struct config_source source = { "again.yaml", text_str(&again), again.len };
	bool ok = workload_parse(&source, &strict, a, &second, &l.errors, &l.warnings);
	assert(ok);
	assert(second.topics == w->topics && second.test_ns == w->test_ns);
	assert(second.rate_per_s == w->rate_per_s && second.rate_mode == w->rate_mode);
	text_fini(&again);
	lists_fini(&l);
}

static void read_workload(const uint8_t *data, size_t len, bool lenient, struct arena *a)
{
	struct config_mode mode = { .lenient = lenient };
	struct config_source source = { "fuzz.yaml", (const char *)data, len };
	struct lists l = { 0 };
	struct workload w;

	if (workload_parse(&source, &mode, a, &w, &l.errors, &l.warnings)) {
		assert(w.name != NULL && w.max_in_flight > 0 && w.partitions_per_topic > 0);
		assert(lenient || (w.topics > 0 && w.test_ns > 0));
		if (!lenient)
			check_described(&w, a);
	} else {
		assert(l.errors.count > 0);
	}
	lists_fini(&l);
}

static void read_driver(const uint8_t *data, size_t len, struct arena *a)
{
	static const struct option_spec table[] = {
		{ .name = "commonConfig", .type = OPTION_BLOCK, .help = "of all clients" },
		{ 0 },
	};
	struct config_mode mode = { .lenient = true };
	struct driver_file file = { .path = "fuzz.yaml", .arena = a, .mode = &mode };
	struct option_block block = { 0 };
	struct lists l = { 0 };

	if (driver_file_parse((const char *)data, len, &file, &l.errors, &l.warnings)) {
		assert(file.name != NULL && (file.driver != NULL || file.driver_class != NULL));
		driver_file_options(&file, table, &block, &l.errors, &l.warnings);
	}
	lists_fini(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct arena a = { 0 };

	read_workload(data, len, false, &a);
	read_workload(data, len, true, &a);
	read_driver(data, len, &a);
	arena_fini(&a);
	return 0;
}
