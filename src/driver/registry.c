/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/registry.h"

#include <string.h>

#include "config/driver_file.h"
#include "config/option.h"
#include "util/arena.h"
#include "util/text.h"

static bool lacks(struct error *err, const char *what, const char *name)
{
	struct text have = { 0 };

	for (size_t i = 0; drivers[i] != NULL; i++)
		text_addf(&have, " %s", drivers[i]->name);
	error_set(err, ERROR_CONFIG, "no %s \"%s\" in this build; it has:%s", what, name,
	          text_str(&have));
	text_fini(&have);
	return false;
}

const struct driver *driver_by_name(const char *name, struct error *err)
{
	for (size_t i = 0; drivers[i] != NULL; i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	lacks(err, "driver", name);
	return NULL;
}

const struct driver *driver_by_class(const char *driver_class, struct error *err)
{
	for (size_t i = 0; drivers[i] != NULL; i++)
		for (const char *const *c = drivers[i]->classes; *c != NULL; c++)
			if (strcmp(*c, driver_class) == 0)
				return drivers[i];
	lacks(err, "driver for driverClass", driver_class);
	return NULL;
}

const struct driver *driver_for_file(const struct driver_file *file, struct error *err)
{
	if (file->driver != NULL)
		return driver_by_name(file->driver, err);
	if (file->driver_class != NULL)
		return driver_by_class(file->driver_class, err);
	error_set(err, ERROR_CONFIG,
	          "neither driver nor driverClass says which broker this is for");
	return NULL;
}

bool driver_load_library(const struct driver *d, struct error *err)
{
	return library_load(d->library, err) || error_wrap(err, "driver %s", d->name);
}

const struct driver *driver_configure(const struct driver_file *file, struct arena *arena,
                                      void **config, struct error_list *errors,
                                      struct error_list *warnings)
{
	struct error err;
	size_t before = errors->count;

	const struct driver *d = driver_for_file(file, &err);
	if (d == NULL) {
		error_list_add(errors, &err);
		driver_file_wrap(file, errors, before);
		return NULL;
	}
	*config = arena_alloc(arena, d->config_size + 1); /* never nothing: null has no options */
	driver_file_options(file, d->options, *config, errors, warnings);
	if (errors->count > before)
		return NULL;
	if (d->configure != NULL)
		d->configure(*config, file, arena, errors);
	driver_file_wrap(file, errors, before);
	return errors->count == before ? d : NULL;
}

struct reaching {
	driver_reach_fn *fn;
	void *to;
};

static void tell_option(void *to, const struct option_spec *spec, const char *value)
{
	const struct reaching *r = to;
	const struct driver_reach one = {
		.key = spec->name,
		.value = value,
		.is_command = (spec->flags & OPTION_COMMAND) != 0,
	};

	r->fn(r->to, &one);
}

void driver_each_reach(const struct driver *d, const void *config, driver_reach_fn *fn, void *to)
{
	struct reaching r = { fn, to };

	option_each_marked(d->options, OPTION_FILE | OPTION_COMMAND, config, tell_option, &r);
	if (d->reach != NULL)
		d->reach(config, fn, to);
}
