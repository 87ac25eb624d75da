/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PHASE_DRAIN_H
#define OMB_RUN_PHASE_DRAIN_H

/*
 * phase_drain -- the load has ended: until everything has arrived that will (drain_rule.h).
 */

#include <stdbool.h>
#include <stdint.h>

struct run;

void drain_enter(struct run *r);
uint64_t drain_wake_ns(const struct run *r);
void drain_look(struct run *r);
bool drain_is_reached(const struct run *r);
uint64_t drain_phase_limit_ns(const struct run *r); /* changes while a group stands still */
void drain_expire(struct run *r);
void drain_leave(struct run *r);

#endif
