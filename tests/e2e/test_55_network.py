# SPDX-License-Identifier: Apache-2.0
"""Whole runs through `omb proxy`, which slows, holds and cuts their connections."""

import signal

import pytest
from harness import (
    Proxy,
    assert_account_is_consistent,
    assert_nothing_lost,
    free_port,
    wait_until,
)

pytestmark = pytest.mark.slow_on_kafka

RATE = 400

# Sends again by itself, and knows what it has sent.
SAFE = {"producerConfig": "acks=all\nlinger.ms=1\nenable.idempotence=true\n"}


def workload(**more):
    return {
        "name": "network",
        "topics": 1,
        "partitionsPerTopic": 4,
        "messageSize": 200,
        "useRandomizedPayloads": True,
        "randomizedPayloadPoolSize": 10,
        "subscriptionsPerTopic": 1,
        "consumerPerSubscription": 2,
        "producersPerTopic": 2,
        "producerRate": RATE,
        "agents": "per-client",
        "warmupDuration": "0s",
        "testDuration": "6s",
        "samplePeriod": "1s",
        "drainTimeout": "40s",
    } | more


def measured(running):
    return sum(x["phase"] == "measure" for x in running.said("progress"))


def await_measured(running, seconds=1):
    """Until so many more samples of the window are there."""
    wanted = measured(running) + seconds
    wait_until(lambda: measured(running) >= wanted, 30, "measured samples")


@pytest.fixture
def network(proxied_kafka):
    """The proxy; afterwards as good as none."""
    yield proxied_kafka.proxy
    proxied_kafka.proxy.tell("heal")
    proxied_kafka.proxy.tell("set latency=0 jitter=0 bandwidth=0")


@pytest.mark.limit(120)
def test_connections_that_are_cut_and_come_back_lose_nothing_and_are_told(
    omb, proxied_kafka, network
):
    running = omb.start(workload(), proxied_kafka.driver(**SAFE))
    await_measured(running)
    assert int(network.tell("cut").split()[0]) > 0
    await_measured(running)
    network.tell("heal")
    result = running.wait(100)
    assert result.code in (0, 3), result.must_end(0)
    assert (result.code == 3) == (result.verdict == "INVALID")
    assert_account_is_consistent(result)
    totals = result.totals
    assert totals["acknowledged"] == totals["sent"] > 0
    assert totals["received"] == totals["acknowledged"]
    assert not {"missing", "surplus", "failed", "agents"} & set(result.reasons())
    # What was due while there was no network is charged with it; and it is told why.
    assert result.latency("correctedPublish").max() >= 500_000_000
    assert "connection" in {e["name"] for e in result.events("client")}
    assert proxied_kafka.leftovers() == []


@pytest.mark.limit(120)
def test_a_slow_network_stands_in_the_latencies_and_loses_nothing(omb, proxied_kafka, network):
    network.tell("set up latency=20ms")
    network.tell("set down latency=10ms jitter=5ms")
    result = omb.run(workload(testDuration="3s"), proxied_kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result)
    # Never less than the way there and back.
    assert result.latency("publish").surely_below(30_000_000) == 0
    assert result.latency("endToEnd").surely_below(30_000_000) == 0


@pytest.mark.limit(120)
def test_a_black_hole_holds_everything_and_loses_nothing(omb, proxied_kafka, network):
    running = omb.start(workload(), proxied_kafka.driver(**SAFE))
    await_measured(running)
    network.tell("blackhole")
    await_measured(running)
    network.tell("heal")
    result = running.wait(100)
    assert result.code in (0, 3), result.must_end(0)
    assert_account_is_consistent(result)
    totals = result.totals
    assert totals["received"] == totals["acknowledged"] == totals["sent"] > 0
    assert result.latency("correctedPublish").max() >= 500_000_000


# ---- the loopback broker, over TCP -------------------------------------------------------------------


@pytest.mark.limit(90)
def test_a_cut_on_the_loopback_broker_is_told_and_what_was_sent_is_accounted_for(omb, tmp_path):
    port = free_port()
    broker = {"name": "Broker", "driver": "loopback", "address": f"127.0.0.1:{port}"}
    # A run of one message a second whose broker serves the other run as well.
    host = omb.start(workload(producerRate=1, testDuration="60s", name="host"), broker)
    host.await_phase("measure")
    proxy = Proxy(tmp_path / "proxy", f"127.0.0.1:{port}")
    try:
        through = broker | {"address": proxy.address, "external": True, "name": "Through"}
        files = (
            omb.write("through-d.yaml", through),
            omb.write("through-w.yaml", workload(drainTimeout="2s", name="through")),
        )
        running = omb.launch("run", "--log-format", "json", "-d", *files)
        await_measured(running)
        proxy.tell("cut")
        result = running.wait(60)
    finally:
        proxy.stop()
        host.signal(signal.SIGINT)
        host.wait(30)
    result.files = [p for p in result.files if p.name.startswith("through-w-")]
    result.must_end(3)
    assert result.verdict == "INVALID"
    assert_account_is_consistent(result)
    assert result.totals["unacknowledged"] + result.totals["failed"] > 0
    assert "connection" in {e["name"] for e in result.events("client")}
