/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/ceiling.h"

#include "driver/driver.h"
#include "facts/environment.h"
#include "results/calibration.h"

double ceiling_per_s(const struct driver *driver, uint64_t message_bytes)
{
	struct environment environment;
	struct calibration found;

	environment_read(&environment);
	if (!calibration_load(&environment, &found))
		return 0;
	bool has_library = (driver->flags & DRIVER_LIBRARY) != 0;
	return calibration_per_s(has_library ? found.library : found.bare, message_bytes);
}
