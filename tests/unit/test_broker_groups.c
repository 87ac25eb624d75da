/* SPDX-License-Identifier: Apache-2.0 */

/* Members of consumer groups by their requests, on a whole broker without sockets and with a clock of
 * ours. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker_members.h"

/* ---- Joining ---- */

static void one_member_is_assigned_everything_at_once(void **state)
{
	struct fixture *f = *state;

	join_group(f, &f->m[0]);
	read_join(&f->m[0], 5);
	assert_int_equal(f->m[0].code, KAFKA_NONE);
	assert_int_equal(f->m[0].generation, 1);
	assert_string_equal(f->m[0].protocol, "range");
	assert_string_equal(f->m[0].leader, f->m[0].id);
	assert_memory_equal(f->m[0].id, "test-", 5);
	assert_int_equal(f->m[0].known, 1);
	send_sync(f, &f->m[0], f->m, 1);
	read_sync(&f->m[0]);
	assert_string_equal(f->m[0].assignment, "for 0");
	assert_string_equal(f->h.notices, "group g: 1 member, generation 1\n");
	assert_int_equal(beat(f, &f->m[0]), KAFKA_NONE);
}

static void old_clients_get_their_id_with_the_first_answer(void **state)
{
	struct fixture *f = *state;
	struct join old = { .version = 3 };

	send_join(f, &f->m[0], &old);
	read_join(&f->m[0], 3);
	assert_int_equal(f->m[0].code, KAFKA_NONE);
	assert_int_equal(f->m[0].generation, 1);
}

static void three_that_join_together_share_a_generation(void **state)
{
	struct fixture *f = *state;

	/* All ask for their ids, then all come back with them. */
	for (int i = 0; i < 3; i++) {
		send_join(f, &f->m[i], &plain);
		read_join(&f->m[i], 5);
		assert_int_equal(f->m[i].code, KAFKA_MEMBER_ID_REQUIRED);
	}
	for (int i = 0; i < 3; i++) {
		if (i > 0)
			assert_int_equal(f->m[i - 1].c->how, HANDLED_WAIT);
		send_join(f, &f->m[i], &plain);
	}
	for (int i = 0; i < 3; i++) {
		read_join(&f->m[i], 5);
		assert_int_equal(f->m[i].generation, 1);
		assert_string_equal(f->m[i].leader, f->m[0].id);
		assert_int_equal(f->m[i].known, i == 0 ? 3 : 0);
	}
	/* Followers wait for what the leader says. */
	send_sync(f, &f->m[2], f->m, 0);
	send_sync(f, &f->m[1], f->m, 0);
	assert_int_equal(f->m[1].c->how, HANDLED_WAIT);
	send_sync(f, &f->m[0], f->m, 3);
	for (int i = 0; i < 3; i++) {
		char wanted[16];
		read_sync(&f->m[i]);
		snprintf(wanted, sizeof(wanted), "for %d", i);
		assert_string_equal(f->m[i].assignment, wanted);
	}
	assert_string_equal(f->h.notices, "group g: 3 members, generation 1\n");
}

static void an_id_that_never_comes_back_holds_nobody_up_for_long(void **state)
{
	struct fixture *f = *state;

	send_join(f, &f->m[1], &plain);
	join_group(f, &f->m[0]);
	assert_int_equal(f->m[0].c->how, HANDLED_WAIT);
	broker_harness_pass(&f->h, 500 * MS);
	read_join(&f->m[0], 5);
	assert_int_equal(f->m[0].known, 1);

	/* It is still good for a session, and then forgotten. */
	read_join(&f->m[1], 5);
	broker_harness_pass(&f->h, 9 * S);
	assert_int_equal(leave_group(f, &f->m[1]), KAFKA_NONE);
	assert_int_equal(leave_group(f, &f->m[1]), KAFKA_UNKNOWN_MEMBER_ID);
	f->m[1].id[0] = '\0';
	send_join(f, &f->m[1], &plain);
	read_join(&f->m[1], 5);
	broker_harness_pass(&f->h, 10 * S);
	send_join(f, &f->m[1], &plain);
	read_join(&f->m[1], 5);
	assert_int_equal(f->m[1].code, KAFKA_UNKNOWN_MEMBER_ID);
}

static void members_move_at_their_next_heartbeat_when_one_joins(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 2);
	assert_int_equal(beat(f, &f->m[0]), KAFKA_NONE);
	int32_t before = f->m[0].generation;
	join_group(f, &f->m[2]);
	assert_int_equal(f->m[2].c->how, HANDLED_WAIT);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(beat(f, &f->m[i]), KAFKA_REBALANCE_IN_PROGRESS);
		/* What it has read so far can still be committed. */
		assert_int_equal(commit(f, &f->m[i], i, 10 + i), KAFKA_NONE);
		send_join(f, &f->m[i], &plain);
	}
	for (int i = 0; i < 3; i++) {
		read_join(&f->m[i], 5);
		assert_int_equal(f->m[i].generation, before + 1);
		assert_string_equal(f->m[i].leader, f->m[0].id);
	}
	/* Between the joins and the assignment it cannot: the partitions may move. */
	assert_int_equal(commit(f, &f->m[1], 1, 20), KAFKA_REBALANCE_IN_PROGRESS);
	assert_int_equal(committed(f, &f->m[1], 1), 11);
}

static void a_follower_that_changes_nothing_is_told_what_is(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 2);
	int32_t before = f->m[0].generation;
	send_join(f, &f->m[1], &plain);
	read_join(&f->m[1], 5);
	assert_int_equal(f->m[1].generation, before);
	assert_int_equal(beat(f, &f->m[0]), KAFKA_NONE);
	/* Other metadata, or the leader: partitions are to be assigned anew. */
	struct join other = { .first = "range", .second = "roundrobin" };
	send_join(f, &f->m[1], &other);
	assert_int_equal(f->m[1].c->how, HANDLED_WAIT);
	assert_int_equal(beat(f, &f->m[0]), KAFKA_REBALANCE_IN_PROGRESS);
}

static void what_all_support_and_most_prefer_is_chosen(void **state)
{
	struct fixture *f = *state;
	struct join a = { .version = 3, .first = "range", .second = "roundrobin" };
	struct join b = { .version = 3, .first = "roundrobin", .second = "range" };
	struct join alien = { .version = 3, .first = "sticky" };

	send_join(f, &f->m[0], &a);
	read_join(&f->m[0], 3);
	assert_string_equal(f->m[0].protocol, "range");
	send_join(f, &f->m[1], &b);
	send_join(f, &f->m[2], &b);
	send_join(f, &f->m[3], &alien);
	read_join(&f->m[3], 3);
	assert_int_equal(f->m[3].code, KAFKA_INCONSISTENT_GROUP_PROTOCOL);
	send_sync(f, &f->m[0], f->m, 1);
	send_join(f, &f->m[0], &a);
	read_join(&f->m[0], 3);
	read_join(&f->m[2], 3);
	assert_string_equal(f->m[2].protocol, "roundrobin");
}

static void a_join_on_a_newer_connection_ends_the_older_one(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 2);
	send_join(f, &f->m[0], &plain);
	assert_int_equal(f->m[0].c->how, HANDLED_WAIT);
	struct member again = f->m[0];
	again.c = f->m[5].c;
	send_join(f, &again, &plain);
	assert_int_equal(again.c->how, HANDLED_WAIT);
	read_join(&f->m[0], 5);
	assert_int_equal(f->m[0].code, KAFKA_REBALANCE_IN_PROGRESS);
}

/* ---- Leaving ---- */

static void a_leaver_frees_its_partitions_at_once(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 3);
	assert_int_equal(leave_group(f, &f->m[0]), KAFKA_NONE);
	assert_int_equal(beat(f, &f->m[1]), KAFKA_REBALANCE_IN_PROGRESS);
	assert_int_equal(beat(f, &f->m[2]), KAFKA_REBALANCE_IN_PROGRESS);
	send_join(f, &f->m[2], &plain);
	send_join(f, &f->m[1], &plain);
	read_join(&f->m[1], 5);
	assert_string_equal(f->m[1].leader, f->m[1].id);
	assert_int_equal(f->m[1].known, 2);
	assert_int_equal(beat(f, &f->m[0]), KAFKA_UNKNOWN_MEMBER_ID);
	assert_int_equal(leave_group(f, &f->m[0]), KAFKA_UNKNOWN_MEMBER_ID);
	assert_non_null(strstr(f->h.notices, " left\n"));
}

static void who_is_silent_for_a_session_is_gone(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 2);
	broker_harness_pass(&f->h, 9 * S);
	assert_int_equal(beat(f, &f->m[0]), KAFKA_NONE);
	broker_harness_pass(&f->h, 1 * S - 1);
	assert_int_equal(beat(f, &f->m[0]), KAFKA_NONE);
	broker_harness_pass(&f->h, 1);
	assert_int_equal(beat(f, &f->m[0]), KAFKA_REBALANCE_IN_PROGRESS);
	assert_int_equal(beat(f, &f->m[1]), KAFKA_UNKNOWN_MEMBER_ID);
	assert_non_null(strstr(f->h.notices, "left (session timeout)\n"));
	send_join(f, &f->m[0], &plain);
	read_join(&f->m[0], 5);
	assert_int_equal(f->m[0].known, 1);
}

static void a_rebalance_goes_on_without_the_absent(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 2);
	join_group(f, &f->m[2]);
	/* Member 1 sends heartbeats and does not join again. */
	send_join(f, &f->m[0], &plain);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(f->m[0].c->how, HANDLED_WAIT);
		assert_int_equal(beat(f, &f->m[1]), KAFKA_REBALANCE_IN_PROGRESS);
		broker_harness_pass(&f->h, 5 * S);
	}
	read_join(&f->m[0], 5);
	read_join(&f->m[2], 5);
	assert_int_equal(f->m[0].known, 2);
	assert_int_equal(beat(f, &f->m[1]), KAFKA_UNKNOWN_MEMBER_ID);
	assert_non_null(strstr(f->h.notices, "(did not join again)\n"));
}

static void a_leader_that_assigns_nothing_is_replaced(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		send_join(f, &f->m[i], &plain);
		read_join(&f->m[i], 5);
	}
	for (int i = 0; i < 2; i++)
		send_join(f, &f->m[i], &plain);
	read_join(&f->m[0], 5);
	read_join(&f->m[1], 5);
	send_sync(f, &f->m[1], NULL, 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(beat(f, &f->m[0]), KAFKA_NONE);
		assert_int_equal(f->m[1].c->how, HANDLED_WAIT);
		broker_harness_pass(&f->h, 5 * S);
	}
	read_sync(&f->m[1]);
	assert_int_equal(f->m[1].code, KAFKA_REBALANCE_IN_PROGRESS);
	send_join(f, &f->m[1], &plain);
	read_join(&f->m[1], 5);
	assert_string_equal(f->m[1].leader, f->m[1].id);
}

static void a_connection_that_dies_while_it_joins_leaves_with_its_session(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 2);
	send_join(f, &f->m[0], &plain); /* the leader: a rebalance */
	assert_int_equal(f->m[0].c->how, HANDLED_WAIT);
	broker_disconnect(f->h.b, f->m[0].c->c);
	broker_harness_connect(&f->h, 0);
	send_join(f, &f->m[1], &plain);
	read_join(&f->m[1], 5); /* the dead one still counts */
	send_sync(f, &f->m[1], NULL, 0);
	assert_int_equal(f->m[1].c->how, HANDLED_WAIT);
	broker_harness_pass(&f->h, 10 * S);
	read_sync(&f->m[1]);
	assert_int_equal(f->m[1].code, KAFKA_REBALANCE_IN_PROGRESS);
	assert_int_equal(beat(f, &f->m[0]), KAFKA_UNKNOWN_MEMBER_ID);
}

static void what_is_stale_is_refused(void **state)
{
	struct fixture *f = *state;

	make_stable(f, 2);
	f->m[1].generation--;
	assert_int_equal(beat(f, &f->m[1]), KAFKA_ILLEGAL_GENERATION);
	assert_int_equal(commit(f, &f->m[1], 0, 5), KAFKA_ILLEGAL_GENERATION);
	send_sync(f, &f->m[1], NULL, 0);
	read_sync(&f->m[1]);
	assert_int_equal(f->m[1].code, KAFKA_ILLEGAL_GENERATION);
	f->m[1].generation = -1;
	f->m[1].id[0] = '\0';
	assert_int_equal(commit(f, &f->m[1], 0, 5), KAFKA_UNKNOWN_MEMBER_ID);
	assert_int_equal(committed(f, &f->m[1], 0), -1);
}

static void a_static_member_comes_back_to_its_partitions(void **state)
{
	struct fixture *f = *state;
	struct join one = { .instance = "one" }, two = { .instance = "two" };

	/* No MEMBER_ID_REQUIRED: the instance is known by its name. */
	send_join(f, &f->m[0], &one);
	send_join(f, &f->m[1], &two);
	read_join(&f->m[0], 5);
	send_sync(f, &f->m[0], f->m, 1);
	send_join(f, &f->m[0], &one);
	read_join(&f->m[0], 5);
	read_join(&f->m[1], 5);
	send_sync(f, &f->m[1], NULL, 0);
	send_sync(f, &f->m[0], f->m, 2);

	struct member former = f->m[1];
	f->m[1].id[0] = '\0';
	send_join(f, &f->m[1], &two);
	read_join(&f->m[1], 5);
	assert_int_equal(f->m[1].code, KAFKA_NONE);
	assert_int_equal(f->m[1].generation, former.generation);
	assert_string_not_equal(f->m[1].id, former.id);
	send_sync(f, &f->m[1], NULL, 0);
	read_sync(&f->m[1]);
	assert_string_equal(f->m[1].assignment, "for 1");
	assert_int_equal(beat(f, &f->m[0]), KAFKA_NONE); /* nothing moved */

	send_join(f, &former, &two);
	read_join(&former, 5);
	assert_int_equal(former.code, FENCED_INSTANCE);
	/* A leader that comes back does not assign anew. */
	f->m[0].id[0] = '\0';
	send_join(f, &f->m[0], &one);
	read_join(&f->m[0], 5);
	assert_int_equal(f->m[0].known, 0);
	assert_string_not_equal(f->m[0].leader, f->m[0].id);
}

static void an_absent_static_member_loses_the_lead_for_good(void **state)
{
	struct fixture *f = *state;
	struct join one = { .instance = "one", .session_ms = 60000 };

	send_join(f, &f->m[0], &one);
	read_join(&f->m[0], 5);
	assert_string_equal(f->m[0].leader, f->m[0].id);
	join_group(f, &f->m[1]);
	broker_harness_pass(&f->h, 30 * S); /* it stays a member, and does not join again */
	read_join(&f->m[1], 5);
	assert_string_equal(f->m[1].leader, f->m[1].id);
	assert_int_equal(f->m[1].known, 2);
	send_join(f, &f->m[0], &(struct join){ .instance = "one", .second = "sticky" });
	send_join(f, &f->m[1], &plain);
	read_join(&f->m[0], 5);
	assert_string_equal(f->m[0].leader, f->m[1].id);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_member_is_assigned_everything_at_once),
		T(old_clients_get_their_id_with_the_first_answer),
		T(three_that_join_together_share_a_generation),
		T(an_id_that_never_comes_back_holds_nobody_up_for_long),
		T(members_move_at_their_next_heartbeat_when_one_joins),
		T(a_follower_that_changes_nothing_is_told_what_is),
		T(what_all_support_and_most_prefer_is_chosen),
		T(a_join_on_a_newer_connection_ends_the_older_one),
		T(a_leaver_frees_its_partitions_at_once),
		T(who_is_silent_for_a_session_is_gone),
		T(a_rebalance_goes_on_without_the_absent),
		T(a_leader_that_assigns_nothing_is_replaced),
		T(a_connection_that_dies_while_it_joins_leaves_with_its_session),
		T(what_is_stale_is_refused),
		T(a_static_member_comes_back_to_its_partitions),
		T(an_absent_static_member_loses_the_lead_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
