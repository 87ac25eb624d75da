# SPDX-License-Identifier: Apache-2.0
"""The embedded broker's sockets: frames that no client library would send so, and bad surroundings."""

import ctypes
import errno
import os
import resource
import struct
import time

import pytest
from harness import EmbeddedBroker, assert_nothing_lost, plain_workload, wait_until
from wire import NONE, OFFSET_OUT_OF_RANGE, Wire, api_versions, batch, fetch, join_group, produce

DELAY = ("--fault", "delay:20ms")
ROUNDS = 12


@pytest.fixture
def broker(tmp_path):
    started = []

    def start(*options, **more):
        started.append(EmbeddedBroker(tmp_path / f"broker{len(started)}", *options, **more))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def seconds(do):
    start = time.monotonic()
    for _ in range(ROUNDS):
        do()
    return time.monotonic() - start


def assert_nothing_sleeps_too_long(wire, do, requests):
    """`do` makes so many requests one after the other: it takes about as long as so many alone.  A
    wake-up that is lost is made up for by the broker's next second, 25 times as late."""
    alone = seconds(lambda: wire.produce("t"))
    together = seconds(do)
    assert together < 5 * requests * alone, f"{together} s; one request alone: {alone} s"


def test_a_frame_behind_one_that_waited_is_answered_as_soon(broker):
    kafka = broker(*DELAY, "-t", "t:1")
    with Wire(kafka.address) as wire:

        def pair():
            wire.send(produce("t", correlation=1), produce("t", correlation=2))
            assert [wire.receive()[0] for _ in range(2)] == [1, 2]

        assert_nothing_sleeps_too_long(wire, pair, 2)


def test_a_reader_is_woken_by_a_frame_behind_one_that_waited(broker):
    # The first frame waits for the delay and is answered, the second is handled behind it.
    kafka = broker("--memory", "4MB", *DELAY, "-t", "t:1,u:1")
    with Wire(kafka.address) as wire, Wire(kafka.address) as reader:
        end = 0

        def wake():
            nonlocal end
            reader.send(fetch("u", offset=end, max_wait_ms=20_000))
            wire.send(produce("t"), produce("u"))
            reader.receive()
            for _ in range(2):
                wire.receive()
            end += 1

        assert_nothing_sleeps_too_long(wire, wake, 3)


def test_a_deadline_behind_a_frame_that_waited_is_kept(broker):
    # A fetch that finds nothing is answered after its own time, a new group's first member after
    # the group's.
    kafka = broker(*DELAY, "--rebalance-delay", "20ms", "-t", "t:1,empty:1")
    with Wire(kafka.address) as wire:
        groups = iter(range(1000))

        def waits():
            wire.send(
                produce("t"),
                fetch("empty", max_wait_ms=20),
                produce("t"),
                join_group(f"g{next(groups)}"),
            )
            for _ in range(4):
                wire.receive()

        assert_nothing_sleeps_too_long(wire, waits, 5)


def test_what_was_sent_without_an_answer_is_stored_though_the_sender_is_gone(broker):
    kafka = broker(*DELAY, "-t", "t:1")
    with Wire(kafka.address) as wire:
        wire.send(*[produce("t", acks=0) for _ in range(10)])
    with Wire(kafka.address) as reader:
        wait_until(lambda: reader.fetch("t")[1] == 10, 20, "ten messages in the log")


def test_an_idempotent_client_that_outlives_the_broker_goes_on_beside_new_ones(broker):
    old = broker("-t", "t:1")
    with Wire(old.address) as wire:
        survivor, epoch = wire.init_producer_id()
        assert wire.produce("t", batch(1, survivor, epoch, sequence=0)) == (NONE, 0)
    old.stop()

    new = broker("-t", "t:1", port=int(old.address.rpartition(":")[2]))
    with Wire(new.address) as wire:
        newcomer, _ = wire.init_producer_id()
        assert newcomer != survivor
        # Neither a batch out of order nor one that is taken for another's.
        for at in range(3):
            found = wire.produce("t", batch(1, newcomer, 0, sequence=at))
            assert found == (NONE, 2 * at)
            found = wire.produce("t", batch(1, survivor, epoch, sequence=1 + at))
            assert found == (NONE, 2 * at + 1)
        # And a batch that is sent again is known.
        assert wire.produce("t", batch(1, survivor, epoch, sequence=3)) == (NONE, 5)
        assert wire.fetch("t")[1] == 6


def test_what_a_silent_reader_has_not_had_stands_in_the_totals(broker):
    kafka = broker("--memory", "1MiB", "-t", "t:1")
    with Wire(kafka.address) as wire, Wire(kafka.address) as silent:
        wire.produce("t")
        silent.fetch("t")  # and nothing more, connected as it is
        read = 0

        def dropped():
            """The first of what is there, once that is more than the silent one had."""
            nonlocal read
            assert wire.produce("t", batch(size=20_000))[0] == NONE
            error, read, start, _ = wire.fetch("t", offset=read)
            assert error == NONE
            return start if start > 1 else 0

        # Producers wait for it for 10 s.
        start = wait_until(dropped, 40, "messages that are dropped")
        assert silent.fetch("t", offset=1)[0] == OFFSET_OUT_OF_RANGE
    said = kafka.stop()
    assert f", {start - 1} messages dropped unread (" in said
    assert ", 1 fetches of what was dropped" in said
    assert f"topic t: {start - 1} messages dropped unread" in said


def limit_descriptors(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_listeners_without_descriptors_accept_again_when_there_are_some(broker):
    kafka = broker("--brokers", "3", preexec_fn=limit_descriptors(24))
    first = [Wire(kafka.address) for _ in range(30)]
    waiting = [Wire(address) for address in kafka.addresses for _ in range(2)]
    for wire in waiting:
        wire.send(api_versions())
    assert first[0].ask(api_versions())

    # It does not turn in a circle meanwhile: less than half of the time is spent at all.
    start, cpu = time.monotonic(), cpu_s(kafka.process.pid)
    wait_until(lambda: time.monotonic() - start > 1, 10, "a second")
    assert cpu_s(kafka.process.pid) - cpu < 0.5 * (time.monotonic() - start)

    for wire in first:
        wire.socket.close()
    for wire in waiting:
        assert wire.receive()
        wire.socket.close()
    assert "new clients wait until others go" in kafka.stop()


EPOLL_PWAIT2, CLOSE_RANGE = 441, 436  # the same on all machines


def refuse_calls(error, *numbers):
    """A filter of system calls as old containers have, for the process that calls what is returned."""
    load_number, if_equal, give_back = 0x20, 0x15, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000 | error
    steps = [(load_number, 0, 0, 0)]
    steps += [(if_equal, len(numbers) - i, 0, n) for i, n in enumerate(numbers)]
    steps += [(give_back, 0, 0, allow), (give_back, 0, 0, refuse)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *s) for s in steps))
    program = ctypes.create_string_buffer(
        struct.pack("@HP", len(steps), ctypes.addressof(code))
    )
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_filter = (38, 1, 0, 0, 0), (22, 2, ctypes.addressof(program), 0, 0)

    def install(_kept=(code, program)):
        for arguments in (no_new_privileges, set_filter):
            if libc.prctl(*map(ctypes.c_ulong, arguments)) != 0:
                raise OSError(ctypes.get_errno(), "prctl")

    return install


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM])
def test_a_run_without_new_system_calls_is_as_any_other(omb, broker, error):
    filter = refuse_calls(error, EPOLL_PWAIT2, CLOSE_RANGE)
    kafka = broker(preexec_fn=filter)
    shape = plain_workload(name="old", partitionsPerTopic=2)()
    for driver in (kafka.driver(), {"name": "Loopback", "driver": "loopback"}):
        result = omb.run(shape, driver, preexec_fn=filter)
        result.must_be_good()
        assert_nothing_lost(result)
        assert "epoll" not in result.out + result.err
