/* SPDX-License-Identifier: Apache-2.0 */

/* What the loopback broker's core does wrong on purpose, under an injected clock. */

#include "driver/loopback/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver/loopback/log.h"
#include "load/stamp.h"
#include "loopback_bed.h"

/* --- faults -------------------------------------------------------------------------------------- */

static void each_fault_strikes_exactly_where_it_should(void **state)
{
	(void)state;
	static const struct {
		const char *faults, *delivered;
		unsigned refused; /* one of the 8; 0 = none */
	} cases[] = {
		{ "", "1 2 3 4 5 6 7 8", 0 },
		{ "lose:3", "1 2 4 5 7 8", 0 },
		{ "lose:3@3", "1 2 3 4 6 7", 0 },
		{ "lose:1@3..5", "1 2 5 6 7 8", 0 },
		{ "lose:1@3+2", "1 2 5 6 7 8", 0 },
		{ "lose:1@3+2, lose:1@8", "1 2 5 6 7", 0 },
		{ "duplicate:4", "1 2 3 4 4 5 6 7 8 8", 0 },
		{ "reorder:3", "1 2 4 3 5 7 6 8", 0 },
		{ "reorder:1", "2 1 4 3 6 5 8 7", 0 },
		{ "error:5", "1 2 3 4 6 7 8", 5 },
		{ "deny:5", "1 2 3 4 5 6 7 8", 5 },
		{ "lose:4 reorder:3", "1 2 5 3 7 6", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct loop_core *core = create_faulty((struct loop_script){ 0 }, cases[i].faults);
		struct loop_topic *t = topic(core, "t", 1);
		struct loop_member *m = loop_core_join(core, t, "g", NULL);
		struct loop_ack ack;

		for (uint32_t n = 1; n <= 8; n++)
			append(core, t, n, T0);
		for (uint64_t n = 1; n <= 8; n++) {
			assert_true(loop_core_take_ack(core, T0, &ack));
			assert_int_equal(ack.owner, n);
			assert_int_equal(ack.acknowledged, n != cases[i].refused);
		}
		assert_string_equal(fetch_all(core, m, T0), cases[i].delivered);
		loop_core_destroy(core);
	}
}

static void faults_count_the_messages_of_all_partitions(void **state)
{
	(void)state;
	struct loop_core *core = create_faulty((struct loop_script){ 0 }, "lose:2");
	struct loop_topic *t = topic(core, "t", 2);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);

	for (uint32_t n = 0; n < 8; n++) /* even ones go to partition 0 */
		append(core, t, n, T0);
	assert_string_equal(fetch_all(core, m, T0), "0 2 4 6");
	assert_int_equal(loop_core_counts(core)->lost, 4);
	loop_core_destroy(core);
}

static void a_corrupt_message_differs_in_one_byte_of_its_last_32(void **state)
{
	(void)state;
	struct loop_core *core = create_faulty((struct loop_script){ 0 }, "corrupt:2");
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);
	struct loop_delivery d;

	for (uint32_t n = 1; n <= 4; n++)
		append(core, t, n, T0);
	for (uint32_t n = 1; n <= 4; n++) {
		assert_true(loop_core_fetch(core, m, T0, &d));
		unsigned wrong = 0;
		for (size_t i = 4; i < PAYLOAD_BYTES; i++)
			wrong += ((const unsigned char *)d.payload)[i] != 0x55;
		assert_int_equal(wrong, n % 2 == 0);
		assert_memory_equal(d.payload, &n, 4);
		/* Not in the magic: then it would be no stamp at all. */
		for (size_t i = PAYLOAD_BYTES - 32; i < PAYLOAD_BYTES - 30; i++)
			assert_int_equal(((const unsigned char *)d.payload)[i], 0x55);
	}
	loop_core_destroy(core);
}

static void a_message_kept_back_for_reordering_comes_after_a_second(void **state)
{
	(void)state;
	struct loop_core *core = create_faulty((struct loop_script){ 0 }, "reorder:2");
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);

	append(core, t, 1, T0);
	append(core, t, 2, T0);
	assert_string_equal(fetch_all(core, m, T0), "1");
	while (is_acknowledged_by(core, T0))
		;
	while (loop_core_take_ready(core, T0) != NULL)
		;
	assert_int_equal(loop_core_next_event_ns(core, T0), T0 + S);
	assert_string_equal(fetch_all(core, m, T0 + S - 1), "");
	assert_string_equal(fetch_all(core, m, T0 + S), "2");
	assert_int_equal(loop_core_counts(core)->reordered, 0);
	loop_core_destroy(core);
}

static void a_second_message_kept_back_has_a_second_of_its_own(void **state)
{
	(void)state;
	struct loop_core *core = create_faulty((struct loop_script){ 0 }, "reorder:2");
	struct loop_topic *t = topic(core, "t", 1);
	struct loop_member *m = loop_core_join(core, t, "g", NULL);

	for (uint32_t n = 1; n <= 3; n++)
		append(core, t, n, T0);
	assert_string_equal(fetch_all(core, m, T0), "1 3 2");
	append(core, t, 4, T0 + S / 2);
	assert_string_equal(fetch_all(core, m, T0 + S), "");
	assert_string_equal(fetch_all(core, m, T0 + S + S / 2), "4");
	loop_core_destroy(core);
}

/* --- faults of messages with stamps ----------------------------------------------------------------- */

static void append_stamped(struct loop_core *core, struct loop_topic *t, uint32_t producer,
                           uint64_t sequence)
{
	struct stamp stamp = { .producer = producer, .sequence = sequence, .due_ns = T0 };
	unsigned char payload[PAYLOAD_BYTES] = { 0 };
	struct loop_incoming in = {
		.topic = t,
		.partition = 0,
		.payload = payload,
		.payload_len = sizeof(payload),
	};
	struct loop_receipt receipt;

	stamp_write(payload, sizeof(payload), &stamp);
	assert_int_equal(loop_core_append(core, &in, T0, &receipt), LOOP_APPENDED);
}

/* "0:1 1:1" are message 1 of producer 0 and of producer 1; "?" has a damaged stamp, "!" a damaged rest. */
static const char *fetch_stamped(struct loop_core *core, struct loop_member *m, uint64_t now_ns)
{
	static char text[4096];
	struct loop_delivery d;
	size_t len = 0;

	text[0] = '\0';
	while (loop_core_fetch(core, m, now_ns, &d)) {
		const unsigned char *payload = d.payload;
		struct stamp stamp;
		bool is_spoiled = false;
		for (size_t i = 0; i < d.payload_len - STAMP_BYTES; i++)
			is_spoiled |= payload[i] != 0;
		const char *between = len == 0 ? "" : " ";
		if (stamp_read(payload, d.payload_len, &stamp) != STAMP_OK)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s?", between);
		else
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u:%u%s",
			                        between, stamp.producer, (unsigned)stamp.sequence,
			                        is_spoiled ? "!" : "");
	}
	return text;
}

/* The lines of a log of faults in short: "lose 1:2, ", "reorder 0:0 by 1, ". */
static const char *named_in(int fd)
{
	static char text[4096];
	char all[8192];
	ssize_t len = read(fd, all, sizeof(all) - 1);
	size_t out = 0;

	assert_true(len >= 0);
	all[len] = '\0';
	text[0] = '\0';
	for (char *line = all; *line != '\0'; line = strchr(line, '\n') + 1) {
		char kind[16];
		unsigned producer, sequence, by;
		int n = sscanf(line,
		               "{\"fault\":\"%15[a-z]\",\"topic\":\"t\",\"partition\":0,"
		               "\"producer\":%u,\"sequence\":%u,\"overtakenBy\":%u}",
		               kind, &producer, &sequence, &by);
		assert_true(n >= 3);
		out += (size_t)snprintf(text + out, sizeof(text) - out, "%s %u:%u", kind, producer,
		                        sequence);
		if (n == 4)
			out += (size_t)snprintf(text + out, sizeof(text) - out, " by %u", by);
		out += (size_t)snprintf(text + out, sizeof(text) - out, ", ");
	}
	return text;
}

static void messages_of_a_producer_are_struck_and_named(void **state)
{
	(void)state;
	static const struct {
		const char *faults, *delivered, *named;
	} cases[] = {
		{ "lose:1@1#1..3", "0:0 1:0 0:1 0:2 0:3 1:3", "lose 1:1, lose 1:2, " },
		/* Those of others pass by. */
		{ "reorder:1@0#0..2", "1:0 0:1 0:0 1:1 0:2 1:2 0:3 1:3", "reorder 0:0 by 1, " },
		{ "reorder:2@0#0 reorder:2@1#0", "0:0 1:0 0:2 0:1 1:2 1:1",
		  "reorder 0:1 by 2, reorder 1:1 by 2, " },
		{ "duplicate:1@0#2+1 corrupt:1@1#2+1 spoil:1@1#3+1",
		  "0:0 1:0 0:1 1:1 0:2 0:2 ? 0:3 1:3!", "duplicate 0:2, corrupt 1:2, spoil 1:3, " },
		{ "corrupt:1@0#1+1 duplicate:1@0#1+1", "0:0 1:0 ? 0:1 1:1 0:2 1:2 0:3 1:3",
		  "corrupt 0:1, duplicate 0:1, " },
		{ "error:1@0#1+1 deny:1@1#1+1", "0:0 1:0 1:1 0:2 1:2 0:3 1:3",
		  "error 0:1, deny 1:1, " },
		{ "lose:1@0#1+1 duplicate:1@0#1+1 deny:1@0#1+1", "0:0 1:0 1:1 0:2 1:2 0:3 1:3",
		  "deny 0:1, lose 0:1, " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[] = "/tmp/omb-fault-log-XXXXXX";
		struct error err = { 0 };
		int fd = mkstemp(path);
		struct fault_log *log = fault_log_open(path, &err);
		struct loop_core *core =
			create_faulty((struct loop_script){ .fault_log = log }, cases[i].faults);
		struct loop_topic *t = topic(core, "t", 1);
		struct loop_member *m = loop_core_join(core, t, "g", NULL);
		for (uint64_t n = 0; n < 4; n++)
			for (uint32_t p = 0; p < 2; p++)
				append_stamped(core, t, p, n);
		assert_string_equal(fetch_stamped(core, m, T0), cases[i].delivered);
		loop_core_destroy(core);
		assert_true(fault_log_close(log, &err));
		assert_string_equal(named_in(fd), cases[i].named);
		close(fd);
		unlink(path);
	}
}

static void the_connection_of_one_message_is_dropped(void **state)
{
	(void)state;
	struct loop_core *core = create_faulty((struct loop_script){ 0 }, "close:1@3+1");
	struct loop_topic *t = topic(core, "t", 1);

	for (uint32_t n = 1; n <= 6; n++)
		assert_int_equal(append(core, t, n, T0).drop_connection, n == 3);
	loop_core_destroy(core);
}

static void the_message_that_a_delay_begins_with_is_late_and_so_many_after_it(void **state)
{
	static const struct {
		const char *fault;
		uint32_t first, last; /* of those that are late */
	} cases[] = {
		{ "delay:5ms@3", 3, 6 },
		{ "delay:5ms@3+1", 3, 3 },
		{ "delay:5ms@3..5", 3, 4 },
		{ "delay:5ms@3+3", 3, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct loop_core *core = create_faulty((struct loop_script){ 0 }, cases[i].fault);
		struct loop_topic *t = topic(core, "t", 1);
		for (uint32_t n = 1; n <= 6; n++) {
			bool is_late = n >= cases[i].first && n <= cases[i].last;
			assert_int_equal(append(core, t, n, T0).ack_ns,
			                 T0 + (is_late ? 5 * MS : 0));
		}
		loop_core_destroy(core);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_strikes_exactly_where_it_should),
		cmocka_unit_test(faults_count_the_messages_of_all_partitions),
		cmocka_unit_test(a_corrupt_message_differs_in_one_byte_of_its_last_32),
		cmocka_unit_test(a_message_kept_back_for_reordering_comes_after_a_second),
		cmocka_unit_test(a_second_message_kept_back_has_a_second_of_its_own),
		cmocka_unit_test(messages_of_a_producer_are_struck_and_named),
		cmocka_unit_test(the_connection_of_one_message_is_dropped),
		cmocka_unit_test(the_message_that_a_delay_begins_with_is_late_and_so_many_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
