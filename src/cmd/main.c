/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main -- finds the command, runs it, and is the only place that prints errors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/command.h"
#include "cmd/help.h"
#include "facts/environment.h"
#include "results/prometheus.h"
#include "util/arena.h"
#include "util/nearest.h"
#include "util/secret.h"
#include "util/signals.h"
#include "util/text.h"

/* Any help text and any summary: a reader that closes early, as `head` does, has had it all in one
 * write, and nothing of it is lost. */
#define OUTPUT_BUFFER 65536

static void complain(enum complaint kind, const struct error *err)
{
	struct text shown = { 0 };

	text_addf(&shown, "omb: %s", kind == COMPLAINT_WARNING ? "warning: " : "");
	secret_add(&shown, err->text); /* it may quote what it complains about */
	text_add(&shown, "\n");
	fflush(stdout);
	fwrite(text_str(&shown), 1, shown.len, stderr); /* at once, as others write there, too */
	text_fini(&shown);
}

static int fail(const struct error *err)
{
	complain(COMPLAINT_ERROR, err);
	return error_exit_code(err->kind);
}

/* As a shell would read it again. */
static void add_word(struct text *line, const char *word)
{
	if (word[0] != '\0' && strpbrk(word, " \t\n'\"\\$*?[]{}();&|<>`!#~") == NULL) {
		text_add(line, word);
		return;
	}
	text_add(line, "'");
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			text_add(line, "'\\''");
		else
			text_add_bytes(line, word, 1);
	}
	text_add(line, "'");
}

/* The command line, for the manifest of a result, without its secrets.  Quoted only as far as needed
 * to read it. */
static const char *command_line(int argc, char *const *argv, struct arena *arena)
{
	struct text line = { 0 };

	for (int i = 0; i < argc; i++) {
		struct text word = { 0 };
		secret_add_argument(&word, argv[i]);
		if (i > 0)
			text_add(&line, " ");
		add_word(&line, text_str(&word));
		text_fini(&word);
	}
	const char *kept = arena_strdup(arena, text_str(&line));
	text_fini(&line);
	return kept;
}

/*
 * Whoever lists processes reads their arguments, of this one and of all that it forks: secrets in them
 * are overwritten.  The words move together, so that not even the length of a secret is left.  Returns
 * the arguments as they were.
 */
static char **take_arguments(int argc, char **argv, struct arena *arena)
{
	char **kept = arena_alloc(arena, ((size_t)argc + 1) * sizeof(*kept));
	char *at = argc > 0 ? argv[0] : NULL; /* the kernel puts them one behind the other */
	char *end = argc > 0 ? argv[argc - 1] + strlen(argv[argc - 1]) + 1 : NULL;

	for (int i = 0; i < argc; i++) {
		kept[i] = arena_strdup(arena, argv[i]);
		secret_learn_argument(kept[i]);
	}
	for (int i = 0; i < argc; i++) {
		struct text shown = { 0 };
		secret_add_argument(&shown, kept[i]);
		size_t len = strlen(kept[i]) < shown.len ? strlen(kept[i]) : shown.len;
		argv[i] = memcpy(at, text_str(&shown), len);
		at[len] = '\0';
		at += len + 1;
		text_fini(&shown);
	}
	if (at != NULL)
		memset(at, 0, (size_t)(end - at));
	return kept;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* What the program itself is asked for, without a command.  False: nothing of the kind. */
static bool answer(const char *word, struct text *out)
{
	struct environment environment;

	environment_read(&environment);
	if (is_help(word))
		help_program(all_commands, out);
	else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		text_addf(out, "omb %s (%s, %s)\n", environment.version, environment.commit,
		          environment.build);
	else if (strcmp(word, "--dump-man") == 0)
		help_man(all_commands, environment.version, out);
	else if (strcmp(word, "--dump-docs") == 0)
		help_markdown(all_commands, out);
	else if (strcmp(word, "--dump-metrics") == 0)
		prometheus_describe(out);
	else
		return false;
	return true;
}

static int unknown_command(const char *word)
{
	struct nearest near = nearest_to(word);
	struct error err;

	for (const struct command *const *c = all_commands; *c != NULL; c++)
		nearest_consider(&near, (*c)->name);
	if (near.name != NULL)
		error_set(&err, ERROR_USAGE, "unknown command \"%s\", did you mean \"%s\"?", word,
		          near.name);
	else
		error_set(&err, ERROR_USAGE, "unknown command \"%s\"; \"omb help\" lists them",
		          word);
	return fail(&err);
}

static int run_command(const struct command *command, int argc, char **argv, struct arena *arena)
{
	struct args args;
	struct error err;

	/* -h wins over whatever else is wrong on the line. */
	for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
		struct text out = { 0 };
		if (!is_help(argv[i]))
			continue;
		help_command(command, &out);
		fputs(text_str(&out), stdout);
		text_fini(&out);
		return 0;
	}
	if (!args_parse(command, argc - 2, argv + 2, arena, &args, &err))
		return fail(&err);
	args.line = command_line(argc, argv, arena);
	args.commands = all_commands;
	args.complain = complain;
	return command->run(&args);
}

static int run_main(int argc, char **argv, struct arena *arena)
{
	struct text out = { 0 };
	struct error err;

	if (argc < 2) {
		error_set(&err, ERROR_USAGE, "no command; \"omb help\" lists them");
		return fail(&err);
	}
	if (answer(argv[1], &out)) {
		fputs(text_str(&out), stdout);
		text_fini(&out);
		return 0;
	}
	const struct command *command = args_command(all_commands, argv[1]);
	if (command == NULL)
		return unknown_command(argv[1]);
	return run_command(command, argc, argv, arena);
}

/* A stream that was closed by who started us would be the next file that is opened, and the summary
 * would go into it.  These can neither be read nor written. */
static void hold_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			abort(); /* the lowest free descriptor is the one that was closed */
}

/* A full disk or a closed pipe must not look like success, whatever the command. */
static int close_output(int code)
{
	bool lost = ferror(stdout) != 0;
	struct error err;

	if (fclose(stdout) != 0)
		error_set_errno(&err, errno, "standard output");
	else if (lost)
		error_set(&err, ERROR_SYSTEM, "standard output: some of it could not be written");
	else
		return code;
	fprintf(stderr, "omb: %s\n", err.text);
	return code != 0 ? code : error_exit_code(err.kind);
}

int main(int argc, char **argv)
{
	struct arena arena = { 0 };

	hold_standard_streams();
	signals_ignore_lost_output();
	if (isatty(STDOUT_FILENO) == 0)
		setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	char **arguments = take_arguments(argc, argv, &arena);
	int code = run_main(argc, arguments, &arena);

	arena_fini(&arena);
	return close_output(code);
}
