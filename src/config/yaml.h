/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_YAML_H
#define OMB_CONFIG_YAML_H

/*
 * yaml -- a YAML document as a tree in which every node knows its place.
 *
 * A scalar keeps its text and how it was written: what it means (a number, a flag, a text) is
 * decided by whoever asked for it.  Duplicate keys stay in the tree, in the order of the file.  An
 * alias is the node of its anchor, shared; what a tree would hold when written out is limited to
 * YAML_MAX_NODES, so that a walk over it ends.  Tags are ignored.
 *
 * Ownership: all of it lives in the arena.
 * Limits: YAML_MAX_BYTES of text, YAML_MAX_DEPTH levels; no NUL in a scalar; keys are scalars.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/yaml_node.h"
#include "util/error.h"

#define YAML_MAX_BYTES ((size_t)4 << 20)
#define YAML_MAX_DEPTH 64
#define YAML_MAX_NODES 200000

struct arena;

struct yaml_doc {
	struct yaml_node *root; /* of the first document; never NULL */
	int more_line;          /* where a second document starts; 0 = there is none */
};

/* A text without any document (empty, or only comments) is an error.  Errors carry their place. */
bool yaml_parse(const char *text, size_t len, struct arena *a, struct yaml_doc *out,
                struct error *err);

/* The value of the last pair with this key, as Java takes it; NULL = none. */
struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);

/* Nothing written, ~ or null. */
bool yaml_is_null(const struct yaml_node *node);

/* Line of the first line of a scalar's text: a block's text starts below its `|`. */
int yaml_text_line(const struct yaml_node *scalar);

/* "a text", "a list", "a mapping": for messages. */
const char *yaml_kind_name(const struct yaml_node *node);

#endif
