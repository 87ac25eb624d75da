/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_GROUPS_H
#define OMB_DRIVER_KAFKA_GROUPS_H

/* groups -- deleting consumer groups, and finding what earlier runs left: two hooks of kafka_admin. */

#include "driver/driver.h"

bool kafka_delete_groups(void *instance, const struct group_spec *groups, size_t count,
                         uint32_t timeout_ms, struct error *err);
bool kafka_list(void *instance, const char *prefix, driver_name_fn *fn, void *to,
                struct error *err);

#endif
