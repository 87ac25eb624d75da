/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/program_notes.h"

#include <stddef.h>

const struct program_note program_exit_codes[] = {
	{ "0", "ran, and the result is valid" },
	{ "1",
	  "failed: the broker, the system, a limit of time, or output that cannot be written; what "
	  "was measured until then is in .json.partial" },
	{ "2", "wrong usage or configuration; nothing was started" },
	{ "3", "ran, but the result is INVALID: the harness was the limit, messages or agents were "
	       "lost" },
	{ "130", "interrupted by SIGINT, SIGTERM or SIGHUP" },
	{ NULL, NULL },
};

const struct program_note program_environment[] = {
	{ "PUBLISH_BACKLOG_LIMIT",
	  "of the search at producerRate 0: messages that publishing may fall "
	  "short in a second; 1.5 % of what is due if not given" },
	{ "RECEIVE_BACKLOG_LIMIT", "the same for receiving, over all subscriptions" },
	{ "MIN_RAMPING_FACTOR",
	  "the search ends when the gap between a rate that is sustained and one "
	  "that is not is this part of it, or 4 %" },
	{ "MAX_RAMPING_FACTOR", "how much the search raises the rate in a step: 1 doubles it" },
	{ "XDG_STATE_HOME", "where runs that have not ended are listed, below omb/runs, and the "
	                    "calibration is kept; "
	                    "~/.local/state if not given" },
	{ NULL, NULL },
};
