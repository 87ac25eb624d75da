/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/members.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "driver/kafka/request.h"
#include "kafka/api.h"
#include "kafka/error.h"
#include "kafka/messages/groups.h"

#define LEAVE_VERSION 1 /* of LeaveGroup: one member, by its id; all brokers know it */
#define LISTS_MAX     65536

bool kafka_member_is_of_run(const char *client_id, const char *run_id, const char *set)
{
	size_t len = strlen(run_id);

	if (set != NULL)
		return strcmp(client_id, set) == 0;
	return len > 0 && strncmp(client_id, "omb-", 4) == 0 &&
	       strncmp(client_id + 4, run_id, len) == 0 && client_id[4 + len] == '-';
}

static bool has_login(const struct kafka_settings *s)
{
	return strncasecmp(kafka_setting_value(s, "security.protocol", ""), "sasl", 4) == 0;
}

static bool leave(const struct ask_whom *server, const char *group, const char *member)
{
	const struct kafka_leave_group_request question = {
		.group = kafka_string_of(group),
		.member = kafka_string_of(member),
	};
	struct kafka_leave_group_response r = { 0 };
	struct kafka_memory memory = { .max = LISTS_MAX };
	struct buffer answer;

	bool ok = kafka_request(server, KAFKA_LEAVE_GROUP, LEAVE_VERSION, &question, &answer) &&
	          kafka_request_read(buffer_data(&answer), buffer_pending(&answer),
	                             KAFKA_LEAVE_GROUP, LEAVE_VERSION, &memory, &r) &&
	          r.error == KAFKA_NONE;
	buffer_fini(&answer);
	kafka_memory_fini(&memory);
	return ok;
}

static unsigned remove_from(const struct kafka_instance *c, const struct rd_kafka_group_info *g)
{
	const char *set = kafka_setting_value(&c->config->roles[KAFKA_CONSUMER], "client.id", NULL);
	bool is_number = strchr(g->broker.host, ':') != NULL;
	char address[300];
	struct tls_options tls;
	bool has_tls = kafka_request_tls(&c->config->roles[KAFKA_ADMIN], &tls);
	struct ask_whom server = { .address = address, .tls = has_tls ? &tls : NULL };
	unsigned removed = 0;

	/* Who answers for a group is its coordinator. */
	(void)snprintf(address, sizeof(address), "%s%s%s:%d", is_number ? "[" : "", g->broker.host,
	               is_number ? "]" : "", g->broker.port);
	for (int i = 0; i < g->member_cnt; i++) {
		const struct rd_kafka_group_member_info *m = &g->members[i];
		if (!kafka_member_is_of_run(m->client_id, c->run_id, set))
			continue;
		/* One that refuses will refuse the others, too. */
		if (!leave(&server, g->group, m->member_id))
			break;
		removed++;
	}
	return removed;
}

bool kafka_members_remove(struct admin *a, const char *group, int timeout_ms, unsigned *removed)
{
	const struct rd_kafka_group_list *found = NULL;

	*removed = 0;
	if (has_login(&a->instance->config->roles[KAFKA_ADMIN]))
		return true;
	rd_kafka_resp_err_t code = rd_kafka_list_groups(a->rk, group, &found, timeout_ms);
	rd_kafka_poll(a->rk, 0);
	a->spoiled |= code != RD_KAFKA_RESP_ERR_NO_ERROR;
	/* It may be on a broker that did not answer. */
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR__PARTIAL)
		return false;
	for (int i = 0; i < found->group_cnt; i++)
		if (strcmp(found->groups[i].group, group) == 0)
			*removed += remove_from(a->instance, &found->groups[i]);
	rd_kafka_group_list_destroy(found);
	return true;
}
