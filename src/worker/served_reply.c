/* SPDX-License-Identifier: Apache-2.0 */
#include "util/fields.h"
#include "util/secret.h"
#include "worker/served_state.h"

void served_answer(struct http_request *r, unsigned status, const char *type, struct text *body)
{
	http_answer(r, &(struct http_answer){ .status = status, .type = type, .body = body });
}

void served_answer_text(struct http_request *r, unsigned status, const char *body)
{
	struct text text = { 0 };

	text_add(&text, body);
	served_answer(r, status, body[0] == '{' ? SERVED_JSON : SERVED_TEXT, &text);
}

void served_answer_error(struct http_request *r, unsigned status, const struct error *err)
{
	struct text body = { 0 };
	struct text shown = { 0 };

	secret_add(&shown, err->text);
	text_addf(&body, "{\"error\":{\"kind\":\"%s\",\"text\":", error_kind_name(err->kind));
	fields_write_text(text_str(&shown), &body);
	text_add(&body, "}}");
	text_fini(&shown);
	served_answer(r, status != 0 ? status : (unsigned)error_http_status(err->kind), SERVED_JSON,
	              &body);
}

void served_log(struct served *s, const char *fmt, ...)
{
	struct text line = { 0 }, shown = { 0 };
	va_list ap;

	va_start(ap, fmt);
	text_vaddf(&line, fmt, ap);
	va_end(ap);
	secret_add(&shown, text_str(&line));
	s->options.log(s->options.to, text_str(&shown));
	text_fini(&line);
	text_fini(&shown);
}

bool served_may_initialize(const struct served *s, const struct worker_initialize *ask,
                           struct error *err)
{
	return s->options.may_initialize == NULL ||
	       s->options.may_initialize(s->options.to, ask, err);
}
