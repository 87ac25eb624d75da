/* SPDX-License-Identifier: Apache-2.0 */
#include "results/state_folder.h"

#include <stdlib.h>

#include "util/xalloc.h"

char *state_folder(struct error *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	/* The specification says to ignore a relative one. */
	if (state != NULL && state[0] == '/')
		return xasprintf("%s/omb", state);
	if (home != NULL && home[0] == '/')
		return xasprintf("%s/.local/state/omb", home);
	error_set(err, ERROR_SYSTEM,
	          "no folder for the state: neither XDG_STATE_HOME nor HOME is set");
	return NULL;
}
