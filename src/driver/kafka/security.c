/* SPDX-License-Identifier: Apache-2.0 */
/* security -- JAAS lines, key stores and trust stores of the Java client. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "driver/driver.h"
#include "driver/kafka/translate.h"
#include "driver/kafka/translation.h"
#include "util/arena.h"

/* --- sasl.jaas.config ------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* The next token behind *at: a quoted text without its quotes, one of `=;`, or a run of anything
 * else.  NULL at the end; *open is set when a quote is never closed. */
static const char *jaas_token(struct translation *t, const char **at, bool *quoted, bool *open)
{
	const char *s = *at;

	while (is_blank(*s))
		s++;
	*quoted = *s == '"' || *s == '\'';
	if (*s == '\0')
		return NULL;
	if (*quoted) {
		char *out = arena_alloc(t->arena, strlen(s));
		char quote = *s++;
		size_t len = 0;
		while (*s != '\0' && *s != quote) {
			if (*s == '\\' && s[1] != '\0')
				s++;
			out[len++] = *s++;
		}
		*open = *s == '\0';
		*at = *open ? s : s + 1;
		return out;
	}
	size_t len = *s == '=' || *s == ';' ? 1 : strcspn(s, " \t\n\r\f=;\"'");
	*at = s + len;
	return arena_strndup(t->arena, s, len);
}

struct jaas {
	const char *module, *username, *password;
	bool token_auth;
};

/* `Module required key="value" ... ;`  False: an error was added. */
static bool jaas_parse(struct translation *t, const struct java_property *p, struct jaas *out)
{
	const char *at = p->value, *word;
	bool quoted, open = false;

	*out = (struct jaas){ .module = jaas_token(t, &at, &quoted, &open) };
	const char *flag = jaas_token(t, &at, &quoted, &open);
	if (out->module == NULL || flag == NULL)
		goto bad;
	while ((word = jaas_token(t, &at, &quoted, &open)) != NULL && strcmp(word, ";") != 0) {
		const char *equals = jaas_token(t, &at, &quoted, &open);
		const char *value = jaas_token(t, &at, &quoted, &open);
		if (equals == NULL || strcmp(equals, "=") != 0 || value == NULL || open)
			goto bad;
		if (strcmp(word, "username") == 0)
			out->username = value;
		else if (strcmp(word, "password") == 0)
			out->password = value;
		else if (strcmp(word, "tokenauth") == 0)
			out->token_auth = strcasecmp(value, "true") == 0;
	}
	if (word == NULL || jaas_token(t, &at, &quoted, &open) != NULL)
		goto bad;
	return true;
bad:
	translation_fail(
		t, p->line,
		"sasl.jaas.config: expected one `LoginModule required key=\"value\" ...;`");
	return false;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);
	return len >= n && strcmp(text + len - n, end) == 0;
}

/* What librdkafka wants in place of a module that has no user name and password. */
static const char *instead_of(const char *module)
{
	if (ends_with(module, "Krb5LoginModule"))
		return "write sasl.kerberos.keytab and sasl.kerberos.principal instead";
	if (ends_with(module, "OAuthBearerLoginModule"))
		return "write sasl.oauthbearer.method=oidc, sasl.oauthbearer.client.id, "
		       "sasl.oauthbearer.client.secret and sasl.oauthbearer.token.endpoint.url "
		       "instead";
	return "a Java class cannot run here; PlainLoginModule and ScramLoginModule are understood";
}

void rule_jaas(struct translation *t, const struct java_property *p)
{
	struct jaas jaas;

	if (!jaas_parse(t, p, &jaas))
		return;
	if (!ends_with(jaas.module, "PlainLoginModule") &&
	    !ends_with(jaas.module, "ScramLoginModule")) {
		translation_fail(t, p->line, "sasl.jaas.config: %s: %s", jaas.module,
		                 instead_of(jaas.module));
		return;
	}
	if (jaas.token_auth) {
		translation_fail(
			t, p->line,
			"sasl.jaas.config: librdkafka has no delegation tokens (tokenauth)");
		return;
	}
	if (jaas.username == NULL || jaas.password == NULL) {
		translation_fail(t, p->line, "sasl.jaas.config: %s is missing",
		                 jaas.username == NULL ? "username" : "password");
		return;
	}
	translation_put(t, p, "sasl.username", jaas.username, "sasl.jaas.config");
	translation_put(t, p, "sasl.password", jaas.password, "sasl.jaas.config");
}

/* --- stores ----------------------------------------------------------------------------------- */

enum store_type { STORE_PEM, STORE_PKCS12, STORE_JKS };

/* What the file says, else by the name of the store, else what the client takes it for. */
static enum store_type type_of(const struct translation *t, const char *type, const char *path)
{
	static const struct {
		const char *end;
		enum store_type type;
	} ends[] = {
		{ ".pem", STORE_PEM },    { ".crt", STORE_PEM },    { ".cer", STORE_PEM },
		{ ".p12", STORE_PKCS12 }, { ".pfx", STORE_PKCS12 }, { ".pkcs12", STORE_PKCS12 },
		{ ".jks", STORE_JKS },
	};

	if (type != NULL && strcasecmp(type, "PEM") == 0)
		return STORE_PEM;
	if (type != NULL && strcasecmp(type, "PKCS12") == 0)
		return STORE_PKCS12;
	for (size_t i = 0; type == NULL && i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends_with(path, ends[i].end))
			return ends[i].type;
	return type != NULL || t->opts->java_defaults ? STORE_JKS : STORE_PKCS12;
}

static const struct kafka_setting *seen(const struct translation *t, enum kafka_role role,
                                        const char *key)
{
	return kafka_setting_find(&t->seen[role], key);
}

static const char *seen_value(const struct translation *t, enum kafka_role role, const char *key)
{
	return kafka_setting_value(&t->seen[role], key, NULL);
}

static struct java_property property_of(const struct kafka_setting *s, enum kafka_role role)
{
	return (struct java_property){ s->key, s->value, s->line, KAFKA_ROLE_BIT(role) };
}

static void ignore_seen(struct translation *t, enum kafka_role role, const char *key,
                        const char *note)
{
	const struct kafka_setting *s = seen(t, role, key);

	if (s == NULL)
		return;
	struct java_property p = property_of(s, role);
	translation_ignore(t, &p, note);
}

static void lose_seen(struct translation *t, enum kafka_role role, const char *key,
                      const char *note)
{
	const struct kafka_setting *s = seen(t, role, key);

	if (s == NULL)
		return;
	struct java_property p = property_of(s, role);
	translation_lose(t, &p, note);
}

static void finish_truststore(struct translation *t, enum kafka_role role)
{
	const struct kafka_setting *s = seen(t, role, "ssl.truststore.location");

	if (s == NULL) {
		lose_seen(t, role, "ssl.truststore.type", "there is no ssl.truststore.location");
		lose_seen(t, role, "ssl.truststore.password",
		          "there is no ssl.truststore.location");
		return;
	}
	ignore_seen(t, role, "ssl.truststore.type", "part of ssl.truststore.location");
	ignore_seen(t, role, "ssl.truststore.password", "certificates in PEM form have none");
	struct java_property p = property_of(s, role);
	switch (type_of(t, seen_value(t, role, "ssl.truststore.type"), s->value)) {
	case STORE_PEM:
		translation_put(t, &p, "ssl.ca.location", p.value, NULL);
		return;
	case STORE_PKCS12:
		translation_fail(
			t, p.line,
			"ssl.truststore.location: librdkafka wants certificates in PEM form: "
			"openssl pkcs12 -in %s -nokeys -out ca.pem, then "
			"ssl.truststore.type=PEM",
			p.value);
		return;
	case STORE_JKS:
		translation_fail(
			t, p.line,
			"ssl.truststore.location: librdkafka cannot read JKS: "
			"keytool -exportcert -rfc -keystore %s -alias ALIAS -file ca.pem, then "
			"ssl.truststore.type=PEM",
			p.value);
		return;
	}
}

static void finish_keystore(struct translation *t, enum kafka_role role)
{
	const struct kafka_setting *s = seen(t, role, "ssl.keystore.location");
	const struct kafka_setting *password = seen(t, role, "ssl.keystore.password");

	if (s == NULL) {
		lose_seen(t, role, "ssl.keystore.type", "there is no ssl.keystore.location");
		lose_seen(t, role, "ssl.keystore.password", "there is no ssl.keystore.location");
		return;
	}
	ignore_seen(t, role, "ssl.keystore.type", "part of ssl.keystore.location");
	struct java_property p = property_of(s, role);
	switch (type_of(t, seen_value(t, role, "ssl.keystore.type"), s->value)) {
	case STORE_PEM:
		translation_put(t, &p, "ssl.certificate.location", p.value, NULL);
		translation_put(t, &p, "ssl.key.location", p.value, NULL);
		lose_seen(t, role, "ssl.keystore.password", "ssl.key.password opens a PEM key");
		return;
	case STORE_PKCS12:
		translation_put(t, &p, "ssl.keystore.location", p.value, NULL);
		if (password == NULL)
			return;
		p = property_of(password, role);
		translation_put(t, &p, "ssl.keystore.password", p.value, NULL);
		return;
	case STORE_JKS:
		translation_fail(t, p.line,
		                 "ssl.keystore.location: librdkafka cannot read JKS: "
		                 "keytool -importkeystore -srckeystore %s -destkeystore client.p12 "
		                 "-deststoretype PKCS12, then ssl.keystore.type=PKCS12",
		                 p.value);
		return;
	}
}

void security_finish(struct translation *t, enum kafka_role role)
{
	finish_truststore(t, role);
	finish_keystore(t, role);
}
