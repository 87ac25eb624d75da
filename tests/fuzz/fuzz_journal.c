/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come as a journal, reading ends with an error or with a record of which both files of a
 * result can be made, and what was taken adds up.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>
#include <sys/mman.h>
#include <unistd.h>

#include "results/journal.h"
#include "results/recovery.h"
#include "results/result.h"
#include "results/side_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_record(struct record *r, const uint8_t *data, size_t len, size_t lines)
{
	struct journal journal = { .fd = memfd_create("journal", MFD_CLOEXEC), .lines = lines };
	struct file_draft omb = { 0 }, side = { 0 };
	struct error err;

	assert(r->recovered && r->run_id != NULL && r->verdict.verdict == VERDICT_INVALID);
	assert(r->window_end_ns >= r->window_start_ns && r->ended_ns >= r->window_end_ns);
	result_write_omb(r, &omb);
	assert(omb.text.len > 1000); /* 62 fields */
	assert(journal.fd >= 0 && write(journal.fd, data, len) == (ssize_t)len);
	r->journal = &journal;
	assert(side_file_write(r, &side, &err));
	json_t *root = json_loadb(side.text.data, side.text.len, JSON_REJECT_DUPLICATES, NULL);
	assert(root != NULL);
	json_decref(root);
	r->journal = NULL;
	close(journal.fd);
	file_draft_fini(&omb);
	file_draft_fini(&side);
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
		check_record(&r.record, data, len, r.lines);
	recovery_fini(&r);
	return 0;
}
