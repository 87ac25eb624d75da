/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "load/stamp.h"
#include "util/text.h"
#include "worker/ensemble_state.h"

/* So many say their reason, and so many are told by address; all have their number. */
#define REASONS_MAX 2
#define LABELS_MAX  4
#define REASON_LEN  120

enum named { FAILED, OWING, GONE };

static bool is_named(const struct ensemble_one *m, bool of_stop, enum named which)
{
	enum ensemble_part part = of_stop ? m->stop_part : m->part;

	if (which == GONE)
		return m->lost;
	if (which == OWING)
		return part == PART_WAITING || part == PART_ASKED;
	return part == PART_FAILED || m->untold || (of_stop && part == PART_LOST);
}

static const struct error *reason_of(const struct ensemble_one *m)
{
	return m->lost ? &m->lost_err : &m->err;
}

/* "3-5, 9" */
static void add_numbers(const struct ensemble *e, const bool *named, struct text *out)
{
	const char *comma = "";

	for (unsigned i = 0; i < e->count; i++) {
		unsigned last = i;

		if (!named[i])
			continue;
		while (last + 1 < e->count && named[last + 1])
			last++;
		text_addf(out, "%s%u", comma, i);
		if (last > i)
			text_addf(out, "-%u", last);
		comma = ", ";
		i = last;
	}
}

/* "worker 1 (http://b:8080), worker 4 (http://e:8080)", or "workers 3-5, 9". */
static void add_names(const struct ensemble *e, const bool *named, unsigned count, struct text *out)
{
	const char *comma = "";

	if (count == 0)
		return;
	if (count > LABELS_MAX) {
		text_add(out, "workers ");
		add_numbers(e, named, out);
		return;
	}
	for (unsigned i = 0; i < e->count; i++) {
		if (!named[i])
			continue;
		text_addf(out, "%s%s", comma, e->members[i].label);
		comma = ", ";
	}
}

static unsigned choose(const struct ensemble *e, bool of_stop, enum named which, bool *named)
{
	unsigned count = 0;

	for (unsigned i = 0; i < e->count; i++) {
		named[i] = is_named(&e->members[i], of_stop, which);
		count += named[i];
	}
	return count;
}

/* The first with their reasons, which are taken out of `named`. */
static unsigned add_reasons(const struct ensemble *e, bool *named, struct text *out)
{
	unsigned told = 0;

	for (unsigned i = 0; i < e->count && told < REASONS_MAX; i++) {
		const struct ensemble_one *m = &e->members[i];

		if (!named[i])
			continue;
		text_addf(out, "%s%s%s: %.*s", told > 0 ? "; " : "", m->label,
		          m->lost ? " was lost" : "", REASON_LEN, reason_of(m)->text);
		named[i] = false;
		told++;
	}
	return told;
}

static enum error_kind kind_of(const struct ensemble *e, const bool *failed)
{
	for (unsigned i = 0; i < e->count; i++)
		if (failed[i])
			return reason_of(&e->members[i])->kind;
	return ERROR_TIMEOUT;
}

static bool somebody_lives(const struct ensemble *e)
{
	for (unsigned i = 0; i < e->count; i++)
		if (!e->members[i].lost)
			return true;
	return false;
}

bool ensemble_tell_failure(const struct ensemble *e, bool of_stop, struct error *err)
{
	bool named[STAMP_WORKERS] = { false };
	struct text words = { 0 };
	unsigned failed = choose(e, of_stop, FAILED, named);
	enum error_kind kind = kind_of(e, named);
	unsigned told = add_reasons(e, named, &words);

	if (failed > told) {
		text_add(&words, "; failed, too: ");
		add_names(e, named, failed - told, &words);
	}
	unsigned owing = choose(e, of_stop, OWING, named);
	if (owing > 0) {
		text_addf(&words, "%sno answer from ", failed > 0 ? "; " : "");
		add_names(e, named, owing, &words);
	}
	if (failed + owing == 0 || !somebody_lives(e)) {
		text_fini(&words);
		failed = choose(e, of_stop, GONE, named);
		kind = kind_of(e, named);
		text_add(&words, "no worker is left: ");
		told = add_reasons(e, named, &words);
		text_add(&words, failed > told ? "; lost, too: " : "");
		add_names(e, named, failed - told, &words);
	}
	(void)error_set(err, kind, "%s", text_str(&words));
	text_fini(&words);
	return false;
}
