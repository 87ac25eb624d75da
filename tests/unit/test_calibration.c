/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "results/calibration.h"

static const struct environment here = {
	.version = "1.0",
	.commit = "c",
	.build = "b",
	.cpu_model = "a CPU",
	.cpus_allowed = 2,
};

static const struct calibration known = {
	.taken = "2026-11-21T10:00:00Z",
	.bare = { { 10e6, 100, 0 }, { 5e6, 200, 0 } },
	.library = { { 1e6, 900, 400 }, { 500e3, 2000, 700 } },
	.recording_ns = 2.5,
	.pacing = { 1, 2, 3 },
	.waking = { 4, 5, 6 },
};

static void what_was_found_comes_back_on_the_same_machine_only(void **state)
{
	struct calibration found;
	struct environment other;
	struct text text = { 0 };

	(void)state;
	calibration_format(&known, &here, &text);
	assert_true(calibration_parse(text.data, text.len, &here, &found));
	assert_string_equal(found.taken, known.taken);
	for (int i = 0; i < CALIBRATION_SIZES; i++) {
		assert_true(found.bare[i].per_s == known.bare[i].per_s);
		assert_true(found.library[i].per_s == known.library[i].per_s);
		assert_true(found.library[i].consumer_ns == known.library[i].consumer_ns);
	}
	assert_true(found.recording_ns == known.recording_ns);
	assert_int_equal(found.pacing.p99_ns, 2);
	assert_int_equal(found.waking.max_ns, 6);

	other = here;
	other.cpus_allowed = 4;
	assert_false(calibration_parse(text.data, text.len, &other, &found));
	other = here;
	other.version = "1.1";
	assert_false(calibration_parse(text.data, text.len, &other, &found));
	other = here;
	snprintf(other.cpu_model, sizeof(other.cpu_model), "another");
	assert_false(calibration_parse(text.data, text.len, &other, &found));
	for (size_t len = 0; len + 1 < text.len; len++)
		assert_false(calibration_parse(text.data, len, &here, &found));
	text_fini(&text);
}

static void time_a_message_grows_with_its_size(void **state)
{
	double between = calibration_per_s(known.library, 562); /* in the middle */

	(void)state;
	assert_true(calibration_per_s(known.library, 100) > 0.999e6);
	assert_true(calibration_per_s(known.library, 100) < 1.001e6);
	assert_true(calibration_per_s(known.library, 1024) > 499e3);
	assert_true(calibration_per_s(known.library, 1024) < 501e3);
	assert_true(between > 660e3 && between < 670e3); /* 1.5 us */
	assert_true(calibration_per_s(known.library, 10240) < 100e3);
	assert_true(calibration_per_s(known.library, 10) > 1e6);
	assert_true(calibration_per_s(known.library, 0) <= 2e6);
}

static void it_is_kept_below_the_state_folder(void **state)
{
	char folder[] = "/tmp/omb-test-calibration-XXXXXX";
	struct calibration found;
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(folder));
	setenv("XDG_STATE_HOME", folder, 1);
	assert_false(calibration_load(&here, &found));
	assert_true(calibration_save(&known, &here, &err));
	assert_true(calibration_load(&here, &found));
	char *path = calibration_path(&err);
	assert_non_null(strstr(path, "/omb/calibration.json"));
	remove(path);
	*strrchr(path, '/') = '\0';
	remove(path);
	remove(folder);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_found_comes_back_on_the_same_machine_only),
		cmocka_unit_test(time_a_message_grows_with_its_size),
		cmocka_unit_test(it_is_kept_below_the_state_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
