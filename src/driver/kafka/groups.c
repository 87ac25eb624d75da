/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/kafka/admin_client.h"
#include "driver/kafka/members.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define LIST_MS 15000

/* --- deleting --------------------------------------------------------------------------------- */

struct group_batch {
	const struct group_spec *groups;
	bool done[ADMIN_BATCH];
	bool in_use[ADMIN_BATCH]; /* has members; nobody has looked yet whose they are */
	bool looked[ADMIN_BATCH];
	size_t count, left;
	uint32_t session_ms;
	char why[512]; /* a group that is worth another try, and why */
};

static bool settle(struct group_batch *b, const rd_kafka_group_result_t *result, struct error *err)
{
	const rd_kafka_error_t *error = rd_kafka_group_result_error(result);
	const char *name = rd_kafka_group_result_name(result);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	size_t at = 0;

	if (error != NULL)
		code = rd_kafka_error_code(error);
	while (at < b->count && strcmp(b->groups[at].name, name) != 0)
		at++;
	if (at == b->count || b->done[at])
		return true;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
		b->done[at] = true;
		b->left--;
		return true;
	}
	if (code == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP) {
		b->in_use[at] = !b->looked[at];
		snprintf(b->why, sizeof(b->why),
		         "group %s still has members; one that is gone leaves it when its session "
		         "times out (%.0f s)",
		         name, b->session_ms / 1e3);
		return true;
	}
	snprintf(b->why, sizeof(b->why), "group %s: %s", name, rd_kafka_error_string(error));
	if (admin_is_transient(code))
		return true;
	if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		return error_set(err, ERROR_REFUSED,
		                 "group %s: the broker does not let this client delete it: %s",
		                 name, rd_kafka_error_string(error));
	return error_set(err, ERROR_BROKER, "%s", b->why);
}

static bool delete_once(struct admin *a, struct group_batch *b, uint64_t timeout_ms,
                        struct error *err)
{
	rd_kafka_DeleteGroup_t *asked[ADMIN_BATCH];
	size_t count = 0, got = 0;
	bool ok = true;

	for (size_t i = 0; i < b->count; i++)
		if (!b->done[i])
			asked[count++] = rd_kafka_DeleteGroup_new(b->groups[i].name);

	rd_kafka_AdminOptions_t *options =
		admin_options(a, RD_KAFKA_ADMIN_OP_DELETEGROUPS, timeout_ms);
	rd_kafka_DeleteGroups(a->rk, asked, count, options, a->queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_DeleteGroup_destroy_array(asked, count);

	rd_kafka_event_t *event = admin_answer(a, timeout_ms);
	if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		const char *why =
			event == NULL ? "no broker answers" : rd_kafka_event_error_string(event);
		snprintf(b->why, sizeof(b->why), "%zu groups: %s", b->left, why);
		if (event != NULL && !admin_is_transient(rd_kafka_event_error(event)))
			ok = error_set(err, ERROR_BROKER, "%s", b->why);
	} else {
		const rd_kafka_group_result_t **results = rd_kafka_DeleteGroups_result_groups(
			rd_kafka_event_DeleteGroups_result(event), &got);
		for (size_t i = 0; ok && i < got; i++)
			ok = settle(b, results[i], err);
	}
	if (event != NULL)
		rd_kafka_event_destroy(event);
	return ok;
}

/* Members that the run left behind; once for each group.  True: some have gone. */
static bool let_members_go(struct admin *a, struct group_batch *b, uint64_t left_ms)
{
	int timeout_ms = left_ms < 1000 ? 1000 : left_ms > LIST_MS ? LIST_MS : (int)left_ms;
	unsigned all = 0, removed;

	for (size_t i = 0; i < b->count; i++) {
		if (!b->in_use[i])
			continue;
		b->in_use[i] = false;
		b->looked[i] = kafka_members_remove(a, b->groups[i].name, timeout_ms, &removed);
		all += removed;
		if (!b->looked[i])
			break; /* the next ones with the next attempt */
	}
	return all > 0;
}

static bool delete_batch(struct admin *a, struct group_batch *b, uint64_t deadline_ms,
                         struct error *err)
{
	for (;;) {
		uint64_t now_ms = clock_ms();
		uint64_t left_ms = now_ms < deadline_ms ? deadline_ms - now_ms : 0;
		if ((left_ms == 0 || a->lost) && b->why[0] != '\0')
			return error_set(err, ERROR_TIMEOUT, "%s", b->why);
		if (!delete_once(a, b, left_ms < 1000 ? 1000 : left_ms, err))
			return false;
		if (b->left == 0)
			return true;
		if (!let_members_go(a, b, left_ms))
			admin_wait_ms(250);
	}
}

/* A group is one whatever it reads: topics do not matter here. */
bool kafka_delete_groups(void *instance, const struct group_spec *groups, size_t count,
                         uint32_t timeout_ms, struct error *err)
{
	struct kafka_instance *c = instance;
	uint64_t deadline_ms = clock_ms() + timeout_ms;
	struct admin a;
	bool ok = admin_start(&a, c, err);

	for (size_t at = 0; ok && at < count; at += ADMIN_BATCH) {
		struct group_batch b = {
			.groups = groups + at,
			.session_ms = kafka_standstill_ms(c->config),
		};
		b.count = count - at < ADMIN_BATCH ? count - at : ADMIN_BATCH;
		b.left = b.count;
		ok = delete_batch(&a, &b, deadline_ms, err);
		if (ok && c->core->progress != NULL)
			c->core->progress(c->owner, at + b.count);
	}
	admin_stop(&a);
	return ok;
}

/* --- listing ---------------------------------------------------------------------------------- */

/* Topics that somebody reads; a few hundred at most, so a plain list does. */
struct names {
	char **items; /* owned */
	size_t count, cap;
};

static bool names_have(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->items[i], name) == 0)
			return true;
	return false;
}

static void names_add(struct names *n, const char *name, size_t len)
{
	char *copy = xstrndup(name, len);

	if (names_have(n, copy)) {
		free(copy);
		return;
	}
	if (n->count == n->cap) {
		n->cap = n->cap == 0 ? 64 : n->cap * 2;
		n->items = xrealloc(n->items, n->cap * sizeof(n->items[0]));
	}
	n->items[n->count++] = copy;
}

static void names_fini(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i]);
	free(n->items);
}

/* What a member subscribed to: version i16 | count i32 | (length i16 | topic)... | more.
 * It comes from another client: lengths that do not fit end the reading. */
static void names_add_subscription(struct names *n, const void *metadata, int size)
{
	const uint8_t *at = metadata, *end = at + (size > 0 ? size : 0);

	if (end - at < 6)
		return;
	uint32_t topics =
		(uint32_t)at[2] << 24 | (uint32_t)at[3] << 16 | (uint32_t)at[4] << 8 | at[5];
	at += 6;
	for (; topics > 0 && end - at >= 2; topics--) {
		size_t len = (size_t)at[0] << 8 | at[1];
		at += 2;
		if ((size_t)(end - at) < len)
			return;
		names_add(n, (const char *)at, len);
		at += len;
	}
}

struct listing {
	const char *prefix;
	driver_name_fn *fn;
	void *to;
};

static bool is_wanted(const struct listing *l, const char *name)
{
	return strncmp(name, l->prefix, strlen(l->prefix)) == 0;
}

static bool list_groups(struct admin *a, const struct listing *l, struct names *read,
                        struct error *err)
{
	const struct rd_kafka_group_list *groups = NULL;
	rd_kafka_resp_err_t code = rd_kafka_list_groups(a->rk, NULL, &groups, LIST_MS);

	rd_kafka_poll(a->rk, 0);
	/* A part of the groups is not enough: a topic that one of the others reads would look free. */
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (groups != NULL)
			rd_kafka_group_list_destroy(groups);
		a->spoiled = true;
		return admin_fail(a, err, "listing groups", rd_kafka_err2str(code));
	}
	for (int i = 0; i < groups->group_cnt; i++) {
		const struct rd_kafka_group_info *g = &groups->groups[i];
		for (int m = 0; m < g->member_cnt; m++)
			names_add_subscription(read, g->members[m].member_metadata,
			                       g->members[m].member_metadata_size);
		if (g->member_cnt == 0 && is_wanted(l, g->group))
			l->fn(l->to, &(struct driver_name){ DRIVER_GROUP, g->group, "" });
	}
	rd_kafka_group_list_destroy(groups);
	return true;
}

static bool list_topics(struct admin *a, const struct listing *l, const struct names *read,
                        struct error *err)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(a->rk, 1, NULL, &md, LIST_MS);

	rd_kafka_poll(a->rk, 0);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return admin_fail(a, err, "listing topics", rd_kafka_err2str(code));
	for (int i = 0; i < md->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *t = &md->topics[i];
		if (t->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || !is_wanted(l, t->topic))
			continue;
		if (!names_have(read, t->topic))
			l->fn(l->to, &(struct driver_name){ DRIVER_TOPIC, t->topic, "" });
	}
	rd_kafka_metadata_destroy(md);
	return true;
}

bool kafka_list(void *instance, const char *prefix, driver_name_fn *fn, void *to, struct error *err)
{
	struct listing l = { .prefix = prefix, .fn = fn, .to = to };
	struct names read = { 0 };
	struct admin a;

	bool ok = admin_start(&a, instance, err) && list_groups(&a, &l, &read, err) &&
	          list_topics(&a, &l, &read, err);
	admin_stop(&a);
	names_fini(&read);
	return ok;
}
