/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PLAN_NAMES_H
#define OMB_PLAN_NAMES_H

/*
 * names -- what a run and the topics and groups that it creates are called.
 *
 *     run id   01lg22la7e2p              8 digits of its start second, 4 of chance
 *     topic    omb-01lg22la7e2p-0000012-h7qa9d2
 *     group    omb-01lg22la7e2p-sub-003-m2vv81c
 *
 * Digits are those of base 32 (0-9 a-v): lower case, legal in the names of every broker, and in the
 * order of ASCII, so run ids sort by time.  A name says when its run began; `omb cleanup` needs
 * nothing else to know what is old, and never touches a name that does not parse.
 *
 * Formatting is pure: chance comes in as an argument, from name_chance().
 */

#include <stdbool.h>
#include <stdint.h>

#define NAME_PREFIX    "omb-"
#define RUN_ID_CHARS   12
#define NAME_MAX_BYTES 48 /* the longest name and its NUL */

enum name_kind { NAME_TOPIC, NAME_GROUP };

struct name_parts {
	enum name_kind kind;
	char run_id[RUN_ID_CHARS + 1];
	uint64_t run_started_s; /* since 1970 */
	uint32_t number;        /* of the topic; of the subscription within its topic */
};

/* Random bits from the kernel. */
uint64_t name_chance(void);

/* `started_s` since 1970, below 2^40; 20 bits of `chance` are used. */
void run_id_format(char out[RUN_ID_CHARS + 1], uint64_t started_s, uint64_t chance);

/* False: not a run id. */
bool run_id_parse(const char *run_id, uint64_t *started_s);

/* What stamps carry of a run id: 16 bits that differ between most runs.  Any text will do. */
uint16_t run_id_stamp(const char *run_id);

/* `run_id` is at most RUN_ID_CHARS long; `number` below 10,000,000. */
void name_topic(char out[NAME_MAX_BYTES], const char *run_id, uint32_t number, uint64_t chance);

/* A group of its own for each pair (topic, subscription): `number` counts within the topic. */
void name_group(char out[NAME_MAX_BYTES], const char *run_id, uint32_t number, uint64_t chance);

/* False: not a name that a run of omb gave. */
bool name_parse(const char *name, struct name_parts *out);

#endif
