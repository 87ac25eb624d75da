/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/message.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "worker/message_tables.h"
#include "worker/worker.h"

static const char *const state_names[] = {
	[CALL_IDLE] = "idle",
	[CALL_RUNNING] = "running",
	[CALL_DONE] = "done",
	[CALL_FAILED] = "failed",
};

#define STATES (sizeof(state_names) / sizeof(state_names[0]))

/* --- writing ------------------------------------------------------------------------------------ */

static void write_part(const char *name, const struct fields *fields, const void *from,
                       const struct message_clock *clock, struct text *out)
{
	struct fields_out to = { .text = out, .origin_ns = clock->origin_ns };

	if (fields->count == 0)
		return;
	text_addf(out, ",\"%s\":", name);
	fields_write(fields, from, &to);
}

static const void *part_of(const struct worker_call *call)
{
	return (const char *)call + message_forms[call->verb].offset;
}

void message_write_ask(const struct worker_call *call, uint64_t id,
                       const struct message_clock *clock, struct text *out)
{
	text_addf(out, "{\"id\":%" PRIu64 ",\"verb\":\"%s\"", id, worker_verb_name(call->verb));
	if (call->deadline_ns != 0)
		text_addf(out, ",\"limitNs\":%" PRIu64,
		          call->deadline_ns > clock->now_ns ? call->deadline_ns - clock->now_ns
		                                            : 1);
	write_part("ask", &message_forms[call->verb].ask, part_of(call), clock, out);
	text_add(out, "}");
}

void message_write_answer(const struct worker_call *call, uint64_t id,
                          const struct message_clock *clock, struct text *out)
{
	text_addf(out,
	          "{\"id\":%" PRIu64 ",\"state\":\"%s\",\"done\":%" PRIu64 ",\"wanted\":%" PRIu64,
	          id, state_names[call->state], call->done, call->wanted);
	if (call->lacking)
		text_add(out, ",\"lacking\":true");
	if (call->state == CALL_FAILED)
		write_part("error", &message_error, &call->err, clock, out);
	if (call->state != CALL_RUNNING) /* of one that failed too: topics that may exist */
		write_part("answer", &message_forms[call->verb].answer, part_of(call), clock, out);
	text_add(out, "}");
}

/* --- reading ------------------------------------------------------------------------------------ */

/* The caller's to be given back. */
static json_t *parse(const char *line, size_t len, struct error *err)
{
	json_error_t why;
	json_t *root = json_loadb(line, len, 0, &why);

	if (json_is_object(root))
		return root;
	json_decref(root);
	error_set(err, ERROR_PROTOCOL, "a message is no JSON object%s%s", root == NULL ? ": " : "",
	          root == NULL ? why.text : "");
	return NULL;
}

static bool read_count(const json_t *root, const char *name, uint64_t *out, struct error *err)
{
	const json_t *v = json_object_get(root, name);

	*out = (uint64_t)json_integer_value(v);
	if (v != NULL && (!json_is_integer(v) || json_integer_value(v) < 0))
		return error_set(err, ERROR_PROTOCOL, "%s is no count", name);
	return true;
}

static bool read_part(const json_t *root, const char *name, const struct fields *fields, void *to,
                      struct fields_in *in)
{
	const json_t *part = json_object_get(root, name);

	if (fields->count == 0)
		return true;
	if (part == NULL)
		return error_set(in->err, ERROR_PROTOCOL, "%s is missing", name);
	return fields_read(fields, part, to, in) || error_wrap(in->err, "%s", name);
}

static bool read_ask(const json_t *root, const struct message_clock *clock,
                     struct worker_call *call, uint64_t *id, struct error *err)
{
	const char *verb = json_string_value(json_object_get(root, "verb"));
	struct fields_in in = { .arena = call->arena, .origin_ns = clock->origin_ns, .err = err };
	uint64_t limit_ns;

	if (!read_count(root, "id", id, err) || !read_count(root, "limitNs", &limit_ns, err))
		return false;
	if (verb == NULL)
		return error_set(err, ERROR_PROTOCOL, "a message without a verb");
	if (!worker_verb_find(verb, &call->verb)) {
		worker_lacks(call);
		return error_set(err, ERROR_UNSUPPORTED, "no verb \"%.50s\"", verb);
	}
	call->deadline_ns = limit_ns > 0 ? clock->now_ns + limit_ns : 0;

	const struct message_form *form = &message_forms[call->verb];
	return read_part(root, "ask", &form->ask, (char *)call + form->offset, &in) ||
	       error_wrap(err, "%s", verb);
}

bool message_read_ask(const char *line, size_t len, const struct message_clock *clock,
                      struct worker_call *call, uint64_t *id, struct error *err)
{
	json_t *root = parse(line, len, err);
	bool ok = root != NULL && read_ask(root, clock, call, id, err);

	json_decref(root);
	return ok;
}

bool message_read_id(const char *line, size_t len, uint64_t *id, struct error *err)
{
	json_t *root = parse(line, len, err);
	bool ok = root != NULL && read_count(root, "id", id, err);

	json_decref(root);
	return ok;
}

static bool read_state(const json_t *root, enum worker_call_state *out, struct error *err)
{
	const char *state = json_string_value(json_object_get(root, "state"));

	for (unsigned i = 0; state != NULL && i < STATES; i++) {
		if (strcmp(state, state_names[i]) != 0)
			continue;
		*out = (enum worker_call_state)i;
		return true;
	}
	return error_set(err, ERROR_PROTOCOL, "an answer without a state");
}

static bool read_answer(const json_t *root, const struct message_clock *clock,
                        struct worker_call *call, struct error *err)
{
	const struct message_form *form = &message_forms[call->verb];
	struct fields_in in = { .arena = call->arena, .origin_ns = clock->origin_ns, .err = err };
	enum worker_call_state state = CALL_IDLE;

	if (!read_state(root, &state, err) || !read_count(root, "done", &call->done, err) ||
	    !read_count(root, "wanted", &call->wanted, err))
		return false;
	if (state == CALL_FAILED && !read_part(root, "error", &message_error, &call->err, &in))
		return false;
	if (state != CALL_RUNNING && !(state == CALL_FAILED && !json_object_get(root, "answer")) &&
	    !read_part(root, "answer", &form->answer, (char *)call + form->offset, &in))
		return false;
	call->lacking = json_is_true(json_object_get(root, "lacking"));
	call->state = state;
	return true;
}

bool message_read_answer(const char *line, size_t len, const struct message_clock *clock,
                         struct worker_call *call, struct error *err)
{
	json_t *root = parse(line, len, err);
	bool ok = root != NULL && (read_answer(root, clock, call, err) ||
	                           error_wrap(err, "%s", worker_verb_name(call->verb)));

	json_decref(root);
	return ok;
}
