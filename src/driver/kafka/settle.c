/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/settle.h"

uint32_t settle_fair_share(uint32_t partitions, uint32_t members)
{
	if (partitions == 0 || members == 0)
		return UINT32_MAX;
	return (partitions + members - 1) / members;
}

enum settle_step settle_step(uint32_t look, uint32_t assigned, uint32_t fair_share)
{
	bool is_power_of_2 = (look & (look - 1)) == 0;

	if (assigned == 0)
		return SETTLE_POKE;
	return assigned > fair_share && is_power_of_2 ? SETTLE_JOIN : SETTLE_REST;
}
