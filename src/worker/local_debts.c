/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_debts.h"

#include <stdlib.h>

#include "util/clock.h"
#include "util/xalloc.h"
#include "worker/local_account.h"
#include "worker/local_state.h"

void local_debts_begin(struct local *l, const struct load_spec *load)
{
	l->debts.load = *load;
	l->debts.load_started = true;
	l->debts.changes_count = 0; /* agents refuse those that come before a load */
	local_publish_window(l);
}

void local_debts_rate(struct local *l, const struct worker_adjust *adjust)
{
	struct local_debts *d = &l->debts;

	if (d->changes_count == d->changes_cap) {
		d->changes_cap = d->changes_cap ? 2 * d->changes_cap : 64;
		d->changes = xrealloc(d->changes, d->changes_cap * sizeof(*d->changes));
	}
	d->changes[d->changes_count++] = (struct debt_change){
		.epoch = adjust->epoch,
		.forgive = adjust->forgive,
		.told_ns = clock_ns(),
	};
}

static struct debt_terms terms_of(const struct local *l)
{
	const struct local_debts *d = &l->debts;

	return (struct debt_terms){
		.load = d->load_started ? &d->load : NULL,
		.changes = d->changes,
		.changes_count = d->changes_count,
		.closed_ns = d->closed_ns,
	};
}

static void settle_producers(struct local *l, struct local_slot *slot,
                             const struct debt_terms *terms)
{
	slot->accounts = arena_alloc(&l->arena, slot->clients_count * sizeof(*slot->accounts));
	for (uint32_t i = 0; i < slot->clients_count; i++) {
		const struct debt_client client = {
			.shm = slot->agent->shm,
			.client = i,
			.loop = i % slot->loops,
			.schedule_index = slot->clients[i].schedule_index,
		};
		slot->accounts[i] = debt_settle(&client, terms, &slot->charged);
	}
	debt_count(slot->accounts, slot->agent->shm, &slot->charged);
}

static void settle_missing(struct local *l, const struct debt_terms *terms)
{
	struct debt_slots acknowledged = { 0 }, received = { 0 };
	const struct shm_control *control = NULL;

	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		if (a->spec.role == AGENT_PRODUCER) {
			debt_slots_add(&acknowledged, a->shm, terms->closed_ns);
			control = &a->shm->control;
		} else if (a->spec.role == AGENT_CONSUMER) {
			debt_slots_add(&received, a->shm, terms->closed_ns);
		}
	}
	if (control != NULL)
		debt_charge_slots(&acknowledged, &received, terms, control, &l->debts.missing);
	debt_slots_fini(&acknowledged);
	debt_slots_fini(&received);
}

void local_debts_settle(struct local *l)
{
	if (l->debts.settled)
		return;
	l->debts.settled = true;
	if (l->debts.closed_ns == 0)
		l->debts.closed_ns = clock_ns();

	struct debt_terms terms = terms_of(l);
	for (uint32_t s = 0; s < l->producers.count; s++)
		if (l->producers.items[s].agent != NULL)
			settle_producers(l, &l->producers.items[s], &terms);
	local_account_settle(l);
	if (!local_account_charge(l, &terms) && !l->debts.load.shared)
		settle_missing(l, &terms);
}

void local_debts_forget(struct local *l)
{
	for (uint32_t s = 0; s < l->producers.count; s++)
		snapshot_fini(&l->producers.items[s].charged);
	snapshot_fini(&l->debts.missing);
	free(l->debts.changes);
	l->debts = (struct local_debts){ 0 };
}
