/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/args.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/nearest.h"

static size_t count_flags(const struct flag *flags)
{
	size_t count = 0;

	while (flags[count].name != NULL)
		count++;
	return count;
}

/* --- taking apart -------------------------------------------------------------------------------- */

struct parser {
	struct args *out;
	char *const *argv;
	int argc, at;
	size_t *caps; /* of each list of values; lists never shrink */
};

static void add_value(struct arena *arena, struct args_values *to, size_t *cap, const char *value)
{
	if (to->count == *cap) {
		size_t more = *cap ? *cap * 2 : 4;
		const char **items = arena_alloc(arena, more * sizeof(*items));
		if (to->count > 0)
			memcpy(items, to->items, to->count * sizeof(*items));
		to->items = items;
		*cap = more;
	}
	to->items[to->count++] = value;
}

const struct command *args_command(const struct command *const *commands, const char *name)
{
	for (; *commands != NULL; commands++)
		if (strcmp((*commands)->name, name) == 0)
			return *commands;
	return NULL;
}

static bool unknown_flag(const struct parser *p, const char *word, const char *name,
                         struct error *err)
{
	const struct command *command = p->out->command;
	struct nearest near = nearest_to(name);

	for (const struct flag *f = command->flags; f->name != NULL; f++)
		nearest_consider(&near, f->name);
	if (near.name != NULL)
		return error_set(err, ERROR_USAGE, "unknown option \"%s\", did you mean --%s?",
		                 word, near.name);
	return error_set(err, ERROR_USAGE, "unknown option \"%s\"; \"omb help %s\" lists them",
	                 word, command->name);
}

static const struct flag *find_long(const struct flag *flags, const char *name, size_t len)
{
	for (; flags->name != NULL; flags++)
		if (strlen(flags->name) == len && strncmp(flags->name, name, len) == 0)
			return flags;
	return NULL;
}

static const struct flag *find_brief(const struct flag *flags, const char *name)
{
	for (; flags->name != NULL; flags++)
		if (flags->brief != NULL && strcmp(flags->brief, name) == 0)
			return flags;
	return NULL;
}

static bool add_list(struct parser *p, size_t which, const char *word, const char *list,
                     struct error *err)
{
	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ",");
		if (len == 0)
			return error_set(err, ERROR_USAGE, "%s: \"%s\" has an empty item", word,
			                 list);
		add_value(p->out->arena, &p->out->values[which], &p->caps[which],
		          arena_strndup(p->out->arena, at, len));
		at += len;
		if (*at == '\0')
			return true;
	}
}

static bool take(struct parser *p, const struct flag *flag, const char *word, const char *value,
                 struct error *err)
{
	size_t which = (size_t)(flag - p->out->command->flags);
	struct args_values *values = &p->out->values[which];

	switch (flag->kind) {
	case FLAG_SWITCH:
		values->count = 1;
		return true;
	case FLAG_VALUE:
		if (values->count > 0)
			return error_set(err, ERROR_USAGE, "%s is given twice", word);
		add_value(p->out->arena, values, &p->caps[which], value);
		return true;
	case FLAG_LIST:
		return add_list(p, which, word, value, err);
	case FLAG_REPEAT:
		add_value(p->out->arena, values, &p->caps[which], value);
		return true;
	}
	abort();
}

static bool parse_flag(struct parser *p, const char *word, struct error *err)
{
	const struct flag *flags = p->out->command->flags;
	const char *value = NULL;
	const struct flag *flag;

	if (word[1] == '-') {
		size_t len = strcspn(word + 2, "=");
		flag = find_long(flags, word + 2, len);
		value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
		word = arena_strndup(p->out->arena, word, 2 + len);
	} else {
		flag = find_brief(flags, word + 1);
	}
	if (flag == NULL)
		return unknown_flag(p, word, word[1] == '-' ? word + 2 : word + 1, err);
	if (flag->kind == FLAG_SWITCH && value != NULL)
		return error_set(err, ERROR_USAGE, "%s takes no value", word);
	if (flag->kind != FLAG_SWITCH && value == NULL) {
		if (p->at == p->argc)
			return error_set(err, ERROR_USAGE, "%s needs a value: %s", word,
			                 flag->argument);
		value = p->argv[p->at++];
	}
	return take(p, flag, word, value, err);
}

bool args_parse(const struct command *command, int argc, char *const *argv, struct arena *arena,
                struct args *out, struct error *err)
{
	size_t count = count_flags(command->flags), words_cap = 0;
	struct parser p = {
		.out = out,
		.argv = argv,
		.argc = argc,
		.caps = arena_alloc(arena, (count + 1) * sizeof(*p.caps)),
	};
	bool flags_over = false;

	*out = (struct args){
		.command = command,
		.arena = arena,
		.values = arena_alloc(arena, (count + 1) * sizeof(*out->values)),
	};
	while (p.at < argc) {
		const char *word = argv[p.at++];
		if (!flags_over && strcmp(word, "--") == 0)
			flags_over = true;
		else if (flags_over || word[0] != '-' || word[1] == '\0')
			add_value(arena, &out->words, &words_cap, word);
		else if (!parse_flag(&p, word, err))
			return false;
	}
	return true;
}

/* --- looking up ---------------------------------------------------------------------------------- */

struct args_values args_values(const struct args *args, const char *name)
{
	const struct flag *flag = find_long(args->command->flags, name, strlen(name));

	assert(flag != NULL);
	return args->values[flag - args->command->flags];
}

bool args_has(const struct args *args, const char *name)
{
	return args_values(args, name).count > 0;
}

const char *args_value(const struct args *args, const char *name)
{
	struct args_values values = args_values(args, name);

	return values.count > 0 ? values.items[0] : NULL;
}

/* --- complaining ----------------------------------------------------------------------------------- */

int args_fail(const struct args *args, const struct error *err)
{
	args->complain(COMPLAINT_ERROR, err);
	return error_exit_code(err->kind);
}

int args_fail_all(const struct args *args, const struct error_list *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		args->complain(COMPLAINT_ERROR, &errors->items[i]);
	return errors->count > 0 ? error_exit_code(errors->items[0].kind) : 0;
}

void args_warn_all(const struct args *args, const struct error_list *warnings)
{
	for (size_t i = 0; i < warnings->count; i++)
		args->complain(COMPLAINT_WARNING, &warnings->items[i]);
}
