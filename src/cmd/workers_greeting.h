/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_WORKERS_GREETING_H
#define OMB_CMD_WORKERS_GREETING_H

/*
 * workers_greeting -- asks the workers of other hosts who they are, all at once.
 */

#include <stdbool.h>
#include <stddef.h>

#include "cmd/workers_source.h"
#include "util/error.h"
#include "util/text.h"

struct http_client;
struct worker;

struct workers_member {
	const char *url; /* borrowed */
	struct worker *w;
	bool is_omb; /* OMB's own program (worker/java.h); else worker/remote.h */
};

/* Fills one for each address, which are the caller's to destroy whatever comes of it.  False: one of them
 * cannot be used, and is named, or a signal came that asks for the end; those are blocked, and stay
 * pending. */
bool workers_greet(struct http_client *http, const struct workers_source *source,
                   struct workers_member *out, struct error *err);

/* "omb 0.1.0 on host-7; its clock ..." */
void workers_introduce(const struct workers_member *m, struct text *out);

#endif
