/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/admin_client.h"

#include <stdio.h>
#include <time.h>

#include "driver/kafka/kafka_conf.h"
#include "util/clock.h"

#define SLICE_MS 1000 /* how long one look takes */

void admin_wait_ms(unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct admin *a = opaque;

	(void)rk;
	/* "All brokers are down" says less than what was said about one of them. */
	if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || a->reason[0] == '\0')
		snprintf(a->reason, sizeof(a->reason), "%s", reason);
}

const struct rd_kafka_metadata *admin_metadata(struct admin *a, int timeout_ms,
                                               rd_kafka_resp_err_t *code)
{
	const struct rd_kafka_metadata *md = NULL;

	*code = rd_kafka_metadata(a->rk, 1, NULL, &md, timeout_ms);
	rd_kafka_poll(a->rk, 0); /* what went wrong, if anything */
	return *code == RD_KAFKA_RESP_ERR_NO_ERROR ? md : NULL;
}

bool admin_is_answered(struct admin *a, rd_kafka_resp_err_t *code)
{
	const struct rd_kafka_metadata *md = admin_metadata(a, SLICE_MS, code);

	if (md != NULL)
		rd_kafka_metadata_destroy(md);
	return md != NULL;
}

static bool await_broker(struct admin *a, struct error *err)
{
	uint64_t deadline_ms = clock_ms() + ADMIN_ANSWER_MS;
	const struct kafka_settings *settings = &a->instance->config->roles[KAFKA_ADMIN];
	rd_kafka_resp_err_t code;

	do {
		if (admin_is_answered(a, &code))
			return true;
	} while (clock_ms() < deadline_ms);
	return error_set(err, ERROR_BROKER, "no broker answers at %s within %d s: %s",
	                 kafka_setting_value(settings, "bootstrap.servers", "?"),
	                 ADMIN_ANSWER_MS / 1000,
	                 a->reason[0] != '\0' ? a->reason : rd_kafka_err2str(code));
}

bool admin_start(struct admin *a, struct kafka_instance *c, struct error *err)
{
	*a = (struct admin){ .instance = c };

	rd_kafka_conf_t *conf =
		kafka_conf_create(&c->config->roles[KAFKA_ADMIN], c->client_id, err);
	if (conf == NULL)
		return false;
	rd_kafka_conf_set_opaque(conf, a);
	rd_kafka_conf_set_error_cb(conf, on_error);
	a->rk = kafka_conf_client(RD_KAFKA_PRODUCER, conf, err);
	if (a->rk == NULL)
		return false;
	a->queue = rd_kafka_queue_new(a->rk);
	if (await_broker(a, err))
		return true;
	admin_stop(a);
	return false;
}

void admin_stop(struct admin *a)
{
	if (a->rk == NULL || a->spoiled)
		return;
	rd_kafka_queue_destroy(a->queue);
	rd_kafka_destroy(a->rk);
	a->rk = NULL;
}

bool admin_is_transient(rd_kafka_resp_err_t code)
{
	static const rd_kafka_resp_err_t codes[] = {
		RD_KAFKA_RESP_ERR__TRANSPORT,
		RD_KAFKA_RESP_ERR__TIMED_OUT,
		RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
		RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
		RD_KAFKA_RESP_ERR__WAIT_COORD,
		RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
		RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
		RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
		RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
		RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
		RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
		RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
		RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
		RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED,
		RD_KAFKA_RESP_ERR_REASSIGNMENT_IN_PROGRESS,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return false;
}

rd_kafka_AdminOptions_t *admin_options(struct admin *a, rd_kafka_admin_op_t op, uint64_t timeout_ms)
{
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(a->rk, op);
	int ms = timeout_ms > ADMIN_REQUEST_MS ? ADMIN_REQUEST_MS : (int)timeout_ms;
	char why[256];

	rd_kafka_AdminOptions_set_request_timeout(options, ms, why, sizeof(why));
	/* Groups have no operation that lasts; there the library refuses this one. */
	rd_kafka_AdminOptions_set_operation_timeout(options, ms, why, sizeof(why));
	return options;
}

/*
 * The library goes on trying for as long as the request may take, silently.  Whoever waits wants to
 * hear of a broker that is gone: so one is asked for something else meanwhile, and the wait ends when
 * none has answered for ADMIN_ANSWER_MS.
 */
rd_kafka_event_t *admin_answer(struct admin *a, uint64_t timeout_ms)
{
	uint64_t now_ms = clock_ms(), answered_ms = now_ms;
	uint64_t deadline_ms =
		now_ms + (timeout_ms > ADMIN_REQUEST_MS ? ADMIN_REQUEST_MS : timeout_ms) + 2000;
	rd_kafka_event_t *event = NULL;
	rd_kafka_resp_err_t code;

	while (event == NULL && now_ms < deadline_ms) {
		uint64_t left_ms = deadline_ms - now_ms;

		event = rd_kafka_queue_poll(a->queue,
		                            (int)(left_ms < SLICE_MS ? left_ms : SLICE_MS));
		if (event == NULL && admin_is_answered(a, &code))
			answered_ms = clock_ms();
		now_ms = clock_ms();
		a->lost = now_ms - answered_ms >= ADMIN_ANSWER_MS;
		if (a->lost)
			break;
	}
	rd_kafka_poll(a->rk, 0);
	if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		a->spoiled = true;
	return event;
}

bool admin_fail(struct admin *a, struct error *err, const char *what, const char *why)
{
	return error_set(err, ERROR_BROKER, "%s: %s%s%s%s", what, why,
	                 a->reason[0] != '\0' ? " (" : "", a->reason,
	                 a->reason[0] != '\0' ? ")" : "");
}
