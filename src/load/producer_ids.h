/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_LOAD_PRODUCER_IDS_H
#define OMB_LOAD_PRODUCER_IDS_H

/*
 * producer_ids -- numbers of producers in stamps (load/stamp.h), a range of neighbours.
 */

#include <stdint.h>

struct producer_ids {
	uint32_t base, count;
};

#endif
