# SPDX-License-Identifier: Apache-2.0
"""The tests themselves: one that fails leaves nothing behind that fails the next."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from harness import wait_until

HERE = pathlib.Path(__file__).parent
MARK = "OMB_TEST_OF_THE_HARNESS"

HEAD = """
import os, signal
import pytest
from harness import EmbeddedBroker, assert_nothing_lost
from test_15_broker import workload

@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    broker = EmbeddedBroker(tmp_path_factory.mktemp("shared"))
    yield broker
    broker.stop()
"""

FAIL = """
def test_that_fails_while_its_run_goes_on(omb, kafka):
    omb.start(workload(testDuration="100s"), kafka.driver()).await_phase("measure")
    assert False

@pytest.mark.limit(8)
def test_that_is_over_its_limit_with_an_agent_that_stands_still(omb, kafka):
    running = omb.start(workload(testDuration="100s"), kafka.driver())
    running.await_phase("measure")
    os.kill(running.agents("omb-prod")[0].pid, signal.SIGSTOP)
    running.wait(100)

def test_that_leaves_topics_in_the_broker_of_all(omb, kafka):
    running = omb.start(workload(testDuration="100s"), kafka.driver())
    running.await_phase("measure")
    for process in [running, *running.agents()]:
        os.kill(process.pid, signal.SIGKILL)
    running.wait()
    assert not kafka.leftovers()

def test_that_stops_a_broker_of_its_own(tmp_path):
    broker = EmbeddedBroker(tmp_path / "own")
    broker.process.send_signal(signal.SIGSTOP)
    assert False

def test_that_stops_the_broker_of_all(kafka):
    kafka.process.send_signal(signal.SIGSTOP)
    assert False

def test_that_kills_the_broker_of_all(kafka):
    kafka.process.kill()
    assert False
"""

PASS = """
def test_that_finds_all_in_order(omb, kafka):
    assert kafka.leftovers() == []
    result = omb.run(workload(testDuration="1s"), kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result)
"""


def alive(mark):
    """Processes that were started, by whomever, under this mark."""
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                yield folder.name, (folder / "comm").read_text().strip()
        except OSError:
            continue


@pytest.fixture
def inner(tmp_path):
    """Starts a pytest of its own on a text of tests."""
    mark = f"{MARK}={os.getpid()}-{tmp_path.name}"
    key, value = mark.split("=")
    env = os.environ | {key: value, "PYTHONPATH": str(HERE)}
    env.pop("PYTEST_XDIST_WORKER", None)  # this one runs beside others, not that one

    def start(text):
        (tmp_path / "test_inner.py").write_text(HEAD + text)
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "conftest", "-q"]
        argv += ["--rootdir", tmp_path, "--basetemp", tmp_path / "base", tmp_path / "test_inner.py"]
        return subprocess.Popen(
            argv, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    start.alive = lambda: list(alive(mark))
    return start


@pytest.mark.limit(150)
def test_failing_tests_leave_nothing_that_fails_the_next(inner):
    child = inner(FAIL + PASS)
    said, _ = child.communicate(timeout=140)
    failed = set(re.findall(r"^FAILED \S+::(\w+)", said, re.MULTILINE))
    assert failed == set(re.findall(r"def (test_\w+)", FAIL)), said
    assert " 1 passed" in said, said
    assert inner.alive() == []


NOT_KEPT_UP = """
import json
from harness import Result

def ended(folder, code, **reasons):
    found = [{"weight": "INVALID", "name": k, "text": v} for k, v in reasons.items()]
    (folder / "x.omb").write_text(json.dumps({"verdict": {"verdict": "INVALID", "reasons": found}}))
    return Result(code, folder, set(), "", "")

def test_that_lost_messages(tmp_path):
    ended(tmp_path, 3, throughput="97 %", lost="5 messages").must_be_good()

def test_that_failed(tmp_path):
    ended(tmp_path, 1, throughput="97 %").must_be_good()

def test_that_was_good(tmp_path):
    ended(tmp_path, 0).must_be_good()

def test_that_did_not_keep_up(tmp_path):
    ended(tmp_path, 3, throughput="98 % of the rate").must_be_good()

def test_that_did_not_keep_up_either(tmp_path):
    ended(tmp_path, 3, throughput="96 % of the rate").must_be_good()
"""


def test_a_load_that_was_not_kept_up_is_forgiven_once_in_all_tests_and_named(inner):
    said, _ = inner(NOT_KEPT_UP).communicate(timeout=60)
    failed = set(re.findall(r"^FAILED \S+::(\w+)", said, re.MULTILINE))
    assert failed == {
        "test_that_lost_messages", "test_that_failed", "test_that_did_not_keep_up_either",
    }, said
    assert " 2 passed" in said, said
    (forgiven,) = re.findall(r"^forgiven, once in all tests: (.*)$", said, re.MULTILINE)
    assert "test_that_did_not_keep_up0" in forgiven and "98 % of the rate" in forgiven


def test_nothing_outlives_a_pytest_that_is_killed(inner):
    child = inner(
        """
def test_that_goes_on(omb, kafka):
    running = omb.start(workload(testDuration="100s"), kafka.driver())
    running.await_phase("measure")
    running.wait(100)
"""
    )
    names = {"omb-prod-0", "omb-cons-0"}
    wait_until(lambda: names <= {name for _, name in inner.alive()}, 40, "a run and its agents")
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    wait_until(lambda: not inner.alive(), 20, "no process of it")
