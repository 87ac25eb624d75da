/* SPDX-License-Identifier: Apache-2.0 */
/* reach -- which settings name files of the host, or what is run there. */
#include <string.h>
#include <strings.h>

#include "driver/kafka/names.h"
#include "driver/kafka/settings.h"

static bool is_told_before(const struct kafka_config *c, unsigned role,
                           const struct kafka_setting *s)
{
	for (unsigned i = 0; i < role; i++)
		if (strcmp(kafka_setting_value(&c->roles[i], s->key, ""), s->value) == 0)
			return true;
	return false;
}

/* With Kerberos the library runs kinit, also where the file has no command for it. */
static bool runs_kinit(const struct kafka_settings *list)
{
	const char *protocol = kafka_setting_value(list, "security.protocol", "");
	const char *mechanism = kafka_setting_value(list, "sasl.mechanism", "GSSAPI");

	return strncasecmp(protocol, "sasl", 4) == 0 && strcmp(mechanism, "GSSAPI") == 0 &&
	       kafka_setting_find(list, "sasl.kerberos.kinit.cmd") == NULL;
}

void kafka_reach(const void *config, driver_reach_fn *fn, void *to)
{
	const struct kafka_config *c = config;
	bool has_kinit = false;

	for (unsigned role = 0; role < KAFKA_ROLES; role++) {
		const struct kafka_settings *list = &c->roles[role];
		for (size_t i = 0; i < list->count; i++) {
			const struct kafka_setting *s = &list->items[i];
			const struct name *n = name_find(s->key);
			if (n == NULL || (n->flags & (NAME_FILE | NAME_COMMAND)) == 0 ||
			    s->value[0] == '\0' || is_told_before(c, role, s))
				continue;
			fn(to, &(struct driver_reach){ s->key, s->value,
			                               (n->flags & NAME_COMMAND) != 0 });
		}
		if (!has_kinit && runs_kinit(list))
			fn(to, &(struct driver_reach){ "sasl.mechanism", "GSSAPI", true });
		has_kinit = has_kinit || runs_kinit(list);
	}
}
