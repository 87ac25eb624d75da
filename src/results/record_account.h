/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_RECORD_ACCOUNT_H
#define OMB_RESULTS_RECORD_ACCOUNT_H

/*
 * record_account -- what became of every message, as a member of a result (util/fields.h); of a struct
 * record.
 *
 * Where no account was kept it says so and why, and nothing else: what is unknown is not 0.
 */

#include "util/fields.h"

extern const struct field_custom record_account;

#endif
