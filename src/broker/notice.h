/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_NOTICE_H
#define OMB_BROKER_NOTICE_H

/*
 * notice -- lines about what happened, for whoever wants to read them.
 */

struct notices {
	/* One line without its end.  NULL: nobody listens. */
	void (*tell)(void *context, const char *text);
	void *context;
};

void notice_tell(const struct notices *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
