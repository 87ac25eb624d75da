/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of kafka/crc32c.h, wire.h's varints, batch.h and record.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kafka/crc32c.h"
#include "kafka/record.h"
#include "kafka/wire.h"

/* RFC 3720, B.4; and the check value of the polynomial. */
static void checksums_are_those_of_the_rfc(void **state)
{
	static const uint8_t scsi_read[48] = {
		0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,
		0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
		0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0,
	};
	uint8_t zeroes[32], ones[32], up[32], down[32];

	(void)state;
	for (uint8_t i = 0; i < 32; i++) {
		zeroes[i] = 0;
		ones[i] = 0xff;
		up[i] = i;
		down[i] = (uint8_t)(31 - i);
	}
	const struct {
		const void *data;
		size_t len;
		uint32_t want;
	} cases[] = {
		{ zeroes, 32, 0x8a9136aa },
		{ ones, 32, 0x62a8ab43 },
		{ up, 32, 0x46dd794e },
		{ down, 32, 0x113fdb5c },
		{ scsi_read, 48, 0xd9963a56 },
		{ "123456789", 9, 0xe3069283 },
		{ "", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(crc32c(cases[i].data, cases[i].len), cases[i].want);
		assert_int_equal(crc32c_tables(cases[i].data, cases[i].len), cases[i].want);
	}
}

static void both_checksums_agree_at_any_length_and_place(void **state)
{
	uint8_t bytes[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13);
	for (size_t from = 0; from < 9; from++)
		for (size_t len = 0; len <= sizeof(bytes) - from; len++)
			assert_int_equal(crc32c(bytes + from, len),
			                 crc32c_tables(bytes + from, len));
}

static void varints_are_what_they_were(void **state)
{
	static const struct {
		int64_t value;
		size_t len;
		uint8_t first;
	} cases[] = {
		{ 0, 1, 0 },
		{ -1, 1, 1 },
		{ 1, 1, 2 },
		{ 63, 1, 126 },
		{ -64, 1, 127 },
		{ 64, 2, 0x80 },
		{ INT32_MAX, 5, 0xfe },
		{ INT32_MIN, 5, 0xff },
		{ INT64_MAX, 10, 0xfe },
		{ INT64_MIN, 10, 0xff },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = { 0 };
		write_varlong(&w, cases[i].value);
		assert_int_equal(w.len, cases[i].len);
		assert_int_equal(w.len, varlong_bytes(cases[i].value));
		assert_int_equal(w.data[0], cases[i].first);
		struct reader r = reader_over(w.data, w.len);
		assert_int_equal(read_varlong(&r), cases[i].value);
		assert_true(reader_is_done(&r));
		r = reader_over(w.data, w.len);
		int32_t narrow = read_varint(&r);
		assert_int_equal(r.broken, cases[i].len > VARINT_MAX);
		assert_true(r.broken || narrow == cases[i].value);
		writer_fini(&w);
	}
}

static void varints_that_never_end_or_do_not_fit_break_the_reader(void **state)
{
	static const uint8_t endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		                           0xff, 0xff, 0xff, 0xff, 0 };
	static const uint8_t wide[] = { 0x80, 0x80, 0x80, 0x80, 0x10 };   /* 2^32 */
	static const uint8_t widest[] = { 0xff, 0xff, 0xff, 0xff, 0x0f }; /* 2^32 - 1 */
	struct reader r = reader_over(endless, sizeof(endless));

	(void)state;
	(void)read_varlong(&r);
	assert_true(r.broken);
	r = reader_over(endless, 4);
	(void)read_uvarint(&r);
	assert_true(r.broken);
	r = reader_over(wide, sizeof(wide));
	(void)read_uvarint(&r);
	assert_true(r.broken);
	r = reader_over(widest, sizeof(widest));
	assert_int_equal(read_uvarint(&r), UINT32_MAX);
	assert_false(r.broken);
}

/* --- batches -------------------------------------------------------------------------------------- */

static const struct record_header headers[2] = {
	{ { "k", 1 }, { "v", 1 } },
	{ { "null", 4 }, { NULL, 0 } },
};
static const struct record records[4] = {
	{ .key = { "key", 3 }, .value = { "value", 5 }, .timestamp_ms = 1000 },
	{ .value = { "", 0 }, .timestamp_ms = 999, .headers = headers, .headers_count = 2 },
	{ .key = { "", 0 }, .timestamp_ms = 5000 },
	{ .value = { "last", 4 }, .timestamp_ms = 1000 },
};

/* All of `records`; returns its length. */
static size_t write_batch(uint8_t *out, size_t cap, uint16_t attributes)
{
	struct record_writer w = record_writer_into(out, cap);
	struct batch head = {
		.attributes = attributes,
		.base_offset = 77,
		.producer = 5,
		.epoch = 1,
		.first_sequence = 9,
	};

	for (size_t i = 0; i < 4; i++) {
		size_t before = w.len, bytes = record_bytes(&w, &records[i]);
		if (!record_add(&w, &records[i]))
			return 0;
		assert_int_equal(w.len, before + bytes);
	}
	record_finish(&w, &head);
	return w.len;
}

static void assert_string(struct kafka_string got, struct kafka_string want)
{
	assert_int_equal(got.data == NULL, want.data == NULL);
	assert_int_equal(got.len, want.len);
	if (want.len > 0)
		assert_memory_equal(got.data, want.data, want.len);
}

static void a_batch_is_what_was_written(void **state)
{
	uint8_t bytes[512];
	size_t len = write_batch(bytes, sizeof(bytes), BATCH_TRANSACTION);
	struct reader r = reader_over(bytes, len);
	struct batch b;
	struct record got;
	struct record_header header;

	(void)state;
	assert_int_equal(batch_read(&r, true, &b), BATCH_OK);
	assert_int_equal(batch_read(&r, true, &b), BATCH_END);
	assert_int_equal(b.len, len);
	assert_int_equal(b.messages, 4);
	assert_int_equal(b.offsets, 4);
	assert_int_equal(b.producer, 5);
	assert_int_equal(b.epoch, 1);
	assert_int_equal(b.first_sequence, 9);
	assert_int_equal(b.max_timestamp_ms, 5000);
	assert_int_equal(batch_codec(&b), BATCH_PLAIN);
	assert_int_equal(b.attributes, BATCH_TRANSACTION);

	struct record_reader in = record_reader_over(&b);
	for (size_t i = 0; i < 4; i++) {
		assert_true(record_next(&in, &got));
		assert_string(got.key, records[i].key);
		assert_string(got.value, records[i].value);
		assert_int_equal(got.timestamp_ms, records[i].timestamp_ms);
		assert_int_equal(got.offset, 77 + i);
		for (size_t k = 0; k < records[i].headers_count; k++) {
			assert_true(record_next_header(&got, &header));
			assert_string(header.key, headers[k].key);
			assert_string(header.value, headers[k].value);
		}
		assert_false(record_next_header(&got, &header));
		assert_true(reader_is_done(&got.headers_read));
	}
	assert_false(record_next(&in, &got));
	assert_true(reader_is_done(&in.left));
}

static void attributes_say_codec_and_whose_time(void **state)
{
	static const enum batch_codec codecs[] = { BATCH_PLAIN, BATCH_GZIP, BATCH_SNAPPY, BATCH_LZ4,
		                                   BATCH_ZSTD };
	uint8_t bytes[512];
	struct batch b;
	struct record got;

	(void)state;
	for (uint16_t i = 0; i < 5; i++) {
		size_t len = write_batch(bytes, sizeof(bytes), BATCH_APPEND_TIME | i);
		struct reader r = reader_over(bytes, len);
		assert_int_equal(batch_read(&r, true, &b), BATCH_OK);
		assert_int_equal(batch_codec(&b), codecs[i]);
		struct record_reader in = record_reader_plain(&b, bytes + BATCH_HEADER_BYTES,
		                                              len - BATCH_HEADER_BYTES);
		assert_true(record_next(&in, &got));
		assert_int_equal(got.timestamp_ms, 5000); /* the broker's */
	}
}

static void what_has_no_room_is_not_written(void **state)
{
	uint8_t bytes[512];
	size_t len = write_batch(bytes, sizeof(bytes), 0);

	(void)state;
	for (size_t cap = BATCH_HEADER_BYTES; cap < len; cap++) {
		uint8_t *small = malloc(cap);
		assert_int_equal(write_batch(small, cap, 0), 0);
		free(small);
	}
	assert_int_equal(write_batch(bytes, len, 0), len);
}

/* What an answer ends with when its size is full is told apart from what is broken. */
static void a_batch_that_is_cut_is_told_apart(void **state)
{
	uint8_t bytes[512];
	size_t len = write_batch(bytes, sizeof(bytes), 0);
	struct batch b;

	(void)state;
	for (size_t cut = 1; cut < len; cut++) {
		uint8_t *copy = malloc(cut);
		memcpy(copy, bytes, cut);
		struct reader r = reader_over(copy, cut);
		assert_int_equal(batch_read(&r, true, &b), BATCH_CUT);
		free(copy);
	}
	for (size_t i = 21; i < len; i++) { /* behind the checksum */
		struct reader r = reader_over(bytes, len);
		bytes[i] ^= 0x40;
		assert_int_equal(batch_read(&r, true, &b), BATCH_CORRUPT);
		bytes[i] ^= 0x40;
	}
	bytes[16] = 1;
	struct reader old = reader_over(bytes, len);
	assert_int_equal(batch_read(&old, true, &b), BATCH_OLD);
}

static void a_head_that_cannot_be_is_corrupt(void **state)
{
	static const struct {
		size_t at, len;
		uint8_t bytes[4];
		enum batch_status want;
	} cases[] = {
		{ 17, 4, { 1, 2, 3, 4 }, BATCH_OK }, /* the checksum: nobody asked */
		{ 16, 1, { 3 }, BATCH_CORRUPT },     /* a format that is not known */
		{ 8, 4, { 0, 0, 0, 48 }, BATCH_CORRUPT },
		{ 23, 4, { 0xff, 0xff, 0xff, 0xff }, BATCH_CORRUPT }, /* last offset: -1 */
		{ 23, 4, { 0, 0x0f, 0x42, 0x40 }, BATCH_CORRUPT },    /* a million */
		{ 23, 4, { 0, 0x0f, 0x42, 0x3f }, BATCH_OK },
		{ 57, 4, { 0xff, 0xff, 0xff, 0xff }, BATCH_CORRUPT }, /* messages: -1 */
		{ 57, 4, { 0, 0, 0, 5 }, BATCH_CORRUPT },             /* more than offsets */
		{ 57, 4, { 0, 0, 0, 3 }, BATCH_OK },                  /* compacted */
	};
	uint8_t bytes[512], copy[512];
	size_t len = write_batch(bytes, sizeof(bytes), 0);
	struct batch b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(copy, bytes, len);
		memcpy(copy + cases[i].at, cases[i].bytes, cases[i].len);
		struct reader r = reader_over(copy, len);
		assert_int_equal(batch_read(&r, false, &b), cases[i].want);
	}
}

/* Lengths and counts are zigzag: 1 is -1, 2 is 1. */
static void a_record_that_cannot_be_ends_its_batch(void **state)
{
	static const struct {
		uint8_t bytes[9];
		size_t len;
		bool is_read, has_header;
	} cases[] = {
		/* length, attributes, time, offset, key, value, headers; key and value of one */
		{ { 12, 0, 0, 0, 1, 1, 0 }, 7, true, false },
		{ { 12, 0, 0, 1, 1, 1, 0 }, 7, false, false },      /* offset -1 */
		{ { 12, 0, 0, 0, 1, 1, 1 }, 7, false, false },      /* -1 headers */
		{ { 12, 0, 0, 0, 3, 1, 0 }, 7, false, false },      /* a key of -2 bytes */
		{ { 16, 0, 0, 0, 1, 1, 2, 0, 1 }, 9, true, true },  /* an empty name */
		{ { 16, 0, 0, 0, 1, 1, 2, 1, 1 }, 9, true, false }, /* a header without any */
	};
	struct batch b = { .messages = 1 };
	struct record_header header;
	struct record got;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record_reader in = record_reader_plain(&b, cases[i].bytes, cases[i].len);
		assert_int_equal(record_next(&in, &got), cases[i].is_read);
		if (cases[i].is_read)
			assert_int_equal(record_next_header(&got, &header), cases[i].has_header);
	}
}

static void lengths_and_counts_that_cannot_be_break_the_reader(void **state)
{
	static const uint8_t null[] = { 0xff, 0xff, 0xff, 0xff },
			     less[] = { 0xff, 0xff, 0xff, 0xfe };
	static const uint8_t many[] = { 0, 0, 0, 3, 1, 2, 3, 4, 5 };
	struct reader r = reader_over(null, 2);

	(void)state;
	assert_null(read_string(&r).data);
	assert_false(r.broken);
	r = reader_over(less + 2, 2);
	(void)read_string(&r);
	assert_true(r.broken);
	r = reader_over(less, 4);
	(void)read_kafka_bytes(&r);
	assert_true(r.broken);
	r = reader_over(null, 4);
	assert_int_equal(read_count(&r, 1), 0);
	assert_false(r.broken);
	r = reader_over(less, 4);
	assert_int_equal(read_count(&r, 1), 0);
	assert_true(r.broken);
	r = reader_over(many, sizeof(many));
	assert_int_equal(read_count(&r, 1), 3);
	assert_false(r.broken);
	r = reader_over(many, sizeof(many));
	assert_int_equal(read_count(&r, 2), 0); /* five bytes are left */
	assert_true(r.broken);
}

/* Every byte changed to every value, the checksum not looked at: nothing is read beyond the batch. */
static void hostile_records_do_no_harm(void **state)
{
	uint8_t bytes[512];
	size_t len = write_batch(bytes, sizeof(bytes), 0);
	uint8_t *copy = malloc(len > 0 ? len : 1);

	(void)state;
	for (size_t at = BATCH_HEADER_BYTES - 4; at < len; at++) {
		for (unsigned value = 0; value < 256; value++) {
			struct batch b;
			struct record got;
			struct record_header header;
			memcpy(copy, bytes, len);
			copy[at] = (uint8_t)value;
			struct reader r = reader_over(copy, len);
			if (batch_read(&r, false, &b) != BATCH_OK)
				continue;
			struct record_reader in = record_reader_over(&b);
			while (record_next(&in, &got))
				while (record_next_header(&got, &header))
					;
			assert_true(in.at <= b.messages);
		}
	}
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_those_of_the_rfc),
		cmocka_unit_test(both_checksums_agree_at_any_length_and_place),
		cmocka_unit_test(varints_are_what_they_were),
		cmocka_unit_test(varints_that_never_end_or_do_not_fit_break_the_reader),
		cmocka_unit_test(a_batch_is_what_was_written),
		cmocka_unit_test(attributes_say_codec_and_whose_time),
		cmocka_unit_test(what_has_no_room_is_not_written),
		cmocka_unit_test(a_batch_that_is_cut_is_told_apart),
		cmocka_unit_test(a_head_that_cannot_be_is_corrupt),
		cmocka_unit_test(a_record_that_cannot_be_ends_its_batch),
		cmocka_unit_test(lengths_and_counts_that_cannot_be_break_the_reader),
		cmocka_unit_test(hostile_records_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
