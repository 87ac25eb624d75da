/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_LEARN_H
#define OMB_CONFIG_LEARN_H

/*
 * learn -- tells util/secret.h which secrets a file holds, before anything in it can be quoted.
 */

#include "config/yaml.h"

void learn_secrets(const struct yaml_node *root);

#endif
