/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_OOM_H
#define OMB_AGENT_OOM_H

/*
 * oom -- was it for want of memory that the kernel killed a process?
 *
 * All that the victim's parent sees is SIGKILL.  The kernel counts its victims, those of memory cgroups
 * included: if the count has grown while an agent lived, that is the likeliest reason of its end.
 */

#include <stdbool.h>
#include <stdint.h>

/* Processes that the kernel has killed so far for want of memory; 0 where it does not say. */
uint64_t oom_kills(void);

/* From the text of /proc/vmstat; false and untouched when it is not there.  For tests. */
bool oom_parse(const char *text, uint64_t *kills);

#endif
