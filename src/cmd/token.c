/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/token.h"

#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/file.h"
#include "util/secret.h"

#define FILE_MAX 4096

/* What a header can carry: RFC 6750's letters. */
static const char letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

static bool check(const char *path, const char *token, size_t len, struct error *err)
{
	if (len < TOKEN_MIN)
		return error_set(err, ERROR_CONFIG,
		                 "%s: a token of %zu characters can be guessed: at least %d; try: "
		                 "openssl rand -hex 32 > %s",
		                 path, len, TOKEN_MIN, path);
	if (strspn(token, letters) != len)
		return error_set(err, ERROR_CONFIG,
		                 "%s: a token has letters, digits and -._~+/= alone, on one line",
		                 path);
	return true;
}

bool token_read(const struct args *args, const char **out, struct error *err)
{
	const char *path = args_value(args, "token-file");
	size_t len;

	*out = NULL;
	if (path == NULL)
		return true;
	char *text = file_read(path, FILE_MAX, &len, err);
	if (text == NULL)
		return error_wrap(err, "--token-file");
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		text[--len] = '\0';
	bool ok = check(path, text, len, err) || error_wrap(err, "--token-file");
	if (ok) {
		*out = arena_strndup(args->arena, text, len);
		secret_learn("token", *out);
	}
	free(text);
	return ok;
}
