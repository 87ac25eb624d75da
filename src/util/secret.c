/* SPDX-License-Identifier: Apache-2.0 */
#include "util/secret.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/xalloc.h"

#define KEY_MAX    256 /* what is longer is no key */
#define SHORT      4   /* a value below is hidden only where it stands in quotes */
#define NUMBER_MIN 6   /* digits; a shorter number is in every sentence */
#define CUT_MIN    6   /* of a value that was cut, "correct ho..." */

/* --- keys --------------------------------------------------------------------------------------- */

/* Keys without case and separators that have one of these in them are secret, ... */
static const char *const words[] = {
	"pass",
	"pwd",
	"secret",
	"jaas",
	"token",
	"credential",
	"creds",
	"private",
	"apikey",
	"accesskey",
	"sharedkey",
	"accountkey",
	"userinfo",
	"keypem",
	"keystorekey",
	"nkey",
	"authparam",
	"oauthbearerconfig",
	"connectionstring",
};

/* ... but for those whose last word is one of these: where it is, of what kind, or for how long. */
static const char *const ends[] = {
	"location", "file",      "filename", "path",      "url",    "uri",  "endpoint",
	"type",     "ms",        "seconds",  "name",      "class",  "mode", "provider",
	"method",   "mechanism", "format",   "algorithm", "length",
};

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_joint(char c)
{
	return c == '.' || c == '_' || c == '-';
}

static char to_small(char c)
{
	return (char)tolower((unsigned char)c);
}

static void squeeze(const char *key, char out[KEY_MAX])
{
	size_t len = 0;

	for (; *key != '\0' && len < KEY_MAX - 1; key++)
		if (!is_joint(*key))
			out[len++] = to_small(*key);
	out[len] = '\0';
}

/* Behind the last joint, or from the last capital behind a small letter on. */
static const char *last_word(const char *key)
{
	const char *word = key;

	for (const char *c = key; *c != '\0'; c++) {
		if (is_joint(*c))
			word = c + 1;
		else if (c > key && is_upper(*c) && !is_upper(c[-1]))
			word = c;
	}
	return word;
}

bool secret_is_key(const char *key)
{
	char plain[KEY_MAX];
	const char *last = last_word(key);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcasecmp(last, ends[i]) == 0)
			return false;
	squeeze(key, plain);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(plain, words[i]) != NULL)
			return true;
	return false;
}

const char *secret_shown(const char *key, const char *value)
{
	return value != NULL && *value != '\0' && secret_is_key(key) ? SECRET_MASK : value;
}

/* --- arguments ---------------------------------------------------------------------------------- */

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* `key=value`, `key: value`, `"key": value`, `key value`. */
static bool is_separator(char c)
{
	return c == '=' || c == ':' || is_blank(c);
}

/* The word that ends at `end`, with the quotes around it and the blanks behind taken off. */
static bool is_secret_before(const char *text, size_t end)
{
	char key[KEY_MAX];

	while (end > 0 &&
	       (is_blank(text[end - 1]) || text[end - 1] == '"' || text[end - 1] == '\''))
		end--;
	size_t start = end;
	while (start > 0 && is_key_char(text[start - 1]))
		start--;
	if (start == end || end - start >= KEY_MAX)
		return false;
	memcpy(key, text + start, end - start);
	key[end - start] = '\0';
	return secret_is_key(key);
}

/* From behind `at` on, where a value begins; what is between belongs to the separator. */
static size_t value_behind(const char *text, size_t at)
{
	at++;
	while (is_blank(text[at]))
		at++;
	/* `key = value` */
	if (text[at] == '=' || text[at] == ':')
		at++;
	while (is_blank(text[at]))
		at++;
	return at;
}

size_t secret_argument(const char *argument)
{
	size_t at;

	for (at = 0; argument[at] != '\0'; at++)
		if (is_separator(argument[at]) && is_secret_before(argument, at))
			return value_behind(argument, at);
	return at;
}

void secret_add_argument(struct text *out, const char *argument)
{
	size_t shown = secret_argument(argument);
	char *front = xstrndup(argument, shown);

	secret_add(out, front);
	if (argument[shown] != '\0')
		text_add(out, SECRET_MASK);
	free(front);
}

/* --- what was learned ------------------------------------------------------------------------------ */

static struct {
	char **values; /* owned, to the end of the process; the longest first */
	size_t count, cap;
} learned;

/* Values that are no secret whatever their key: they would be hidden in every sentence. */
static bool is_plain_word(const char *value)
{
	static const char *const plain[] = { "true", "false", "none", "null", "default",
		                             "yes",  "no",    "****", "all",  "required" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcasecmp(value, plain[i]) == 0)
			return true;
	return strspn(value, "0123456789") == strlen(value) && strlen(value) < NUMBER_MIN;
}

static void remember(const char *value)
{
	size_t at = 0;

	if (is_plain_word(value))
		return;
	while (at < learned.count && strlen(learned.values[at]) >= strlen(value)) {
		if (strcmp(learned.values[at], value) == 0)
			return;
		at++;
	}
	if (learned.count == learned.cap) {
		learned.cap = learned.cap > 0 ? 2 * learned.cap : 8;
		learned.values = xrealloc(learned.values, learned.cap * sizeof(char *));
	}
	memmove(&learned.values[at + 1], &learned.values[at],
	        (learned.count - at) * sizeof(char *));
	learned.count++;
	learned.values[at] = xstrdup(value);
}

static void remember_part(const char *from, size_t len)
{
	char *part = xstrndup(from, len);

	remember(part);
	free(part);
}

/* Without the quotes around it; a backslash stands for what follows. */
static void remember_quoted(const char *from)
{
	struct text value = { 0 };
	char quote = *from;

	for (const char *s = from + 1; *s != '\0' && *s != quote; s++) {
		if (*s == '\\' && s[1] != '\0')
			s++;
		text_add_bytes(&value, s, 1);
	}
	remember(text_str(&value));
	text_fini(&value);
	/* And as it is written. */
	const char *end = strchr(from + 1, quote);
	if (end != NULL)
		remember_part(from + 1, (size_t)(end - from - 1));
}

static size_t trimmed(const char *value)
{
	size_t len = strlen(value);

	while (len > 0 && is_blank(value[len - 1]))
		len--;
	return len;
}

/* A value from its first byte on, however it is written. */
static void remember_value(const char *value)
{
	remember(value);
	remember_part(value, trimmed(value));
	remember_part(value, strcspn(value, "\r\n"));
	if (*value == '"' || *value == '\'')
		remember_quoted(value);
}

/* `password="x" other=y;` in the middle of a value. */
static void remember_inner(const char *value)
{
	const char *at = value;
	size_t shown;

	while (at[shown = secret_argument(at)] != '\0') {
		at += shown;
		if (*at == '"' || *at == '\'')
			remember_quoted(at);
		else
			remember_part(at, strcspn(at, " \t\n\r\f;,&"));
		at++;
	}
}

/* The password of `scheme://user:password@host`, if `text` begins behind the slashes; of
 * `scheme://token@host` all before the host. */
static size_t password_of(const char *text, const char **password)
{
	size_t len = strcspn(text, "/ \t\n\r\"'<>,"), colon = strcspn(text, ":");

	while (len > 0 && text[len - 1] != '@')
		len--;
	if (len == 0)
		return 0;
	*password = colon < len ? text + colon + 1 : text;
	return (size_t)(text + len - 1 - *password);
}

static void remember_addresses(const char *value)
{
	const char *password;

	for (const char *at = strstr(value, "://"); at != NULL; at = strstr(at, "://")) {
		at += strlen("://");
		size_t len = password_of(at, &password);
		/* A token may be no more than a name, which other texts need. */
		if (len > 0 && password > at)
			remember_part(password, len);
	}
}

void secret_learn(const char *key, const char *value)
{
	if (value == NULL)
		return;
	remember_addresses(value);
	if (!secret_is_key(key))
		return;
	remember_value(value);
	remember_inner(value);
}

void secret_learn_argument(const char *argument)
{
	size_t shown = secret_argument(argument);

	remember_addresses(argument);
	if (argument[shown] == '\0')
		return;
	remember_value(argument + shown);
	remember_inner(argument + shown);
}

/* --- hiding ------------------------------------------------------------------------------------- */

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_cut(const char *text)
{
	return strncmp(text, "...", 3) == 0 || strncmp(text, "\xe2\x80\xa6", 3) == 0;
}

/* How much of `at` is the secret: all of it, or as much as a message that cuts values shows. */
static size_t match(const char *text, const char *at, const char *secret)
{
	size_t len = 0;

	/* Messages write '?' for what is not printed. */
	while (secret[len] != '\0' &&
	       (at[len] == secret[len] || (at[len] == '?' && is_control(secret[len]))))
		len++;
	if (secret[len] != '\0')
		return len >= CUT_MIN && is_cut(at + len) ? len : 0;
	if (len >= SHORT)
		return len;
	bool quoted = at > text && (at[-1] == '"' || at[-1] == '\'') && at[len] == at[-1];
	return quoted ? len : 0;
}

static size_t match_any(const char *text, const char *at)
{
	for (size_t i = 0; i < learned.count; i++) {
		size_t len = match(text, at, learned.values[i]);
		if (len > 0)
			return len;
	}
	return 0;
}

/* Behind `scheme://user:` or `scheme://`: the length of the password or token. */
static size_t match_address(const char *text, const char *at)
{
	const char *slashes = at, *password;

	if (at == text || (at[-1] != ':' && at[-1] != '/'))
		return 0;
	while (slashes > text && !is_blank(slashes[-1]) && strncmp(slashes, "://", 3) != 0)
		slashes--;
	if (strncmp(slashes, "://", 3) != 0)
		return 0;
	size_t len = password_of(slashes + 3, &password);
	return len > 0 && password == at ? len : 0;
}

void secret_add(struct text *out, const char *text)
{
	for (const char *at = text; *at != '\0';) {
		size_t len = match_address(text, at);
		if (len == 0)
			len = match_any(text, at);
		if (len > 0)
			text_add(out, SECRET_MASK);
		else
			text_add_bytes(out, at, 1);
		at += len > 0 ? len : 1;
	}
}
