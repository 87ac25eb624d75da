/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PHASE_CONNECT_H
#define OMB_RUN_PHASE_CONNECT_H

/*
 * phase_connect -- the first four phases: the driver, topics, consumers and producers are made, each
 * by one verb.  Consumers come before producers, as in OMB.
 */

struct run;

void connect_initialize(struct run *r);
void connect_topics(struct run *r);
void connect_consumers(struct run *r);
void connect_producers(struct run *r);

#endif
