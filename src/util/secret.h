/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_SECRET_H
#define OMB_UTIL_SECRET_H

/*
 * secret -- what must not be shown: passwords, private keys, tokens.  The one place that decides it.
 *
 * There are two ways that a secret could get out.  Where its key is known, the value is masked by the
 * key (secret_shown, secret_argument).  In a text whose author did not know that (the message of a
 * client library), it is found by its value: whoever reads a configuration tells its secrets
 * (secret_learn), and whoever writes a message hides them (secret_add).  A property that is masked
 * without need hurts less than one that is not.
 *
 * What was learned is of this process and goes into its children.  Set-up only, one thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/text.h"

#define SECRET_MASK "****"

/* By its words: sasl.password, ssl.key.pem, sasl.jaas.config, authToken; not ssl.key.location. */
bool secret_is_key(const char *key);

/* The mask if the key's value is a secret and not empty, else the value.  Borrowed. */
const char *secret_shown(const char *key, const char *value);

/*
 * How much of an argument (or a line of a configuration) may be shown: up to behind the separator of
 * the first key whose value is a secret.  The rest, with all that follows, is not shown.
 */
size_t secret_argument(const char *argument);
/* The argument as it may be shown. */
void secret_add_argument(struct text *out, const char *argument);

/* Remembers the secrets in `value`: all of it if the key says so, those of a JAAS line, the password of
 * an address (scheme://user:password@host). */
void secret_learn(const char *key, const char *value);
/* Remembers what secret_argument keeps back. */
void secret_learn_argument(const char *argument);

/* The text with everything hidden that was learned, and with the passwords and tokens of addresses. */
void secret_add(struct text *out, const char *text);

#endif
