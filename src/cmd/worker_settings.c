/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/worker_settings.h"

#include <limits.h>
#include <unistd.h>

#include "cmd/input_files.h"
#include "driver/registry.h"
#include "plan/plan.h"
#include "util/arena.h"
#include "util/os.h"

#define DRIVERS_MAX 32

/* The keys that a workload must have, which come with the coordinator. */
static const char workload_of_none[] = "topics: 1\n"
				       "partitionsPerTopic: 1\n"
				       "messageSize: 1024\n"
				       "useRandomizedPayloads: true\n"
				       "randomBytesRatio: 0.5\n"
				       "randomizedPayloadPoolSize: 1\n"
				       "subscriptionsPerTopic: 1\n"
				       "consumerPerSubscription: 1\n"
				       "producersPerTopic: 1\n"
				       "producerRate: 1\n"
				       "testDurationMinutes: 1\n";

static bool load_workload(const struct args *args, const struct config_mode *mode,
                          struct workload *w, struct error_list *errors,
                          struct error_list *warnings)
{
	const struct config_source none = { .path = "built-in",
		                            .text = workload_of_none,
		                            .len = sizeof(workload_of_none) - 1 };
	const char *path = args_value(args, "workload");

	if (path != NULL)
		return workload_load(path, mode, args->arena, w, errors, warnings);
	return workload_parse(&none, mode, args->arena, w, errors, warnings);
}

/* Which driver it will be is not known yet: a key has to be of one of them. */
static void check_overrides(const struct config_mode *mode, struct error_list *errors)
{
	const struct option_spec *tables[DRIVERS_MAX + 2] = { driver_file_table };

	for (size_t i = 0; i < DRIVERS_MAX && drivers[i] != NULL; i++)
		tables[i + 1] = drivers[i]->options;
	override_check(mode, workload_table, tables, errors);
}

static void host_name(char *out, size_t size)
{
	if (gethostname(out, size) != 0)
		out[0] = '\0';
	out[size - 1] = '\0';
}

/* Of a workload what is not the coordinator's to say. */
bool worker_settings_read(const struct args *args, struct served_settings *out,
                          struct error_list *errors, struct error_list *warnings)
{
	struct config_mode *mode = arena_alloc(args->arena, sizeof(*mode));
	struct workload *w = arena_alloc(args->arena, sizeof(*w));
	const struct plan_host host = { .cpus = os_cpus() };
	char name[HOST_NAME_MAX + 1];
	struct plan plan;
	struct error err;

	inputs_gather(args, mode, errors);
	check_overrides(mode, errors);
	if (errors->count > 0 || !load_workload(args, mode, w, errors, warnings))
		return false;
	w->payload_path = NULL; /* payloads come with the load */
	if (!plan_make(&plan, w, &host, args->arena, &err)) {
		error_list_add(errors, &err);
		return false;
	}
	host_name(name, sizeof(name));
	const char *id = args_value(args, "worker-id");
	*out = (struct served_settings){
		.deal = plan.deal,
		.consume = plan.consume,
		.load = plan.load,
		.overrides = mode->overrides,
		.overrides_count = mode->override_count,
		.name = id != NULL ? id : arena_strdup(args->arena, name),
	};
	return true;
}
