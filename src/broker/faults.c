/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/units.h"
#include "util/xalloc.h"

enum fault_value { VALUE_NONE, VALUE_TIME, VALUE_EVERY, VALUE_SHARE };

/* clang-format off */
static const struct {
	const char *name;
	enum fault_kind kind;
	enum fault_value value;
} kinds[] = {
	{ "delay",     FAULT_DELAY,     VALUE_TIME },
	{ "stall",     FAULT_STALL,     VALUE_TIME },
	{ "refuse",    FAULT_REFUSE,    VALUE_NONE },
	{ "close",     FAULT_CLOSE,     VALUE_EVERY },
	{ "error",     FAULT_ERROR,     VALUE_SHARE },
	{ "lose",      FAULT_LOSE,      VALUE_EVERY },
	{ "duplicate", FAULT_DUPLICATE, VALUE_EVERY },
};

const struct fault_help fault_helps[] = {
	{ "delay",     "TIME", "every request is handled so late" },
	{ "stall",     "TIME", "nothing is handled for so long; needs @START" },
	{ "refuse",    NULL,   "new connections are closed at once" },
	{ "close",     "N",    "every Nth request closes its connection unanswered" },
	{ "error",     "M/N",  "M of N produced batches are refused with NOT_LEADER_OR_FOLLOWER" },
	{ "lose",      "N",    "every Nth batch is acknowledged and thrown away" },
	{ "duplicate", "N",    "every Nth batch is stored twice" },
	{ NULL, NULL, NULL },
};
/* clang-format on */

struct faults {
	struct fault *items;
	size_t count;
	uint64_t start_ns, lots;
	uint64_t requests, batches;
};

static bool parse_count(const char *text, uint64_t *out)
{
	char *end;

	if (*text < '1' || *text > '9')
		return false;
	*out = strtoull(text, &end, 10);
	return *end == '\0' && *out <= UINT32_MAX;
}

static bool parse_share(char *text, struct fault *out)
{
	char *slash = strchr(text, '/');

	if (slash == NULL)
		return false;
	*slash = '\0';
	return parse_count(text, &out->count) && parse_count(slash + 1, &out->of) &&
	       out->count <= out->of;
}

static bool parse_value(enum fault_value wanted, char *value, struct fault *out)
{
	switch (wanted) {
	case VALUE_NONE:
		return value == NULL;
	case VALUE_TIME:
		return value != NULL && parse_duration(value, NULL, &out->ns) == UNITS_OK &&
		       out->ns > 0;
	case VALUE_EVERY:
		out->count = 1;
		return value != NULL && parse_count(value, &out->of);
	case VALUE_SHARE:
		return value != NULL && parse_share(value, out);
	}
	abort();
}

/* "10s" or "5s+2s". */
static bool parse_span(char *span, struct fault *out)
{
	char *plus = strchr(span, '+');

	out->length_ns = UINT64_MAX;
	if (plus != NULL) {
		*plus = '\0';
		if (parse_duration(plus + 1, NULL, &out->length_ns) != UNITS_OK)
			return false;
	}
	return parse_duration(span, NULL, &out->start_ns) == UNITS_OK;
}

static bool parse_parts(char *text, struct fault *out)
{
	char *at = strchr(text, '@');
	size_t i = 0;

	*out = (struct fault){ .length_ns = UINT64_MAX };
	if (at != NULL) {
		*at = '\0';
		if (!parse_span(at + 1, out))
			return false;
	}
	char *value = strchr(text, ':');
	if (value != NULL)
		*value++ = '\0';
	while (i < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[i].name, text) != 0)
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]) || !parse_value(kinds[i].value, value, out))
		return false;
	out->kind = kinds[i].kind;
	if (out->kind == FAULT_STALL) {
		out->length_ns = out->ns;
		return at != NULL;
	}
	return true;
}

bool fault_parse(const char *text, struct fault *out, struct error *err)
{
	char *copy = xstrdup(text);
	bool ok = parse_parts(copy, out);

	free(copy);
	if (!ok)
		return error_set(err, ERROR_USAGE,
		                 "fault \"%s\": expected delay:TIME, stall:TIME@START, refuse, "
		                 "close:N, error:M/N, lose:N or duplicate:N, with @START[+LENGTH] "
		                 "behind it if it is not for the whole time",
		                 text);
	return true;
}

struct faults *faults_create(const struct fault *faults, size_t count, uint64_t seed,
                             uint64_t now_ns)
{
	struct faults *f = xcalloc(1, sizeof(*f));

	f->items = xcalloc(count + 1, sizeof(*f->items));
	for (size_t i = 0; i < count; i++)
		f->items[i] = faults[i];
	f->count = count;
	f->start_ns = now_ns;
	f->lots = seed;
	return f;
}

void faults_destroy(struct faults *f)
{
	if (f == NULL)
		return;
	free(f->items);
	free(f);
}

static uint64_t begin_of(const struct faults *f, const struct fault *fault)
{
	return f->start_ns + fault->start_ns;
}

static bool is_on(const struct faults *f, const struct fault *fault, uint64_t now_ns)
{
	uint64_t begin = begin_of(f, fault);

	return now_ns >= begin && now_ns - begin < fault->length_ns;
}

uint64_t faults_hold_ns(const struct faults *f, uint64_t arrived_ns, uint64_t now_ns)
{
	uint64_t until = 0;

	for (size_t i = 0; i < f->count; i++) {
		const struct fault *fault = &f->items[i];
		uint64_t end = 0;
		if (fault->kind == FAULT_STALL && is_on(f, fault, now_ns))
			end = begin_of(f, fault) + fault->length_ns;
		else if (fault->kind == FAULT_DELAY && is_on(f, fault, arrived_ns))
			end = arrived_ns + fault->ns;
		if (end > until)
			until = end;
	}
	return until > now_ns ? until : 0;
}

bool faults_refuse(const struct faults *f, uint64_t now_ns)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].kind == FAULT_REFUSE && is_on(f, &f->items[i], now_ns))
			return true;
	return false;
}

bool faults_close(struct faults *f, uint64_t now_ns)
{
	f->requests++;
	for (size_t i = 0; i < f->count; i++) {
		const struct fault *fault = &f->items[i];
		if (fault->kind == FAULT_CLOSE && is_on(f, fault, now_ns) &&
		    f->requests % fault->of == 0)
			return true;
	}
	return false;
}

/* A linear congruential generator (Knuth's constants); its upper half is good enough for lots. */
static uint64_t draw(struct faults *f)
{
	f->lots = f->lots * 6364136223846793005U + 1442695040888963407U;
	return f->lots >> 33;
}

enum fault_of_batch faults_batch(struct faults *f, uint64_t now_ns)
{
	f->batches++;
	for (size_t i = 0; i < f->count; i++) {
		const struct fault *fault = &f->items[i];
		if (!is_on(f, fault, now_ns))
			continue;
		if (fault->kind == FAULT_ERROR && draw(f) % fault->of < fault->count)
			return BATCH_REFUSED;
		if (fault->kind == FAULT_LOSE && f->batches % fault->of == 0)
			return BATCH_LOST;
		if (fault->kind == FAULT_DUPLICATE && f->batches % fault->of == 0)
			return BATCH_DOUBLED;
	}
	return BATCH_GOOD;
}
