/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/batch.h"

#include <endian.h>
#include <string.h>

#define LENGTH_END     12 /* batchLength counts from here */
#define CRC_BEGIN      21
#define MAGIC          2
#define MESSAGES_MAX   1000000
#define CRC32C_REVERSE 0x82f63b78U

static const uint32_t *crc_table(void)
{
	static uint32_t table[256];

	if (table[1] != 0)
		return table;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) ? (crc >> 1) ^ CRC32C_REVERSE : crc >> 1;
		table[i] = crc;
	}
	return table;
}

uint32_t batch_crc32c(const uint8_t *data, size_t len)
{
	const uint32_t *table = crc_table();
	uint32_t crc = ~0U;

	for (size_t i = 0; i < len; i++)
		crc = table[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
	return ~crc;
}

/* Formats 0 and 1 have their magic at the same place. */
static enum batch_status take_frame(struct reader *r, struct reader *frame, struct batch *out)
{
	struct reader peek = *r;

	if (reader_left(r) == 0)
		return r->broken ? BATCH_CORRUPT : BATCH_END;
	(void)read_u64(&peek);
	uint32_t len = read_u32(&peek);
	(void)read_u32(&peek);
	uint8_t magic = read_u8(&peek);
	if (peek.broken)
		return BATCH_CORRUPT;
	if (magic < MAGIC)
		return BATCH_OLD;
	if (magic > MAGIC || len > reader_left(r) || len < BATCH_HEADER_BYTES - LENGTH_END)
		return BATCH_CORRUPT;
	out->data = r->at;
	out->len = LENGTH_END + len;
	*frame = read_sub(r, out->len);
	return frame->broken ? BATCH_CORRUPT : BATCH_OK;
}

enum batch_status batch_read(struct reader *r, bool with_crc, struct batch *out)
{
	struct reader f;
	enum batch_status status = take_frame(r, &f, out);

	if (status != BATCH_OK)
		return status;
	(void)read_bytes(&f, LENGTH_END + 4 + 1);
	uint32_t crc = read_u32(&f);
	(void)read_u16(&f); /* attributes */
	int32_t last_delta = read_i32(&f);
	(void)read_i64(&f); /* base timestamp */
	out->max_timestamp_ms = read_i64(&f);
	out->producer = read_i64(&f);
	out->epoch = read_i16(&f);
	out->first_sequence = read_i32(&f);
	int32_t count = read_i32(&f);
	if (f.broken || last_delta < 0 || last_delta >= MESSAGES_MAX || count != last_delta + 1)
		return BATCH_CORRUPT;
	out->messages = (uint32_t)count;
	if (with_crc && batch_crc32c(out->data + CRC_BEGIN, out->len - CRC_BEGIN) != crc)
		return BATCH_CORRUPT;
	return BATCH_OK;
}

void batch_set_place(uint8_t *head, int64_t base_offset)
{
	uint64_t offset = htobe64((uint64_t)base_offset);

	memcpy(head, &offset, sizeof(offset));
	memset(head + LENGTH_END, 0, 4); /* leader epoch */
}
