/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	broker_harness_init(&f->h, NULL);
	for (int i = 0; i < 8; i++)
		f->m[i].c = broker_harness_connect(&f->h, i);
	assert_int_equal(harness_create_topic(&f->h, f->m[0].c, "t", 4), 0);
	f->h.notices[0] = '\0';
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	broker_harness_fini(&f->h);
	free(f);
	return 0;
}

void keep_text(char *out, size_t cap, struct kafka_string s)
{
	snprintf(out, cap, "%.*s", (int)s.len, s.data ? s.data : "");
}

/* The subscription to "t" as clients encode it: version, topics, user data. */
static void write_subscription(struct writer *w)
{
	static const uint8_t bytes[] = { 0, 0, 0, 0, 0, 1, 0, 1, 't', 0xff, 0xff, 0xff, 0xff };

	write_kafka_bytes(w, bytes, sizeof(bytes));
}

void begin_join(struct member *m, const struct join *j)
{
	int16_t version = j->version;
	struct writer *w = &m->c->frame;

	if (version == 0)
		version = 5;
	request_begin(m->c, JOIN, version);
	write_string(w, "g");
	write_i32(w, j->session_ms > 0 ? j->session_ms : 10000);
	write_i32(w, j->rebalance_ms > 0 ? j->rebalance_ms : 30000);
	write_string(w, m->id);
	if (version >= 5)
		write_string(w, j->instance);
	write_string(w, "consumer");
	write_i32(w, j->second ? 2 : 1);
	write_string(w, j->first ? j->first : "range");
	write_subscription(w);
	if (j->second) {
		write_string(w, j->second);
		write_subscription(w);
	}
}

void read_join(struct member *m, int16_t version)
{
	struct reader r = reader_over(m->c->answer.data, m->c->answer.len);

	assert_int_equal(m->c->how, HANDLED_REPLY);
	assert_int_equal(read_i32(&r), 0);
	m->code = read_i16(&r);
	m->generation = read_i32(&r);
	keep_text(m->protocol, sizeof(m->protocol), read_string(&r));
	keep_text(m->leader, sizeof(m->leader), read_string(&r));
	keep_text(m->id, sizeof(m->id), read_string(&r));
	m->known = read_count(&r, 6);
	for (size_t i = 0; i < m->known; i++) {
		read_string(&r);
		if (version >= 5)
			read_string(&r);
		assert_int_equal(read_kafka_bytes(&r).len, 13);
	}
	assert_true(reader_is_done(&r));
}

void send_join(struct fixture *f, struct member *m, const struct join *j)
{
	begin_join(m, j);
	broker_harness_send(&f->h, m->c);
}

const struct join plain = { 0 };

void join_group(struct fixture *f, struct member *m)
{
	m->id[0] = '\0';
	send_join(f, m, &plain);
	read_join(m, 5);
	assert_int_equal(m->code, KAFKA_MEMBER_ID_REQUIRED);
	assert_true(strlen(m->id) > 0);
	send_join(f, m, &plain);
}

void read_sync(struct member *m)
{
	struct reader r = reader_over(m->c->answer.data, m->c->answer.len);

	assert_int_equal(m->c->how, HANDLED_REPLY);
	assert_int_equal(read_i32(&r), 0);
	m->code = read_i16(&r);
	keep_text(m->assignment, sizeof(m->assignment), read_kafka_bytes(&r));
	assert_true(reader_is_done(&r));
}

void send_sync(struct fixture *f, struct member *m, struct member *members, int count)
{
	struct writer *w = &m->c->frame;

	request_begin(m->c, SYNC, 3);
	write_string(w, "g");
	write_i32(w, m->generation);
	write_string(w, m->id);
	write_string(w, NULL);
	write_i32(w, count);
	for (int i = 0; i < count; i++) {
		char text[16];
		int len = snprintf(text, sizeof(text), "for %d", i);
		write_string(w, members[i].id);
		write_kafka_bytes(w, text, (size_t)len);
	}
	broker_harness_send(&f->h, m->c);
}

static int16_t code_behind_throttle(const struct broker_client *c)
{
	struct reader r = reader_over(c->answer.data, c->answer.len);

	if (c->how != HANDLED_REPLY)
		return COORDINATOR_LOST;
	read_i32(&r);
	int16_t code = read_i16(&r);
	assert_true(reader_is_done(&r));
	return code;
}

int16_t beat(struct fixture *f, struct member *m)
{
	struct writer *w = &m->c->frame;

	request_begin(m->c, HEARTBEAT, 3);
	write_string(w, "g");
	write_i32(w, m->generation);
	write_string(w, m->id);
	write_string(w, NULL);
	broker_harness_send(&f->h, m->c);
	return code_behind_throttle(m->c);
}

int16_t leave_group(struct fixture *f, struct member *m)
{
	request_begin(m->c, LEAVE, 1);
	write_string(&m->c->frame, "g");
	write_string(&m->c->frame, m->id);
	broker_harness_send(&f->h, m->c);
	return code_behind_throttle(m->c);
}

void begin_commit(struct member *m, const char *group, int32_t partition, int64_t offset)
{
	struct writer *w = &m->c->frame;

	request_begin(m->c, COMMIT_OFFSETS, 7);
	write_string(w, group);
	write_i32(w, m->generation);
	write_string(w, m->id);
	write_string(w, NULL);
	write_i32(w, 1);
	write_string(w, "t");
	write_i32(w, 1);
	write_i32(w, partition);
	write_i64(w, offset);
	write_i32(w, 3); /* leader epoch */
	write_string(w, "note");
}

int16_t commit(struct fixture *f, struct member *m, int32_t partition, int64_t offset)
{
	begin_commit(m, "g", partition, offset);
	broker_harness_send(&f->h, m->c);

	struct reader r = reader_over(m->c->answer.data, m->c->answer.len);
	assert_int_equal(m->c->how, HANDLED_REPLY);
	read_i32(&r);
	assert_int_equal(read_i32(&r), 1);
	read_string(&r);
	assert_int_equal(read_i32(&r), 1);
	assert_int_equal(read_i32(&r), partition);
	int16_t code = read_i16(&r);
	assert_true(reader_is_done(&r));
	return code;
}

int64_t committed(struct fixture *f, struct member *m, int32_t partition)
{
	struct writer *w = &m->c->frame;

	request_begin(m->c, FETCH_OFFSETS, 5);
	write_string(w, "g");
	write_i32(w, 1);
	write_string(w, "t");
	write_i32(w, 1);
	write_i32(w, partition);
	broker_harness_send(&f->h, m->c);

	struct reader r = reader_over(m->c->answer.data, m->c->answer.len);
	read_i32(&r);
	assert_int_equal(read_i32(&r), 1);
	read_string(&r);
	assert_int_equal(read_i32(&r), 1);
	assert_int_equal(read_i32(&r), partition);
	int64_t offset = read_i64(&r);
	assert_int_equal(read_i32(&r), offset >= 0 ? 3 : -1);
	assert_int_equal(read_string(&r).len, offset >= 0 ? 4 : 0);
	assert_int_equal(read_i16(&r), KAFKA_NONE);
	assert_int_equal(read_i16(&r), KAFKA_NONE);
	assert_true(reader_is_done(&r));
	return offset;
}

void make_stable(struct fixture *f, int count)
{
	join_group(f, &f->m[0]);
	for (int i = 1; i < count; i++)
		join_group(f, &f->m[i]);
	read_join(&f->m[0], 5);
	if (count > 1) {
		/* The others found the first in its first generation, waiting to sync. */
		send_sync(f, &f->m[0], f->m, 1);
		read_sync(&f->m[0]);
		assert_int_equal(f->m[0].code, KAFKA_REBALANCE_IN_PROGRESS);
		send_join(f, &f->m[0], &plain);
	}
	for (int i = 0; i < count; i++) {
		read_join(&f->m[i], 5);
		assert_int_equal(f->m[i].code, KAFKA_NONE);
		assert_int_equal(f->m[i].generation, f->m[0].generation);
	}
	for (int i = count; i-- > 0;)
		send_sync(f, &f->m[i], f->m, count);
	for (int i = 0; i < count; i++) {
		read_sync(&f->m[i]);
		assert_int_equal(f->m[i].code, KAFKA_NONE);
	}
}
