/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_INPUT_FILES_H
#define OMB_CMD_INPUT_FILES_H

/*
 * input_files -- the workload and driver files of a command line, loaded and checked.
 *
 * All errors of all files come in one go.  Workloads are in the order in which they run: by the
 * names of their files, as OMB has it.  Everything lives in the arena of the arguments.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/driver_file.h"
#include "config/option.h"
#include "config/override.h"
#include "config/payload_files.h"
#include "config/workload.h"

struct args;
struct driver;

struct input_workload {
	struct workload workload;
	struct payload_files payloads; /* count 0: none */
};

struct input_driver {
	struct driver_file file;
	const struct driver *driver;
	void *config; /* as the driver's `configure` left it */
};

struct inputs {
	struct config_mode mode;
	struct input_workload *workloads;
	size_t workloads_count;
	struct input_driver *drivers;
	size_t drivers_count;
};

/* The flags that several commands share: -d, --set, --lenient. */
#define INPUT_FLAG_DRIVERS                                                     \
	{                                                                      \
		"drivers", "d", FLAG_LIST, "FILE,...",                         \
			"driver files: which brokers, and how to talk to them" \
	}
#define INPUT_FLAG_SET                                                                  \
	{                                                                               \
		"set", NULL, FLAG_REPEAT, "KEY=VALUE",                                  \
			"replace a key of the workload or driver file; driver.KEY and " \
			"workload.KEY tell them "                                       \
			"apart, BLOCK.PROPERTY is one line of a block"                  \
	}
#define INPUT_FLAG_LENIENT                                                                    \
	{                                                                                     \
		"lenient", NULL, FLAG_SWITCH, NULL,                                           \
			"take what OMB's Java program takes, and warn: unknown keys, quoted " \
			"numbers ..."                                                         \
	}
#define INPUT_FLAG_AGENTS                                                           \
	{                                                                           \
		"agents", NULL, FLAG_VALUE, "per-core|per-client|N",                \
			"the workload key agents: processes that share the clients" \
	}
#define INPUT_FLAG_HELP                                                \
	{                                                              \
		"help", "h", FLAG_SWITCH, NULL, "explain this command" \
	}

/* --set and what stands for it, and --lenient; for commands that read their files by themselves. */
void inputs_gather(const struct args *args, struct config_mode *mode, struct error_list *errors);

/* Words are workload files, -d driver files; --set, --agents and --keep-topics as far as the
 * command has them.  False = something was added to *errors. */
bool inputs_load(const struct args *args, struct inputs *out, struct error_list *errors,
                 struct error_list *warnings);

#endif
