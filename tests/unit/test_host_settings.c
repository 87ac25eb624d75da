/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/host_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/machine.h"
#include "config/workload.h"
#include "plan/plan.h"
#include "util/arena.h"
#include "util/file.h"

static const struct host_settings well_set = {
	.send_buffer_max = 16 << 20,
	.receive_buffer_max = 16 << 20,
	.tcp_send_buffer_max = 16 << 20,
	.tcp_receive_buffer_max = 16 << 20,
	.reuse_time_wait = 1,
	.overcommit = 0,
	.clock_source = "tsc",
	.governor = "performance",
	.huge_pages = "always",
	.huge_pages_defrag = "madvise",
};

static const struct host_settings unknown = {
	.send_buffer_max = UINT64_MAX,
	.receive_buffer_max = UINT64_MAX,
	.tcp_send_buffer_max = UINT64_MAX,
	.tcp_receive_buffer_max = UINT64_MAX,
	.reuse_time_wait = UINT64_MAX,
	.overcommit = UINT64_MAX,
};

/* A thousand connections that carry 100 MB/s each. */
static const struct host_need much = {
	.sockets = 1000,
	.local_ports = 1500,
	.cpus = 8,
	.send_bytes_per_s = 100e6,
	.receive_bytes_per_s = 100e6,
};

struct answer {
	struct arena arena;
	struct doubts doubts;
};

static struct answer ask(const struct host_need *need, const struct host_settings *host)
{
	struct answer a = { .arena = { 0 } };

	a.doubts = host_doubts(need, host, &a.arena);
	return a;
}

static void a_host_that_is_set_well_or_says_nothing_is_not_doubted(void **state)
{
	(void)state;
	struct answer a = ask(&much, &well_set);
	assert_int_equal(a.doubts.count, 0);
	arena_fini(&a.arena);
	a = ask(&much, &unknown);
	assert_int_equal(a.doubts.count, 0);
	arena_fini(&a.arena);
}

/* Each setting alone, with its reason and the command. */
static const struct {
	struct host_settings host;
	struct host_need need; /* besides `much` */
	const char *text, *remedy;
} cases[] = {
	{ .host = { .send_buffer_max = 212992 },
	  .need = { .send_buffer = 1000000 },
	  "clients ask for send buffers of 1MB and get 208KiB: the kernel cuts them without "
	  "a word (net.core.wmem_max)",
	  "sudo sysctl net.core.wmem_max=1000000" },
	{ .host = { .receive_buffer_max = 212992 },
	  .need = { .receive_buffer = 1000000 },
	  "clients ask for receive buffers of 1MB and get 208KiB",
	  "sudo sysctl net.core.rmem_max=1000000" },
	{ .host = { .tcp_send_buffer_max = 131072 },
	  .text = "with a send buffer of 131kB one connection carries its 100MB/s only up "
	          "to a round trip of 1.31ms (net.ipv4.tcp_wmem)",
	  .remedy = "sudo sysctl net.ipv4.tcp_wmem='4096 131072 16777216'" },
	{ .host = { .tcp_receive_buffer_max = 131072 },
	  .text = "with a receive buffer of 131kB one connection carries its 100MB/s only "
	          "up to a round trip of 1.31ms (net.ipv4.tcp_rmem)",
	  .remedy = "sudo sysctl net.ipv4.tcp_rmem=" },
	{ .need = { .send_buffer = 65536 },
	  .text = "with a send buffer of 65.5kB one connection carries its 100MB/s only up "
	          "to a round trip of 655us",
	  .remedy = "none in the driver file" },
	{ .host = { .reuse_time_wait = 3 }, /* as 0, which stands for `well_set` here */
	  .text = "some 1000 connections take more than half of 1500 local ports",
	  .remedy = "sysctl net.ipv4.tcp_tw_reuse=1" },
	{ .host = { .reuse_time_wait = 2 },
	  .text = "a second run right after a first finds too few",
	  .remedy = "sysctl net.ipv4.tcp_tw_reuse=1" },
	{ .host = { .clock_source = "hpet" },
	  .text = "clock source hpet: reading the clock takes a system call",
	  .remedy = "current_clocksource" },
	{ .host = { .governor = "powersave" },
	  .text = "CPU governor powersave",
	  .remedy = "echo performance | sudo tee" },
	{ .host = { .cpu_quota = 1.5 },
	  .text = "a quota of 1.5 CPUs of 8",
	  .remedy = "AllowedCPUs=" },
	{ .host = { .huge_pages_defrag = "always" },
	  .text = "transparent huge pages",
	  .remedy = "transparent_hugepage/defrag" },
	{ .host = { .overcommit = 2 },
	  .text = "vm.overcommit_memory is 2",
	  .remedy = "sudo sysctl vm.overcommit_memory=0" },
};

static void each_setting_that_is_wrong_is_told_with_its_command(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct host_settings *c = &cases[i].host;
		struct host_settings host = well_set;
		struct host_need need = much;

#define TAKE(to, from, member) ((to).member = (from)->member != 0 ? (from)->member : (to).member)
		TAKE(host, c, send_buffer_max);
		TAKE(host, c, receive_buffer_max);
		TAKE(host, c, tcp_send_buffer_max);
		TAKE(host, c, tcp_receive_buffer_max);
		TAKE(host, c, reuse_time_wait);
		TAKE(host, c, overcommit);
		TAKE(host, c, cpu_quota);
		TAKE(need, &cases[i].need, send_buffer);
		TAKE(need, &cases[i].need, receive_buffer);
#undef TAKE
		if (c->clock_source[0] != '\0')
			memcpy(host.clock_source, c->clock_source, sizeof(host.clock_source));
		if (c->governor[0] != '\0')
			memcpy(host.governor, c->governor, sizeof(host.governor));
		if (c->huge_pages_defrag[0] != '\0')
			memcpy(host.huge_pages_defrag, c->huge_pages_defrag,
			       sizeof(host.huge_pages_defrag));
		struct answer a = ask(&need, &host);
		if (a.doubts.count == 0 || strstr(a.doubts.items[0].text, cases[i].text) == NULL ||
		    strstr(a.doubts.items[0].remedy, cases[i].remedy) == NULL)
			fail_msg("\"%s\": %zu doubts, first: %s; %s", cases[i].text, a.doubts.count,
			         a.doubts.count ? a.doubts.items[0].text : "none",
			         a.doubts.count ? a.doubts.items[0].remedy : "");
		assert_int_equal(a.doubts.count, 1);
		arena_fini(&a.arena);
	}
}

static void only_what_a_plan_asks_of_a_host_is_doubted(void **state)
{
	struct host_settings host = well_set;
	struct host_need need = much;

	(void)state;
	host.reuse_time_wait = 0;
	host.tcp_send_buffer_max = host.tcp_receive_buffer_max = 131072;
	need.local_ports = 2000;
	need.send_bytes_per_s = need.receive_bytes_per_s = 1e6;
	struct answer a = ask(&need, &host);
	assert_int_equal(a.doubts.count, 0);
	arena_fini(&a.arena);

	/* To a broker on this host there is no way to speak of, and its ports are used again. */
	need = much;
	need.is_local = true;
	host.reuse_time_wait = 2;
	a = ask(&need, &host);
	assert_int_equal(a.doubts.count, 0);
	arena_fini(&a.arena);

	/* More connections than ports: that is a warning of its own (resources.h). */
	need = much;
	need.local_ports = 900;
	need.send_bytes_per_s = need.receive_bytes_per_s = 0;
	host.reuse_time_wait = 0;
	a = ask(&need, &host);
	assert_int_equal(a.doubts.count, 0);
	arena_fini(&a.arena);
}

static struct host_need need_of(const struct workload *w, const struct host_driver *driver)
{
	const struct plan_host here = { .cpus = 4 };
	const struct resources need = { .sockets = w->producers_per_topic };
	const struct resource_limits limits = { .local_ports = 28232, .cpus = 4 };
	struct arena arena = { 0 };
	struct error err;
	struct plan plan;

	assert_true(plan_make(&plan, w, &here, &arena, &err));
	struct host_need out = host_need_of(&plan, &need, driver, &limits);
	arena_fini(&arena);
	return out;
}

static void of_several_plans_each_number_is_that_of_the_most(void **state)
{
	struct workload w = {
		.topics = 1,
		.partitions_per_topic = 4,
		.producers_per_topic = 10,
		.subscriptions_per_topic = 2,
		.consumers_per_subscription = 4,
		.rate_mode = RATE_FIXED,
		.rate_per_s = 100000,
		.message_size = 1000,
		.test_ns = 60000000000,
		.sample_ns = 10000000000,
		.agents = AGENTS_PER_CLIENT,
		.threads_per_agent = 1,
		.backlog_drain_ratio = 1,
	};
	const struct host_driver far = { .send_buffer = 1000, .receive_buffer = 2000 };
	const struct host_driver near = { .send_buffer = 3000, .is_local = true };
	struct host_need all = { 0 };

	(void)state;
	struct host_need one = need_of(&w, &near);
	assert_true(one.send_bytes_per_s == 10e6);    /* a tenth of 100 MB/s */
	assert_true(one.receive_bytes_per_s == 25e6); /* a quarter of it */
	host_need_join(&all, &one);
	assert_true(all.is_local && all.sockets == 10 && all.cpus == 4);
	w.producers_per_topic = 20;
	one = need_of(&w, &far);
	host_need_join(&all, &one);
	assert_false(all.is_local);
	assert_int_equal(all.sockets, 20);
	assert_int_equal(all.local_ports, 28232);
	assert_int_equal(all.send_buffer, 3000);
	assert_int_equal(all.receive_buffer, 2000);
	assert_true(all.send_bytes_per_s == 10e6 && all.receive_bytes_per_s == 25e6);
}

/* --- as the host says it ------------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void settings_are_read_as_the_kernel_writes_them(void **state)
{
	static const char *const files[][2] = {
		{ "/proc/sys/net/core/wmem_max", "212992\n" },
		{ "/proc/sys/net/core/rmem_max", "212993\n" },
		{ "/proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n" },
		{ "/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n" },
		{ "/proc/sys/net/ipv4/tcp_tw_reuse", "2\n" },
		{ "/proc/sys/vm/overcommit_memory", "1\n" },
		{ "/proc/self/mountinfo", "35 25 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" },
		{ "/proc/self/cgroup", "0::/a\n" },
		{ "/sys/fs/cgroup/a/cpu.max", "150000 100000\n" },
		{ "/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n" },
		{ "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n" },
		{ "/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n" },
		{ "/sys/kernel/mm/transparent_hugepage/defrag",
		  "always defer defer+madvise [madvise] never\n" },
	};
	char root[] = "/tmp/omb-host-XXXXXX", name[256];
	struct host_settings found;
	struct error err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", root, files[i][0]);
		char *slash = strrchr(name, '/');
		*slash = '\0';
		assert_true(file_make_dirs(name, &err));
		*slash = '/';
		FILE *f = fopen(name, "w");
		assert_non_null(f);
		(void)fputs(files[i][1], f);
		assert_int_equal(fclose(f), 0);
	}
	machine_settings_read(root, &found);
	assert_int_equal(found.send_buffer_max, 212992);
	assert_int_equal(found.receive_buffer_max, 212993);
	assert_int_equal(found.tcp_send_buffer_max, 4194304);
	assert_int_equal(found.tcp_receive_buffer_max, 6291456);
	assert_int_equal(found.reuse_time_wait, 2);
	assert_int_equal(found.overcommit, 1);
	assert_true(found.cpu_quota == 1.5);
	assert_string_equal(found.clock_source, "hpet");
	assert_string_equal(found.governor, "powersave");
	assert_string_equal(found.huge_pages, "always");
	assert_string_equal(found.huge_pages_defrag, "madvise");
	assert_int_equal(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);

	/* Nothing is there: nothing is known, and nothing doubted. */
	machine_settings_read(root, &found);
	struct answer a = ask(&much, &found);
	assert_int_equal(a.doubts.count, 0);
	assert_int_equal(found.tcp_send_buffer_max, UINT64_MAX);
	arena_fini(&a.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_is_set_well_or_says_nothing_is_not_doubted),
		cmocka_unit_test(each_setting_that_is_wrong_is_told_with_its_command),
		cmocka_unit_test(only_what_a_plan_asks_of_a_host_is_doubted),
		cmocka_unit_test(of_several_plans_each_number_is_that_of_the_most),
		cmocka_unit_test(settings_are_read_as_the_kernel_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
