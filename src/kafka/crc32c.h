/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_CRC32C_H
#define OMB_KAFKA_CRC32C_H

/* crc32c -- the checksum of record batches: Castagnoli's polynomial, reflected. */

#include <stddef.h>
#include <stdint.h>

/* By the CPU's own instruction where it has it (SSE4.2), else by tables. */
uint32_t crc32c(const void *data, size_t len);
/* By tables, on any CPU. */
uint32_t crc32c_tables(const void *data, size_t len);

#endif
