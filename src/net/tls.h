/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_TLS_H
#define OMB_NET_TLS_H

/*
 * tls -- TLS 1.2 and 1.3 over a stream socket, as client and as server (OpenSSL).
 *
 * A build without OpenSSL (Meson: -Dtls=disabled) has all of these functions; making a context is
 * ERROR_UNSUPPORTED there and says so.
 *
 * OpenSSL writes through net/socket.h, so that a peer that is gone is an error and never SIGPIPE
 * (its own socket functions would raise it).  A connection that ends without TLS's own goodbye is
 * IO_FAILED: somebody may have cut off the rest.  Contexts may be shared by all connections of a
 * thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/socket.h"
#include "util/error.h"

struct tls_context;
struct tls;

struct tls_options {
	const char
		*ca_file; /* PEM; whom to trust.  NULL: whom the system trusts; a server nobody */
	const char *cert_file; /* PEM, with its chain; a server needs one */
	const char *key_file;  /* PEM, without a pass phrase; NULL: in cert_file */
	bool trusts_anybody;   /* client: the peer need not prove who it is */
};

bool tls_is_built(void);

/* NULL: ERROR_UNSUPPORTED, or ERROR_CONFIG with the file.  A server with a ca_file demands that its
 * clients show a certificate. */
struct tls_context *tls_client_create(const struct tls_options *o, struct error *err);
struct tls_context *tls_server_create(const struct tls_options *o, struct error *err);
void tls_context_destroy(struct tls_context *c);

/* Around a connected socket, which stays the caller's.  `peer`: of a client, the name or number
 * that the peer's certificate must bear. */
struct tls *tls_create(struct tls_context *c, int fd, const char *peer, struct error *err);
void tls_destroy(struct tls *t); /* says nothing to the peer */

/* IO_DONE: done; IO_BLOCKED: again when the socket is ready for tls_read_wants(); IO_FAILED:
 * *err. */
enum io tls_handshake(struct tls *t, struct error *err);
enum io tls_read(struct tls *t, void *data, size_t room, size_t *n, struct error *err);
/* After IO_BLOCKED the next call has to begin with the same bytes, and at least as many. */
enum io tls_write(struct tls *t, const void *data, size_t len, size_t *n, struct error *err);
/* Goodbye; the peer reads the end.  IO_BLOCKED: again. */
enum io tls_shut(struct tls *t, struct error *err);

/* Bytes that were decrypted and not read: epoll does not know of them. */
bool tls_has_pending(const struct tls *t);
/* What the last read (or handshake) and the last write wait for: EPOLLIN or EPOLLOUT; each may
 * need the other's direction. */
uint32_t tls_read_wants(const struct tls *t);
uint32_t tls_write_wants(const struct tls *t);

#endif
