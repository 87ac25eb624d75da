/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/workers_source.h"

#include <unistd.h>

#include "cmd/args.h"
#include "util/arena.h"

bool workers_check_usage(const struct args *args, struct error *err)
{
	if (args_has(args, "workers") && args_has(args, "workers-file"))
		return error_set(err, ERROR_USAGE, "either --workers or --workers-file, not both");
	return workers_check_clock(args, err);
}

static void read_list(const struct args *args, struct workers_list *out, struct error_list *errors)
{
	struct args_values urls = args_values(args, "workers");
	struct error err;

	out->urls = arena_alloc(args->arena, (urls.count + 1) * sizeof(*out->urls));
	for (size_t i = 0; i < urls.count; i++) {
		if (workers_list_add(out, urls.items[i], args->arena, &err))
			continue;
		error_wrap(&err, "--workers");
		error_list_add(errors, &err);
	}
}

bool workers_read(const struct args *args, const struct config_mode *mode,
                  struct workers_source *out, struct error_list *errors,
                  struct error_list *warnings)
{
	const char *path = args_value(args, "workers-file");
	size_t before = errors->count;
	struct error err;

	*out = (struct workers_source){ 0 };
	if (!token_read(args, &out->token, &err))
		error_list_add(errors, &err);
	if (args_has(args, "workers")) {
		read_list(args, &out->list, errors);
	} else {
		out->is_found = path == NULL && access(WORKERS_FILE_NAME, F_OK) == 0;
		path = out->is_found ? WORKERS_FILE_NAME : path;
		if (path != NULL)
			(void)workers_file_load(path, mode, args->arena, &out->list, errors,
			                        warnings);
	}
	if (errors->count == before && !workers_read_clock(args, out, &err))
		error_list_add(errors, &err);
	return errors->count == before;
}
