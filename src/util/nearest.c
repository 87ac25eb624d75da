/* SPDX-License-Identifier: Apache-2.0 */
#include "util/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Longer names are nobody's typing mistake. */
#define NAME_MAX_LEN 48

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

static bool is_same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* One row of Levenshtein's table from the one before it, in place. */
static void next_row(unsigned *row, size_t i, char c, const char *b)
{
	unsigned diagonal = row[0];

	row[0] = (unsigned)i;
	for (size_t j = 1; b[j - 1] != '\0'; j++) {
		unsigned above = row[j];

		row[j] = smallest(above + 1, row[j - 1] + 1,
		                  diagonal + !is_same_letter(c, b[j - 1]));
		diagonal = above;
	}
}

/* Levenshtein's distance, upper and lower case being the same. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[NAME_MAX_LEN + 1] = { 0 };
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++)
		next_row(row, i, a[i - 1], b);
	return row[b_len];
}

struct nearest nearest_to(const char *wanted)
{
	return (struct nearest){
		.wanted = wanted,
		.distance = 2 + (unsigned)(strlen(wanted) / 5),
	};
}

void nearest_consider(struct nearest *n, const char *name)
{
	unsigned d = distance(name, n->wanted);

	if (d < n->distance) {
		n->distance = d;
		n->name = name;
	}
}
