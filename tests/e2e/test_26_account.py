# SPDX-License-Identifier: Apache-2.0
"""What became of every message, by producer and partition: of healthy runs, and where agents die."""

import os
import signal

import pytest
from harness import assert_account_is_consistent, assert_nothing_lost, wait_until

LOOPBACK = {"name": "Loopback", "driver": "loopback"}
RATE = 5000

WRONG = ("lost", "missing", "deliveredThoughFailed", "duplicated", "redelivered", "outOfOrder", "neverSent")


def workload(**more):
    return {
        "name": "account",
        "topics": 2,
        "partitionsPerTopic": 4,
        "messageSize": 100,
        "useRandomizedPayloads": True,
        "randomBytesRatio": 0.5,
        "randomizedPayloadPoolSize": 10,
        "subscriptionsPerTopic": 1,
        "consumerPerSubscription": 2,
        "producersPerTopic": 2,
        "producerRate": RATE,
        "agents": "per-client",
        "warmupDuration": "0s",
        "testDuration": "1s",
        "samplePeriod": "1s",
        "drainTimeout": "10s",
    } | more


def total(result, table, name):
    return sum(row[name] for row in result.rows(table))


def kill_one(running, role):
    wait_until(lambda: any(x["phase"] == "measure" for x in running.said("progress")), 30, "a sample")
    os.kill(running.agents(role)[0].pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "consumers, subscriptions, agents", [(1, 1, "per-client"), (4, 1, "per-client"), (4, 2, 3)]
)
def test_a_healthy_run_accounts_for_every_message(omb, consumers, subscriptions, agents):
    shape = workload(
        consumerPerSubscription=consumers, subscriptionsPerTopic=subscriptions, agents=agents
    )
    result = omb.run(shape, LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result, subscriptions)
    for table in ("producers", "partitions"):
        for name in WRONG:
            assert total(result, table, name) == 0, (table, name)
        assert total(result, table, "receivedOnce") == RATE * subscriptions
    assert total(result, "partitions", "corrupted") == 0
    assert {row["exactBelow"] for row in result.rows("producers")} == {None}


def test_without_accounting_what_was_lost_is_unknown(omb):
    result = omb.run(workload(accounting="off"), LOOPBACK)
    result.must_be_good()
    assert_nothing_lost(result)
    for table in ("producers", "partitions"):
        for name in ("receivedOnce", *WRONG):
            assert {row[name] for row in result.rows(table)} == {None}, (table, name)


def test_a_killed_consumer_agent_loses_nothing_and_what_came_again_is_told(omb):
    running = omb.start(workload(testDuration="3s"), LOOPBACK)
    kill_one(running, "omb-cons")
    result = running.wait(60)
    result.must_end(0)
    totals = result.totals
    assert totals["acknowledged"] == totals["sent"] == 3 * RATE
    assert total(result, "producers", "receivedOnce") == 3 * RATE
    for name in ("lost", "missing", "outOfOrder", "neverSent", "deliveredThoughFailed"):
        assert total(result, "producers", name) == 0, name
    again = total(result, "producers", "duplicated") + total(result, "producers", "redelivered")
    # The one that the dead agent was at is in the account, and perhaps in no count.
    assert 0 <= again - (totals["received"] - 3 * RATE) <= 1
    assert_account_is_consistent(result)


def test_a_killed_producer_agent_leaves_no_message_out(omb):
    running = omb.start(workload(testDuration="3s"), LOOPBACK | {"delay": "30ms"})
    kill_one(running, "omb-prod")
    result = running.wait(60)
    result.must_end(3)
    totals = result.totals
    assert totals["sent"] + totals["unsent"] == 3 * RATE
    for row in result.rows("producers"):
        assert row["receivedOnce"] + row["missing"] == row["sent"]
        assert row["receivedOnce"] >= row["acknowledged"]
    for name in ("lost", "duplicated", "outOfOrder", "neverSent", "deliveredThoughFailed"):
        assert total(result, "producers", name) == 0, name
    # Each message that was due is in it once, whatever became of it.
    assert result.latency("correctedEndToEnd").count == 3 * RATE
    assert_account_is_consistent(result)
