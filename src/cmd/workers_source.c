/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/workers_source.h"

#include <stdlib.h>
#include <unistd.h>

#include "cmd/args.h"
#include "load/stamp.h"
#include "plan/plan.h"
#include "util/arena.h"
#include "util/text.h"

bool workers_check_usage(const struct args *args, struct error *err)
{
	if (args_has(args, "workers") && args_has(args, "workers-file"))
		return error_set(err, ERROR_USAGE, "either --workers or --workers-file, not both");
	return workers_check_clock(args, err);
}

static bool read_tolerated(const struct args *args, unsigned *out, struct error *err)
{
	const char *text = args_value(args, "tolerate-worker-loss");
	char *end;

	*out = 0;
	if (text == NULL)
		return true;
	unsigned long n = strtoul(text, &end, 10);
	*out = (unsigned)n;
	return (text[0] >= '0' && text[0] <= '9' && *end == '\0' && n < STAMP_WORKERS) ||
	       error_set(err, ERROR_USAGE, "--tolerate-worker-loss: \"%s\" is no number of workers",
	                 text);
}

static bool check_alone(const struct args *args, struct error *err)
{
	/* -x means nothing without them, as in OMB. */
	static const char *const flags[] = { "roles", "tolerate-worker-loss" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (args_has(args, flags[i]))
			return error_set(err, ERROR_USAGE,
			                 "--%s is about workers on other hosts: --workers names "
			                 "them",
			                 flags[i]);
	return true;
}

/* What depends on who they are. */
static bool read_rest(const struct args *args, struct workers_source *out, struct error *err)
{
	enum share_role roles[STAMP_WORKERS];

	out->more_consumers = args_has(args, "extra");
	out->roles = args_value(args, "roles");
	if (out->list.count == 0)
		return check_alone(args, err) && workers_read_clock(args, out, err);
	if (out->list.count > STAMP_WORKERS)
		return error_set(err, ERROR_USAGE, "%zu workers: at most %u are led at once",
		                 out->list.count, STAMP_WORKERS);
	return read_tolerated(args, &out->tolerated, err) && workers_roles(out, roles, err) &&
	       workers_read_clock(args, out, err);
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
	if (errors->count == before && !read_rest(args, out, &err))
		error_list_add(errors, &err);
	return errors->count == before;
}

bool workers_roles(const struct workers_source *source, enum share_role *out, struct error *err)
{
	unsigned count = (unsigned)source->list.count;

	if (source->roles != NULL)
		return shares_roles_read(source->roles, count, out, err) ||
		       error_wrap(err, "--roles");
	shares_roles(count, source->more_consumers, out);
	return true;
}

/* Of the worker: 0 where it has no slot. */
static uint64_t part_of(const struct share_slots *slots, unsigned worker, uint64_t clients)
{
	for (unsigned slot = 0; slot < slots->count; slot++)
		if (slots->workers[slot] == worker)
			return shares_items_of(clients, slots->count, slot);
	return 0;
}

void workers_describe(const struct workers_source *source, const struct plan *plan,
                      struct text *out)
{
	unsigned count = (unsigned)source->list.count;
	enum share_role roles[STAMP_WORKERS];
	struct error ignored; /* they were read before */

	if (count == 0 || !workers_roles(source, roles, &ignored))
		return;
	struct share_slots producing = shares_slots(roles, count, SHARE_PRODUCE, NULL);
	struct share_slots consuming = shares_slots(roles, count, SHARE_CONSUME, NULL);
	for (unsigned i = 0; i < count; i++)
		text_addf(out, "  %-10s%s: %llu of %u producers, %llu of %u consumers\n",
		          i == 0 ? "workers" : "", source->list.urls[i],
		          (unsigned long long)part_of(&producing, i, plan->producers),
		          plan->producers,
		          (unsigned long long)part_of(&consuming, i, plan->consumers),
		          plan->consumers);
	shares_slots_fini(&producing);
	shares_slots_fini(&consuming);
}
