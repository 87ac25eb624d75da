/* SPDX-License-Identifier: Apache-2.0 */

/* What planted faults make of batches with real messages in them: one message is struck, and clients
 * still find batches that they accept. */

#include "broker_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault/fault_log.h"
#include "kafka/record.h"
#include "load/stamp.h"

#define S        UINT64_C(1000000000)
#define LEN      50
#define NO_ERROR 0
#define REFUSED  19 /* not enough replicas */
#define DENIED   20 /* ... after it was stored */

static const struct fetch_request from_start = {
	.topic = "t",
	.min_bytes = 1,
	.max_bytes = 1 << 20,
	.partition_max_bytes = 1 << 20,
};

/* --- a broker with faults and their log ------------------------------------------------------------- */

struct bed {
	struct broker_harness h;
	struct fault faults[8];
	struct fault_log *log;
	char path[40];
	int fd; /* of the log */
};

static void bed_init(struct bed *b, const char *texts)
{
	struct broker_options o;
	struct error err = { 0 };

	memset(b, 0, sizeof(*b));
	snprintf(b->path, sizeof(b->path), "/tmp/omb-fault-log-XXXXXX");
	b->fd = mkstemp(b->path);
	assert_true(b->fd >= 0);
	b->log = fault_log_open(b->path, &err);
	assert_non_null(b->log);
	broker_options_init(&o);
	o.memory_bytes = (size_t)4 << 20;
	int count = fault_list_parse(texts, FAULTS_OF_BROKER, b->faults, &err);
	if (count < 0)
		fail_msg("%s", err.text);
	o.faults = b->faults;
	o.faults_count = (size_t)count;
	o.fault_log = b->log;
	o.check_crcs = true;
	broker_harness_init(&b->h, &o);
	broker_harness_connect(&b->h, 0);
	broker_harness_connect(&b->h, 1);
	harness_create_topic(&b->h, &b->h.clients[0], "t", 2);
}

static void bed_fini(struct bed *b)
{
	struct error err;

	broker_harness_fini(&b->h);
	assert_true(fault_log_close(b->log, &err));
	close(b->fd);
	unlink(b->path);
}

static int number_behind(const char *name)
{
	return (int)strtol(name, NULL, 10);
}

/* The lines of the log since the last look, in short: "lose 1:2@17, " with the offset. */
static const char *named_in(const struct bed *b)
{
	static char text[4096];
	char all[8192];
	ssize_t len = read(b->fd, all, sizeof(all) - 1);
	size_t out = 0;

	assert_true(len >= 0);
	all[len] = '\0';
	text[0] = '\0';
	for (char *line = all; *line != '\0'; line = strchr(line, '\n') + 1) {
		char kind[16] = "";
		const char *offset = strstr(line, "\"offset\":"),
			   *who = strstr(line, "\"producer\":");
		const char *by = strstr(line, "\"overtakenBy\":"),
			   *many = strstr(line, "\"messages\":");
		assert_int_equal(sscanf(line, "{\"fault\":\"%15[a-z]\"", kind), 1);
		out += (size_t)snprintf(text + out, sizeof(text) - out, "%s", kind);
		unsigned producer, sequence;
		const char *end = strchr(line, '\n');
		if (who != NULL && who < end &&
		    sscanf(who, "\"producer\":%u,\"sequence\":%u", &producer, &sequence) == 2)
			out += (size_t)snprintf(text + out, sizeof(text) - out, " %u:%u", producer,
			                        sequence);
		if (many != NULL && many < end)
			out += (size_t)snprintf(text + out, sizeof(text) - out, " %dx",
			                        number_behind(many + strlen("\"messages\":")));
		if (offset != NULL && offset < end)
			out += (size_t)snprintf(text + out, sizeof(text) - out, "@%d",
			                        number_behind(offset + strlen("\"offset\":")));
		if (by != NULL && by < end)
			out += (size_t)snprintf(text + out, sizeof(text) - out, " by %d",
			                        number_behind(by + strlen("\"overtakenBy\":")));
		out += (size_t)snprintf(text + out, sizeof(text) - out, ", ");
	}
	return text;
}

/* --- batches ---------------------------------------------------------------------------------------- */

static void fill_value(unsigned char *value, uint32_t producer, uint64_t sequence)
{
	struct stamp stamp = { .producer = producer, .sequence = sequence, .due_ns = 5 };

	memset(value, 0, LEN);
	stamp_write(value, LEN, &stamp);
}

struct wanted {
	uint32_t producer;
	uint64_t first;
	unsigned count;
	int64_t id; /* of an idempotent producer; -1 */
	int32_t id_sequence;
	uint16_t attributes;
};

/* Messages `first`... of a producer, each with a key and a header. */
static void write_batch(struct writer *out, const struct wanted *w)
{
	static uint8_t data[65536];
	struct record_writer records = record_writer_into(data, sizeof(data));
	struct batch head = {
		.attributes = w->attributes,
		.producer = w->id,
		.epoch = w->id < 0 ? -1 : 0,
		.first_sequence = w->id < 0 ? -1 : w->id_sequence,
	};

	for (unsigned i = 0; i < w->count; i++) {
		unsigned char value[LEN];
		struct record_header header = { { "h", 1 }, { "world", 5 } };
		fill_value(value, w->producer, w->first + i);
		struct record r = {
			.key = { "key", 3 },
			.value = { (const char *)value, sizeof(value) },
			.timestamp_ms = 1000 + (int64_t)((w->first + i) * 10),
			.headers = &header,
			.headers_count = 1,
		};
		assert_true(record_add(&records, &r));
	}
	record_finish(&records, &head);
	write_bytes(out, head.data, head.len);
}

/* The error it is answered with. */
static int produce(struct bed *b, const struct wanted *w, int64_t *offset)
{
	struct broker_client *c = &b->h.clients[0];
	struct writer batch = { 0 };

	write_batch(&batch, w);
	write_produce_head(c, "t", 0, batch.len);
	write_bytes(&c->frame, batch.data, batch.len);
	writer_fini(&batch);
	broker_harness_send(&b->h, c);
	assert_int_equal(c->how, HANDLED_REPLY);
	return harness_read_produced(c, offset);
}

static int produce_plain(struct bed *b, uint32_t producer, uint64_t first, unsigned count)
{
	struct wanted w = { .producer = producer, .first = first, .count = count, .id = -1 };
	int64_t offset;

	return produce(b, &w, &offset);
}

/* --- what is fetched -------------------------------------------------------------------------------- */

static void check_rest(struct record *r, uint64_t sequence)
{
	struct record_header header;

	assert_int_equal(r->key.len, 3);
	assert_memory_equal(r->key.data, "key", 3);
	assert_int_equal(r->timestamp_ms, 1000 + (int64_t)(sequence * 10));
	assert_int_equal(r->headers_count, 1);
	assert_true(record_next_header(r, &header));
	assert_memory_equal(header.value.data, "world", 5);
}

/* "0:1@5" is message 1 of producer 0 at offset 5; "?" has a damaged stamp, "!" a damaged rest. */
static size_t name_record(struct record *r, char *to, size_t room)
{
	const unsigned char *value = (const unsigned char *)r->value.data;
	struct stamp stamp;
	bool is_spoiled = false;

	assert_int_equal(r->value.len, LEN);
	for (size_t i = 0; i < LEN - STAMP_BYTES; i++)
		is_spoiled |= value[i] != 0;
	if (stamp_read(value, LEN, &stamp) != STAMP_OK)
		return (size_t)snprintf(to, room, "?@%d ", (int)r->offset);
	check_rest(r, stamp.sequence);
	return (size_t)snprintf(to, room, "%u:%u@%d%s ", stamp.producer, (unsigned)stamp.sequence,
	                        (int)r->offset, is_spoiled ? "!" : "");
}

/* All of it, from an offset on.  Each batch has a checksum that fits. */
static const char *fetch(struct bed *b, int64_t offset)
{
	static char text[4096];
	struct fetch_request wanted = from_start;
	struct broker_client *c = &b->h.clients[1];
	struct batch batch;
	size_t len = 0;

	text[0] = '\0';
	wanted.offset = offset;
	harness_send_fetch(&b->h, c, &wanted);
	assert_int_equal(c->how, HANDLED_REPLY);
	struct fetched f = harness_read_fetched(c);
	assert_int_equal(f.error, NO_ERROR);
	struct reader r = reader_over(f.records, f.records_len);
	enum batch_status status;
	while ((status = batch_read(&r, true, &batch)) == BATCH_OK) {
		struct record_reader records = record_reader_over(&batch);
		struct record record;
		while (record_next(&records, &record)) {
			assert_true(record.offset >= batch.base_offset &&
			            record.offset < batch.base_offset + batch.offsets);
			len += name_record(&record, text + len, sizeof(text) - len);
		}
		assert_true(reader_is_done(&records.left));
	}
	assert_int_equal(status, BATCH_END);
	return text;
}

/* --- tests ------------------------------------------------------------------------------------------ */

static void one_message_of_a_batch_is_struck_and_named(void **state)
{
	static const struct {
		const char *faults, *fetched, *named;
		int error;
	} cases[] = {
		{ "lose:1@0#1..3", "0:0@0 0:3@3 0:4@4 0:5@5 ", "lose 0:1@1, lose 0:2@2, ", 0 },
		{ "lose:1@0#5+1", "0:0@0 0:1@1 0:2@2 0:3@3 0:4@4 ", "lose 0:5@5, ", 0 },
		{ "duplicate:3@0#0", "0:0@0 0:1@1 0:2@2 0:3@3 0:4@4 0:5@5 0:2@6 0:5@7 ",
		  "duplicate 0:2@6, duplicate 0:5@7, ", 0 },
		{ "corrupt:1@0#2+1", "0:0@0 0:1@1 ?@2 0:3@3 0:4@4 0:5@5 ", "corrupt 0:2@2, ", 0 },
		{ "spoil:1@0#2+1", "0:0@0 0:1@1 0:2@2! 0:3@3 0:4@4 0:5@5 ", "spoil 0:2@2, ", 0 },
		{ "reorder:1@0#2+1", "0:0@0 0:1@1 0:3@2 0:2@3 0:4@4 0:5@5 ", "reorder 0:2@3 by 3, ",
		  0 },
		{ "reorder:1@0#0..5", "0:1@0 0:0@1 0:3@2 0:2@3 0:5@4 0:4@5 ",
		  "reorder 0:0@1 by 1, reorder 0:2@3 by 3, reorder 0:4@5 by 5, ", 0 },
		{ "reorder:1@0#2+1 lose:1@0#3+1", "0:0@0 0:1@1 0:4@2 0:2@4 0:5@5 ",
		  "lose 0:3@3, reorder 0:2@4 by 4, ", 0 },
		{ "corrupt:1@0#2+1 duplicate:1@0#2+1", "0:0@0 0:1@1 ?@2 0:3@3 0:4@4 0:5@5 0:2@6 ",
		  "corrupt 0:2@2, duplicate 0:2@6, ", 0 },
		{ "error:1@0#2+1", "",
		  "error 0:0, error 0:1, error 0:2, error 0:3, error 0:4, error 0:5, ", REFUSED },
		{ "deny:1@0#2+1 lose:1@0#0..5", "0:5@5 ",
		  "lose 0:0@0, lose 0:1@1, lose 0:2@2, lose 0:3@3, lose 0:4@4, deny 0:0@0, "
		  "deny 0:1@1, deny 0:2@2, deny 0:3@3, deny 0:4@4, deny 0:5@5, ",
		  DENIED },
		/* By the numbers of all messages. */
		{ "lose:4", "0:0@0 0:1@1 0:2@2 0:4@4 0:5@5 ", "lose 0:3@3, ", 0 },
		{ "lose:1@1#0", "0:0@0 0:1@1 0:2@2 0:3@3 0:4@4 0:5@5 ", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bed b;
		bed_init(&b, cases[i].faults);
		assert_int_equal(produce_plain(&b, 0, 0, 6), cases[i].error);
		assert_string_equal(named_in(&b), cases[i].named);
		if (cases[i].fetched[0] != '\0')
			assert_string_equal(fetch(&b, 0), cases[i].fetched);
		bed_fini(&b);
	}
}

static void what_is_counted_is_what_was_done(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, "lose:1@0#0+1 duplicate:1@0#1+1 corrupt:1@0#2+1 spoil:1@0#3+1 reorder:1@0#4+1 "
	             "deny:1@1#0");
	produce_plain(&b, 0, 0, 6);
	produce_plain(&b, 1, 0, 2);
	const struct broker_counts *c = broker_counts(b.h.b);
	assert_int_equal(c->lost, 1);
	assert_int_equal(c->duplicated, 1);
	assert_int_equal(c->corrupted, 1);
	assert_int_equal(c->spoiled, 1);
	assert_int_equal(c->reordered, 1);
	assert_int_equal(c->refused, 2);
	assert_int_equal(c->produced, 6 - 1 + 1 + 2);
	fetch(&b, 0);
	assert_int_equal(c->fetched, 6 - 1 + 1 + 2);
	bed_fini(&b);
}

/* From any offset a client goes on, also from one that is missing: its batch comes whole, and clients
 * leave out what is before. */
static void offsets_may_be_missing_at_either_end_of_a_batch(void **state)
{
	struct bed b;
	int64_t offset;
	struct wanted w = { .first = 4, .count = 4, .id = -1 };

	(void)state;
	bed_init(&b, "lose:1@0#0..2 lose:1@0#3..5 lose:1@0#7..9");
	produce_plain(&b, 0, 0, 4);
	assert_int_equal(produce(&b, &w, &offset), NO_ERROR);
	assert_int_equal(offset, 4);
	w = (struct wanted){ .first = 8, .count = 1, .id = -1 };
	assert_int_equal(produce(&b, &w, &offset), NO_ERROR);
	assert_int_equal(offset, 8);
	produce_plain(&b, 0, 9, 1);
	assert_string_equal(fetch(&b, 0), "0:2@2 0:5@5 0:6@6 0:9@9 ");
	assert_string_equal(fetch(&b, 3), "0:2@2 0:5@5 0:6@6 0:9@9 ");
	assert_string_equal(fetch(&b, 7), "0:5@5 0:6@6 0:9@9 ");
	bed_fini(&b);
}

static void a_last_message_is_overtaken_by_the_next_batch_of_its_producer(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, "reorder:1@0#2+1");
	produce_plain(&b, 0, 0, 3);
	assert_string_equal(fetch(&b, 0), "0:0@0 0:1@1 ");
	produce_plain(&b, 1, 0, 2);
	assert_string_equal(named_in(&b), "");
	produce_plain(&b, 0, 3, 2);
	assert_string_equal(fetch(&b, 0), "0:0@0 0:1@1 1:0@3 1:1@4 0:3@5 0:4@6 0:2@7 ");
	assert_string_equal(named_in(&b), "reorder 0:2@7 by 3, ");
	bed_fini(&b);
}

static void messages_alone_in_their_batches_are_overtaken_in_turn(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, "reorder:1");
	for (uint64_t n = 0; n < 6; n++)
		produce_plain(&b, 0, n, 1);
	assert_string_equal(fetch(&b, 0), "0:1@1 0:0@2 0:3@4 0:2@5 0:5@7 0:4@8 ");
	bed_fini(&b);
}

static void what_nothing_overtakes_comes_after_a_second(void **state)
{
	struct bed b;
	struct fetch_request wanted = from_start;

	(void)state;
	bed_init(&b, "reorder:1@0#1+1");
	produce_plain(&b, 0, 0, 2);
	assert_string_equal(fetch(&b, 0), "0:0@0 ");
	wanted.offset = 2;
	wanted.max_wait_ms = 400;
	broker_harness_pass(&b.h, S - 1);
	harness_send_fetch(&b.h, &b.h.clients[1], &wanted);
	assert_int_equal(b.h.clients[1].how, HANDLED_WAIT);
	broker_harness_pass(&b.h, S / 2);
	assert_int_equal(b.h.clients[1].how, HANDLED_REPLY);
	assert_string_equal(fetch(&b, 0), "0:0@0 0:1@2 ");
	assert_string_equal(named_in(&b), "");
	bed_fini(&b);
}

static void a_topic_that_is_deleted_takes_along_what_is_held(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, "reorder:1@0#1+1");
	produce_plain(&b, 0, 0, 2);
	assert_int_equal(harness_delete_topic(&b.h, &b.h.clients[0], "t"), NO_ERROR);
	bed_fini(&b); /* the sanitizer looks for it */
}

static void an_idempotent_producer_goes_on_behind_what_was_struck(void **state)
{
	struct wanted w = { .first = 0, .count = 3, .id = 77 };
	struct bed b;
	int64_t offset;

	(void)state;
	bed_init(&b, "lose:1@0#1+1 duplicate:1@0#2+1 deny:1@0#3+1");
	assert_int_equal(produce(&b, &w, &offset), NO_ERROR);
	assert_int_equal(produce(&b, &w, &offset), NO_ERROR); /* again: it is known */
	assert_int_equal(offset, 0);
	w = (struct wanted){ .first = 3, .count = 2, .id = 77, .id_sequence = 3 };
	assert_int_equal(produce(&b, &w, &offset), DENIED);
	assert_int_equal(produce(&b, &w, &offset), NO_ERROR); /* it is there already */
	assert_int_equal(offset, 4);
	assert_string_equal(fetch(&b, 0), "0:0@0 0:2@2 0:2@3 0:3@4 0:4@5 ");
	bed_fini(&b);
}

static void a_compressed_batch_shares_one_fate(void **state)
{
	struct wanted w = { .first = 0, .count = 3, .id = -1, .attributes = BATCH_LZ4 };
	struct bed b;
	int64_t offset;

	(void)state;
	bed_init(&b, "lose:1@5+1 duplicate:1@1+1 corrupt:1 deny:1@8+1");
	assert_int_equal(produce(&b, &w, &offset), NO_ERROR);
	assert_int_equal(produce(&b, &w, &offset), NO_ERROR);
	assert_int_equal(produce(&b, &w, &offset), DENIED);
	assert_string_equal(named_in(&b), "duplicate 3x@3, lose 3x@6, deny 3x@9, ");
	assert_int_equal(broker_counts(b.h.b)->corrupted, 0);
	assert_non_null(strstr(b.h.notices, "compressed"));
	assert_null(strstr(strstr(b.h.notices, "compressed") + 1, "compressed")); /* once */
	bed_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_message_of_a_batch_is_struck_and_named),
		cmocka_unit_test(what_is_counted_is_what_was_done),
		cmocka_unit_test(offsets_may_be_missing_at_either_end_of_a_batch),
		cmocka_unit_test(a_last_message_is_overtaken_by_the_next_batch_of_its_producer),
		cmocka_unit_test(messages_alone_in_their_batches_are_overtaken_in_turn),
		cmocka_unit_test(what_nothing_overtakes_comes_after_a_second),
		cmocka_unit_test(a_topic_that_is_deleted_takes_along_what_is_held),
		cmocka_unit_test(an_idempotent_producer_goes_on_behind_what_was_struck),
		cmocka_unit_test(a_compressed_batch_shares_one_fate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
