/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_RATE_SEARCH_H
#define OMB_RUN_RATE_SEARCH_H

/*
 * rate_search -- the search for the maximum (load/search.h) while a run goes on.
 *
 * It applies what the search decides and says when the window may be planned: only at a rate that
 * is confirmed.  If it goes down during the warm-up, the window waits until the lower rate is
 * confirmed.  Nothing is measured at a rate that nobody found: without one the run fails and the
 * error lists what was tried.
 */

#include <stdbool.h>
#include <stdint.h>

struct load_spec;
struct run;

/* Rates are tried for so long; then the best one is held, if there is one. */
#define RATE_SEARCH_TRIALS_NS (240 * UINT64_C(1000000000))
/* So long in all; what trials left behind has to be drained by then. */
#define RATE_SEARCH_LIMIT_NS  (300 * UINT64_C(1000000000))
/* More for a rate that goes down in the warm-up, on top of that. */
#define RATE_SEARCH_AGAIN_NS  (60 * UINT64_C(1000000000))

bool rate_search_is_wanted(const struct run *r);

/* Of the search and of the warm-up; none once a rate is confirmed. */
uint64_t rate_search_limit_ns(const struct run *r);
void rate_search_expire(struct run *r);

/* Before the load is started: its first rate goes into *load. */
void rate_search_begin(struct run *r, uint64_t gate_ns, struct load_spec *load);

/* When the search wants the next sample; UINT64_MAX = never. */
uint64_t rate_search_next_ns(const struct run *r);

/* The last sample of the sampler is what the search asked for: decides and changes the rate. */
void rate_search_step(struct run *r);

#endif
