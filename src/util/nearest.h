/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_NEAREST_H
#define OMB_UTIL_NEAREST_H

/*
 * nearest -- the name that was probably meant by a mistyped one.
 *
 *     struct nearest n = nearest_to("topisc");
 *     nearest_consider(&n, "topics");
 *     nearest_consider(&n, "name");
 *     n.name                              "topics"
 *
 * Near is what is a mistake or two away from a short name, a few from a long one; upper and lower
 * case are the same.  Of names that are equally near the first one is taken.
 */

struct nearest {
	const char *wanted;
	const char *name;  /* the nearest so far, borrowed; NULL = none is near */
	unsigned distance; /* only names that are nearer than this count */
};

struct nearest nearest_to(const char *wanted);

void nearest_consider(struct nearest *n, const char *name);

#endif
