# SPDX-License-Identifier: Apache-2.0
"""Workers whose clocks are not one: time namespaces make these, `omb proxy` makes the way to them slow.

Time namespaces need root, or user namespaces that may have them.  Where a worker's clock really stands is known
here exactly: what a result says of it is compared with that, and with nothing that the machine's load moves.
"""

import subprocess
import sys

import pytest
from harness import OMB, HostWorker, Proxy

MS = 1_000_000
HOUR = 3600 * 1000 * MS

# Runs a command whose monotonic clock is ahead by so many seconds and nanoseconds.
AHEAD = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWTIME, CLONE_NEWUSER = 0x80, 0x10000000
if libc.unshare(CLONE_NEWTIME | (0 if os.geteuid() == 0 else CLONE_NEWUSER)) != 0:
    sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
with open("/proc/self/timens_offsets", "w") as f:
    f.write(f"monotonic {sys.argv[1]} {sys.argv[2]}")
child = os.fork()
if child == 0:
    libc.prctl(1, signal.SIGKILL)
    os.execv(sys.argv[3], sys.argv[3:])
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def may_have_its_own_time():
    done = subprocess.run([sys.executable, "-c", AHEAD, "1", "0", "/bin/true"], capture_output=True, text=True)
    return done.returncode == 0, done.stderr.strip()


@pytest.fixture(scope="module")
def time_namespaces():
    may, why = may_have_its_own_time()
    if not may:
        pytest.skip(f"no time namespace can be had ({why}): run the tests as root, or sysctl kernel.unprivileged_userns_clone=1")


class Elsewhere(HostWorker):
    """A worker whose clock is ahead of ours."""

    def __init__(self, folder, ahead_ns):
        self.ahead_ns = ahead_ns
        super().__init__(folder)

    def argv(self, *words):
        seconds, rest = divmod(self.ahead_ns, 1000 * MS)
        return [sys.executable, "-c", AHEAD, seconds, rest, *words]


def workload(**more):
    return {
        "name": "clocks",
        "topics": 1,
        "partitionsPerTopic": 2,
        "messageSize": 100,
        "useRandomizedPayloads": True,
        "randomBytesRatio": 0.5,
        "randomizedPayloadPoolSize": 10,
        "subscriptionsPerTopic": 1,
        "consumerPerSubscription": 1,
        "producersPerTopic": 2,
        "producerRate": 1000,
        "warmupDuration": "0s",
        "testDuration": "1s",
        "samplePeriod": "1s",
    } | more


on_embedded = pytest.mark.parametrize("kafka", ["embedded"], indirect=True)


def assert_covers(result, worker, ahead_ns):
    """What is said of a worker's clock, and what is true of it."""
    clock = worker["clock"]
    assert clock["known"] and clock["source"] == "probes"
    assert abs(clock["offsetNs"] - ahead_ns) <= clock["errorNs"], clock
    assert clock["errorNs"] >= clock["roundTripMinNs"] // 2
    assert clock["steps"] == 0
    assert result.omb["clocks"]["errorNs"] >= clock["errorNs"]


@on_embedded
@pytest.mark.parametrize(
    "ahead_ns, shape, round_trip_ns",
    [
        (2 * MS, None, 0),
        (2 * MS, "set latency=5ms", 10 * MS),
        (2 * MS, "set up latency=10ms", 10 * MS),
        (HOUR, "set down latency=10ms", 10 * MS),
    ],
)
@pytest.mark.usefixtures("time_namespaces")
def test_the_truth_lies_within_the_stated_error(omb, kafka, tmp_path, ahead_ns, shape, round_trip_ns):
    here = HostWorker(tmp_path / "here")
    there = Elsewhere(tmp_path / "there", ahead_ns)
    url = there.url
    proxy = None
    if shape:
        proxy = Proxy(tmp_path / "proxy", url.removeprefix("http://"), options=("--do", shape))
        url = f"http://{proxy.address}"
    result = omb.run(workload(), kafka.driver(), "-w", f"{here.url},{url}")
    if proxy:
        proxy.stop()
    result.must_end(0)
    assert result.totals["sent"] == result.totals["received"] == 1000
    clocks = result.omb["clocks"]
    assert clocks["count"] == 2 and clocks["known"] and clocks["steps"] == 0
    ours, theirs = result.omb["workers"]
    assert ours["clock"]["known"] and ours["clock"]["errorNs"] == 0
    assert_covers(result, theirs, ahead_ns)
    # No probe can have been faster than the way is slow.
    assert theirs["clock"]["roundTripMinNs"] >= round_trip_ns
    assert clocks["errorNs"] >= round_trip_ns // 2
    # All that was received is timed, but for what was due at an edge of the window, give or take the error.
    # And by clocks that are an hour apart nothing took an hour.
    e2e = result.omb["latencies"]["endToEnd"]
    at_edges = 2 + 2 * 1000 * clocks["errorNs"] // 10**9
    assert 1000 - at_edges <= e2e["count"] <= 1000 and e2e["errorNs"] == clocks["errorNs"]
    assert e2e["maxNs"] < HOUR // 2
    shown = omb.command("show", result.named(".omb")[0]).out
    assert "  end to end: ±" in shown and ", between 2 clocks\n" in shown
    for p in e2e["percentiles"]:
        assert p.get("unresolved", False) == (p["ns"] < clocks["errorNs"])
    # 10 ms are more than a quarter of what such a broker takes, unless the machine was very slow.
    p50 = e2e["percentiles"][0]["ns"]
    reasons = {r["name"] for r in result.omb["verdict"]["reasons"]}
    assert ("clock" in reasons) == (clocks["errorNs"] > 0.25 * p50)


@on_embedded
def test_workers_of_one_host_have_one_clock(omb, kafka, tmp_path):
    workers = [HostWorker(tmp_path / name) for name in ("a", "b")]
    result = omb.run(workload(), kafka.driver(), "-w", ",".join(w.url for w in workers))
    result.must_end(0)
    assert "clocks" not in result.omb
    assert "errorNs" not in result.omb["latencies"]["endToEnd"]
    assert result.totals["negative"] == 0 and result.totals["brokerTimed"] == 0
