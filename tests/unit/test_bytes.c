/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "net/bytes.h"

static void integers_come_back_as_they_were_written(void **state)
{
	struct writer w = { 0 };

	(void)state;
	write_u8(&w, 0xfe);
	write_i8(&w, -2);
	write_u16(&w, 0xfedc);
	write_i16(&w, -300);
	write_u32(&w, 0xfedcba98);
	write_i32(&w, INT32_MIN);
	write_u64(&w, UINT64_C(0xfedcba9876543210));
	write_i64(&w, INT64_MIN + 1);
	write_bytes(&w, "abc", 3);
	assert_int_equal(w.len, 1 + 1 + 2 + 2 + 4 + 4 + 8 + 8 + 3);
	assert_memory_equal(w.data + 2, "\xfe\xdc", 2); /* big-endian */

	struct reader r = reader_over(w.data, w.len);
	assert_int_equal(read_u8(&r), 0xfe);
	assert_int_equal(read_i8(&r), -2);
	assert_int_equal(read_u16(&r), 0xfedc);
	assert_int_equal(read_i16(&r), -300);
	assert_int_equal(read_u32(&r), 0xfedcba98);
	assert_int_equal(read_i32(&r), INT32_MIN);
	assert_true(read_u64(&r) == UINT64_C(0xfedcba9876543210));
	assert_true(read_i64(&r) == INT64_MIN + 1);
	assert_memory_equal(read_bytes(&r, 3), "abc", 3);
	assert_true(reader_is_done(&r));
	writer_fini(&w);
}

static void a_reader_that_lacks_bytes_is_broken_for_good(void **state)
{
	static const uint8_t bytes[3] = { 1, 2, 3 };
	struct reader r = reader_over(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(read_u32(&r), 0);
	assert_true(r.broken);
	assert_int_equal(read_u8(&r), 0); /* although there is one */
	assert_null(read_bytes(&r, 1));
	assert_int_equal(reader_left(&r), 0);
	assert_false(reader_is_done(&r));

	r = reader_over(bytes, sizeof(bytes));
	struct reader sub = read_sub(&r, 4);
	assert_true(sub.broken);
	r = reader_over(bytes, sizeof(bytes));
	assert_null(read_bytes(&r, SIZE_MAX));
	r = reader_over(NULL, 0);
	assert_true(reader_is_done(&r));
	assert_int_equal(read_u8(&r), 0);
	assert_true(r.broken);
}

static void a_part_ends_where_it_was_cut(void **state)
{
	static const uint8_t bytes[5] = { 1, 2, 3, 4, 5 };
	struct reader r = reader_over(bytes, sizeof(bytes));
	struct reader sub = read_sub(&r, 2);

	(void)state;
	assert_int_equal(read_u16(&sub), 0x0102);
	assert_true(reader_is_done(&sub));
	assert_int_equal(read_u8(&sub), 0);
	assert_true(sub.broken);
	assert_int_equal(read_u8(&r), 3);
	assert_int_equal(reader_left(&r), 2);
}

static void what_is_known_late_is_written_over(void **state)
{
	struct writer w = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		write_u32(&w, i);
	patch_u32(&w, 3996, 7); /* the last one */
	struct reader r = reader_over(w.data + 3992, 8);
	assert_int_equal(read_u32(&r), 998);
	assert_int_equal(read_u32(&r), 7);
	writer_clear(&w);
	assert_int_equal(w.len, 0);
	writer_fini(&w);
	assert_null(w.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_come_back_as_they_were_written),
		cmocka_unit_test(a_reader_that_lacks_bytes_is_broken_for_good),
		cmocka_unit_test(a_part_ends_where_it_was_cut),
		cmocka_unit_test(what_is_known_late_is_written_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
