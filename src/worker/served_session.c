/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/served_session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

void session_begin(struct session *s, const unsigned char random[SESSION_ID_CHARS / 2],
                   const char *who, uint64_t lease_ns, uint64_t now_ns)
{
	assert(!s->is_live);
	*s = (struct session){
		.is_live = true,
		.origin_ns = now_ns,
		.lease_ns = lease_ns,
		.renewed_ns = now_ns,
	};
	for (size_t i = 0; i < SESSION_ID_CHARS / 2; i++)
		snprintf(s->id + 2 * i, 3, "%02x", random[i]);
	snprintf(s->who, sizeof(s->who), "%s", who);
}

void session_end(struct session *s)
{
	for (size_t i = 0; i < SESSION_ANSWERS; i++)
		text_fini(&s->answers[i].line);
	for (size_t i = 0; i < s->topics_count; i++)
		free(s->topics[i]);
	free(s->topics);
	*s = (struct session){ 0 };
}

bool session_is_id(const struct session *s, const char *id)
{
	unsigned char differ = 0;

	if (!s->is_live || strlen(id) != SESSION_ID_CHARS)
		return false;
	for (size_t i = 0; i < SESSION_ID_CHARS; i++)
		differ |= (unsigned char)(s->id[i] ^ id[i]);
	return differ == 0;
}

void session_renew(struct session *s, uint64_t now_ns)
{
	s->renewed_ns = now_ns;
}

uint64_t session_over_ns(const struct session *s)
{
	if (!s->is_live || s->lease_ns == 0 || s->lease_ns > UINT64_MAX - s->renewed_ns)
		return UINT64_MAX;
	return s->renewed_ns + s->lease_ns;
}

enum session_step session_ask(struct session *s, uint64_t ask, bool is_stop,
                              const struct text **answer)
{
	for (size_t i = 0; i < 2; i++)
		if (s->is_running[i] && s->running[i] == ask)
			return SESSION_JOIN;
	for (size_t i = 0; i < SESSION_ANSWERS; i++) {
		if (!s->answers[i].is_there || s->answers[i].ask != ask)
			continue;
		*answer = &s->answers[i].line;
		return SESSION_REPEAT;
	}
	if (ask < s->newest)
		return SESSION_OLD;
	if (s->is_running[is_stop] || (!is_stop && s->is_running[true]))
		return SESSION_BUSY;
	s->running[is_stop] = s->newest = ask;
	s->is_running[is_stop] = true;
	return SESSION_START;
}

void session_answered(struct session *s, uint64_t ask, bool is_stop, struct text *line)
{
	struct session_answer *a = &s->answers[s->next_answer];

	assert(s->is_running[is_stop] && s->running[is_stop] == ask);
	s->is_running[is_stop] = false;
	s->next_answer = (s->next_answer + 1) % SESSION_ANSWERS;
	text_fini(&a->line);
	*a = (struct session_answer){ .ask = ask, .is_there = true, .line = *line };
	*line = (struct text){ 0 };
}

bool session_is_busy(const struct session *s)
{
	return s->is_running[0] || s->is_running[1];
}

/* --- topics ------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

void session_has_created(struct session *s, const char *const *topics, size_t count)
{
	size_t wanted = s->topics_count + count;

	if (wanted > s->topics_cap) {
		s->topics_cap = wanted;
		s->topics = xrealloc(s->topics, wanted * sizeof(*s->topics));
	}
	for (size_t i = 0; i < count; i++)
		s->topics[s->topics_count++] = xstrdup(topics[i]);
	if (s->topics_count > 0)
		qsort(s->topics, s->topics_count, sizeof(*s->topics), by_name);
}

void session_has_deleted(struct session *s, const char *const *topics, size_t count)
{
	bool *is_gone = xcalloc(s->topics_count + 1, sizeof(*is_gone));
	size_t kept = 0;

	for (size_t i = 0; i < count && s->topics_count > 0; i++) {
		char **found = bsearch(&topics[i], s->topics, s->topics_count, sizeof(*s->topics),
		                       by_name);
		if (found != NULL)
			is_gone[found - s->topics] = true;
	}
	for (size_t i = 0; i < s->topics_count; i++) {
		if (is_gone[i])
			free(s->topics[i]);
		else
			s->topics[kept++] = s->topics[i];
	}
	s->topics_count = kept;
	free(is_gone);
}
