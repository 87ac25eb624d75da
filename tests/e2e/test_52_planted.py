# SPDX-License-Identifier: Apache-2.0
"""What brokers of omb's own lose, deliver twice, reorder, corrupt or deliver though they refused it: the
result names exactly that."""

import os
import signal

import pytest
from harness import assert_account_is_consistent, plain_workload, wait_until
from planted import KINDS, Script, Truth

SECONDS = 2
PARTITIONS = 4

LOOPBACK = {"name": "Loopback", "driver": "loopback"}
EMBEDDED = {
    "name": "Embedded",
    "driver": "kafka",
    "broker": "embedded",
    "replicationFactor": 1,
    # Several messages in a batch; what is refused is not sent again.
    "producerConfig": "acks=all\nretries=0\nlinger.ms=30\nsticky.partitioning.linger.ms=30\n",
    "consumerConfig": "auto.offset.reset=earliest\nenable.auto.commit=false\n"
    "session.timeout.ms=1500\nheartbeat.interval.ms=300\n",
}
BROKERS = {"loopback": LOOPBACK, "embedded": EMBEDDED}
# Each seed has a producer to itself, but for Kafka clients, which are dearer; and theirs fill batches.
SEEDS_IN_A_ROW = {"loopback": 1, "embedded": 5}


def workload(script, seconds, **more):
    planted = plain_workload(
        name="planted",
        partitionsPerTopic=PARTITIONS,
        producersPerTopic=script.producers,
        producerRate=script.producers * script.messages // seconds,
        agents=2,
        testDuration=f"{seconds}s",
        drainTimeout="2s",
        verifyPayload=True,
    )
    return planted(**more)


def start(omb, broker, seconds=SECONDS, **more):
    script = Script(SEEDS_IN_A_ROW[broker])
    log = omb.folder / "faults.jsonl"
    driver = BROKERS[broker] | {
        # Late is not lost: all that is in flight then is delayed, too.
        "brokerFaults": f"{script.text} delay:100ms@3000+100",
        "brokerFaultLog": str(log),
    }
    return omb.start(workload(script, seconds, **more), driver), script, log


# ---- what the result says ----------------------------------------------------------------------------


def lost_of(result):
    """{(producer, sequence): partition}, as ranges name them."""
    assert result.omb["accounting"]["lostRangesLeftOff"] == 0
    named = {}
    for r in result.lost():
        for sequence in range(r["first"], r["last"] + 1):
            assert (r["producer"], sequence) not in named
            named[r["producer"], sequence] = r["partition"]
    return named


def spoiled_of(result):
    """{(producer, sequence): partition}, as ranges name them; once, however often one was received."""
    named = {}
    for r in result.spoiled():
        for sequence in range(r["first"], r["last"] + 1):
            assert (r["producer"], sequence) not in named
            named[r["producer"], sequence] = r["partition"]
    return named


def counts(result, table, key, fact):
    """{producer or partition: count}, where there are any."""
    return {row[key]: row[fact] for row in result.rows(table) if row[fact]}


def assert_names_what_was_lost(result, truth):
    assert lost_of(result) == {m: truth.partition_of[m] for m in truth.lost}
    assert counts(result, "producers", "producer", "lost") == truth.by_producer(truth.lost)


def assert_names_what_was_spoiled(result, truth):
    assert spoiled_of(result) == {m: truth.partition_of[m] for m in truth.done["spoil"]}


def assert_load_is_as_meant(result, script):
    result.must_end(3)
    assert result.totals["sent"] == script.producers * script.messages
    assert result.omb["accounting"]["kept"] and result.omb["accounting"]["exact"]
    assert_account_is_consistent(result)


# ---- the broker alone is at fault --------------------------------------------------------------------


@pytest.mark.parametrize("consumers", [1, 4])
@pytest.mark.parametrize("broker", BROKERS)
def test_what_was_planted_is_named_and_nothing_else(omb, broker, consumers):
    running, script, log = start(omb, broker, consumerPerSubscription=consumers)
    result = running.wait()
    assert_load_is_as_meant(result, script)
    truth = Truth(log)
    truth.assert_is_what_was_meant(script, shares_answers=broker == "embedded")

    assert_names_what_was_lost(result, truth)
    assert_names_what_was_spoiled(result, truth)
    assert result.totals["spoiled"] == len(truth.done["spoil"])
    for fact, messages in truth.facts().items():
        assert counts(result, "producers", "producer", fact) == truth.by_producer(messages), fact
        assert counts(result, "partitions", "partition", fact) == truth.by_partition(messages), fact
    corrupted = truth.by_partition(truth.damaged)
    assert counts(result, "partitions", "partition", "corrupted") == corrupted
    assert counts(result, "producers", "producer", "failed") == truth.by_producer(truth.failed)
    assert counts(result, "producers", "producer", "redelivered") == {}
    # A message for which no copy came is missing, whatever its answer.
    never = truth.by_producer(truth.never_received)
    assert counts(result, "producers", "producer", "missing") == never
    # Whom nothing was planted for, nothing is said of.
    assert all(script.mix_of(producer) for producer in never)
    late = result.latency("correctedEndToEnd")
    assert late.max() >= 100_000_000


# ---- and an agent dies besides -----------------------------------------------------------------------


@pytest.mark.parametrize("consumers", [1, 4])
@pytest.mark.parametrize("broker", BROKERS)
def test_a_consumer_agent_that_is_killed_adds_repetitions_and_no_loss(omb, broker, consumers):
    """It takes along what it had not committed, and its successor receives that again."""
    running, script, log = start(
        omb, broker, seconds=2 * SECONDS, consumerPerSubscription=consumers, drainTimeout="3s",
        commitInterval="200ms",
    )  # fmt: skip
    wait_until(lambda: running.said("progress"), 30, "a line of progress")
    running.await_phase("measure")
    wait_until(lambda: sum(x["phase"] == "measure" for x in running.said("progress")) >= 1, 30, "it")
    victim = running.agents("omb-cons")[0]
    os.kill(victim.pid, signal.SIGKILL)
    result = running.wait(80)
    assert_load_is_as_meant(result, script)
    assert len(result.events("agentLost")) == 1
    truth = Truth(log)
    truth.assert_is_what_was_meant(script, shares_answers=broker == "embedded")

    # Whoever dies: what the broker has delivered at last is not lost, and what it has lost is.
    assert_names_what_was_lost(result, truth)
    assert_names_what_was_spoiled(result, truth)
    facts = truth.facts()
    messages = facts["deliveredThoughFailed"]
    though_failed = truth.by_producer(messages)
    assert counts(result, "producers", "producer", "deliveredThoughFailed") == though_failed
    assert counts(result, "partitions", "partition", "deliveredThoughFailed") == (
        truth.by_partition(messages)
    )
    planted = truth.by_producer(facts["duplicated"])
    out_of_order = truth.by_producer(facts["outOfOrder"])
    for row in result.rows("producers"):
        p = row["producer"]
        assert row["duplicated"] + row["redelivered"] >= planted[p], row
        if broker == "loopback":  # it says which ones it delivers again
            assert row["duplicated"] <= planted[p], row
        else:
            assert row["redelivered"] == 0, row
        # In what comes again from an earlier place, one that was overtaken may come in order.
        assert row["outOfOrder"] <= out_of_order[p], row
    # Repetitions beyond those that were planted are as many as there were receipts too many.
    whole = result.omb["accounting"]
    assert whole["outOfOrder"] > 0
    again = whole["duplicated"] + whole["redelivered"] - len(facts["duplicated"])
    assert again > 0
    assert whole["corrupted"] >= len(truth.damaged)
    assert set(KINDS) == {kind for kind in KINDS if truth.done[kind]}
