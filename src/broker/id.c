/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/id.h"

#include <sys/random.h>

uint64_t id_draw_seed(void)
{
	uint64_t seed = 0;

	/* It waits only while a machine starts; a signal may interrupt it then. */
	while (seed == 0)
		if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
			seed = 0;
	return seed;
}

uint64_t id_scatter(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}
