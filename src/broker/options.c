/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/options.h"

void broker_options_init(struct broker_options *o)
{
	*o = (struct broker_options){
		.host = "127.0.0.1",
		.nodes = 1,
		.memory_bytes = (size_t)256 * 1000 * 1000,
		.full = BROKER_BLOCK,
		.partitions = 1,
		.topics_max = 10000,
		.partitions_max = 20000,
		.readers_max = 1000000,
		.seed = 1,
	};
}
