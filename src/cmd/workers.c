/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/workers.h"

#include <stdlib.h>

#include "cmd/workers_greeting.h"
#include "config/driver_file.h"
#include "http/client.h"
#include "plan/plan.h"
#include "util/clock.h"
#include "util/host_clock.h"
#include "util/xalloc.h"
#include "worker/clock_table.h"
#include "worker/ensemble.h"
#include "worker/local.h"
#include "worker/remote.h"

struct workers {
	struct http_client *http; /* NULL: this host makes the load */
	struct workers_member *members;
	size_t count;
	struct worker *form;        /* what a run is given */
	struct clock_table *clocks; /* of several */
	struct console console;
};

static void introduce(struct workers *all, const struct workers_member *m, enum share_role role)
{
	struct text who = { 0 };

	workers_introduce(m, &who);
	if (all->count > 1 && role != SHARE_BOTH)
		text_addf(&who, "; %ss", share_role_name(role));
	console_say(&all->console, CONSOLE_INFO, clock_wall_ns(), "worker %s: %s", m->url,
	            text_str(&who));
	text_fini(&who);
}

static const char *name_of(const struct workers_member *m)
{
	return m->is_omb ? "" : worker_remote_facts(m->w)->hello.name;
}

/* Of OMB's own program nothing is known. */
static struct clock_table *compare_clocks(const struct workers *all, const enum share_role *roles,
                                          enum fact_clock_source source)
{
	struct clock_member *members = xcalloc(all->count, sizeof(*members));
	char ours[HOST_CLOCK_NAME];

	host_clock_name(ours);
	for (size_t i = 0; i < all->count; i++) {
		const struct workers_member *m = &all->members[i];
		const struct remote_facts *f = m->is_omb ? NULL : worker_remote_facts(m->w);
		members[i] = (struct clock_member){
			.worker = (uint32_t)i,
			.fit = f != NULL ? f->clock : NULL,
			.clock = f != NULL ? f->hello.clock : NULL,
			.produces = (roles[i] & SHARE_PRODUCE) != 0,
			.consumes = (roles[i] & SHARE_CONSUME) != 0,
			.source = source,
		};
	}
	struct clock_table *table =
		clock_table_create(members, (unsigned)all->count, ours[0] != '\0' ? ours : NULL);
	free(members);
	return table;
}

/* The members are the ensemble's from then on. */
static bool put_together(struct workers *all, const struct workers_source *source,
                         const enum share_role *roles, struct error *err)
{
	struct ensemble_member *members = xcalloc(all->count, sizeof(*members));

	all->clocks = compare_clocks(all, roles, source->clock);
	for (size_t i = 0; i < all->count; i++)
		members[i] = (struct ensemble_member){ .worker = all->members[i].w,
			                               .name = name_of(&all->members[i]),
			                               .url = all->members[i].url,
			                               .role = roles[i],
			                               .is_foreign = all->members[i].is_omb };
	all->form =
		ensemble_create(&(struct ensemble_options){ .members = members,
	                                                    .count = (unsigned)all->count,
	                                                    .tolerate_losses = source->tolerated,
	                                                    .clocks = all->clocks },
	                        err);
	free(members);
	for (size_t i = 0; all->form != NULL && i < all->count; i++)
		all->members[i].w = NULL;
	return all->form != NULL;
}

static bool take_all(struct workers *all, const struct workers_source *source, struct error *err)
{
	enum share_role *roles = xcalloc(all->count, sizeof(*roles));
	bool ok = workers_roles(source, roles, err);

	for (size_t i = 0; ok && i < all->count; i++)
		introduce(all, &all->members[i], roles[i]);
	if (ok && all->count > 1)
		ok = put_together(all, source, roles, err);
	else if (ok)
		all->form = all->members[0].w;
	free(roles);
	return ok;
}

struct workers *workers_connect(const struct workers_source *source,
                                const struct console_options *console, struct error *err)
{
	struct workers *all = xcalloc(1, sizeof(*all));

	console_init(&all->console, console);
	if (source->list.count == 0) {
		all->form = worker_local_create();
		return all;
	}
	all->http = http_client_create(err);
	if (all->http != NULL) {
		http_client_set_token(all->http, source->token);
		all->count = source->list.count;
		all->members = xcalloc(all->count, sizeof(*all->members));
		if (workers_greet(all->http, source, all->members, err) &&
		    take_all(all, source, err))
			return all;
	}
	workers_close(all);
	return NULL;
}

bool workers_fit(const struct workers *all, const struct plan *plan,
                 const struct driver_file *driver, struct error *err)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct workers_member *m = &all->members[i];
		if (!m->is_omb)
			continue;
		if (plan->load.mode == LOAD_UNLIMITED)
			return error_set(err, ERROR_UNSUPPORTED,
			                 "worker %s is OMB's own program, whose rates are finite: "
			                 "producerRate max needs workers of omb",
			                 m->url);
		if (driver->driver_class == NULL)
			return error_set(err, ERROR_UNSUPPORTED,
			                 "worker %s is OMB's own program, and driver file %s has "
			                 "no driverClass that it would know",
			                 m->url, driver->path);
	}
	return true;
}

void workers_close(struct workers *all)
{
	if (all == NULL)
		return;
	if (all->http == NULL || all->count > 1)
		worker_destroy(all->form);
	for (size_t i = 0; i < all->count; i++)
		worker_destroy(all->members[i].w);
	clock_table_destroy(all->clocks);
	http_client_destroy(all->http);
	free(all->members);
	free(all);
}

struct worker *workers_form(const struct workers *all)
{
	return all->form;
}
