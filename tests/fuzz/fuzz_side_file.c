/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come as a result, reading ends with an error that says something, or with a record that
 * can be written, and what is written is read again and written the same.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "results/side_file.h"
#include "results/side_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool look(void *to, const struct side_reader *r, const struct record_period *p,
                 struct error *err)
{
	size_t *periods = to;

	(void)err;
	assert(p->kind != NULL && p->end_ns >= p->start_ns);
	assert(++*periods == r->periods);
	return true;
}

/* False: it is none. */
static bool copy(const char *data, size_t len, struct file_draft *out)
{
	struct json_stream from;
	struct side_reader r;
	struct error err = { 0 };
	size_t periods = 0;

	json_stream_over(&from, data, len);
	bool ok = side_reader_read(&r, &from, look, &periods, &err);
	assert(ok || (err.kind != ERROR_NONE && err.text[0] != '\0'));
	if (ok)
		assert(side_file_write(&r.record, out, &err));
	json_stream_fini(&from);
	side_reader_fini(&r);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct file_draft first = { 0 }, second = { 0 }, third = { 0 };

	if (copy((const char *)data, len, &first)) {
		/* Rounded once; then nothing changes any more. */
		assert(copy(first.text.data, first.text.len, &second));
		assert(copy(second.text.data, second.text.len, &third));
		assert(third.text.len > 0);
	}
	file_draft_fini(&first);
	file_draft_fini(&second);
	file_draft_fini(&third);
	return 0;
}
