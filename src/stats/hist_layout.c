/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/hist_layout.h"

#include <assert.h>

#include "util/error.h"

/* clang-format off */
const struct hist_layout hist_layout_ns = {
	.highest = (UINT64_C(1) << 42) - 1, .unit_ns = 1, .digits = 3, .bits = 11,
};
const struct hist_layout hist_layout_omb_publish = {
	.highest = UINT64_C(60000000), .unit_ns = 1000, .digits = 5, .bits = 18,
};
const struct hist_layout hist_layout_omb_e2e = {
	.highest = UINT64_C(43200000000), .unit_ns = 1000, .digits = 5, .bits = 18,
};
/* clang-format on */

uint16_t hist_layout_bits(unsigned digits)
{
	assert(digits >= 1 && digits <= 5);

	uint64_t want = 2;
	for (unsigned i = 0; i < digits; i++)
		want *= 10;
	return (uint16_t)hist_layout_bit_length(want - 1);
}
