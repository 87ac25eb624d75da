/* SPDX-License-Identifier: Apache-2.0 */

/* One consumer group and its offsets without requests: limits, memory, times. */

#include "broker/groups/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S  (1000 * MS)
/* Not 0, so that times relative to something else are found out. */
#define T0 (77 * S)

static char said[1024];

static void hear(void *context, const char *text)
{
	(void)context;
	snprintf(said, sizeof(said), "%s", text);
}

static struct group_shared shared;

static struct group *create(const char *id)
{
	shared = (struct group_shared){
		.budget = { .offsets_max = 3, .bytes_max = 100000 },
		.members_max = 3,
		.notice = hear,
	};
	return group_create(&shared, kafka_string_of(id));
}

static int16_t join_with(struct group *g, const char *id, const char *metadata, uint64_t now_ns,
                         struct group_member **out)
{
	struct group_protocol range = {
		.name = kafka_string_of("range"),
		.metadata = kafka_string_of(metadata),
	};
	struct group_join join = {
		.member_id = { 0 },
		.client_id = kafka_string_of("client"),
		.client_host = "/host",
		.new_id = id,
		.protocol_type = kafka_string_of("consumer"),
		.protocols = &range,
		.protocol_count = 1,
		.session_ns = 10 * S,
		.rebalance_ns = 30 * S,
	};

	for (size_t i = 0; i < g->member_count; i++) {
		if (strcmp(g->members[i]->id, id) == 0)
			join.member_id = kafka_string_of(id);
	}
	return group_join(g, &join, now_ns, out);
}

static int16_t join(struct group *g, const char *id, uint64_t now_ns)
{
	struct group_member *m;

	return join_with(g, id, "m", now_ns, &m);
}

static int16_t sync(struct group *g, const char *id, const char *assignment, uint64_t now_ns)
{
	struct group_member *m;
	struct group_sender sender = {
		.member_id = kafka_string_of(id),
		.generation = g->generation,
	};
	struct group_assignment own = { sender.member_id, kafka_string_of(assignment) };

	return group_sync(g, &sender, &own, 1, now_ns, &m);
}

static void everything_that_was_counted_is_given_back(void **state)
{
	struct group *g = create("g");
	struct committed c = { .partition = 1, .metadata = kafka_string_of("text") };

	(void)state;
	join(g, "a", T0);
	join(g, "b", T0);
	join(g, "a", T0);
	sync(g, "a", "everything", T0);
	offsets_set(&g->offsets, &shared.budget, kafka_string_of("t"), &c);
	offsets_set(&g->offsets, &shared.budget, kafka_string_of("t"), &c);
	assert_int_equal(g->state, GROUP_STABLE);
	assert_true(shared.budget.bytes > 2 * sizeof(struct group_member));
	group_leave(g, kafka_string_of("b"), T0);
	group_tick(g, T0 + 60 * S);
	assert_int_equal(g->state, GROUP_EMPTY);
	assert_int_equal(g->next_ns, UINT64_MAX);
	assert_false(group_is_idle(g));
	offsets_forget_topic(&g->offsets, &shared.budget, kafka_string_of("t"));
	assert_true(group_is_idle(g));
	assert_int_equal(shared.budget.bytes, 0);
	assert_int_equal(shared.budget.offsets, 0);
	group_destroy(g);
}

static void members_beyond_the_limit_are_refused(void **state)
{
	struct group *g = create("g");

	(void)state;
	assert_int_equal(join(g, "a", T0), KAFKA_NONE);
	assert_int_equal(join(g, "b", T0), KAFKA_NONE);
	assert_int_equal(join(g, "c", T0), KAFKA_NONE);
	assert_int_equal(join(g, "d", T0), KAFKA_GROUP_MAX_SIZE_REACHED);
	assert_int_equal(g->member_count, 3);
	group_destroy(g);
	assert_int_equal(shared.budget.bytes, 0);
}

static void bytes_beyond_the_limit_are_refused(void **state)
{
	struct group *g = create("g");
	struct group_member *m;
	char *large = malloc(60001);

	(void)state;
	memset(large, 'x', 60000);
	large[60000] = '\0';
	assert_int_equal(join_with(g, "a", large, T0, &m), KAFKA_NONE);
	size_t before = shared.budget.bytes;
	assert_int_equal(join_with(g, "b", large, T0, &m), KAFKA_GROUP_MAX_SIZE_REACHED);
	assert_int_equal(join_with(g, "a", large, T0, &m), KAFKA_GROUP_MAX_SIZE_REACHED);
	assert_int_equal(shared.budget.bytes, before);
	/* An assignment too large leaves the group as it was. */
	assert_int_equal(sync(g, "a", large, T0), KAFKA_UNKNOWN_SERVER_ERROR);
	assert_int_equal(g->state, GROUP_COMPLETING);
	assert_int_equal(sync(g, "a", "small", T0), KAFKA_NONE);
	assert_int_equal(g->state, GROUP_STABLE);
	group_destroy(g);
	assert_int_equal(shared.budget.bytes, 0);
	free(large);
}

static void offsets_beyond_the_limits_are_refused(void **state)
{
	struct group *g = create("g");
	char long_text[OFFSET_METADATA_MAX + 2];
	struct committed c = { 0 };

	(void)state;
	for (int i = 5; i > 2; i--) {
		c.partition = i;
		assert_int_equal(offsets_set(&g->offsets, &shared.budget, kafka_string_of("t"), &c),
		                 0);
	}
	c.partition = 1;
	assert_int_equal(offsets_set(&g->offsets, &shared.budget, kafka_string_of("t"), &c), 28);
	/* What is there can still be changed. */
	c.partition = 4;
	c.offset = 9;
	assert_int_equal(offsets_set(&g->offsets, &shared.budget, kafka_string_of("t"), &c), 0);
	assert_int_equal(offsets_find(&g->offsets, kafka_string_of("t"), 4)->offset, 9);
	assert_int_equal(offsets_find(&g->offsets, kafka_string_of("t"), 5)->offset, 0);
	assert_null(offsets_find(&g->offsets, kafka_string_of("t"), 1));
	assert_null(offsets_find(&g->offsets, kafka_string_of("u"), 4));

	memset(long_text, 'x', sizeof(long_text));
	c.metadata = (struct kafka_string){ .data = long_text, .len = OFFSET_METADATA_MAX + 1 };
	assert_int_equal(offsets_set(&g->offsets, &shared.budget, kafka_string_of("t"), &c), 12);
	group_destroy(g);
	assert_int_equal(shared.budget.bytes, 0);
}

static void the_first_may_be_told_to_wait_for_more(void **state)
{
	struct group *g = create("g");

	(void)state;
	shared.initial_delay_ns = 3 * S;
	join(g, "a", T0);
	assert_true(g->next_ns <= T0 + 3 * S);
	group_tick(g, T0 + 3 * S - 1);
	join(g, "b", T0 + 3 * S - 1);
	assert_int_equal(g->state, GROUP_PREPARING);
	group_tick(g, T0 + 3 * S);
	assert_int_equal(g->state, GROUP_COMPLETING);
	assert_int_equal(g->member_count, 2);
	assert_int_equal(g->generation, 1);
	group_destroy(g);
}

/* A broker that sleeps until next_ns never sleeps past a deadline, and never wakes for nothing
 * again and again. */
static void sleeping_until_the_next_deadline_misses_none(void **state)
{
	struct group *g = create("g");
	uint64_t now_ns = T0;
	int wakes = 0;

	(void)state;
	join(g, "a", T0);
	join(g, "b", T0 + 1 * S);
	join(g, "c", T0 + 2 * S);
	while (g->member_count > 0) {
		assert_true(g->next_ns < UINT64_MAX);
		assert_true(++wakes < 20);
		if (g->next_ns > now_ns)
			now_ns = g->next_ns;
		group_tick(g, now_ns);
	}
	/* "a" was silent since it was answered; the others waited until it went, and were then
	 * silent for a session themselves. */
	assert_int_equal(now_ns, T0 + 20 * S);
	group_destroy(g);
}

static void names_do_not_reach_the_terminal_as_they_are(void **state)
{
	struct group *g = create("g\x1b[31m\n");

	(void)state;
	join(g, "a", T0);
	sync(g, "a", "", T0);
	assert_string_equal(said, "group g?[31m?: 1 member, generation 1");
	group_destroy(g);
}

static void a_subscription_is_read_without_trust(void **state)
{
	static const uint8_t good[] = { 0, 0, 0, 0, 0, 2, 0, 1, 'u', 0, 1, 't' };
	struct group_protocol range = { .name = kafka_string_of("range") };
	struct group_join join = {
		.client_host = "/host",
		.new_id = "a",
		.protocol_type = kafka_string_of("consumer"),
		.protocols = &range,
		.protocol_count = 1,
		.session_ns = 10 * S,
		.rebalance_ns = 30 * S,
	};

	(void)state;
	for (size_t len = 0; len <= sizeof(good); len++) {
		struct group *g = create("g");
		struct group_member *m;
		char *exact = malloc(len > 0 ? len : 1);
		memcpy(exact, good, len);
		range.metadata = (struct kafka_string){ .data = exact, .len = len };
		assert_int_equal(group_join(g, &join, T0, &m), KAFKA_NONE);
		assert_int_equal(group_subscribes(g, kafka_string_of("t")), len == sizeof(good));
		assert_false(group_subscribes(g, kafka_string_of("v")));
		group_leave(g, kafka_string_of("a"), T0);
		assert_false(group_subscribes(g, kafka_string_of("t")));
		free(exact);
		group_destroy(g);
	}
}

static void what_only_a_leaver_read_is_not_read_any_more(void **state)
{
	static const struct kafka_string reads_t = { .data = "\0\0\0\0\0\1\0\1t", .len = 9 };
	static const struct kafka_string reads_u = { .data = "\0\0\0\0\0\1\0\1u", .len = 9 };
	struct group *g = create("g");
	struct group_protocol range = { .name = kafka_string_of("range"), .metadata = reads_t };
	struct group_join join = {
		.client_host = "/host",
		.new_id = "a",
		.protocol_type = kafka_string_of("consumer"),
		.protocols = &range,
		.protocol_count = 1,
		.session_ns = 10 * S,
		.rebalance_ns = 30 * S,
	};
	struct group_member *m;

	(void)state;
	group_join(g, &join, T0, &m);
	range.metadata = reads_u;
	join.new_id = "b";
	group_join(g, &join, T0, &m);
	assert_true(group_subscribes(g, kafka_string_of("t")));
	assert_true(group_subscribes(g, kafka_string_of("u")));
	group_leave(g, kafka_string_of("a"), T0);
	assert_false(group_subscribes(g, kafka_string_of("t")));
	assert_true(group_subscribes(g, kafka_string_of("u")));
	group_destroy(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_that_was_counted_is_given_back),
		cmocka_unit_test(members_beyond_the_limit_are_refused),
		cmocka_unit_test(bytes_beyond_the_limit_are_refused),
		cmocka_unit_test(offsets_beyond_the_limits_are_refused),
		cmocka_unit_test(the_first_may_be_told_to_wait_for_more),
		cmocka_unit_test(sleeping_until_the_next_deadline_misses_none),
		cmocka_unit_test(names_do_not_reach_the_terminal_as_they_are),
		cmocka_unit_test(a_subscription_is_read_without_trust),
		cmocka_unit_test(what_only_a_leaver_read_is_not_read_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
