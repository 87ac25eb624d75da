/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/fault_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "util/xalloc.h"

struct fault_log {
	FILE *file;
	char *path;
};

struct fault_log *fault_log_open(const char *path, struct error *err)
{
	if (!file_check_output(path, err))
		return NULL;

	FILE *file = fopen(path, "we");
	if (file == NULL) {
		error_set_errno(err, errno, "%s", path);
		return NULL;
	}
	setvbuf(file, NULL, _IOLBF, 0); /* what a killed broker has done is there, too */
	struct fault_log *l = xcalloc(1, sizeof(*l));
	l->file = file;
	l->path = xstrdup(path);
	return l;
}

static const char *form_of(enum fault_kind kind)
{
	const struct fault_help *h = fault_helps;

	while (h->kind != kind)
		h++;
	return h->form;
}

static void put_name(FILE *file, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\' || (unsigned char)*name < ' ')
			fprintf(file, "\\u%04x", (unsigned)*name);
		else
			fputc(*name, file);
	}
}

void fault_log_add(struct fault_log *l, const struct fault_event *e)
{
	if (l == NULL)
		return;

	const char *form = form_of(e->kind);
	fprintf(l->file, "{\"fault\":\"%.*s\",\"topic\":\"", (int)strcspn(form, ":"), form);
	put_name(l->file, e->topic);
	fprintf(l->file, "\",\"partition\":%" PRId32, e->partition);
	if (e->offset >= 0)
		fprintf(l->file, ",\"offset\":%" PRId64, e->offset);
	if (e->messages > 0)
		fprintf(l->file, ",\"messages\":%" PRIu64, e->messages);
	if (e->who.is_known)
		fprintf(l->file, ",\"producer\":%" PRIu32 ",\"sequence\":%" PRIu64, e->who.producer,
		        e->who.sequence);
	if (e->overtaken_by.is_known)
		fprintf(l->file, ",\"overtakenBy\":%" PRIu64, e->overtaken_by.sequence);
	fputs("}\n", l->file);
}

bool fault_log_close(struct fault_log *l, struct error *err)
{
	if (l == NULL)
		return true;

	bool ok = ferror(l->file) == 0;
	errno = 0;
	ok = fclose(l->file) == 0 && ok;
	if (!ok)
		error_set_errno(err, errno != 0 ? errno : EIO, "writing %s", l->path);
	free(l->path);
	free(l);
	return ok;
}
