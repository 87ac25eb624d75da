/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_JAVA_NUMBER_H
#define OMB_UTIL_JAVA_NUMBER_H

/*
 * java_number -- a double as Java's Double.toString writes it.
 *
 * The fewest digits (at least two) that read back as the same double, and of those the nearest to
 * it: the rule of JDK 19 and later.  Earlier JDKs sometimes wrote a digit more.  Plain notation
 * from 0.001 to below 10^7, else one digit before the point and an exponent: `12345.678`, `1.0E7`,
 * `1.65E-4`, `0.0`, `-0.0`, `NaN`, `Infinity`.
 */

/* Room for any double and its NUL. */
#define JAVA_NUMBER_SIZE 32

/* Returns `out`. */
char *java_number_format(double value, char out[JAVA_NUMBER_SIZE]);

#endif
