/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_PROCESS_H
#define OMB_UTIL_PROCESS_H

/*
 * process -- which process it was, beyond the life of its number.
 *
 * A number (pid) is given again, and means another process on another host, after a restart and in
 * another container.  With the time of the start, and what tells the boot and the space of numbers
 * apart, it is the name of one process for ever:
 *
 *     4711 8812345 0f1c7f6e-0b0e-4b63-9b1e-0a6f3c1d2e4f 4026531836
 */

#include <stdbool.h>

#define PROCESS_NAME_MAX 128 /* with its NUL */

/* The name of this process; empty where the system does not tell. */
void process_name(char out[PROCESS_NAME_MAX]);

/* Is this the name of a process that lives?  *pid is its number then, else 0.  One that cannot be seen
 * from here (another host, another container) counts as gone. */
bool process_lives(const char *name, int *pid);

#endif
