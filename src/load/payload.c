/* SPDX-License-Identifier: Apache-2.0 */
#include "load/payload.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/file.h"

static const char url_alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t pool_bytes(uint32_t size, uint32_t count)
{
	return (size_t)size * count;
}

static void fill_random(unsigned char *to, size_t len, uint64_t seed, uint32_t which)
{
	for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
		uint64_t word = payload_mix(seed, which, at);
		size_t left = len - at;
		memcpy(to + at, &word, left < sizeof(word) ? left : sizeof(word));
	}
}

static void fill_pool(unsigned char *pool, const struct payload_spec *spec)
{
	size_t random_len = (size_t)((double)spec->size * spec->random_ratio);

	for (uint32_t i = 0; i < spec->count; i++) {
		unsigned char *to = pool + pool_bytes(spec->size, i);
		if (spec->contents != NULL)
			memcpy(to, spec->contents[i], spec->size);
		else
			fill_random(to, random_len, spec->seed, i);
	}
}

int payload_make(const struct payload_spec *spec, struct error *err)
{
	size_t bytes = pool_bytes(spec->size, spec->count);
	void *pool = MAP_FAILED;

	assert(bytes > 0);
	int fd = memfd_create("omb-payload", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0) {
		error_set_errno(err, errno, "making a pool of %u payloads of %u bytes in memory%s",
		                spec->count, spec->size,
		                errno == EFBIG
		                        ? ", which a limit of file sizes (ulimit -f) holds for"
		                        : "");
		goto fail;
	}
	pool = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pool == MAP_FAILED) {
		error_set_errno(err, errno, "mapping %zu bytes of payloads", bytes);
		goto fail;
	}
	fill_pool(pool, spec);
	munmap(pool, bytes);
	return fd;
fail:
	file_close(fd);
	return -1;
}

unsigned char *payload_map(int fd, uint32_t size, uint32_t count, struct error *err)
{
	size_t bytes = pool_bytes(size, count);
	void *pool = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (pool == MAP_FAILED) {
		error_set_errno(err, errno, "mapping %zu bytes of payloads", bytes);
		return NULL;
	}
	return pool;
}

void payload_unmap(unsigned char *pool, uint32_t size, uint32_t count)
{
	if (pool != NULL)
		munmap(pool, pool_bytes(size, count));
}

void key_table_fill(struct key_table *t, uint64_t seed)
{
	for (uint32_t i = 0; i < PAYLOAD_KEYS; i++) {
		/* 7 bytes are 56 bits: nine characters of 6 bits and one of the last two, as base64. */
		uint64_t bits = payload_mix(seed ^ UINT64_C(0x6b657973), i, 0) >> 8;
		for (int c = 0; c < PAYLOAD_KEY_BYTES - 1; c++)
			t->keys[i][c] = url_alphabet[(bits >> (50 - 6 * c)) & 63];
		t->keys[i][PAYLOAD_KEY_BYTES - 1] = url_alphabet[(bits & 3) << 4];
	}
}
