/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LIBRARY_H
#define OMB_DRIVER_LIBRARY_H

/*
 * library -- a client library that is looked for when an agent needs it, not when omb starts.
 *
 * So omb runs on a machine that lacks it: all other drivers work, and this one says what to install.
 *
 * What a driver calls of its library stands in its folder, in functions.txt.  The build makes of it
 * driver/<name>_library.h, which the driver includes in place of the library's header: a call goes
 * through a table of pointers that library_load fills.  A function that is called and is not in the
 * list does not link.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct driver_library {
	const char *soname;       /* of the library that omb was built with */
	const char *const *names; /* of its functions ... */
	size_t count;
	void *functions; /* ... and as many pointers to functions, NULL until it is loaded */
};

/* NULL: there is nothing to load.  In an agent, before it has threads; never in a process that forks
 * one.  Once loaded it stays.  False: *err says what is missing and what to install. */
bool library_load(const struct driver_library *l, struct error *err);

/* The package that has it, by the rule of Debian and its like: librdkafka.so.1 is in librdkafka1,
 * libfoo2.so.1 in libfoo2-1. */
#define LIBRARY_PACKAGE 128
const char *library_package(const char *soname, char out[LIBRARY_PACKAGE]);

#endif
