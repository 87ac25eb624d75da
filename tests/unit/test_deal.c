/* SPDX-License-Identifier: Apache-2.0 */
#include "load/deal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void agents_are_dealt_as_the_mode_says(void **state)
{
	(void)state;
	static const struct {
		struct deal_spec deal;
		uint32_t clients, agents;
	} cases[] = {
		{ { .mode = DEAL_PER_CORE, .cpus = 2 }, 10, 2 },
		{ { .mode = DEAL_PER_CORE, .cpus = 64 }, 10, 10 },
		{ { .mode = DEAL_PER_CORE, .cpus = 2 }, 1, 1 },
		{ { .mode = DEAL_PER_CORE, .cpus = 2 }, 0, 0 },
		{ { .mode = DEAL_PER_CLIENT, .cpus = 2 }, 10, 10 },
		{ { .mode = DEAL_PER_CLIENT, .cpus = 2 }, 0, 0 },
		{ { .mode = DEAL_NUMBER, .agents = 3, .cpus = 2 }, 10, 3 },
		{ { .mode = DEAL_NUMBER, .agents = 30, .cpus = 2 }, 10, 10 },
		{ { .mode = DEAL_NUMBER, .agents = 0, .cpus = 2 }, 10, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(deal_agents(&cases[i].deal, cases[i].clients), cases[i].agents);
}

static void every_client_has_one_agent_and_shares_differ_by_one_at_most(void **state)
{
	(void)state;
	for (uint32_t clients = 1; clients < 50; clients++) {
		for (uint32_t agents = 1; agents <= clients; agents++) {
			uint32_t sum = 0, least = UINT32_MAX, most = 0;
			for (uint32_t a = 0; a < agents; a++) {
				uint32_t here = deal_clients_of(clients, agents, a);
				sum += here;
				least = here < least ? here : least;
				most = here > most ? here : most;
			}
			assert_int_equal(sum, clients);
			assert_true(most - least <= 1);
		}
	}
}

static void the_count_of_an_agent_is_what_round_robin_gives_it(void **state)
{
	(void)state;
	uint32_t counts[7] = { 0 };

	for (uint32_t i = 0; i < 23; i++)
		counts[i % 7]++;
	for (uint32_t a = 0; a < 7; a++)
		assert_int_equal(deal_clients_of(23, 7, a), counts[a]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agents_are_dealt_as_the_mode_says),
		cmocka_unit_test(every_client_has_one_agent_and_shares_differ_by_one_at_most),
		cmocka_unit_test(the_count_of_an_agent_is_what_round_robin_gives_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
