# SPDX-License-Identifier: Apache-2.0
"""What every driver must do, and each on what it is for: driver x case."""

import os
import signal
import subprocess

import pytest
from harness import (
    ROOT,
    Proxy,
    assert_account_is_consistent,
    assert_nothing_lost,
    wait_until,
)
from targets import Nats, start

QUICK = ["loopback", "embedded", "jetstream", "pull", "core"]
RATE = 400


def workload(**more):
    return {
        "name": "conformance",
        "topics": 2,
        "partitionsPerTopic": 1,
        "messageSize": 200,
        "useRandomizedPayloads": True,
        "randomizedPayloadPoolSize": 4,
        "subscriptionsPerTopic": 1,
        "consumerPerSubscription": 1,
        "producersPerTopic": 1,
        "producerRate": RATE,
        "warmupDuration": "0s",
        "testDuration": "1s",
        "samplePeriod": "1s",
    } | more


@pytest.fixture(
    scope="module", params=[*QUICK, pytest.param("kafka", marks=pytest.mark.slow)], autouse=True
)
def target(request, tmp_path_factory):
    broker = start(request.param, tmp_path_factory.mktemp(request.param))
    broker.kind = request.param
    yield broker
    broker.stop()


def await_measured(running, seconds=1):
    def samples():
        return sum(x["phase"] == "measure" for x in running.said("progress")) >= seconds

    wait_until(samples, 30, "measured samples")


# ---- every message, once for each subscription ---------------------------------------------------


@pytest.mark.parametrize("subscriptions", [1, 8])
def test_every_message_reaches_every_subscription_once(omb, target, subscriptions):
    shape = workload(
        subscriptionsPerTopic=subscriptions,
        consumerPerSubscription=2,
        partitionsPerTopic=2,
        keyDistributor="RANDOM_NANO",
    )
    result = omb.run(shape, target.driver())
    result.must_be_good()
    assert_nothing_lost(result, subscriptions)
    assert result.totals["sent"] == RATE
    assert target.leftovers(result.omb["run"]["id"]) == []
    meant = {r["key"] for r in result.omb["driver"] if r["section"] == "meaning"}
    asked = {"acknowledgement", "replication", "persistence", "ordering", "batching", "tls"}
    assert asked | {"consumer ack", "redelivery"} <= meant


def test_messages_of_a_megabyte(omb, target):
    shape = workload(messageSize=1_000_000, producerRate=20, topics=1)
    more = {}
    if target.kind in ("embedded", "kafka"):
        more["producerConfig"] = "acks=all\nmessage.max.bytes=1048576\n"
    result = omb.run(shape, target.driver(**more))
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.totals["bytesReceived"] == 20 * 1_000_000


def test_a_hundred_producers(omb, target):
    shape = workload(topics=10, producersPerTopic=10, producerRate=1000)
    result = omb.run(shape, target.driver())
    result.must_be_good()
    assert_nothing_lost(result)
    assert [row["sent"] for row in result.rows("producers")] == [10] * 100


# ---- consumers -------------------------------------------------------------------------------------


def test_a_backlog_is_built_while_consumers_pause_and_drained_when_they_resume(omb, target):
    shape = workload(
        consumerBacklogSizeGB=2000 * 1024 / 2**30, messageSize=1024, producerRate=2000
    )
    result = omb.run(shape, target.driver())
    result.must_be_good()
    assert_nothing_lost(result)
    backlog = result.omb["backlog"]
    assert backlog["built"] and backlog["drained"]


def test_slow_consumers_lose_nothing(omb, target):
    shape = workload(messageProcessingTime="10ms", producerRate=300, consumerPerSubscription=2)
    result = omb.run(shape | {"partitionsPerTopic": 2}, target.driver())
    result.must_be_good()
    assert_nothing_lost(result)


@pytest.mark.needs("agent")
def test_a_consumer_agent_that_is_killed_is_restarted_and_nothing_is_lost(omb, target):
    more = {"ackWait": "1s"} if isinstance(target, Nats) else {}
    if target.kind in ("embedded", "kafka"):
        session = "session.timeout.ms=6000\nheartbeat.interval.ms=1000\n"
        more["consumerConfig"] = f"auto.offset.reset=earliest\nenable.auto.commit=false\n{session}"
    shape = workload(agents="per-client", testDuration="3s", topics=1)
    running = omb.start(shape, target.driver(**more))
    await_measured(running)
    (consumer,) = running.agents("omb-cons")
    os.kill(consumer.pid, signal.SIGKILL)
    result = running.wait()
    result.must_be_good()
    totals = result.totals
    assert totals["acknowledged"] == totals["sent"] == RATE * 3
    assert totals["received"] >= totals["acknowledged"]
    assert "missing" not in result.reasons()
    assert_account_is_consistent(result)


# ---- the broker and its network -------------------------------------------------------------------


@pytest.mark.needs("restart")
def test_a_broker_that_stands_still_is_charged_and_loses_nothing(omb, target):
    running = omb.start(workload(testDuration="4s"), target.driver())
    await_measured(running)
    target.signal(signal.SIGSTOP)
    await_measured(running, 2)
    target.signal(signal.SIGCONT)
    result = running.wait()
    assert result.code in (0, 3), result.must_end(0)
    totals = result.totals
    assert totals["received"] == totals["acknowledged"] == totals["sent"] == RATE * 4
    assert result.latency("correctedPublish").max() >= 500_000_000
    assert_account_is_consistent(result)


# Kafka: tests/e2e/test_50_faults.py; "pull" has its streams in memory, where they are gone.
@pytest.mark.only("jetstream")
def test_a_broker_that_is_killed_and_comes_back_is_told_and_the_run_goes_on(omb, target):
    running = omb.start(workload(testDuration="4s", drainTimeout="20s"), target.driver())
    await_measured(running)
    target.tool("kill")
    target.tool("restart")
    result = running.wait()
    assert result.code in (0, 3), result.must_end(0)
    assert "connection" in {e["name"] for e in result.events("client")}
    # What was under way had no answer; what was due meanwhile waited and was sent.
    totals = result.totals
    assert totals["unsent"] == 0
    assert totals["acknowledged"] >= RATE * 4 * 0.9
    assert totals["received"] >= totals["acknowledged"] * 0.99
    assert_account_is_consistent(result)


# Kafka and loopback: tests/e2e/test_55_network.py.
@pytest.mark.only("jetstream", "pull", "core")
def test_connections_that_are_slow_and_cut(omb, target, tmp_path):
    proxy = Proxy(tmp_path / "proxy", target.address)
    try:
        proxy.tell("set up latency=10ms")
        driver = target.driver(natsHostUrl=f"nats://{proxy.address}")
        slow = omb.run(workload(), driver)
        slow.must_be_good()
        assert_nothing_lost(slow)
        assert slow.latency("endToEnd").surely_below(10_000_000) == 0

        running = omb.start(workload(testDuration="3s", name="cut"), driver)
        await_measured(running)
        assert int(proxy.tell("cut").split()[0]) > 0
        proxy.tell("heal")
        result = running.wait()
    finally:
        proxy.stop()
    assert result.code in (0, 3), result.must_end(0)
    assert "connection" in {e["name"] for e in result.events("client")}
    assert result.totals["unsent"] == 0
    if target.kind != "core":
        assert "missing" not in result.reasons()
    assert_account_is_consistent(result)


# ---- what stays ------------------------------------------------------------------------------------


@pytest.mark.needs("standing")
def test_kept_topics_stay_until_cleanup(omb, target):
    result = omb.run(workload(keepTopics=True), target.driver())
    result.must_be_good()
    run_id = result.omb["run"]["id"]
    omb.write("k.yaml", target.driver())
    if target.kind != "pull":  # its streams are in memory, where only the server sees them
        assert len(target.leftovers(run_id)) >= 2
    cleaned = omb.command("cleanup", "-d", "k.yaml", "--run", run_id)
    cleaned.must_end(0)
    assert "2 topics" in cleaned.out
    assert target.leftovers(run_id) == []


# Kafka: tests/e2e/test_40_kafka.py; loopback brings its own.
@pytest.mark.only("jetstream", "core")
def test_a_server_that_is_not_there_fails_in_bounded_time(omb, target):
    result = omb.run(workload(), target.driver(natsHostUrl="127.0.0.1:1"), timeout_s=30)
    result.must_end(1)
    assert "127.0.0.1:1" in result.err and not result.named(".omb")


# ---- OMB's file of NATS --------------------------------------------------------------------------


@pytest.mark.only("jetstream")
def test_omb_files_of_nats_run_as_they_are_on_what_one_server_has(omb, target):
    file = ROOT / "examples" / "drivers" / "nats-omb.yaml"
    sets = ("--set", f"natsHostUrl={target.address}", "--set", "replicationFactor=1")
    result = omb.run(workload(consumerPerSubscription=2), file, *sets)
    result.must_be_good()
    assert_nothing_lost(result)
    rows = {r["key"]: r["value"] for r in result.omb["driver"]}
    assert rows["client defaults"].startswith("the Java client's")
    assert (rows["maxReconnects"], rows["maxAckPending"]) == ("5", "1000")
    assert "1 replica" == rows["replication"]


# ---- credentials and TLS of NATS --------------------------------------------------------------------


def certificate(folder):
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-days", "2", "-subj", "/CN=localhost"]
    argv += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    argv += ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(argv, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


# Kafka's are translated by tests/unit/test_kafka_translate.c.
@pytest.mark.only("jetstream", "core")
def test_login_and_tls(omb, target, tmp_path):
    cert, key = certificate(tmp_path)
    tls = f'tls={{cert_file: "{cert}", key_file: "{key}"}}'
    login = "authorization={user: omb, password: s3cret}"
    server = Nats(tmp_path / "secure", "--set", tls, "--set", login, **target.more)
    try:
        good = {"user": "omb", "password": "s3cret", "tls": True, "tlsCaFile": str(cert)}
        result = omb.run(workload(), server.driver(**good))
        result.must_be_good()
        assert_nothing_lost(result)
        assert "s3cret" not in result.named(".omb")[0].read_text()
        rows = {r["key"]: r["value"] for r in result.omb["driver"] if r["section"] == "meaning"}
        assert rows["tls"] == "yes"
        for bad in ({"password": "wrong"}, {"tlsCaFile": "/etc/hostname"}):
            omb.run(workload(name="bad"), server.driver(**(good | bad))).must_end(
                1 if "password" in bad else 2
            )
    finally:
        server.stop()
