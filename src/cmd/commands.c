/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "cmd/command.h"

extern const struct command command_run, command_worker, command_check, command_show, command_csv,
	command_cleanup, command_recover, command_drivers, command_broker, command_proxy,
	command_demo, command_calibrate, command_help;

const struct command *const all_commands[] = {
	&command_run,     &command_worker,
	&command_check,   &command_show,
	&command_csv,     &command_cleanup,
	&command_recover, &command_drivers,
	&command_broker,  &command_proxy,
	&command_demo,    &command_calibrate,
	&command_help,    NULL,
};
