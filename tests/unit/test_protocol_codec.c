/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of kafka/codec.h over all tables: what is written is read again, in every version of every
 * message, and nothing that is cut or changed does harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kafka/api.h"
#include "kafka/codec.h"
#include "kafka/messages/configs.h"
#include "kafka/messages/session.h"
#include "kafka/messages/topics.h"

#define ROUNDS    4
#define MEMORY    ((size_t)1 << 20)
#define MUTATIONS 200

/* One message in one version. */
struct subject {
	const struct kafka_layout *layout;
	int16_t version;
	bool is_flexible;
};

static uint64_t chance;

static uint64_t draw(uint64_t below)
{
	chance = chance * 6364136223846793005U + 1442695040888963407U;
	return (chance >> 33) % below;
}

/* --- generated values ----------------------------------------------------------------------------- */

struct list {
	void *items;
	size_t count;
};

static void fill(const struct subject *s, const struct kafka_layout *layout, struct kafka_memory *m,
                 unsigned char *out);

static bool is_there(const struct kafka_field *f, int16_t version)
{
	return version >= f->first && (f->until == 0 || version < f->until);
}

static bool is_null(const struct subject *s, const struct kafka_field *f)
{
	return f->may_be_null && s->version >= f->null_from && draw(3) == 0;
}

static struct kafka_string draw_string(struct kafka_memory *m)
{
	size_t len = draw(4) == 0 ? 300 : draw(5);
	char *data = kafka_memory_take(m, len + 1);

	for (size_t i = 0; i < len; i++)
		data[i] = (char)draw(256);
	return (struct kafka_string){ .data = data, .len = len };
}

static void fill_list(const struct subject *s, const struct kafka_field *f, struct kafka_memory *m,
                      unsigned char *at)
{
	struct list list = { .count = draw(4) };

	if (is_null(s, f))
		return;
	if (f->type == KAFKA_STRUCTS) {
		list.items = kafka_memory_items(m, f->inner, list.count);
		for (size_t i = 0; i < list.count; i++)
			fill(s, f->inner, m, (unsigned char *)list.items + i * f->inner->size);
	} else {
		list.items = kafka_memory_take(m, (list.count + 1) * 16);
		for (size_t i = 0; i < list.count; i++) {
			if (f->type == KAFKA_STRINGS)
				((struct kafka_string *)list.items)[i] = draw_string(m);
			else if (f->type == KAFKA_I32S)
				((int32_t *)list.items)[i] = (int32_t)draw(UINT32_MAX);
			else
				((int64_t *)list.items)[i] = -(int64_t)draw(1000);
		}
	}
	memcpy(at, &list, sizeof(list));
}

static void fill_field(const struct subject *s, const struct kafka_field *f, struct kafka_memory *m,
                       unsigned char *at)
{
	switch ((enum kafka_type)f->type) {
	case KAFKA_BOOL:
		*(bool *)at = draw(2) != 0;
		break;
	case KAFKA_I8:
		*(int8_t *)at = (int8_t)draw(256);
		break;
	case KAFKA_I16:
		*(int16_t *)at = (int16_t)draw(65536);
		break;
	case KAFKA_I32:
		*(int32_t *)at = (int32_t)draw(UINT32_MAX);
		break;
	case KAFKA_I64:
		*(int64_t *)at = (int64_t)(draw(UINT32_MAX) << 31) - 5;
		break;
	case KAFKA_UUID:
		for (size_t i = 0; i < sizeof(struct kafka_uuid); i++)
			at[i] = (unsigned char)draw(256);
		break;
	case KAFKA_STRING:
	case KAFKA_BYTES:
		if (!is_null(s, f))
			*(struct kafka_string *)at = draw_string(m);
		break;
	case KAFKA_RECORDS:
		if (!is_null(s, f)) {
			struct kafka_string bytes = draw_string(m);
			*(struct kafka_records *)at = (struct kafka_records){
				.data = (const uint8_t *)bytes.data,
				.len = bytes.len,
			};
		}
		break;
	case KAFKA_STRUCT:
		fill(s, f->inner, m, at);
		break;
	case KAFKA_STRUCTS:
	case KAFKA_STRINGS:
	case KAFKA_I32S:
	case KAFKA_I64S:
		fill_list(s, f, m, at);
		break;
	}
}

static void fill(const struct subject *s, const struct kafka_layout *layout, struct kafka_memory *m,
                 unsigned char *out)
{
	kafka_set_defaults(layout, out);
	for (size_t i = 0; i < layout->count; i++) {
		const struct kafka_field *f = &layout->fields[i];
		/* Half of the tagged ones keep their default, and are not written. */
		if (is_there(f, s->version) && (f->tagged == 0 || draw(2) == 0))
			fill_field(s, f, m, out + f->offset);
	}
}

/* --- comparison ----------------------------------------------------------------------------------- */

static void assert_same(const struct kafka_layout *layout, const unsigned char *a,
                        const unsigned char *b);

static void assert_same_bytes(const struct kafka_field *f, const void *a, size_t a_len,
                              const void *b, size_t b_len)
{
	if ((a == NULL) != (b == NULL) || a_len != b_len ||
	    (a != NULL && b != NULL && memcmp(a, b, a_len) != 0))
		fail_msg("%s is not what it was", f->name);
}

static void assert_same_list(const struct kafka_field *f, const unsigned char *a,
                             const unsigned char *b)
{
	struct list x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	if ((x.items == NULL) != (y.items == NULL) || x.count != y.count)
		fail_msg("%s: %zu items, not %zu", f->name, y.count, x.count);
	for (size_t i = 0; x.items != NULL && y.items != NULL && i < x.count; i++) {
		if (f->type == KAFKA_STRUCTS) {
			assert_same(f->inner, (unsigned char *)x.items + i * f->inner->size,
			            (unsigned char *)y.items + i * f->inner->size);
		} else if (f->type == KAFKA_STRINGS) {
			const struct kafka_string *s = x.items, *t = y.items;
			assert_same_bytes(f, s[i].data, s[i].len, t[i].data, t[i].len);
		} else {
			size_t size = f->type == KAFKA_I32S ? 4 : 8;
			assert_memory_equal((char *)x.items + i * size, (char *)y.items + i * size,
			                    size);
		}
	}
}

static size_t number_size(const struct kafka_field *f)
{
	static const size_t sizes[] = { 1, 1, 2, 4, 8, 16 };

	return sizes[f->type];
}

static void assert_same(const struct kafka_layout *layout, const unsigned char *a,
                        const unsigned char *b)
{
	for (size_t i = 0; i < layout->count; i++) {
		const struct kafka_field *f = &layout->fields[i];
		const unsigned char *x = a + f->offset, *y = b + f->offset;
		if (f->type <= KAFKA_UUID) {
			assert_same_bytes(f, x, number_size(f), y, number_size(f));
		} else if (f->type == KAFKA_RECORDS) {
			const struct kafka_records *r = (const void *)x, *t = (const void *)y;
			assert_same_bytes(f, r->data, r->len, t->data, t->len);
		} else if (f->type <= KAFKA_BYTES) {
			const struct kafka_string *s = (const void *)x, *t = (const void *)y;
			assert_same_bytes(f, s->data, s->len, t->data, t->len);
		} else if (f->type == KAFKA_STRUCT) {
			assert_same(f->inner, x, y);
		} else {
			assert_same_list(f, x, y);
		}
	}
}

/* --- every message in every version --------------------------------------------------------------- */

static void encode(const struct subject *s, const void *message, struct writer *out)
{
	const struct kafka_encoder e = {
		.version = s->version,
		.is_flexible = s->is_flexible,
		.out = out,
	};

	kafka_encode(&e, s->layout, message);
}

/* From memory of just its size, so that one byte too many is seen. */
static bool decode(const struct subject *s, const void *bytes, size_t len, struct kafka_memory *m,
                   void *out)
{
	void *copy = calloc(1, len + (len == 0));
	struct reader r = reader_over(copy, len);
	struct kafka_decoder d = {
		.version = s->version,
		.is_flexible = s->is_flexible,
		.memory = m,
	};

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	bool ok = kafka_decode(&d, s->layout, &r, out) && reader_is_done(&r);
	assert_true(ok || d.broken_at != NULL || !r.broken);
	if (ok) { /* to be looked at once `copy` is gone */
		struct writer again = { 0 };
		encode(s, out, &again);
		writer_fini(&again);
	}
	free(copy);
	return ok;
}

typedef void subject_test(const struct subject *s);

static void for_each_subject(subject_test *test)
{
	for (size_t i = 0; i < kafka_apis_count; i++) {
		const struct kafka_api *api = &kafka_apis[i];
		for (int16_t version = 0; version <= api->last; version++) {
			struct subject s = {
				.layout = api->request,
				.version = version,
				.is_flexible = kafka_api_is_flexible(api, version),
			};
			test(&s);
			s.layout = api->answer;
			test(&s);
		}
	}
}

static unsigned tested;

static void check_round_trip(const struct subject *s)
{
	struct kafka_memory m = { 0 }, again = { .max = MEMORY };
	unsigned char *in = malloc(s->layout->size), *out = malloc(s->layout->size);
	struct writer w = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		struct kafka_decoder d = { s->version, s->is_flexible, &again, NULL };
		writer_clear(&w);
		fill(s, s->layout, &m, in);
		encode(s, in, &w);
		struct reader r = reader_over(w.data, w.len);
		if (!kafka_decode(&d, s->layout, &r, out) || !reader_is_done(&r))
			fail_msg("%s version %d is not read again", s->layout->name, s->version);
		assert_same(s->layout, in, out);
		kafka_memory_reset(&m);
		kafka_memory_reset(&again);
		tested++;
	}
	writer_fini(&w);
	kafka_memory_fini(&m);
	kafka_memory_fini(&again);
	free(in);
	free(out);
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	chance = 1;
	tested = 0;
	for_each_subject(check_round_trip);
	assert_true(tested > (size_t)ROUNDS * 2 * kafka_apis_count);
}

static void check_cut_and_changed(const struct subject *s)
{
	struct kafka_memory m = { 0 }, again = { .max = MEMORY };
	unsigned char *message = malloc(s->layout->size);
	struct writer w = { 0 };

	fill(s, s->layout, &m, message);
	encode(s, message, &w);
	for (size_t len = 0; len < w.len; len++) {
		if (decode(s, w.data, len, &again, message))
			fail_msg("%s version %d: %zu of %zu bytes are enough", s->layout->name,
			         s->version, len, w.len);
		kafka_memory_reset(&again);
	}
	for (int i = 0; i < MUTATIONS && w.len > 0; i++) {
		size_t at = draw(w.len);
		uint8_t was = w.data[at];
		w.data[at] = (uint8_t)(draw(2) == 0 ? 0xff : draw(256));
		(void)decode(s, w.data, w.len, &again, message);
		assert_true(again.used <= MEMORY);
		w.data[at] = was;
		kafka_memory_reset(&again);
	}
	writer_fini(&w);
	kafka_memory_fini(&m);
	kafka_memory_fini(&again);
	free(message);
}

static void what_is_cut_is_refused_and_what_is_changed_does_no_harm(void **state)
{
	(void)state;
	chance = 2;
	for_each_subject(check_cut_and_changed);
}

/* --- single rules --------------------------------------------------------------------------------- */

static void known_bytes_of_a_flexible_request(void **state)
{
	/* ApiVersions 3 of client "c": head, software "omb", version null, no tagged fields. */
	static const uint8_t want[] = { 0,   18, 0, 3,   0,   0,   0, 7,   0,   1,
		                        'c', 0,  4, 'o', 'm', 'b', 3, '0', '1', 0 };
	const struct kafka_api_versions_request request = {
		.software = kafka_string_of("omb"),
		.software_version = kafka_string_of("01"),
	};
	const struct kafka_head head = { KAFKA_API_VERSIONS, 3, 7, kafka_string_of("c") };
	const struct subject s = { &api_versions_request, 3, true };
	struct writer w = { 0 };
	struct kafka_head read;
	struct reader r;

	(void)state;
	kafka_head_write(&w, &head);
	encode(&s, &request, &w);
	assert_int_equal(w.len, sizeof(want));
	assert_memory_equal(w.data, want, sizeof(want));
	r = reader_over(w.data, w.len);
	assert_true(kafka_head_read(&r, &read));
	assert_int_equal(read.key, KAFKA_API_VERSIONS);
	assert_int_equal(read.correlation, 7);
	assert_int_equal(reader_left(&r), 8);
	writer_fini(&w);
}

static void known_bytes_of_a_plain_answer(void **state)
{
	/* Metadata 1: one node, controller 5, no topics. */
	static const uint8_t want[] = { 0,    0,    0,    1,    0, 0, 0, 5, 0, 1, 'h', 0, 0,
		                        0x23, 0x84, 0xff, 0xff, 0, 0, 0, 5, 0, 0, 0,   0 };
	struct kafka_node nodes[1] = { { .id = 5, .host = kafka_string_of("h"), .port = 9092 } };
	const struct kafka_metadata_response answer = { .nodes = { nodes, 1 }, .controller = 5 };
	const struct subject s = { &metadata_response, 1, false };
	struct writer w = { 0 };

	(void)state;
	encode(&s, &answer, &w);
	assert_int_equal(w.len, sizeof(want));
	assert_memory_equal(w.data, want, sizeof(want));
	writer_fini(&w);
}

static void tagged_fields_that_nobody_knows_are_read_over(void **state)
{
	/* Tag 99 of two bytes, behind the fields of ApiVersions 3. */
	static const uint8_t bytes[] = { 1, 1, 1, 99, 2, 0xaa, 0xbb };
	const struct subject s = { &api_versions_request, 3, true };
	struct kafka_api_versions_request out;
	struct kafka_memory m = { 0 };

	(void)state;
	assert_true(decode(&s, bytes, sizeof(bytes), &m, &out));
	kafka_memory_fini(&m);
}

/* A count of 100 million in a frame of a few bytes takes no memory. */
static void a_count_that_is_only_claimed_takes_nothing(void **state)
{
	static const uint8_t bytes[] = { 0x05, 0xf5, 0xe1, 0, 0, 1, 'a' };
	const struct subject s = { &metadata_request, 1, false };
	struct kafka_metadata_request out;
	struct kafka_memory m = { .max = MEMORY };

	(void)state;
	assert_false(decode(&s, bytes, sizeof(bytes), &m, &out));
	assert_int_equal(m.used, 0);
	kafka_memory_fini(&m);
}

/* ... and one that is true, but too many, is refused. */
static void a_message_takes_no_more_than_its_memory(void **state)
{
	size_t count = MEMORY / sizeof(struct kafka_metadata_topic) + 1;
	const struct subject s = { &metadata_request, 1, false };
	struct kafka_metadata_request out;
	struct kafka_memory m = { .max = MEMORY };
	struct writer w = { 0 };

	(void)state;
	write_u32(&w, (uint32_t)count);
	memset(write_space(&w, 2 * count), 0, 2 * count);
	assert_false(decode(&s, w.data, w.len, &m, &out));
	m.max = 2 * MEMORY;
	kafka_memory_reset(&m);
	assert_true(decode(&s, w.data, w.len, &m, &out));
	assert_int_equal(out.topics.count, count);
	writer_fini(&w);
	kafka_memory_fini(&m);
}

static void what_a_version_does_not_have_has_its_default(void **state)
{
	static const uint8_t bytes[] = { 0, 0, 0, 0 };
	const struct subject s = { &metadata_request, 0, false };
	struct kafka_metadata_request out;
	struct kafka_memory m = { 0 };

	(void)state;
	assert_true(decode(&s, bytes, sizeof(bytes), &m, &out));
	assert_true(out.may_create);
	assert_non_null(out.topics.items); /* an empty list, not null */
	kafka_memory_fini(&m);
}

static void null_is_null_where_it_may_be_and_empty_in_a_list(void **state)
{
	static const uint8_t null_list[] = { 0xff, 0xff, 0xff, 0xff };
	static const uint8_t null_name[] = { 0, 0, 0, 1, 2, 0, 1, 't', 0, 0, 0, 1, 0xff, 0xff };
	const struct subject old = { &metadata_request, 0, false };
	const struct subject new = { &metadata_request, 1, false };
	const struct subject keys = { &describe_configs_request, 0, false };
	struct kafka_metadata_request out;
	struct kafka_describe_configs_request configs;
	struct kafka_memory m = { 0 };

	(void)state;
	assert_true(decode(&old, null_list, sizeof(null_list), &m, &out));
	assert_non_null(out.topics.items); /* null is from version 1 on: empty */
	assert_int_equal(out.topics.count, 0);
	assert_true(decode(&new, null_list, sizeof(null_list), &m, &out));
	assert_null(out.topics.items);
	assert_true(decode(&keys, null_name, sizeof(null_name), &m, &configs));
	assert_int_equal(configs.resources.items[0].keys.count, 1);
	assert_non_null(configs.resources.items[0].keys.items[0].data);
	assert_int_equal(configs.resources.items[0].keys.items[0].len, 0);
	kafka_memory_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(what_is_cut_is_refused_and_what_is_changed_does_no_harm),
		cmocka_unit_test(known_bytes_of_a_flexible_request),
		cmocka_unit_test(known_bytes_of_a_plain_answer),
		cmocka_unit_test(tagged_fields_that_nobody_knows_are_read_over),
		cmocka_unit_test(a_count_that_is_only_claimed_takes_nothing),
		cmocka_unit_test(a_message_takes_no_more_than_its_memory),
		cmocka_unit_test(null_is_null_where_it_may_be_and_empty_in_a_list),
		cmocka_unit_test(what_a_version_does_not_have_has_its_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
