/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_FILE_SECRETS_H
#define OMB_CONFIG_FILE_SECRETS_H

/*
 * file_secrets -- tells util/secret.h which secrets a file holds, before anything in it can be quoted.
 */

#include "config/yaml.h"

void file_secrets_learn(const struct yaml_node *root);

#endif
