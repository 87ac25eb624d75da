/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes between clients and the loopback broker: what is written reads back, and what makes no sense
 * is an error of that connection. */

#include "driver/loopback/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver/loopback/session.h"

static struct buffer new_buffer(size_t cap, size_t max)
{
	struct buffer b;
	struct error err;

	assert_true(buffer_init(&b, cap, max, &err));
	return b;
}

static enum loop_frame_status parse(const struct buffer *b, struct loop_frame *f)
{
	struct error err;

	return loop_frame_parse(b->data + b->head, buffer_pending(b), f, &err);
}

/* Takes the next frame out of a buffer. */
static struct loop_frame next(struct buffer *b, enum loop_frame_type type)
{
	struct loop_frame f;

	assert_int_equal(parse(b, &f), LOOP_FRAME_COMPLETE);
	assert_int_equal(f.type, type);
	b->head += f.bytes;
	return f;
}

/* --- frames -------------------------------------------------------------------------------------- */

static void messages_read_back_as_they_were_written(void **state)
{
	(void)state;
	static const struct loop_message messages[] = {
		{ .payload = "payload", .payload_len = 7 },
		{ .payload = "", .payload_len = 0, .key = "", .key_len = 0 },
		{ .payload = "x\0y", .payload_len = 3, .key = "key", .key_len = 3 },
		{ .payload = "p",
		  .payload_len = 1,
		  .headers = "\1\0\0\0\0\0n\0\1\0\3\0\0\0m\0ab",
		  .headers_len = 18 },
	};
	struct buffer b = new_buffer(4096, 4096);
	struct loop_batch batch = { 0 };
	struct loop_message m;

	loop_batch_open(&batch, &b, LOOP_PRODUCE);
	for (int i = 0; i < 4; i++, batch.count++)
		loop_put_message(&b, &messages[i]);
	loop_batch_close(&batch, &b);

	struct loop_frame f = next(&b, LOOP_PRODUCE);
	assert_int_equal(loop_read_u32(&f.body), 4);
	for (int i = 0; i < 4; i++) {
		assert_true(loop_read_message(&f.body, &m));
		assert_int_equal(m.payload_len, messages[i].payload_len);
		assert_memory_equal(m.payload, messages[i].payload, m.payload_len);
		assert_int_equal(m.key == NULL, messages[i].key == NULL);
		assert_int_equal(m.key_len, messages[i].key_len);
		if (m.key_len > 0)
			assert_memory_equal(m.key, messages[i].key, m.key_len);
		assert_int_equal(m.headers_len, messages[i].headers_len);
		if (m.headers_len > 0)
			assert_memory_equal(m.headers, messages[i].headers, m.headers_len);
	}
	assert_ptr_equal(f.body.at, f.body.end);
	assert_false(loop_read_message(&f.body, &m));
	buffer_fini(&b);
}

static void deliveries_read_back_as_they_were_written(void **state)
{
	(void)state;
	struct buffer b = new_buffer(4096, 4096);
	const struct loop_delivered in = {
		.payload = "abc",
		.payload_len = 3,
		.tail = "\2\0k",
		.tail_len = 3,
		.broker_ms = -5,
		.redelivered = true,
	};
	struct loop_tail tail;
	struct loop_delivered out;

	size_t at = loop_frame_open(&b, LOOP_DELIVER);
	loop_put_delivered(&b, &in);
	loop_frame_close(&b, at);
	struct loop_frame f = next(&b, LOOP_DELIVER);
	assert_true(loop_read_delivered(&f.body, &out));
	assert_int_equal(out.payload_len, 3);
	assert_memory_equal(out.payload, "abc", 3);
	assert_int_equal(out.broker_ms, -5);
	assert_true(loop_tail_read(out.tail, out.tail_len, &tail));
	assert_int_equal(tail.key_len, 1);
	assert_int_equal(*(const char *)tail.key, 'k');
	assert_int_equal(tail.headers_len, 0);
	assert_true(out.redelivered);
	buffer_fini(&b);
}

static void headers_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		uint32_t len;
		bool is_good;
	} cases[] = {
		{ "", 0, true },
		{ "\1\0\0\0\0\0n\0", 8, true },
		{ "\1\0\3\0\0\0n\0ab", 10, true },
		{ "\1\0\0\0\0\0n\0\1", 9, false },  /* the beginning of another */
		{ "\1\0\4\0\0\0n\0ab", 10, false }, /* a value beyond the end */
		{ "\1\0\0\0\0\0nn", 8, false },     /* a name without its NUL */
		{ "\2\0\0\0\0\0\0n\0", 9, false },  /* a NUL within it */
		{ "\1\0\xff\xff\xff\xffn\0", 8, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(loop_headers_are_whole(cases[i].bytes, cases[i].len),
		                 cases[i].is_good);
}

static void every_prefix_of_a_frame_wants_more(void **state)
{
	(void)state;
	struct buffer b = new_buffer(4096, 4096);
	struct loop_frame f;
	struct error err;

	size_t at = loop_frame_open(&b, LOOP_LIST);
	loop_put_text(&b, "omb-");
	loop_frame_close(&b, at);
	for (size_t len = 0; len < b.tail; len++) {
		assert_int_equal(loop_frame_parse(b.data, len, &f, &err), LOOP_FRAME_MORE);
		assert_true(f.bytes > len);
	}
	assert_int_equal(loop_frame_parse(b.data, b.tail, &f, &err), LOOP_FRAME_COMPLETE);
	assert_int_equal(f.bytes, b.tail);
	buffer_fini(&b);
}

static void impossible_lengths_are_refused(void **state)
{
	(void)state;
	static const unsigned char empty[] = { 0, 0, 0, 0, 1 };
	static const unsigned char huge[] = { 1, 0, 0, 4, 1 };
	struct loop_frame f;
	struct error err;

	assert_int_equal(loop_frame_parse(empty, sizeof(empty), &f, &err), LOOP_FRAME_BAD);
	assert_int_equal(loop_frame_parse(huge, sizeof(huge), &f, &err), LOOP_FRAME_BAD);
	assert_string_equal(err.text, "a frame of 67108865 bytes");
}

static void a_reader_never_passes_the_end(void **state)
{
	(void)state;
	static const unsigned char bytes[] = { 1, 2, 3 };
	struct loop_reader r = { bytes, bytes + sizeof(bytes), false };

	assert_int_equal(loop_read_u16(&r), 0x0201);
	assert_int_equal(loop_read_u32(&r), 0);
	assert_true(r.broken);
	assert_int_equal(loop_read_u8(&r), 0); /* it sticks */
	assert_null(loop_read_bytes(&r, 0));
}

static void names_with_nul_or_too_long_are_refused(void **state)
{
	(void)state;
	unsigned char bytes[2 + LOOP_NAME_MAX + 1] = { 3, 0, 'a', 0, 'b' };
	char name[LOOP_NAME_MAX + 1];
	struct loop_reader r = { bytes, bytes + sizeof(bytes), false };

	assert_false(loop_read_text(&r, name));
	memset(bytes, 'n', sizeof(bytes));
	bytes[0] = (LOOP_NAME_MAX + 1) & 0xff;
	bytes[1] = (LOOP_NAME_MAX + 1) >> 8;
	r = (struct loop_reader){ bytes, bytes + sizeof(bytes), false };
	assert_false(loop_read_text(&r, name));
	bytes[0] = LOOP_NAME_MAX & 0xff;
	r = (struct loop_reader){ bytes, bytes + sizeof(bytes), false };
	assert_true(loop_read_text(&r, name));
	assert_int_equal(strlen(name), LOOP_NAME_MAX);
}

/* --- buffers ------------------------------------------------------------------------------------- */

static void a_buffer_keeps_its_bytes_when_it_grows_and_moves(void **state)
{
	(void)state;
	struct buffer b = new_buffer(4096, 65536);
	uint32_t in = 0, out = 0;

	for (int round = 0; round < 3000; round++) {
		for (int i = 0; i < 1 + round % 23 && buffer_pending(&b) < 60000; i++)
			loop_put_u32(&b, in++);
		for (int i = 0; i < 1 + round % 19 && out < in; i++) {
			struct loop_reader r = { b.data + b.head, b.data + b.tail, false };
			assert_int_equal(loop_read_u32(&r), out++);
			buffer_consume(&b, 4);
		}
	}
	assert_false(b.overflowed);
	assert_int_equal(buffer_pending(&b), 4 * (in - out));
	assert_true(b.cap > 4096);
	buffer_fini(&b);
}

static void a_buffer_never_exceeds_its_maximum(void **state)
{
	(void)state;
	struct buffer b = new_buffer(4096, 8192);

	assert_non_null(buffer_reserve(&b, 8192));
	b.tail = 8000;
	assert_false(b.overflowed);
	assert_null(buffer_reserve(&b, 193));
	assert_true(b.overflowed);
	assert_int_equal(b.cap, 8192);
	buffer_fini(&b);
}

/* --- sessions ------------------------------------------------------------------------------------ */

struct talk {
	struct loop_core *core;
	struct loop_session s;
	struct error err;
};

static struct talk begin(const struct loop_script *script, struct loop_core *core)
{
	struct talk t = { .core = core };
	struct loop_script with_room = *script;

	if (with_room.max_bytes == 0)
		with_room.max_bytes = 1 << 20;
	if (core == NULL)
		t.core = loop_core_create(&with_room, 0, 0);
	assert_true(loop_session_init(&t.s, t.core, 1, &t.err));
	size_t at = loop_frame_open(&t.s.in, LOOP_HELLO);
	loop_put_u32(&t.s.in, LOOP_WIRE_MAGIC);
	loop_frame_close(&t.s.in, at);
	return t;
}

static void put_name_frame(struct talk *t, enum loop_frame_type type, const char *name,
                           const char *second)
{
	size_t at = loop_frame_open(&t->s.in, type);

	loop_put_text(&t->s.in, name);
	if (second != NULL)
		loop_put_text(&t->s.in, second);
	loop_frame_close(&t->s.in, at);
}

static void put_u32_frame(struct talk *t, enum loop_frame_type type, uint32_t value)
{
	size_t at = loop_frame_open(&t->s.in, type);

	loop_put_u32(&t->s.in, value);
	loop_frame_close(&t->s.in, at);
}

static void put_messages(struct talk *t, uint32_t count, uint32_t payload_len)
{
	struct loop_batch batch = { 0 };
	unsigned char *payload = calloc(1, payload_len);

	loop_batch_open(&batch, &t->s.in, LOOP_PRODUCE);
	for (batch.count = 0; batch.count < count; batch.count++)
		loop_put_message(&t->s.in, &(struct loop_message){ .payload = payload,
		                                                   .payload_len = payload_len });
	loop_batch_close(&batch, &t->s.in);
	free(payload);
}

static void a_stranger_is_shown_out(void **state)
{
	(void)state;
	struct talk t = begin(&(struct loop_script){ 0 }, NULL);

	t.s.in.tail = 0;
	put_name_frame(&t, LOOP_LIST, "", NULL);
	assert_false(loop_session_input(&t.s, 1, &t.err));
	assert_string_equal(t.err.text, "an unexpected frame 5");
	loop_session_fini(&t.s);
	loop_core_destroy(t.core);
}

static void frames_out_of_place_and_malformed_ones_are_errors(void **state)
{
	(void)state;
	static const struct {
		enum loop_frame_type opening, bad;
		const char *want;
	} cases[] = {
		{ LOOP_OPEN_PRODUCER, LOOP_CREDIT, "an unexpected frame 9" },
		{ LOOP_OPEN_PRODUCER, LOOP_PRODUCE, "a malformed frame 7" },
		{ LOOP_SUBSCRIBE, LOOP_PRODUCE, "an unexpected frame 7" },
		{ LOOP_SUBSCRIBE, LOOP_COMMIT, "a malformed frame 10" },
		{ LOOP_LIST, LOOP_HELLO, "an unexpected frame 1" },
		{ LOOP_LIST, LOOP_CREATE_TOPICS, "a malformed frame 2" },
		{ LOOP_LIST, LOOP_ACKS, "an unexpected frame 131" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk t = begin(&(struct loop_script){ 0 }, NULL);

		assert_true(loop_core_create_topic(t.core, "t", 1, &t.err));
		put_name_frame(&t, cases[i].opening, "t",
		               cases[i].opening == LOOP_SUBSCRIBE ? "g" : NULL);
		assert_true(loop_session_input(&t.s, 1, &t.err));
		put_u32_frame(&t, cases[i].bad, 7); /* a count, and nothing of it */
		assert_false(loop_session_input(&t.s, 1, &t.err));
		assert_string_equal(t.err.text, cases[i].want);
		loop_session_fini(&t.s);
		loop_core_destroy(t.core);
	}
}

static void a_full_core_leaves_a_frame_half_done_and_goes_on_later(void **state)
{
	(void)state;
	struct talk t = begin(&(struct loop_script){ .max_bytes = 10000 }, NULL);
	struct loop_delivery d;
	struct loop_ack ack;
	uint32_t fetched = 0, acked = 0;

	assert_true(loop_core_create_topic(t.core, "t", 1, &t.err));
	struct loop_member *m = loop_core_join(t.core, loop_core_topic(t.core, "t"), "g", NULL);
	put_name_frame(&t, LOOP_OPEN_PRODUCER, "t", NULL);
	put_messages(&t, 100, 984);
	put_messages(&t, 1, 984);
	for (int rounds = 0; fetched < 101; rounds++) {
		assert_true(rounds < 101);
		assert_true(loop_session_input(&t.s, 1, &t.err));
		assert_int_equal(t.s.is_full, loop_core_counts(t.core)->accepted < 101);
		while (loop_core_take_ack(t.core, 1, &ack))
			acked++;
		assert_true(loop_core_fetch(t.core, m, 1, &d));
		do
			assert_int_equal(d.offset, fetched++);
		while (loop_core_fetch(t.core, m, 1, &d));
		loop_core_commit(t.core, m, 0, fetched);
	}
	assert_int_equal(acked, 101);
	assert_int_equal(buffer_pending(&t.s.in), 0);
	loop_session_fini(&t.s);
	loop_core_destroy(t.core);
}

static void a_consumer_gets_what_its_credit_allows(void **state)
{
	(void)state;
	struct talk p = begin(&(struct loop_script){ 0 }, NULL);
	struct talk c = begin(&(struct loop_script){ 0 }, p.core);
	struct loop_frame f;

	assert_true(loop_core_create_topic(p.core, "t", 1, &p.err));
	put_name_frame(&c, LOOP_SUBSCRIBE, "t", "g");
	assert_true(loop_session_input(&c.s, 1, &c.err));
	put_name_frame(&p, LOOP_OPEN_PRODUCER, "t", NULL);
	put_messages(&p, 100, 88); /* 100 bytes each as they are delivered */
	assert_true(loop_session_input(&p.s, 1, &p.err));

	loop_session_pump(&c.s, 1);
	loop_session_seal(&c.s);
	f = next(&c.s.out, LOOP_ASSIGNED);
	assert_int_equal(loop_read_u32(&f.body), 1);
	assert_int_equal(loop_read_u32(&f.body), 1);
	assert_int_equal(buffer_pending(&c.s.out), 0);

	put_u32_frame(&c, LOOP_CREDIT, 1000);
	assert_true(loop_session_input(&c.s, 1, &c.err));
	loop_session_pump(&c.s, 1);
	loop_session_seal(&c.s);
	f = next(&c.s.out, LOOP_DELIVER);
	assert_int_equal(loop_read_u32(&f.body), 10);

	loop_put_frame(&c.s.in, LOOP_PAUSE);
	put_u32_frame(&c, LOOP_CREDIT, 500);
	assert_true(loop_session_input(&c.s, 1, &c.err));
	loop_session_pump(&c.s, 1);
	loop_session_seal(&c.s);
	assert_int_equal(buffer_pending(&c.s.out), 0);

	loop_put_frame(&c.s.in, LOOP_RESUME);
	assert_true(loop_session_input(&c.s, 1, &c.err));
	loop_session_pump(&c.s, 1);
	loop_session_seal(&c.s);
	next(&c.s.out, LOOP_RESUMED);
	f = next(&c.s.out, LOOP_DELIVER);
	assert_int_equal(loop_read_u32(&f.body), 5);
	assert_int_equal(loop_read_u32(&f.body), 0);  /* partition */
	assert_int_equal(loop_read_u64(&f.body), 10); /* offset: where it had stopped */

	loop_session_fini(&c.s);
	loop_session_fini(&p.s);
	loop_core_destroy(p.core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_read_back_as_they_were_written),
		cmocka_unit_test(deliveries_read_back_as_they_were_written),
		cmocka_unit_test(headers_that_make_no_sense_are_refused),
		cmocka_unit_test(every_prefix_of_a_frame_wants_more),
		cmocka_unit_test(impossible_lengths_are_refused),
		cmocka_unit_test(a_reader_never_passes_the_end),
		cmocka_unit_test(names_with_nul_or_too_long_are_refused),
		cmocka_unit_test(a_buffer_keeps_its_bytes_when_it_grows_and_moves),
		cmocka_unit_test(a_buffer_never_exceeds_its_maximum),
		cmocka_unit_test(a_stranger_is_shown_out),
		cmocka_unit_test(frames_out_of_place_and_malformed_ones_are_errors),
		cmocka_unit_test(a_full_core_leaves_a_frame_half_done_and_goes_on_later),
		cmocka_unit_test(a_consumer_gets_what_its_credit_allows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
