/* SPDX-License-Identifier: Apache-2.0 */
#include "config/driver_file.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config/file_secrets.h"
#include "config/workload.h"
#include "config/yaml.h"
#include "util/arena.h"
#include "util/file.h"

/* Stands for "the file does not say". */
#define CLIENT_DEFAULTS_UNSAID 2

static const struct option_choice defaults_choices[] = {
	{ .name = "java", .value = CLIENT_DEFAULTS_JAVA },
	{ .name = "library", .value = CLIENT_DEFAULTS_LIBRARY },
	{ .name = "librdkafka", .value = CLIENT_DEFAULTS_LIBRARY, .alias = true },
	{ 0 },
};

struct common {
	const char *name, *driver_class, *driver;
	int defaults;
};

const struct option_spec driver_file_table[] = {
	{
		.name = "name",
		.type = OPTION_TEXT,
		.offset = offsetof(struct common, name),
		.flags = OPTION_OMB,
		.help = "names the driver in results and in the names of their files",
	},
	{
		.name = "driverClass",
		.type = OPTION_TEXT,
		.offset = offsetof(struct common, driver_class),
		.flags = OPTION_OMB,
		.excludes = "driver",
		.help = "OMB's name of the driver; stands for the driver of ours that does the "
			"same",
	},
	{
		.name = "driver",
		.type = OPTION_TEXT,
		.offset = offsetof(struct common, driver),
		.help = "our name of the driver: see omb drivers",
	},
	{
		.name = "clientDefaults",
		.type = OPTION_ENUM,
		.offset = offsetof(struct common, defaults),
		.choices = defaults_choices,
		.help = "whose defaults fill in for what the file leaves out; when absent, the "
			"Java client's for a file with driverClass, the library's for one with "
			"driver, whichever of the two --set replaces",
	},
	{ 0 },
};

void driver_file_wrap(const struct driver_file *file, struct error_list *errors, size_t from)
{
	config_wrap(errors, from, "driver file", file->path);
}

/* The root with overrides of `table`, the root itself as it was. */
static struct yaml_node with_overrides(const struct driver_file *file,
                                       const struct option_spec *table, struct error_list *errors)
{
	struct yaml_node map = *file->root;

	struct override_target target = {
		.file = OVERRIDE_DRIVER,
		.table = table,
		.first = workload_table,
	};

	override_apply(file->mode, &target, &map, file->arena, errors);
	return map;
}

static char *base_name(const char *path, struct arena *a)
{
	const char *base = file_base(path);
	const char *dot = strrchr(base, '.');

	return arena_strndup(a, base,
	                     dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base));
}

static bool has_key(const struct driver_file *file, const char *key)
{
	const struct yaml_node *value = yaml_find(file->root, key);

	return value != NULL && !yaml_is_null(value);
}

/* What --set says of `driver` or `driverClass` is no word about what the file leaves out. */
static void choose_defaults(struct driver_file *out, const struct common *common)
{
	bool java = has_key(out, "driverClass"), ours = has_key(out, "driver");

	if (common->defaults != CLIENT_DEFAULTS_UNSAID) {
		out->defaults = (enum client_defaults)common->defaults;
		out->defaults_why = "clientDefaults says so";
		out->defaults_said = true;
	} else if (java && common->driver != NULL) {
		out->defaults = CLIENT_DEFAULTS_JAVA;
		out->defaults_why = "the file has a driverClass, and --set driver does not change "
				    "what it means: --set clientDefaults=library does";
	} else if (ours && common->driver_class != NULL) {
		out->defaults = CLIENT_DEFAULTS_LIBRARY;
		out->defaults_why = "the file has `driver`, and --set driverClass does not change "
				    "what it means: --set clientDefaults=java does";
	} else if (common->driver_class != NULL) {
		out->defaults = CLIENT_DEFAULTS_JAVA;
		out->defaults_why = "there is a driverClass and no clientDefaults";
	} else {
		out->defaults = CLIENT_DEFAULTS_LIBRARY;
		out->defaults_why = "there is no driverClass and no clientDefaults";
	}
}

/* Only the keys that every driver file has; the others are read when the driver is known. */
static void take_common(struct driver_file *out, const struct common *common,
                        struct error_list *errors)
{
	out->file_name = base_name(out->path, out->arena);
	out->driver_class = common->driver_class;
	out->driver = common->driver;
	out->name = common->name ? common->name : common->driver ? common->driver : out->file_name;

	choose_defaults(out, common);
	struct error err = { 0 };
	if (has_key(out, "driver") && has_key(out, "driverClass")) {
		/* An override of one of them would hide it, and the file could mean either. */
		error_set(&err, ERROR_CONFIG, "driverClass: not together with driver");
		err.line = yaml_find(out->root, "driverClass")->line;
		err.column = yaml_find(out->root, "driverClass")->column;
		error_list_add(errors, &err);
	} else if (common->driver == NULL && common->driver_class == NULL) {
		error_set(&err, ERROR_CONFIG,
		          "neither driver nor driverClass says which broker "
		          "this is for");
		error_list_add(errors, &err);
	}
}

/* A map of the pairs that are in `table`: what the others mean is not known yet. */
static struct yaml_node pairs_of(const struct yaml_node *map, const struct option_spec *table,
                                 struct arena *a)
{
	struct yaml_node some = *map;

	if (map->kind != YAML_MAP)
		return some;
	some.count = 0;
	some.pairs = arena_alloc(a, map->count * sizeof(*some.pairs));
	for (size_t i = 0; i < map->count; i++)
		if (option_find(table, map->pairs[i].key->text) != NULL)
			some.pairs[some.count++] = map->pairs[i];
	return some;
}

static void parse(const char *text, size_t len, struct driver_file *out, struct error_list *errors,
                  struct error_list *warnings)
{
	struct common common = { .defaults = CLIENT_DEFAULTS_UNSAID };
	struct yaml_doc doc;
	struct error err = { 0 };

	if (!yaml_parse(text, len, out->arena, &doc, &err)) {
		error_list_add(errors, &err);
		return;
	}
	file_secrets_learn(doc.root);
	if (doc.more_line != 0) {
		error_set(&err, ERROR_CONFIG, "a second document starts here; only one is read");
		err.line = doc.more_line;
		err.column = 1;
		error_list_add(out->mode->lenient ? warnings : errors, &err);
	}
	out->root = doc.root;
	out->text = arena_strndup(out->arena, text, len);
	out->text_len = len;

	struct yaml_node map = with_overrides(out, driver_file_table, errors);
	map = pairs_of(&map, driver_file_table, out->arena);
	struct option_reader reader = {
		.table = driver_file_table,
		.lenient = out->mode->lenient,
		.arena = out->arena,
		.errors = errors,
		.warnings = warnings,
	};
	if (option_read(&reader, &map, &common))
		take_common(out, &common, errors);
}

bool driver_file_parse(const char *text, size_t len, struct driver_file *out,
                       struct error_list *errors, struct error_list *warnings)
{
	size_t errors_before = errors->count, warnings_before = warnings->count;

	parse(text, len, out, errors, warnings);
	driver_file_wrap(out, errors, errors_before);
	driver_file_wrap(out, warnings, warnings_before);
	return errors->count == errors_before;
}

bool driver_file_load(const char *path, const struct config_mode *mode, struct arena *a,
                      struct driver_file *out, struct error_list *errors,
                      struct error_list *warnings)
{
	struct error err = { 0 };
	size_t len;

	*out = (struct driver_file){
		.path = arena_strdup(a, path),
		.arena = a,
		.mode = mode,
	};
	char *text = file_read(path, YAML_MAX_BYTES, &len, &err);
	if (text == NULL) {
		/* A file that is not there is a wrong argument, not a failing system. */
		err.kind = ERROR_CONFIG;
		err.os_errno = 0;
		error_wrap(&err, "driver file");
		error_list_add(errors, &err);
		return false;
	}
	bool ok = driver_file_parse(text, len, out, errors, warnings);
	free(text);
	return ok;
}

/* What --set says about properties of this block. */
static void add_sets(const struct driver_file *file, const struct option_spec *spec,
                     struct option_block *block)
{
	const struct config_mode *mode = file->mode;
	struct override *sets =
		arena_alloc(file->arena, mode->override_count * sizeof(struct override));

	for (size_t i = 0; i < mode->override_count; i++) {
		const char *property =
			override_property(&mode->overrides[i], OVERRIDE_DRIVER, spec->name);
		if (property != NULL)
			sets[block->set_count++] = (struct override){
				arena_strdup(file->arena, property),
				arena_strdup(file->arena, mode->overrides[i].value),
			};
	}
	block->sets = sets;
}

bool driver_file_options(const struct driver_file *file, const struct option_spec *table, void *out,
                         struct error_list *errors, struct error_list *warnings)
{
	size_t errors_before = errors->count, warnings_before = warnings->count;
	struct yaml_node map = with_overrides(file, table, errors);
	struct option_reader reader = {
		.table = table,
		.elsewhere = driver_file_table,
		.lenient = file->mode->lenient,
		.arena = file->arena,
		.errors = errors,
		.warnings = warnings,
	};

	option_read(&reader, &map, out);
	for (const struct option_spec *s = table; s->name != NULL; s++)
		if (s->type == OPTION_BLOCK)
			add_sets(file, s, (struct option_block *)((char *)out + s->offset));
	driver_file_wrap(file, errors, errors_before);
	driver_file_wrap(file, warnings, warnings_before);
	return errors->count == errors_before;
}
