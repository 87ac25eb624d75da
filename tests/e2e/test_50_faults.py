# SPDX-License-Identifier: Apache-2.0
"""Whole runs on a real Kafka in which something dies: agents, the program, the broker."""

import os
import signal
import threading
import time

import pytest
from harness import assert_account_is_consistent, plain_workload, wait_until

pytestmark = pytest.mark.delicate

RATE = 400

# A dead consumer keeps its partitions until its session times out; the least that Kafka allows.
CONSUMER = (
    "auto.offset.reset=earliest\nenable.auto.commit=false\n"
    "session.timeout.ms=6000\nheartbeat.interval.ms=1000\n"
)
workload = plain_workload(
    name="faults",
    partitionsPerTopic=4,
    messageSize=200,
    consumerPerSubscription=2,
    producersPerTopic=2,
    producerRate=RATE,
    agents="per-client",
    testDuration="4s",
    drainTimeout="40s",
)


def await_measured(running, seconds=1):
    """Until samples of the window are there."""
    wait_until(
        lambda: sum(x["phase"] == "measure" for x in running.said("progress")) >= seconds,
        30,
        "measured samples",
    )


def run_ids(omb):
    return list(omb.journals())


# ---- agents ----------------------------------------------------------------------------------------


@pytest.mark.slow_on_kafka
@pytest.mark.limit(90)
def test_a_producer_agent_that_is_killed_makes_the_result_invalid_and_the_others_go_on(omb, kafka):
    running = omb.start(workload(), kafka.driver(consumerConfig=CONSUMER))
    await_measured(running)
    first, second = running.agents("omb-prod")
    os.kill(second.pid, signal.SIGKILL)
    running.assert_no_zombie()
    result = running.wait(80)
    result.must_end(3)
    assert result.verdict == "INVALID"
    assert result.reasons("INVALID")["agents"].startswith("1 producer agent")
    (lost,) = result.events("agentLost")
    assert (lost["role"], lost["agent"]) == ("producer", 1)
    assert "signal 9" in lost["text"]
    window = result.omb["window"]
    assert window["startNs"] < lost["atNs"] < window["endNs"]
    assert [a["pid"] for a in result.omb["agents"] if a["lost"]] == [second.pid]

    going, gone = sorted(result.rows("producers"), key=lambda row: -row["sent"])
    assert going["sent"] == going["acknowledged"] == RATE // 2 * 4
    assert 0 < gone["sent"] < RATE // 2 * 4
    # What the dead one had not heard of is in no account, and may have been delivered.
    totals = result.totals
    assert totals["acknowledged"] <= totals["received"] <= totals["sent"]
    assert_account_is_consistent(result)
    assert kafka.leftovers() == []
    assert omb.journals() == {}


@pytest.mark.slow_on_kafka
@pytest.mark.limit(120)
def test_a_consumer_agent_that_dies_again_and_again_is_given_up(omb, kafka):
    shape = workload(testDuration="60s", drainTimeout="3s", consumerPerSubscription=1)
    running = omb.start(shape, kafka.driver(consumerConfig=CONSUMER))
    await_measured(running)
    killed = set()
    for _ in range(1 + 3):
        (agent,) = wait_until(
            lambda: [a for a in running.agents("omb-cons") if a.pid not in killed],
            30,
            "a consumer agent that was not killed yet",
        )
        os.kill(agent.pid, signal.SIGKILL)
        killed.add(agent.pid)
        running.assert_no_zombie()
    wait_until(
        lambda: not running.agents("omb-cons"), 10, "no consumer agent after three restarts"
    )
    running.signal(signal.SIGINT)
    result = running.wait(80)
    result.must_end(130)
    assert "1 consumer agent was lost for good" in result.reasons("INVALID")["agents"]
    assert result.reasons("INVALID")["lost"]
    assert len(result.events("agentLost")) == 4
    assert_account_is_consistent(result)


# ---- the program -----------------------------------------------------------------------------------


@pytest.mark.limit(90)
def test_agents_do_not_outlive_a_killed_parent_and_cleanup_removes_what_is_left(omb, kafka):
    running = omb.start(workload(testDuration="60s"), kafka.driver(consumerConfig=CONSUMER))
    await_measured(running, 2)
    (run_id,) = run_ids(omb)
    assert kafka.leftovers(run_id)
    running.signal(signal.SIGKILL)
    assert running.child.wait(10) == -signal.SIGKILL
    running.assert_nothing_left()

    # The journal is what remains of it, and is listed.
    (journal,) = omb.journals().values()
    lines = journal.read_text().splitlines()
    assert sum('"line":"second"' in line for line in lines) >= 2
    assert not list(omb.folder.glob("*.json*"))
    omb.write("k.yaml", kafka.driver())
    cleaned = omb.command("cleanup", "-d", "k.yaml", "--run", run_id)
    cleaned.must_end(0)
    assert str(journal) in cleaned.out
    assert kafka.leftovers(run_id) == []
    assert omb.journals() == {}
    assert journal.exists()  # the measured part is somebody's data


SLOW_DRAIN = {
    "messageProcessingTime": "1s",
    "producerRate": 100,
    "testDuration": "1s",
    "drainTimeout": "60s",
}
PHASES = {
    # phase: workload, driver, was anything measured?
    "settle": ({}, {"topicConfig": "max.message.bytes=20\n"}, False),
    "search": ({"producerRate": 0}, {}, False),
    "warm-up": ({"warmupDuration": "60s"}, {}, False),
    "measure": ({"testDuration": "60s"}, {}, True),
    "drain": (SLOW_DRAIN, {}, True),
}


@pytest.mark.slow_on_kafka
@pytest.mark.limit(90)
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_in_every_phase_ends_the_run_and_deletes_its_topics(omb, kafka, phase):
    more, driver, measured = PHASES[phase]
    running = omb.start(workload(agents=1, **more), kafka.driver(**driver))
    running.await_phase(phase)
    if measured:
        wait_until(lambda: running.agents("omb-prod"), 5, "a producer agent")
    running.signal(signal.SIGINT)
    if phase == "drain":
        running.signal(signal.SIGTERM)  # skips the rest of it
    result = running.wait(60)
    result.must_end(130)
    assert "interrupted" in result.err
    running.assert_nothing_left()
    assert kafka.leftovers() == []
    assert omb.journals() == {}
    if not measured:
        assert not result.named(".omb", ".json", ".partial")
        return
    assert result.json_path.name.endswith(".json.partial")
    assert result.omb["run"]["interrupted"] is True
    assert "interrupted" in result.reasons("SUSPECT")
    assert_account_is_consistent(result)
    if phase == "measure":  # it drained
        assert result.totals["received"] == result.totals["acknowledged"]
    else:
        assert result.totals["received"] < result.totals["acknowledged"]
        assert "may still be on their way" in result.reasons("INVALID")["lost"]


# ---- the broker ------------------------------------------------------------------------------------


@pytest.fixture
def patient(breakable_kafka):
    """A driver file for a broker that comes and goes."""
    return breakable_kafka.driver(consumerConfig=CONSUMER)


@pytest.mark.limit(90)
def test_a_run_on_a_broker_that_hangs_can_be_interrupted(omb, breakable_kafka, patient):
    breakable_kafka.signal(signal.SIGSTOP)
    try:
        running = omb.start(workload(), patient)
        running.await_phase("connect")
        (run_id,) = run_ids(omb)
        # One signal ends it, the second and the third are for the impatient.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            running.signal(number)
            time.sleep(0.5)  # two that come at once may be one
        result = running.wait(30)
        result.must_end(130)
        running.assert_nothing_left()
        assert result.files == []
    finally:
        breakable_kafka.signal(signal.SIGCONT)
    # The broker may find the request when it wakes up.
    omb.write("k.yaml", patient)
    omb.command("cleanup", "-d", "k.yaml", "--run", run_id).must_end(0)


@pytest.mark.slow
@pytest.mark.limit(200)
def test_a_broker_that_is_killed_for_good_ends_the_run_in_bounded_time(
    omb, breakable_kafka, patient
):
    running = omb.start(workload(testDuration="4s", drainTimeout="3s"), patient)
    await_measured(running)
    (run_id,) = run_ids(omb)
    restart = threading.Thread(target=breakable_kafka.tool, args=("restart",))
    breakable_kafka.tool("kill")
    try:
        result = running.wait(150)
        running.assert_nothing_left()
    finally:
        restart.start()
        restart.join()
    result.must_end(3)
    assert result.verdict == "INVALID"
    totals = result.totals
    assert totals["unacknowledged"] + totals["failed"] > 0
    assert "failed" in result.reasons("INVALID")
    assert "leftBehind" in result.reasons()
    assert "omb cleanup" in result.err
    assert_account_is_consistent(result)
    assert result.json_path.name.endswith(".json.invalid")

    # The broker is back, and so is what the run had created.
    omb.write("k.yaml", patient)
    wait_until(
        lambda: omb.command("cleanup", "-d", "k.yaml", "--run", run_id).code == 0
        and not breakable_kafka.leftovers(run_id),
        30,
        "nothing of the run is left after cleanup",
    )


# ---- brokers that are not there ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.limit(180)
def test_a_broker_that_is_lost_while_topics_are_created_ends_the_run_with_what_is_known(
    omb, breakable_kafka, how
):
    broker = breakable_kafka
    # In four requests: when the topics of the first are there, the others are still to be asked for.
    many = workload(topics=2000, partitionsPerTopic=1)
    running = omb.start(many, broker.driver())
    wait_until(broker.leftovers, 60, "the first topics")
    broker.signal(how)
    lost = time.monotonic()
    result = running.wait(120)
    took = time.monotonic() - lost
    if how == signal.SIGSTOP:
        broker.signal(signal.SIGCONT)
    else:
        broker.tool("restart")
    result.must_end(1)
    last = result.err.splitlines()[-1]
    assert "create-topics: " in last
    known = ("no broker answers", "imed out") if how == signal.SIGSTOP else ("refused", "isconnected")
    assert any(text in last for text in known)
    # 10 s until it counts as lost, and as long for the attempt to delete; 76 s it was once.
    assert took < 60
