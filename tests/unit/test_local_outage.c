/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

static struct outage outage_of(const struct silence_found *all, size_t count)
{
	static const char *const topics[] = { "a", "b", "c", "d", "e" };
	struct outage o = { 0 };

	for (unsigned i = 0; i < count; i++) {
		const struct outage whose = { .topic = topics[i], .agent = i };
		outage_take(&o, &all[i], &whose);
	}
	for (size_t i = 0; i < count; i++)
		outage_count(&o, &all[i]);
	return o;
}

static void the_longest_of_all_clients_is_told_and_who_had_it_too(void **state)
{
	static const struct silence_found all[] = {
		{ 10 * S, 12 * S, 0, false },                               /* before it */
		{ 12 * S, 18 * S, 1, false }, { 13 * S, 20 * S, 2, true },  /* this one */
		{ 19 * S, 25 * S, 3, false }, { 20 * S, 22 * S, 4, false }, /* after it */
	};

	(void)state;
	struct outage o = outage_of(all, 5);
	assert_string_equal(o.topic, "c");
	assert_int_equal(o.agent, 2);
	assert_int_equal(o.longest.from_ns, 13 * S);
	assert_int_equal(o.longest.until_ns, 20 * S);
	assert_int_equal(o.longest.partition, 2);
	assert_true(o.longest.is_open);
	assert_int_equal(o.clients, 3);
}

static void a_silence_is_told_when_it_is_long_against_what_is_ordinary(void **state)
{
	static const struct silence_found all[] = { { 10 * S, 25 * S, 0, false } };
	struct outage none = { 0 };

	(void)state;
	struct outage o = outage_of(all, 1);
	assert_true(outage_is_told(&o, 0));
	assert_true(outage_is_told(&o, 1 * S));
	assert_false(outage_is_told(&o, 1 * S + 1));
	assert_false(outage_is_told(&none, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_of_all_clients_is_told_and_who_had_it_too),
		cmocka_unit_test(a_silence_is_told_when_it_is_long_against_what_is_ordinary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
