/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_WIRE_H
#define OMB_KAFKA_WIRE_H

/*
 * wire -- Kafka's strings, bytes and arrays in their non-flexible encodings.
 */

#include "kafka/string.h"
#include "net/bytes.h"

struct kafka_string read_string(struct reader *r);      /* i16 length, -1: null */
struct kafka_string read_kafka_bytes(struct reader *r); /* i32 length, -1: null */
/*
 * The count of an array (i32; -1, null, is told as 0).  A count that could not fit into what is
 * left, each element being at least `element_min` bytes, breaks the reader.
 */
size_t read_count(struct reader *r, size_t element_min);
void write_string(struct writer *w, const char *s); /* NULL: null */
void write_string_n(struct writer *w, struct kafka_string s);
void write_kafka_bytes(struct writer *w, const void *data, size_t len); /* i32 length */

#endif
