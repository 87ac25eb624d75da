/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/receipts.h"

#include <sys/mman.h>

#include "agent/shm.h"

/* Of one consumer. */
static size_t words_of(const struct agent_spec *spec, const struct client_spec *client)
{
	uint32_t partitions = spec->partitions > 0 ? spec->partitions : 1;

	return (size_t)partitions * roster_producers(spec->roster, client->topic_number);
}

/* Mapped: of what a consumer might get it uses what it has got. */
static void map_words(struct receipts *r, const struct agent_spec *spec, uint32_t index)
{
	const size_t most = LOAD_ORDER_BYTES_MAX / sizeof(uint64_t);
	size_t words = 0;

	for (uint32_t i = index; i < spec->clients_count; i += spec->loops) {
		size_t more = words_of(spec, &spec->clients[i]);
		if (more > most - words)
			return;
		words += more;
	}
	if (words == 0)
		return;
	void *p = mmap(NULL, words * sizeof(uint64_t), PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return; /* as if it were too much */
	r->words = p;
	r->words_bytes = words * sizeof(uint64_t);
}

void receipts_open(struct receipts *r, const struct agent_spec *spec, struct agent_shm *shm,
                   uint32_t index)
{
	struct account_area *area = agent_shm_account(shm, index);

	*r = (struct receipts){ .order_unknown = &shm->loop[index].order_unknown };
	if (area == NULL || spec->roster == NULL)
		return;
	r->roster = spec->roster;
	account_writer_init(&r->writer, area);
	map_words(r, spec, index);
}

void receipts_close(struct receipts *r)
{
	account_writer_fini(&r->writer);
	if (r->words != NULL)
		munmap(r->words, r->words_bytes);
	*r = (struct receipts){ 0 };
}

struct receipts_key receipts_key(const struct receipts *r, const struct agent_spec *spec,
                                 const struct client_spec *client, size_t *used)
{
	struct receipts_key key = { .topic = client->topic_number, .first_key = client->first_key };

	if (r->roster == NULL)
		return key;
	key.producers = roster_producers(r->roster, client->topic_number);
	key.partitions = spec->partitions > 0 ? spec->partitions : 1;
	if (r->words != NULL)
		key.last = (uint64_t *)(void *)r->words + *used;
	*used += words_of(spec, client);
	return key;
}
