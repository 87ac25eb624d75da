# SPDX-License-Identifier: Apache-2.0
"""`omb proxy` by itself: what it does to connections, against connections without it."""

import socket
import statistics
import threading
import time

import pytest
from harness import Proxy

pytestmark = pytest.mark.alone

MEGABYTES = 1_000_000
ROUNDS = 30


class Echo:
    """A server that gives back what it gets."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    @staticmethod
    def serve(connection):
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while data := connection.recv(1 << 18):
                    connection.sendall(data)
            except OSError:
                pass


@pytest.fixture(scope="module")
def echo():
    server = Echo()
    yield server
    server.listener.close()


@pytest.fixture
def proxy(echo, tmp_path):
    p = Proxy(tmp_path / "proxy", echo.address)
    yield p
    if p.process.poll() is None:
        p.stop()


def connect(address):
    host, _, port = address.rpartition(":")
    s = socket.create_connection((host, int(port)), timeout=20)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def round_trips(address):
    """Seconds of each of some."""
    found = []
    with connect(address) as s:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            s.sendall(b"ping")
            assert s.recv(100) == b"ping"
            found.append(time.perf_counter() - began)
    return found


def seconds_for(address, size):
    """There and back again."""
    with connect(address) as s:
        sender = threading.Thread(target=s.sendall, args=(bytes(size),))
        began = time.perf_counter()
        sender.start()
        got = 0
        while got < size:
            data = s.recv(1 << 18)
            assert data
            got += len(data)
        sender.join()
        return time.perf_counter() - began


def test_without_settings_it_costs_little(echo, proxy):
    direct, through = round_trips(echo.address), round_trips(proxy.address)
    # Two more wake-ups of one process, on a machine that does other things besides.  Between two
    # that spin on two CPUs a round trip takes 7 us, which no wake-up can be compared with.
    assert statistics.median(through) < max(statistics.median(direct), 100e-6) * 20
    size = 50 * MEGABYTES
    assert seconds_for(proxy.address, size) < seconds_for(echo.address, size) * 10


def test_latency_is_added_in_both_directions_and_never_less(proxy):
    before = statistics.median(round_trips(proxy.address))
    proxy.tell("set up latency=20ms")
    proxy.tell("set down latency=30ms")
    found = round_trips(proxy.address)
    assert min(found) >= 0.050
    assert statistics.median(found) < 0.050 + before + 0.025
    proxy.tell("set latency=0")
    assert statistics.median(round_trips(proxy.address)) < 0.050


def test_jitter_spreads_within_its_bounds(proxy):
    proxy.tell("set down latency=10ms jitter=20ms")
    found = sorted(round_trips(proxy.address))
    assert found[0] >= 0.010
    assert found[-3] - found[2] > 0.010  # of 30 even draws out of 20 ms
    assert statistics.median(found) < 0.040


def test_bandwidth_is_kept_and_used(echo, proxy):
    proxy.tell("set up bandwidth=20MB")
    size = 10 * MEGABYTES
    seconds = seconds_for(proxy.address, size)
    assert seconds >= 0.5
    assert seconds < 2 * (0.5 + seconds_for(echo.address, size))


def test_a_cut_resets_and_refuses_and_the_port_stays(proxy):
    s = connect(proxy.address)
    s.sendall(b"x")
    assert s.recv(10) == b"x"
    assert proxy.tell("cut") == "1 connection"
    with pytest.raises(ConnectionResetError):
        s.recv(10)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy.address)
    assert proxy.status()["cut"]
    proxy.tell("heal")
    assert len(round_trips(proxy.address)) == ROUNDS
    status = proxy.status()
    assert not status["cut"]
    assert (status["accepted"], status["reset"]) == (2, 1)


def test_what_a_hole_held_goes_on_after_it(proxy):
    with connect(proxy.address) as s:
        proxy.tell("blackhole up")
        s.sendall(b"held")
        s.settimeout(0.1)
        with pytest.raises(TimeoutError):
            s.recv(10)
        proxy.tell("heal")
        s.settimeout(20)
        assert s.recv(10) == b"held"


def test_mistakes_are_answered_and_change_nothing(proxy):
    before = proxy.status()
    for command in ("cutt", "set latency=soon", "cut on 1", "", "set bandwidth=1MB jitter=x"):
        assert proxy.ask(command).startswith("error: "), command
    assert proxy.status() == before


def test_it_begins_as_it_is_told_and_ends_by_a_signal(echo, tmp_path):
    options = ["--do", "set down latency=20ms", "--do", "set bandwidth=1GB"]
    proxy = Proxy(tmp_path / "proxy", echo.address, echo.address, options=options)
    status = proxy.status()
    assert status["down"]["latencyNs"] == 20_000_000
    assert status["up"]["latencyNs"] == 0
    assert status["up"]["bytesPerSecond"] == 1_000_000_000
    assert len(set(proxy.addresses)) == 2
    assert min(round_trips(proxy.addresses[1])) >= 0.020
    said = proxy.stop()
    assert "1 connection, 120B up, 120B down" in said
    assert not proxy.path.exists()


def test_a_command_line_is_a_command_to_the_proxy_that_runs(omb, proxy):
    def tell(*command):
        return omb.command("proxy", "--control", proxy.path, *command)

    result = tell("set", "up", "latency=20ms", "bandwidth=1MB")
    result.must_end(0)
    assert result.out == "0 connections\n"
    assert proxy.status()["up"]["latencyNs"] == 20_000_000
    result = tell("sett", "up")
    result.must_end(2)
    assert '"sett" is no command' in result.err
    proxy.stop()
    result = tell("heal")
    result.must_end(1)
    assert str(proxy.path) in result.err


@pytest.mark.parametrize(
    "argv, says",
    [
        ([], "--listen"),
        (["-l", "9192"], "expected [HOST:]PORT=TARGET:PORT"),
        (["-l", "x:0=127.0.0.1:1"], "must be a number"),
        (["-l", "0=127.0.0.1"], "HOST:PORT"),
        (["-l", "0=127.0.0.1:1", "--do", "cutt"], '--do "cutt"'),
        (["-l", "0=127.0.0.1:1", "--memory", "1"], "--memory"),
        (["-l", "0=127.0.0.1:1", "--seed", "-1"], "--seed"),
        (["-l", "0=127.0.0.1:1", "more"], '"more"'),
    ],
)
def test_a_wrong_command_line_is_told_and_nothing_is_served(omb, argv, says):
    result = omb.command("proxy", *argv)
    result.must_end(2)
    assert says in result.err
