/* SPDX-License-Identifier: Apache-2.0 */
/* Which Kafka a broker is, by what it answers to ApiVersions. */
#include "driver/kafka/version.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver/ask.h"
#include "driver/kafka/settings.h"
#include "kafka/api.h"
#include "kafka/codec.h"
#include "kafka/messages/session.h"
#include "net/socket.h"

#if HAVE_TLS
#include "certificate.h"
#endif

static void write_answer(struct writer *w, int16_t error, int16_t level)
{
	const struct kafka_api *api = kafka_api_find(KAFKA_API_VERSIONS);
	struct kafka_api_range apis[] = { { KAFKA_PRODUCE, 0, 9 }, { KAFKA_FETCH, 4, 16 } };
	struct kafka_feature features[] = {
		{ { "group.version", 13 }, 0, 1 },
		{ { "metadata.version", 16 }, 7, level },
	};
	struct kafka_api_versions_response r = { .error = error };
	const struct kafka_encoder e = { .version = 3, .is_flexible = true, .out = w };

	r.apis.items = apis;
	r.apis.count = 2;
	r.features.items = features;
	r.features.count = level > 0 ? 2 : 0;
	kafka_answer_head_write(w, api, 3, 0);
	kafka_encode(&e, api->answer, &r);
}

static void a_broker_is_named_by_the_level_of_its_metadata(void **state)
{
	static const struct {
		int16_t level;
		const char *wanted;
	} cases[] = {
		{ 1, "Kafka 3.0, by its metadata.version 1" },
		{ 19, "Kafka 3.7, by its metadata.version 19" },
		{ 25, "Kafka 4.0, by its metadata.version 25" },
		{ 999, "Kafka, newer than 4.3: metadata.version 999" },
		{ 0, "unknown (Produce up to version 9, Fetch up to 16)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = { 0 };
		char version[64];
		write_answer(&w, 0, cases[i].level);
		assert_true(kafka_version_read(w.data, w.len, version, sizeof(version)));
		assert_string_equal(version, cases[i].wanted);
		writer_fini(&w);
	}
}

static void what_is_no_answer_is_none(void **state)
{
	struct writer w = { 0 };
	char version[64];

	(void)state;
	write_answer(&w, 35, 25); /* it does not know this version of the question */
	assert_false(kafka_version_read(w.data, w.len, version, sizeof(version)));
	writer_clear(&w);
	write_answer(&w, 0, 25);
	for (size_t len = 0; len < w.len; len++)
		(void)kafka_version_read(w.data, len, version, sizeof(version));
	assert_false(kafka_version_read(w.data, 9, version, sizeof(version)));
	writer_fini(&w);
}

#if HAVE_TLS
/* --- over TLS --------------------------------------------------------------------------------------- */

/* A broker of Kafka 4.0 that answers nothing but this question, in a process. */
struct server {
	char file[64]; /* certificate and key */
	char address[ADDRESS_TEXT];
	pid_t pid;
};

static void await_io(int fd, uint32_t events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };

	(void)poll(&p, 1, 10000);
}

static bool read_question(struct tls *tls, int fd)
{
	unsigned char data[4096];
	size_t len = 0, n;
	struct error err;

	while (len < 4 || len < 4 + ((size_t)data[2] << 8 | data[3])) {
		enum io io = tls_read(tls, data + len, sizeof(data) - len, &n, &err);
		if (io_is_over(io))
			return false;
		len += n;
		if (io == IO_BLOCKED)
			await_io(fd, tls_read_wants(tls));
	}
	return true;
}

static void answer_one(struct tls_context *context, int fd)
{
	struct writer body = { 0 }, frame = { 0 };
	struct error err;
	size_t n;
	struct tls *tls = tls_create(context, fd, NULL, &err);
	enum io io;

	while ((io = tls_handshake(tls, &err)) == IO_BLOCKED)
		await_io(fd, tls_read_wants(tls));
	if (!io_is_over(io) && read_question(tls, fd)) {
		write_answer(&body, 0, 25);
		write_u32(&frame, (uint32_t)body.len);
		memcpy(write_space(&frame, body.len), body.data, body.len);
		(void)tls_write(tls, frame.data, frame.len, &n, &err); /* there is room for it */
	}
	tls_destroy(tls);
	close(fd);
}

static _Noreturn void serve(const char *file, int listen_fd)
{
	const struct tls_options options = { .cert_file = file };
	struct address from;
	struct error err;
	struct tls_context *context = tls_server_create(&options, &err);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		await_io(listen_fd, POLLIN);
		int fd = socket_accept(listen_fd, &from);
		if (fd >= 0)
			answer_one(context, fd);
	}
}

static void start_server(struct server *s)
{
	struct address at;
	struct error err;

	(void)snprintf(s->file, sizeof(s->file), "/tmp/omb-test-version-%d.pem", (int)getpid());
	certificate_write(s->file);
	assert_true(address_parse("127.0.0.1:0", &at, &err));
	int fd = socket_listen(&at, &err);
	assert_true(fd >= 0 && socket_name(fd, &at));
	address_format(&at, s->address);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0)
		serve(s->file, fd);
	close(fd);
}

static void stop_server(struct server *s)
{
	kill(s->pid, SIGKILL);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	unlink(s->file);
}

static void it_is_asked_over_tls_by_what_the_client_trusts(void **state)
{
	static const struct {
		const char *key, *value; /* NULL: the certificate of the broker */
		bool is_told;
	} cases[] = {
		{ "ssl.ca.location", NULL, true },
		{ "enable.ssl.certificate.verification", "false", true },
		{ "ssl.endpoint.identification.algorithm", "none", true },
		{ "client.id", "nobody signed that", false },
		{ "ssl.ca.location", "/nowhere", false },
	};
	struct server s;

	(void)state;
	start_server(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kafka_setting items[] = {
			{ .key = "bootstrap.servers", .value = s.address },
			{ .key = "security.protocol", .value = "SASL_SSL" },
			{ .key = cases[i].key,
			  .value = cases[i].value != NULL ? cases[i].value : s.file },
		};
		const struct kafka_settings settings = { .items = items, .count = 3 };
		char version[VERSION_MAX] = "";
		assert_int_equal(kafka_version_ask(&settings, version, sizeof(version)),
		                 cases[i].is_told);
		assert_string_equal(
			version, cases[i].is_told ? "Kafka 4.0, by its metadata.version 25" : "");
	}
	stop_server(&s);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broker_is_named_by_the_level_of_its_metadata),
		cmocka_unit_test(what_is_no_answer_is_none),
#if HAVE_TLS
		cmocka_unit_test(it_is_asked_over_tls_by_what_the_client_trusts),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
