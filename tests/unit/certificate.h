/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_CERTIFICATE_H
#define OMB_TESTS_CERTIFICATE_H

/*
 * certificate -- one for 127.0.0.1 and "broker.test" that signs itself, with its key, in one file.
 *
 * For tests of TLS; their program needs OpenSSL and cmocka.
 */

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static void certificate_extend(X509 *x, int nid, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static void certificate_write(const char *path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *out = fopen(path, "w");

	assert_non_null(key);
	assert_non_null(out);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	                           (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	certificate_extend(x, NID_basic_constraints, "critical,CA:TRUE");
	certificate_extend(x, NID_subject_alt_name, "IP:127.0.0.1,DNS:broker.test");
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	PEM_write_X509(out, x);
	PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
	fclose(out);
	X509_free(x);
	EVP_PKEY_free(key);
}

#endif
