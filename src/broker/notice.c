/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/notice.h"

#include <stdarg.h>
#include <stddef.h>

#include "util/text.h"

void notice_tell(const struct notices *n, const char *fmt, ...)
{
	struct text text = { 0 };
	va_list ap;

	if (n->tell == NULL)
		return;
	va_start(ap, fmt);
	text_vaddf(&text, fmt, ap);
	va_end(ap);
	n->tell(n->context, text_str(&text));
	text_fini(&text);
}
