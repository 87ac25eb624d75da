/* SPDX-License-Identifier: Apache-2.0 */
/* Every driver of this build is whole, and is found by what a driver file may call it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/option_spec.h"
#include "driver/registry.h"

static bool is_text(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static void every_driver_has_the_hooks_that_are_not_optional(void **state)
{
	(void)state;
	for (size_t i = 0; drivers[i] != NULL; i++) {
		const struct driver *d = drivers[i];
		assert_true(is_text(d->name) && is_text(d->summary) && is_text(d->caveats));
		assert_true(d->instance_size > 0 && d->producer_size > 0 && d->consumer_size > 0);
		assert_true(d->describe != NULL && d->traits != NULL);
		assert_true(d->open != NULL && d->close != NULL);
		assert_true(d->producer_open != NULL && d->producer_close != NULL);
		assert_true(d->send != NULL && d->producer_serve != NULL);
		assert_true(d->consumer_open != NULL && d->consumer_close != NULL);
		assert_true(d->consumer_serve != NULL);
		if (d->admin != NULL) {
			assert_true(d->admin->create_topics != NULL);
			assert_true(d->admin->delete_topics != NULL);
			assert_true(d->admin->list != NULL);
		}
		if (d->broker != NULL)
			assert_true(d->broker->is_wanted != NULL && d->broker->run != NULL);
	}
}

static void every_key_of_a_driver_file_is_explained(void **state)
{
	(void)state;
	for (size_t i = 0; drivers[i] != NULL; i++)
		for (const struct option_spec *o = drivers[i]->options; o->name != NULL; o++)
			assert_true(is_text(o->help));
}

static void a_driver_is_found_by_its_name_and_by_its_classes(void **state)
{
	struct error err;

	(void)state;
	for (size_t i = 0; drivers[i] != NULL; i++) {
		assert_ptr_equal(driver_by_name(drivers[i]->name, &err), drivers[i]);
		for (const char *const *c = drivers[i]->classes; *c != NULL; c++)
			assert_ptr_equal(driver_by_class(*c, &err), drivers[i]);
	}
}

static void one_that_is_not_there_is_told_with_those_that_are(void **state)
{
	struct error err;

	(void)state;
	assert_null(driver_by_name("nul", &err));
	assert_non_null(strstr(err.text, "no driver \"nul\" in this build; it has: "));
	for (size_t i = 0; drivers[i] != NULL; i++)
		assert_non_null(strstr(err.text, drivers[i]->name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_driver_has_the_hooks_that_are_not_optional),
		cmocka_unit_test(every_key_of_a_driver_file_is_explained),
		cmocka_unit_test(a_driver_is_found_by_its_name_and_by_its_classes),
		cmocka_unit_test(one_that_is_not_there_is_told_with_those_that_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
