/* SPDX-License-Identifier: Apache-2.0 */
#include "load/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/file.h"

static unsigned char *make(const struct payload_spec *spec)
{
	struct error err = { 0 };
	int fd = payload_make(spec, &err);

	assert_true(fd >= 0);
	unsigned char *pool = payload_map(fd, spec->size, spec->count, &err);
	assert_non_null(pool);
	file_close(fd);
	return pool;
}

static size_t zeros_at_the_end(const unsigned char *payload, size_t size)
{
	size_t zeros = 0;

	while (zeros < size && payload[size - 1 - zeros] == 0)
		zeros++;
	return zeros;
}

static void the_first_part_is_random_and_the_rest_zeros(void **state)
{
	(void)state;
	static const struct payload_spec spec = {
		.size = 1001, .count = 50, .random_ratio = 0.5, .seed = 1
	};
	unsigned char *pool = make(&spec);
	unsigned counts[256] = { 0 };

	for (uint32_t i = 0; i < spec.count; i++) {
		size_t zeros = zeros_at_the_end(pool + (size_t)i * spec.size, spec.size);
		assert_in_range(zeros, 501,
		                504); /* (int)(1001 * 0.5) random ones; the last may be 0 */
		for (uint32_t b = 0; b < 500; b++)
			counts[pool[(size_t)i * spec.size + b]]++;
	}
	for (int b = 0; b < 256; b++)
		assert_in_range(counts[b], 50, 150); /* 98 expected, standard deviation 10 */
	payload_unmap(pool, spec.size, spec.count);
}

static void ratio_0_is_all_zeros_and_ratio_1_fills_it(void **state)
{
	(void)state;
	struct payload_spec spec = { .size = 4096, .count = 3, .random_ratio = 0 };
	unsigned char *pool = make(&spec);

	assert_int_equal(zeros_at_the_end(pool, (size_t)3 * 4096), 3 * 4096);
	payload_unmap(pool, spec.size, spec.count);

	spec.random_ratio = 1;
	pool = make(&spec);
	assert_in_range(zeros_at_the_end(pool, 4096), 0, 3);
	payload_unmap(pool, spec.size, spec.count);
}

static void the_seed_decides_the_contents(void **state)
{
	(void)state;
	struct payload_spec spec = { .size = 100, .count = 10, .random_ratio = 1, .seed = 7 };
	unsigned char *a = make(&spec), *b = make(&spec);

	spec.seed = 8;
	unsigned char *c = make(&spec);
	assert_memory_equal(a, b, 1000);
	assert_memory_not_equal(a, c, 1000);
	assert_memory_not_equal(a, a + 100, 100); /* nor are two of one pool the same */
	payload_unmap(a, 100, 10);
	payload_unmap(b, 100, 10);
	payload_unmap(c, 100, 10);
}

static void given_contents_are_taken_as_they_are(void **state)
{
	(void)state;
	const void *contents[] = { "first!", "second" };
	struct payload_spec spec = {
		.size = 6, .count = 2, .contents = contents, .random_ratio = 1
	};
	unsigned char *pool = make(&spec);

	assert_memory_equal(pool, "first!second", 12);
	payload_unmap(pool, 6, 2);
}

static void mappings_do_not_see_each_others_stamps(void **state)
{
	(void)state;
	struct payload_spec spec = { .size = 64, .count = 4, .random_ratio = 1, .seed = 3 };
	struct error err = { 0 };
	int fd = payload_make(&spec, &err);

	assert_true(fd >= 0);
	unsigned char *a = payload_map(fd, 64, 4, &err), *b = payload_map(fd, 64, 4, &err);
	unsigned char before = b[63];
	a[63] = (unsigned char)~before;
	assert_int_equal(b[63], before);
	file_close(fd);
	payload_unmap(a, 64, 4);
	payload_unmap(b, 64, 4);
	payload_unmap(NULL, 64, 4);
}

static void every_payload_and_every_key_has_its_turn(void **state)
{
	(void)state;
	unsigned payloads[100] = { 0 };
	unsigned *keys = calloc(PAYLOAD_KEYS, sizeof(*keys));

	assert_non_null(keys);
	for (uint64_t n = 0; n < 100000; n++) {
		uint64_t mixed = payload_mix(42, 3, n);
		payloads[payload_index(mixed, 100)]++;
		uint32_t key = key_index(KEY_RANDOM, mixed, n);
		assert_true(key < PAYLOAD_KEYS);
		keys[key]++;
	}
	for (int i = 0; i < 100; i++)
		assert_in_range(payloads[i], 800, 1200); /* 1000 expected, deviation 32 */
	unsigned unused = 0;
	for (int i = 0; i < PAYLOAD_KEYS; i++)
		unused += keys[i] == 0;
	assert_in_range(unused, 0, 5); /* 10 each expected: e^-10 of 10,000 stay out */
	free(keys);
}

static void producers_and_seeds_choose_differently(void **state)
{
	(void)state;
	unsigned same_producer = 0, same_seed = 0;

	for (uint64_t n = 0; n < 1000; n++) {
		uint32_t mine = payload_index(payload_mix(1, 1, n), 1000);
		same_producer += mine == payload_index(payload_mix(1, 2, n), 1000);
		same_seed += mine == payload_index(payload_mix(2, 1, n), 1000);
	}
	assert_in_range(same_producer, 0, 10);
	assert_in_range(same_seed, 0, 10);
}

static void round_robin_keys_follow_ombs_order(void **state)
{
	(void)state;
	/* Pre-increment with wrap: 1, 2, ..., 9999, 0, 1 ... */
	assert_int_equal(key_index(KEY_ROUND_ROBIN, 99, 0), 1);
	assert_int_equal(key_index(KEY_ROUND_ROBIN, 99, 9998), 9999);
	assert_int_equal(key_index(KEY_ROUND_ROBIN, 99, 9999), 0);
	assert_int_equal(key_index(KEY_ROUND_ROBIN, 99, 10000), 1);
}

static void keys_are_ten_characters_of_url_safe_base64_and_differ(void **state)
{
	(void)state;
	struct key_table *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));

	assert_non_null(a);
	assert_non_null(b);
	key_table_fill(a, 1);
	key_table_fill(b, 2);
	for (int i = 0; i < PAYLOAD_KEYS; i++) {
		for (int c = 0; c < PAYLOAD_KEY_BYTES; c++)
			assert_non_null(
				strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			               "0123456789-_",
			               a->keys[i][c]));
		/* The tenth character stands for the last 2 of 56 bits. */
		assert_non_null(strchr("AQgw", a->keys[i][9]));
	}
	assert_memory_not_equal(a->keys[0], a->keys[1], PAYLOAD_KEY_BYTES);
	assert_memory_not_equal(a->keys[0], b->keys[0], PAYLOAD_KEY_BYTES);
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_part_is_random_and_the_rest_zeros),
		cmocka_unit_test(ratio_0_is_all_zeros_and_ratio_1_fills_it),
		cmocka_unit_test(the_seed_decides_the_contents),
		cmocka_unit_test(given_contents_are_taken_as_they_are),
		cmocka_unit_test(mappings_do_not_see_each_others_stamps),
		cmocka_unit_test(every_payload_and_every_key_has_its_turn),
		cmocka_unit_test(producers_and_seeds_choose_differently),
		cmocka_unit_test(round_robin_keys_follow_ombs_order),
		cmocka_unit_test(keys_are_ten_characters_of_url_safe_base64_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
