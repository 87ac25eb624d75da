/* SPDX-License-Identifier: Apache-2.0 */

/* tls.h where there is no OpenSSL. */

#include "net/tls.h"

#include <stdlib.h>

bool tls_is_built(void)
{
	return false;
}

static struct tls_context *refuse(struct error *err)
{
	error_set(err, ERROR_UNSUPPORTED,
	          "TLS: this omb was built without OpenSSL (install libssl-dev and build again)");
	return NULL;
}

struct tls_context *tls_client_create(const struct tls_options *o, struct error *err)
{
	(void)o;
	return refuse(err);
}

struct tls_context *tls_server_create(const struct tls_options *o, struct error *err)
{
	(void)o;
	return refuse(err);
}

void tls_context_destroy(struct tls_context *c)
{
	(void)c;
}

/* Without a context there is never a connection: nobody calls these. */

struct tls *tls_create(struct tls_context *c, int fd, const char *peer, struct error *err)
{
	(void)c;
	(void)fd;
	(void)peer;
	(void)refuse(err);
	return NULL;
}

void tls_destroy(struct tls *t)
{
	if (t != NULL)
		abort();
}

enum io tls_handshake(struct tls *t, struct error *err)
{
	(void)t;
	(void)err;
	abort();
}

enum io tls_read(struct tls *t, void *data, size_t room, size_t *n, struct error *err)
{
	(void)t;
	(void)data;
	(void)room;
	(void)n;
	(void)err;
	abort();
}

enum io tls_write(struct tls *t, const void *data, size_t len, size_t *n, struct error *err)
{
	(void)t;
	(void)data;
	(void)len;
	(void)n;
	(void)err;
	abort();
}

enum io tls_shut(struct tls *t, struct error *err)
{
	(void)t;
	(void)err;
	abort();
}

bool tls_has_pending(const struct tls *t)
{
	(void)t;
	abort();
}

uint32_t tls_read_wants(const struct tls *t)
{
	(void)t;
	abort();
}

uint32_t tls_write_wants(const struct tls *t)
{
	(void)t;
	abort();
}
