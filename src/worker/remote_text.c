/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/remote_text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "util/arena.h"
#include "util/fields.h"
#include "worker/message_tables.h"

/* The caller's to be given back. */
static json_t *parse(const char *body, size_t len, const char *what, struct error *err)
{
	json_error_t why;
	json_t *root = json_loadb(body, len, 0, &why);

	if (json_is_object(root))
		return root;
	json_decref(root);
	error_set(err, ERROR_PROTOCOL, "%s is no JSON object%s%s", what, root == NULL ? ": " : "",
	          root == NULL ? why.text : "");
	return NULL;
}

/* --- hello ---------------------------------------------------------------------------------------- */

struct hello_texts {
	const char *program;
	struct remote_hello hello;
};

static bool read_verbs(const json_t *v, void *to, struct fields_in *in)
{
	struct hello_texts *s = to;

	if (!json_is_array(v))
		return error_set(in->err, ERROR_PROTOCOL, "verbs is no list");
	for (size_t i = 0; i < json_array_size(v); i++) {
		const char *name = json_string_value(json_array_get(v, i));
		enum worker_verb verb;
		if (name != NULL && worker_verb_find(name, &verb))
			s->hello.has[verb] = true;
	}
	return true;
}

static bool write_nothing(const void *from, struct fields_out *out)
{
	(void)from;
	(void)out;
	return false;
}

static const struct field_custom verbs = { write_nothing, read_verbs };

static const struct field hello_items[] = {
	FIELD(struct hello_texts, program, "program", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct hello_texts, hello.version, "version", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct hello_texts, hello.commit, "commit", FIELD_TEXT),
	FIELD(struct hello_texts, hello.protocol, "protocol", FIELD_UINT, .flags = FIELD_MUST),
	FIELD(struct hello_texts, hello.name, "worker", FIELD_TEXT),
	FIELD(struct hello_texts, hello.in_use, "inUse", FIELD_TEXT),
	FIELD(struct hello_texts, hello.clock, "clock", FIELD_TEXT),
	FIELD(struct hello_texts, hello.has, "verbs", FIELD_CUSTOM, .custom = &verbs),
};
static const struct fields hello_fields = FIELDS(struct hello_texts, hello_items);

bool remote_hello_read(const char *body, size_t len, struct arena *a, struct remote_hello *out,
                       struct error *err)
{
	struct fields_in in = { .arena = a, .err = err };
	struct hello_texts said = { 0 };
	json_t *root = parse(body, len, "its greeting", err);

	if (root == NULL)
		return false;
	bool ok = fields_read(&hello_fields, root, &said, &in) || error_wrap(err, "its greeting");
	json_decref(root);
	if (ok && strcmp(said.program, "omb") != 0)
		return error_set(err, ERROR_PROTOCOL, "it is no worker of omb but \"%.40s\"",
		                 said.program);
	*out = said.hello;
	out->commit = out->commit != NULL ? out->commit : "";
	out->name = out->name != NULL ? out->name : "";
	return ok;
}

bool remote_hello_check(const struct remote_hello *hello, const char *our_version,
                        struct error *err)
{
	if (hello->protocol == REMOTE_PROTOCOL)
		return true;
	return error_set(err, ERROR_UNSUPPORTED,
	                 "it is too %s: its omb %s speaks version %" PRIu32
	                 " of the workers' protocol, and this one (%s) version %d; all hosts "
	                 "need one version of omb",
	                 hello->protocol < REMOTE_PROTOCOL ? "old" : "new", hello->version,
	                 hello->protocol, our_version, REMOTE_PROTOCOL);
}

/* --- sessions ------------------------------------------------------------------------------------- */

void remote_opening_write(const struct remote_opening *o, struct text *out)
{
	text_addf(out, "{\"protocol\":%d,\"version\":", REMOTE_PROTOCOL);
	fields_write_text(o->version, out);
	text_add(out, ",\"coordinator\":");
	fields_write_text(o->coordinator, out);
	text_addf(out, ",\"worker\":%u,\"leaseNs\":%" PRIu64 "}", o->worker, o->lease_ns);
}

/* Up to 2^53, so that sums do not wrap. */
static bool read_ns(const json_t *root, const char *name, uint64_t *out, struct error *err)
{
	const json_t *v = json_object_get(root, name);
	json_int_t value = json_integer_value(v);

	*out = (uint64_t)value;
	return (json_is_integer(v) && value >= 0 && value <= INT64_C(1) << 61) ||
	       error_set(err, ERROR_PROTOCOL, "%s is no instant", name);
}

static bool is_id(const char *id)
{
	return id != NULL && strlen(id) == REMOTE_SESSION_CHARS &&
	       strspn(id, "0123456789abcdef") == REMOTE_SESSION_CHARS;
}

bool remote_session_read(const char *body, size_t len, struct remote_session *out,
                         struct error *err)
{
	json_t *root = parse(body, len, "the session", err);
	const char *id = json_string_value(json_object_get(root, "session"));
	bool ok = root != NULL && read_ns(root, "originNs", &out->origin_ns, err);

	if (ok && !is_id(id))
		ok = error_set(err, ERROR_PROTOCOL, "the session has no id");
	if (ok)
		memcpy(out->id, id, REMOTE_SESSION_CHARS + 1);
	json_decref(root);
	return ok;
}

bool remote_reading_read(const char *body, size_t len, struct remote_reading *out,
                         struct error *err)
{
	json_t *root = parse(body, len, "the reading of its clock", err);
	const json_t *system = json_object_get(root, "system");
	const char *lack = json_string_value(json_object_get(root, "systemLack"));

	*out = (struct remote_reading){ .has_system = system != NULL };
	bool ok = root != NULL && read_ns(root, "receivedNs", &out->received_ns, err) &&
	          read_ns(root, "sentNs", &out->sent_ns, err);
	if (ok && system != NULL)
		ok = read_ns(system, "monotonicNs", &out->system.monotonic_ns, err) &&
		     read_ns(system, "wallNs", &out->system.wall_ns, err) &&
		     read_ns(system, "errorNs", &out->system.error_ns, err);
	if (lack != NULL)
		(void)snprintf(out->system_lack, sizeof(out->system_lack), "%s", lack);
	json_decref(root);
	return ok;
}

bool remote_error_read(const char *body, size_t len, struct error *out)
{
	struct error ignored = { 0 };
	struct fields_in in = { .err = &ignored };
	json_t *root = json_loadb(body, len, 0, NULL);
	const json_t *said = json_object_get(root, "error");
	struct error read = { 0 };
	bool ok = said != NULL && fields_read(&message_error, said, &read, &in) &&
	          read.kind != ERROR_NONE;

	if (ok)
		*out = read;
	json_decref(root);
	return ok;
}
