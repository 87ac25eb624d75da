/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_ASK_H
#define OMB_DRIVER_ASK_H

/*
 * ask -- one short question to a server, past the client library: what it is, when the library does not
 * tell.
 *
 * For administration, which may wait: ASK_MS at the most, besides looking up a name.
 */

#include <stdbool.h>
#include <stddef.h>

#include "net/buffer.h"
#include "net/tls.h"

#define ASK_MS      2000
#define ASK_MAX     65536 /* of an answer */
#define VERSION_MAX 64    /* a broker's name and version */

/* Is the answer whole? */
typedef bool ask_whole_fn(const unsigned char *data, size_t len);

struct ask_whom {
	const char *address;           /* HOST:PORT */
	const struct tls_options *tls; /* NULL: in clear.  The certificate must bear HOST */
};

/* Connects, says `question` (len 0: nothing; the server speaks first) and reads until the answer is
 * whole.  *answer is initialised here, and finished by the caller in either case. */
bool ask_server(const struct ask_whom *whom, const void *question, size_t len,
                ask_whole_fn *is_whole, struct buffer *answer);

#endif
