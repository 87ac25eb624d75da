# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests.

Every test has a limit of time, 60 s unless it says otherwise:

    @pytest.mark.limit(120)
"""

import shutil
import signal

import pytest
from harness import Kafka, Omb

LIMIT_S = 60


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long the test may take")


class OverLimit(BaseException):
    """Not an Exception: nothing in a test may take it for a failure of its own."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker("limit")
    seconds = marker.args[0] if marker else LIMIT_S

    def stop(number, frame):
        raise OverLimit(f"over its limit of {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def omb(tmp_path):
    """Runs omb; at the end no process of it may be left."""
    o = Omb(tmp_path)
    yield o
    o.close()


def need_kafka():
    for command in ("java", "mvn"):
        if shutil.which(command) is None:
            pytest.skip(f"needs {command}; tools/setup test installs it")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """One Kafka for all tests that do not break it."""
    need_kafka()
    broker = Kafka(tmp_path_factory.mktemp("kafka") / "broker")
    yield broker
    broker.tool("down")


@pytest.fixture
def breakable_kafka(tmp_path):
    """A Kafka of the test's own, to kill."""
    need_kafka()
    broker = Kafka(tmp_path / "breakable")
    yield broker
    broker.tool("down")
