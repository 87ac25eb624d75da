/* SPDX-License-Identifier: Apache-2.0 */

/* What of src/net has neither socket nor clock: buffer, outbox, timers, backoff, addresses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/address.h"
#include "net/backoff.h"
#include "net/buffer.h"
#include "net/outbox.h"
#include "net/timers.h"

/* --- buffer --------------------------------------------------------------------------------------- */

static void a_buffer_gives_back_what_was_added_whatever_the_parts(void **state)
{
	struct buffer b;
	struct error err;
	struct rng rng = { .state = 7 };
	uint8_t next_in = 0, next_out = 0;

	(void)state;
	assert_true(buffer_init(&b, 4096, 65536, &err));
	for (int i = 0; i < 20000; i++) {
		uint8_t bytes[3000];
		size_t n = rng_below(&rng, sizeof(bytes));
		for (size_t k = 0; k < n; k++)
			bytes[k] = (uint8_t)(next_in + k);
		if (buffer_add(&b, bytes, n))
			next_in = (uint8_t)(next_in + n);
		size_t taken = rng_below(&rng, buffer_pending(&b) + 1);
		for (size_t k = 0; k < taken; k++)
			assert_int_equal(buffer_data(&b)[k], (uint8_t)(next_out + k));
		buffer_consume(&b, taken);
		next_out = (uint8_t)(next_out + taken);
		assert_true(buffer_pending(&b) <= b.max && b.cap <= b.max);
	}
	buffer_fini(&b);
}

static void a_buffer_that_is_full_takes_nothing_and_can_be_emptied(void **state)
{
	struct buffer b;
	struct error err;
	uint8_t bytes[4096] = { 0 };

	(void)state;
	assert_true(buffer_init(&b, 4096, 8192, &err));
	assert_true(buffer_add(&b, bytes, 4096));
	assert_true(buffer_add(&b, bytes, 4096));
	assert_false(buffer_add(&b, bytes, 1));
	assert_false(b.overflowed); /* that is for those who reserve */
	assert_int_equal(buffer_pending(&b), 8192);
	assert_null(buffer_reserve(&b, 1));
	assert_true(b.overflowed);
	buffer_consume(&b, 8192);
	buffer_trim(&b, 4096);
	assert_int_equal(b.cap, 4096);
	assert_true(buffer_add(&b, bytes, 4096));
	buffer_fini(&b);
	buffer_fini(&b);
}

/* --- outbox --------------------------------------------------------------------------------------- */

static uint64_t returned[16];
static size_t returned_count;

static void note_return(void *context, uint64_t token)
{
	assert_ptr_equal(context, returned);
	assert_true(returned_count < 16);
	returned[returned_count++] = token;
}

/* What would be written, as one text. */
static const char *shown(const struct outbox *o)
{
	static char text[256];
	struct iovec pieces[16];
	size_t len = 0;

	int n = outbox_fill(o, pieces, 16);
	for (int i = 0; i < n; i++) {
		memcpy(text + len, pieces[i].iov_base, pieces[i].iov_len);
		len += pieces[i].iov_len;
	}
	text[len] = '\0';
	return text;
}

static void copied_and_borrowed_pieces_leave_in_order_in_any_parts(void **state)
{
	struct outbox o;

	(void)state;
	for (size_t part = 1; part <= 12; part++) {
		returned_count = 0;
		outbox_init(&o, 100, note_return, returned);
		assert_true(outbox_copy(&o, "ab", 2));
		assert_true(outbox_copy(&o, "c", 1)); /* joins the one before */
		assert_true(outbox_borrow(&o, "DEF", 3, 7));
		assert_true(outbox_borrow(&o, "GH", 2, 8));
		assert_true(outbox_copy(&o, "ijkl", 4));
		assert_int_equal(o.count, 4);
		const char *all = "abcDEFGHijkl";
		for (size_t at = 0; at < 12;) {
			assert_string_equal(shown(&o), all + at);
			assert_int_equal(returned_count, (at >= 6) + (at >= 8));
			size_t n = 12 - at < part ? 12 - at : part;
			outbox_written(&o, n);
			at += n;
		}
		assert_int_equal(o.bytes, 0);
		assert_int_equal(returned[0], 7);
		assert_int_equal(returned[1], 8);
		outbox_fini(&o);
	}
}

static void a_piece_without_room_is_refused_whole_and_fits_later(void **state)
{
	struct outbox o;

	(void)state;
	returned_count = 0;
	outbox_init(&o, 10, note_return, returned);
	assert_true(outbox_copy(&o, "123456", 6));
	assert_false(outbox_copy(&o, "78901", 5));
	assert_false(outbox_borrow(&o, "78901", 5, 1));
	assert_true(outbox_borrow(&o, "7890", 4, 2));
	assert_string_equal(shown(&o), "1234567890");
	assert_false(outbox_copy(&o, "x", 1));
	outbox_written(&o, 1);
	assert_true(outbox_copy(&o, "x", 1));
	assert_string_equal(shown(&o), "234567890x");
	assert_int_equal(returned_count, 0);
	outbox_fini(&o); /* what was lent comes back all the same */
	assert_int_equal(returned_count, 1);
	assert_int_equal(returned[0], 2);
}

/* --- timers --------------------------------------------------------------------------------------- */

struct alarm_clock {
	struct timer timer;
	struct timers *all;
	uint64_t fired_ns, again_ns;
	int fired;
};

static void ring(struct timer *t, uint64_t now_ns)
{
	struct alarm_clock *c = (struct alarm_clock *)t;

	assert_false(timer_is_set(t));
	c->fired++;
	c->fired_ns = now_ns;
	if (c->again_ns > 0)
		timers_set(c->all, t, c->again_ns);
}

static void timers_fire_in_order_however_they_were_set_moved_and_cancelled(void **state)
{
	struct timers all = { 0 };
	struct alarm_clock clocks[200] = { 0 };
	struct rng rng = { .state = 3 };

	(void)state;
	assert_int_equal(timers_next_ns(&all), UINT64_MAX);
	for (int i = 0; i < 200; i++)
		clocks[i] = (struct alarm_clock){ .timer.due = ring, .all = &all };
	for (int i = 0; i < 5000; i++) {
		struct alarm_clock *c = &clocks[rng_below(&rng, 200)];
		if (rng_below(&rng, 3) == 0)
			timers_cancel(&all, &c->timer);
		else
			timers_set(&all, &c->timer, 1 + rng_below(&rng, 1000));
	}
	for (uint64_t now_ns = 0; now_ns <= 1000; now_ns++) {
		timers_run(&all, now_ns);
		assert_true(timers_next_ns(&all) > now_ns);
	}
	assert_int_equal(all.count, 0);
	for (int i = 0; i < 200; i++) {
		assert_true(clocks[i].fired <= 1);
		if (clocks[i].fired)
			assert_int_equal(clocks[i].fired_ns, clocks[i].timer.at_ns);
	}
	timers_fini(&all);
}

static void a_timer_that_sets_itself_to_the_past_does_not_hold_up_the_others(void **state)
{
	struct timers all = { 0 };
	struct alarm_clock eager = { .timer.due = ring, .all = &all, .again_ns = 1 };
	struct alarm_clock other = { .timer.due = ring, .all = &all };

	(void)state;
	timers_set(&all, &eager.timer, 5);
	timers_set(&all, &other.timer, 6);
	timers_run(&all, 10);
	assert_true(eager.fired >= 1 && eager.fired <= 2);
	timers_run(&all, 10);
	timers_run(&all, 10);
	assert_true(timer_is_set(&eager.timer));
	timers_fini(&all);
	assert_false(timer_is_set(&eager.timer));
}

/* --- backoff -------------------------------------------------------------------------------------- */

static void each_failure_waits_twice_as_long_up_to_a_limit_less_a_random_half(void **state)
{
	struct backoff b = { .first_ns = 100, .max_ns = 1000, .rng.state = 1 };
	static const uint64_t whole[] = { 100, 200, 400, 800, 1000, 1000 };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		uint64_t wait_ns = backoff_failed(&b, 5000) - 5000;
		assert_true(wait_ns >= whole[i] - whole[i] / 2 && wait_ns <= whole[i]);
	}
	backoff_succeeded(&b);
	assert_true(backoff_failed(&b, 0) <= 100);
}

static void waits_of_the_same_seed_are_the_same_and_of_others_are_spread(void **state)
{
	uint64_t low = UINT64_MAX, high = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct backoff a = { .first_ns = 1000000, .max_ns = 1000000, .rng.state = seed };
		struct backoff b = a;
		uint64_t at_ns = backoff_failed(&a, 0);
		assert_int_equal(at_ns, backoff_failed(&b, 0));
		low = at_ns < low ? at_ns : low;
		high = at_ns > high ? at_ns : high;
	}
	assert_true(high - low > 400000);
}

static void without_a_first_wait_it_is_never_tried_again(void **state)
{
	struct backoff never = { .max_ns = 1000 };
	struct backoff late = { .first_ns = UINT64_MAX - 5, .max_ns = UINT64_MAX };

	(void)state;
	assert_true(backoff_failed(&never, 10) == UINT64_MAX);
	for (int i = 0; i < 100; i++)
		assert_true(backoff_failed(&late, 10) > 10);
}

/* --- addresses ------------------------------------------------------------------------------------ */

static void addresses_come_back_as_they_were_written(void **state)
{
	static const char *const texts[] = { "127.0.0.1:5999", "[::1]:80", "@name", "/tmp/a.sock",
		                             "0.0.0.0:0" };
	struct address a;
	struct error err;
	char text[ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_true(address_parse(texts[i], &a, &err));
		assert_string_equal(address_format(&a, text), texts[i]);
	}
	assert_true(address_parse("127.0.0.1:5999", &a, &err));
	assert_int_equal(address_port(&a), 5999);
	address_set_port(&a, 6000);
	assert_string_equal(address_format(&a, text), "127.0.0.1:6000");
}

static void what_is_no_address_is_refused_with_its_text(void **state)
{
	static const char *const texts[] = {
		"",           "127.0.0.1",  "127.0.0.1:", ":80",   "::1:80", "1.2.3.4:65536",
		"1.2.3.4:-1", "1.2.3.4: 1", "name:9092",  "[::1]", "@",      "1.2.3.4:1x"
	};
	struct address a;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_false(address_parse(texts[i], &a, &err));
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_non_null(strstr(err.text, texts[i]));
	}
	char long_name[200] = "@";
	memset(long_name + 1, 'x', 198);
	assert_false(address_parse(long_name, &a, &err));
}

static void names_are_resolved_where_that_may_block(void **state)
{
	struct address found[ADDRESSES_MAX];
	struct error err;

	(void)state;
	size_t n = address_resolve("localhost:77", found, &err);
	assert_true(n >= 1);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(address_port(&found[i]), 77);
	assert_int_equal(address_resolve("localhost", found, &err), 0);
	assert_non_null(strstr(err.text, "localhost"));
}

static void a_list_of_addresses_names_this_host_or_others(void **state)
{
	static const struct {
		const char *list;
		bool here;
	} cases[] = {
		{ "localhost:9092", true },
		{ "a:1, localhost:9092", true },
		{ "127.0.0.1:9092,b:2", true },
		{ "127.9.9.9", true },
		{ "[::1]:9092", true },
		{ "nats://127.0.0.1:4222", true },
		{ "nats://user:secret@localhost:4222", true },
		{ "PLAINTEXT://localhost:9092", true },
		{ "", false },
		{ "10.0.0.127:9092", false },
		{ "broker:9092,nats://other:4222", false },
		{ "nats://localhost:secret@other:4222", false },
		{ "a:1,nats://b:2", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(address_names_this_host(cases[i].list), cases[i].here);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_gives_back_what_was_added_whatever_the_parts),
		cmocka_unit_test(a_buffer_that_is_full_takes_nothing_and_can_be_emptied),
		cmocka_unit_test(copied_and_borrowed_pieces_leave_in_order_in_any_parts),
		cmocka_unit_test(a_piece_without_room_is_refused_whole_and_fits_later),
		cmocka_unit_test(timers_fire_in_order_however_they_were_set_moved_and_cancelled),
		cmocka_unit_test(a_timer_that_sets_itself_to_the_past_does_not_hold_up_the_others),
		cmocka_unit_test(each_failure_waits_twice_as_long_up_to_a_limit_less_a_random_half),
		cmocka_unit_test(waits_of_the_same_seed_are_the_same_and_of_others_are_spread),
		cmocka_unit_test(without_a_first_wait_it_is_never_tried_again),
		cmocka_unit_test(addresses_come_back_as_they_were_written),
		cmocka_unit_test(what_is_no_address_is_refused_with_its_text),
		cmocka_unit_test(names_are_resolved_where_that_may_block),
		cmocka_unit_test(a_list_of_addresses_names_this_host_or_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
