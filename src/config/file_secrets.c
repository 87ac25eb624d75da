/* SPDX-License-Identifier: Apache-2.0 */
#include "config/file_secrets.h"

#include <stdlib.h>
#include <string.h>

#include "util/secret.h"
#include "util/xalloc.h"

/* Properties, as they are written: who takes them apart tells what is meant. */
static void learn_lines(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char *line = xstrndup(text, len);
		secret_learn_argument(line);
		free(line);
		text += len + (text[len] == '\n');
	}
}

static void learn(const char *key, const struct yaml_node *node)
{
	switch (node->kind) {
	case YAML_SCALAR:
		secret_learn(key, node->text);
		learn_lines(node->text);
		return;
	case YAML_LIST:
		for (size_t i = 0; i < node->count; i++)
			learn(key, node->items[i]);
		return;
	case YAML_MAP:
		for (size_t i = 0; i < node->count; i++)
			learn(node->pairs[i].key->text, node->pairs[i].value);
		return;
	}
}

void file_secrets_learn(const struct yaml_node *root)
{
	learn("", root);
}
