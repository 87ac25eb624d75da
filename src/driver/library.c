/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/library.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

const char *library_package(const char *soname, char out[LIBRARY_PACKAGE])
{
	const char *end = strstr(soname, ".so.");

	if (end == NULL || end == soname) {
		(void)snprintf(out, LIBRARY_PACKAGE, "%s", soname);
		return out;
	}
	(void)snprintf(out, LIBRARY_PACKAGE, "%.*s%s%s", (int)(end - soname), soname,
	               isdigit((unsigned char)end[-1]) ? "-" : "", end + strlen(".so."));
	return out;
}

bool library_load(const struct driver_library *l, struct error *err)
{
	char package[LIBRARY_PACKAGE];

	if (l == NULL)
		return true;
	void *handle = dlopen(l->soname, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		return error_set(err, ERROR_SYSTEM,
		                 "library missing: %s: install the package %s (%s)", l->soname,
		                 library_package(l->soname, package), dlerror());
	for (size_t i = 0; i < l->count; i++) {
		void *symbol = dlsym(handle, l->names[i]);
		if (symbol == NULL)
			return error_set(err, ERROR_SYSTEM,
			                 "library too old: %s lacks %s: install a newer package %s",
			                 l->soname, l->names[i],
			                 library_package(l->soname, package));
		/* ISO C has no conversion from one to the other; POSIX has them look the same.  A
		 * table that is full is not written: threads of its library may read it. */
		char *place = (char *)l->functions + i * sizeof(symbol);
		if (memcmp(place, &symbol, sizeof(symbol)) != 0)
			memcpy(place, &symbol, sizeof(symbol));
	}
	return true;
}
