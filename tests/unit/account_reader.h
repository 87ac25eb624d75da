/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_ACCOUNT_READER_H
#define OMB_TESTS_ACCOUNT_READER_H

/*
 * account_reader -- what the area of a loop says of its keys, message by message.
 *
 * The loop has ended: everything is taken over from its area, sealed or not, and nothing of it is left
 * for another reader.
 */

#include <stdint.h>

#include "agent/shm.h"

struct account_seen {
	uint8_t times;  /* that it is in the account */
	uint8_t marked; /* of these: failed, or delivered before */
	uint8_t late;   /* of these */
	uint16_t code;  /* of its partition, as was told last */
};

struct account_reader {
	uint32_t producer, subscription; /* whose messages */
	struct account_seen *seen;       /* of the first `cap` sequences; owned by the caller */
	uint64_t cap;
	uint64_t messages, marked, late; /* all of them */
};

/* Adds what loop 0 says to the `count` readers; how many messages are none of theirs. */
uint64_t account_read(struct account_reader *readers, size_t count, struct agent_shm *shm);

#endif
