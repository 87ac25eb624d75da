/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka protocol on any bytes: which message (api, version, request or answer) and its body; what
 * is read is written again, and that reads as the same.  The last kind is a set of record batches.
 */
#include <stdlib.h>
#include <string.h>

#include "kafka/api.h"
#include "kafka/codec.h"
#include "kafka/record.h"

#define MEMORY_MAX ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_records(struct reader *r)
{
	struct batch b;
	struct record record;
	struct record_header header;

	while (batch_read(r, false, &b) == BATCH_OK) {
		struct record_reader in = record_reader_over(&b);
		while (record_next(&in, &record))
			while (record_next_header(&record, &header))
				;
	}
}

static void encode(const struct kafka_decoder *d, const struct kafka_layout *layout,
                   const void *message, struct writer *out)
{
	const struct kafka_encoder e = {
		.version = d->version,
		.is_flexible = d->is_flexible,
		.out = out,
	};

	writer_clear(out);
	kafka_encode(&e, layout, message);
}

static void check(struct kafka_decoder *d, const struct kafka_layout *layout, struct reader *r)
{
	void *message = malloc(layout->size);
	struct writer once = { 0 }, twice = { 0 };

	if (message == NULL)
		abort();
	if (kafka_decode(d, layout, r, message)) {
		encode(d, layout, message, &once);
		struct reader again = reader_over(once.data, once.len);
		d->memory->max = 0;
		if (!kafka_decode(d, layout, &again, message) || !reader_is_done(&again))
			abort();
		encode(d, layout, message, &twice);
		if (once.len != twice.len ||
		    (once.len > 0 && memcmp(once.data, twice.data, once.len) != 0))
			abort();
	}
	writer_fini(&once);
	writer_fini(&twice);
	free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader r = reader_over(data, len);
	uint8_t which = read_u8(&r), version = read_u8(&r), side = read_u8(&r);
	struct kafka_memory memory = { .max = MEMORY_MAX };

	if (which >= kafka_apis_count) {
		read_records(&r);
		return 0;
	}
	const struct kafka_api *api = &kafka_apis[which];
	struct kafka_decoder d = {
		.version = (int16_t)(version % (api->last + 1)),
		.memory = &memory,
	};
	d.is_flexible = kafka_api_is_flexible(api, d.version);
	check(&d, (side & 1) ? api->answer : api->request, &r);
	kafka_memory_fini(&memory);
	return 0;
}
