/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/input_files.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/args.h"
#include "driver/registry.h"
#include "util/arena.h"
#include "util/file.h"

static bool command_has(const struct args *args, const char *flag)
{
	for (const struct flag *f = args->command->flags; f->name != NULL; f++)
		if (strcmp(f->name, flag) == 0)
			return true;
	return false;
}

static bool is_given(const struct args *args, const char *flag)
{
	return command_has(args, flag) && args_has(args, flag);
}

/* --set, and the flags that are shorthands for it; the last of several wins, so those come last. */
void inputs_gather(const struct args *args, struct config_mode *mode, struct error_list *errors)
{
	struct args_values sets = { 0 };

	if (command_has(args, "set"))
		sets = args_values(args, "set");
	struct override *items = arena_alloc(args->arena, (sets.count + 2) * sizeof(*items));
	size_t count = 0;
	for (size_t i = 0; i < sets.count; i++) {
		struct error err;
		if (override_parse(sets.items[i], args->arena, &items[count], &err))
			count++;
		else
			error_list_add(errors, &err);
	}
	if (is_given(args, "agents"))
		items[count++] = (struct override){ "agents", args_value(args, "agents") };
	if (is_given(args, "keep-topics"))
		items[count++] = (struct override){ "keepTopics", "true" };
	mode->overrides = items;
	mode->override_count = count;
	mode->lenient = is_given(args, "lenient");
}

/* --- drivers -------------------------------------------------------------------------------------- */

static void load_drivers(const struct args *args, struct inputs *in, struct error_list *errors,
                         struct error_list *warnings)
{
	struct args_values paths = args_values(args, "drivers");

	in->drivers = arena_alloc(args->arena, (paths.count + 1) * sizeof(*in->drivers));
	for (size_t i = 0; i < paths.count; i++) {
		struct input_driver *d = &in->drivers[in->drivers_count];
		if (!driver_file_load(paths.items[i], &in->mode, args->arena, &d->file, errors,
		                      warnings))
			continue;
		d->driver = driver_configure(&d->file, args->arena, &d->config, errors, warnings);
		if (d->driver != NULL)
			in->drivers_count++;
	}
}

/* A key that no file knows is a mistake; without the drivers' tables it could not be told. */
static void check_overrides(const struct args *args, const struct inputs *in,
                            struct error_list *errors)
{
	size_t count = in->drivers_count;
	const struct option_spec **tables =
		arena_alloc(args->arena, (count + 2) * sizeof(struct option_spec *));

	tables[0] = driver_file_table;
	for (size_t i = 0; i < count; i++)
		tables[i + 1] = in->drivers[i].driver->options;
	override_check(&in->mode, workload_table, tables, errors);
}

/* --- workloads ------------------------------------------------------------------------------------ */

static int by_file_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	int order = strcmp(file_base(*x), file_base(*y));

	return order != 0 ? order : strcmp(*x, *y);
}

static bool load_payloads(struct input_workload *w, struct arena *arena, struct error_list *errors)
{
	struct error err;

	if (w->workload.payload_path == NULL || w->workload.randomized_payloads)
		return true;
	if (payload_files_load(w->workload.payload_path, w->workload.message_size, arena,
	                       &w->payloads, &err))
		return true;
	error_wrap(&err, "workload %s", w->workload.path);
	error_list_add(errors, &err);
	return false;
}

static void load_workloads(const struct args *args, struct inputs *in, struct error_list *errors,
                           struct error_list *warnings)
{
	size_t count = args->words.count;
	const char **paths = arena_alloc(args->arena, (count + 1) * sizeof(*paths));

	if (count > 0)
		memcpy(paths, args->words.items, count * sizeof(*paths));
	qsort(paths, count, sizeof(*paths), by_file_name);
	in->workloads = arena_alloc(args->arena, (count + 1) * sizeof(*in->workloads));
	for (size_t i = 0; i < count; i++) {
		struct input_workload *w = &in->workloads[in->workloads_count];
		if (workload_load(paths[i], &in->mode, args->arena, &w->workload, errors,
		                  warnings) &&
		    load_payloads(w, args->arena, errors))
			in->workloads_count++;
	}
}

bool inputs_load(const struct args *args, struct inputs *out, struct error_list *errors,
                 struct error_list *warnings)
{
	size_t before = errors->count;

	*out = (struct inputs){ 0 };
	inputs_gather(args, &out->mode, errors);
	load_workloads(args, out, errors, warnings);
	load_drivers(args, out, errors, warnings);
	if (errors->count == before)
		check_overrides(args, out, errors);
	return errors->count == before;
}
