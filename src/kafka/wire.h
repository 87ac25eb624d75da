/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_WIRE_H
#define OMB_KAFKA_WIRE_H

/*
 * wire -- Kafka's strings, bytes, arrays and varints as they stand on the wire.
 */

#include "kafka/string.h"
#include "net/bytes.h"

#define VARINT_MAX  5
#define VARLONG_MAX 10

struct kafka_string read_string_n(struct reader *r, int32_t len); /* that was read; -1: null */
struct kafka_string read_string(struct reader *r);                /* i16 length, -1: null */
struct kafka_string read_kafka_bytes(struct reader *r);           /* i32 length, -1: null */
/*
 * The count of an array (i32; -1, null, is told as 0).  A count that could not fit into what is
 * left, each element being at least `element_min` bytes, breaks the reader.
 */
size_t read_count(struct reader *r, size_t element_min);
void write_string(struct writer *w, const char *s); /* NULL: null */
void write_string_n(struct writer *w, struct kafka_string s);
void write_kafka_bytes(struct writer *w, const void *data, size_t len); /* i32 length */

/* 7 bits a byte, lowest first; of lengths.  More than 32 bits break the reader. */
uint32_t read_uvarint(struct reader *r);
void write_uvarint(struct writer *w, uint32_t value);
/* Zigzag: small negative numbers are short too; of records. */
int32_t read_varint(struct reader *r);
int64_t read_varlong(struct reader *r);
void write_varint(struct writer *w, int32_t value);
void write_varlong(struct writer *w, int64_t value);
/* The same into memory that has room for VARLONG_MAX bytes; returns how many. */
size_t put_varlong(uint8_t *out, int64_t value);
size_t varlong_bytes(int64_t value);

/* Of flexible versions: the length is a varint, 1 more than it is; 0: null. */
struct kafka_string read_compact(struct reader *r);
void write_compact(struct writer *w, struct kafka_string s);

#endif
