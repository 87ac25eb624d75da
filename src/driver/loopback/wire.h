/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_WIRE_H
#define OMB_DRIVER_LOOPBACK_WIRE_H

/*
 * wire -- what clients and the loopback broker say to each other, as bytes: pure functions.
 *
 *     frame:   length u32 | type u8 | body         length leaves itself out; all little-endian
 *     batch:   a frame whose body begins with a count u32 of what follows
 *     text:    length u16 | bytes, without NUL
 *
 *     to the broker                                      from the broker
 *     HELLO          magic u32                           DONE       status u8, text
 *     CREATE_TOPICS  count { text, partitions u32 }      NAMES      count { topic text ("" = it is
 *                                                                   one), text }
 *     DELETE_TOPICS  count { text }                      REFUSED    text
 *     DELETE_GROUPS  count { topic text, text }          ACKS       count { partition, good u32 }
 *     LIST           text                                BUSY       on u8
 *     OPEN_PRODUCER  text                                ASSIGNED   of all u32, mine u32
 *     PRODUCE        count { message }                   DELIVER    count, partition u32,
 *     SUBSCRIBE      topic text, group text                         offset u64 { delivered }
 *     CREDIT         bytes u32                           RESUMED
 *     COMMIT         count { partition u32, offset u64 }
 *     PAUSE, RESUME
 *
 *     message:    payload u32, key u16 (0 = none, else length + 1), [headers u32,] key, [headers,]
 *                 payload
 *     delivered:  payload << 1 | redelivered u32, broker_ms u64, [tail u32, tail,] payload
 *                 what stands in brackets is there if the first word says so (LOOP_MORE)
 *     tail:       key u16 (as above), key, headers
 *     headers:    { name u16 | value u32 (0 = none, else length + 1) | name, NUL | value }
 *     ACKS word:  partition << 1 | acknowledged, in the order in which messages were produced
 *
 * HELLO comes first.  Then a connection produces to one topic, or subscribes to one, or asks
 * administrative questions one after the other.  A consumer grants credit for so many bytes of
 * `delivered`; the broker stops when it is used up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/buffer.h"
#include "util/error.h"

#define LOOP_WIRE_MAGIC      UINT32_C(0x324c4d4f)
#define LOOP_FRAME_MAX       (64u << 20) /* length; anything longer is not ours */
#define LOOP_NAME_MAX        1000
#define LOOP_PAYLOAD_MAX     (LOOP_FRAME_MAX - 2 * 65536)
#define LOOP_KEY_MAX         65534
#define LOOP_HEADERS_MAX     65535 /* bytes of all headers of a message */
#define LOOP_MORE            (UINT32_C(1) << 31)

#define LOOP_MESSAGE_BYTES   6  /* of a message besides key and payload */
#define LOOP_DELIVERED_BYTES 12 /* of one delivered besides payload and tail */

enum loop_frame_type {
	LOOP_HELLO = 1,
	LOOP_CREATE_TOPICS,
	LOOP_DELETE_TOPICS,
	LOOP_DELETE_GROUPS,
	LOOP_LIST,
	LOOP_OPEN_PRODUCER,
	LOOP_PRODUCE,
	LOOP_SUBSCRIBE,
	LOOP_CREDIT,
	LOOP_COMMIT,
	LOOP_PAUSE,
	LOOP_RESUME,

	LOOP_DONE = 128,
	LOOP_NAMES,
	LOOP_REFUSED,
	LOOP_ACKS,
	LOOP_BUSY,
	LOOP_ASSIGNED,
	LOOP_DELIVER,
	LOOP_RESUMED,
};

/* status of DONE */
enum loop_done {
	LOOP_DONE_OK,
	LOOP_DONE_RETRY, /* a group has members */
	LOOP_DONE_FAILED,
};

/* --- reading ------------------------------------------------------------------------------------- */

/* Never reads past `end`: what is not there reads as 0 and sets `broken`, which sticks. */
struct loop_reader {
	const unsigned char *at, *end;
	bool broken;
};

uint8_t loop_read_u8(struct loop_reader *r);
uint16_t loop_read_u16(struct loop_reader *r);
uint32_t loop_read_u32(struct loop_reader *r);
uint64_t loop_read_u64(struct loop_reader *r);
const unsigned char *loop_read_bytes(struct loop_reader *r, size_t len); /* borrowed */

struct loop_frame {
	uint8_t type;
	struct loop_reader body;
	size_t bytes; /* of the whole frame */
};

enum loop_frame_status { LOOP_FRAME_COMPLETE, LOOP_FRAME_MORE, LOOP_FRAME_BAD };

/* FRAME_MORE: out->bytes says how many bytes the frame takes as far as known. */
enum loop_frame_status loop_frame_parse(const void *data, size_t len, struct loop_frame *out,
                                        struct error *err);

struct loop_message {
	const void *payload, *key, *headers; /* borrowed; key NULL = none */
	uint32_t payload_len, key_len, headers_len;
};

struct loop_delivered {
	const void *payload, *tail; /* borrowed */
	uint32_t payload_len, tail_len;
	int64_t broker_ms;
	bool redelivered;
};

/* Each returns false, and breaks the reader, when the bytes are not that. */
bool loop_read_text(struct loop_reader *r, char out[LOOP_NAME_MAX + 1]);
bool loop_read_message(struct loop_reader *r, struct loop_message *out);
bool loop_read_delivered(struct loop_reader *r, struct loop_delivered *out);

struct loop_header {
	const char *name;  /* borrowed */
	const void *value; /* borrowed; NULL = none */
	uint32_t name_len, value_len;
};

/* False at the end, and where the rest makes no header. */
bool loop_read_header(struct loop_reader *r, struct loop_header *out);
/* Nothing but whole headers? */
bool loop_headers_are_whole(const void *headers, uint32_t len);

struct loop_tail {
	const void *key, *headers; /* borrowed; key NULL = none */
	uint32_t key_len, headers_len;
};

/* 0: there is none. */
static inline uint32_t loop_tail_bytes(bool has_key, uint32_t key_len, uint32_t headers_len)
{
	return has_key || headers_len > 0 ? 2 + key_len + headers_len : 0;
}
void loop_tail_write(const struct loop_tail *tail, unsigned char *to);
bool loop_tail_read(const void *bytes, uint32_t len, struct loop_tail *out);

/* --- writing ------------------------------------------------------------------------------------- */

/*
 * Everything is appended to a buffer; b->overflowed says whether it had room.  A frame stays open
 * for more until it is closed; only the last frame of a buffer is open, and nothing is taken out of
 * the buffer meanwhile.
 */
struct loop_batch { /* zeroed: closed */
	bool is_open;
	size_t at; /* pending bytes in front of it */
	uint32_t count;
};

void loop_put_u8(struct buffer *b, uint8_t value);
void loop_put_u32(struct buffer *b, uint32_t value);
void loop_put_u64(struct buffer *b, uint64_t value);
void loop_put_text(struct buffer *b, const char *text); /* cut at LOOP_NAME_MAX */
void loop_put_message(struct buffer *b, const struct loop_message *m);
void loop_put_header(struct buffer *b, const struct loop_header *h);
void loop_put_delivered(struct buffer *b, const struct loop_delivered *d);

size_t loop_frame_open(struct buffer *b, enum loop_frame_type type);
void loop_frame_close(struct buffer *b, size_t at);
void loop_put_frame(struct buffer *b, enum loop_frame_type type); /* without a body */

/* Opens the frame and leaves room for the count; the caller counts. */
void loop_batch_open(struct loop_batch *batch, struct buffer *b, enum loop_frame_type type);
void loop_batch_close(struct loop_batch *batch, struct buffer *b);

#endif
