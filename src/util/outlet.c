/* SPDX-License-Identifier: Apache-2.0 */
#include "util/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/signals.h"

/* How long a signal may wait while a line waits for room. */
#define LOOK_NS UINT64_C(50000000)

static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void outlet_open(struct outlet *o, FILE *file)
{
	struct stat st;

	fflush(file);
	*o = (struct outlet){ .file = file, .fd = fileno(file), .own_fd = -1, .may_wait = true };
	if (o->fd < 0 || fstat(o->fd, &st) != 0)
		return;
	o->is_socket = S_ISSOCK(st.st_mode);
	o->may_wait = !o->is_socket && !S_ISFIFO(st.st_mode) && isatty(o->fd) == 0;
	if (!o->may_wait && !o->is_socket)
		o->own_fd = open_again(o->fd);
}

/* How much was taken; 0: there is no room; -1: the stream is gone. */
static ssize_t try_write(const struct outlet *o, const char *bytes, size_t len)
{
	struct pollfd poll_fd = { .fd = o->fd, .events = POLLOUT };
	ssize_t n;

	do {
		if (o->is_socket)
			n = send(o->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		else if (o->own_fd >= 0)
			n = write(o->own_fd, bytes, len);
		else if (poll(&poll_fd, 1, 0) == 0)
			return 0;
		else /* room for so much, if for anything */
			n = write(o->fd, bytes, len < PIPE_BUF ? len : PIPE_BUF);
	} while (n < 0 && errno == EINTR);
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : n;
}

/* Everything, as far as there is room: how much was taken. */
static size_t write_some(struct outlet *o, const char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len && !o->may_wait) {
		ssize_t n = try_write(o, bytes + at, len - at);
		if (n == 0)
			break;
		if (n < 0)
			o->may_wait = true;
		else
			at += (size_t)n;
	}
	if (o->may_wait && at < len) {
		fwrite(bytes + at, 1, len - at, o->file);
		fflush(o->file);
		at = len;
	}
	return at;
}

static bool write_rest(struct outlet *o)
{
	size_t taken = write_some(o, text_str(&o->rest), o->rest.len);

	if (taken > 0) {
		memmove(o->rest.data, o->rest.data + taken, o->rest.len - taken + 1);
		o->rest.len -= taken;
	}
	return o->rest.len == 0;
}

/* All of it or nothing, or what is left of it is the rest. */
static bool begin_text(struct outlet *o, const char *bytes, size_t len)
{
	size_t taken = write_some(o, bytes, len);

	if (taken > 0)
		text_add_bytes(&o->rest, bytes + taken, len - taken);
	return taken > 0;
}

static bool tell_dropped(struct outlet *o)
{
	struct text line = { 0 };

	if (o->dropped == 0)
		return true;
	if (o->words != NULL)
		o->words(o->context, o->dropped, &line);
	else
		text_addf(&line, "%" PRIu64 " line%s not written\n", o->dropped,
		          o->dropped == 1 ? " was" : "s were");
	bool begun = begin_text(o, text_str(&line), line.len);
	text_fini(&line);
	if (begun)
		o->dropped = 0;
	return begun && o->rest.len == 0;
}

static bool put(struct outlet *o, const char *text, size_t len)
{
	fflush(o->file); /* what others have said there comes first; nothing, as a rule */
	return write_rest(o) && tell_dropped(o) && begin_text(o, text, len);
}

static uint64_t lines_in(const char *text, size_t len)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

bool outlet_put_passing(struct outlet *o, const char *text, size_t len)
{
	return put(o, text, len);
}

bool outlet_put(struct outlet *o, const char *text, size_t len)
{
	if (put(o, text, len))
		return true;
	o->dropped += lines_in(text, len);
	return false;
}

static bool is_asked_to_end(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t pending, ends;

	signals_of_the_end(&ends);
	sigpending(&pending);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (sigismember(&ends, numbers[i]) == 1 && sigismember(&pending, numbers[i]) == 1)
			return true;
	return false;
}

/* False: there is no time left to wait. */
static bool wait_for_room(const struct outlet *o, uint64_t began_ns, uint64_t most_ns)
{
	struct pollfd poll_fd = { .fd = o->own_fd >= 0 ? o->own_fd : o->fd, .events = POLLOUT };
	uint64_t passed_ns = clock_ns() - began_ns;

	if (passed_ns >= most_ns || is_asked_to_end())
		return false;
	uint64_t left_ns = most_ns - passed_ns;
	poll(&poll_fd, 1, (int)((left_ns < LOOK_NS ? left_ns : LOOK_NS) / 1000000) + 1);
	return true;
}

/* All of it is written, its end too. */
static bool settle(struct outlet *o, uint64_t began_ns, uint64_t most_ns)
{
	while (!write_rest(o) || !tell_dropped(o))
		if (!wait_for_room(o, began_ns, most_ns))
			return false;
	return true;
}

bool outlet_put_within(struct outlet *o, const char *text, size_t len, uint64_t most_ns)
{
	uint64_t began_ns = clock_ns();

	while (!put(o, text, len)) {
		if (!wait_for_room(o, began_ns, most_ns)) {
			o->dropped += lines_in(text, len);
			return false;
		}
	}
	return settle(o, began_ns, most_ns);
}

uint64_t outlet_close(struct outlet *o, uint64_t most_ns)
{
	uint64_t untold = 0;

	if (o->file == NULL)
		return 0;
	if (!settle(o, clock_ns(), most_ns))
		untold = o->dropped + (o->rest.len > 0);
	file_close(o->own_fd);
	text_fini(&o->rest);
	*o = (struct outlet){ .fd = -1, .own_fd = -1 };
	return untold;
}
