/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "facts/cgroup.h"
#include "util/file.h"

static void the_host_and_the_program_are_told(void **state)
{
	struct environment e;

	(void)state;
	environment_read(&e);
	assert_true(e.cpus_online >= 1);
	assert_true(e.cpus_allowed >= 1);
	assert_true(e.memory_bytes > 0);
	assert_true(e.kernel[0] != '\0');
	assert_true(e.version[0] != '\0');
	assert_true(e.commit[0] != '\0');
	assert_true(e.build[0] != '\0');
	assert_true(e.open_files_max > 0);
}

static void steal_is_a_share_of_all_cpu_time_in_between(void **state)
{
	struct host_usage older = { 0 }, newer = { 0 };

	(void)state;
	assert_true(host_usage_parse_stat("cpu  100 0 100 700 50 0 0 50 0 0\ncpu0 1 2\n", &older));
	assert_true(host_usage_parse_stat("cpu  150 0 150 750 50 0 0 100 0 0\ncpu0 1 2\n", &newer));
	assert_int_equal(older.ticks, 1000);
	assert_int_equal(older.idle_ticks, 750);
	assert_int_equal(newer.steal_ticks, 100);
	struct host_usage between = host_usage_diff(&newer, &older);
	assert_true(host_usage_steal_share(&between) == 0.25);
	assert_true(host_usage_busy_share(&between) == 0.5);
	/* Nothing is known of the one, and so of what was in between. */
	between = host_usage_diff(&older, &newer);
	assert_true(host_usage_steal_share(&between) == 0 && between.ticks == 0);
	assert_true(host_usage_busy_share(&between) == 0);
}

static void what_does_not_parse_changes_nothing(void **state)
{
	struct host_usage u = { .ticks = 7, .throttled_periods = 8 };

	(void)state;
	assert_false(host_usage_parse_stat("", &u));
	assert_false(host_usage_parse_stat("cpu 1 2 3", &u));
	assert_int_equal(u.ticks, 7);
	assert_int_equal(u.throttled_periods, 8);
}

/* --- control groups --------------------------------------------------------------------------------- */

struct tree {
	char root[64];
};

static void put(const struct tree *t, const char *path, const char *text)
{
	char name[512];
	struct error err = { 0 };

	(void)snprintf(name, sizeof(name), "%s%s", t->root, path);
	char *slash = strrchr(name, '/');
	*slash = '\0';
	assert_true(file_make_dirs(name, &err));
	*slash = '/';
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static struct tree plant(const char *mountinfo, const char *groups)
{
	struct tree t = { "/tmp/omb-cgroup-XXXXXX" };

	assert_non_null(mkdtemp(t.root));
	put(&t, "/proc/self/mountinfo", mountinfo);
	put(&t, "/proc/self/cgroup", groups);
	return t;
}

static struct cgroup_cpu look(struct tree *t)
{
	struct cgroup_cpu found;

	cgroup_read(t->root, &found);
	assert_int_equal(nftw(t->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	return found;
}

static void of_nested_groups_the_tightest_quota_holds_and_each_may_throttle(void **state)
{
	struct tree t = plant("25 30 0:22 / /sys rw - sysfs sysfs rw\n"
	                      "35 25 0:30 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n",
	                      "0::/a/b\n");

	(void)state;
	put(&t, "/sys/fs/cgroup/cpu.stat", "usage_usec 5\n"); /* the root has no quota */
	put(&t, "/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
	put(&t, "/sys/fs/cgroup/a/cpu.stat", "nr_periods 9\nnr_throttled 3\nthrottled_usec 20\n");
	put(&t, "/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	put(&t, "/sys/fs/cgroup/a/b/cpu.stat", "nr_throttled 4\nthrottled_usec 1\n");
	struct cgroup_cpu found = look(&t);
	assert_true(found.quota == 1.5);
	assert_int_equal(found.throttled_periods, 7);
	assert_int_equal(found.throttled_ns, 21000);
}

static void version_1_has_files_of_its_own(void **state)
{
	struct tree t =
		plant("36 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	              "37 25 0:32 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
	              "38 25 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
	              "5:cpuset:/x\n4:cpu,cpuacct:/a/b\n0::/c\n");

	(void)state;
	put(&t, "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
	put(&t, "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n");
	put(&t, "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
	put(&t, "/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "50000\n");
	put(&t, "/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
	put(&t, "/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.stat", "nr_throttled 2\nthrottled_time 77\n");
	struct cgroup_cpu found = look(&t);
	assert_true(found.quota == 0.5);
	assert_int_equal(found.throttled_periods, 2);
	assert_int_equal(found.throttled_ns, 77);
}

/* A container sees its own group as the root of the mount, and perhaps the name that it has outside. */
static void a_container_s_group_is_the_root_of_what_it_sees(void **state)
{
	struct tree t = plant("35 25 0:30 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
	                      "0::/docker/abc/inner\n");

	(void)state;
	put(&t, "/sys/fs/cgroup/cpu.max", "300000 100000\n");
	put(&t, "/sys/fs/cgroup/inner/cpu.stat", "nr_throttled 1\n");
	struct cgroup_cpu found = look(&t);
	assert_true(found.quota == 3);
	assert_int_equal(found.throttled_periods, 1);

	t = plant("35 25 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/../elsewhere\n");
	put(&t, "/sys/fs/cgroup/cpu.max", "100000 100000\n");
	assert_true(look(&t).quota == 1);
}

static struct cgroup_room room(struct tree *t)
{
	struct cgroup_room found;

	cgroup_room_read(t->root, &found);
	assert_int_equal(nftw(t->root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	return found;
}

static void of_nested_groups_the_one_with_the_least_room_counts(void **state)
{
	struct tree t = plant("35 25 0:30 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n",
	                      "0::/a/b\n");

	(void)state;
	put(&t, "/sys/fs/cgroup/a/pids.max", "100\n");
	put(&t, "/sys/fs/cgroup/a/pids.current", "60\n");
	put(&t, "/sys/fs/cgroup/a/b/pids.max", "50\n");
	put(&t, "/sys/fs/cgroup/a/b/pids.current", "5\n");
	put(&t, "/sys/fs/cgroup/a/memory.max", "max\n");
	put(&t, "/sys/fs/cgroup/a/memory.current", "999\n");
	put(&t, "/sys/fs/cgroup/a/b/memory.max", "1000\n");
	put(&t, "/sys/fs/cgroup/a/b/memory.current", "700\n");
	put(&t, "/sys/fs/cgroup/a/b/memory.stat", "anon 1\ninactive_file 200\nfile 500\n");
	struct cgroup_room found = room(&t);
	assert_int_equal(found.threads, 40);
	assert_int_equal(found.memory_bytes, 500);
}

static void room_of_version_1_is_in_mounts_of_its_own(void **state)
{
	struct tree t = plant("36 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	                      "37 25 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	                      "38 25 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n",
	                      "5:memory:/x\n4:pids:/y\n0::/c\n");

	(void)state;
	put(&t, "/sys/fs/cgroup/pids/y/pids.max", "10\n");
	put(&t, "/sys/fs/cgroup/pids/y/pids.current", "12\n");
	put(&t, "/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "4000\n");
	put(&t, "/sys/fs/cgroup/memory/x/memory.usage_in_bytes", "3000\n");
	put(&t, "/sys/fs/cgroup/memory/x/memory.stat", "inactive_file 1\ntotal_inactive_file 30\n");
	struct cgroup_room found = room(&t);
	assert_int_equal(found.threads, 0);
	assert_int_equal(found.memory_bytes, 1030);
}

static void what_is_hidden_is_not_known(void **state)
{
	struct tree t = plant("", "");
	struct cgroup_room left = room(&t);

	assert_true(left.threads == UINT64_MAX && left.memory_bytes == UINT64_MAX);
	t = plant("", "");
	struct cgroup_cpu found = look(&t);

	(void)state;
	assert_true(found.quota == 0 && found.throttled_periods == 0 && found.throttled_ns == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_host_and_the_program_are_told),
		cmocka_unit_test(steal_is_a_share_of_all_cpu_time_in_between),
		cmocka_unit_test(what_does_not_parse_changes_nothing),
		cmocka_unit_test(of_nested_groups_the_tightest_quota_holds_and_each_may_throttle),
		cmocka_unit_test(version_1_has_files_of_its_own),
		cmocka_unit_test(a_container_s_group_is_the_root_of_what_it_sees),
		cmocka_unit_test(of_nested_groups_the_one_with_the_least_room_counts),
		cmocka_unit_test(room_of_version_1_is_in_mounts_of_its_own),
		cmocka_unit_test(what_is_hidden_is_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
