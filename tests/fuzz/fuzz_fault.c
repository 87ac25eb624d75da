/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever stands as faults in a driver file, it is refused with a reason or becomes faults that can
 * be planted: every question about them has an answer, in an order of time that makes sense.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fault/faults.h"

#define HOUR_NS UINT64_C(3600000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct fault *f)
{
	assert(f->count <= f->of);
	assert(f->period_ns == 0 || (f->length.unit == FAULT_NS && f->period_ns > f->length.n));
	assert(f->length.unit == FAULT_ALWAYS || f->length.n > 0);
	assert(f->from.unit != FAULT_SEQUENCES || (f->of > 0 && f->length.unit != FAULT_NS));
	if (f->kind == FAULT_STALL || f->kind == FAULT_BUSY)
		assert(f->length.unit == FAULT_NS && f->length.n == f->ns && f->ns > 0);
}

static void plant(const struct fault *list, size_t count)
{
	static _Atomic uint64_t load_start_ns;
	struct faults *f = faults_create(list, count, 1, &load_start_ns, HOUR_NS);
	uint64_t now_ns = HOUR_NS;
	unsigned can = 0;

	atomic_store(&load_start_ns, 0);
	for (size_t i = 0; i < count; i++)
		can |= FAULT_BIT(list[i].kind);
	for (unsigned i = 0; i < 40; i++) {
		if (i == 10)
			atomic_store(&load_start_ns, now_ns);
		assert((faults_strike(f, i, now_ns) & ~can) == 0);
		struct fault_subject who = { .is_known = i % 3 != 0,
			                     .producer = i % 2,
			                     .sequence = i };
		unsigned struck;
		faults_strike_each(f, &who, 1, now_ns, &struck);
		assert((struck & ~can) == 0);
		assert(!faults_close(f, now_ns) || (can & FAULT_BIT(FAULT_CLOSE)) != 0);
		assert(!faults_refuse(f, now_ns) || (can & FAULT_BIT(FAULT_REFUSE)) != 0);
		assert(faults_delay_ns(f, now_ns) == 0 || (can & FAULT_BIT(FAULT_DELAY)) != 0);
		assert(faults_stall_end_ns(f, FAULT_STALL, now_ns) >= now_ns);
		assert(faults_stall_edge_ns(f, FAULT_BUSY, now_ns) > now_ns);
		now_ns += UINT64_C(1) << i;
	}
	faults_destroy(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fault list[FAULTS_MAX];
	struct error err = { 0 };
	char *texts = malloc(len + 1);

	assert(texts != NULL);
	memcpy(texts, data, len);
	texts[len] = '\0';
	int count = fault_list_parse(texts, ~0U, list, &err);
	if (count < 0) {
		assert(err.kind == ERROR_USAGE && err.text[0] != '\0');
	} else {
		for (int i = 0; i < count; i++)
			check(&list[i]);
		plant(list, (size_t)count);
	}
	free(texts);
	return 0;
}
