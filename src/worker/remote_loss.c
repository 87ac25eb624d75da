/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/remote_loss.h"

#include <time.h>

void remote_loss_tell(struct error *err, const struct remote_loss *loss)
{
	time_t now = (time_t)(loss->wall_ns / 1000000000u);
	struct error cause = *err;
	char when[32] = "";
	struct tm utc;

	if (err->kind == ERROR_TIMEOUT)
		error_set(err, ERROR_TIMEOUT, "%s; the last sign of life came %.1f s before",
		          cause.text, (double)loss->silence_ns / 1e9);
	if (gmtime_r(&now, &utc) != NULL)
		(void)strftime(when, sizeof(when), " at %H:%M:%SZ", &utc);
	if (loss->what != NULL)
		error_wrap(err, "%s", loss->what);
	error_wrap(err, "worker %s was lost%s", loss->url, when);
}

void remote_loss_tell_unreached(struct error *err, const struct remote_loss *loss)
{
	if (loss->what != NULL)
		error_wrap(err, "%s", loss->what);
	error_wrap(err, "worker %s", loss->url);
}
