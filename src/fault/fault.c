/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/stamp.h"
#include "util/text.h"
#include "util/units.h"

/* Of one fault: more is no fault. */
#define TEXT_MAX 96

/* clang-format off */
const struct fault_help fault_helps[] = {
	{ "delay:TIME",      FAULT_DELAY,     "all that comes is handled so late" },
	{ "stall:TIME",      FAULT_STALL,     "nothing is handled, answered or delivered for so long" },
	{ "busy:TIME",       FAULT_BUSY,      "producers are told to send nothing for so long, and all else goes on (loopback alone)" },
	{ "refuse",          FAULT_REFUSE,    "new connections are closed at once (embedded broker alone)" },
	{ "close:N",         FAULT_CLOSE,     "every Nth request, of the loopback every Nth message, closes its connection unanswered" },
	{ "error:[M/]N",     FAULT_ERROR,     "every Nth message, or M of N drawn by lot, is refused; a Kafka client with retries sends it again" },
	{ "deny:[M/]N",      FAULT_DENY,      "they are refused, and delivered all the same; a Kafka client with retries sends them again" },
	{ "lose:[M/]N",      FAULT_LOSE,      "they are acknowledged and thrown away" },
	{ "duplicate:[M/]N", FAULT_DUPLICATE, "they are delivered twice" },
	{ "reorder:[M/]N",   FAULT_REORDER,   "they are overtaken by the next of their partition and producer, if that comes within a second" },
	{ "corrupt:[M/]N",   FAULT_CORRUPT,   "a byte of their last 32 is flipped: the stamp is damaged" },
	{ "spoil:[M/]N",     FAULT_SPOIL,     "a byte in front of their last 32 is flipped: the stamp stays good" },
	{ NULL, 0, NULL },
};
/* clang-format on */

const char fault_grammar[] =
	"What a broker of omb's own does wrong on purpose: `brokerFaults` in a driver file of "
	"loopback, or of Kafka with `broker: embedded`, and --fault of `omb broker`. Each is "
	"KIND[:VALUE][@FROM[+LENGTH|..TO][/PERIOD]], and several are parted by blanks or commas.\n\n"
	"FROM, LENGTH and TO are times (10s) after the start of the load, or counts of its "
	"messages (5000): FROM is the first that is meant, TO the first that is not any more. A "
	"PERIOD later all comes again. Without @ a fault holds from the start of the broker on, "
	"and probes are counted. A broker that no run has started takes the first message for the "
	"start of the load. P#FROM counts the messages of one producer, from 0, as results name "
	"them: what is struck then follows from their numbers alone.\n\n"
	"stall:500ms@10s is one stall, stall:500ms@10s/30s one every 30 s; lose:1000@1 throws away "
	"every 1000th message of the load, error:7/1000@5s..9s refuses 7 of 1000 for 4 s, and "
	"close:1@500+1 closes one connection, at message 500, and lose:1@2#1041..1044 throws away "
	"1041, 1042 and 1043 of producer 2. Lots follow from a seed: brokerFaultSeed in the driver "
	"file, --seed.\n\n"
	"The embedded broker knows of a message when it takes it: what begins with a message "
	"delays, stalls, refuses and closes what comes behind it. close counts requests there.\n\n"
	"Messages of one batch of a Kafka client are told apart, but its answer is one: error and "
	"deny strike all that travel with a message. A compressed batch is lost, stored twice or "
	"refused as a whole, and corrupt, spoil and reorder leave it as it is.\n\n"
	"The broker names each message that it has done something to in the file brokerFaultLog "
	"or --fault-log, a line of JSON for each: fault, topic, partition, offset (Kafka), "
	"producer and sequence (of messages that omb has stamped); for reorder overtakenBy.";

/* --- reading -------------------------------------------------------------------------------------- */

struct scan {
	const char *text, *at;
	struct error *err;
};

static bool fail(const struct scan *s, const char *expected)
{
	const char *found = *s->at != '\0' ? s->at : "the end";

	return error_set(s->err, ERROR_USAGE,
	                 "fault \"%s\", character %d: expected %s instead of %s", s->text,
	                 (int)(s->at - s->text) + 1, expected, found);
}

static bool skip(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(s->at, word, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* Letters, digits and points, but not the two points before TO. */
static size_t word_length(const char *at)
{
	size_t len = 0;

	while (at[len] != '\0' && strchr("@+/:", at[len]) == NULL &&
	       (at[len] != '.' || at[len + 1] != '.'))
		len++;
	return len;
}

static bool take_time(struct scan *s, uint64_t *ns)
{
	char word[TEXT_MAX];
	size_t len = word_length(s->at);

	snprintf(word, sizeof(word), "%.*s", (int)len, s->at);
	if (len == 0 || parse_duration(word, NULL, ns) != UNITS_OK)
		return fail(s, "a time such as 500ms");
	s->at += len;
	return true;
}

static bool take_number(struct scan *s, uint64_t *n)
{
	char *end;

	if (*s->at < '1' || *s->at > '9')
		return fail(s, "a number from 1");
	*n = strtoull(s->at, &end, 10);
	if (*n > UINT32_MAX)
		return fail(s, "a number up to 4294967295");
	s->at = end;
	return true;
}

static bool take_sequence(struct scan *s, uint64_t *n)
{
	char *end;

	if (*s->at < '0' || *s->at > '9')
		return fail(s, "a message's number, from 0");
	*n = strtoull(s->at, &end, 10);
	if (*n > STAMP_SEQUENCE_MAX)
		return fail(s, "a message's number, which has 48 bits");
	s->at = end;
	return true;
}

/* "2#1000". */
static bool is_of_producer(const char *at)
{
	size_t digits = strspn(at, "0123456789");

	return digits > 0 && at[digits] == '#';
}

static bool take_producer(struct scan *s, struct fault *out)
{
	char *end;
	uint64_t producer = strtoull(s->at, &end, 10);

	if (producer > UINT32_MAX)
		return fail(s, "a producer up to 4294967295");
	s->at = end + 1;
	out->producer = (uint32_t)producer;
	out->from.unit = FAULT_SEQUENCES;
	return take_sequence(s, &out->from.n);
}

static bool take_span(struct scan *s, struct fault_span *out)
{
	size_t len = word_length(s->at);

	if (len == 0)
		return fail(s, "a time such as 10s or the number of a message");
	if (strspn(s->at, "0123456789") == len && *s->at != '0') {
		out->unit = FAULT_MESSAGES;
		return take_number(s, &out->n);
	}
	out->unit = FAULT_NS;
	return take_time(s, &out->n);
}

/* "5", or "3/5". */
static bool take_share(struct scan *s, bool by_lot, struct fault *out)
{
	if (!take_number(s, &out->of))
		return false;
	if (!by_lot || !skip(s, "/"))
		return true;
	out->count = out->of;

	const char *whole = s->at;
	if (!take_number(s, &out->of))
		return false;
	if (out->of >= out->count)
		return true;
	s->at = whole;
	return fail(s, "no less than what is to be drawn of it");
}

static bool take_kind(struct scan *s, const struct fault_help **out)
{
	size_t len = word_length(s->at);

	for (const struct fault_help *h = fault_helps; h->form != NULL; h++)
		if (strcspn(h->form, ":") == len && strncmp(h->form, s->at, len) == 0) {
			s->at += len;
			*out = h;
			return true;
		}

	struct text names = { 0 };
	for (const struct fault_help *h = fault_helps; h->form != NULL; h++) {
		if (h != fault_helps)
			text_add(&names, h[1].form != NULL ? ", " : " or ");
		text_add_bytes(&names, h->form, strcspn(h->form, ":"));
	}
	fail(s, text_str(&names));
	text_fini(&names);
	return false;
}

static bool take_value(struct scan *s, const struct fault_help *h, struct fault *out)
{
	const char *value = strchr(h->form, ':');

	if (value == NULL)
		return true;
	bool is_time = strcmp(value, ":TIME") == 0;
	if (!skip(s, ":"))
		return fail(s, is_time ? "\":\" and a time" : "\":\" and a number");
	if (!is_time)
		return take_share(s, strcmp(value, ":N") != 0, out);

	const char *time = s->at;
	if (!take_time(s, &out->ns))
		return false;
	if (out->ns > 0)
		return true;
	s->at = time;
	return fail(s, "a time above 0");
}

/* Behind a message of a producer a number is a number of such messages. */
static bool take_length(struct scan *s, const struct fault *f, struct fault_span *out)
{
	if (f->from.unit != FAULT_SEQUENCES)
		return take_span(s, out);
	out->unit = FAULT_MESSAGES;
	return take_sequence(s, &out->n);
}

static bool is_behind(const struct fault_span *from, const struct fault_span *to)
{
	enum fault_unit unit = from->unit == FAULT_SEQUENCES ? FAULT_MESSAGES : from->unit;

	return to->unit == unit && to->n > from->n;
}

static bool take_end(struct scan *s, struct fault *out)
{
	const char *end;

	if (skip(s, "+")) {
		end = s->at;
		if (!take_length(s, out, &out->length))
			return false;
	} else if (skip(s, "..")) {
		end = s->at;
		if (!take_length(s, out, &out->length))
			return false;
		out->length.n =
			is_behind(&out->from, &out->length) ? out->length.n - out->from.n : 0;
	} else {
		return true;
	}
	if (out->length.n > 0)
		return true;
	s->at = end;
	return fail(s, "an end behind the beginning, and counted as it is");
}

/* A stall is as long as it says. */
static bool has_own_length(const struct fault *f)
{
	return f->kind == FAULT_STALL || f->kind == FAULT_BUSY;
}

static bool strikes_messages(const struct fault *f)
{
	return f->of > 0 && f->kind != FAULT_CLOSE;
}

static bool take_period(struct scan *s, struct fault *out)
{
	const char *period;

	if (!skip(s, "/"))
		return true;
	period = s->at;
	if (!take_time(s, &out->period_ns))
		return false;
	if (out->length.unit == FAULT_NS && out->period_ns > out->length.n)
		return true;
	s->at = period;
	return fail(s, "a time longer than what comes again");
}

static bool take_when(struct scan *s, struct fault *out)
{
	if (has_own_length(out))
		out->length = (struct fault_span){ FAULT_NS, out->ns };
	if (!skip(s, "@"))
		return true;
	bool by_number = strikes_messages(out) && is_of_producer(s->at);
	if (by_number ? !take_producer(s, out) : !take_span(s, &out->from))
		return false;
	if (!has_own_length(out) && !take_end(s, out))
		return false;
	return take_period(s, out);
}

bool fault_parse(const char *text, unsigned can, struct fault *out, struct error *err)
{
	struct scan s = { text, text, err };
	const struct fault_help *kind;

	*out = (struct fault){ 0 };
	if (strlen(text) >= TEXT_MAX)
		return error_set(err, ERROR_USAGE, "fault \"%.20s...\" is too long", text);
	if (!take_kind(&s, &kind))
		return false;
	out->kind = kind->kind;
	if ((can & FAULT_BIT(kind->kind)) == 0)
		return error_set(err, ERROR_USAGE, "fault \"%s\": this broker cannot do that",
		                 text);
	if (!take_value(&s, kind, out) || !take_when(&s, out))
		return false;
	return *s.at == '\0' || fail(&s, "the end, or @ and when it is");
}

int fault_list_parse(const char *texts, unsigned can, struct fault *out, struct error *err)
{
	static const char parting[] = ", \t\n";
	char one[TEXT_MAX + 1];
	int count = 0;

	for (const char *at = texts + strspn(texts, parting); *at != '\0';
	     at += strspn(at, parting)) {
		size_t len = strcspn(at, parting);
		if (count == FAULTS_MAX) {
			error_set(err, ERROR_USAGE, "there are more than %d faults", FAULTS_MAX);
			return -1;
		}
		snprintf(one, sizeof(one), "%.*s", (int)len, at);
		if (!fault_parse(one, can, &out[count++], err))
			return -1;
		at += len;
	}
	return count;
}
