/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_unheard.h"

#include <stdlib.h>

#include "account/book.h"
#include "util/xalloc.h"
#include "worker/local_state.h"

/* One partition of a subscription. */
struct place {
	uint64_t heard_ns;         /* the last receipt of any member; 0 = there was none */
	const struct agent *agent; /* whose that was; else, one of the members */
	uint32_t client;
	uint64_t owed_ns; /* since when; 0 = nothing is */
};

struct looking {
	struct local *l;
	struct place *places; /* [subscription][partition] */
	uint32_t partitions;
};

/* A broker without partitions has one. */
static uint32_t partitions_of(const struct local *l)
{
	return l->partitions > 1 ? l->partitions : 1;
}

static uint64_t heard_ns(const struct agent *a, uint32_t client, uint32_t partition)
{
	const uint64_t *heard = agent_shm_heard(a->shm, client);
	uint32_t known = a->shm->shape.partitions;
	uint64_t ns = heard[partition < known ? partition : known];

	/* Where there is but one, what came of an unknown one came of it. */
	return known <= 1 && heard[known] > ns ? heard[known] : ns;
}

static void look_at_client(struct looking *to, const struct agent *a, uint32_t client)
{
	uint32_t subscription = to->l->subscription_of[a->spec.clients[client].id];

	for (uint32_t p = 0; p < to->partitions; p++) {
		struct place *place = &to->places[(size_t)subscription * to->partitions + p];
		uint64_t ns = heard_ns(a, client, p);
		/* Of those that heard nothing the last one: whoever died has a successor. */
		if (place->agent != NULL && ns < place->heard_ns)
			continue;
		*place = (struct place){ .heard_ns = ns, .agent = a, .client = client };
	}
}

static void owe(void *to, const struct book_range *r)
{
	const struct looking *at = to;
	const struct local_account *account = &at->l->account;
	uint32_t subscription =
		account->first_of[at->l->roster.of->topic_of[r->producer]] + r->subscription;

	if (r->partition < 0 || (uint32_t)r->partition >= at->partitions)
		return;
	struct place *place =
		&at->places[(size_t)subscription * at->partitions + (uint32_t)r->partition];
	if (r->last_due_ns <= place->heard_ns)
		return;
	uint64_t since_ns = r->first_due_ns > place->heard_ns ? r->first_due_ns : place->heard_ns;
	if (place->owed_ns == 0 || since_ns < place->owed_ns)
		place->owed_ns = since_ns;
}

static void add(struct local_unheard *u, struct local *l, const struct place *place,
                uint32_t partition)
{
	uint64_t until_ns = l->debts.closed_ns;
	uint64_t least_ns = SILENCE_LEAST_NS + l->consume.processing_ns;

	if (place->owed_ns == 0 || until_ns < place->owed_ns + least_ns)
		return;
	u->items[u->count++] = (struct local_silent){
		.agent = place->agent,
		.client = place->client,
		.found = { place->owed_ns, until_ns, l->partitions > 0 ? (int32_t)partition : -1,
		           true },
	};
}

static void find(struct local *l)
{
	struct looking at = { .l = l, .partitions = partitions_of(l) };
	size_t count = l->subscriptions_count * at.partitions;
	struct local_unheard *u = &l->unheard;

	at.places = xcalloc(count + 1, sizeof(*at.places));
	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		for (uint32_t c = 0; a->spec.role == AGENT_CONSUMER && c < a->spec.clients_count;
		     c++)
			look_at_client(&at, a, c);
	}
	book_lost(l->account.book, l->account.sent, owe, &at);
	size_t owing = 0;
	for (size_t i = 0; i < count; i++)
		owing += at.places[i].owed_ns != 0;
	u->items = arena_alloc(&l->arena, (owing + 1) * sizeof(*u->items));
	for (size_t i = 0; i < count; i++)
		add(u, l, &at.places[i], (uint32_t)(i % at.partitions));
	free(at.places);
}

bool local_unheard(struct local *l, const struct agent *a, uint32_t client,
                   struct silence_found *out)
{
	struct local_unheard *u = &l->unheard;
	uint64_t longest_ns = 0;

	if (a->spec.role != AGENT_CONSUMER || !l->debts.settled || l->account.book == NULL)
		return false;
	if (!u->is_known)
		find(l);
	u->is_known = true;
	for (size_t i = 0; i < u->count; i++) {
		const struct local_silent *s = &u->items[i];
		uint64_t ns = s->found.until_ns - s->found.from_ns;
		if (s->agent != a || s->client != client || ns <= longest_ns)
			continue;
		longest_ns = ns;
		*out = s->found;
	}
	return longest_ns > 0;
}
