/* SPDX-License-Identifier: Apache-2.0 */
#include "config/override.h"

#include <string.h>

#include "config/option.h"
#include "config/option_value.h"
#include "config/yaml.h"
#include "util/arena.h"
#include "util/nearest.h"

static const char *const prefixes[] = {
	[OVERRIDE_WORKLOAD] = "workload.",
	[OVERRIDE_DRIVER] = "driver.",
};

bool override_parse(const char *arg, struct arena *a, struct override *out, struct error *err)
{
	const char *equals = strchr(arg, '=');

	if (equals == NULL || equals == arg)
		return error_set(err, ERROR_USAGE, "--set %s: expected key=value", arg);
	out->key = arena_strndup(a, arg, (size_t)(equals - arg));
	out->value = arena_strdup(a, equals + 1);
	return true;
}

/* The key without "workload." or "driver."; NULL when it is meant for the other file. */
static const char *key_for(const struct override *o, enum override_file file, bool *is_prefixed)
{
	enum override_file other = file == OVERRIDE_DRIVER ? OVERRIDE_WORKLOAD : OVERRIDE_DRIVER;

	*is_prefixed = false;
	if (strncmp(o->key, prefixes[file], strlen(prefixes[file])) == 0) {
		*is_prefixed = true;
		return o->key + strlen(prefixes[file]);
	}
	if (strncmp(o->key, prefixes[other], strlen(prefixes[other])) == 0)
		return NULL;
	return o->key;
}

/* Behind "block." when `key` begins with it. */
static const char *property_of(const char *key, const char *block)
{
	size_t len = strlen(block);

	return strncmp(key, block, len) == 0 && key[len] == '.' && key[len + 1] != '\0'
	               ? key + len + 1
	               : NULL;
}

const char *override_property(const struct override *o, enum override_file file, const char *block)
{
	bool is_prefixed;
	const char *key = key_for(o, file, &is_prefixed);

	return key != NULL ? property_of(key, block) : NULL;
}

/* Does the table have this key, as an option or as a property of one of its blocks? */
static bool is_in_table(const char *key, const struct option_spec *table)
{
	if (option_find(table, key) != NULL)
		return true;
	for (const struct option_spec *s = table; s->name != NULL; s++)
		if (s->type == OPTION_BLOCK && property_of(key, s->name) != NULL)
			return true;
	return false;
}

/* One that no table has: the nearest of them all is named. */
static void add_unknown(const struct override *o, const struct option_spec *workload,
                        const struct option_spec *const *driver, struct error_list *errors)
{
	char quoted[OPTION_QUOTE];
	struct error err = { 0 };
	struct nearest near = nearest_to(o->key);

	option_consider(workload, &near);
	for (; *driver != NULL; driver++)
		option_consider(*driver, &near);
	option_quote(o->key, quoted);
	if (near.name != NULL)
		error_set(&err, ERROR_CONFIG, "--set: unknown option %s, did you mean \"%s\"?",
		          quoted, near.name);
	else
		error_set(&err, ERROR_CONFIG, "--set: unknown option %s", quoted);
	error_list_add(errors, &err);
}

bool override_check(const struct config_mode *mode, const struct option_spec *workload,
                    const struct option_spec *const *driver, struct error_list *errors)
{
	size_t errors_before = errors->count;

	for (size_t i = 0; i < mode->override_count; i++) {
		const struct override *o = &mode->overrides[i];
		bool is_prefixed, found = false;
		const char *key = key_for(o, OVERRIDE_WORKLOAD, &is_prefixed);

		if (key != NULL)
			found = is_in_table(key, workload);
		key = key_for(o, OVERRIDE_DRIVER, &is_prefixed);
		for (size_t t = 0; key != NULL && driver[t] != NULL && !found; t++)
			found = is_in_table(key, driver[t]);
		if (!found)
			add_unknown(o, workload, driver, errors);
	}
	return errors->count == errors_before;
}

/* Text as it stands, or a list or mapping in YAML's flow notation. */
static struct yaml_node *value_node(const struct override *o, struct arena *a,
                                    struct error_list *errors)
{
	struct yaml_node *node;

	if (o->value[0] == '[' || o->value[0] == '{') {
		struct yaml_doc doc;
		struct error err = { 0 };

		if (!yaml_parse(o->value, strlen(o->value), a, &doc, &err)) {
			err.line = err.column = 0;
			error_wrap(&err, "--set %s", o->key);
			error_list_add(errors, &err);
			return NULL;
		}
		node = doc.root;
		node->line = node->column = 0;
		return node;
	}
	node = arena_alloc(a, sizeof(*node));
	*node = (struct yaml_node){
		.kind = YAML_SCALAR,
		.style = o->value[0] != '\0' ? YAML_PLAIN : YAML_QUOTED,
		.text = arena_strdup(a, o->value),
		.text_len = strlen(o->value),
		.weight = 1,
	};
	return node;
}

/* All pairs with this key go, a new one without a place comes. */
static void replace_pair(struct yaml_node *map, const char *key, struct yaml_node *value,
                         struct arena *a)
{
	struct yaml_pair *pairs = arena_alloc(a, (map->count + 1) * sizeof(*pairs));
	struct yaml_node *key_node = arena_alloc(a, sizeof(*key_node));
	size_t count = 0;

	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->pairs[i].key->text, key) != 0)
			pairs[count++] = map->pairs[i];
	*key_node = (struct yaml_node){
		.kind = YAML_SCALAR,
		.text = key,
		.text_len = strlen(key),
		.weight = 1,
	};
	pairs[count++] = (struct yaml_pair){ key_node, value };
	map->pairs = pairs;
	map->count = count;
}

bool override_apply(const struct config_mode *mode, const struct override_target *target,
                    struct yaml_node *map, struct arena *a, struct error_list *errors)
{
	bool ok = true;

	if (map->kind != YAML_MAP)
		return true; /* whoever reads it says so */
	for (size_t i = 0; i < mode->override_count; i++) {
		const struct override *o = &mode->overrides[i];
		bool is_prefixed;
		const char *key = key_for(o, target->file, &is_prefixed);

		if (key == NULL || option_find(target->table, key) == NULL)
			continue;
		if (!is_prefixed && target->first != NULL && option_find(target->first, key))
			continue;
		struct yaml_node *value = value_node(o, a, errors);
		if (value != NULL)
			replace_pair(map, arena_strdup(a, key), value, a);
		else
			ok = false;
	}
	return ok;
}

void config_wrap(struct error_list *list, size_t from, const char *what, const char *path)
{
	for (size_t i = from; i < list->count; i++)
		error_wrap(&list->items[i], "%s %s", what, path);
}
