/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_YAML_LINES_H
#define OMB_CONFIG_YAML_LINES_H

/*
 * yaml_lines -- which lines of a file YAML put together into one text.
 *
 * The parser gives the text alone: of a folded block it cannot be told any more what were lines.
 * So the file is read beside the text, as far as the two agree (an escape in a quoted text ends
 * that).  Used by yaml alone.
 */

#include <stddef.h>

struct arena;
struct yaml_node;

/* Fills node->lines of a text that is no `|` block; `source` is the whole file. */
void yaml_lines_find(struct yaml_node *node, const char *source, size_t len, struct arena *a);

#endif
