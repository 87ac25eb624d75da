/* SPDX-License-Identifier: Apache-2.0 */
/* Streams and durable consumers, one question after the other; these wait. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/ask.h"
#include "driver/nats/nats.h"
#include "util/text.h"
#include "util/xalloc.h"

#define ANSWER_MS       5000
#define ATTEMPTS        3
#define NO_STREAM       10059 /* JetStream's own codes */
#define NO_CONSUMER     10014
#define STREAM_IS_THERE 10058

struct admin {
	const struct nats_instance *instance;
	natsConnection *nc;
	jsCtx *js;
	jsErrCode code; /* of the last question */
};

static bool admin_fail(natsStatus s, const char *what, const char *name, struct error *err)
{
	const char *why = nats_GetLastError(NULL);
	enum error_kind kind = s == NATS_TIMEOUT ? ERROR_TIMEOUT : ERROR_BROKER;

	return error_set(err, kind, "%s%s%s: %s", what, *name != '\0' ? " " : "", name,
	                 why == NULL || *why == '\0' ? natsStatus_GetText(s) : why);
}

static void admin_stop(struct admin *a)
{
	jsCtx_Destroy(a->js);
	natsConnection_Destroy(a->nc);
}

static bool admin_start(struct admin *a, const struct nats_instance *instance, struct error *err)
{
	natsOptions *o = NULL;
	jsOptions wait;

	*a = (struct admin){ .instance = instance };
	if (!nats_link_options(instance->config, instance->client_id, &o, err))
		return false;
	natsStatus s = natsOptions_SetAllowReconnect(o, false);
	if (s == NATS_OK)
		s = natsConnection_Connect(&a->nc, o);
	natsOptions_Destroy(o);
	if (s != NATS_OK)
		return admin_fail(s, "connecting to", instance->config->url, err);
	if (instance->config->mode == NATS_MODE_CORE)
		return true;
	jsOptions_Init(&wait);
	wait.Wait = ANSWER_MS;
	s = natsConnection_JetStream(&a->js, a->nc, &wait);
	if (s == NATS_OK)
		return true;
	admin_fail(s, "JetStream of", instance->config->url, err);
	admin_stop(a);
	return false;
}

static void tell_progress(const struct nats_instance *c, size_t done)
{
	if (c->core->progress != NULL)
		c->core->progress(c->owner, done);
}

static char *stream_of(const char *topic)
{
	struct text name = { 0 };

	nats_wire_stream_name(topic, &name);
	return text_take(&name);
}

/* --- topics ---------------------------------------------------------------------------------------- */

static bool create_stream(struct admin *a, const char *topic, struct error *err)
{
	const struct nats_config *c = a->instance->config;
	const char *subjects[] = { topic };
	char *name = stream_of(topic);
	natsStatus s = NATS_OK;
	jsStreamConfig wanted;

	jsStreamConfig_Init(&wanted);
	wanted.Name = name;
	wanted.Subjects = subjects;
	wanted.SubjectsLen = 1;
	wanted.Storage = (jsStorageType)c->storage;
	wanted.Discard = (jsDiscardPolicy)c->discard;
	wanted.Retention = (jsRetentionPolicy)c->retention;
	wanted.MaxBytes = c->max_bytes.choice == OPTION_NUMBER ? (int64_t)c->max_bytes.number : -1;
	if (c->replicas > 0)
		wanted.Replicas = c->replicas;
	for (int i = 0; i < ATTEMPTS; i++) {
		s = js_AddStream(NULL, a->js, &wanted, NULL, &a->code);
		if (s != NATS_TIMEOUT)
			break;
	}
	free(name);
	if (s == NATS_OK || a->code == (jsErrCode)STREAM_IS_THERE)
		return true;
	return admin_fail(s, "topic", topic, err);
}

static bool create_topics(void *instance, const struct topic_spec *topics, size_t count,
                          struct error *err)
{
	const struct nats_instance *c = instance;
	bool ok = true;
	struct admin a;

	if (!admin_start(&a, c, err))
		return false;
	tell_progress(c, 0); /* from here on there may be something */
	for (size_t i = 0; ok && i < count; i++) {
		ok = c->config->mode == NATS_MODE_CORE || create_stream(&a, topics[i].name, err);
		if (ok)
			tell_progress(c, i + 1);
	}
	admin_stop(&a);
	return ok;
}

static bool delete_topics(void *instance, const char *const *names, size_t count,
                          uint32_t timeout_ms, struct error *err)
{
	const struct nats_instance *c = instance;
	bool ok = true;
	struct admin a;

	(void)timeout_ms;
	if (c->config->mode == NATS_MODE_CORE)
		return true;
	if (!admin_start(&a, c, err))
		return false;
	for (size_t i = 0; ok && i < count; i++) {
		char *name = stream_of(names[i]);
		natsStatus s = js_DeleteStream(a.js, name, NULL, &a.code);
		ok = s == NATS_OK || a.code == (jsErrCode)NO_STREAM ||
		     admin_fail(s, "topic", names[i], err);
		free(name);
		if (ok)
			tell_progress(c, i + 1);
	}
	admin_stop(&a);
	return ok;
}

static bool topic_ends(void *instance, const struct topic_spec *topics, size_t count,
                       uint64_t *ends, uint32_t *partitions, struct error *err)
{
	const struct nats_instance *c = instance;
	bool ok = true;
	struct admin a;

	for (size_t i = 0; i < count; i++)
		ends[i] = DRIVER_UNTOLD_END, partitions[i] = 0;
	if (c->config->mode == NATS_MODE_CORE)
		return true;
	if (!admin_start(&a, c, err))
		return false;
	for (size_t i = 0; ok && i < count; i++) {
		char *name = stream_of(topics[i].name);
		jsStreamInfo *info = NULL;
		natsStatus s = js_GetStreamInfo(&info, a.js, name, NULL, &a.code);
		if (s == NATS_OK)
			ends[i] = info->State.LastSeq;
		else if (s == NATS_NOT_FOUND || a.code == (jsErrCode)NO_STREAM)
			ends[i] = DRIVER_NO_TOPIC;
		else
			ok = admin_fail(s, "topic", topics[i].name, err);
		jsStreamInfo_Destroy(info);
		free(name);
	}
	admin_stop(&a);
	return ok;
}

/* --- groups ---------------------------------------------------------------------------------------- */

static bool delete_consumer(struct admin *a, const struct group_spec *group, struct error *err)
{
	char *stream = stream_of(group->topic);
	natsStatus s = js_DeleteConsumer(a->js, stream, group->name, NULL, &a->code);
	bool is_gone = s == NATS_OK || s == NATS_NOT_FOUND || a->code == (jsErrCode)NO_CONSUMER ||
	               a->code == (jsErrCode)NO_STREAM;

	free(stream);
	return is_gone || admin_fail(s, "group", group->name, err);
}

static bool delete_groups(void *instance, const struct group_spec *groups, size_t count,
                          uint32_t timeout_ms, struct error *err)
{
	const struct nats_instance *c = instance;
	bool ok = true;
	struct admin a;

	(void)timeout_ms;
	if (c->config->mode == NATS_MODE_CORE)
		return true;
	if (!admin_start(&a, c, err))
		return false;
	for (size_t i = 0; ok && i < count; i++)
		ok = delete_consumer(&a, &groups[i], err);
	admin_stop(&a);
	return ok;
}

static bool has_members(const jsConsumerInfo *info)
{
	return info->PushBound || info->NumWaiting > 0;
}

static bool list_stream(struct admin *a, const char *stream, const char *prefix, driver_name_fn *fn,
                        void *to, struct error *err)
{
	jsConsumerInfoList *list = NULL;
	natsStatus s = js_Consumers(&list, a->js, stream, NULL, &a->code);
	bool is_read = false;

	if (s != NATS_OK && s != NATS_NOT_FOUND)
		return admin_fail(s, "consumers of", stream, err);
	for (int i = 0; list != NULL && i < list->Count; i++) {
		const jsConsumerInfo *info = list->List[i];
		if (has_members(info))
			is_read = true;
		else if (strncmp(info->Name, prefix, strlen(prefix)) == 0)
			fn(to, &(struct driver_name){ DRIVER_GROUP, info->Name, stream });
	}
	jsConsumerInfoList_Destroy(list);
	if (!is_read)
		fn(to, &(struct driver_name){ DRIVER_TOPIC, stream, "" });
	return true;
}

static bool list(void *instance, const char *prefix, driver_name_fn *fn, void *to,
                 struct error *err)
{
	const struct nats_instance *c = instance;
	jsStreamNamesList *streams = NULL;
	struct admin a;

	if (!admin_start(&a, c, err))
		return false;
	if (c->config->mode == NATS_MODE_CORE) { /* nothing is kept */
		admin_stop(&a);
		return true;
	}
	natsStatus s = js_StreamNames(&streams, a.js, NULL, &a.code);
	bool ok = s == NATS_OK || s == NATS_NOT_FOUND || admin_fail(s, "list of streams", "", err);
	for (int i = 0; ok && streams != NULL && i < streams->Count; i++)
		if (strncmp(streams->List[i], prefix, strlen(prefix)) == 0)
			ok = list_stream(&a, streams->List[i], prefix, fn, to, err);
	jsStreamNamesList_Destroy(streams);
	admin_stop(&a);
	return ok;
}

/* --- the server ------------------------------------------------------------------------------------ */

static bool has_line(const unsigned char *data, size_t len)
{
	return memchr(data, '\n', len) != NULL;
}

/* It speaks first, in clear, and says its version; libnats keeps that to itself. */
static bool ask_version(const char *server, char *out, size_t size)
{
	char address[256], version[VERSION_MAX - 16];
	struct buffer answer;
	const char *host = strstr(server, "://");

	host = host == NULL ? server : host + 3;
	const char *at = strrchr(host, '@');
	host = at == NULL ? host : at + 1;
	bool has_port = strrchr(host, ':') != NULL && strrchr(host, ':') > strrchr(host, ']');
	(void)snprintf(address, sizeof(address), "%s%s", host, has_port ? "" : ":4222");
	bool ok = ask_server(&(struct ask_whom){ address, NULL }, NULL, 0, has_line, &answer) &&
	          nats_wire_version((const char *)buffer_data(&answer), buffer_pending(&answer),
	                            version, sizeof(version));
	if (ok)
		(void)snprintf(out, size, "nats-server %s", version);
	buffer_fini(&answer);
	return ok;
}

static void broker_version(void *instance, char *out, size_t size)
{
	const struct nats_instance *c = instance;

	out[0] = '\0';
	for (size_t i = 0; i < c->config->servers_count; i++)
		if (ask_version(c->config->servers[i], out, size))
			return;
}

const struct driver_admin nats_admin = {
	.create_topics = create_topics,
	.delete_topics = delete_topics,
	.delete_groups = delete_groups,
	.topic_ends = topic_ends,
	.list = list,
	.broker_version = broker_version,
};
