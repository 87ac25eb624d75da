/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "config/file_secrets.h"
#include "config/option.h"
#include "config/override.h"
#include "config/payload_files.h"
#include "config/workload_raw.h"
#include "config/yaml.h"
#include "util/arena.h"
#include "util/file.h"

#define MINUTE_NS       60000000000u
/* Stands for "the file does not say"; no duration reaches it. */
#define UNSAID          UINT64_MAX
/* The window in messages when the file gives one in bytes only. */
#define WINDOW_MESSAGES 65536

static void resolve_rate(struct workload_raw *raw)
{
	raw->w.rate_per_s = 0;
	if (raw->rate.choice == RATE_MAX)
		raw->w.rate_mode = RATE_MAX;
	else if (raw->rate.number == 0)
		raw->w.rate_mode = RATE_SEARCH;
	else {
		raw->w.rate_mode = RATE_FIXED;
		raw->w.rate_per_s = raw->rate.number;
	}
}

static void resolve_agents(struct workload_raw *raw)
{
	if (raw->agents.choice == OPTION_NUMBER) {
		raw->w.agents = AGENTS_NUMBER;
		raw->w.agent_count = (uint32_t)raw->agents.number;
	} else {
		raw->w.agents = (enum agent_layout)raw->agents.choice;
	}
}

static void resolve_times(struct workload_raw *raw)
{
	if (raw->w.test_ns == 0)
		raw->w.test_ns = raw->test_minutes * (uint64_t)MINUTE_NS;
	if (raw->w.warmup_ns == UNSAID)
		raw->w.warmup_ns = raw->warmup_minutes * (uint64_t)MINUTE_NS;
}

static void resolve(struct workload_loading *l)
{
	struct workload_raw *raw = &l->raw;

	resolve_rate(raw);
	resolve_agents(raw);
	resolve_times(raw);

	raw->w.max_in_flight = raw->window.count > 0 ? raw->window.count : WINDOW_MESSAGES;
	if (raw->window.bytes > 0)
		raw->w.max_in_flight_bytes = raw->window.bytes;
	raw->w.commit_messages = raw->commit.count;
	raw->w.commit_ns = raw->commit.ns;

	/* No broker creates a topic without partitions; Java asks for one for ever. */
	if (raw->w.partitions_per_topic == 0)
		raw->w.partitions_per_topic = 1;
	if (raw->w.name == NULL)
		raw->w.name = raw->w.file_name;
}

static const char *base_name(const char *path, struct arena *a)
{
	const char *base = file_base(path);
	const char *dot = strrchr(base, '.');

	return arena_strndup(a, base,
	                     dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base));
}

static bool parse_root(struct workload_loading *l)
{
	struct yaml_doc doc;
	struct error err = { 0 };

	if (!yaml_parse(l->source->text, l->source->len, l->arena, &doc, &err)) {
		error_list_add(l->errors, &err);
		return false;
	}
	file_secrets_learn(doc.root);
	if (doc.more_line != 0) {
		error_set(&err, ERROR_CONFIG, "a second document starts here; only one is read");
		err.line = doc.more_line;
		err.column = 1;
		error_list_add(l->mode->lenient ? l->warnings : l->errors, &err);
	}

	struct override_target target = { .file = OVERRIDE_WORKLOAD, .table = workload_table };
	override_apply(l->mode, &target, doc.root, l->arena, l->errors);
	l->root = doc.root;
	return true;
}

/* Everything but the look at the payload files. */
static void parse(struct workload_loading *l)
{
	struct option_reader reader = {
		.table = workload_table,
		.lenient = l->mode->lenient,
		.arena = l->arena,
		.errors = l->errors,
		.warnings = l->warnings,
		.failed = l->failed,
	};

	l->raw.w.path = arena_strdup(l->arena, l->source->path);
	l->raw.w.file_name = base_name(l->source->path, l->arena);
	l->raw.w.warmup_ns = UNSAID;
	if (!parse_root(l))
		return;
	option_read(&reader, l->root, &l->raw);
	if (l->root->kind != YAML_MAP)
		return;
	resolve(l);
	workload_check(l);
	if (l->raw.w.randomized_payloads) { /* as OMB: the file is not looked at */
		l->raw.w.payload_path_unused = l->raw.w.payload_path != NULL;
		l->raw.w.payload_path = NULL;
	}
}

bool workload_parse(const struct config_source *source, const struct config_mode *mode,
                    struct arena *a, struct workload *out, struct error_list *errors,
                    struct error_list *warnings)
{
	struct workload_loading l = {
		.source = source,
		.mode = mode,
		.arena = a,
		.errors = errors,
		.warnings = warnings,
	};
	size_t errors_before = errors->count;

	parse(&l);
	*out = l.raw.w;
	return errors->count == errors_before;
}

/* Where the payload is, and that it has the right size. */
static void find_payload(struct workload_loading *l)
{
	struct workload *w = &l->raw.w;
	struct payload_files files;
	struct error err = { 0 };

	if (w->payload_path == NULL)
		return;
	const char *found = payload_files_find(w->payload_path, w->path, l->arena, &err);
	if (found == NULL) {
		workload_complain(l, "payloadFile", false, "%s", err.text);
		return;
	}
	w->payload_path = found;
	if (workload_key_failed(l, "messageSize"))
		return;
	if (!payload_files_list(found, w->message_size, l->arena, &files, &err))
		workload_complain(l, "payloadFile", false, "%s", err.text);
}

bool workload_load(const char *path, const struct config_mode *mode, struct arena *a,
                   struct workload *out, struct error_list *errors, struct error_list *warnings)
{
	size_t errors_before = errors->count, warnings_before = warnings->count;
	struct config_source source = { .path = path };
	struct error err = { 0 };
	char *text = file_read(path, YAML_MAX_BYTES, &source.len, &err);

	if (text == NULL) {
		/* A file that is not there is a wrong argument, not a failing system. */
		err.kind = ERROR_CONFIG;
		err.os_errno = 0;
		error_wrap(&err, "workload");
		error_list_add(errors, &err);
		return false;
	}

	source.text = text;
	struct workload_loading l = {
		.source = &source,
		.mode = mode,
		.arena = a,
		.errors = errors,
		.warnings = warnings,
	};
	parse(&l);
	if (l.root != NULL)
		find_payload(&l);
	free(text);

	config_wrap(errors, errors_before, "workload", path);
	config_wrap(warnings, warnings_before, "workload", path);
	*out = l.raw.w;
	return errors->count == errors_before;
}
