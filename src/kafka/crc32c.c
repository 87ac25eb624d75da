/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/crc32c.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define REVERSED 0x82f63b78U

/* tables[k][b]: what byte b does to the checksum when k more bytes follow it. */
static uint32_t tables[8][256];
static _Atomic bool has_tables;

/* Threads that come here together write the same. */
static void make_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) ? (crc >> 1) ^ REVERSED : crc >> 1;
		tables[0][i] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (uint32_t i = 0; i < 256; i++)
			tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][tables[k - 1][i] & 0xff];
	atomic_store_explicit(&has_tables, true, memory_order_release);
}

static uint32_t eight_bytes(uint32_t crc, const uint8_t *at)
{
	uint32_t sum = tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];

	for (int i = 0; i < 4; i++)
		sum ^= tables[7 - i][(uint8_t)(at[i] ^ (crc >> (8 * i)))];
	return sum;
}

uint32_t crc32c_tables(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint32_t crc = UINT32_MAX;

	if (!atomic_load_explicit(&has_tables, memory_order_acquire))
		make_tables();
	for (; len >= 8; at += 8, len -= 8)
		crc = eight_bytes(crc, at);
	for (; len > 0; at++, len--)
		crc = tables[0][(crc ^ *at) & 0xff] ^ (crc >> 8);
	return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t crc = UINT32_MAX;

	for (; len >= 8; at += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, at, sizeof(word));
		crc = __builtin_ia32_crc32di(crc, word);
	}
	for (; len > 0; at++, len--)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, *at);
	return ~(uint32_t)crc;
}

uint32_t crc32c(const void *data, size_t len)
{
	return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(data, len)
	                                        : crc32c_tables(data, len);
}

#else

uint32_t crc32c(const void *data, size_t len)
{
	return crc32c_tables(data, len);
}

#endif
