/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/text_run.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/args.h"
#include "cmd/input_files.h"
#include "cmd/machine.h"
#include "driver/registry.h"
#include "plan/names.h"
#include "plan/plan.h"
#include "util/arena.h"
#include "util/os.h"
#include "worker/local.h"

struct texts {
	struct workload workload;
	struct driver_file driver;
	void *config;
	const struct driver *driver_found;
};

static bool parse(const struct args *args, const struct text_run *q, const struct config_mode *mode,
                  struct texts *out, struct error_list *errors)
{
	struct error_list warnings = { 0 };
	struct config_source source = {
		.path = q->name,
		.text = q->workload,
		.len = strlen(q->workload),
	};

	out->driver = (struct driver_file){
		.path = q->name,
		.file_name = q->name,
		.mode = mode,
		.arena = args->arena,
	};
	bool ok = workload_parse(&source, mode, args->arena, &out->workload, errors, &warnings) &&
	          driver_file_parse(q->driver, strlen(q->driver), &out->driver, errors, &warnings);
	if (ok)
		out->driver_found = driver_configure(&out->driver, args->arena, &out->config,
		                                     errors, &warnings);
	error_list_fini(&warnings);
	return out->driver_found != NULL;
}

static enum run_outcome run_texts(const struct args *args, const struct text_run *q,
                                  const struct texts *texts, struct run_report *report,
                                  struct error *err)
{
	char run_id[RUN_ID_CHARS + 1];
	struct plan_host host = { .cpus = os_cpus() };
	struct plan plan;

	run_id_format(run_id, (uint64_t)time(NULL), name_chance());
	host.run = run_id_stamp(run_id);
	if (!plan_make(&plan, &texts->workload, &host, args->arena, err))
		return RUN_FAILED;
	/* NULL: the console's own streams. */
	FILE *silence = q->silent ? fopen("/dev/null", "we") : NULL;
	struct run_options options = {
		.workload = &texts->workload,
		.driver = &texts->driver,
		.plan = &plan,
		.run_id = run_id,
		.run = host.run,
		.workload_path = q->name,
		.driver_path = q->name,
		.output = q->output,
		.without_files = q->output == NULL,
		.command_line = args->line,
		.console = { .format = CONSOLE_TEXT,
		             .quiet = q->silent,
		             .progress = silence,
		             .summary = silence },
		.ceiling_per_s = q->silent
		                         ? 0
		                         : machine_ceiling_per_s(texts->driver_found, texts->config,
		                                                 texts->workload.message_size),
		.worker = worker_local_create(),
	};
	enum run_outcome outcome = run_one(&options, report, err);
	worker_destroy(options.worker);
	if (silence != NULL)
		fclose(silence);
	return outcome;
}

enum run_outcome text_run(const struct args *args, const struct text_run *q,
                          struct run_report *report, struct error *err)
{
	struct config_mode mode = { .overrides = q->sets, .override_count = q->sets_count };
	struct error_list errors = { 0 };
	struct texts texts = { 0 };
	enum run_outcome outcome = RUN_FAILED;

	if (parse(args, q, &mode, &texts, &errors))
		outcome = run_texts(args, q, &texts, report, err);
	else
		*err = errors.items[0];
	error_list_fini(&errors);
	return outcome;
}
