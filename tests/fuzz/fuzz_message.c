/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come as a message to a worker, reading ends with an error that says why, or with a call
 * that can be written again: and what is read from that is written the same.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "util/arena.h"
#include "worker/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct message_clock of = { .origin_ns = UINT64_C(1) << 40,
	                                 .now_ns = UINT64_C(1) << 41 };

static bool read_ask(const char *line, size_t len, struct arena *arena, struct text *again)
{
	struct worker_call call = { .arena = arena };
	struct error err = { 0 };
	uint64_t id = 0;

	if (!message_read_ask(line, len, &of, &call, &id, &err)) {
		assert(err.kind != ERROR_NONE && err.text[0] != '\0');
		return false;
	}
	assert(call.verb < WORKER_VERB_COUNT && !call.lacking);
	message_write_ask(&call, id, &of, again);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct text once = { 0 }, twice = { 0 };
	struct arena arena = { 0 };

	if (read_ask((const char *)data, len, &arena, &once)) {
		bool ok = read_ask(once.data, once.len, &arena, &twice);
		assert(ok && strcmp(text_str(&once), text_str(&twice)) == 0);
	}
	text_fini(&once);
	text_fini(&twice);
	arena_fini(&arena);
	return 0;
}
