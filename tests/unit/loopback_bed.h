/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_LOOPBACK_BED_H
#define OMB_TESTS_LOOPBACK_BED_H

/* What the tests of the loopback broker's core share; cmocka.h comes before. */

#include <stdio.h>
#include <string.h>

#include "driver/loopback/core.h"

#define US            UINT64_C(1000)
#define MS            UINT64_C(1000000)
#define S             UINT64_C(1000000000)

/* Not 0, so that times relative to something else are found out. */
#define T0            (77 * S)

#define PAYLOAD_BYTES 40

static inline struct loop_core *create(const struct loop_script *script)
{
	struct loop_script s = *script;

	if (s.max_bytes == 0)
		s.max_bytes = 1 << 20;
	return loop_core_create(&s, T0, 0);
}

static inline struct loop_core *create_faulty(struct loop_script script, const char *texts)
{
	struct fault faults[FAULTS_MAX];
	struct error err = { 0 };
	int count = fault_list_parse(texts, FAULTS_OF_LOOPBACK, faults, &err);

	if (count < 0)
		fail_msg("%s", err.text);
	script.faults = faults;
	script.faults_count = (size_t)count;
	return create(&script);
}

static inline struct loop_topic *topic(struct loop_core *core, const char *name,
                                       uint32_t partitions)
{
	struct error err = { 0 };

	if (!loop_core_create_topic(core, name, partitions, &err))
		fail_msg("%s", err.text);
	return loop_core_topic(core, name);
}

/* A message says its number in its first bytes, and 0x55 else. */
static inline enum loop_append_status offer(struct loop_core *core, struct loop_topic *t,
                                            int32_t partition, uint32_t number, uint64_t now_ns,
                                            struct loop_receipt *out)
{
	unsigned char payload[PAYLOAD_BYTES];
	struct loop_incoming in = {
		.topic = t,
		.owner = number,
		.partition = partition,
		.payload = payload,
		.payload_len = sizeof(payload),
	};

	memset(payload, 0x55, sizeof(payload));
	memcpy(payload, &number, sizeof(number));
	return loop_core_append(core, &in, now_ns, out);
}

static inline struct loop_receipt append(struct loop_core *core, struct loop_topic *t,
                                         uint32_t number, uint64_t now_ns)
{
	struct loop_receipt receipt = { 0 };

	assert_int_equal(offer(core, t, -1, number, now_ns, &receipt), LOOP_APPENDED);
	return receipt;
}

/* The number of the next message, -1 = none. */
static inline int fetch(struct loop_core *core, struct loop_member *m, uint64_t now_ns)
{
	struct loop_delivery d;
	uint32_t number;

	if (!loop_core_fetch(core, m, now_ns, &d))
		return -1;
	assert_int_equal(d.payload_len, PAYLOAD_BYTES);
	memcpy(&number, d.payload, sizeof(number));
	return (int)number;
}

static inline bool is_acknowledged_by(struct loop_core *core, uint64_t now_ns)
{
	struct loop_ack ack;

	return loop_core_take_ack(core, now_ns, &ack);
}

/* Takes everything there is to take, as text: "1 2 3". */
static inline const char *fetch_all(struct loop_core *core, struct loop_member *m, uint64_t now_ns)
{
	static char text[4096];
	size_t len = 0;
	int number;

	text[0] = '\0';
	while ((number = fetch(core, m, now_ns)) >= 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, len == 0 ? "%d" : " %d",
		                        number);
	return text;
}

#endif
