/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_WORKERS_SOURCE_H
#define OMB_CMD_WORKERS_SOURCE_H

/*
 * workers_source -- which workers a command line names: -w, -wf, or the file that OMB would read.
 */

#include <stdbool.h>

#include "cmd/command.h"
#include "cmd/token.h"
#include "config/override.h"
#include "config/workers_file.h"
#include "facts/clock.h"
#include "plan/shares.h"
#include "util/error.h"

struct args;
struct plan;
struct text;

/* Shared by the commands that know of workers. */
#define WORKERS_FLAG_LIST                                                                         \
	{                                                                                         \
		"workers", "w", FLAG_LIST, "URL,...", "workers on other hosts that make the load" \
	}
#define WORKERS_FLAG_FILE                                                                      \
	{                                                                                      \
		"workers-file", "wf", FLAG_VALUE, "FILE",                                      \
			"a file that lists them; workers.yaml in the current folder if there " \
			"is one"                                                               \
	}

#define WORKERS_FLAG_EXTRA                                                                 \
	{                                                                                  \
		"extra", "x", FLAG_SWITCH, NULL,                                           \
			"fewer of the workers produce and more consume, as OMB has it: a " \
			"third instead of a half"                                          \
	}

#define WORKERS_FLAG_TOKEN TOKEN_FLAG("what workers with --token-file want to be shown")

#define WORKERS_FLAG_CLOCK                                                                \
	{                                                                                 \
		"clock", NULL, FLAG_VALUE, "probes|system",                               \
			"how the clocks of workers are compared: they are asked, or all " \
			"hosts follow the time of day (NTP, PTP) and say how well"        \
	}

#define WORKERS_FLAG_ROLES                                                                     \
	{                                                                                      \
		"roles", NULL, FLAG_VALUE, "ROLE,...",                                         \
			"what each worker does: produce, consume or both; in their order, or " \
			"one word for all"                                                     \
	}

#define WORKERS_FLAG_TOLERATE                                                               \
	{                                                                                   \
		"tolerate-worker-loss", NULL, FLAG_VALUE, "N",                              \
			"so many workers may be lost under load, and the run goes on with " \
			"the others; 0 if not given"                                        \
	}

/* -w and -wf together, or a --clock that there is not: ERROR_USAGE. */
bool workers_check_usage(const struct args *args, struct error *err);

struct workers_source {
	struct workers_list list; /* none: this host */
	bool is_found;            /* in a file that nobody named */
	enum fact_clock_source clock;
	const char *token;   /* NULL: none is shown to them */
	bool more_consumers; /* -x */
	const char *roles;   /* --roles; NULL = as OMB deals them */
	unsigned tolerated;  /* that may be lost under load */
};

/* Of -w, -wf, or the file that OMB would read.  False = something was added to *errors. */
bool workers_read(const struct args *args, const struct config_mode *mode,
                  struct workers_source *out, struct error_list *errors,
                  struct error_list *warnings);

/* What each worker does: as asked for, or as OMB deals them; room for one word each. */
bool workers_roles(const struct workers_source *source, enum share_role *out, struct error *err);

/* Who has which part of a plan, as rows of `omb check`. */
void workers_describe(const struct workers_source *source, const struct plan *plan,
                      struct text *out);

/* workers_clock.c.  Of the name alone. */
bool workers_check_clock(const struct args *args, struct error *err);
/* Once the workers are known.  Asked for in vain, or on a host that is not synchronised: false. */
bool workers_read_clock(const struct args *args, struct workers_source *out, struct error *err);

#endif
