/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_WRAP_ALLOCATIONS_H
#define OMB_TESTS_WRAP_ALLOCATIONS_H

/*
 * wrap_allocations -- counts the allocations of all objects that are linked with -Wl,--wrap=malloc
 * and its kin (tests/unit/meson.build): ours.  What shared libraries allocate goes past it.
 */

#include <stdint.h>

/* By any thread so far. */
uint64_t allocations_so_far(void);

#endif
