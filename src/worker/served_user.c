/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/served_state.h"

bool served_user(const struct served *s, struct text *out)
{
	if (own_is_in_use(s))
		text_addf(out, "a session of %s%s", s->own.session.who,
		          s->own.is_cleaning ? ", which is being cleaned up behind" : "");
	else if (omb_is_in_use(s))
		text_add(out, "a coordinator that speaks OMB's protocol");
	else if (served_queue_is_busy(&s->queue))
		text_add(out, "it is stopping");
	else
		return false;
	return true;
}
