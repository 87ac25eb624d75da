/* SPDX-License-Identifier: Apache-2.0 */
#include "run/output.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "config/driver_file.h"
#include "config/workload.h"
#include "results/result.h"
#include "run/state.h"
#include "util/file.h"

/* Is -o a folder?  One that exists, or a name that ends with a slash. */
static bool output_is_folder(const char *output)
{
	struct stat st;
	size_t len = strlen(output);

	if (len > 0 && output[len - 1] == '/')
		return true;
	return stat(output, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *output_folder(struct run *r, struct error *err)
{
	const char *output = r->options->output;
	const char *folder = ".";

	if (output && output_is_folder(output))
		folder = output;
	else if (output && file_base(output) > output)
		folder = arena_strndup(&r->arena, output, (size_t)(file_base(output) - output));
	return file_make_dirs(folder, err) ? folder : NULL;
}

/* How much of `text` fits into `max` bytes, whole characters of UTF-8 only. */
static size_t fitting(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
		max--;
	return max;
}

/* `<workload>-<driver>-<time>`, as OMB names it; a slash in a name would be a folder.  Names that are too
 * long for the file system are cut, the longer one first. */
static void format_stem(const struct run *r, size_t max, struct text *out)
{
	const char *workload = r->options->workload->file_name;
	const char *driver = r->options->driver->name;
	time_t now = (time_t)(state_wall_ns(r) / 1000000000u);
	char date[32] = "";
	struct tm tm;

	if (localtime_r(&now, &tm))
		(void)strftime(date, sizeof(date), "-%Y-%m-%d-%H-%M-%S", &tm);
	size_t room = max > strlen(date) + 1 ? max - strlen(date) - 1 : 0;
	size_t workload_len = fitting(workload, room), driver_len = fitting(driver, room);
	if (workload_len + driver_len > room) {
		size_t half = room / 2;
		if (driver_len <= half)
			workload_len = fitting(workload, room - driver_len);
		else if (workload_len <= half)
			driver_len = fitting(driver, room - workload_len);
		else
			workload_len = fitting(workload, half), driver_len = fitting(driver, half);
	}
	text_addf(out, "%.*s-%.*s%s", (int)workload_len, workload, (int)driver_len, driver, date);
	for (char *c = out->data; *c; c++) {
		if (*c == '/')
			*c = '-';
	}
}

bool output_reserve(struct run *r, const char *folder, struct error *err)
{
	const char *output = r->options->output;
	struct text stem = { 0 };

	if (output && !output_is_folder(output))
		return pair_reserve_named(&r->pair, output, r->options->run_id, err);
	format_stem(r, pair_stem_max(folder), &stem);
	bool ok = pair_reserve(&r->pair, folder, text_str(&stem), r->options->run_id, err);
	text_fini(&stem);
	return ok;
}

bool output_write(struct run *r, const struct record *record, struct text *result_path,
                  struct text *side_path, struct error *err)
{
	/* Again: the folder may have gone since the start. */
	if (!output_folder(r, err) || !result_write(&r->pair, record, result_path, err))
		return false;
	text_add(side_path, r->pair.side);
	return true;
}
