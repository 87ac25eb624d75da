/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local_notes -- the failures that all agents noted, merged by what they say.
 */
#include <string.h>

#include "util/arena.h"
#include "util/text.h"
#include "worker/local_state.h"

/* Texts of one kind and role that are told apart; the rest is one event more. */
#define TEXTS_MAX 8

/* What one kind of failure came to over all agents of a role. */
struct merged {
	struct fact_event items[TEXTS_MAX + 1]; /* the last one: others */
	size_t count;
};

static void add(struct fact_event *to, const struct agent *a, uint64_t count, uint64_t first_ns)
{
	if (to->count == 0 || first_ns < to->at_ns) {
		to->at_ns = first_ns;
		to->agent = a->spec.index;
		to->generation = a->spec.generation;
	}
	to->count += count;
}

static void add_text(struct merged *m, const struct agent *a, const struct note_text *t)
{
	uint64_t count = note_count(&t->count);
	size_t i = 0;

	if (count == 0)
		return;
	while (i < m->count &&
	       !text_is_same_but_numbers(m->items[i].text, t->text, sizeof(t->text) - 1))
		i++;
	if (i == TEXTS_MAX) {
		add(&m->items[TEXTS_MAX], a, count, t->first_ns);
		return;
	}
	if (i == m->count)
		m->items[m->count++].text = t->text;
	add(&m->items[i], a, count, t->first_ns);
}

static void add_note(struct merged *m, const struct agent *a, const struct note *n)
{
	uint64_t others = note_count(&n->others);

	for (unsigned i = 0; i < NOTE_TEXTS; i++)
		add_text(m, a, &n->texts[i]);
	if (others > 0)
		add(&m->items[TEXTS_MAX], a, others, n->others_first_ns);
}

size_t local_notes_max(void)
{
	return (size_t)2 * NOTE_COUNT * (TEXTS_MAX + 1);
}

static size_t tell(const struct merged *m, enum agent_role role, const char *name,
                   struct arena *arena, struct fact_event *to)
{
	size_t told = 0;

	for (size_t i = 0; i <= TEXTS_MAX; i++) {
		if (m->items[i].count == 0)
			continue;
		to[told] = m->items[i];
		to[told].kind = EVENT_CLIENT;
		to[told].role = role;
		to[told].name = name;
		to[told].is_rest = i == TEXTS_MAX;
		to[told].text = i == TEXTS_MAX ? "others, whose texts were not kept"
		                               : arena_strdup(arena, m->items[i].text);
		told++;
	}
	return told;
}

size_t local_notes(struct local *l, enum agent_role role, struct arena *arena,
                   struct fact_event *to)
{
	size_t told = 0;

	for (int kind = 0; kind < NOTE_COUNT; kind++) {
		struct merged m = { 0 };

		for (size_t i = 0; i < l->supervisor.count; i++) {
			const struct agent *a = l->supervisor.agents[i];
			for (uint32_t k = 0; a->spec.role == role && k < a->shm->shape.loops; k++)
				add_note(&m, a, &a->shm->loop[k].notes[kind]);
		}
		told += tell(&m, role, note_name((enum note_kind)kind), arena, to + told);
	}
	return told;
}
