/* SPDX-License-Identifier: Apache-2.0 */
#include "util/roff.h"

#include <stdbool.h>

void roff_add(struct text *out, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		bool line_start = c == text || c[-1] == '\n';
		if (line_start && (*c == '.' || *c == '\''))
			text_add(out, "\\&");
		if (*c == '\\')
			text_add(out, "\\e");
		else if (*c == '-')
			text_add(out, "\\-");
		else if (*c == ' ' && c > text && (c[-1] == '.' || c[-1] == '?') && c[1] >= 'A' &&
		         c[1] <= 'Z')
			text_add(out, "\n");
		else
			text_add_bytes(out, c, 1);
	}
}

void roff_add_item(struct text *out, const char *name, const char *text)
{
	text_add(out, ".TP\n.B ");
	roff_add(out, name);
	text_add(out, "\n");
	roff_add(out, text);
	text_add(out, "\n");
}
