/* SPDX-License-Identifier: Apache-2.0 */

/* The words for what brokers do wrong on purpose, and when it strikes. */

#include "fault/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault/fault_log.h"
#include "load/stamp.h"

#define MS  UINT64_C(1000000)
#define S   UINT64_C(1000000000)
#define T0  (77 * S) /* not 0, so that times relative to something else are found out */

#define ANY (~0U)

/* --- the grammar ----------------------------------------------------------------------------------- */

static void what_is_written_is_what_is_meant(void **state)
{
	static const struct {
		const char *text;
		struct fault want;
	} cases[] = {
		{ "delay:5ms", { FAULT_DELAY, .ns = 5 * MS } },
		{ "refuse", { FAULT_REFUSE, .ns = 0 } },
		{ "stall:500ms",
		  { FAULT_STALL, .ns = 500 * MS, .length = { FAULT_NS, 500 * MS } } },
		{ "stall:500ms@10s",
		  { FAULT_STALL, .ns = 500 * MS, .from = { FAULT_NS, 10 * S },
		    .length = { FAULT_NS, 500 * MS } } },
		{ "busy:1s@5000/2s",
		  { FAULT_BUSY, .ns = S, .from = { FAULT_MESSAGES, 5000 },
		    .length = { FAULT_NS, S }, .period_ns = 2 * S } },
		{ "lose:1000@1", { FAULT_LOSE, .of = 1000, .from = { FAULT_MESSAGES, 1 } } },
		{ "lose:9@0", { FAULT_LOSE, .of = 9, .from = { FAULT_NS, 0 } } },
		{ "error:7/1000@5s..9s",
		  { FAULT_ERROR, .count = 7, .of = 1000, .from = { FAULT_NS, 5 * S },
		    .length = { FAULT_NS, 4 * S } } },
		{ "refuse@5s+2s",
		  { FAULT_REFUSE, .from = { FAULT_NS, 5 * S }, .length = { FAULT_NS, 2 * S } } },
		{ "close:1@500+1",
		  { FAULT_CLOSE, .of = 1, .from = { FAULT_MESSAGES, 500 },
		    .length = { FAULT_MESSAGES, 1 } } },
		{ "deny:2@1s+30",
		  { FAULT_DENY, .of = 2, .from = { FAULT_NS, S },
		    .length = { FAULT_MESSAGES, 30 } } },
		{ "lose:1@2#1041..1044",
		  { FAULT_LOSE, .of = 1, .from = { FAULT_SEQUENCES, 1041 },
		    .length = { FAULT_MESSAGES, 3 }, .producer = 2 } },
		{ "spoil:3/7@0#0+100",
		  { FAULT_SPOIL, .count = 3, .of = 7, .from = { FAULT_SEQUENCES, 0 },
		    .length = { FAULT_MESSAGES, 100 } } },
		{ "reorder:9@4194304#281474976710655",
		  { FAULT_REORDER, .of = 9, .from = { FAULT_SEQUENCES, 281474976710655 },
		    .producer = 4194304 } },
		{ "delay:1.5ms@1.5s..2.5s/10s",
		  { FAULT_DELAY, .ns = 3 * MS / 2, .from = { FAULT_NS, 3 * S / 2 },
		    .length = { FAULT_NS, S }, .period_ns = 10 * S } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fault *want = &cases[i].want;
		struct fault f;
		struct error err = { 0 };
		if (!fault_parse(cases[i].text, ANY, &f, &err))
			fail_msg("%s", err.text);
		assert_int_equal(f.kind, want->kind);
		assert_int_equal(f.ns, want->ns);
		assert_int_equal(f.count, want->count);
		assert_int_equal(f.of, want->of);
		assert_int_equal(f.from.unit, want->from.unit);
		assert_int_equal(f.from.n, want->from.n);
		assert_int_equal(f.length.unit, want->length.unit);
		assert_int_equal(f.length.n, want->length.n);
		assert_int_equal(f.period_ns, want->period_ns);
		assert_int_equal(f.producer, want->producer);
	}
}

static void a_mistake_is_shown_where_it_is(void **state)
{
	static const struct {
		const char *text;
		int character; /* 0 = of the whole */
		const char *expected;
	} cases[] = {
		{ "", 1, "delay, stall, busy, refuse, close" },
		{ "sing:1", 1, " or spoil instead of sing:1" },
		{ "delay", 6, "\":\" and a time instead of the end" },
		{ "delay:5", 7, "a time such as 500ms" },
		{ "delay:x", 7, "a time such as 500ms" },
		{ "delay:0ms", 7, "a time above 0" },
		{ "refuse:1", 7, "the end, or @" },
		{ "close:0", 7, "a number from 1" },
		{ "close:-1", 7, "a number from 1" },
		{ "close:1/2", 8, "the end, or @" },
		{ "error:2/1", 9, "no less than what is to be drawn of it" },
		{ "lose:1.5", 7, "the end, or @" },
		{ "lose:", 6, "a number from 1" },
		{ "lose:9@", 8, "a time such as 10s or the number of a message" },
		{ "lose:9@1s+", 11, "a time such as 10s or the number of a message" },
		{ "lose:9@1s..", 12, "a time such as 10s or the number of a message" },
		{ "lose:9@5s..4s", 12, "an end behind the beginning" },
		{ "lose:9@5s..10", 12, "an end behind the beginning" },
		{ "lose:9@5s+0s", 11, "an end behind the beginning" },
		{ "lose:9@5s/6s", 11, "a time longer than what comes again" },
		{ "stall:1s@x", 10, "a time such as 500ms" },
		{ "stall:1s@5s+2s", 12, "the end, or @" },
		{ "stall:1s@5s/1s", 13, "a time longer than what comes again" },
		{ "duplicate:5000000000", 11, "a number up to" },
		{ "lose:1@2#", 10, "a message's number, from 0 instead of the end" },
		{ "lose:1@2#x", 10, "a message's number, from 0 instead of x" },
		{ "lose:1@2#281474976710656", 10, "a message's number, which has 48 bits" },
		{ "lose:1@4294967296#1", 8, "a producer up to 4294967295" },
		{ "lose:1@2#5..5", 13, "an end behind the beginning" },
		{ "lose:1@2#5+0", 12, "an end behind the beginning" },
		{ "lose:1@2#5+1s", 13, "the end, or @" },
		{ "lose:1@2#5+9/1s", 14, "a time longer than what comes again" },
		{ "close:1@2#5", 9, "a time such as 500ms" },
		{ "stall:1s@2#5", 10, "a time such as 500ms" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char place[160];
		struct fault f;
		struct error err = { 0 };
		assert_false(fault_parse(cases[i].text, ANY, &f, &err));
		assert_int_equal(err.kind, ERROR_USAGE);
		snprintf(place, sizeof(place), "fault \"%s\", character %d: expected ",
		         cases[i].text, cases[i].character);
		if (strncmp(err.text, place, strlen(place)) != 0 ||
		    strstr(err.text, cases[i].expected) == NULL)
			fail_msg("%s", err.text);
	}
}

static void a_list_is_parted_by_blanks_and_commas(void **state)
{
	struct fault list[FAULTS_MAX];
	struct error err = { 0 };
	char many[FAULTS_MAX * 7 + 8] = "";

	(void)state;
	assert_int_equal(fault_list_parse(" lose:3,  delay:5ms,refuse\t", ANY, list, &err), 3);
	assert_int_equal(list[0].kind, FAULT_LOSE);
	assert_int_equal(list[1].kind, FAULT_DELAY);
	assert_int_equal(list[2].kind, FAULT_REFUSE);
	assert_int_equal(fault_list_parse("", ANY, list, &err), 0);
	assert_int_equal(fault_list_parse("lose:3 lose:x", ANY, list, &err), -1);
	assert_non_null(strstr(err.text, "fault \"lose:x\", character 6"));
	for (int i = 0; i <= FAULTS_MAX; i++)
		memcpy(many + (size_t)i * 7, "lose:3 ", 8);
	assert_int_equal(fault_list_parse(many, ANY, list, &err), -1);
	assert_non_null(strstr(err.text, "more than 512"));
	memset(many, 'x', sizeof(many) - 1);
	assert_int_equal(fault_list_parse(many, ANY, list, &err), -1);
	assert_non_null(strstr(err.text, "is too long"));
}

static void what_a_broker_cannot_do_is_refused(void **state)
{
	struct fault f;
	struct error err = { 0 };

	(void)state;
	assert_false(fault_parse("busy:2s", FAULTS_OF_BROKER, &f, &err));
	assert_string_equal(err.text, "fault \"busy:2s\": this broker cannot do that");
	assert_false(fault_parse("refuse", FAULTS_OF_LOOPBACK, &f, &err));
	/* Each that is told of can be done by one of them. */
	for (const struct fault_help *h = fault_helps; h->form != NULL; h++) {
		bool broker = (FAULT_BIT(h->kind) & FAULTS_OF_BROKER) != 0;
		bool loopback = (FAULT_BIT(h->kind) & FAULTS_OF_LOOPBACK) != 0;
		assert_true(broker || loopback);
	}
}

/* --- when they strike ------------------------------------------------------------------------------ */

static struct faults *plant(const char *texts, const _Atomic uint64_t *load_start_ns)
{
	struct fault list[FAULTS_MAX];
	struct error err = { 0 };
	int count = fault_list_parse(texts, ANY, list, &err);

	if (count < 0)
		fail_msg("%s", err.text);
	return faults_create(list, (size_t)count, 1, load_start_ns, T0);
}

static void before_the_load_only_what_always_holds_strikes(void **state)
{
	_Atomic uint64_t load_start_ns = 0;
	struct faults *f = plant("lose:1@1 duplicate:1 error:1@0s deny:2@2", &load_start_ns);
	const unsigned always = FAULT_BIT(FAULT_DUPLICATE);
	const unsigned load = always | FAULT_BIT(FAULT_LOSE) | FAULT_BIT(FAULT_ERROR);

	(void)state;
	assert_int_equal(faults_strike(f, 5, T0), always); /* nobody knows when it begins */
	load_start_ns = T0 + S;
	assert_int_equal(faults_strike(f, 5, T0 + S - 1),
	                 always); /* the gate is known, and closed */
	assert_int_equal(faults_strike(f, 1, T0 + S), load);
	assert_int_equal(faults_strike(f, 1, T0 + S), load); /* the first that `deny` counts */
	assert_int_equal(faults_strike(f, 1, T0 + S), load | FAULT_BIT(FAULT_DENY));
	faults_destroy(f);
}

static void without_a_word_the_load_begins_with_the_first_message(void **state)
{
	struct faults *f = plant("delay:5ms@1s..2s", NULL);

	(void)state;
	assert_int_equal(faults_delay_ns(f, T0 + 3 * S / 2), 0);
	faults_strike(f, 1, T0 + S);
	assert_int_equal(faults_delay_ns(f, T0 + 2 * S - 1), 0);
	assert_int_equal(faults_delay_ns(f, T0 + 2 * S), 5 * MS);
	assert_int_equal(faults_delay_ns(f, T0 + 3 * S - 1), 5 * MS);
	assert_int_equal(faults_delay_ns(f, T0 + 3 * S), 0);
	faults_destroy(f);
}

static void a_batch_is_struck_when_what_is_counted_lies_in_it(void **state)
{
	static const unsigned batches[] = { 3, 4, 10, 2, 1, 5 };
	static const bool struck[] = { false, false, true, false, true, false };
	struct faults *f = plant("lose:10@1", NULL); /* messages 10 and 20 */

	(void)state;
	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
		assert_int_equal(faults_strike(f, batches[i], T0) != 0, struck[i]);
	faults_destroy(f);
}

static void lots_are_drawn_as_often_as_asked_for(void **state)
{
	struct faults *f = plant("error:1/10", NULL);
	unsigned struck = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		struck += faults_strike(f, 1, T0) != 0;
	assert_in_range(struck, 9500, 10500); /* the same every time: the seed is */
	faults_destroy(f);
}

static void a_length_in_messages_ends_what_counts_nothing_itself(void **state)
{
	struct faults *f = plant("refuse@3+2", NULL);
	static const bool refuses[] = { false, false, true, true, false, false };

	(void)state;
	assert_false(faults_refuse(f, T0));
	for (size_t i = 0; i < sizeof(refuses) / sizeof(refuses[0]); i++) {
		faults_strike(f, 1, T0 + i);
		/* Message 3 is here when it begins: it holds for what comes with 4 and 5. */
		assert_int_equal(faults_refuse(f, T0 + i), refuses[i]);
	}
	faults_destroy(f);
}

/* Messages 1 to 7 come, one each millisecond; T0 is a millisecond before the first. */
#define COMING 7

enum asked { ASKED_STRUCK, ASKED_CLOSED, ASKED_DELAYED, ASKED_STALLED, ASKED_BUSY };
enum asked_before { ASKED_DELAYED_BEHIND, ASKED_REFUSED };

static bool is_hit(struct faults *f, enum asked what, unsigned struck, uint64_t now_ns)
{
	bool closed = faults_close(f, now_ns);

	switch (what) {
	case ASKED_STRUCK:
		return struck != 0;
	case ASKED_CLOSED:
		return closed;
	case ASKED_DELAYED:
		return faults_delay_of_told_ns(f, now_ns) > 0;
	case ASKED_STALLED:
		return faults_stall_end_ns(f, FAULT_STALL, now_ns) > now_ns;
	case ASKED_BUSY:
		return faults_stall_end_ns(f, FAULT_BUSY, now_ns) > now_ns;
	}
	abort();
}

/* What a fault hits of them: "34". */
static void expect_hits(const char *kind, const char *when, enum asked what, const char *hits)
{
	char text[64], found[COMING + 1] = "";
	size_t n = 0;

	(void)snprintf(text, sizeof(text), "%s%s", kind, when);
	struct faults *f = plant(text, NULL);
	for (unsigned i = 1; i <= COMING; i++) {
		uint64_t now_ns = T0 + i * MS;
		if (is_hit(f, what, faults_strike(f, 1, now_ns), now_ns))
			found[n++] = (char)('0' + i);
	}
	faults_destroy(f);
	if (strcmp(found, hits) != 0)
		fail_msg("%s hits messages %s and not %s", text, found, hits);
}

/* As a broker that has to know before it looks into what comes. */
static void expect_hits_behind(const char *kind, const char *when, enum asked_before what,
                               const char *hits)
{
	char text[64], found[COMING + 1] = "";
	size_t n = 0;

	(void)snprintf(text, sizeof(text), "%s%s", kind, when);
	struct faults *f = plant(text, NULL);
	for (unsigned i = 1; i <= COMING; i++) {
		uint64_t now_ns = T0 + i * MS;
		bool hit = what == ASKED_REFUSED ? faults_refuse(f, now_ns)
		                                 : faults_delay_ns(f, now_ns) > 0;
		if (hit)
			found[n++] = (char)('0' + i);
		faults_strike(f, 1, now_ns);
	}
	faults_destroy(f);
	if (strcmp(found, hits) != 0)
		fail_msg("%s hits what comes with messages %s and not %s", text, found, hits);
}

/* Each word, however its length is said: with one message, too, it hits. */
static void a_fault_hits_so_many_from_the_one_on_that_it_begins_with(void **state)
{
	static const struct {
		const char *when, *hits, *behind;
	} cases[] = {
		{ "@3", "34567", "4567" },
		{ "@3+1", "3", "4" },
		{ "@3..4", "3", "4" },
		{ "@3+2", "34", "45" },
		{ "@3..6", "345", "456" },
		{ "@1+1", "1", "2" },
		{ "@3+2ms", "34", "4" },
		/* The load began with the first message. */
		{ "@3ms", "4567", "4567" },
		{ "@3ms+1", "4", "4" },
		{ "@3ms+2", "45", "45" },
		{ "@3ms+2ms", "45", "45" },
		{ "@3ms..5ms", "45", "45" },
		{ "@1ms+1ms/3ms", "25", "25" },
	};
	static const char *const of_messages[] = { "error:1",     "deny:1",    "lose:1",
		                                   "duplicate:1", "reorder:1", "corrupt:1",
		                                   "spoil:1",     "error:5/5" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *when = cases[i].when, *hits = cases[i].hits;
		for (size_t k = 0; k < sizeof(of_messages) / sizeof(of_messages[0]); k++)
			expect_hits(of_messages[k], when, ASKED_STRUCK, hits);
		expect_hits("close:1", when, ASKED_CLOSED, hits);
		expect_hits("delay:5ms", when, ASKED_DELAYED, hits);
		expect_hits_behind("delay:5ms", when, ASKED_DELAYED_BEHIND, cases[i].behind);
		expect_hits_behind("refuse", when, ASKED_REFUSED, cases[i].behind);
	}
	/* These are as long as they say. */
	expect_hits("stall:1500us", "@3", ASKED_STALLED, "34");
	expect_hits("stall:1us", "@3", ASKED_STALLED, "3");
	expect_hits("stall:1us", "@3ms/2ms", ASKED_STALLED, "46");
	expect_hits("busy:1500us", "@3", ASKED_BUSY, "34");
	expect_hits("busy:1us", "@1", ASKED_BUSY, "1");
}

/* A batch that has the last of them in it, too, is hit by what is nothing but one message long. */
static void a_batch_in_which_all_of_it_lies_is_hit(void **state)
{
	struct faults *f = plant("delay:5ms@7+1 refuse@7+1", NULL);

	(void)state;
	faults_strike(f, 5, T0);
	assert_int_equal(faults_delay_of_told_ns(f, T0), 0);
	faults_strike(f, 5, T0); /* 6 to 10 */
	assert_int_equal(faults_delay_of_told_ns(f, T0), 5 * MS);
	assert_int_equal(faults_delay_ns(f, T0), 5 * MS);
	assert_true(faults_refuse(f, T0));
	faults_strike(f, 5, T0);
	assert_int_equal(faults_delay_of_told_ns(f, T0), 0);
	assert_int_equal(faults_delay_ns(f, T0), 0);
	assert_false(faults_refuse(f, T0));
	faults_destroy(f);
}

static void stalls_that_touch_are_one(void **state)
{
	struct faults *f = plant("stall:1s@1s stall:2s@2s busy:9s@3s stall:1s@10s/5s", NULL);

	(void)state;
	faults_strike(f, 1, T0);
	assert_int_equal(faults_stall_end_ns(f, FAULT_STALL, T0), T0);
	assert_int_equal(faults_stall_edge_ns(f, FAULT_STALL, T0), T0 + S);
	assert_int_equal(faults_stall_end_ns(f, FAULT_STALL, T0 + S), T0 + 4 * S);
	assert_int_equal(faults_stall_end_ns(f, FAULT_STALL, T0 + 4 * S), T0 + 4 * S);
	assert_int_equal(faults_stall_edge_ns(f, FAULT_BUSY, T0), T0 + 3 * S);
	assert_int_equal(faults_stall_end_ns(f, FAULT_BUSY, T0 + 3 * S), T0 + 12 * S);
	assert_int_equal(faults_stall_edge_ns(f, FAULT_STALL, T0 + 11 * S), T0 + 15 * S);
	assert_int_equal(faults_stall_end_ns(f, FAULT_STALL, T0 + 100 * S), T0 + 101 * S);
	assert_int_equal(faults_stall_edge_ns(f, FAULT_BUSY, T0 + 12 * S), UINT64_MAX);
	faults_destroy(f);
}

/* --- messages that are told apart ----------------------------------------------------------------- */

static struct fault_subject message(uint32_t producer, uint64_t sequence)
{
	return (struct fault_subject){ .is_known = true,
		                       .producer = producer,
		                       .sequence = sequence };
}

static unsigned strike(struct faults *f, uint32_t producer, uint64_t sequence)
{
	struct fault_subject who = message(producer, sequence);
	unsigned struck;

	faults_strike_each(f, &who, 1, T0, &struck);
	return struck;
}

static void messages_of_a_producer_are_struck_by_their_numbers_in_any_order(void **state)
{
	struct faults *f = plant("lose:3@2#10..20 duplicate:1@1#0+1", NULL);

	(void)state;
	for (int time = 0; time < 2; time++)
		for (uint64_t n = 40; n-- > 0;) {
			bool lost = n == 12 || n == 15 || n == 18;
			assert_int_equal(strike(f, 2, n), lost ? FAULT_BIT(FAULT_LOSE) : 0);
			assert_int_equal(strike(f, 1, n), n == 0 ? FAULT_BIT(FAULT_DUPLICATE) : 0);
			assert_int_equal(strike(f, 0, n), 0);
		}
	/* Nobody knows what is in a piece, or without a stamp. */
	assert_int_equal(faults_strike(f, 1000, T0), 0);
	struct fault_subject unknown = { .is_known = false };
	unsigned struck;
	faults_strike_each(f, &unknown, 1, T0, &struck);
	assert_int_equal(struck, 0);
	faults_destroy(f);
}

static void the_lot_of_a_message_is_its_own(void **state)
{
	struct fault faults[2];
	struct error err = { 0 };
	unsigned first = 0, second = 0, both = 0, other = 0, moved = 0;

	(void)state;
	assert_int_equal(fault_list_parse("lose:1/4@2#0 duplicate:1/4@2#0", ANY, faults, &err), 2);
	struct faults *f = faults_create(faults, 2, 1, NULL, T0);
	struct faults *again = faults_create(faults, 2, 1, NULL, T0);
	struct faults *seed = faults_create(faults, 2, 2, NULL, T0);
	for (uint64_t n = 0; n < 10000; n++)
		(void)strike(again, 2, n); /* what came before does not matter */
	for (uint64_t n = 0; n < 10000; n++) {
		unsigned struck = strike(f, 2, n);
		first += (struck & FAULT_BIT(FAULT_LOSE)) != 0;
		second += (struck & FAULT_BIT(FAULT_DUPLICATE)) != 0;
		both += struck == (FAULT_BIT(FAULT_LOSE) | FAULT_BIT(FAULT_DUPLICATE));
		other += struck != strike(seed, 2, n);
		moved += struck != strike(again, 2, n);
	}
	assert_in_range(first, 2300, 2700);
	assert_in_range(second, 2300, 2700);
	assert_in_range(both, 500, 750); /* each by itself */
	assert_true(other > 4000);
	assert_int_equal(moved, 0);
	faults_destroy(f);
	faults_destroy(again);
	faults_destroy(seed);
}

static void messages_that_share_an_answer_are_told_apart_but_for_that(void **state)
{
	struct faults *f = plant("lose:2@1 error:1@3+1", NULL);
	const unsigned lost = FAULT_BIT(FAULT_LOSE), refused = FAULT_BIT(FAULT_ERROR);
	struct fault_subject who[5] = { 0 };
	unsigned struck[5];

	(void)state;
	faults_strike_each(f, who, 5, T0, struck); /* numbers 1 to 5 */
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(struck[i], refused | (i % 2 == 1 ? lost : 0));
	faults_strike_each(f, who, 5, T0, struck); /* 6 to 10 */
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(struck[i], i % 2 == 0 ? lost : 0);
	faults_destroy(f);
}

static void messages_that_share_an_answer_share_a_lot_for_it(void **state)
{
	struct faults *f = plant("error:1/4 lose:1/4", NULL);
	struct fault_subject who[10] = { 0 };
	unsigned struck[10], refused = 0, lost = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		faults_strike_each(f, who, 10, T0, struck);
		refused += (struck[0] & FAULT_BIT(FAULT_ERROR)) != 0;
		for (unsigned k = 0; k < 10; k++)
			lost += (struck[k] & FAULT_BIT(FAULT_LOSE)) != 0;
	}
	assert_in_range(refused, 2300, 2700);
	assert_in_range(lost, 24000, 26000);
	faults_destroy(f);
}

static void faults_of_time_alone_look_at_no_message(void **state)
{
	struct faults *f = plant("stall:1s@5s delay:1ms refuse@1s+1s close:5", NULL);

	(void)state;
	assert_false(faults_are_of_messages(f));
	faults_destroy(f);
	f = plant("stall:1s@5s deny:5", NULL);
	assert_true(faults_are_of_messages(f));
	faults_destroy(f);
}

/* --- what a message is, and how it is damaged ------------------------------------------------------- */

static void a_message_is_known_by_a_good_stamp_that_is_no_probes(void **state)
{
	struct stamp stamp = { .sequence = 9, .producer = 4, .run = 77, .due_ns = T0 };
	unsigned char payload[50] = { 0 };

	(void)state;
	stamp_write(payload, sizeof(payload), &stamp);
	struct fault_subject who = fault_subject(payload, sizeof(payload));
	assert_true(who.is_known);
	assert_int_equal(who.producer, 4);
	assert_int_equal(who.sequence, 9);
	assert_false(fault_subject(payload, 20).is_known);
	assert_false(fault_subject(NULL, 0).is_known);
	stamp.flags = STAMP_PROBE;
	stamp_write(payload, sizeof(payload), &stamp);
	assert_false(fault_subject(payload, sizeof(payload)).is_known);

	struct fault_subject a = message(1, 5), b = message(1, 6), c = message(2, 5);
	struct fault_subject unknown = { .is_known = false };
	assert_true(fault_subjects_are_alike(&a, &b));
	assert_false(fault_subjects_are_alike(&a, &c));
	assert_false(fault_subjects_are_alike(&a, &unknown));
	assert_true(fault_subjects_are_alike(&unknown, &unknown));
}

static size_t different_byte(const unsigned char *a, const unsigned char *b, size_t len)
{
	size_t found = len;

	for (size_t i = 0; i < len; i++) {
		if (a[i] == b[i])
			continue;
		assert_int_equal(found, len); /* one alone */
		found = i;
	}
	return found;
}

static void corruption_breaks_the_stamp_and_spoiling_spares_it(void **state)
{
	bool seen[68] = { false };
	unsigned places = 0;

	(void)state;
	for (uint64_t n = 0; n < 200; n++) {
		struct stamp stamp = { .sequence = n, .producer = 1, .due_ns = T0 }, read;
		unsigned char good[100] = { 7 }, bad[100];
		stamp_write(good, sizeof(good), &stamp);
		memcpy(bad, good, sizeof(good));
		assert_true(fault_damage(FAULT_SPOIL, bad, sizeof(bad)));
		size_t at = different_byte(good, bad, sizeof(good));
		assert_in_range(at, 0, 67);
		places += !seen[at];
		seen[at] = true;
		assert_int_equal(stamp_read(bad, sizeof(bad), &read), STAMP_OK);
		memcpy(bad, good, sizeof(good));
		assert_true(fault_damage(FAULT_CORRUPT, bad, sizeof(bad)));
		assert_in_range(different_byte(good, bad, sizeof(good)), 68, 99);
		assert_int_equal(stamp_read(bad, sizeof(bad), &read), STAMP_CORRUPT);
	}
	assert_true(places > 60);

	unsigned char small[32] = { 0 };
	assert_false(fault_damage(FAULT_SPOIL, small, sizeof(small)));
	assert_true(fault_damage(FAULT_CORRUPT, small, 1));
	assert_false(fault_damage(FAULT_CORRUPT, small, 0));
}

/* --- what was done ---------------------------------------------------------------------------------- */

static void each_message_that_is_struck_stands_in_the_log(void **state)
{
	char path[] = "/tmp/omb-fault-log-XXXXXX", text[1024];
	struct error err = { 0 };
	const struct fault_event events[] = {
		{ .kind = FAULT_LOSE,
		  .topic = "t",
		  .partition = 3,
		  .offset = 17,
		  .who = message(2, 1041) },
		{ .kind = FAULT_REORDER,
		  .topic = "a \"b\"",
		  .partition = 0,
		  .offset = -1,
		  .who = message(0, 4),
		  .overtaken_by = message(0, 6) },
		{ .kind = FAULT_DENY, .topic = "t", .partition = 1, .offset = 0, .messages = 12 },
	};

	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	struct fault_log *l = fault_log_open(path, &err);
	assert_non_null(l);
	fault_log_add(NULL, &events[0]);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		fault_log_add(l, &events[i]);
	ssize_t len = read(fd, text, sizeof(text) - 1); /* it is there already */
	assert_true(len > 0);
	text[len] = '\0';
	assert_string_equal(
		text, "{\"fault\":\"lose\",\"topic\":\"t\",\"partition\":3,\"offset\":17,"
		      "\"producer\":2,\"sequence\":1041}\n"
		      "{\"fault\":\"reorder\",\"topic\":\"a \\u0022b\\u0022\",\"partition\":0,"
		      "\"producer\":0,\"sequence\":4,\"overtakenBy\":6}\n"
		      "{\"fault\":\"deny\",\"topic\":\"t\",\"partition\":1,\"offset\":0,"
		      "\"messages\":12}\n");
	assert_true(fault_log_close(l, &err));
	assert_true(fault_log_close(NULL, &err));
	close(fd);
	unlink(path);
	assert_null(fault_log_open("/nowhere/at/all", &err));
	assert_null(fault_log_open("/", &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_what_is_meant),
		cmocka_unit_test(a_mistake_is_shown_where_it_is),
		cmocka_unit_test(a_list_is_parted_by_blanks_and_commas),
		cmocka_unit_test(what_a_broker_cannot_do_is_refused),
		cmocka_unit_test(before_the_load_only_what_always_holds_strikes),
		cmocka_unit_test(without_a_word_the_load_begins_with_the_first_message),
		cmocka_unit_test(a_batch_is_struck_when_what_is_counted_lies_in_it),
		cmocka_unit_test(lots_are_drawn_as_often_as_asked_for),
		cmocka_unit_test(a_length_in_messages_ends_what_counts_nothing_itself),
		cmocka_unit_test(a_fault_hits_so_many_from_the_one_on_that_it_begins_with),
		cmocka_unit_test(a_batch_in_which_all_of_it_lies_is_hit),
		cmocka_unit_test(stalls_that_touch_are_one),
		cmocka_unit_test(messages_of_a_producer_are_struck_by_their_numbers_in_any_order),
		cmocka_unit_test(the_lot_of_a_message_is_its_own),
		cmocka_unit_test(messages_that_share_an_answer_are_told_apart_but_for_that),
		cmocka_unit_test(messages_that_share_an_answer_share_a_lot_for_it),
		cmocka_unit_test(faults_of_time_alone_look_at_no_message),
		cmocka_unit_test(a_message_is_known_by_a_good_stamp_that_is_no_probes),
		cmocka_unit_test(corruption_breaks_the_stamp_and_spoiling_spares_it),
		cmocka_unit_test(each_message_that_is_struck_stands_in_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
