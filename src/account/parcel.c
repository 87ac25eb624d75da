/* SPDX-License-Identifier: Apache-2.0 */
#include "account/parcel.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "util/xalloc.h"

/* A parcel may unpack to so much: more than a day of chunks that nobody asked for. */
#define UNPACKED_MAX ((uint64_t)1 << 30)

enum parcel_flags {
	PARCEL_BYTES = 3, /* of a partition */
	PARCEL_FAILED = 1 << 2,
	PARCEL_LATE = 1 << 3,
	PARCEL_FLAGS = PARCEL_BYTES | PARCEL_FAILED | PARCEL_LATE,
};

#define HEAD_BYTES 45 /* before the words */
#define WORD_BYTES (8 * ACCOUNT_LANES + 64 * 2)

static_assert(ACCOUNT_WORDS <= 64, "a bit of one word for each word of a block");

struct parcel {
	z_stream z;
	struct text packed;
	size_t bytes_max;
	bool has_any;
};

/* --- packing ------------------------------------------------------------------------------------ */

struct parcel *parcel_create(size_t bytes_max)
{
	struct parcel *p = xcalloc(1, sizeof(*p));

	p->bytes_max = bytes_max;
	/* The fastest one: lanes are mostly ones or zeros, and partitions come in runs. */
	if (deflateInit(&p->z, Z_BEST_SPEED) != Z_OK)
		abort(); /* out of memory, as everywhere in util/xalloc.h */
	return p;
}

void parcel_destroy(struct parcel *p)
{
	if (p == NULL)
		return;
	deflateEnd(&p->z);
	text_fini(&p->packed);
	free(p);
}

static void deflate_into(struct parcel *p, const void *bytes, size_t len, int flush)
{
	unsigned char out[4096];
	int result;

	p->z.next_in = (unsigned char *)(uintptr_t)bytes;
	p->z.avail_in = (unsigned)len;
	do {
		p->z.next_out = out;
		p->z.avail_out = sizeof(out);
		result = deflate(&p->z, flush);
		assert(result != Z_STREAM_ERROR);
		text_add_bytes(&p->packed, out, sizeof(out) - p->z.avail_out);
	} while (p->z.avail_out == 0);
}

static unsigned char *put16(unsigned char *at, uint16_t value)
{
	value = htole16(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static unsigned char *put32(unsigned char *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static unsigned char *put64(unsigned char *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

/* Which words have anything in a lane.  Of lanes only what is of messages that are here. */
static uint64_t words_with(const struct account_chunk *c, enum account_lane lane)
{
	uint64_t words = 0;

	for (uint32_t w = 0; w < ACCOUNT_WORDS; w++) {
		uint64_t here = account_chunk_word(c, LANE_HERE, w);
		if ((account_chunk_word(c, lane, w) & here) != 0)
			words |= UINT64_C(1) << w;
	}
	return words;
}

/* Partitions of messages that are not here say nothing, and what was there before does not pack well. */
static unsigned char *put_codes(unsigned char *at, const struct account_cell *cell, unsigned bytes)
{
	for (uint32_t i = 0; bytes > 0 && i < 64; i++) {
		bool is_here = (cell->lanes[LANE_HERE] >> i & 1) != 0;
		uint32_t code = is_here ? account_code(cell->codes, bytes, i) : 0;
		if (bytes == 1)
			*at++ = (unsigned char)code;
		else
			at = put16(at, (uint16_t)code);
	}
	return at;
}

static void add_word(struct parcel *p, const struct account_cell *cell, unsigned flags)
{
	unsigned char raw[WORD_BYTES], *at = raw;
	uint64_t here = cell->lanes[LANE_HERE];

	at = put64(at, here);
	if (flags & PARCEL_FAILED)
		at = put64(at, cell->lanes[LANE_FAILED] & here);
	if (flags & PARCEL_LATE)
		at = put64(at, cell->lanes[LANE_LATE] & here);
	at = put_codes(at, cell, flags & PARCEL_BYTES);
	deflate_into(p, raw, (size_t)(at - raw), Z_NO_FLUSH);
}

bool parcel_add(struct parcel *p, const struct account_chunk *c, unsigned partition_bytes,
                uint32_t producer, uint32_t subscription)
{
	uint64_t words = words_with(c, LANE_HERE);
	unsigned char head[HEAD_BYTES], *at = head;
	unsigned flags = partition_bytes;

	if (p->packed.len >= p->bytes_max)
		return false;
	if (words_with(c, LANE_FAILED) != 0)
		flags |= PARCEL_FAILED;
	if (words_with(c, LANE_LATE) != 0)
		flags |= PARCEL_LATE;
	*at++ = (unsigned char)flags;
	at = put32(at, producer);
	at = put32(at, subscription);
	at = put64(at, c->block);
	at = put16(at, c->low);
	at = put16(at, c->high);
	at = put64(at, c->low_due_ns);
	at = put64(at, c->high_due_ns);
	at = put64(at, words);
	assert(at == head + sizeof(head));
	deflate_into(p, head, sizeof(head), Z_NO_FLUSH);
	for (uint64_t left = words; left != 0; left &= left - 1)
		add_word(p, account_chunk_cell(c, (uint32_t)__builtin_ctzll(left)), flags);
	p->has_any = true;
	return true;
}

bool parcel_is_empty(const struct parcel *p)
{
	return !p->has_any;
}

void parcel_take(struct parcel *p, struct text *out)
{
	if (!p->has_any)
		return;
	deflate_into(p, NULL, 0, Z_FINISH);
	text_add_bytes(out, p->packed.data, p->packed.len);
	deflateReset(&p->z);
	text_fini(&p->packed);
	p->packed = (struct text){ 0 };
	p->has_any = false;
}

/* --- unpacking ---------------------------------------------------------------------------------- */

struct unpacking {
	z_stream z;
	uint64_t unpacked;
	bool has_ended; /* of the stream */
	struct error *err;
};

/* At most `len` bytes: fewer at the end of the stream.  False: it is none, and `err` says so. */
static bool pull(struct unpacking *u, unsigned char *to, size_t len, size_t *got)
{
	int result = Z_OK;

	u->z.next_out = to;
	u->z.avail_out = (unsigned)len;
	while (u->z.avail_out > 0 && !u->has_ended && result == Z_OK) {
		result = inflate(&u->z, Z_NO_FLUSH);
		u->has_ended = result == Z_STREAM_END;
	}
	u->z.next_out = NULL; /* it is the caller's */
	*got = len - u->z.avail_out;
	if (result != Z_OK && !u->has_ended)
		return error_set(u->err, ERROR_PROTOCOL, "account: zlib: %s",
		                 u->z.msg != NULL ? u->z.msg : "the stream is cut off");
	u->unpacked += *got;
	return u->unpacked <= UNPACKED_MAX ||
	       error_set(u->err, ERROR_PROTOCOL, "account: it unpacks to more than %llu bytes",
	                 (unsigned long long)UNPACKED_MAX);
}

static bool pull_all(struct unpacking *u, unsigned char *to, size_t len)
{
	size_t got = 0;

	if (!pull(u, to, len, &got))
		return false;
	return got == len || error_set(u->err, ERROR_PROTOCOL, "account: a chunk is cut off");
}

static uint16_t get16(const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static void get_codes(const unsigned char *at, unsigned bytes, struct account_cell *cell)
{
	for (uint32_t i = 0; bytes > 0 && i < 64; i++)
		account_put_code(cell->codes, bytes, i,
		                 bytes == 1 ? at[i] : get16(at + 2 * (size_t)i));
}

static bool pull_word(struct unpacking *u, struct account_chunk *c, uint32_t word, unsigned flags)
{
	struct account_cell *cell = account_chunk_cell(c, word);
	unsigned bytes = flags & PARCEL_BYTES;
	unsigned char raw[WORD_BYTES], *at = raw + 8;
	size_t len = 8 + 64 * bytes;

	len += flags & PARCEL_FAILED ? 8 : 0;
	len += flags & PARCEL_LATE ? 8 : 0;
	if (!pull_all(u, raw, len))
		return false;
	uint64_t here = get64(raw);
	cell->lanes[LANE_HERE] = here;
	if (flags & PARCEL_FAILED) {
		cell->lanes[LANE_FAILED] = get64(at) & here;
		at += 8;
	}
	if (flags & PARCEL_LATE) {
		cell->lanes[LANE_LATE] = get64(at) & here;
		at += 8;
	}
	get_codes(at, bytes, cell);
	c->count += (uint32_t)__builtin_popcountll(here);
	return true;
}

/* `raw` is a head. */
static bool is_chunk(const unsigned char *raw, struct error *err)
{
	if ((raw[0] & ~(unsigned)PARCEL_FLAGS) != 0 || (raw[0] & PARCEL_BYTES) > 2)
		return error_set(err, ERROR_PROTOCOL, "account: a chunk has flags 0x%x", raw[0]);
	if (get64(raw + 9) > UINT64_MAX >> ACCOUNT_BLOCK_SHIFT ||
	    get16(raw + 17) >= ACCOUNT_BLOCK || get16(raw + 19) >= ACCOUNT_BLOCK ||
	    (ACCOUNT_WORDS < 64 && get64(raw + 37) >> (ACCOUNT_WORDS % 64) != 0))
		return error_set(err, ERROR_PROTOCOL, "account: a chunk is of no block");
	return true;
}

static bool pull_chunk(struct unpacking *u, const unsigned char *raw, struct account_chunk *c)
{
	unsigned bytes = raw[0] & PARCEL_BYTES;
	uint32_t cell_bytes = account_cell_bytes(bytes);

	memset(c, 0, sizeof(*c) + (size_t)ACCOUNT_WORDS * cell_bytes);
	c->producer = get32(raw + 1);
	c->subscription = get32(raw + 5);
	c->block = get64(raw + 9);
	c->low = get16(raw + 17);
	c->high = get16(raw + 19);
	c->low_due_ns = get64(raw + 21);
	c->high_due_ns = get64(raw + 29);
	c->cells_at = sizeof(*c);
	c->cell_bytes = cell_bytes;
	for (uint64_t left = get64(raw + 37); left != 0; left &= left - 1)
		if (!pull_word(u, c, (uint32_t)__builtin_ctzll(left), raw[0]))
			return false;
	return true;
}

static bool read_chunks(struct unpacking *u, struct account_chunk *c, account_visit *visit,
                        void *to)
{
	unsigned char raw[HEAD_BYTES];
	size_t got = 0;

	for (;;) {
		if (!pull(u, raw, sizeof(raw), &got))
			return false;
		if (got == 0)
			return true;
		if (got < sizeof(raw))
			return error_set(u->err, ERROR_PROTOCOL, "account: a chunk is cut off");
		if (!is_chunk(raw, u->err) || !pull_chunk(u, raw, c))
			return false;
		visit(to, c, raw[0] & PARCEL_BYTES);
	}
}

bool parcel_read(const void *bytes, size_t len, account_visit *visit, void *to, struct error *err)
{
	struct unpacking u = { .err = err };
	size_t most = sizeof(struct account_chunk) + (size_t)ACCOUNT_WORDS * account_cell_bytes(2);

	if (len == 0)
		return true;
	if (len > UINT_MAX)
		return error_set(err, ERROR_PROTOCOL, "account: %zu bytes are too many", len);
	if (inflateInit(&u.z) != Z_OK)
		abort(); /* as above */
	struct account_chunk *c = aligned_alloc(64, (most + 63) / 64 * 64);
	if (c == NULL)
		abort();
	u.z.next_in = (unsigned char *)(uintptr_t)bytes;
	u.z.avail_in = (unsigned)len;
	bool ok = read_chunks(&u, c, visit, to);
	inflateEnd(&u.z);
	free(c);
	return ok;
}
