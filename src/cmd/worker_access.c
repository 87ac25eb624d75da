/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/worker_access.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/driver_file.h"
#include "driver/registry.h"
#include "util/arena.h"

/* --- the command line --------------------------------------------------------------------------------- */

static bool read_ranges(const struct args *args, struct worker_access *out, struct error *err)
{
	struct args_values texts = args_values(args, "allow-from");

	out->ranges = arena_alloc(args->arena, (texts.count + 1) * sizeof(*out->ranges));
	for (size_t i = 0; i < texts.count; i++)
		if (!address_range_parse(texts.items[i], &out->ranges[i], err))
			return error_wrap(err, "--allow-from");
	out->ranges_count = texts.count;
	return true;
}

static bool read_folder(const struct args *args, struct worker_access *out, struct error *err)
{
	const char *path = args_value(args, "allow-files");
	char real[PATH_MAX];

	if (path == NULL)
		return true;
	if (realpath(path, real) == NULL)
		return error_set_errno(err, errno, "--allow-files %s", path);
	out->files = arena_strdup(args->arena, real);
	return true;
}

bool worker_access_read(const struct args *args, const struct address *at,
                        struct worker_access *out, struct error *err)
{
	if (!token_read(args, &out->token, err) || !read_ranges(args, out, err) ||
	    !read_folder(args, out, err))
		return false;
	if (address_is_loopback(at) || out->token != NULL || out->ranges_count > 0 ||
	    args_has(args, "insecure"))
		return true;
	return error_set(err, ERROR_USAGE,
	                 "--bind: whoever reaches the port could make this host load any broker: "
	                 "--token-file has callers show a token, --allow-from says who may "
	                 "connect (OMB's own coordinator has no token), --insecure lets everybody");
}

bool worker_access_admits(const struct worker_access *a, const struct address *from)
{
	for (size_t i = 0; i < a->ranges_count; i++)
		if (address_range_has(&a->ranges[i], from))
			return true;
	return a->ranges_count == 0;
}

/* --- driver files ------------------------------------------------------------------------------------- */

struct looking {
	const struct worker_access *access;
	struct error *err;
	bool ok;
};

/* Also through symbolic links; one that does not exist is in no folder. */
static bool is_within(const char *folder, const char *path)
{
	char real[PATH_MAX];
	size_t len = strlen(folder);

	if (realpath(path, real) == NULL || strncmp(real, folder, len) != 0)
		return false;
	return real[len] == '/' || folder[len - 1] == '/';
}

static void look(void *to, const struct driver_reach *reach)
{
	struct looking *l = to;
	const char *folder = l->access->files;

	if (!l->ok)
		return;
	if (reach->is_command)
		l->ok = error_set(l->err, ERROR_REFUSED,
		                  "%s runs a command on this host: a driver file that was sent "
		                  "here may not",
		                  reach->key);
	else if (folder == NULL || !is_within(folder, reach->value))
		l->ok = error_set(l->err, ERROR_REFUSED,
		                  "%s names a file of this host: a driver file that was sent here "
		                  "may not%s%s",
		                  reach->key, folder != NULL ? ", unless it is there and in " : "",
		                  folder != NULL ? folder : "; see --allow-files");
}

/* False: it is no good, as whoever carries it out will say. */
static bool look_at(const struct worker_access *a, const struct worker_initialize *ask,
                    bool with_overrides, struct error *err, bool *ok)
{
	struct arena arena = { 0 };
	struct error_list errors = { 0 }, warnings = { 0 };
	struct config_mode mode = { .lenient = ask->lenient,
		                    .overrides = ask->overrides,
		                    .override_count = with_overrides ? ask->overrides_count : 0 };
	struct driver_file file = { .path = ask->path, .mode = &mode, .arena = &arena };
	struct looking l = { .access = a, .err = err, .ok = true };
	const struct driver *d = NULL;
	void *config = NULL;

	if (driver_file_parse(ask->text, ask->text_len, &file, &errors, &warnings))
		d = driver_configure(&file, &arena, &config, &errors, &warnings);
	if (d != NULL)
		driver_each_reach(d, config, look, &l);
	*ok = l.ok;
	error_list_fini(&errors);
	error_list_fini(&warnings);
	arena_fini(&arena);
	return d != NULL;
}

bool worker_access_may_initialize(const struct worker_access *a,
                                  const struct worker_initialize *ask, struct error *err)
{
	bool is_own = ask->overrides == a->own, ok = true;

	/* What only works together with the owner's words is looked at together with them. */
	if (!look_at(a, ask, !is_own, err, &ok) && is_own)
		(void)look_at(a, ask, true, err, &ok);
	return ok;
}
