/* SPDX-License-Identifier: Apache-2.0 */
#include "config/workers_file.h"

#include <stdlib.h>
#include <string.h>

#include "config/option.h"
#include "config/yaml.h"
#include "util/arena.h"
#include "util/file.h"

#define PORT_MAX 65535

struct file {
	const struct yaml_node *workers;
};

static const struct option_spec workers_table[] = {
	{
		.name = "workers",
		.type = OPTION_NODE,
		.offset = offsetof(struct file, workers),
		.flags = OPTION_OMB,
		.help = "addresses of workers, in their order",
	},
	{ 0 },
};

/* --- addresses ------------------------------------------------------------------------------------ */

static bool refuse(const char *url, const char *why, struct error *err)
{
	return error_set(err, ERROR_CONFIG,
	                 "\"%.200s\" is no address of a worker: %s; expected http://HOST:PORT", url,
	                 why);
}

/* Behind "http://" or "https://"; NULL = neither is there. */
static const char *behind_scheme(const char *url)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			return url + strlen(schemes[i]);
	return NULL;
}

static bool is_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && port > 0 && port <= PORT_MAX;
}

static bool check_url(const char *url, struct error *err)
{
	const char *host = behind_scheme(url);
	static const char odd[] = " \t\r\n\"<>\\^`{|}";

	if (url[0] == '\0')
		return error_set(err, ERROR_CONFIG, "a worker without an address");
	if (host == NULL)
		return refuse(url, "it does not begin with http:// or https://", err);
	if (url[strcspn(url, odd)] != '\0')
		return refuse(url, "it has characters that an address cannot have", err);
	if (host[strcspn(host, "/?#")] != '\0')
		return refuse(url, "something follows the port", err);
	if (strchr(host, '@') != NULL)
		return refuse(url, "it has a user's name in it", err);
	const char *colon = strrchr(host, ':');
	if (colon == NULL || strchr(colon, ']') != NULL)
		return refuse(url, "it has no port", err);
	if (colon == host)
		return refuse(url, "it has no host", err);
	if (!is_port(colon + 1))
		return refuse(url, "the port is no number from 1 to 65535", err);
	if (strchr(host, ':') != colon && (host[0] != '[' || colon[-1] != ']'))
		return refuse(url, "an IPv6 address stands in brackets: http://[::1]:8080", err);
	return true;
}

bool workers_list_add(struct workers_list *out, const char *url, struct arena *a, struct error *err)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	char *clean = arena_strndup(a, url, len);
	if (!check_url(clean, err))
		return false;
	for (size_t i = 0; i < out->count; i++)
		if (strcmp(out->urls[i], clean) == 0)
			return error_set(err, ERROR_CONFIG, "the worker %s stands there twice",
			                 clean);
	out->urls[out->count++] = clean;
	return true;
}

/* --- files ---------------------------------------------------------------------------------------- */

static void add_at(const struct yaml_node *node, struct error *err, struct error_list *errors)
{
	err->line = node->line;
	err->column = node->column;
	error_list_add(errors, err);
}

static void read_item(const struct yaml_node *item, struct arena *a, struct workers_list *out,
                      struct error_list *errors)
{
	struct error err = { 0 };

	if (item->kind != YAML_SCALAR)
		error_set(&err, ERROR_CONFIG, "workers: expected the address of a worker, found %s",
		          yaml_kind_name(item));
	else if (!workers_list_add(out, item->text, a, &err))
		error_wrap(&err, "workers");
	if (err.kind != ERROR_NONE)
		add_at(item, &err, errors);
}

static void read_items(const struct yaml_node *list, struct arena *a, struct workers_list *out,
                       struct error_list *errors)
{
	struct error err = { 0 };

	if (list->kind != YAML_LIST) {
		error_set(&err, ERROR_CONFIG, "workers: expected a list of addresses, found %s",
		          yaml_kind_name(list));
		add_at(list, &err, errors);
		return;
	}
	if (list->count == 0) {
		error_set(&err, ERROR_CONFIG, "workers: the list is empty");
		add_at(list, &err, errors);
	}
	out->urls = arena_alloc(a, (list->count + 1) * sizeof(*out->urls));
	for (size_t i = 0; i < list->count; i++)
		read_item(list->items[i], a, out, errors);
}

/* NOLINTNEXTLINE(readability-function-size): what all readers of files are given */
bool workers_file_parse(const char *text, size_t len, const struct config_mode *mode,
                        struct arena *a, struct workers_list *out, struct error_list *errors,
                        struct error_list *warnings)
{
	struct option_reader reader = {
		.table = workers_table,
		.lenient = mode->lenient,
		.arena = a,
		.errors = errors,
		.warnings = warnings,
	};
	size_t errors_before = errors->count;
	struct file file = { 0 };
	struct error err = { 0 };
	struct yaml_doc doc;

	*out = (struct workers_list){ 0 };
	if (!yaml_parse(text, len, a, &doc, &err)) {
		error_list_add(errors, &err);
		return false;
	}
	if (doc.more_line != 0) {
		error_set(&err, ERROR_CONFIG, "a second document starts here; only one is read");
		err.line = doc.more_line;
		err.column = 1;
		error_list_add(mode->lenient ? warnings : errors, &err);
	}
	bool ok = option_read(&reader, doc.root, &file);
	if (file.workers != NULL) {
		read_items(file.workers, a, out, errors);
	} else if (ok) {
		error_set(&err, ERROR_CONFIG, "workers is missing: a list of addresses");
		error_list_add(errors, &err);
	}
	return errors->count == errors_before;
}

bool workers_file_load(const char *path, const struct config_mode *mode, struct arena *a,
                       struct workers_list *out, struct error_list *errors,
                       struct error_list *warnings)
{
	size_t errors_before = errors->count, warnings_before = warnings->count, len;
	struct error err = { 0 };
	char *text = file_read(path, YAML_MAX_BYTES, &len, &err);

	*out = (struct workers_list){ 0 };
	if (text == NULL) {
		/* A file that is not there is a wrong argument, not a failing system. */
		err.kind = ERROR_CONFIG;
		err.os_errno = 0;
		error_wrap(&err, "workers file");
		error_list_add(errors, &err);
		return false;
	}
	bool ok = workers_file_parse(text, len, mode, a, out, errors, warnings);
	free(text);
	config_wrap(errors, errors_before, "workers file", path);
	config_wrap(warnings, warnings_before, "workers file", path);
	return ok;
}
