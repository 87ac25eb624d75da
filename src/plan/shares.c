/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/shares.h"

#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

static const struct {
	enum share_role role;
	const char *name;
} roles_by_name[] = {
	{ SHARE_PRODUCE, "produce" },
	{ SHARE_CONSUME, "consume" },
	{ SHARE_BOTH, "both" },
};

#define ROLES (sizeof(roles_by_name) / sizeof(roles_by_name[0]))

/* --- roles -------------------------------------------------------------------------------------- */

const char *share_role_name(enum share_role role)
{
	for (size_t i = 0; i < ROLES; i++)
		if (roles_by_name[i].role == role)
			return roles_by_name[i].name;
	return "none";
}

static bool find_role(const char *name, size_t len, enum share_role *out)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (strlen(roles_by_name[i].name) != len ||
		    strncmp(roles_by_name[i].name, name, len) != 0)
			continue;
		*out = roles_by_name[i].role;
		return true;
	}
	return false;
}

bool share_role_of(const char *name, enum share_role *out)
{
	return find_role(name, strlen(name), out);
}

void shares_roles(unsigned count, bool more_consumers, enum share_role *out)
{
	unsigned producers = more_consumers ? (count + 2) / 3 : count / 2;

	for (unsigned i = 0; i < count; i++)
		out[i] = i < producers ? SHARE_PRODUCE : SHARE_CONSUME;
	if (count == 1)
		out[0] = SHARE_BOTH;
}

static bool check_roles(const enum share_role *roles, unsigned count, struct error *err)
{
	unsigned all = 0;

	for (unsigned i = 0; i < count; i++)
		all |= roles[i];
	if ((all & SHARE_PRODUCE) == 0)
		return error_set(err, ERROR_CONFIG, "no worker produces");
	if ((all & SHARE_CONSUME) == 0)
		return error_set(err, ERROR_CONFIG, "no worker consumes");
	return true;
}

bool shares_roles_read(const char *text, unsigned count, enum share_role *out, struct error *err)
{
	unsigned n = 0;

	for (const char *word = text; word != NULL; n++) {
		const char *comma = strchr(word, ',');
		size_t len = comma != NULL ? (size_t)(comma - word) : strlen(word);
		enum share_role role;

		if (!find_role(word, len, &role))
			return error_set(
				err, ERROR_CONFIG,
				"\"%.*s\" is no role of a worker: produce, consume or both",
				len < 40 ? (int)len : 40, word);
		if (n < count)
			out[n] = role;
		word = comma != NULL ? comma + 1 : NULL;
	}
	if (n != 1 && n != count)
		return error_set(err, ERROR_CONFIG,
		                 "%u roles for %u worker%s: one for each, or one for all", n, count,
		                 count == 1 ? "" : "s");
	for (unsigned i = 1; n == 1 && i < count; i++)
		out[i] = out[0];
	return check_roles(out, count, err);
}

/* --- slots -------------------------------------------------------------------------------------- */

struct share_slots shares_slots(const enum share_role *roles, unsigned count, enum share_role what,
                                const bool *gone)
{
	struct share_slots s = { .workers = xcalloc(count + 1, sizeof(*s.workers)) };

	for (unsigned i = count; i-- > 0;)
		if ((roles[i] & what) != 0 && (gone == NULL || !gone[i]))
			s.workers[s.count++] = i;
	return s;
}

void shares_slots_fini(struct share_slots *s)
{
	free(s->workers);
	*s = (struct share_slots){ 0 };
}

uint64_t shares_items_of(uint64_t items, unsigned slots, unsigned slot)
{
	return items / slots + (slot < items % slots);
}

unsigned shares_used(uint64_t items, unsigned slots)
{
	return items < slots ? (unsigned)items : slots;
}

uint64_t shares_first_of(uint64_t items, unsigned slots, unsigned slot)
{
	uint64_t rest = items % slots;

	return items / slots * slot + (slot < rest ? slot : rest);
}
