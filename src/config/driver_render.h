/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_DRIVER_RENDER_H
#define OMB_CONFIG_DRIVER_RENDER_H

/*
 * driver_render -- a driver file as it would stand there with every --set in it.
 *
 * For readers that know nothing of --set: OMB's own workers are sent the file itself.  Which keys the
 * driver has is not known here, so every --set that is not the workload's goes in.  One of a property
 * (`producerConfig.linger.ms=5`) becomes one more line of its block, where the last of two wins.
 *
 * The text is YAML 1.1 in block style; comments are gone.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/override.h"
#include "util/error.h"
#include "util/text.h"

struct arena;

/* Appends. */
bool driver_render(const char *text, size_t len, const struct config_mode *mode, struct arena *a,
                   struct text *out, struct error *err);

#endif
