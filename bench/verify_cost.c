/* SPDX-License-Identifier: Apache-2.0 */

/*
 * verify_cost -- what `verifyPayload` costs a consumers' loop, a message.
 *
 *     verify_cost SIZE PAYLOADS MESSAGES
 *
 * Messages of one producer with payloads of a pool of so many, in 1000 buffers as a client library
 * might hand them over; their stamps are read, and then their contents compared besides.  The difference
 * is printed, the least of five turns.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/contents.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"

#define BUFFERS 1000
#define TURNS   5
#define SEED    77

struct bench {
	struct contents contents;
	unsigned char *buffers;
	uint64_t bad;
};

static void fill_buffers(struct bench *b)
{
	b->buffers = xcalloc(BUFFERS, b->contents.size);
	for (uint64_t n = 0; n < BUFFERS; n++) {
		unsigned char *to = b->buffers + n * b->contents.size;
		uint32_t which = payload_index(payload_mix(SEED, 0, n), b->contents.count);
		struct stamp stamp = { .sequence = n, .due_ns = n };
		memcpy(to, b->contents.pool + (size_t)which * b->contents.size, b->contents.size);
		stamp_write(to, b->contents.size, &stamp);
	}
}

static uint64_t receive(struct bench *b, const struct contents *with, uint64_t messages)
{
	uint64_t from_ns = clock_ns();

	for (uint64_t n = 0; n < messages; n++) {
		const struct received m = {
			.payload = b->buffers + n % BUFFERS * b->contents.size,
			.payload_len = b->contents.size,
		};
		struct stamp stamp;
		if (stamp_read(m.payload, m.payload_len, &stamp) != STAMP_OK ||
		    !contents_are_good(with, &m, &stamp))
			b->bad++;
	}
	return clock_ns() - from_ns;
}

int main(int argc, char **argv)
{
	static const struct contents nothing;
	struct bench b = { 0 };
	struct error err;

	if (argc != 4) {
		fprintf(stderr, "verify_cost SIZE PAYLOADS MESSAGES\n");
		return 2;
	}
	struct payload_spec spec = { .size = (uint32_t)strtoul(argv[1], NULL, 10),
		                     .count = (uint32_t)strtoul(argv[2], NULL, 10),
		                     .random_ratio = 1,
		                     .seed = SEED };
	uint64_t messages = strtoull(argv[3], NULL, 10);
	struct agent_verify verify = { .size = spec.size, .count = spec.count, .seed = SEED };
	if (spec.size < STAMP_BYTES || spec.count == 0 || messages == 0) {
		fprintf(stderr, "verify_cost: payloads have %d bytes at least\n", STAMP_BYTES);
		return 2;
	}
	verify.pool_fd = payload_make(&spec, &err);
	if (verify.pool_fd < 0 || !contents_open(&b.contents, &verify, &err)) {
		fprintf(stderr, "verify_cost: %s\n", err.text);
		return 1;
	}
	fill_buffers(&b);
	uint64_t without_ns = UINT64_MAX, with_ns = UINT64_MAX;
	for (int i = 0; i < TURNS; i++) {
		uint64_t one_ns = receive(&b, &nothing, messages);
		uint64_t two_ns = receive(&b, &b.contents, messages);
		without_ns = one_ns < without_ns ? one_ns : without_ns;
		with_ns = two_ns < with_ns ? two_ns : with_ns;
	}
	printf("%u bytes of %u payloads: stamp %.1f ns, contents %.1f ns a message\n", spec.size,
	       spec.count, (double)without_ns / (double)messages,
	       ((double)with_ns - (double)without_ns) / (double)messages);
	contents_close(&b.contents);
	file_close(verify.pool_fd);
	free(b.buffers);
	return b.bad > 0;
}
