/* SPDX-License-Identifier: Apache-2.0 */
#include "load/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct stamp examples[] = {
	{ .due_ns = 0 },
	{ .due_ns = UINT64_C(123456789012345),
	  .send_delay_ns = 54321,
	  .sequence = 987654321,
	  .producer = 0xdeadbeef,
	  .run = 0x1234,
	  .flags = STAMP_PROBE },
	{ .due_ns = UINT64_MAX,
	  .send_delay_ns = STAMP_DELAY_MAX_NS,
	  .sequence = STAMP_SEQUENCE_MAX,
	  .producer = UINT32_MAX,
	  .run = UINT16_MAX,
	  .flags = UINT16_MAX },
};
#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static void assert_same(const struct stamp *a, const struct stamp *b)
{
	assert_int_equal(a->due_ns, b->due_ns);
	assert_int_equal(a->send_delay_ns, b->send_delay_ns);
	assert_int_equal(a->sequence, b->sequence);
	assert_int_equal(a->producer, b->producer);
	assert_int_equal(a->run, b->run);
	assert_int_equal(a->flags, b->flags);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < EXAMPLES; i++) {
		unsigned char payload[100] = { 0 };
		struct stamp got = { 0 };
		stamp_write(payload, sizeof(payload), &examples[i]);
		assert_int_equal(stamp_read(payload, sizeof(payload), &got), STAMP_OK);
		assert_same(&got, &examples[i]);
	}
}

static void only_the_last_32_bytes_are_touched(void **state)
{
	(void)state;
	unsigned char payload[100];

	memset(payload, 0xa5, sizeof(payload));
	stamp_write(payload, sizeof(payload) - 10, &examples[1]);
	for (size_t i = 0; i < sizeof(payload); i++)
		if (i < 90 - STAMP_BYTES || i >= 90)
			assert_int_equal(payload[i], 0xa5);
}

static void the_bytes_lie_where_the_drawing_says(void **state)
{
	(void)state;
	static const unsigned char want[] = {
		0x0b, 0xb3, 0x34, 0x12, 0xef, 0xbe, 0xad, 0xde, /* magic, run, producer */
		0xb1, 0x68, 0xde, 0x3a, 0x00, 0x00,             /* sequence */
	};
	static const unsigned char want_delay[] = { 0x31, 0xd4, 0, 0, 0, 0, 0x01, 0x00 };
	unsigned char payload[STAMP_BYTES];

	stamp_write(payload, sizeof(payload), &examples[1]);
	assert_memory_equal(payload, want, sizeof(want));
	assert_memory_equal(payload + 24, want_delay, sizeof(want_delay));
}

static void a_payload_without_room_has_no_stamp(void **state)
{
	(void)state;
	unsigned char payload[STAMP_BYTES];
	struct stamp got = { 0 };

	stamp_write(payload, sizeof(payload), &examples[1]);
	assert_int_equal(stamp_read(payload, STAMP_BYTES - 1, &got), STAMP_ABSENT);
	assert_int_equal(stamp_read(payload, 0, &got), STAMP_ABSENT);
}

static void zeros_and_text_are_not_stamps(void **state)
{
	(void)state;
	unsigned char zeros[64] = { 0 };
	static const char text[] = "the quick brown fox jumps over the lazy dog";
	struct stamp got = { 0 };

	assert_int_equal(stamp_read(zeros, sizeof(zeros), &got), STAMP_ABSENT);
	assert_int_equal(stamp_read(text, sizeof(text), &got), STAMP_ABSENT);
}

static void every_flipped_bit_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < EXAMPLES; i++) {
		for (unsigned bit = 0; bit < STAMP_BYTES * 8; bit++) {
			unsigned char payload[STAMP_BYTES];
			struct stamp got = { 0 };
			stamp_write(payload, sizeof(payload), &examples[i]);
			payload[bit / 8] ^= (unsigned char)(1 << bit % 8);
			enum stamp_status want = bit < 16 ? STAMP_ABSENT : STAMP_CORRUPT;
			if (stamp_read(payload, sizeof(payload), &got) != want)
				fail_msg("example %zu: bit %u flipped unnoticed", i, bit);
		}
	}
}

/* A 16-bit check misses 1 of 65,536 damages at best; random stamps show whether it is near that. */
static void flipped_bits_of_any_stamp_are_noticed_nearly_always(void **state)
{
	(void)state;
	uint64_t x = 88172645463325252u;
	unsigned missed = 0, tried = 0;

	for (unsigned i = 0; i < 4000; i++) {
		struct stamp s;
		unsigned char payload[STAMP_BYTES];
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		s = (struct stamp){ .due_ns = x,
			            .send_delay_ns = x >> 40,
			            .sequence = i,
			            .producer = (uint32_t)(x >> 20) & 1023,
			            .run = (uint16_t)(x >> 3) };
		for (unsigned bit = 16; bit < STAMP_BYTES * 8; bit++, tried++) {
			struct stamp got = { 0 };
			stamp_write(payload, sizeof(payload), &s);
			payload[bit / 8] ^= (unsigned char)(1 << bit % 8);
			missed += stamp_read(payload, sizeof(payload), &got) == STAMP_OK;
		}
	}
	/* 960,000 / 65,536 = 15 are expected; five times that is a bad check. */
	if (missed > 75)
		fail_msg("%u of %u flips missed", missed, tried);
}

static void swapped_words_and_zeroed_tails_are_noticed(void **state)
{
	(void)state;
	unsigned char payload[STAMP_BYTES], damaged[STAMP_BYTES];
	struct stamp got = { 0 };

	stamp_write(payload, sizeof(payload), &examples[1]);
	for (size_t cut = 2; cut < 30; cut++) {
		memcpy(damaged, payload, sizeof(damaged));
		memset(damaged + cut, 0, sizeof(damaged) - cut);
		if (memcmp(damaged, payload, sizeof(damaged)) != 0)
			assert_int_equal(stamp_read(damaged, sizeof(damaged), &got), STAMP_CORRUPT);
	}
	memcpy(damaged, payload, sizeof(damaged));
	memcpy(damaged + 16, payload + 24, 8);
	memcpy(damaged + 24, payload + 16, 8);
	assert_int_equal(stamp_read(damaged, sizeof(damaged), &got), STAMP_CORRUPT);
}

static void delays_beyond_78_hours_are_cut_and_sequences_wrap(void **state)
{
	(void)state;
	struct stamp s = { .send_delay_ns = UINT64_MAX, .sequence = STAMP_SEQUENCE_MAX + 6 },
		     got = { 0 };
	unsigned char payload[STAMP_BYTES];

	stamp_write(payload, sizeof(payload), &s);
	assert_int_equal(stamp_read(payload, sizeof(payload), &got), STAMP_OK);
	assert_int_equal(got.send_delay_ns, STAMP_DELAY_MAX_NS);
	assert_int_equal(got.sequence, 5);
	assert_int_equal(got.flags, 0);
}

static void neither_side_needs_alignment(void **state)
{
	(void)state;
	unsigned char buffer[STAMP_BYTES + 8];

	for (size_t shift = 0; shift < 8; shift++) {
		struct stamp got = { 0 };
		stamp_write(buffer + shift, STAMP_BYTES, &examples[1]);
		assert_int_equal(stamp_read(buffer + shift, STAMP_BYTES, &got), STAMP_OK);
		assert_same(&got, &examples[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(only_the_last_32_bytes_are_touched),
		cmocka_unit_test(the_bytes_lie_where_the_drawing_says),
		cmocka_unit_test(a_payload_without_room_has_no_stamp),
		cmocka_unit_test(zeros_and_text_are_not_stamps),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(flipped_bits_of_any_stamp_are_noticed_nearly_always),
		cmocka_unit_test(swapped_words_and_zeroed_tails_are_noticed),
		cmocka_unit_test(delays_beyond_78_hours_are_cut_and_sequences_wrap),
		cmocka_unit_test(neither_side_needs_alignment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
