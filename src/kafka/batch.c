/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/batch.h"

#include <endian.h>
#include <string.h>

#include "kafka/crc32c.h"

#define LENGTH_END   12 /* batchLength counts from here */
#define CRC_AT       17
#define CRC_BEGIN    21
#define LAST_DELTA   23
#define MAGIC        2
#define MESSAGES_MAX 1000000

/* Formats 0 and 1 have their magic at the same place. */
static enum batch_status take_frame(struct reader *r, struct reader *frame, struct batch *out)
{
	struct reader peek = *r;

	if (reader_left(r) == 0)
		return r->broken ? BATCH_CORRUPT : BATCH_END;
	out->base_offset = read_i64(&peek);
	uint32_t len = read_u32(&peek);
	(void)read_u32(&peek);
	uint8_t magic = read_u8(&peek);
	if (peek.broken)
		return BATCH_CUT;
	if (magic < MAGIC)
		return BATCH_OLD;
	if (magic > MAGIC || len < BATCH_HEADER_BYTES - LENGTH_END)
		return BATCH_CORRUPT;
	if (len > reader_left(r) - LENGTH_END)
		return BATCH_CUT;
	out->data = r->at;
	out->len = LENGTH_END + len;
	*frame = read_sub(r, out->len);
	return BATCH_OK;
}

enum batch_status batch_read(struct reader *r, bool with_crc, struct batch *out)
{
	struct reader f;
	enum batch_status status = take_frame(r, &f, out);

	if (status != BATCH_OK)
		return status;
	(void)read_bytes(&f, CRC_AT);
	uint32_t crc = read_u32(&f);
	out->attributes = read_u16(&f);
	int32_t last_delta = read_i32(&f);
	out->base_timestamp_ms = read_i64(&f);
	out->max_timestamp_ms = read_i64(&f);
	out->producer = read_i64(&f);
	out->epoch = read_i16(&f);
	out->first_sequence = read_i32(&f);
	int32_t count = read_i32(&f);
	if (last_delta < 0 || last_delta >= MESSAGES_MAX || count < 0 || count > last_delta + 1)
		return BATCH_CORRUPT;
	out->offsets = (uint32_t)last_delta + 1;
	out->messages = (uint32_t)count;
	if (with_crc && crc32c(out->data + CRC_BEGIN, out->len - CRC_BEGIN) != crc)
		return BATCH_CORRUPT;
	return BATCH_OK;
}

enum batch_codec batch_codec(const struct batch *b)
{
	return (enum batch_codec)(b->attributes & BATCH_CODEC_MASK);
}

static void put_u16(uint8_t *at, uint16_t value)
{
	value = htobe16(value);
	memcpy(at, &value, sizeof(value));
}

static void put_u32(uint8_t *at, uint32_t value)
{
	value = htobe32(value);
	memcpy(at, &value, sizeof(value));
}

static void put_u64(uint8_t *at, int64_t value)
{
	uint64_t wire = htobe64((uint64_t)value);

	memcpy(at, &wire, sizeof(wire));
}

void batch_set_place(uint8_t *head, int64_t base_offset)
{
	put_u64(head, base_offset);
	memset(head + LENGTH_END, 0, 4); /* leader epoch */
}

void batch_write_head(uint8_t *out, const struct batch *b)
{
	put_u64(out, b->base_offset);
	put_u32(out + 8, b->len - LENGTH_END);
	put_u32(out + LENGTH_END, UINT32_MAX); /* leader epoch: the broker's */
	out[16] = MAGIC;
	put_u16(out + CRC_BEGIN, b->attributes);
	put_u32(out + LAST_DELTA, b->offsets - 1);
	put_u64(out + 27, b->base_timestamp_ms);
	put_u64(out + 35, b->max_timestamp_ms);
	put_u64(out + 43, b->producer);
	put_u16(out + 51, (uint16_t)b->epoch);
	put_u32(out + 53, (uint32_t)b->first_sequence);
	put_u32(out + 57, b->messages);
	put_u32(out + CRC_AT, crc32c(out + CRC_BEGIN, b->len - CRC_BEGIN));
}
