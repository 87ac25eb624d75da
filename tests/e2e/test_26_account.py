# SPDX-License-Identifier: Apache-2.0
"""What became of every message, by producer and partition: of healthy runs, and where agents die."""

import os
import signal

import pytest
from harness import assert_account_is_consistent, assert_nothing_lost, plain_workload, wait_until

LOOPBACK = {"name": "Loopback", "driver": "loopback"}
RATE = 5000

WRONG = ("lost", "missing", "deliveredThoughFailed", "duplicated", "redelivered", "outOfOrder", "neverSent")
workload = plain_workload(
    name="account",
    topics=2,
    partitionsPerTopic=4,
    consumerPerSubscription=2,
    producersPerTopic=2,
    producerRate=RATE,
    agents="per-client",
    drainTimeout="10s",
)


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


# ---- what is in them ---------------------------------------------------------------------------------

EMBEDDED = {
    "name": "Embedded",
    "driver": "kafka",
    "broker": "embedded",
    "replicationFactor": 1,
    "producerConfig": "acks=all\nlinger.ms=20\n",
    "consumerConfig": "auto.offset.reset=earliest\nenable.auto.commit=false\n",
}
SPOILED = {(p, n) for p in (1, 2) for n in (50, 100, 101, 102)}
SPOIL = " ".join(f"spoil:1@{p}#50+1 spoil:1@{p}#100..103" for p in (1, 2))


def payload_file(omb):
    """Something to compare with that follows from no seed."""
    path = omb.folder / "payload"
    path.write_bytes(bytes(range(100)))
    return {"payloadFile": str(path), "useRandomizedPayloads": False}


def test_what_arrives_with_other_contents_is_received_and_corrupted(omb):
    for driver, shape in (
        (LOOPBACK, {"keyDistributor": "NO_KEY", "subscriptionsPerTopic": 2}),
        (EMBEDDED, payload_file(omb) | {"keyDistributor": "KEY_ROUND_ROBIN"}),
    ):
        result = omb.run(workload(verifyPayload=True, **shape), driver | {"brokerFaults": SPOIL})
        result.must_end(3)
        subscriptions = shape.get("subscriptionsPerTopic", 1)
        often = len(SPOILED) * subscriptions
        assert result.totals["spoiled"] == result.omb["accounting"]["corrupted"] == often
        assert result.totals["corrupt"] == 0
        assert total(result, "partitions", "corrupted") == often
        named = [
            (r["producer"], n) for r in result.spoiled() for n in range(r["first"], r["last"] + 1)
        ]
        assert sorted(named) == sorted(list(SPOILED) * subscriptions)
        # They came, all of them, and in order.
        assert total(result, "producers", "receivedOnce") == RATE * subscriptions
        assert all(total(result, "producers", name) == 0 for name in WRONG)
        assert list(result.reasons("INVALID")) == ["corrupt"]
        side = str(result.named(".omb")[0])
        line = " ".join(omb.command("show", side).out.split())
        assert f"{often} corrupted (producer 1" in line and ": 50, 100-102" in line
        shown = omb.command("show", "--corrupted", side)
        assert shown.out.startswith(f"{often} messages were received with other contents")


def test_contents_are_compared_when_asked_and_a_healthy_run_has_the_same_ones(omb):
    # Nobody looks: the stamp is good.
    unseen = omb.run(workload(), LOOPBACK | {"brokerFaults": SPOIL})
    unseen.must_be_good()
    assert unseen.totals["spoiled"] == unseen.omb["accounting"]["corrupted"] == 0
    assert not unseen.omb["load"]["payloadsVerified"]
    assert omb.command("show", "--corrupted", str(unseen.named(".omb")[0])).code == 1
    # And where all is well, all is well: also with a consumer that takes the place of another.
    running = omb.start(workload(verifyPayload=True, testDuration="2s"), LOOPBACK)
    kill_one(running, "omb-cons")
    healthy = running.wait(60)
    healthy.must_end(0)
    assert healthy.omb["load"]["payloadsVerified"]
    assert healthy.totals["spoiled"] == 0 and len(healthy.events("agentLost")) == 1


def test_payloads_that_cannot_say_what_they_hold_are_not_compared(omb):
    result = omb.run(workload(verifyPayload=True, messageSize=31), LOOPBACK)
    result.must_end(2)
    assert "verifyPayload: payloads of 31 bytes have no room for the stamp of 32" in result.err
