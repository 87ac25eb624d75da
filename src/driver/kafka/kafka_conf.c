/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/kafka_conf.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "driver/kafka/names.h"

/*
 * The library's main thread waits for its next timer in whole milliseconds, rounded down, and then
 * spins until the timer's time has come: about a millisecond of CPU for every idle client and
 * second, which is a whole core for 1,000 consumers.  A wait that may end this much later ends
 * behind the timer.  No message goes through that thread, and what it is told wakes it at once.
 */
#define MAIN_THREAD_SLACK_NS 2000000UL

static void drop_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

bool kafka_conf_is_optional(const char *key)
{
	const struct name *n = name_find(key);

	/* A group protocol that the library lacks is not what was asked for. */
	return n != NULL && (n->flags & NAME_NEWER) && strncmp(key, "group.", 6) != 0;
}

static bool set(rd_kafka_conf_t *conf, const struct kafka_setting *s, struct error *err)
{
	char why[512];

	switch (rd_kafka_conf_set(conf, s->key, s->value, why, sizeof(why))) {
	case RD_KAFKA_CONF_OK:
		return true;
	case RD_KAFKA_CONF_UNKNOWN:
		if (kafka_conf_is_optional(s->key))
			return true;
		error_set(err, ERROR_UNSUPPORTED, "librdkafka %s has no property %s",
		          rd_kafka_version_str(), s->key);
		break;
	case RD_KAFKA_CONF_INVALID:
		error_set(err, ERROR_CONFIG, "librdkafka %s: %s", rd_kafka_version_str(), why);
		break;
	}
	err->line = s->line;
	return false;
}

rd_kafka_conf_t *kafka_conf_create(const struct kafka_settings *settings, const char *client_id,
                                   struct error *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	struct kafka_setting id = { .key = "client.id", .value = client_id };
	bool ok = true;

	rd_kafka_conf_set_log_cb(conf, drop_log);
	for (size_t i = 0; ok && i < settings->count; i++)
		ok = set(conf, &settings->items[i], err);
	if (ok && kafka_setting_find(settings, id.key) == NULL)
		ok = set(conf, &id, err);
	if (ok)
		return conf;
	rd_kafka_conf_destroy(conf);
	return NULL;
}

static rd_kafka_resp_err_t on_thread(rd_kafka_t *rk, rd_kafka_thread_type_t type, const char *name,
                                     void *opaque)
{
	(void)rk;
	(void)name;
	(void)opaque;
	if (type == RD_KAFKA_THREAD_MAIN)
		prctl(PR_SET_TIMERSLACK, MAIN_THREAD_SLACK_NS);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_client(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                     char *why, size_t why_size)
{
	(void)conf;
	(void)opaque;
	(void)why;
	(void)why_size;
	return rd_kafka_interceptor_add_on_thread_start(rk, "omb", on_thread, NULL);
}

rd_kafka_t *kafka_conf_client(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *err)
{
	char why[512];

	/* Should the library ever refuse it, clients cost more and do the same. */
	rd_kafka_conf_interceptor_add_on_new(conf, "omb", on_client, NULL);
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));

	if (rk != NULL)
		return rk;
	/*
	 * What it refuses here is a combination of properties, a file, or a thread.  The configuration is
	 * left to the end of the process: where it is refused late, as for a file, librdkafka 2.0.2 has
	 * freed what hangs on the interceptor and would free it again.
	 */
	error_set(err, ERROR_CONFIG, "librdkafka %s: %s", rd_kafka_version_str(), why);
	return NULL;
}

enum driver_event kafka_event_of(rd_kafka_resp_err_t code)
{
	if (code == RD_KAFKA_RESP_ERR__FATAL)
		return DRIVER_EVENT_FATAL;
	if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
	    code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__SSL ||
	    code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__AUTHENTICATION)
		return DRIVER_EVENT_CONNECTION;
	return DRIVER_EVENT_CLIENT;
}

int kafka_conf_wake(rd_kafka_queue_t *queue, struct error *err)
{
	static const uint64_t one = 1;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0) {
		error_set_errno(err, errno, "eventfd");
		return -1;
	}
	rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof(one));
	return fd;
}
