/* SPDX-License-Identifier: Apache-2.0 */
#include "util/host_clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "util/clock.h"

/* As NTP has it: beyond, a clock counts as not synchronised whatever its status says. */
#define ERROR_MOST_US 16000000

static uint64_t wall_of(const struct timex *t)
{
	uint64_t part_ns = (uint64_t)t->time.tv_usec * ((t->status & STA_NANO) != 0 ? 1 : 1000);

	return (uint64_t)t->time.tv_sec * 1000000000u + part_ns;
}

bool host_clock_judge(const struct timex *t, int state, uint64_t before_ns, uint64_t after_ns,
                      struct host_clock *out, struct error *err)
{
	if (state == TIME_ERROR || (t->status & (STA_UNSYNC | STA_CLOCKERR)) != 0)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "the clock of this host is not synchronised: the kernel says so "
		                 "(adjtimex: status 0x%x); a time daemon (chrony, ntpd, "
		                 "systemd-timesyncd) has to run",
		                 (unsigned)t->status);
	if (t->maxerror < 0 || t->maxerror >= ERROR_MOST_US)
		return error_set(
			err, ERROR_UNSUPPORTED,
			"the clock of this host is not synchronised: it may be wrong by %ld "
			"us (adjtimex: maxerror)",
			(long)t->maxerror);
	uint64_t took_ns = after_ns - before_ns;
	*out = (struct host_clock){
		.monotonic_ns = before_ns + took_ns / 2,
		.wall_ns = wall_of(t),
		.error_ns = (uint64_t)t->maxerror * 1000 + took_ns / 2 + 1000,
		.likely_ns = t->esterror > 0 ? (uint64_t)t->esterror * 1000 : 0,
	};
	return true;
}

bool host_clock_read(struct host_clock *out, struct error *err)
{
	struct timex t = { .modes = 0 };
	uint64_t before_ns = clock_ns();
	int state = adjtimex(&t);
	int os_errno = errno;
	uint64_t after_ns = clock_ns();

	if (state < 0)
		return error_set(err, ERROR_UNSUPPORTED,
		                 "how well this host is synchronised cannot be asked: adjtimex: %s",
		                 strerror(os_errno));
	return host_clock_judge(&t, state, before_ns, after_ns, out, err);
}

static bool read_boot(char *out, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f == NULL)
		return false;
	bool ok = fgets(out, (int)size, f) != NULL;
	(void)fclose(f);
	out[strcspn(out, "\n")] = '\0';
	return ok && out[0] != '\0';
}

void host_clock_name(char out[HOST_CLOCK_NAME])
{
	char boot[48] = "", space[40] = "";

	out[0] = '\0';
	if (!read_boot(boot, sizeof(boot)))
		return;
	/* A kernel without time namespaces has one clock. */
	ssize_t len = readlink("/proc/self/ns/time", space, sizeof(space) - 1);
	space[len > 0 ? len : 0] = '\0';
	(void)snprintf(out, HOST_CLOCK_NAME, "%s %s", boot, space);
}
