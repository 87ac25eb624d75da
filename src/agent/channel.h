/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_CHANNEL_H
#define OMB_AGENT_CHANNEL_H

/*
 * channel -- commands from a parent to a loop of an agent, and the answers.
 *
 * One SOCK_SEQPACKET pair for each loop; every message has a fixed size and arrives whole.  The
 * loop answers each command once with its tag.  A loop that has opened its clients says so with an
 * answer of tag 0 that nobody asked for.
 */

#include <stdbool.h>
#include <stdint.h>

#include "load/assignment.h"
#include "util/error.h"

enum agent_verb {
	AGENT_VERB_PROBE, /* each producer sends one probe */
	AGENT_VERB_START, /* with the descriptor of the payload pool */
	AGENT_VERB_RATE,
	AGENT_VERB_PAUSE,
	AGENT_VERB_RESUME,
	AGENT_VERB_CLOSE, /* close the clients and end; answered before closing */
};

struct agent_command {
	uint32_t tag; /* never 0 */
	enum agent_verb verb;
	union {
		struct load_spec load; /* START; payload.contents means nothing here */
		struct {
			struct pacer_epoch epoch;
			bool forgive;
		} rate;
	};
};

struct agent_answer {
	uint32_t tag;
	bool ok;
	struct error err;
};

/* [0] stays with the parent, [1] goes to the loop. */
bool channel_open(int pair[2], struct error *err);

/* fd_to_pass: -1 = none.  Never blocks: a peer that does not read its commands has failed. */
bool channel_send_command(int fd, const struct agent_command *command, int fd_to_pass,
                          struct error *err);
bool channel_send_answer(int fd, const struct agent_answer *answer);

enum channel_status { CHANNEL_GOT, CHANNEL_EMPTY, CHANNEL_CLOSED };

/* *passed_fd: -1 or a descriptor that the caller now owns. */
enum channel_status channel_receive_command(int fd, struct agent_command *out, int *passed_fd);
enum channel_status channel_receive_answer(int fd, struct agent_answer *out);

#endif
