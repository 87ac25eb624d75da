# SPDX-License-Identifier: Apache-2.0
"""Runs whose load is made by workers of other hosts, and what goes wrong with those."""

import ctypes
import json
import signal
import socket
import time

import pytest
from harness import HostWorker, wait_until
from worker_double import SESSION, double

LOOPBACK = {"name": "Loopback", "driver": "loopback"}
LIMIT_S = 15  # after which a worker that is gone has been named


def workload(**more):
    return {
        "name": "small",
        "topics": 2,
        "partitionsPerTopic": 3,
        "messageSize": 100,
        "useRandomizedPayloads": True,
        "randomBytesRatio": 0.5,
        "randomizedPayloadPoolSize": 10,
        "subscriptionsPerTopic": 2,
        "consumerPerSubscription": 2,
        "producersPerTopic": 2,
        "producerRate": 1000,
        "warmupDuration": "0s",
        "testDuration": "1s",
        "samplePeriod": "1s",
    } | more


# ---- as if it were here ---


def test_a_worker_elsewhere_gives_what_a_local_run_gives(omb):
    with double() as d:
        there = omb.run(workload(), LOOPBACK, "-w", d.url)
    there.must_end(0)
    here = omb.run(workload(), LOOPBACK)
    here.must_end(0)
    for name in ("sent", "acknowledged", "received", "failed", "unsent"):
        assert there.totals[name] == here.totals[name], name
    assert there.totals["sent"] == 1000 and there.totals["received"] == 2000
    assert there.omb["accounting"]["lost"] == here.omb["accounting"]["lost"] == 0
    assert len(there.omb["agents"]) == len(here.omb["agents"])
    assert there.latency("correctedEndToEnd").count == 2000
    assert f"worker {d.url}: omb 0.1.0 on double; its clock " in there.err
    # The worker is free again, and was asked for nothing after that.
    assert d.asked[-1][0] == f"DELETE /omb/v1/sessions/{SESSION}"


def test_a_file_names_the_worker_and_each_run_has_a_session_of_its_own(omb):
    with double() as d:
        omb.write("hosts.yaml", {"workers": [d.url + "/"]})
        w = omb.write("a.yaml", workload(testDuration="300ms"))
        v = omb.write("b.yaml", workload(testDuration="300ms"))
        driver = omb.write("d.yaml", LOOPBACK)
        done = omb.command("run", "-d", driver, "-wf", "hosts.yaml", w, v)
        done.must_end(0)
        assert sum(path == "POST /omb/v1/sessions" for path, _ in d.asked) == 2
    assert len(done.named(".json")) == 2


# ---- what is wrong with it ---


@pytest.mark.parametrize(
    "hello, code, message",
    [
        ({"protocol": 0}, 2, "it is too old: its omb 0.1.0 speaks version 0 of the workers' protocol"),
        ({"protocol": 2, "version": "9.1"}, 2, "it is too new: its omb 9.1 speaks version 2"),
        ({"program": "nginx"}, 1, 'it is no worker of omb but "nginx"'),
        ({"verbs": "all"}, 1, "its greeting: verbs is no list"),
    ],
)
def test_a_worker_that_does_not_fit_is_named(omb, hello, code, message):
    with double(hello=hello) as d:
        result = omb.run(workload(), LOOPBACK, "-w", d.url)
        assert len(d.asked) == 1  # nothing was asked of it
    result.must_end(code)
    assert f"worker {d.url}: {message}" in result.err
    assert not result.named(".json", ".omb", ".partial")


@pytest.mark.parametrize(
    "path, said, message",
    [
        ("GET /omb/v1/hello", b"220 mail ESMTP\r\n", "Received HTTP/0.9 when not allowed"),
        ("GET /omb/v1/hello", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<p>", "its greeting is no JSON"),
        ("GET /omb/v1/hello", b"HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\nbusy", "status 503: busy"),
        ("GET /omb/v1/clock", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "asking its clock: receivedNs"),
        (
            "POST /omb/v1/sessions",
            b'HTTP/1.1 409 x\r\nContent-Length: 56\r\n\r\n{"error":{"kind":"refused","text":"host-7 1234 has it"}}',
            "opening a session: host-7 1234 has it",
        ),
    ],
)
def test_a_worker_that_cannot_be_had_is_named(omb, path, said, message):
    with double(on=lambda p, body: said if p == path else None) as d:
        result = omb.run(workload(), LOOPBACK, "-w", d.url)
    result.must_end(1)
    assert f"worker {d.url}: {message}" in result.err


# ---- their clocks ---


def host_is_synchronised():
    """As the kernel says: the answer of adjtimex, and the flags of struct timex."""
    libc = ctypes.CDLL(None)
    timex = (ctypes.c_long * 64)()
    said = libc.adjtimex(timex)
    status = ctypes.cast(ctypes.byref(timex, 5 * ctypes.sizeof(ctypes.c_long)), ctypes.POINTER(ctypes.c_int))[0]
    return 0 <= said < 5 and not status & (0x40 | 0x1000) and timex[3] < 16000000


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--clock", "sundial"], 'omb: --clock: "sundial" is neither probes nor system'),
        (["--clock", "system"], "omb: --clock is about workers on other hosts: --workers names them"),
    ],
)
def test_a_clock_that_cannot_be_is_refused(omb, flags, message):
    result = omb.run(workload(), LOOPBACK, *flags)
    result.must_end(2)
    assert message in result.err


def clock_answer(**members):
    now = time.monotonic_ns()
    body = json.dumps({"receivedNs": now, "sentNs": now} | members).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def system_clock():
    return {"monotonicNs": time.monotonic_ns(), "wallNs": time.time_ns(), "errorNs": 3000000}


@pytest.mark.parametrize(
    "members, message",
    [
        (lambda: {}, "it does not say how well its host is synchronised"),
        (lambda: {"systemLack": "no daemon runs"}, "no daemon runs"),
        (lambda: {"system": system_clock()}, None),
    ],
)
def test_the_time_of_day_serves_where_both_hosts_follow_it(omb, members, message):
    """On a host that does not, it is refused before anybody is asked."""
    said = lambda path, body: clock_answer(**members()) if path == "GET /omb/v1/clock" else None  # noqa: E731
    with double(on=said) as d:
        result = omb.run(workload(testDuration="300ms"), LOOPBACK, "-w", d.url, "--clock", "system")
        asked = len(d.asked)
    if not host_is_synchronised():
        result.must_end(2)
        assert "omb: --clock system: the clock of this host is not synchronised" in result.err
        assert asked == 0
    elif message:
        result.must_end(2)
        assert f"worker {d.url}: asking its clock: {message}" in result.err
    else:
        result.must_end(0)
        assert result.totals["sent"] == 300


def test_an_interruption_ends_the_greeting(omb):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        running = omb.start(workload(), LOOPBACK, "-w", url)
        with silent.accept()[0] as connection:
            connection.recv(1000)
            running.signal(signal.SIGINT)
            result = running.wait(8)  # it would have waited for 10 s
    result.must_end(130)
    assert "interrupted before the workers had answered" in result.err


CALLS = f"POST /omb/v1/sessions/{SESSION}/calls"


def on_verb(verb, answer, times=10**9):
    """The first calls of this verb get this answer: bytes."""
    left = [times]

    def on(path, body):
        if path != CALLS or json.loads(body)["verb"] != verb or left[0] == 0:
            return None
        left[0] -= 1
        return answer(body)

    return on


def http_200(text, length=None):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length or len(text)}\r\n\r\n{text}".encode()


@pytest.mark.parametrize(
    "text, message",
    [
        ("<html>", "create-topics: a message is no JSON object"),
        ('{"id":99,"state":"done"}', "create-topics: it answered number 99"),
        ('{"id":2,"state":"done"}', "create-topics: create-topics: answer is missing"),
        ('{"id":2,"state":"running"}', "create-topics: its answer says that there is none yet"),
    ],
)
def test_an_answer_that_makes_no_sense_ends_the_run_and_names_the_worker(omb, text, message):
    with double(on=on_verb("create-topics", lambda body: http_200(text))) as d:
        result = omb.run(workload(), LOOPBACK, "-w", d.url)
    result.must_end(1)
    assert f"worker {d.url} was lost at " in result.err and message in result.err


def test_an_answer_that_breaks_off_is_asked_for_again(omb):
    """The ask has its number: it is carried out once."""
    half = on_verb("create-producers", lambda body: http_200('{"id":4,"sta', 1000), times=2)
    with double(on=half) as d:
        result = omb.run(workload(), LOOPBACK, "-w", d.url)
        asked = [json.loads(b) for p, b in d.asked if p == CALLS]
    result.must_end(0)
    again = [a for a in asked if a["verb"] == "create-producers"]
    assert len(again) == 3 and len({a["id"] for a in again}) == 1


def test_what_a_worker_refuses_is_told_in_its_words(omb):
    text = json.dumps({"error": {"kind": "config", "text": "no such driver"}})
    refusal = f"HTTP/1.1 400 x\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
    with double(on=on_verb("initialize-driver", lambda body: refusal)) as d:
        result = omb.run(workload(), LOOPBACK, "-w", d.url)
    result.must_end(2)
    assert f"initialize-driver: worker {d.url}: no such driver" in result.err


# ---- lost ---


@pytest.mark.delicate
def test_a_worker_that_dies_in_the_window_is_named_and_what_was_measured_is_kept(omb):
    with double() as d:
        running = omb.start(workload(testDuration="60s"), LOOPBACK, "-w", d.url)
        running.await_phase("measure")
        wait_until(lambda: len(running.said("progress")) > 3, 20, "some samples")
        d.die()
        began = time.monotonic()
        result = running.wait(60)
        assert time.monotonic() - began < LIMIT_S
    result.must_end(1)
    assert f"worker {d.url} was lost at " in result.err
    assert "nobody listens there: Connection refused" in result.err
    assert result.named(".json.partial")
    assert result.totals["sent"] > 0


@pytest.mark.delicate
def test_a_session_that_is_not_known_any_more_ends_the_run(omb):
    """The worker was started anew meanwhile, or this host slept longer than the lease."""
    with double() as d:
        running = omb.start(workload(testDuration="60s"), LOOPBACK, "-w", d.url)
        running.await_phase("measure")
        d.on = lambda path, body: b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n" if SESSION in path else None
        result = running.wait(LIMIT_S + 15)
    result.must_end(1)
    assert "its session has ended: it was started anew, or heard nothing of this coordinator" in result.err


# ---- as they are: processes of their own ---


@pytest.fixture
def hosts(tmp_path):
    """Starts workers, and has ended them with the test."""

    def begin(count):
        return [HostWorker(tmp_path / f"host-{i}") for i in range(count)]

    return begin


def urls(workers):
    return ",".join(w.url for w in workers)


on_embedded = pytest.mark.parametrize("kafka", ["embedded"], indirect=True)


def test_one_worker_makes_run_after_run(omb, hosts):
    (worker,) = hosts(1)
    here = omb.run(workload(), LOOPBACK)
    for _ in range(2):
        there = omb.run(workload(), LOOPBACK, "-w", worker.url)
        there.must_be_good()
        for name in ("sent", "acknowledged", "received", "failed", "unsent"):
            assert there.totals[name] == here.totals[name], name
        assert there.omb["accounting"]["lost"] == 0
    wait_until(lambda: not worker.clients(), 10, "a worker without clients")


@on_embedded
@pytest.mark.parametrize(
    "count, options, roles",
    [
        (2, (), ["produces", "consumes"]),
        (3, (), ["produces", "consumes", "consumes"]),
        (3, ("--roles", "both"), ["; its", "; its", "; its"]),
    ],
)
def test_several_workers_give_the_totals_of_a_local_run(omb, kafka, hosts, count, options, roles):
    workers = hosts(count)
    result = omb.run(workload(), kafka.driver(), "-w", urls(workers), *options)
    result.must_be_good()
    assert result.totals["sent"] == result.totals["acknowledged"] == 1000
    assert result.totals["received"] == 2000
    # Of messages that are due at an edge of the window the clocks of two workers may think differently.
    assert result.latency("correctedEndToEnd").count == pytest.approx(2000, abs=16)
    for worker, role in zip(workers, roles):
        (line,) = [x for x in result.err.splitlines() if f"worker {worker.url}: " in x]
        assert role in line
    told = {w["url"]: w for w in result.omb["workers"]}
    assert list(told) == [w.url for w in workers]
    assert sum(w["counters"]["sent"] for w in told.values()) == 1000


def test_what_workers_do_is_asked_for_in_words(omb):
    for roles, message in (
        ("produce", "--roles"),
        ("produce,eat", "--roles"),
        ("both,both,both", "--roles"),
    ):
        result = omb.run(workload(), LOOPBACK, "-w", "http://127.0.0.1:1,http://127.0.0.1:2", "--roles", roles)
        result.must_end(2)
        assert message in result.err
    result = omb.run(workload(), LOOPBACK, "--roles", "both")
    result.must_end(2)
    assert "--roles is about workers on other hosts" in result.err
    result = omb.run(workload(), LOOPBACK, "-w", "http://127.0.0.1:1", "--tolerate-worker-loss", "x")
    result.must_end(2)
    assert '--tolerate-worker-loss: "x" is no number of workers' in result.err


def test_check_tells_who_has_which_part_and_asks_nobody(omb):
    driver, w = omb.write("d.yaml", LOOPBACK), omb.write("w.yaml", workload())
    two = "http://127.0.0.1:1,http://127.0.0.1:2"
    done = omb.command("check", "-d", driver, "-w", two, w)
    done.must_end(0)
    assert "http://127.0.0.1:1: 4 of 4 producers, 0 of 8 consumers" in done.out
    assert "http://127.0.0.1:2: 0 of 4 producers, 8 of 8 consumers" in done.out
    done = omb.command("check", "-d", driver, "-w", two, "--roles", "both", w)
    assert "http://127.0.0.1:1: 2 of 4 producers, 4 of 8 consumers" in done.out
    done = omb.command("check", "-d", driver, "-w", "http://a", w)
    done.must_end(2)


def start_and_measure(omb, kafka, workers, *options):
    running = omb.start(workload(testDuration="60s"), kafka.driver(), "-w", urls(workers), *options)
    running.await_phase("measure")
    wait_until(lambda: len(running.said("progress")) > 3, 20, "some samples")
    return running


@on_embedded
@pytest.mark.delicate
def test_one_of_two_workers_that_is_killed_is_named(omb, kafka, hosts):
    workers = hosts(2)
    running = start_and_measure(omb, kafka, workers)
    workers[1].signal(signal.SIGKILL)
    began = time.monotonic()
    result = running.wait(60)
    assert time.monotonic() - began < LIMIT_S
    result.must_end(1)
    assert f"worker {workers[1].url} was lost at " in result.err
    assert result.named(".json.partial") and result.totals["sent"] > 0
    # The other one was told to stop.
    wait_until(lambda: not workers[0].clients(), 10, "a worker without clients")


@on_embedded
@pytest.mark.delicate
def test_a_tolerated_loss_lets_the_run_go_on(omb, kafka, hosts):
    workers = hosts(2)
    running = omb.start(
        workload(testDuration="6s", drainTimeout="2s"), kafka.driver(), "-w", urls(workers),
        "--roles", "both,produce", "--tolerate-worker-loss", "1",
    )
    running.await_phase("measure")
    workers[1].signal(signal.SIGKILL)
    result = running.wait(60)
    result.must_end(3)
    told = {w["url"]: w for w in result.omb["workers"]}
    assert told[workers[1].url]["lost"] and "was lost at " in told[workers[1].url]["why"]
    assert not told[workers[0].url].get("lost")
    assert told[workers[0].url]["counters"]["sent"] > 2500  # for all of 6 s


@pytest.mark.delicate
@pytest.mark.slow
def test_a_worker_that_is_stopped_is_named_within_its_limit(omb, hosts):
    (worker,) = hosts(1)
    running = omb.start(workload(testDuration="60s"), LOOPBACK, "-w", worker.url)
    running.await_phase("measure")
    worker.signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        result = running.wait(60)
    finally:
        worker.signal(signal.SIGCONT)
    assert time.monotonic() - began < LIMIT_S
    result.must_end(1)
    assert f"worker {worker.url} was lost at " in result.err
    assert "no answer in time; the last sign of life came " in result.err


@pytest.mark.delicate
def test_a_coordinator_that_stood_still_goes_on(omb, hosts):
    """What it finds late was in time where it comes from."""
    (worker,) = hosts(1)
    running = omb.start(workload(testDuration="15s"), LOOPBACK, "-w", worker.url)
    running.await_phase("measure")
    running.signal(signal.SIGSTOP)
    time.sleep(11)  # longer than any answer may take
    running.signal(signal.SIGCONT)
    result = running.wait(60)
    assert result.code in (0, 3), result.err
    assert "was lost" not in result.err
