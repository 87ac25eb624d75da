/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_STATE_FOLDER_H
#define OMB_RESULTS_STATE_FOLDER_H

/*
 * state_folder -- where omb keeps what outlives a run: ${XDG_STATE_HOME:-~/.local/state}/omb.
 */

#include "util/error.h"

/* It may not exist yet.  NULL: there is no home.  The caller frees. */
char *state_folder(struct error *err);

#endif
