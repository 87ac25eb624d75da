# SPDX-License-Identifier: Apache-2.0
"""What every driver must do in whole runs: driver x case.  Without them: test_contract.py."""

import os
import signal
import time

import pytest
from harness import (
    OF_THE_ACCOUNT,
    ROOT,
    assert_account_is_consistent,
    assert_nothing_lost,
    plain_workload,
    wait_until,
)
from targets import Nats, certificate

RATE = 400
workload = plain_workload(
    name="conformance",
    topics=2,
    messageSize=200,
    randomizedPayloadPoolSize=4,
    producerRate=RATE,
    testDuration="250ms",
)


def measured(running):
    return sum(x["phase"] == "measure" for x in running.said("progress"))


def await_measured(running, seconds=1):
    """Until so many more samples of the window are there."""
    wanted = measured(running) + seconds
    wait_until(lambda: measured(running) >= wanted, 30, "measured samples")


def assert_conforms(result):
    """It went well.  How much of a load fits into a window that is as short as these is a matter of
    the machine; the cases count what came."""
    invalid = set(result.reasons("INVALID")) if result.named(".omb") else set()
    result.must_end(3 if invalid == {"throughput"} else 0)


# ---- every message, once for each subscription ---------------------------------------------------


def test_every_message_reaches_every_subscription_and_nothing_is_left(omb, target):
    shape = workload(
        subscriptionsPerTopic=8,
        consumerPerSubscription=2,
        partitionsPerTopic=2,
        keyDistributor="RANDOM_NANO",
    )
    result = omb.run(shape, target.driver())
    assert_conforms(result)
    assert_nothing_lost(result, 8)
    assert result.totals["sent"] == RATE / 4
    assert target.leftovers() == []
    if target.kind not in ("embedded", "kafka"):  # librdkafka says its first word after a second
        for agent in result.omb["agents"]:
            assert agent["client"]["clients"] == agent["clients"]
            assert agent["client"]["queueMessages"] >= 0
    meant = {r["key"] for r in result.omb["driver"] if r["section"] == "meaning"}
    asked = {"acknowledgement", "replication", "persistence", "ordering", "batching", "tls"}
    assert asked | {"consumer ack", "redelivery"} <= meant


@pytest.mark.delicate
def test_a_hundred_producers_and_a_hundred_consumers(omb, target):
    shape = workload(
        topics=10,
        partitionsPerTopic=10,
        producersPerTopic=10,
        consumerPerSubscription=10,
        keyDistributor="KEY_ROUND_ROBIN",
        producerRate=2000,
    )
    result = omb.run(shape, target.driver())
    assert_conforms(result)
    assert_nothing_lost(result)
    assert [row["sent"] for row in result.rows("producers")] == [5] * 100
    assert sum(a["clients"] for a in result.omb["agents"]) == 200


# ---- consumers -------------------------------------------------------------------------------------


def test_a_backlog_is_built_while_consumers_pause_and_drained_when_they_resume(omb, target):
    messages = 500
    shape = workload(
        consumerBacklogSizeGB=messages * 1024 / 2**30, messageSize=1024, producerRate=2000
    )
    result = omb.run(shape, target.driver())
    assert_conforms(result)
    assert_nothing_lost(result)
    backlog = result.omb["backlog"]
    assert backlog["built"] and backlog["drained"]
    assert messages <= backlog["askedMessages"] <= messages + 1
    assert backlog["builtMessages"] >= backlog["askedMessages"]
    assert backlog["buildNs"] >= messages / 2000 * 1e9


def test_slow_consumers_lose_nothing(omb, target):
    # Each takes about 50 messages, and 10 ms for each: twice as long as the load.
    shape = workload(messageProcessingTime="10ms", consumerPerSubscription=1)
    result = omb.run(shape, target.driver())
    assert_conforms(result)
    assert_nothing_lost(result)
    receiving_ns = result.phase("drain")["endNs"] - result.phase("measure")["startNs"]
    busiest = max(a["counters"]["received"] for a in result.omb["agents"])
    assert receiving_ns >= (busiest - 1) * 10_000_000 / 2  # an agent may have both consumers


@pytest.mark.delicate
@pytest.mark.needs("redelivery")
def test_a_consumer_agent_that_is_killed_is_restarted_and_nothing_is_lost(omb, target):
    shape = workload(agents="per-client", testDuration="2s", topics=1, partitionsPerTopic=4)
    shape |= {"consumerPerSubscription": 2, "keyDistributor": "KEY_ROUND_ROBIN"}
    running = omb.start(shape, target.driver(**target.patient))
    await_measured(running)
    first = running.agents("omb-cons")[0]
    os.kill(first.pid, signal.SIGKILL)
    running.assert_no_zombie()
    wait_until(lambda: len(running.agents("omb-cons")) == 2, 20, "two consumer agents again")
    result = running.wait()
    assert_conforms(result)
    assert "1 consumer agent" in result.reasons("SUSPECT")["agents"]
    (lost,) = result.events("agentLost")
    (restarted,) = result.events("agentRestarted")
    (resumed,) = result.events("agentResumed")
    assert (lost["role"], lost["agent"], lost["generation"]) == ("consumer", 0, 0)
    assert (restarted["agent"], restarted["generation"]) == (0, 1)
    assert lost["atNs"] <= restarted["atNs"] <= resumed["atNs"]
    # It stood still from its last message, before its death, to the first one after it.
    assert resumed["gapNs"] >= resumed["atNs"] - lost["atNs"]

    # Its counts survived it, and nothing was lost; some came twice.
    generations = [a["generation"] for a in result.omb["agents"] if a["role"] == "consumer"]
    assert sorted(generations) == [0, 0, 1]
    totals = result.totals
    assert totals["acknowledged"] == totals["sent"] == RATE * 2
    assert totals["received"] >= totals["acknowledged"]
    assert not {"missing", "lost"} & set(result.reasons())
    assert_account_is_consistent(result)
    assert target.leftovers() == []


# ---- the broker and its network -------------------------------------------------------------------


@pytest.mark.delicate
@pytest.mark.needs("standing broker")
def test_a_broker_that_stands_still_is_charged_and_loses_nothing(omb, target):
    running = omb.start(workload(testDuration="2500ms"), target.driver())
    await_measured(running)
    target.signal(signal.SIGSTOP)
    await_measured(running)
    target.signal(signal.SIGCONT)
    result = running.wait()
    assert result.code in (0, 3), result.must_end(0)
    totals = result.totals
    assert totals["received"] == totals["acknowledged"] == totals["sent"] == RATE * 2.5
    assert result.latency("correctedPublish").max() >= 500_000_000
    assert_account_is_consistent(result)


@pytest.mark.delicate
@pytest.mark.needs("lasting broker")
@pytest.mark.limit(150)
def test_a_broker_that_is_killed_and_comes_back_is_told_and_the_run_goes_on(omb, target):
    shape = workload(testDuration="2500ms", drainTimeout="60s")
    running = omb.start(shape, target.driver(**target.patient))
    await_measured(running)
    target.tool("kill")
    began = time.monotonic()
    target.tool("restart")
    outage_ns = (time.monotonic() - began) * 1e9
    result = running.wait(120)
    assert result.code in (0, 3), result.must_end(0)
    assert (result.code == 3) == (result.verdict == "INVALID")
    assert "connection" in {e["name"] for e in result.events("client")}
    # What was due meanwhile waited, and was sent: it is charged with that.
    totals = result.totals
    assert totals["unsent"] == 0
    assert result.latency("correctedPublish").max() >= outage_ns / 2
    # A killed process loses nothing that it has written; what was under way may come twice.
    assert totals["received"] >= totals["acknowledged"] > 0
    assert not {"missing", "lost"} & set(result.reasons())
    assert_account_is_consistent(result)
    assert target.leftovers() == []


@pytest.mark.delicate
@pytest.mark.needs("network")
def test_a_slow_network_stands_in_the_latencies_and_one_that_holds_everything_loses_nothing(
    omb, target
):
    target.proxy.tell("set up latency=20ms")
    target.proxy.tell("set down latency=10ms jitter=5ms")
    running = omb.start(workload(testDuration="2500ms"), target.driver(**target.safe))
    await_measured(running)
    target.proxy.tell("blackhole")
    await_measured(running)
    target.proxy.tell("heal")
    result = running.wait()
    assert result.code in (0, 3), result.must_end(0)
    assert_account_is_consistent(result)
    totals = result.totals
    assert totals["received"] == totals["acknowledged"] == totals["sent"] == RATE * 2.5
    # Never less than the way there and back; and who had to wait is charged with it.
    assert result.latency("publish").surely_below(30_000_000) == 0
    assert result.latency("endToEnd").surely_below(30_000_000) == 0
    assert result.latency("correctedPublish").max() >= 500_000_000


@pytest.mark.delicate
@pytest.mark.needs("network")
def test_connections_that_are_cut_are_told_and_come_back(omb, target):
    shape = workload(testDuration="2500ms", drainTimeout="1s" if target.kind == "core" else "40s")
    running = omb.start(shape, target.driver(**target.safe))
    await_measured(running)
    assert int(target.proxy.tell("cut").split()[0]) > 0
    await_measured(running)
    target.proxy.tell("heal")
    result = running.wait()
    assert result.code in (0, 3), result.must_end(0)
    assert (result.code == 3) == (result.verdict == "INVALID")
    assert_account_is_consistent(result)
    assert "connection" in {e["name"] for e in result.events("client")}
    assert result.latency("correctedPublish").max() >= 500_000_000
    totals, reasons = result.totals, result.reasons()
    assert totals["unsent"] == 0
    if target.safe:  # sends again, and knows what it has sent
        assert totals["received"] == totals["acknowledged"] == totals["sent"] == RATE * 2.5
        assert not {"missing", "surplus", "failed", "agents", *OF_THE_ACCOUNT} & set(reasons)
    elif target.kind != "core":
        assert not {"missing", "lost"} & set(reasons)
        assert totals["received"] >= totals["acknowledged"] > 0
    # The goodbye of a consumer may be lost while it connects again; its group goes all the same.
    assert "leftBehind" not in reasons
    assert target.leftovers() == []


# ---- what stays ------------------------------------------------------------------------------------


@pytest.mark.needs("standing broker")
def test_kept_topics_stay_until_cleanup_deletes_those_of_their_run(omb, target):
    omb.write("k.yaml", target.driver())
    runs = []
    for name in ("first", "second"):
        shape = workload(keepTopics=True, testDuration="100ms")
        result = omb.run(shape, target.driver(), "-o", f"{name}.json")
        assert_conforms(result)
        runs.append(result.omb["run"]["id"])
    first, second = runs
    stay = [] if target.kind == "core" else target.leftovers(second)
    assert len(stay) >= (0 if target.kind == "core" else 2)
    dry = omb.command("cleanup", "-d", "k.yaml", "--run", first, "--dry-run")
    dry.must_end(0)
    listed = [line.split()[-1] for line in dry.out.splitlines() if "would delete" in line]
    assert set(target.leftovers(first)) <= set(listed)
    wet = omb.command("cleanup", "-d", "k.yaml", "--run", first)
    wet.must_end(0)
    assert target.leftovers(first) == []
    # Those of the other are not asked for, and too young to be.
    omb.command("cleanup", "-d", "k.yaml", "--min-age", "1h").must_end(0)
    assert target.leftovers(second) == stay
    omb.command("cleanup", "-d", "k.yaml", "--min-age", "0s", "--force").must_end(0)
    assert target.leftovers() == []


@pytest.mark.needs("standing broker")
def test_a_broker_that_is_not_there_fails_in_bounded_time_and_is_named(omb, target):
    result = omb.run(workload(), target.absent(), timeout_s=55)
    result.must_end(1)
    assert "127.0.0.1:1" in result.err
    assert len([line for line in result.err.splitlines() if line.startswith("omb: ")]) == 1
    assert not result.named(".omb") and omb.journals() == {}


# ---- credentials and TLS -----------------------------------------------------------------------------


@pytest.fixture
def secure(target, tmp_path):
    """(target, its certificate)"""
    if target.kind == "kafka":
        yield target, target.cert
        return
    cert, key = certificate(tmp_path)
    tls = f'tls={{cert_file: "{cert}", key_file: "{key}"}}'
    login = "authorization={user: omb, password: s3cret}"
    server = Nats(target.kind, tmp_path, "--set", tls, "--set", login, **target.more)
    yield server, cert
    server.stop()


@pytest.mark.needs("login")
@pytest.mark.limit(120)
def test_login_and_tls(omb, secure):
    server, cert = secure
    result = omb.run(workload(), server.login("s3cret", cert))
    assert_conforms(result)
    assert_nothing_lost(result)
    assert "s3cret" not in result.named(".omb")[0].read_text()
    rows = {r["key"]: r["value"] for r in result.omb["driver"] if r["section"] == "meaning"}
    assert rows["tls"].startswith("yes")
    assert result.omb["host"]["broker"].startswith(("Kafka ", "nats-server "))
    bad = omb.run(workload(name="bad"), server.login("wrong", cert))
    bad.must_end(1)
    assert "wrong" not in bad.err.replace("went wrong", "")
    # Nobody signed that.
    omb.run(workload(name="bad"), server.login("s3cret", "/etc/hostname")).must_end(2)


# ---- OMB's file of NATS --------------------------------------------------------------------------


@pytest.mark.only("jetstream")
def test_omb_files_of_nats_run_as_they_are_on_what_one_server_has(omb, target):
    file = ROOT / "examples" / "drivers" / "nats-omb.yaml"
    sets = ("--set", f"natsHostUrl={target.address}", "--set", "replicationFactor=1")
    result = omb.run(workload(consumerPerSubscription=2), file, *sets)
    assert_conforms(result)
    assert_nothing_lost(result)
    rows = {r["key"]: r["value"] for r in result.omb["driver"]}
    assert rows["client defaults"].startswith("the Java client's")
    assert (rows["maxReconnects"], rows["maxAckPending"]) == ("5", "1000")
    assert "1 replica" == rows["replication"]
