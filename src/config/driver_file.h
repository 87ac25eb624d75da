/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_DRIVER_FILE_H
#define OMB_CONFIG_DRIVER_FILE_H

/*
 * driver_file -- the YAML file that says which broker, and how to talk to it.
 *
 * Read in two steps: the few keys that every file has are read here; from them the core finds the
 * driver, and the driver's own table reads the rest.  Nothing here knows any broker.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/option.h"
#include "config/override.h"
#include "util/error.h"

struct arena;
struct yaml_node;

/* Whose defaults fill in for what the file leaves out. */
enum client_defaults {
	CLIENT_DEFAULTS_JAVA,    /* the file was written for the Java client */
	CLIENT_DEFAULTS_LIBRARY, /* the client library's own */
};

struct driver_file {
	const char *path;
	const char *file_name;    /* without folder and extension */
	const char *name;         /* never NULL: `name`, else `driver`, else file_name */
	const char *driver_class; /* OMB's; NULL = none */
	const char *driver;       /* ours; NULL = none.  Exactly one of the two is given */
	/* As `clientDefaults` says; else the Java client's for a file with a driverClass and the
	 * library's for one with `driver`.  What stands in the file decides: an override chooses the
	 * driver that reads it, and not what it was written for. */
	enum client_defaults defaults;
	bool defaults_said;       /* by clientDefaults */
	const char *defaults_why; /* "it has a driverClass": a half sentence for people */
	struct yaml_node *root;   /* the whole file as a map, overrides not applied */
	const char *text;         /* the bytes as they are, for workers that want the file itself */
	size_t text_len;

	struct arena *arena; /* borrowed, like everything above that points into it */
	const struct config_mode *mode;
};

/* name, driverClass, driver, clientDefaults: for documentation. */
extern const struct option_spec driver_file_table[];

/* False = something was added to *errors.  What is added to either list begins with
 * "driver file k.yaml:7:3: ".  *out borrows path, mode and arena. */
bool driver_file_load(const char *path, const struct config_mode *mode, struct arena *a,
                      struct driver_file *out, struct error_list *errors,
                      struct error_list *warnings);

/* The same from memory; out->path and out->mode and out->arena are set by the caller. */
bool driver_file_parse(const char *text, size_t len, struct driver_file *out,
                       struct error_list *errors, struct error_list *warnings);

/* Reads all other keys by the driver's table (of struct *out, zeroed), overrides included. */
bool driver_file_options(const struct driver_file *file, const struct option_spec *table, void *out,
                         struct error_list *errors, struct error_list *warnings);

/* Puts "driver file k.yaml" in front of errors that a driver added itself, from `from` on. */
void driver_file_wrap(const struct driver_file *file, struct error_list *errors, size_t from);

#endif
