/* SPDX-License-Identifier: Apache-2.0 */
#include "util/signals.h"

#include <stdbool.h>
#include <stddef.h>

void signals_ignore_lost_output(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

static bool is_ignored(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void signals_of_the_end(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	/* A signal that is blocked is queued and read even if it is ignored: it must not be asked for. */
	if (!is_ignored(SIGHUP))
		sigaddset(set, SIGHUP);
}
