/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/admin_call.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "agent/supervisor.h"
#include "cmd/input_files.h"
#include "util/clock.h"
#include "util/units.h"

struct waiting {
	bool ended;
	char said[160]; /* the last line on stderr: what a client library that failed has to say */
};

static void job_opened(void *to, struct agent *a)
{
	(void)to;
	(void)a;
}

static void job_answered(void *to, struct agent *a, const struct agent_answer *answer)
{
	(void)to;
	(void)a;
	(void)answer;
}

static void job_ended(void *to, struct agent *a)
{
	struct waiting *w = to;

	(void)a;
	w->ended = true;
}

static void job_wrote(void *to, const char *line)
{
	struct waiting *w = to;

	snprintf(w->said, sizeof(w->said), "%s", line);
}

static const struct supervisor_calls job_calls = {
	.opened = job_opened,
	.answered = job_answered,
	.ended = job_ended,
	.wrote = job_wrote,
};

static bool wait_for_end(struct supervisor *s, const struct waiting *w, uint64_t timeout_ms,
                         struct error *err)
{
	uint64_t end_ns = clock_ns() + timeout_ms * 1000000;
	char limit[UNITS_TEXT];

	while (!w->ended) {
		uint64_t now_ns = clock_ns();
		struct pollfd fd = { .fd = supervisor_fd(s), .events = POLLIN };
		if (now_ns >= end_ns)
			return error_set(err, ERROR_TIMEOUT, "no answer within %s",
			                 format_duration(timeout_ms * 1000000, limit));
		poll(&fd, 1, (int)((end_ns - now_ns) / 1000000) + 1);
		supervisor_serve(s);
	}
	return true;
}

static bool take_output(const struct agent *a, const struct waiting *w, struct text *output,
                        struct error *err)
{
	if (a->wait_status == 0) {
		text_add_bytes(output, text_str(&a->output), a->output.len);
		return true;
	}
	agent_describe_end(a, err);
	if (err->kind == ERROR_SYSTEM && w->said[0] != '\0') {
		struct error last = *err; /* it died without a word of its own */
		error_set(err, ERROR_SYSTEM, "%s; it said: %s", last.text, w->said);
	}
	return false;
}

bool admin_call_run(const struct input_driver *driver, const struct admin_job *job,
                    uint64_t timeout_ms, struct text *output, struct error *err)
{
	struct agent_spec spec = {
		.role = AGENT_ADMIN,
		.driver = driver->driver,
		.driver_config = driver->config,
		.run_id = "none", /* no run: nothing is created under this name */
		.loops = 1,
		.cpu = -1,
	};
	struct supervisor s = { 0 };
	struct waiting w = { 0 };
	bool ok = false;

	if (!supervisor_init(&s, &job_calls, &w, err))
		goto out;
	struct agent *a = supervisor_start(&s, &spec, job, err);
	ok = a != NULL && wait_for_end(&s, &w, timeout_ms, err) && take_output(a, &w, output, err);
out:
	supervisor_fini(&s);
	return ok;
}

bool admin_call_next_record(const struct text *output, size_t *at, const char **fields,
                            size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (*at >= output->len)
			return false;
		fields[i] = output->data + *at;
		*at += strlen(fields[i]) + 1;
	}
	return true;
}
