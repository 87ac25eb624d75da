/* SPDX-License-Identifier: Apache-2.0 */
#include "util/host_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/clock.h"

#define MS UINT64_C(1000000)

static struct timex synchronised(void)
{
	return (struct timex){
		.status = STA_PLL, .maxerror = 2500, .esterror = 120, .time = { 1700000000, 123456 }
	};
}

static void a_synchronised_host_says_by_how_much_it_may_be_wrong(void **state)
{
	(void)state;
	struct timex t = synchronised();
	struct host_clock c;
	struct error err;

	assert_true(host_clock_judge(&t, TIME_OK, 1000 * MS, 1000 * MS + 400, &c, &err));
	assert_int_equal(c.monotonic_ns, 1000 * MS + 200);
	assert_true(c.wall_ns == UINT64_C(1700000000123456000));
	assert_int_equal(c.likely_ns, 120000);
	/* Never less than the kernel's bound and half of what asking took. */
	assert_in_range(c.error_ns, 2500200, 2502000);

	t.status |= STA_NANO;
	assert_true(host_clock_judge(&t, TIME_INS, 1000 * MS, 1000 * MS, &c, &err));
	assert_true(c.wall_ns == UINT64_C(1700000000000123456));
}

static void one_that_is_not_is_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		int state, status;
		long maxerror;
		const char *want;
	} cases[] = {
		{ TIME_ERROR, 0, 100, "not synchronised: the kernel says so" },
		{ TIME_OK, STA_UNSYNC, 100, "not synchronised: the kernel says so" },
		{ TIME_OK, STA_CLOCKERR, 100, "not synchronised: the kernel says so" },
		{ TIME_OK, STA_PLL, 16000000, "may be wrong by 16000000 us" },
		{ TIME_OK, STA_PLL, -1, "may be wrong by -1 us" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct timex t = synchronised();
		struct host_clock c;
		struct error err = { 0 };
		t.status = cases[i].status;
		t.maxerror = cases[i].maxerror;
		assert_false(host_clock_judge(&t, cases[i].state, 5, 6, &c, &err));
		assert_int_equal(err.kind, ERROR_UNSUPPORTED);
		if (strstr(err.text, cases[i].want) == NULL)
			fail_msg("case %zu: %s", i, err.text);
	}
}

/* Whatever this host says, it is one of the two. */
static void this_host_is_read_or_refused(void **state)
{
	(void)state;
	struct host_clock c;
	struct error err = { 0 };
	uint64_t before_ns = clock_ns();

	if (host_clock_read(&c, &err)) {
		assert_in_range(c.monotonic_ns, before_ns, clock_ns());
		assert_true(c.error_ns > 0);
	} else {
		assert_int_equal(err.kind, ERROR_UNSUPPORTED);
		assert_non_null(strstr(err.text, "synchronised"));
	}
}

static void processes_of_a_host_read_one_clock(void **state)
{
	(void)state;
	char mine[HOST_CLOCK_NAME];

	host_clock_name(mine);
	assert_true(strlen(mine) > 30);
	pid_t child = fork();
	if (child == 0) {
		char its[HOST_CLOCK_NAME];
		host_clock_name(its);
		_exit(strcmp(mine, its) == 0 ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_synchronised_host_says_by_how_much_it_may_be_wrong),
		cmocka_unit_test(one_that_is_not_is_refused_by_name),
		cmocka_unit_test(this_host_is_read_or_refused),
		cmocka_unit_test(processes_of_a_host_read_one_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
