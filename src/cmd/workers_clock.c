/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cmd/args.h"
#include "cmd/workers_source.h"
#include "util/host_clock.h"

static bool find_clock(const char *name, enum fact_clock_source *out)
{
	for (int i = 0; i < CLOCK_SOURCES; i++) {
		if (strcmp(name, fact_clock_sources[i]) == 0) {
			*out = (enum fact_clock_source)i;
			return true;
		}
	}
	return false;
}

bool workers_read_clock(const struct args *args, struct workers_source *out, struct error *err)
{
	const char *name = args_value(args, "clock");
	struct host_clock ours;

	if (name == NULL || !find_clock(name, &out->clock))
		return true;
	if (out->list.count == 0)
		return error_set(err, ERROR_USAGE,
		                 "--clock is about workers on other hosts: --workers names them");
	return out->clock != CLOCK_BY_SYSTEM || host_clock_read(&ours, err) ||
	       error_wrap(err, "--clock system");
}

bool workers_check_clock(const struct args *args, struct error *err)
{
	const char *clock = args_value(args, "clock");
	enum fact_clock_source source;

	return clock == NULL || find_clock(clock, &source) ||
	       error_set(err, ERROR_USAGE, "--clock: \"%s\" is neither probes nor system", clock);
}
