/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PHASE_SETTLE_H
#define OMB_RUN_PHASE_SETTLE_H

/*
 * phase_settle -- is everything ready for the load?
 *
 * Readiness is that every subscription of every topic has all of its partitions and has received a
 * probe, and every producer has one acknowledged (worker/readiness.h is the rule); probes are repeated,
 * because one that was sent before a consumer had its partitions is never seen.
 */

#include <stdbool.h>
#include <stdint.h>

struct run;

void settle_enter(struct run *r);
uint64_t settle_wake_ns(const struct run *r);
void settle_look(struct run *r);
bool settle_is_reached(const struct run *r);
uint64_t settle_limit_ns(const struct run *r);
void settle_expire(struct run *r); /* names the subscriptions that are not ready */
void settle_leave(struct run *r);

#endif
