/* SPDX-License-Identifier: Apache-2.0 */
/* producer -- a librdkafka producer for each producer of the plan. */
#include <string.h>

#include "driver/kafka/kafka.h"
#include "driver/kafka/kafka_conf.h"
#include "util/clock.h"
#include "util/file.h"

_Static_assert(sizeof(void *) >= sizeof(uint64_t), "a token travels in the message's opaque");

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kafka_producer *p = opaque;
	struct sent_report report = {
		.acknowledged = m->err == RD_KAFKA_RESP_ERR_NO_ERROR,
		.partition = m->partition,
	};

	(void)rk;
	if (!report.acknowledged)
		report.reason = rd_kafka_err2str(m->err);
	else if (m->offset < 0 && p->has_offsets)
		p->core->event(
			p->owner, DRIVER_EVENT_CLIENT,
			"acknowledged without an offset: the broker took it for a duplicate");
	p->outstanding--;
	p->served++;
	p->core->sent(p->owner, (uint64_t)(uintptr_t)m->_private, &report);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kafka_producer *p = opaque;
	char text[512];

	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		rd_kafka_fatal_error(rk, text, sizeof(text));
		reason = text;
	}
	p->core->event(p->owner, kafka_event_of((rd_kafka_resp_err_t)code), reason);
}

static int on_statistics(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
	struct kafka_producer *p = opaque;

	(void)rk;
	return kafka_statistics_keep(&p->statistics, json, len);
}

void kafka_producer_claims(void *producer, struct claims *out)
{
	struct kafka_producer *p = producer;

	kafka_statistics_claims(&p->statistics, out);
}

static bool start(struct kafka_instance *c, struct kafka_producer *p, const char *topic,
                  struct error *err)
{
	rd_kafka_conf_t *conf =
		kafka_conf_create(&c->config->roles[KAFKA_PRODUCER], c->client_id, err);

	if (conf == NULL)
		return false;
	if (!kafka_statistics_ask(conf, &c->config->roles[KAFKA_PRODUCER], c->opened++, err)) {
		rd_kafka_conf_destroy(conf);
		return false;
	}
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_stats_cb(conf, on_statistics);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_opaque(conf, p);
	p->rk = kafka_conf_client(RD_KAFKA_PRODUCER, conf, err);
	if (p->rk == NULL)
		return false;
	p->topic = rd_kafka_topic_new(p->rk, topic, NULL);
	if (p->topic == NULL)
		return error_set(err, ERROR_CONFIG, "topic %s: %s", topic,
		                 rd_kafka_err2str(rd_kafka_last_error()));
	p->queue = rd_kafka_queue_get_main(p->rk);
	p->wake_fd = kafka_conf_wake(p->queue, err);
	return p->wake_fd >= 0;
}

static void stop(struct kafka_producer *p)
{
	if (p->topic != NULL)
		rd_kafka_topic_destroy(p->topic);
	if (p->queue != NULL)
		rd_kafka_queue_destroy(p->queue);
	if (p->rk != NULL)
		rd_kafka_destroy(p->rk);
	file_close(p->wake_fd);
	kafka_statistics_fini(&p->statistics);
	*p = (struct kafka_producer){ .wake_fd = -1 };
}

bool kafka_producer_open(void *instance, void *producer, const struct producer_spec *spec, int *fd,
                         struct error *err)
{
	struct kafka_instance *c = instance;
	struct kafka_producer *p = producer;

	*p = (struct kafka_producer){ .core = c->core, .owner = spec->owner, .wake_fd = -1 };
	p->has_offsets =
		strcmp(kafka_setting_value(&c->config->roles[KAFKA_PRODUCER], "acks", "all"),
	               "0") != 0;
	if (!start(c, p, spec->topic, err)) {
		stop(p);
		return error_wrap(err, "producer %u", spec->id);
	}
	*fd = p->wake_fd;
	return true;
}

/*
 * What has not been acknowledged by now is given up: taken out of the queues and out of the
 * requests that are under way, and reported as failed.  Both are done by the library's own threads
 * without the broker, in milliseconds.  A message that was moving between two queues is caught by
 * the next purge.
 */
static void purge(struct kafka_producer *p)
{
	rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
	                              RD_KAFKA_PURGE_F_NON_BLOCKING);
}

/* The threads of all clients give up together. */
void kafka_producer_close_begin(void *producer)
{
	struct kafka_producer *p = producer;

	rd_kafka_poll(p->rk, 0); /* what is acknowledged already is not given up */
	if (p->outstanding > 0)
		purge(p);
}

static void give_up(struct kafka_producer *p)
{
	uint64_t deadline_ms = clock_ms() + KAFKA_CLOSE_MS;

	while (p->outstanding > 0 && clock_ms() < deadline_ms) {
		purge(p);
		rd_kafka_poll(p->rk, 10);
	}
	if (p->outstanding > 0)
		p->core->event(p->owner, DRIVER_EVENT_CLIENT,
		               "closed with messages that librdkafka did not give back");
}

void kafka_producer_close(void *producer)
{
	struct kafka_producer *p = producer;

	rd_kafka_poll(p->rk, 0); /* as above */
	give_up(p);
	stop(p);
}

static rd_kafka_resp_err_t produce_with_headers(struct kafka_producer *p, const struct outgoing *m,
                                                uint64_t token)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(m->headers_count);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	for (size_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < m->headers_count; i++)
		code = rd_kafka_header_add(headers, m->headers[i].name, -1, m->headers[i].value,
		                           (ssize_t)m->headers[i].value_len);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		/* Without the library's macros, which are no standard C. */
		code = rd_kafka_producev(
			p->rk, RD_KAFKA_VTYPE_RKT, p->topic, RD_KAFKA_VTYPE_MSGFLAGS,
			RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_VALUE, m->payload, m->payload_len,
			RD_KAFKA_VTYPE_KEY, m->key, m->key_len, RD_KAFKA_VTYPE_HEADERS, headers,
			RD_KAFKA_VTYPE_OPAQUE, (void *)(uintptr_t)token, RD_KAFKA_VTYPE_END);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_headers_destroy(headers); /* else they are the message's */
	return code;
}

static rd_kafka_resp_err_t produce(struct kafka_producer *p, const struct outgoing *m,
                                   uint64_t token)
{
	if (m->headers_count > 0)
		return produce_with_headers(p, m, token);
	if (rd_kafka_produce(p->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
	                     (void *)(uintptr_t)m->payload, m->payload_len, m->key, m->key_len,
	                     (void *)(uintptr_t)token) == 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	return rd_kafka_last_error();
}

enum send_status kafka_send(void *producer, const struct outgoing *m, uint64_t token,
                            struct error *err)
{
	struct kafka_producer *p = producer;
	char text[256];

	rd_kafka_resp_err_t code = produce(p, m, token);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		p->outstanding++;
		return SEND_QUEUED;
	}
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return SEND_BUSY;
	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		rd_kafka_fatal_error(p->rk, text, sizeof(text));
		error_set(err, ERROR_BROKER, "%s", text);
	} else {
		error_set(err, ERROR_BROKER, "%s", rd_kafka_err2str(code));
	}
	return SEND_FAILED;
}

/* The library hands out all that has come at once, so `max` cannot be kept to. */
unsigned kafka_producer_serve(void *producer, unsigned max)
{
	struct kafka_producer *p = producer;

	(void)max;
	p->served = 0;
	rd_kafka_poll(p->rk, 0);
	return p->served;
}
