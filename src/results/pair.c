/* SPDX-License-Identifier: Apache-2.0 */
#include "results/pair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/xalloc.h"

/* Behind a stem there may be "-" and a run id, and the longest ending. */
#define RUN_ID_MAX      ((size_t)32)
#define LONGEST_ENDING  ".json.partial"
#define DRAFT_MAX       ((size_t)32) /* the name of a draft (util/file.h) */

#define PLACEHOLDER     "{\"format\": \"omb-reserved\", \"run\": \"%s\"}\n"
#define PLACEHOLDER_MAX ((size_t)256)

/* How often a name may change hands under us until we give up. */
#define TRIES           5

static const char *const endings[] = {
	[PAIR_COMPLETE] = "",
	[PAIR_INVALID] = ".invalid",
	[PAIR_PARTIAL] = ".partial",
};
#define ENDINGS (sizeof(endings) / sizeof(endings[0]))

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static bool any_json_exists(const char *json)
{
	bool found = false;

	for (size_t i = 0; i < ENDINGS && !found; i++) {
		char *path = xasprintf("%s%s", json, endings[i]);
		found = exists(path);
		free(path);
	}
	return found;
}

/* Without `ending`; 0: it has another. */
static size_t stem_len(const char *path, const char *ending)
{
	size_t len = strlen(path), cut = strlen(ending);

	return len > cut && strcmp(path + len - cut, ending) == 0 ? len - cut : 0;
}

/* `x.json` -> `x.omb`; `x` -> `x.omb`. */
static char *side_of(const char *json)
{
	size_t len = stem_len(json, ".json");

	return xasprintf("%.*s.omb", (int)(len > 0 ? len : strlen(json)), json);
}

char *pair_side_of(const char *path)
{
	for (size_t i = 0; i < ENDINGS; i++) {
		char *ending = xasprintf(".json%s", endings[i]);
		size_t len = stem_len(path, ending);
		free(ending);
		if (len > 0)
			return xasprintf("%.*s.omb", (int)len, path);
	}
	return xstrdup(path);
}

char *pair_json_beside(const char *side_path)
{
	size_t len = stem_len(side_path, ".omb");

	for (size_t i = 0; i < ENDINGS && len > 0; i++) {
		char *path = xasprintf("%.*s.json%s", (int)len, side_path, endings[i]);
		if (exists(path))
			return path;
		free(path);
	}
	return NULL;
}

static char *folder_of(const char *path)
{
	size_t len = (size_t)(file_base(path) - path);

	return len > 0 ? xstrndup(path, len) : xstrdup(".");
}

/* --- names ------------------------------------------------------------------------------------------ */

static bool check_length(const char *output, struct error *err)
{
	char *folder = folder_of(output);
	size_t max = file_name_max(folder), base = strlen(file_base(output));
	size_t longest = base + strlen(".partial");
	size_t path = strlen(output) - base + (longest > DRAFT_MAX ? longest : DRAFT_MAX);

	free(folder);
	if (longest > max)
		return error_set(err, ERROR_USAGE,
		                 "%s: the name is too long: it has %zu bytes, and %zu are left "
		                 "beside its endings",
		                 output, base, max - strlen(".partial"));
	if (path >= PATH_MAX)
		return error_set(err, ERROR_USAGE,
		                 "the path is too long: with its endings it has %zu bytes, and %d "
		                 "are possible",
		                 path, PATH_MAX - 1);
	return true;
}

bool pair_check_named(const char *output, struct error *err)
{
	if (!check_length(output, err))
		return false;

	char *side = side_of(output);
	bool ok = file_check_output(side, err);
	free(side);
	for (size_t i = 0; i < ENDINGS && ok; i++) {
		char *path = xasprintf("%s%s", output, endings[i]);
		ok = file_check_output(path, err);
		free(path);
	}
	return ok;
}

size_t pair_stem_max(const char *folder)
{
	size_t endings_len = 1 + RUN_ID_MAX + strlen(LONGEST_ENDING);
	size_t max = file_name_max(folder);

	return max > endings_len ? max - endings_len : 1;
}

/* --- the placeholder -------------------------------------------------------------------------------- */

/* Whoever reads it shall know what it is.  On a full disk it is an empty file, which will do. */
static void fill(int fd, const char *run_id)
{
	char line[PLACEHOLDER_MAX];
	int len = snprintf(line, sizeof(line), PLACEHOLDER, run_id);

	if (len > 0 && len < (int)sizeof(line) && write(fd, line, (size_t)len) < len)
		(void)!ftruncate(fd, 0);
}

bool pair_is_placeholder(const char *side_path, const char *run_id)
{
	struct error ignored = { 0 };
	size_t len = 0;
	char *text = file_read(side_path, PLACEHOLDER_MAX, &len, &ignored);
	char *wanted = xasprintf(PLACEHOLDER, run_id);
	bool is = text != NULL && strcmp(text, wanted) == 0;

	free(wanted);
	free(text);
	return is;
}

/* False: *err, or untouched when the name is taken. */
static bool make_placeholder(struct pair *p, struct error *err)
{
	int holder;

	p->fd = open(p->side, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (p->fd < 0) {
		if (errno != EEXIST)
			error_set_errno(err, errno, "reserving %s", p->side);
		return false;
	}
	p->made = true;
	(void)file_lock(p->fd, &holder); /* it is new: whoever opens it now waits for us */
	fill(p->fd, p->run_id);
	return true;
}

/* Is the file behind our descriptor still the one with the name? */
static bool is_still_there(const struct pair *p)
{
	struct stat held, named;

	return p->fd >= 0 && fstat(p->fd, &held) == 0 && lstat(p->side, &named) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static void let_go(struct pair *p)
{
	if (p->made && is_still_there(p))
		unlink(p->side);
	file_close(p->fd);
	p->fd = -1;
	p->made = false;
}

static void set_names(struct pair *p, const char *json)
{
	free(p->json);
	free(p->side);
	p->json = xstrdup(json);
	p->side = side_of(json);
}

static bool reserve_free_name(struct pair *p, const char *json, struct error *err)
{
	let_go(p);
	set_names(p, json);
	if (!make_placeholder(p, err))
		return false;
	if (!any_json_exists(p->json))
		return true;
	let_go(p);
	return false;
}

static bool reserve_in_folder(struct pair *p, const char *base, struct error *err)
{
	char *plain = xasprintf("%s.json", base);
	char *with_id = xasprintf("%s-%s.json", base, p->run_id);
	struct error why = { .kind = ERROR_NONE };

	bool ok = reserve_free_name(p, plain, &why) ||
	          (why.kind == ERROR_NONE && reserve_free_name(p, with_id, &why));
	if (!ok && why.kind == ERROR_NONE)
		error_set(&why, ERROR_SYSTEM, "the names %s and %s are taken", plain, with_id);
	if (!ok)
		*err = why;
	free(plain);
	free(with_id);
	return ok;
}

static void begin(struct pair *p, const char *run_id, bool named)
{
	*p = (struct pair){ .fd = -1, .named = named, .run_id = xstrdup(run_id) };
}

bool pair_reserve(struct pair *p, const char *folder, const char *stem, const char *run_id,
                  struct error *err)
{
	size_t len = strlen(folder);
	bool here = strcmp(folder, ".") == 0;
	bool slash = len > 0 && folder[len - 1] == '/';
	char *base = xasprintf("%s%s%s", here ? "" : folder, here || slash ? "" : "/", stem);

	begin(p, run_id, false);
	bool ok = reserve_in_folder(p, base, err);
	free(base);
	if (!ok)
		pair_fini(p);
	return ok;
}

/* An earlier result stays until ours is complete, and is locked meanwhile.  False: *err, or untouched
 * when the file changed hands. */
static bool hold_earlier(struct pair *p, struct error *err)
{
	int holder = 0;

	p->fd = open(p->side, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (p->fd < 0 && errno == EACCES)
		return true; /* a file that is not ours to write can be replaced, but not locked */
	if (p->fd < 0) {
		if (errno != ENOENT)
			error_set_errno(err, errno, "reserving %s", p->side);
		return false;
	}
	if (!file_lock(p->fd, &holder)) {
		let_go(p);
		return error_set(err, ERROR_USAGE,
		                 "%s: the run of process %d is going to write its result there",
		                 p->side, holder);
	}
	if (is_still_there(p))
		return true;
	let_go(p);
	return false;
}

bool pair_reserve_named(struct pair *p, const char *output, const char *run_id, struct error *err)
{
	struct error why = { .kind = ERROR_NONE };
	bool ok = false;

	if (!pair_check_named(output, err))
		return false;
	/* A link stays a link: what it leads to is what is written. */
	char *target = is_link(output) ? realpath(output, NULL) : NULL;
	begin(p, run_id, true);
	set_names(p, target != NULL ? target : output);
	for (int i = 0; i < TRIES && !ok && why.kind == ERROR_NONE; i++)
		ok = make_placeholder(p, &why) || (why.kind == ERROR_NONE && hold_earlier(p, &why));
	free(target);
	if (ok)
		return true;
	if (why.kind == ERROR_NONE)
		error_set(&why, ERROR_SYSTEM, "%s comes and goes", p->side);
	pair_fini(p);
	*err = why;
	return false;
}

/* --- the result ------------------------------------------------------------------------------------- */

/* The name must still be ours.  A whole folder may have come and gone. */
static bool make_sure(struct pair *p, struct error *err)
{
	static const char ending[] = ".json";

	if (p->named || (is_still_there(p) && !any_json_exists(p->json)))
		return true;

	char *base = xstrndup(p->json, strlen(p->json) - strlen(ending));
	bool ok = reserve_in_folder(p, base, err);
	free(base);
	return ok;
}

/* What an earlier run left under the name.  From here on there is no result until ours is there. */
static void remove_earlier(const struct pair *p)
{
	for (size_t i = 0; i < ENDINGS; i++) {
		char *path = xasprintf("%s%s", p->json, endings[i]);
		unlink(path);
		free(path);
	}
}

static bool place(struct pair *p, struct file_draft *json, struct file_draft *side,
                  const char *json_path, struct error *err)
{
	if (p->named)
		remove_earlier(p);
	if (!file_draft_place(side, p->side, FILE_REPLACE, err))
		return false;
	/* The placeholder has become the result. */
	p->made = false;
	if (file_draft_place(json, json_path, p->named ? FILE_REPLACE : FILE_NEW, err))
		return true;
	unlink(p->side);
	return false;
}

static bool write_one(struct file_draft *d, const char *path, pair_content *content,
                      const void *from, struct error *err)
{
	return file_draft_begin(d, path, err) && content(from, d, err) &&
	       file_draft_end(d, path, err);
}

bool pair_write(struct pair *p, enum pair_kind kind, const struct pair_contents *contents,
                struct text *json_path, struct error *err)
{
	struct file_draft json = { .path = NULL }, side = { .path = NULL };

	if (!make_sure(p, err))
		return false;
	text_addf(json_path, "%s%s", p->json, endings[kind]);
	bool ok = write_one(&json, text_str(json_path), contents->json, contents->from, err) &&
	          write_one(&side, p->side, contents->side, contents->from, err) &&
	          place(p, &json, &side, text_str(json_path), err);

	file_draft_fini(&json);
	file_draft_fini(&side);
	if (!ok)
		text_fini(json_path);
	return ok;
}

static int is_side_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && strcmp(entry->d_name + len - 4, ".omb") == 0;
}

void pair_free_name(const char *folder, const char *run_id)
{
	struct dirent **names = NULL;
	int len = scandir(folder, &names, is_side_file, NULL);

	for (int i = 0; i < len; i++) {
		char *path = xasprintf("%s/%s", folder, names[i]->d_name);
		if (pair_is_placeholder(path, run_id))
			unlink(path);
		free(path);
		free(names[i]);
	}
	free(names);
}

void pair_fini(struct pair *p)
{
	if (p->run_id == NULL)
		return;
	let_go(p);
	free(p->json);
	free(p->side);
	free(p->run_id);
	*p = (struct pair){ .fd = -1 };
}
