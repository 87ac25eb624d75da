/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come as a journal, reading ends with an error or with a record of which both files of a
 * result can be made, and what was taken adds up.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "results/recovery.h"
#include "results/result.h"
#include "results/side_file.h"
#include "util/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_record(const struct record *r)
{
	struct text out = { 0 };

	assert(r->recovered && r->run_id != NULL && r->verdict.verdict == VERDICT_INVALID);
	assert(r->window_end_ns >= r->window_start_ns && r->ended_ns >= r->window_end_ns);
	result_format_omb(r, &out);
	assert(out.len > 1000); /* 62 fields */
	side_file_format(r, &out);
	text_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *at = (const char *)data, *end = at + len;
	struct recovery r;
	struct error err;
	bool ok = true;

	recovery_init(&r);
	while (ok && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line_len = (size_t)((newline != NULL ? newline : end) - at);
		size_t before = r.lines;
		ok = recovery_take(&r, at, line_len, &err);
		assert(r.lines == before + ok);
		if (!ok && newline == NULL)
			ok = recovery_is_cut(&r, at, line_len);
		at += line_len + 1;
	}
	if (ok && recovery_finish(&r, &err))
		check_record(&r.record);
	recovery_fini(&r);
	return 0;
}
