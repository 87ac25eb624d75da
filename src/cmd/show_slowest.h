/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_SHOW_SLOWEST_H
#define OMB_CMD_SHOW_SLOWEST_H

/*
 * show_slowest -- the slowest messages of a result as a table for people and for awk.
 */

struct record;
struct text;

/* Appends a line with the names of the columns, and one for each message. */
void show_slowest_add(const struct record *r, struct text *out);

#endif
