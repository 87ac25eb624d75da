/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "util/xalloc.h"

struct tls_context {
	SSL_CTX *ctx;
	BIO_METHOD *socket; /* ours: reads and writes through net/socket.h */
	bool is_server, verifies;
};

struct tls {
	SSL *ssl;
	int fd;
	uint32_t read_wants, write_wants;
};

/* --- the socket, as OpenSSL sees it --------------------------------------------------------------- */

static int bio_write(BIO *bio, const char *data, int len)
{
	struct tls *t = BIO_get_data(bio);
	const struct iovec piece = { .iov_base = (void *)data, .iov_len = (size_t)len };
	size_t n;

	BIO_clear_retry_flags(bio);
	enum io io = socket_write(t->fd, &piece, 1, &n);
	if (io == IO_BLOCKED)
		BIO_set_retry_write(bio);
	return io == IO_DONE ? (int)n : -1;
}

static int bio_read(BIO *bio, char *data, int room)
{
	struct tls *t = BIO_get_data(bio);
	size_t n;

	BIO_clear_retry_flags(bio);
	enum io io = socket_read(t->fd, data, (size_t)room, &n);
	if (io == IO_BLOCKED)
		BIO_set_retry_read(bio);
	if (io == IO_ENDED)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return io == IO_DONE ? (int)n : io == IO_ENDED ? 0 : -1;
}

static long bio_control(BIO *bio, int what, long number, void *data)
{
	(void)number;
	(void)data;
	switch (what) {
	case BIO_CTRL_FLUSH: /* nothing is kept back */
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	default:
		return 0;
	}
}

static BIO_METHOD *create_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");

	assert(m != NULL);
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_ctrl(m, bio_control);
	return m;
}

/* --- contexts ------------------------------------------------------------------------------------- */

/* The first thing that went wrong, and nothing is left in OpenSSL's queue. */
static const char *reason(void)
{
	unsigned long code = ERR_get_error();
	const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return text != NULL ? text : "unknown error";
}

static bool load_files(struct tls_context *c, const struct tls_options *o, struct error *err)
{
	const char *key = o->key_file != NULL ? o->key_file : o->cert_file;

	if (o->ca_file != NULL && SSL_CTX_load_verify_locations(c->ctx, o->ca_file, NULL) != 1)
		return error_set(err, ERROR_CONFIG, "certificates in %s: %s", o->ca_file, reason());
	if (o->ca_file == NULL && !c->is_server && SSL_CTX_set_default_verify_paths(c->ctx) != 1)
		return error_set(err, ERROR_CONFIG, "certificates of the system: %s", reason());
	if (o->cert_file != NULL && SSL_CTX_use_certificate_chain_file(c->ctx, o->cert_file) != 1)
		return error_set(err, ERROR_CONFIG, "certificate in %s: %s", o->cert_file,
		                 reason());
	if (key != NULL && SSL_CTX_use_PrivateKey_file(c->ctx, key, SSL_FILETYPE_PEM) != 1)
		return error_set(err, ERROR_CONFIG, "private key in %s: %s", key, reason());
	return true;
}

static struct tls_context *create(const struct tls_options *o, bool is_server, struct error *err)
{
	SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());

	if (ctx == NULL) {
		error_set(err, ERROR_SYSTEM, "TLS: %s", reason());
		return NULL;
	}
	struct tls_context *c = xcalloc(1, sizeof(*c));
	*c = (struct tls_context){ .ctx = ctx, .is_server = is_server };
	c->verifies = is_server ? o->ca_file != NULL : !o->trusts_anybody;
	c->socket = create_bio_method();
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* What is retried lies elsewhere when a buffer has grown. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(ctx,
	                   !c->verifies ? SSL_VERIFY_NONE
	                                : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	                   NULL);
	if (is_server && o->cert_file == NULL)
		error_set(err, ERROR_CONFIG, "a TLS server needs a certificate");
	else if (load_files(c, o, err))
		return c;
	tls_context_destroy(c);
	return NULL;
}

bool tls_is_built(void)
{
	return true;
}

struct tls_context *tls_client_create(const struct tls_options *o, struct error *err)
{
	return create(o, false, err);
}

struct tls_context *tls_server_create(const struct tls_options *o, struct error *err)
{
	return create(o, true, err);
}

void tls_context_destroy(struct tls_context *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ctx);
	BIO_meth_free(c->socket);
	free(c);
}

/* --- connections ---------------------------------------------------------------------------------- */

/* Numbers are not names: they stand elsewhere in a certificate, and are not sent in clear. */
static bool expect_peer(SSL *ssl, const char *peer)
{
	unsigned char number[sizeof(struct in6_addr)];
	bool is_number =
		inet_pton(AF_INET, peer, number) == 1 || inet_pton(AF_INET6, peer, number) == 1;

	if (is_number)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), peer) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, peer) == 1 && SSL_set_tlsext_host_name(ssl, peer) == 1;
}

struct tls *tls_create(struct tls_context *c, int fd, const char *peer, struct error *err)
{
	SSL *ssl = SSL_new(c->ctx);
	BIO *bio = BIO_new(c->socket);

	assert(ssl != NULL && bio != NULL);
	assert(c->is_server || !c->verifies || peer != NULL);
	struct tls *t = xcalloc(1, sizeof(*t));
	*t = (struct tls){ .ssl = ssl, .fd = fd, .read_wants = EPOLLIN, .write_wants = EPOLLOUT };
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	if (c->is_server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	if (!c->is_server && peer != NULL && !expect_peer(ssl, peer)) {
		error_set(err, ERROR_CONFIG, "TLS: the peer's name \"%s\": %s", peer, reason());
		tls_destroy(t);
		return NULL;
	}
	return t;
}

void tls_destroy(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t);
}

static bool set_failure(const struct tls *t, int what, int number, struct error *err)
{
	long verified = SSL_get_verify_result(t->ssl);

	if (verified != X509_V_OK) {
		ERR_clear_error();
		return error_set(err, ERROR_BROKER, "TLS: the peer's certificate: %s",
		                 X509_verify_cert_error_string(verified));
	}
	if (what == SSL_ERROR_SYSCALL && (number != 0 || ERR_peek_error() == 0))
		return number != 0 ? error_set_errno(err, number, "TLS")
		                   : error_set(err, ERROR_BROKER, "TLS: the connection was closed");
	return error_set(err, ERROR_BROKER, "TLS: %s", reason());
}

/* What a call of OpenSSL's that returned `result` means. */
static enum io outcome(struct tls *t, int result, uint32_t *wants, struct error *err)
{
	int number = errno; /* of our own bio, when that was it */
	int what = SSL_get_error(t->ssl, result);

	switch (what) {
	case SSL_ERROR_NONE:
		return IO_DONE;
	case SSL_ERROR_WANT_READ:
		*wants = EPOLLIN;
		return IO_BLOCKED;
	case SSL_ERROR_WANT_WRITE:
		*wants = EPOLLOUT;
		return IO_BLOCKED;
	case SSL_ERROR_ZERO_RETURN:
		return IO_ENDED;
	default:
		set_failure(t, what, number, err);
		return IO_FAILED;
	}
}

enum io tls_handshake(struct tls *t, struct error *err)
{
	ERR_clear_error();
	errno = 0;
	enum io io = outcome(t, SSL_do_handshake(t->ssl), &t->read_wants, err);
	if (io == IO_DONE)
		t->read_wants = EPOLLIN;
	return io;
}

static size_t at_most_int(size_t n)
{
	return n < INT_MAX ? n : INT_MAX;
}

enum io tls_read(struct tls *t, void *data, size_t room, size_t *n, struct error *err)
{
	ERR_clear_error();
	errno = 0;
	t->read_wants = EPOLLIN;
	*n = 0;
	return outcome(t, SSL_read_ex(t->ssl, data, at_most_int(room), n), &t->read_wants, err);
}

enum io tls_write(struct tls *t, const void *data, size_t len, size_t *n, struct error *err)
{
	ERR_clear_error();
	errno = 0;
	t->write_wants = EPOLLOUT;
	*n = 0;
	return outcome(t, SSL_write_ex(t->ssl, data, at_most_int(len), n), &t->write_wants, err);
}

enum io tls_shut(struct tls *t, struct error *err)
{
	ERR_clear_error();
	errno = 0;
	/* 0: said, and the peer has not said it yet, which is none of our business. */
	int result = SSL_shutdown(t->ssl);
	return result >= 0 ? IO_DONE : outcome(t, result, &t->write_wants, err);
}

bool tls_has_pending(const struct tls *t)
{
	return SSL_pending(t->ssl) > 0;
}

uint32_t tls_read_wants(const struct tls *t)
{
	return t->read_wants;
}

uint32_t tls_write_wants(const struct tls *t)
{
	return t->write_wants;
}
