/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_WORKER_ACCESS_H
#define OMB_CMD_WORKER_ACCESS_H

/*
 * worker_access -- who may use a worker, and what a driver file that came over the network may touch.
 *
 * Whoever reaches a worker can make it load any broker, so one that listens to more than this host
 * wants to be shown a token, or to be told from where it obeys (--allow-from), or that nobody else
 * reaches it (--insecure).  A driver file from afar names no files of this host and runs nothing on it,
 * but for files in the folder of --allow-files; what the worker's own --set names is its owner's.
 */

#include <stdbool.h>
#include <stddef.h>

#include "cmd/args.h"
#include "cmd/token.h"
#include "net/address_range.h"
#include "util/error.h"
#include "worker/call.h"

struct worker_access {
	const char *token; /* NULL = none is wanted */
	struct address_range *ranges;
	size_t ranges_count;        /* 0 = from everywhere */
	const char *files;          /* a folder, as the kernel names it; NULL = none */
	const struct override *own; /* of the worker's command line */
};

#define WORKER_ACCESS_FLAGS                                                                   \
	TOKEN_FLAG("callers have to show what is in it (Authorization: Bearer ...)"),         \
		{ "allow-from", NULL, FLAG_LIST, "CIDR,...",                                  \
		  "who may connect: blocks of addresses such as 10.0.0.0/8" },                \
		{ "insecure", NULL, FLAG_SWITCH, NULL,                                        \
		  "listen on an address of a network without --token-file or --allow-from" }, \
	{                                                                                     \
		"allow-files", NULL, FLAG_VALUE, "FOLDER",                                    \
			"driver files that are sent here may name files in it (none)"         \
	}

/* Before anything listens; `at` is where. */
bool worker_access_read(const struct args *args, const struct address *at,
                        struct worker_access *out, struct error *err);

bool worker_access_admits(const struct worker_access *a, const struct address *from);
bool worker_access_may_initialize(const struct worker_access *a,
                                  const struct worker_initialize *ask, struct error *err);

#endif
