# SPDX-License-Identifier: Apache-2.0
"""Runs that end otherwise than planned: agents that hang, verbs that fail late, backlogs that grow."""

import ctypes
import os
import signal
import time

import pytest
from harness import assert_account_is_consistent, plain_workload, wait_until

pytestmark = [pytest.mark.slow_on_kafka, pytest.mark.delicate]

RATE = 1000
workload = plain_workload(
    name="endings",
    partitionsPerTopic=4,
    consumerPerSubscription=2,
    producersPerTopic=2,
    producerRate=RATE,
    agents="per-client",
    testDuration="4s",
    drainTimeout="3s",
)


LOOPBACK = {"name": "Loopback", "driver": "loopback"}


def await_measured(running, seconds=1):
    wait_until(
        lambda: sum(x["phase"] == "measure" for x in running.said("progress")) >= seconds,
        30,
        "measured samples",
    )


def await_said(running, words):
    wait_until(lambda: words in running.err, 120, f'"{words}" in what it says')


# ---- agents that hang ------------------------------------------------------------------------------


@pytest.mark.limit(90)
def test_a_producer_and_a_consumer_agent_that_hang_leave_the_others_counts(omb):
    """Each of the two closes of the end has a limit of its own, and they come one after the other."""
    running = omb.start(workload(), LOOPBACK)
    await_measured(running, 2)
    for name in ("omb-prod-1", "omb-cons-1"):
        (agent,) = running.agents(name)
        os.kill(agent.pid, signal.SIGSTOP)
    result = running.wait(80)
    result.must_end(3)
    lost = {(e["role"], e["agent"]): e["text"] for e in result.events("agentLost")}
    assert set(lost) == {("producer", 1), ("consumer", 1)}
    for text in lost.values():
        assert "did not answer" in text and "the process was stopped" in text
        assert text in result.err  # told where people look
    assert "were lost for good" in result.reasons("INVALID")["agents"]
    by_sent = sorted(row["acknowledged"] for row in result.rows("producers"))
    assert by_sent[1] == RATE // 2 * 4  # the one that went on
    assert 0 < by_sent[0] < by_sent[1]
    assert_account_is_consistent(result)


@pytest.mark.limit(90)
def test_an_agent_that_was_stopped_and_goes_on_is_none_the_worse(omb):
    running = omb.start(workload(testDuration="6s", drainTimeout="30s"), LOOPBACK)
    await_measured(running)
    (producer,) = running.agents("omb-prod-1")
    os.kill(producer.pid, signal.SIGSTOP)
    await_measured(running, 3)
    os.kill(producer.pid, signal.SIGCONT)
    result = running.wait(60)
    result.must_be_good()
    totals = result.totals
    assert totals["acknowledged"] == totals["sent"] == totals["received"] == RATE * 6
    # What was late is charged for it.
    assert result.latency("correctedPublish").max() > 1e9
    assert_account_is_consistent(result)


@pytest.mark.limit(90)
def test_an_agent_that_stands_still_is_named_while_the_load_goes_on(omb):
    """Nobody asks it for anything: its loops turn every second, or it hangs."""
    running = omb.start(workload(testDuration="7s", drainTimeout="30s"), LOOPBACK)
    await_measured(running)
    (consumer,) = running.agents("omb-cons-1")
    os.kill(consumer.pid, signal.SIGSTOP)
    await_said(running, "consumer agent 1 stands still: it has not moved for")
    os.kill(consumer.pid, signal.SIGCONT)
    result = running.wait(60)
    result.must_end(0)
    (event,) = result.events("agentStalled")
    assert (event["role"], event["agent"]) == ("consumer", 1)
    assert "consumer agent 1" in result.reasons("SUSPECT")["agentStalled"]
    assert result.totals["received"] == result.totals["acknowledged"] == RATE * 7


@pytest.mark.limit(90)
@pytest.mark.parametrize("phase", ["settle", "warm-up", "measure"])
def test_a_signal_ends_a_run_whose_agents_all_hang(omb, phase):
    more = {
        "settle": {"readinessTimeout": "60s"},
        "warm-up": {"warmupDuration": "60s"},
        "measure": {"testDuration": "60s"},
    }[phase]
    driver = LOOPBACK | ({"deliveryDelay": "1h"} if phase == "settle" else {})
    running = omb.start(workload(**more), driver)
    running.await_phase(phase)
    for agent in [*running.agents("omb-prod"), *running.agents("omb-cons")]:
        os.kill(agent.pid, signal.SIGSTOP)
    running.signal(signal.SIGINT)
    await_said(running, "interrupted")
    running.signal(signal.SIGINT)
    result = running.wait(30)
    result.must_end(130)
    running.assert_nothing_left()
    if phase == "measure":
        assert result.json_path.name.endswith(".json.partial")
        assert len(result.events("agentLost")) == 4


@pytest.mark.limit(60)
def test_a_producer_agent_that_dies_before_the_load_ends_the_run_with_its_reason(omb):
    running = omb.start(workload(readinessTimeout="50s"), LOOPBACK | {"deliveryDelay": "1h"})
    running.await_phase("settle")
    (agent,) = wait_until(lambda: running.agents("omb-prod-1"), 10, "the agent")
    os.kill(agent.pid, signal.SIGKILL)
    result = running.wait(20)
    result.must_end(1)
    assert "producer agent 1 was lost before the load: killed by signal 9" in result.err
    assert result.files == []


PTRACE_SEIZE = 0x4206


@pytest.mark.limit(60)
def test_an_agent_whose_end_a_debugger_keeps_to_itself_holds_nothing_up(omb):
    """It is dead, but its status goes to the debugger first."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long] * 4
    running = omb.start(workload(), LOOPBACK)
    await_measured(running)
    (agent,) = running.agents("omb-cons-1")
    if ptrace(PTRACE_SEIZE, agent.pid, 0, 0) != 0:
        pytest.skip("ptrace is not allowed here")
    result = running.wait(50)
    os.waitpid(agent.pid, 0)
    result.must_end(0)
    assert result.totals["received"] == result.totals["acknowledged"] == RATE * 4


@pytest.mark.slow
@pytest.mark.limit(500)
def test_fleets_close_twelve_times_and_no_agent_is_lost_or_slow(omb, kafka):
    """Of librdkafka 2.8 each producer took a second to close, one after the other: agents were killed
    over it in one run of four."""
    shape = workload(
        topics=10,
        partitionsPerTopic=10,
        producersPerTopic=10,
        consumerPerSubscription=10,
        agents="per-core",
        testDuration="3s",
        drainTimeout="30s",
    )
    for number in range(12):
        began = time.monotonic()
        result = omb.run(shape, kafka.driver(), "-o", f"{number}.json", timeout_s=90)
        spent = time.monotonic() - began - result.phase("drain")["endNs"] / 1e9
        print(f"run {number}: closed and written within {spent:.2f} s")
        result.must_be_good()
        assert result.totals["received"] == result.totals["acknowledged"] == RATE * 3
        assert not {"agents", "missing", "lost", "leftBehind"} & set(result.reasons())
        assert not result.events("agentLost") and not result.events("agentSlow")
    assert kafka.leftovers() == []


# ---- verbs that fail late -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.limit(120)
def test_consumers_that_cannot_be_resumed_leave_what_was_measured(omb):
    shape = workload(consumerBacklogSizeGB=0.0004, testDuration="2s")  # 4 s of it
    running = omb.start(shape, LOOPBACK)
    running.await_phase("build")
    (agent,) = running.agents("omb-cons-1")
    os.kill(agent.pid, signal.SIGSTOP)
    result = running.wait(110)
    result.must_end(1)
    words = f"consumer agent 1 (process {agent.pid}) has not answered"
    assert f"resume-consumers: not complete in time: {words}" in result.err
    assert words in result.omb["run"]["failure"]
    assert words in result.reasons("INVALID")["failure"]
    assert result.json_path.name.endswith(".json.partial")
    assert result.totals["acknowledged"] >= RATE * 4
    assert result.omb["backlog"]["built"] is True
    assert result.omb["backlog"]["drained"] is False
    assert_account_is_consistent(result)
    assert omb.journals() == {}


# ---- the drain ------------------------------------------------------------------------------------------


@pytest.mark.limit(120)
def test_the_drain_waits_for_the_group_of_a_consumer_that_was_killed(omb, kafka):
    """Its messages come when its session has timed out, which takes longer than drainTimeout."""
    consumer = (
        "auto.offset.reset=earliest\nenable.auto.commit=false\n"
        "session.timeout.ms=9000\nheartbeat.interval.ms=1000\n"
    )
    running = omb.start(workload(), kafka.driver(consumerConfig=consumer))
    await_measured(running, 3)
    (agent, _) = running.agents("omb-cons")
    os.kill(agent.pid, signal.SIGKILL)
    result = running.wait(100)
    result.must_be_good()
    assert result.totals["received"] >= result.totals["acknowledged"] == RATE * 4
    assert not {"missing", "lost"} & set(result.reasons())
    assert "may stand still for 9 s" in result.reasons()["drain"]
    assert "its group may stand still for 9.00s" in result.err
    assert_account_is_consistent(result)
    assert kafka.leftovers() == []


# ---- groups -----------------------------------------------------------------------------------------------


@pytest.mark.limit(90)
def test_consumers_that_close_in_the_middle_of_a_rebalance_leave_their_groups(omb, kafka):
    """Of four consumers of one partition three are still about to join when the run ends; of sixteen
    such groups some are caught between being given partitions and giving them back."""
    shape = workload(
        topics=16,
        partitionsPerTopic=1,
        consumerPerSubscription=4,
        producersPerTopic=1,
        agents="per-core",
        testDuration="1s",
    )
    result = omb.run(shape, kafka.driver(), timeout_s=80)
    result.must_be_good()
    assert "left behind" not in result.err
    assert kafka.leftovers() == []


@pytest.mark.limit(60)
def test_a_group_of_consumers_that_were_killed_is_deleted_at_once(omb, kafka):
    """The dead one stays a member for five minutes, and the others wait for it to join: none of them can
    leave in order."""
    consumer = (
        "auto.offset.reset=earliest\nenable.auto.commit=false\n"
        "session.timeout.ms=300000\nheartbeat.interval.ms=1000\n"
    )
    shape = workload(testDuration="60s", drainTimeout="3s")
    running = omb.start(shape, kafka.driver(consumerConfig=consumer))
    await_measured(running, 1)
    (agent, _) = running.agents("omb-cons")
    os.kill(agent.pid, signal.SIGKILL)
    wait_until(lambda: len(running.agents("omb-cons")) == 2, 20, "two consumer agents again")
    for words in ("interrupted: ", "interrupted again"):
        running.signal(signal.SIGINT)
        await_said(running, words)
    result = running.wait(40)
    result.must_end(130)
    assert "left behind" not in result.err and "leftBehind" not in result.reasons()
    assert kafka.leftovers() == []


@pytest.mark.limit(90)
def test_a_group_that_somebody_else_is_in_is_named_and_not_waited_for(omb, kafka):
    running = omb.start(workload(), kafka.driver())
    await_measured(running, 1)
    (group,) = (g for g in kafka.groups() if g.startswith("omb-"))
    kafka.join(group, session_ms=15_000)
    result = running.wait(80)
    result.must_be_good()
    assert f"group {group} still has members" in result.err
    assert "when its session times out (45 s)" in result.err and "`omb cleanup`" in result.err
    assert kafka.leftovers() == [group]


# ---- backlogs ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.limit(120)
def test_a_backlog_that_consumers_cannot_catch_up_with_is_not_waited_for(omb, kafka):
    shape = workload(
        consumerBacklogSizeGB=0.0003, messageProcessingTime="10ms", testDuration="20s"
    )
    result = omb.run(shape, kafka.driver(), timeout_s=110)
    result.must_end(3)
    reason = result.reasons("INVALID")["backlog"]
    assert reason.startswith("the consumers cannot catch up: in 30")
    backlog = result.omb["backlog"]
    assert backlog["grew"] is True and backlog["drained"] is False
    # Two consumers at 10 ms a message.
    assert 100 < backlog["receivedPerS"] <= 210
    assert backlog["growthPerS"] + backlog["receivedPerS"] == pytest.approx(RATE, rel=0.05)
    assert "the consumers cannot catch up" in result.err
    assert_account_is_consistent(result)
    assert kafka.leftovers() == []
