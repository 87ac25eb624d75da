/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_YAML_NODE_H
#define OMB_CONFIG_YAML_NODE_H

/*
 * yaml_node -- a place in the tree of a YAML document (yaml.h).
 */

#include <stdbool.h>
#include <stddef.h>

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

enum yaml_style {
	YAML_PLAIN,
	YAML_QUOTED, /* '...' or "..." */
	YAML_BLOCK,  /* | or > */
};

/* A line of the file inside a text that YAML put together from several. */
struct yaml_line {
	size_t offset; /* in the text */
	int line, column;
	bool joined; /* to what is before it: a blank stands for the end of that line */
};

struct yaml_node {
	enum yaml_kind kind;
	enum yaml_style style; /* of a scalar */
	int line, column;      /* from 1; 0 = not from a file */
	const char *text;      /* of a scalar: UTF-8, NUL-terminated; else NULL */
	size_t text_len;
	/* Of a text that goes over several lines and is no `|` block: folded (`>`), plain or quoted.
	 * Where each line of the file begins in it, as far as that can be told; else NULL. */
	const struct yaml_line *lines;
	size_t line_count;
	size_t count;             /* items of a list, pairs of a map */
	struct yaml_node **items; /* of a list */
	struct yaml_pair *pairs;  /* of a map */
	size_t weight;            /* nodes below and including this one, written out */
};

struct yaml_pair {
	struct yaml_node *key; /* always a scalar */
	struct yaml_node *value;
};

#endif
