/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_WORKER_SETTINGS_H
#define OMB_CMD_WORKER_SETTINGS_H

/* worker_settings -- what `omb worker` is told by --workload, --set, --agents and --worker-id. */

#include <stdbool.h>

#include "cmd/args.h"
#include "util/error.h"
#include "worker/served_options.h"

/* In the arena of the arguments.  False = something was added to *errors. */
bool worker_settings_read(const struct args *args, struct served_settings *out,
                          struct error_list *errors, struct error_list *warnings);

#endif
