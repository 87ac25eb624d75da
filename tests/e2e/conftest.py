# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests.

Every test has a limit of time, 60 s unless it says otherwise:

    @pytest.mark.limit(120)

What takes long, or is tried on another broker too, is left to "make test-all":

    @pytest.mark.slow
    @pytest.mark.slow_on_kafka     on the real Kafka; on the embedded broker it always runs

Most tests wait more than they work, so tools/test runs several beside each other.  One that judges
how fast the machine was, or how late, is not to be disturbed:

    @pytest.mark.alone

What kills, stops or cuts something in the middle of a run is marked, too, and with all that is
alone run again and again by "tools/test-all repeat":

    @pytest.mark.delicate

What needs OMB's own program, by the command in the variable OMB_JAVA; deselected, and listed at the end,
without it:

    @pytest.mark.java
"""

import contextlib
import os
import shutil
import signal

import harness
import pytest
from harness import EmbeddedBroker, Kafka, KafkaNodes, Omb, plain_workload

LIMIT_S = 60
SETUP_LIMIT_S = 300  # a JVM and its packages


def is_on_real_kafka(item):
    return hasattr(item, "callspec") and item.callspec.params.get("kafka") == "kafka"


def shared_broker(item):
    """Of tests that run beside each other, those with the same heavy broker share one process."""
    if is_on_real_kafka(item):
        return "kafka"
    for name in ("breakable_kafka", "nodes"):
        if name in item.fixturenames:
            return name
    if hasattr(item, "callspec") and "target" in item.callspec.params:
        return f"target-{item.callspec.params['target']}"
    return None


WITHOUT_JAVA = []  # tests that were left out


def leave_out_java(config, items):
    if os.environ.get("OMB_JAVA"):
        return
    WITHOUT_JAVA[:] = [i for i in items if i.get_closest_marker("java")]
    items[:] = [i for i in items if not i.get_closest_marker("java")]
    if WITHOUT_JAVA:
        config.hook.pytest_deselected(items=WITHOUT_JAVA)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    leave_out_java(config, items)
    for item in items:
        if item.get_closest_marker("slow_on_kafka") and is_on_real_kafka(item):
            item.add_marker("slow")
        if item.get_closest_marker("alone"):
            item.add_marker("delicate")
        if group := shared_broker(item):
            item.add_marker(pytest.mark.xdist_group(group))


class OverLimit(BaseException):
    """Not an Exception: nothing in a test may take it for a failure of its own."""


class FixtureOverLimit(Exception):
    """Around a test: what else has to be put in order is still put in order."""


@contextlib.contextmanager
def limit(seconds, error):
    def stop(number, frame):
        raise error(f"over its limit of {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker("limit")
    with limit(marker.args[0] if marker else LIMIT_S, OverLimit):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup():
    with limit(SETUP_LIMIT_S, FixtureOverLimit):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown():
    with limit(SETUP_LIMIT_S, FixtureOverLimit):
        yield


BROKERS = ("kafka", "breakable_kafka")


@pytest.fixture(autouse=True)
def nothing_left(request):
    """Whatever becomes of a test, nothing of it disturbs the next one: its processes end, and the
    brokers that it shares with others are as it found them."""
    brokers = [request.getfixturevalue(n) for n in BROKERS if n in request.fixturenames]
    before = list(harness.STARTED)
    yield
    for child in [c for c in harness.STARTED if c not in before]:
        harness.kill(child)
    for broker in brokers:
        broker.restore()


def pytest_terminal_summary(terminalreporter):
    for item in WITHOUT_JAVA:
        terminalreporter.write_line(f"left out, without OMB_JAVA: {item.nodeid}")
    for forgiven in harness.FORGIVEN:
        terminalreporter.write_line(f"forgiven, once in all tests: {forgiven}")


def pytest_sessionfinish():
    for child in list(harness.STARTED):
        harness.kill(child)


@pytest.fixture
def omb(tmp_path):
    """Runs omb; at the end no process of it may be left."""
    o = Omb(tmp_path)
    yield o
    o.close()


def need_java():
    for command in ("java", "mvn"):
        if shutil.which(command) is None:
            pytest.skip(f"needs {command}; tools/setup test installs it")


def start_kafka(folder, *options):
    need_java()
    return Kafka(folder / "broker", *options)


def warm_up(broker, folder):
    """The first messages meet a cold JVM, which is nothing that tests are about."""
    folder.mkdir()
    omb = Omb(folder)
    shape = plain_workload(
        topics=2,
        partitionsPerTopic=4,
        messageSize=200,
        consumerPerSubscription=2,
        producersPerTopic=2,
        warmupDuration="3s",
        testDuration="3s",
    )()
    try:
        omb.run(shape, broker.driver(), timeout_s=120)
    finally:
        omb.close()


@pytest.fixture(scope="session", params=["embedded", "kafka"])
def kafka(request, tmp_path_factory):
    """One broker for all tests that do not break it: the embedded one, then Apache Kafka."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        embedded = EmbeddedBroker(folder / "broker")
        try:
            yield embedded
        finally:
            embedded.stop()
        return
    broker = start_kafka(folder)
    try:
        warm_up(broker, folder / "warm-up")
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def java_workers(tmp_path_factory):
    """Two workers of OMB's own program."""
    need_java()
    workers = [harness.JavaWorker(tmp_path_factory.mktemp("java")) for _ in range(2)]
    try:
        for worker in workers:
            worker.await_start()
        yield workers
    finally:
        for worker in workers:
            worker.stop()


@pytest.fixture(scope="module")
def breakable_kafka(tmp_path_factory):
    """A Kafka to stop, kill and restart; who does that leaves it running."""
    broker = start_kafka(tmp_path_factory.mktemp("breakable"))
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    need_java()
    cluster = KafkaNodes(tmp_path_factory.mktemp("nodes") / "broker")
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def nodes(cluster):
    """Three Kafkas, one cluster, to kill and stop as one likes.  They are put in order before a test
    and not after it: behind the last one that would be for nobody."""
    cluster.restore()
    return cluster
