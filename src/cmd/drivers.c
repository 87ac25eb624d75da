/* SPDX-License-Identifier: Apache-2.0 */
/*
 * omb drivers -- what this build can talk to, and by what keys.
 */
#include <stdio.h>

#include "cmd/args.h"
#include "cmd/input_files.h"
#include "config/option_doc.h"
#include "driver/registry.h"
#include "util/text.h"

static const struct flag drivers_flags[] = { INPUT_FLAG_HELP, { 0 } };

/* This process forks no agent, so it may look for the library itself. */
static bool is_missing(const struct driver *d)
{
	struct error err;

	return !driver_load_library(d, &err);
}

static void add_library(const struct driver *d, struct text *out)
{
	char package[LIBRARY_PACKAGE];

	text_addf(out, "%s (package %s)", d->library->soname,
	          library_package(d->library->soname, package));
}

static void list_all(struct text *out)
{
	for (size_t i = 0; drivers[i] != NULL; i++) {
		text_addf(out, "%-10s %s", drivers[i]->name, drivers[i]->summary);
		if (is_missing(drivers[i])) {
			text_add(out, "; library missing: ");
			add_library(drivers[i], out);
		}
		text_add(out, "\n");
	}
	text_add(out, "\n\"omb drivers NAME\" shows the keys of its driver file.\n");
}

static void show_one(const struct driver *d, struct text *out)
{
	text_addf(out, "%s -- %s\n\nKeys of every driver file:\n", d->name, d->summary);
	option_help(driver_file_table, out);
	if (d->options != NULL && d->options[0].name != NULL) {
		text_addf(out, "\nKeys of %s:\n", d->name);
		option_help(d->options, out);
	}
	if (d->classes != NULL && d->classes[0] != NULL) {
		text_add(out, "\nValues of driverClass that mean it:\n");
		for (const char *const *c = d->classes; *c != NULL; c++)
			text_addf(out, "  %s\n", *c);
	}
	if (d->library != NULL) {
		text_addf(out, "\nClient library%s: ", is_missing(d) ? ", missing here" : "");
		add_library(d, out);
		text_add(out, "\n");
	}
	if (d->caveats != NULL)
		text_addf(out, "\n%s\n", d->caveats);
}

static int drivers_run(const struct args *args)
{
	struct text out = { 0 };
	struct error err;

	if (args->words.count == 0)
		list_all(&out);
	for (size_t i = 0; i < args->words.count; i++) {
		const struct driver *d = driver_by_name(args->words.items[i], &err);
		if (d == NULL) {
			text_fini(&out);
			return args_fail(args, &err);
		}
		text_add(&out, i > 0 ? "\n" : "");
		show_one(d, &out);
	}
	fputs(text_str(&out), stdout);
	text_fini(&out);
	return 0;
}

extern const struct command command_drivers;
const struct command command_drivers = {
	.name = "drivers",
	.summary = "lists the drivers of this build, and the keys of their files",
	.words = "[NAME...]",
	.text = "Without a name: the drivers of this build. With names: the keys of their driver "
		"files, the values of OMB's driverClass that mean them, their client library, and "
		"what to know about them. Where this machine lacks a driver's library, both name it "
		"and its package.",
	.examples = "omb drivers\nomb drivers kafka",
	.flags = drivers_flags,
	.run = drivers_run,
};
