/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phase_connect.h"

#include "config/driver_file.h"
#include "config/workload.h"
#include "plan/names.h"
#include "run/await.h"
#include "run/course.h"
#include "run/diary.h"
#include "run/limits.h"
#include "run/outcome.h"
#include "run/state.h"

/* The verb that a phase is.  A signal cancels it: that is no failure of its own. */
static bool carry_out(struct run *r, struct worker_call *call)
{
	struct error err = { 0 };

	if (await_verb(r, call, r->course.row->limit_ns(r), PATIENCE_CONNECT, &err))
		return true;
	if (r->await.signals == 0)
		course_fail(r, &err);
	return false;
}

void connect_initialize(struct run *r)
{
	const struct driver_file *file = r->options->driver;
	struct worker_call call = {
		.verb = WORKER_INITIALIZE_DRIVER,
		.initialize = { .path = file->path,
		                .text = file->text,
		                .text_len = file->text_len,
		                .lenient = file->mode->lenient,
		                .overrides = file->mode->overrides,
		                .overrides_count = file->mode->override_count,
		                .run_id = r->options->run_id,
		                .run = r->options->run,
		                .keep_topics = r->options->workload->keep_topics },
	};
	struct record known;

	if (!carry_out(r, &call))
		return;
	r->made.rows = call.initialize.rows;
	outcome_begin(r, &known);
	diary_driver(&r->diary, &known);
	r->made.broker_is_local = call.initialize.broker_is_local;
	r->made.broker_is_own = call.initialize.broker_is_own;
	r->made.standstill_ns = call.initialize.standstill_ms * LIMITS_MS;
	r->made.redelivery_ns = call.initialize.redelivery_ms * LIMITS_MS;
}

void connect_topics(struct run *r)
{
	struct worker_call call = {
		.verb = WORKER_CREATE_TOPICS,
		.create_topics = { .topics = r->plan->topics, .partitions = r->plan->partitions },
	};

	(void)carry_out(r, &call);
	/* After a failure some may exist and must be deleted, unless nobody was asked for any. */
	if (call.create_topics.names) {
		r->made.topics = call.create_topics.names;
		r->made.topics_count = r->plan->topics;
	}
}

void connect_consumers(struct run *r)
{
	r->made.clients =
		plan_clients(r->plan, r->options->run_id, r->made.topics, name_chance(), &r->arena);

	struct worker_subscription *items =
		arena_alloc(&r->arena, (r->plan->consumers + 1) * sizeof(*items));
	for (uint32_t i = 0; i < r->plan->consumers; i++) {
		items[i].topic = r->made.clients.consumers[i].topic;
		items[i].subscription = r->made.clients.consumers[i].subscription;
	}
	struct worker_call call = {
		.verb = WORKER_CREATE_CONSUMERS,
		.create_consumers = { .items = items,
		                      .count = r->plan->consumers,
		                      .partitions = r->plan->partitions,
		                      .deal = r->plan->deal,
		                      .consume = r->plan->consume,
		                      .verify = r->plan->verify ? &r->plan->load.payload : NULL,
		                      .verify_seed = r->plan->verify ? r->plan->load.seed : 0,
		                      .account = r->plan->account,
		                      .producer_topics = r->made.clients.producer_topics,
		                      .producers = r->plan->producers },
	};
	(void)carry_out(r, &call);
}

void connect_producers(struct run *r)
{
	struct worker_call call = {
		.verb = WORKER_CREATE_PRODUCERS,
		.create_producers = { .topics = r->made.clients.producer_topics,
		                      .count = r->plan->producers,
		                      .payload = &r->plan->load.payload,
		                      .window_messages = r->plan->load.window_messages,
		                      .account = r->plan->account,
		                      .deal = r->plan->deal },
	};

	(void)carry_out(r, &call);
	r->made.lead_ns = call.create_producers.lead_ns;
}
