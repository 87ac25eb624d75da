/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_NUMBER_H
#define OMB_CONFIG_NUMBER_H

/*
 * number -- a number as YAML 1.1 and the Java program read it, and whether it is written plainly.
 *
 * Plain is what every reader takes for the same number: an optional sign, digits without a leading
 * zero, perhaps a point and digits.  Strict reading takes nothing else.
 */

#include <stdbool.h>
#include <stdint.h>

enum number_form {
	NUMBER_PLAIN,
	NUMBER_EXPONENT, /* 1e5 */
	NUMBER_OTHER,    /* 10_000, 0x10, 010 (octal: 8), .5 */
};

struct number {
	enum number_form form;
	double value; /* with its sign */
	bool whole;   /* written without a point or exponent */
	bool negative;
	uint64_t magnitude; /* of a whole number; UINT64_MAX when it does not fit */
};

/* The whole text must be a number. */
bool number_parse(const char *text, struct number *out);

#endif
