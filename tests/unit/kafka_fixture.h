/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_KAFKA_FIXTURE_H
#define OMB_TESTS_KAFKA_FIXTURE_H

/*
 * kafka_fixture -- one translation of a Kafka driver file, and what came of it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "driver/driver.h"
#include "driver/kafka/translate.h"
#include "util/arena.h"

#define P       KAFKA_PRODUCER
#define C       KAFKA_CONSUMER
#define SERVERS "bootstrap.servers=localhost:9092\n"

/* One translation and what came of it. */
struct run {
	struct kafka_config config;
	struct error_list errors;
	struct arena arena;
};

struct input {
	const char *common, *producer, *consumer, *topic;
	bool librdkafka, lenient;
	const char *zone_id;
};

static inline struct option_block block(const char *text, int line)
{
	return (struct option_block){
		.text = text,
		.len = text == NULL ? 0 : strlen(text),
		.line = text == NULL ? 0 : line,
	};
}

/* The blocks begin in lines 10, 20, 30 and 40 of the file. */
static inline void translate(struct run *r, const struct input *in)
{
	struct kafka_translate_opts opts = {
		.java_defaults = !in->librdkafka,
		.lenient = in->lenient,
		.zone_id = in->zone_id,
	};

	*r = (struct run){ 0 };
	r->config.common_block = block(in->common == NULL ? SERVERS : in->common, 10);
	r->config.producer_block = block(in->producer, 20);
	r->config.consumer_block = block(in->consumer, 30);
	r->config.topic_block = block(in->topic, 40);
	kafka_translate(&r->config, &opts, &r->arena, &r->errors);
}

static inline void done(struct run *r)
{
	error_list_fini(&r->errors);
	arena_fini(&r->arena);
}

static inline void no_errors(const struct run *r)
{
	for (size_t i = 0; i < r->errors.count; i++)
		print_error("line %d: %s\n", r->errors.items[i].line, r->errors.items[i].text);
	assert_int_equal(r->errors.count, 0);
}

static inline const char *value(const struct run *r, enum kafka_role role, const char *key)
{
	return kafka_setting_value(&r->config.roles[role], key, "(unset)");
}

static inline const char *origin(const struct run *r, enum kafka_role role, const char *key)
{
	const struct kafka_setting *s = kafka_setting_find(&r->config.roles[role], key);

	return s == NULL ? "(unset)" : s->origin;
}

static inline const struct kafka_ignored *ignored(const struct run *r, enum kafka_role role,
                                                  const char *key)
{
	for (size_t i = 0; i < r->config.ignored.count; i++) {
		const struct kafka_ignored *g = &r->config.ignored.items[i];
		if (g->role == role && strcmp(g->key, key) == 0)
			return g;
	}
	return NULL;
}

#endif
