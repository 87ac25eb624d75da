/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_DAYS_WORLD_H
#define OMB_TESTS_DAYS_WORLD_H

/*
 * days_world -- a coordinator, its workers and the network between them, on a bad day, in simulated time.
 *
 *     ensemble ─► link ═══ asks, renewals ═══► host     the link is a form of a worker, as a remote one is;
 *                   ◄═════ replies ════════             the host keeps a session (served_session.h)
 *
 * Messages are lost, late, doubled and overtake each other; hosts die, stand still and are cut off, their
 * clocks are wrong by a step, and the coordinator stands still.  All of it follows from the seed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/rng.h"
#include "util/text.h"
#include "worker/ensemble.h"
#include "worker/served_session.h"

#define DAYS_MS      UINT64_C(1000000)
#define DAYS_S       UINT64_C(1000000000)
#define DAYS_WORKERS 9
#define DAYS_NEVER   UINT64_MAX

struct world;

/* Its agents' counts, as it tells them. */
struct day_counts {
	uint64_t sent, acknowledged, received;
};

struct day_host {
	struct session session;
	uint64_t dies_ns, stops_ns, resumes_ns, cut_ns, mends_ns; /* DAYS_NEVER: it does not */
	uint64_t step_ns;   /* its clock is behind by so much more than anybody knows */
	uint64_t wedged_ns; /* from then on it ends nothing that it is asked */
	bool dead;
	struct worker_call running[2]; /* what it does: arguments are the ask's */
	uint64_t running_id[2], ends_ns[2];
	bool is_running[2];
	unsigned executed[WORKER_VERB_COUNT];
	uint64_t producers, consumers; /* its clients */
	bool loading;
	struct load_spec load;
	uint64_t load_end_ns, counted_ns;
	double due;
	struct day_counts now;
};

struct day_link {
	struct worker base;
	struct world *world;
	unsigned index;
	char label[32];
	struct worker_call *calls[2]; /* under way: one, and STOP_ALL */
	uint64_t ids[2], again_ns[2];
	uint64_t next_id;
	uint64_t renew_ns,
		unheard_ns; /* when the next renewal is sent; since when one has no reply */
	bool gone;
	struct error why;
	struct day_counts told; /* by its last reply that was read */
	struct day_host host;
};

enum day_message { DAY_ASK, DAY_REPLY, DAY_RENEW, DAY_RENEWED, DAY_REFUSED, DAY_UNKNOWN };

struct day_letter {
	uint64_t at_ns, id;
	enum day_message what;
	unsigned worker;
	bool is_stop;
	struct worker_call call; /* of an ask its arguments, of a reply how it ended */
	struct day_counts counts;
};

struct world {
	struct rng rng;
	uint64_t now_ns, end_ns;
	unsigned count, tolerate;
	unsigned loss, twice, late; /* of 1000 messages */
	uint64_t coordinator_stops_ns, coordinator_stands_ns;
	struct day_link links[DAYS_WORKERS];
	struct day_letter *letters; /* owned; under way */
	size_t letters_count, letters_cap;
	struct worker *ensemble;
};

void world_init(struct world *w, uint64_t seed);
void world_fini(struct world *w);

/* Until the instant, or something has come to the coordinator. */
void world_wait(struct world *w, uint64_t until_ns);

/* Something happened that a worker may be lost by. */
bool world_was_bad_for(const struct world *w, unsigned worker);

#endif
