/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_ADDRESS_H
#define OMB_NET_ADDRESS_H

/*
 * address -- where a socket is, as text and as the kernel wants it.
 *
 *     127.0.0.1:5999   [::1]:5999    TCP; hosts are numbers
 *     @name                          an abstract unix socket: no file, gone with its process
 *     /path   ./path                 a unix socket in the file system
 *
 * address_parse never blocks.  address_resolve also takes names and asks the resolver, which blocks
 * for as long as that pleases (seconds): it belongs into the opening of a client in an agent, where
 * nothing is measured yet and nobody else waits, never into a loop.  What a connection is given are
 * addresses, so connecting again never resolves again.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "util/error.h"

struct address {
	struct sockaddr_storage at;
	socklen_t len;
};

#define ADDRESS_TEXT  128 /* room for any address as text, NUL included */
#define ADDRESSES_MAX 16  /* of one name */

/* ERROR_CONFIG. */
bool address_parse(const char *text, struct address *out, struct error *err);

/* A unix socket in the file system, whatever the name of its file. */
bool address_parse_path(const char *path, struct address *out, struct error *err);

/* Blocks.  Fills out[0 .. ADDRESSES_MAX) in the order in which they should be tried and returns how
 * many; 0 = failed. */
size_t address_resolve(const char *text, struct address out[ADDRESSES_MAX], struct error *err);

/* As address_parse reads it; returns `out`. */
char *address_format(const struct address *a, char out[ADDRESS_TEXT]);

bool address_is_tcp(const struct address *a);
int address_port(const struct address *a); /* 0 for a unix socket */
void address_set_port(struct address *a, int port);

/* Does any of a client's addresses ("HOST:PORT,nats://HOST", as its users write them) name the host
 * that this runs on?  By how it is written; nothing is looked up. */
bool address_names_this_host(const char *list);

#endif
