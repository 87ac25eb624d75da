/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_REGISTRY_H
#define OMB_DRIVER_REGISTRY_H

/*
 * registry -- the drivers in this build, as the table in src/driver/meson.build has them.
 */

#include "driver/driver.h"

/* NULL-terminated. */
extern const struct driver *const drivers[];

/* By `driver:` name.  NULL: not in this build; *err lists what is. */
const struct driver *driver_by_name(const char *name, struct error *err);

/* By OMB's `driverClass`.  NULL: unknown, or known but not in this build; *err says which. */
const struct driver *driver_by_class(const char *driver_class, struct error *err);

/* By what the file says: `driver` if it has one, else `driverClass`. */
const struct driver *driver_for_file(const struct driver_file *file, struct error *err);

/* Loads its client library, if it has one (library.h): in an agent, before any other hook than those
 * that are pure. */
bool driver_load_library(const struct driver *d, struct error *err);

/* Finds the driver, reads its keys of the file by its table into *config (of the arena), has it
 * check and translate them.  Pure.  NULL: something was added to *errors. */
const struct driver *driver_configure(const struct driver_file *file, struct arena *arena,
                                      void **config, struct error_list *errors,
                                      struct error_list *warnings);

/* All that a configuration would read, write or run on the host of its agents: for who runs it on behalf
 * of somebody else.  Passwords are not told. */
void driver_each_reach(const struct driver *d, const void *config, driver_reach_fn *fn, void *to);

#endif
