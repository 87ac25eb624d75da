/* SPDX-License-Identifier: Apache-2.0 */

/* What consumers find when they compare what arrives with what was sent. */

#include "agent/contents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "util/file.h"

#define SEED  UINT64_C(99)
#define SIZE  100
#define COUNT 7

struct pool {
	struct contents contents;
	unsigned char *sent; /* as a producer has it */
	int fd;
};

static void pool_init(struct pool *p, const void *const *given)
{
	const struct payload_spec spec = {
		.size = SIZE,
		.count = COUNT,
		.random_ratio = 0.5,
		.seed = 4,
		.contents = given,
	};
	struct agent_verify verify = { .size = SIZE, .count = COUNT, .seed = SEED };
	struct error err = { 0 };

	p->fd = payload_make(&spec, &err);
	assert_true(p->fd >= 0);
	p->sent = payload_map(p->fd, SIZE, COUNT, &err);
	assert_non_null(p->sent);
	verify.pool_fd = p->fd;
	assert_true(contents_open(&p->contents, &verify, &err));
}

static void pool_fini(struct pool *p)
{
	contents_close(&p->contents);
	contents_close(&p->contents); /* without effect */
	payload_unmap(p->sent, SIZE, COUNT);
	file_close(p->fd);
}

/* As a producer fills it (agent/producer_send.c): picked from the pool, and stamped in place. */
static const unsigned char *send(const struct pool *p, uint32_t producer, uint64_t sequence)
{
	uint64_t mixed = payload_mix_next(payload_seed(SEED, producer), sequence);
	unsigned char *payload = p->sent + (size_t)payload_index(mixed, COUNT) * SIZE;
	const struct stamp stamp = { .producer = producer, .sequence = sequence, .due_ns = 5 };

	stamp_write(payload, SIZE, &stamp);
	return payload;
}

static bool is_good(const struct pool *p, const void *payload, size_t len)
{
	const struct received m = { .payload = payload, .payload_len = len };
	struct stamp stamp = { 0 };

	assert_int_equal(stamp_read(payload, len, &stamp), STAMP_OK);
	return contents_are_good(&p->contents, &m, &stamp);
}

static void what_was_sent_is_good_and_no_byte_of_it_may_differ(void **state)
{
	struct pool p;

	(void)state;
	pool_init(&p, NULL);
	for (uint32_t producer = 0; producer < 3; producer++)
		for (uint64_t n = 0; n < 100; n++)
			assert_true(is_good(&p, send(&p, producer, n), SIZE));
	for (size_t at = 0; at < SIZE - STAMP_BYTES; at++) {
		unsigned char bad[SIZE];
		memcpy(bad, send(&p, 1, at), SIZE);
		bad[at] ^= 1;
		assert_false(is_good(&p, bad, SIZE));
	}
	pool_fini(&p);
}

static void another_messages_payload_is_not_good(void **state)
{
	struct pool p;
	unsigned different = 0;

	(void)state;
	pool_init(&p, NULL);
	for (uint64_t n = 0; n < 100; n++) {
		unsigned char bad[SIZE];
		struct stamp next = { .producer = 1, .sequence = n + 1, .due_ns = 5 };
		memcpy(bad, send(&p, 1, n), SIZE);
		stamp_write(bad, SIZE, &next);
		different += !is_good(&p, bad, SIZE);
	}
	assert_in_range(different, 70, 99); /* six of seven others */
	pool_fini(&p);
}

static void a_payload_of_another_size_is_not_good(void **state)
{
	struct pool p;
	unsigned char longer[SIZE + 4] = { 0 };

	(void)state;
	pool_init(&p, NULL);
	memcpy(longer + 4, send(&p, 1, 1), SIZE);
	assert_true(is_good(&p, longer + 4, SIZE));
	assert_false(is_good(&p, longer, SIZE + 4));
	assert_false(is_good(&p, longer + 8, SIZE - 4));
	pool_fini(&p);
}

static void payloads_of_a_file_are_compared_too(void **state)
{
	unsigned char given[COUNT][SIZE];
	const void *list[COUNT];
	struct pool p;

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		memset(given[i], 'a' + (int)i, SIZE);
		list[i] = given[i];
	}
	pool_init(&p, list);
	unsigned char payload[SIZE];
	memcpy(payload, send(&p, 2, 9), SIZE);
	assert_true(payload[0] >= 'a' && payload[0] < 'a' + COUNT);
	assert_true(is_good(&p, payload, SIZE));
	/* All its bytes are alike: of more or fewer of them only the size tells. */
	unsigned char longer[SIZE + 4];
	memset(longer, payload[0], sizeof(longer));
	memcpy(longer + SIZE + 4 - STAMP_BYTES, payload + SIZE - STAMP_BYTES, STAMP_BYTES);
	assert_true(is_good(&p, longer + 4, SIZE));
	assert_false(is_good(&p, longer, SIZE + 4));
	payload[0] = '!';
	assert_false(is_good(&p, payload, SIZE));
	pool_fini(&p);
}

static void nothing_is_compared_unless_it_was_asked_for(void **state)
{
	const struct agent_verify nothing = { 0 };
	unsigned char payload[SIZE] = { 0 };
	const struct received m = { .payload = payload, .payload_len = SIZE };
	const struct stamp stamp = { .producer = 1 };
	struct contents c;
	struct error err;

	(void)state;
	assert_true(contents_open(&c, &nothing, &err));
	assert_true(contents_are_good(&c, &m, &stamp));
	contents_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sent_is_good_and_no_byte_of_it_may_differ),
		cmocka_unit_test(another_messages_payload_is_not_good),
		cmocka_unit_test(a_payload_of_another_size_is_not_good),
		cmocka_unit_test(payloads_of_a_file_are_compared_too),
		cmocka_unit_test(nothing_is_compared_unless_it_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
