# SPDX-License-Identifier: Apache-2.0
"""Three real brokers, of which one is killed under load: what is lost, and how long the outage is."""

import time

import pytest
import stamps
from harness import KafkaNodes, assert_nothing_lost, plain_workload, wait_until

RATE = 500
SECONDS = 11  # the outage, and some around it
S = 1_000_000_000
NO_LEADER_S = KafkaNodes.SESSION_S - 2  # at least, after a leader was killed: by its last heartbeat

# Three JVMs on two cores: 15 s until they are there, and 20 to 35 s for each test.
pytestmark = [pytest.mark.alone, pytest.mark.slow, pytest.mark.limit(120)]
workload = plain_workload(name="nodes", producerRate=RATE, drainTimeout="30s")


def await_measured(running, seconds):
    wait_until(
        lambda: sum(x["phase"] == "measure" for x in running.said("progress")) >= seconds,
        60,
        "measured samples",
    )


def the_topic(nodes):
    """The run's, with the leader of its partition and the followers."""
    (topic,) = [name for name in nodes.topics() if name.startswith("omb-")]
    leader, replicas, in_sync = nodes.leaders(topic)[0]
    assert sorted(in_sync) == sorted(replicas) == [1, 2, 3]
    return topic, leader, [n for n in replicas if n != leader]


def ranges(sequences):
    """Neighbours together: [(first, last), ...]."""
    found = []
    for n in sorted(sequences):
        if found and found[-1][1] == n - 1:
            found[-1] = (found[-1][0], n)
        else:
            found.append((n, n))
    return found


def outage(result, role):
    (event,) = [e for e in result.events("outage") if e["role"] == role]
    return event


def assert_outage_is_told(result, gone_ns):
    """It was one at that instant on the wall's clock, when no leader could be there."""
    for role, latency in (("producer", "publish"), ("consumer", "endToEnd")):
        event = outage(result, role)
        start_ns = result.omb["run"]["startedUnixNs"] + event["atNs"]
        assert start_ns < gone_ns < start_ns + event["gapNs"]
        assert event["gapNs"] <= result.omb["latencies"][latency]["maxNs"]


def test_nothing_is_lost_with_two_copies_of_everything_and_the_outage_is_told(omb, nodes):
    # A broker has one request of a connection at hand: with few under way batches grow meanwhile.
    driver = nodes.driver(
        producerConfig="acks=all\nenable.idempotence=true\nlinger.ms=5\n",
        topicConfig="min.insync.replicas=2\n",
    )
    running = omb.start(workload(testDuration=f"{SECONDS}s"), driver)
    await_measured(running, 1)
    _, leader, followers = the_topic(nodes)
    nodes.tool("kill", "--node", leader)
    gone_ns = time.time_ns() + NO_LEADER_S * S
    nodes.look_at(followers[0])
    # Its session must end before it may come back, and before there is another leader.
    nodes.tool("restart", "--node", leader)
    result = running.wait(100)
    # On a busy machine the outage outlasts the window, and its load is acknowledged only after it.
    result.must_end(3 if result.reasons("INVALID") else 0)
    assert set(result.reasons("INVALID")) <= {"throughput"}
    assert_nothing_lost(result)
    assert result.totals["sent"] == RATE * SECONDS
    assert_outage_is_told(result, gone_ns)


def test_what_only_a_killed_leader_had_is_lost_and_an_independent_reader_misses_the_same(omb, nodes):
    driver = nodes.driver(producerConfig="acks=1\nlinger.ms=1\n")
    # The drain waits in vain for what is lost.
    shape = workload(keepTopics=True, testDuration=f"{SECONDS}s", drainTimeout="8s")
    running = omb.start(shape, driver)
    await_measured(running, 1)
    topic, leader, followers = the_topic(nodes)
    for node in followers:
        nodes.tool("stop", "--node", node)
    time.sleep(2)  # the load goes on: this is the loss
    nodes.tool("kill", "--node", leader)
    for node in followers:
        nodes.tool("cont", "--node", node)
    nodes.look_at(followers[0])
    result = running.wait(100)
    result.must_end(3)
    nodes.look_at(nodes.leaders(topic)[0][0])
    totals = result.totals
    assert totals["failed"] == totals["unacknowledged"] == totals["unsent"] == 0
    assert totals["acknowledged"] == totals["sent"] == RATE * SECONDS
    assert result.reasons("INVALID")

    read = stamps.of_partition(nodes, topic, 0, nodes.messages(topic, 0))
    (run,) = {s.run for s in read}
    (row,) = result.rows("producers")
    assert run and {s.producer for s in read} == {row["producer"]}
    missing = set(range(totals["sent"])) - {s.sequence for s in read}
    assert missing, "the leader was killed, and its followers had everything"
    told = result.lost()
    assert [(x["first"], x["last"]) for x in told] == ranges(missing)
    assert {(x["producer"], x["topic"], x["partition"]) for x in told} == {(row["producer"], topic, 0)}
    assert totals["acknowledged"] - totals["received"] == len(missing)
    assert outage(result, "producer")["gapNs"] > NO_LEADER_S * S
