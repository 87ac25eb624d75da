/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/foreground.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "util/signals.h"

#define PATIENCE_NS UINT64_C(1000000000)

int foreground_open_signals(struct error *err)
{
	sigset_t set;

	signals_of_the_end(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		error_set_errno(err, errno, "signalfd");
	return fd;
}

void foreground_say(struct outlet *o, const char *fmt, ...)
{
	struct text line = { 0 };
	va_list ap;

	va_start(ap, fmt);
	text_vaddf(&line, fmt, ap);
	va_end(ap);
	text_add(&line, "\n");
	outlet_put_within(o, text_str(&line), line.len, PATIENCE_NS);
	text_fini(&line);
}

void foreground_notice(struct outlet *o, const char *text)
{
	struct text line = { 0 };

	text_addf(&line, "%s\n", text);
	outlet_put(o, text_str(&line), line.len);
	text_fini(&line);
}

bool foreground_end(struct outlet *o, bool ok, struct error *err)
{
	uint64_t untold = outlet_close(o, 0);

	if (!ok || untold == 0)
		return ok;
	return error_set(err, ERROR_SYSTEM,
	                 "standard output: nobody reads it, and %" PRIu64 " line%s not written",
	                 untold, untold == 1 ? " was" : "s were");
}

unsigned foreground_signals(int fd)
{
	struct signalfd_siginfo info;
	unsigned count = 0;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		count++;
	return count;
}
