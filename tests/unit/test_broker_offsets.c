/* SPDX-License-Identifier: Apache-2.0 */

/* What else is asked of consumer groups: offsets, administration, and hostile bytes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/groups/groups.h"
#include "broker_members.h"

/* ---- Offsets ---- */

static void offsets_outlive_the_members(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 1);
	assert_int_equal(commit(f, &f->m[0], 2, 42), KAFKA_NONE);
	assert_int_equal(commit(f, &f->m[0], 2, 43), KAFKA_NONE);
	assert_int_equal(commit(f, &f->m[0], 9, 1), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
	assert_int_equal(leave_group(f, &f->m[0]), KAFKA_NONE);
	broker_harness_pass(&f->h, 3600 * S);
	assert_int_equal(committed(f, &f->m[0], 2), 43);
	assert_int_equal(committed(f, &f->m[0], 1), -1);
	assert_int_equal(harness_delete_topic(&f->h, f->m[0].c, "t"), 0);
	assert_int_equal(committed(f, &f->m[0], 2), -1);
}

static void a_consumer_without_a_group_may_commit(void **state)
{
	struct fixture *f = *state;

	f->m[0].generation = 7;
	assert_int_equal(commit(f, &f->m[0], 0, 5), KAFKA_ILLEGAL_GENERATION);
	f->m[0].generation = -1;
	assert_int_equal(commit(f, &f->m[0], 0, 5), KAFKA_NONE);
	assert_int_equal(committed(f, &f->m[0], 0), 5);
}

static void all_offsets_are_told_when_none_is_named(void **state)
{
	struct fixture *f = *state;
	struct writer *w = &f->m[0].c->frame;

	f->m[0].generation = -1;
	for (int i = 3; i >= 0; i--)
		commit(f, &f->m[0], i, 100 + i);
	request_begin(f->m[0].c, FETCH_OFFSETS, 2);
	write_string(w, "g");
	write_i32(w, -1);
	broker_harness_send(&f->h, f->m[0].c);

	struct reader r = reader_over(f->m[0].c->answer.data, f->m[0].c->answer.len);
	assert_int_equal(read_i32(&r), 1);
	assert_int_equal(read_string(&r).len, 1);
	assert_int_equal(read_i32(&r), 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(read_i32(&r), i);
		assert_int_equal(read_i64(&r), 100 + i);
		read_string(&r);
		assert_int_equal(read_i16(&r), 0);
	}
	assert_int_equal(read_i16(&r), 0);
	assert_true(reader_is_done(&r));

	/* None named is not all. */
	request_begin(f->m[0].c, FETCH_OFFSETS, 2);
	write_string(w, "g");
	write_i32(w, 0);
	broker_harness_send(&f->h, f->m[0].c);
	assert_int_equal(f->m[0].c->answer.len, 6);
}

static void old_versions_of_a_commit_are_understood(void **state)
{
	struct fixture *f = *state;

	f->m[0].generation = -1;
	for (int16_t version = 0; version <= 7; version++) {
		struct writer *w = &f->m[0].c->frame;
		request_begin(f->m[0].c, COMMIT_OFFSETS, version);
		write_string(w, "g");
		if (version >= 1) {
			write_i32(w, -1);
			write_string(w, "");
		}
		if (version >= 7)
			write_string(w, NULL);
		if (version >= 2 && version <= 4)
			write_i64(w, -1);
		write_i32(w, 1);
		write_string(w, "t");
		write_i32(w, 1);
		write_i32(w, 0);
		write_i64(w, 1000 + version);
		if (version >= 6)
			write_i32(w, 3);
		if (version == 1)
			write_i64(w, 1);
		write_string(w, "note");
		broker_harness_send(&f->h, f->m[0].c);
		assert_int_equal(f->m[0].c->how, HANDLED_REPLY);
		assert_int_equal(f->m[0].c->answer.len, (version >= 3 ? 4 : 0) + 4 + 3 + 4 + 6);
	}
	assert_int_equal(committed(f, &f->m[0], 0), 1007);
}

static int64_t lowest(struct fixture *f, int32_t partition)
{
	/* Only the broker's own handle leads to its groups. */
	int64_t offset = -1;

	return groups_lowest_offset(broker_groups(f->h.b), "t", partition, &offset) ? offset : -1;
}

static void the_lowest_offset_is_that_of_groups_that_live(void **state)
{
	struct fixture *f = *state;

	f->m[7].generation = -1;
	commit(f, &f->m[7], 0, 5);
	assert_int_equal(lowest(f, 0), -1); /* nobody is there to read on */
	make_stable(f, 1);
	assert_int_equal(lowest(f, 0), 5);
	commit(f, &f->m[0], 0, 9);
	assert_int_equal(lowest(f, 0), 9);
	assert_int_equal(lowest(f, 1), -1);
	leave_group(f, &f->m[0]);
	assert_int_equal(lowest(f, 0), -1);
}

/* A JoinGroup as of old, which needs no id first. */
static void begin_join_to(struct member *m, const char *group)
{
	static const uint8_t reads_t[] = { 0, 0, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 0 };
	struct writer *w = &m->c->frame;

	request_begin(m->c, JOIN, 3);
	write_string(w, group);
	write_i32(w, 10000);
	write_i32(w, 30000);
	write_string(w, "");
	write_string(w, "consumer");
	write_i32(w, 1);
	write_string(w, "range");
	write_kafka_bytes(w, reads_t, sizeof(reads_t));
}

static void the_slowest_group_counts(void **state)
{
	struct fixture *f = *state;
	struct member *other = &f->m[1];

	make_stable(f, 1);
	commit(f, &f->m[0], 0, 9);
	for (int64_t offset = 7; offset <= 11; offset += 4) {
		other->generation = -1;
		other->id[0] = '\0';
		begin_commit(other, "h", 0, offset);
		broker_harness_send(&f->h, other->c);
		begin_join_to(other, "h");
		broker_harness_send(&f->h, other->c);
		read_join(other, 3);
		assert_int_equal(lowest(f, 0), offset < 9 ? offset : 9);
		request_begin(other->c, LEAVE, 1);
		write_string(&other->c->frame, "h");
		write_string(&other->c->frame, other->id);
		broker_harness_send(&f->h, other->c);
		assert_int_equal(lowest(f, 0), 9);
	}
}

/* ---- Administration ---- */

static int16_t delete_group(struct fixture *f, struct broker_client *c, const char *group)
{
	request_begin(c, DELETE, 1);
	write_i32(&c->frame, 1);
	write_string(&c->frame, group);
	broker_harness_send(&f->h, c);
	struct reader r = reader_over(c->answer.data, c->answer.len);
	read_i32(&r);
	assert_int_equal(read_i32(&r), 1);
	read_string(&r);
	int16_t code = read_i16(&r);
	assert_true(reader_is_done(&r));
	return code;
}

static void only_groups_without_members_are_deleted(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 1);
	commit(f, &f->m[0], 0, 5);
	assert_int_equal(delete_group(f, f->m[1].c, "g"), KAFKA_NON_EMPTY_GROUP);
	leave_group(f, &f->m[0]);
	assert_int_equal(committed(f, &f->m[1], 0), 5);
	assert_int_equal(delete_group(f, f->m[1].c, "g"), KAFKA_NONE);
	assert_int_equal(committed(f, &f->m[1], 0), -1);
	assert_int_equal(delete_group(f, f->m[1].c, "g"), KAFKA_GROUP_ID_NOT_FOUND);
	assert_int_equal(delete_group(f, f->m[1].c, ""), KAFKA_INVALID_GROUP_ID);
}

static size_t listed(struct fixture *f)
{
	struct broker_client *c = f->m[7].c;

	request_begin(c, LIST, 2);
	broker_harness_send(&f->h, c);
	struct reader r = reader_over(c->answer.data, c->answer.len);
	read_i32(&r);
	assert_int_equal(read_i16(&r), 0);
	size_t count = read_count(&r, 4);
	for (size_t i = 0; i < count; i++) {
		struct kafka_string id = read_string(&r), type = read_string(&r);
		assert_int_equal(id.len, 1);
		assert_memory_equal(type.data, "consumer", 8);
	}
	assert_true(reader_is_done(&r));
	return count;
}

static void a_group_is_listed_while_there_is_something_of_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(listed(f), 0);
	make_stable(f, 1);
	assert_int_equal(listed(f), 1);
	leave_group(f, &f->m[0]);
	assert_int_equal(listed(f), 0);
	make_stable(f, 1);
	commit(f, &f->m[0], 0, 1);
	leave_group(f, &f->m[0]);
	assert_int_equal(listed(f), 1);
}

static void assert_text(struct reader *r, const char *wanted)
{
	char text[128];

	keep_text(text, sizeof(text), read_string(r));
	assert_string_equal(text, wanted);
}

static void a_description_says_who_has_what(void **state)
{
	struct fixture *f = *state;
	struct writer *w = &f->m[7].c->frame;

	make_stable(f, 2);
	request_begin(f->m[7].c, DESCRIBE, 4);
	write_i32(w, 2);
	write_string(w, "g");
	write_string(w, "absent");
	write_u8(w, 0);
	broker_harness_send(&f->h, f->m[7].c);

	struct reader r = reader_over(f->m[7].c->answer.data, f->m[7].c->answer.len);
	read_i32(&r);
	assert_int_equal(read_i32(&r), 2);
	assert_int_equal(read_i16(&r), 0);
	assert_text(&r, "g");
	assert_text(&r, "Stable");
	assert_text(&r, "consumer");
	assert_text(&r, "range");
	assert_int_equal(read_i32(&r), 2);
	for (int i = 0; i < 2; i++) {
		assert_text(&r, f->m[i].id);
		assert_null(read_string(&r).data);
		assert_text(&r, "test");
		assert_text(&r, "/test");
		assert_int_equal(read_kafka_bytes(&r).len, 13);
		assert_int_equal(read_kafka_bytes(&r).len, 5);
	}
	assert_int_equal(read_i32(&r), INT32_MIN);
	assert_int_equal(read_i16(&r), 0);
	assert_text(&r, "absent");
	assert_text(&r, "Dead");
	assert_text(&r, "");
	assert_text(&r, "");
	assert_int_equal(read_i32(&r), 0);
	assert_int_equal(read_i32(&r), INT32_MIN);
	assert_true(reader_is_done(&r));
}

static int16_t coordinator(struct fixture *f, const char *key, int8_t type)
{
	struct broker_client *c = f->m[0].c;

	request_begin(c, FIND_COORDINATOR, 2);
	write_string(&c->frame, key);
	write_i8(&c->frame, type);
	broker_harness_send(&f->h, c);
	struct reader r = reader_over(c->answer.data, c->answer.len);
	read_i32(&r);
	int16_t code = read_i16(&r);
	read_string(&r);
	int32_t node = read_i32(&r);
	assert_text(&r, code == 0 ? "127.0.0.1" : "");
	assert_int_equal(read_i32(&r), code == 0 ? 9092 : -1);
	assert_int_equal(node, code == 0 ? 0 : -1);
	assert_true(reader_is_done(&r));
	return code;
}

static void the_coordinator_is_a_node(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(coordinator(f, "g", 0), KAFKA_NONE);
	assert_int_equal(coordinator(f, "", 0), KAFKA_INVALID_GROUP_ID);
	assert_int_equal(coordinator(f, "g", 1), KAFKA_INVALID_REQUEST); /* transactions */
}

static void ids_and_times_out_of_range_are_refused(void **state)
{
	struct fixture *f = *state;
	struct join endless = { .session_ms = 1800001 }, none = { .session_ms = 1 };

	send_join(f, &f->m[0], &endless);
	read_join(&f->m[0], 5);
	assert_int_equal(f->m[0].code, KAFKA_INVALID_SESSION_TIMEOUT);
	send_join(f, &f->m[0], &none);
	read_join(&f->m[0], 5);
	assert_int_equal(f->m[0].code, KAFKA_INVALID_SESSION_TIMEOUT);
	snprintf(f->m[0].id, sizeof(f->m[0].id), "invented");
	send_join(f, &f->m[0], &plain);
	read_join(&f->m[0], 5);
	assert_int_equal(f->m[0].code, KAFKA_UNKNOWN_MEMBER_ID);
	assert_int_equal(listed(f), 0);
}

/* ---- Hostile bytes ---- */

/* Every beginning of the frame is refused or answered, and the whole is answered. */
static void cut_everywhere(struct fixture *f, struct broker_client *c)
{
	struct writer whole = { 0 };

	write_bytes(&whole, c->frame.data, c->frame.len);
	for (size_t len = 8; len < whole.len; len++) {
		/* Memory of just its size, so that one byte too many is seen. */
		struct broker_client cut = { 0 };
		cut.c = broker_connect(f->h.b, 0, "cut", f->h.now_ns);
		cut.c->owner = &cut;
		cut.frame.data = malloc(len);
		cut.frame.len = cut.frame.cap = len;
		memcpy(cut.frame.data, whole.data, len);
		broker_harness_send(&f->h, &cut);
		assert_int_equal(cut.how, HANDLED_BAD);
		writer_fini(&cut.frame);
		writer_fini(&cut.answer);
	}
	writer_fini(&whole);
	broker_harness_send(&f->h, c);
	assert_int_equal(c->how, HANDLED_REPLY);
}

static void begin_simple(struct fixture *f, int16_t api, int16_t version)
{
	struct member *m = &f->m[0];
	struct writer *w = &m->c->frame;

	request_begin(m->c, api, version);
	if (api == DESCRIBE || api == DELETE)
		write_i32(w, 1);
	write_string(w, "g");
	if (api == FIND_COORDINATOR)
		write_i8(w, 0);
	if (api == DESCRIBE)
		write_u8(w, 1);
	if (api == HEARTBEAT || api == SYNC)
		write_i32(w, m->generation);
	if (api == HEARTBEAT || api == SYNC || api == LEAVE)
		write_string(w, m->id);
	if (api == HEARTBEAT || api == SYNC)
		write_string(w, NULL);
	if (api == SYNC || api == FETCH_OFFSETS) {
		write_i32(w, 1);
		write_string(w, m->id);
		write_i32(w, 1);
		write_u8(w, 0);
	}
	if (api == FETCH_OFFSETS)
		write_bytes(w, "\0\0", 3);
}

static void every_beginning_of_every_request_is_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int16_t api, version;
	} simple[] = {
		{ FIND_COORDINATOR, 2 }, { HEARTBEAT, 3 }, { SYNC, 3 },  { FETCH_OFFSETS, 5 },
		{ DESCRIBE, 4 },         { LEAVE, 1 },     { DELETE, 1 }
	};

	make_stable(f, 1);
	struct join two = { .first = "range", .second = "roundrobin" };
	begin_join(&f->m[0], &two);
	cut_everywhere(f, f->m[0].c);
	read_join(&f->m[0], 5);
	begin_commit(&f->m[0], "g", 0, 1);
	cut_everywhere(f, f->m[0].c);
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		begin_simple(f, simple[i].api, simple[i].version);
		cut_everywhere(f, f->m[0].c);
	}
}

static void counts_that_lie_are_refused(void **state)
{
	struct fixture *f = *state;
	static const int16_t apis[] = { DESCRIBE, DELETE };

	for (size_t i = 0; i < 2; i++) {
		struct broker_client *c = f->m[i].c;
		request_begin(c, apis[i], 0);
		write_i32(&c->frame, INT32_MAX);
		write_string(&c->frame, "g");
		broker_harness_send(&f->h, c);
		assert_int_equal(c->how, HANDLED_BAD);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(offsets_outlive_the_members),
		T(a_consumer_without_a_group_may_commit),
		T(all_offsets_are_told_when_none_is_named),
		T(old_versions_of_a_commit_are_understood),
		T(the_lowest_offset_is_that_of_groups_that_live),
		T(the_slowest_group_counts),
		T(only_groups_without_members_are_deleted),
		T(a_group_is_listed_while_there_is_something_of_it),
		T(a_description_says_who_has_what),
		T(the_coordinator_is_a_node),
		T(ids_and_times_out_of_range_are_refused),
		T(every_beginning_of_every_request_is_refused),
		T(counts_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
