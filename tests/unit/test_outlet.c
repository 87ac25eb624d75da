/* SPDX-License-Identifier: Apache-2.0 */
/* What is said into a pipe that nobody reads, for a while or for ever. */
#include "util/outlet.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/clock.h"
#include "util/signals.h"

#define S     UINT64_C(1000000000)
#define LINE  "a line of some length, as programs say it\n"
#define SMALL 16384 /* poll() says that there is room where a page is free */
#define MOST  100000

struct bed {
	int reader;
	FILE *file;
	struct outlet o;
	char got[4 * MOST];
};

/* How outlets get at a stream. */
enum way { BY_OPENING_AGAIN, BY_POLL, BY_SOCKET, WAYS };

static void set_up(struct bed *b, enum way way)
{
	int fds[2];

	if (way == BY_SOCKET) {
		int size = SMALL;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	} else {
		assert_int_equal(pipe(fds), 0);
		assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, SMALL), SMALL);
	}
	b->reader = fds[0];
	b->file = fdopen(fds[1], "w");
	outlet_open(&b->o, b->file);
	assert_int_equal(b->o.own_fd >= 0, way != BY_SOCKET);
	if (way == BY_POLL) { /* as where there is no /proc */
		close(b->o.own_fd);
		b->o.own_fd = -1;
	}
}

static void tear_down(struct bed *b)
{
	outlet_close(&b->o, 0);
	fclose(b->file);
	if (b->reader >= 0)
		close(b->reader);
}

/* All that is in the pipe now. */
static const char *read_all(struct bed *b)
{
	size_t len = 0;
	ssize_t n;

	fcntl(b->reader, F_SETFL, O_NONBLOCK);
	while ((n = read(b->reader, b->got + len, sizeof(b->got) - 1 - len)) > 0)
		len += (size_t)n;
	b->got[len] = '\0';
	return b->got;
}

/* How many of them found room. */
static uint64_t put_lines(struct bed *b, uint64_t count)
{
	uint64_t taken = 0;

	for (uint64_t i = 0; i < count; i++)
		taken += outlet_put(&b->o, LINE, strlen(LINE));
	return taken;
}

static void assert_whole_lines(const char *text, uint64_t lines, const char *last)
{
	for (uint64_t i = 0; i < lines; i++, text += strlen(LINE))
		assert_int_equal(strncmp(text, LINE, strlen(LINE)), 0);
	assert_string_equal(text, last);
}

static void what_finds_no_room_is_dropped_and_told(void **state)
{
	static struct bed b;

	(void)state;
	for (int way = 0; way < WAYS; way++) {
		char told[200];
		set_up(&b, (enum way)way);
		uint64_t taken = put_lines(&b, 2000);
		assert_in_range(taken, 10, 1990);
		uint64_t more = put_lines(&b, 10);
		assert_int_equal(more, 0);
		/* The last one may be there in part. */
		size_t len = strlen(read_all(&b));
		assert_in_range(len, (taken - 1) * strlen(LINE), taken * strlen(LINE));
		assert_true(outlet_put(&b.o, "again\n", 6));
		snprintf(told, sizeof(told), "%d lines were not written\nagain\n",
		         (int)(2010 - taken));
		size_t rest = taken * strlen(LINE) - len;
		assert_string_equal(read_all(&b) + rest, told);
		assert_int_equal(strncmp(b.got, &LINE[strlen(LINE) - rest], rest), 0);
		assert_true(outlet_put(&b.o, LINE, strlen(LINE))); /* and told once */
		assert_whole_lines(read_all(&b), 1, "");
		assert_int_equal(outlet_close(&b.o, 0), 0);
		tear_down(&b);
	}
}

/* A pipe has room for a part of it only. */
static void of_a_long_line_the_rest_comes_before_anything_else(void **state)
{
	static struct bed b;
	static char line[MOST + 1];

	(void)state;
	memset(line, 'x', MOST - 1);
	line[MOST - 1] = '\n';
	for (int way = 0; way < WAYS; way++) {
		struct text got = { 0 };
		set_up(&b, (enum way)way);
		assert_true(outlet_put(&b.o, line, MOST));
		text_add(&got, read_all(&b));
		assert_in_range(got.len, 1, MOST - 1);
		for (int i = 0; i < 1000 && got.len < MOST + 100; i++) {
			outlet_put(&b.o, LINE, strlen(LINE)); /* dropped until it is through */
			text_add(&got, read_all(&b));
		}
		assert_int_equal(strncmp(got.data, line, MOST), 0);
		const char *next = strstr(got.data, " not written\n" LINE);
		assert_non_null(next);
		assert_in_range(strspn(got.data + MOST, "0123456789"), 1, 4);
		tear_down(&b);
		text_fini(&got);
	}
}

static void what_is_replaced_soon_is_dropped_without_a_word(void **state)
{
	static struct bed b;

	(void)state;
	set_up(&b, BY_OPENING_AGAIN);
	uint64_t taken = 0;
	while (outlet_put_passing(&b.o, LINE, strlen(LINE)))
		taken++;
	assert_in_range(taken, 10, 1000);
	assert_whole_lines(read_all(&b), taken, "");
	assert_true(outlet_put(&b.o, "again\n", 6));
	assert_string_equal(read_all(&b), "again\n");
	tear_down(&b);
}

/* The flag would be one for all who share the pipe: the shell that comes next, for one. */
static void the_stream_of_others_stays_as_it_was(void **state)
{
	static struct bed b;

	(void)state;
	set_up(&b, BY_OPENING_AGAIN);
	assert_int_equal(fcntl(fileno(b.file), F_GETFL) & O_NONBLOCK, 0);
	assert_true(fcntl(b.o.own_fd, F_GETFD) & FD_CLOEXEC);
	tear_down(&b);
}

static void lines_that_are_untold_at_the_end_are_counted(void **state)
{
	static struct bed b;

	(void)state;
	set_up(&b, BY_OPENING_AGAIN);
	uint64_t taken = put_lines(&b, 500);
	assert_false(outlet_put_within(&b.o, "totals\n", 7, S / 100));
	assert_int_equal(outlet_close(&b.o, S / 100), 501 - taken);
	assert_int_equal(outlet_close(&b.o, 0), 0);
	tear_down(&b);
	set_up(&b, BY_OPENING_AGAIN);
	put_lines(&b, 500);
	read_all(&b);
	assert_int_equal(outlet_close(&b.o, 0), 0); /* there is room to say it */
	assert_non_null(strstr(read_all(&b), " lines were not written\n"));
	tear_down(&b);
}

static void a_signal_that_asks_for_the_end_ends_the_wait_for_room(void **state)
{
	static struct bed b;
	sigset_t ends, before;
	int number;

	(void)state;
	signals_of_the_end(&ends);
	sigprocmask(SIG_BLOCK, &ends, &before);
	set_up(&b, BY_OPENING_AGAIN);
	put_lines(&b, 500);
	raise(SIGTERM);
	uint64_t began_ns = clock_ns();
	assert_false(outlet_put_within(&b.o, "summary\n", 8, 3600 * S));
	assert_in_range(clock_ns() - began_ns, 0, 60 * S);
	sigwait(&ends, &number);
	assert_int_equal(number, SIGTERM); /* it is not read here */
	sigprocmask(SIG_SETMASK, &before, NULL);
	tear_down(&b);
}

static void what_is_waited_for_is_written_whole(void **state)
{
	static struct bed b;
	static char text[MOST];

	(void)state;
	for (int way = 0; way < WAYS; way++) {
		set_up(&b, (enum way)way);
		memset(text, 'x', MOST);
		text[MOST - 1] = '\n';
		pid_t child = fork();
		if (child == 0) {
			outlet_close(&b.o, 0);
			fclose(b.file);
			size_t len = 0;
			ssize_t n;
			while ((n = read(b.reader, b.got, sizeof(b.got))) > 0)
				len += (size_t)n;
			_exit(len == MOST + 1 ? 0 : 1);
		}
		assert_true(outlet_put_within(&b.o, text, MOST, UINT64_MAX));
		assert_true(outlet_put_within(&b.o, "\n", 1, UINT64_MAX));
		tear_down(&b);
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

/* Its reader has gone: stdio remembers that, and exit code 1 comes of it. */
static void a_stream_that_is_gone_is_left_to_stdio(void **state)
{
	static struct bed b;

	(void)state;
	signals_ignore_lost_output();
	for (int way = 0; way < WAYS; way++) {
		set_up(&b, (enum way)way);
		assert_true(outlet_put(&b.o, LINE, strlen(LINE)));
		assert_int_equal(ferror(b.file), 0);
		close(b.reader);
		b.reader = -1;
		assert_true(outlet_put(&b.o, LINE, strlen(LINE)));
		assert_int_not_equal(ferror(b.file), 0);
		assert_int_equal(put_lines(&b, 5000), 5000);
		assert_true(outlet_put_within(&b.o, LINE, strlen(LINE), 3600 * S));
		assert_int_equal(outlet_close(&b.o, 3600 * S), 0);
		tear_down(&b);
	}
}

static void what_others_said_by_stdio_comes_first(void **state)
{
	static struct bed b;

	(void)state;
	set_up(&b, BY_OPENING_AGAIN);
	fputs("one\n", b.file);
	outlet_put(&b.o, "two\n", 4);
	fputs("three\n", b.file);
	outlet_put(&b.o, "four\n", 5);
	assert_string_equal(read_all(&b), "one\ntwo\nthree\nfour\n");
	tear_down(&b);
}

static void files_and_buffers_have_everything(void **state)
{
	struct outlet o;
	char *text;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	outlet_open(&o, file);
	for (int i = 0; i < 5000; i++)
		assert_true(outlet_put(&o, LINE, strlen(LINE)));
	assert_int_equal(outlet_close(&o, 0), 0);
	assert_int_equal(len, 5000 * strlen(LINE));
	fclose(file);
	free(text);
	file = tmpfile();
	outlet_open(&o, file);
	assert_true(o.may_wait);
	outlet_put(&o, LINE, strlen(LINE));
	assert_int_equal(lseek(fileno(file), 0, SEEK_END), strlen(LINE)); /* at once */
	outlet_close(&o, 0);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_finds_no_room_is_dropped_and_told),
		cmocka_unit_test(of_a_long_line_the_rest_comes_before_anything_else),
		cmocka_unit_test(what_is_replaced_soon_is_dropped_without_a_word),
		cmocka_unit_test(the_stream_of_others_stays_as_it_was),
		cmocka_unit_test(lines_that_are_untold_at_the_end_are_counted),
		cmocka_unit_test(a_signal_that_asks_for_the_end_ends_the_wait_for_room),
		cmocka_unit_test(what_is_waited_for_is_written_whole),
		cmocka_unit_test(a_stream_that_is_gone_is_left_to_stdio),
		cmocka_unit_test(what_others_said_by_stdio_comes_first),
		cmocka_unit_test(files_and_buffers_have_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
