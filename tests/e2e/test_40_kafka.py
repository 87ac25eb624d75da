# SPDX-License-Identifier: Apache-2.0
"""Whole runs on a real Apache Kafka (tools/broker)."""

import time

import pytest
from harness import ROOT, assert_account_is_consistent, assert_nothing_lost

EXAMPLES = ROOT / "examples"
RATE = 500
SECONDS = 2


def workload(**more):
    return {
        "name": "small",
        "topics": 2,
        "partitionsPerTopic": 4,
        "messageSize": 200,
        "useRandomizedPayloads": True,
        "randomBytesRatio": 0.5,
        "randomizedPayloadPoolSize": 10,
        "subscriptionsPerTopic": 1,
        "consumerPerSubscription": 2,
        "producersPerTopic": 2,
        "producerRate": RATE,
        "warmupDuration": "0s",
        "testDuration": f"{SECONDS}s",
        "samplePeriod": "1s",
    } | more


def settings(result, section):
    return {r["key"]: r for r in result.omb["driver"] if r["section"] == section}


def assert_cleaned_up(omb, kafka, result):
    """Neither topics nor groups of it, as Kafka says and as omb says; nor a journal."""
    run_id = result.omb["run"]["id"]
    assert kafka.leftovers(run_id) == []
    omb.write("cleanup.yaml", kafka.driver())
    listed = omb.command("cleanup", "-d", "cleanup.yaml", "--run", run_id, "--dry-run")
    listed.must_end(0)
    assert "would delete" not in listed.out
    assert omb.journals() == {}


# ---- everything sent is received -----------------------------------------------------------------


def test_everything_sent_is_received_and_nothing_is_left_behind(omb, kafka):
    running = omb.start(workload(), kafka.driver())
    running.await_phase("measure")
    made = kafka.leftovers()
    assert len(made) == 2 + 2, made  # topics and their groups
    result = running.wait()
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.totals["sent"] == RATE * SECONDS
    for name in ("publish", "correctedPublish", "endToEnd", "correctedEndToEnd"):
        assert result.latency(name).count == RATE * SECONDS, name
    assert "brokerLocal" in result.reasons("note")
    assert_cleaned_up(omb, kafka, result)


@pytest.mark.parametrize(
    "codec, keys, agents",
    [
        ("gzip", "NO_KEY", 1),
        ("snappy", "KEY_ROUND_ROBIN", "per-client"),
        ("lz4", "RANDOM_NANO", 3),
        ("zstd", "RANDOM", "per-core"),
    ],
)
def test_compressed_messages_with_keys_reach_every_subscription(omb, kafka, codec, keys, agents):
    shape = workload(
        subscriptionsPerTopic=3, keyDistributor=keys, agents=agents, testDuration="1s"
    )
    driver = kafka.driver(producerConfig=f"acks=all\nlinger.ms=5\ncompression.type={codec}\n")
    result = omb.run(shape, driver)
    result.must_be_good()
    assert_nothing_lost(result, subscriptions=3)
    assert result.totals["sent"] == RATE
    rows = result.rows("partitions")
    assert len(rows) == 2 * 4 * 3  # keys and chance reach every partition
    assert len({row["subscription"] for row in rows}) == 2 * 3
    assert settings(result, "producer")["compression.type"]["value"] == codec
    assert_cleaned_up(omb, kafka, result)


def test_files_of_omb_run_as_they_are_with_what_one_broker_needs(omb, kafka):
    sets = [
        f"commonConfig.bootstrap.servers={kafka.address}",
        "replicationFactor=1",
        "topicConfig.min.insync.replicas=1",
        "testDuration=2s",
        "warmupDuration=1s",
        "producerRate=2000",
    ]
    result = omb.command(
        "run",
        *("-d", EXAMPLES / "drivers" / "kafka-omb-throughput.yaml"),
        *(word for pair in sets for word in ("--set", pair)),
        EXAMPLES / "workloads" / "simple-workload.yaml",
    )
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.totals["sent"] == 2000 * 3
    assert result.latency("publish").count == 2000 * 2
    assert result.json["workload"] == "Simple workload, 1 producer on 1 topic"
    assert result.json["driver"] == "Kafka"
    # What the file leaves out is the Java client's default; what cannot be is told.
    producer = settings(result, "producer")
    assert producer["enable.idempotence"]["origin"] == "java default"
    assert producer["linger.ms"]["origin"] == "file"
    assert {r["origin"] for r in result.omb["driver"]} >= {"altered", "file", "java default"}
    assert_cleaned_up(omb, kafka, result)


@pytest.mark.limit(90)
def test_a_fleet_of_100_producers_and_100_consumers_on_200_partitions(omb, kafka):
    shape = workload(
        topics=20,
        partitionsPerTopic=10,
        producersPerTopic=5,
        consumerPerSubscription=5,
        producerRate=3,
        producerRateScope="per-producer",
        keyDistributor="KEY_ROUND_ROBIN",
        testDuration="3s",
    )
    result = omb.run(shape, kafka.driver(), timeout_s=80)
    result.must_be_good()
    assert_nothing_lost(result)
    assert [row["sent"] for row in result.rows("producers")] == [9] * 100
    assert sum(a["clients"] for a in result.omb["agents"]) == 200
    assert_cleaned_up(omb, kafka, result)


def test_max_is_bounded_by_bytes_in_flight(omb, kafka):
    shape = workload(producerRate="max", maxInFlight="64KiB", topics=1, testDuration="2s")
    result = omb.run(shape, kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.omb["load"]["maxInFlightBytes"] == 64 * 1024
    assert result.totals["sent"] > 64 * 1024 / 200


# ---- consumers ------------------------------------------------------------------------------------


def test_slow_consumers_stay_in_their_group_and_lose_nothing(omb, kafka):
    # Each takes 125 messages in a second and takes 20 ms for each.
    shape = workload(messageProcessingTime="20ms", producerRate=250, testDuration="1s", topics=1)
    result = omb.run(shape, kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result)
    receiving_ns = result.phase("drain")["endNs"] - result.phase("measure")["startNs"]
    busiest = max(a["counters"]["received"] for a in result.omb["agents"])
    assert busiest >= 125
    assert receiving_ns >= (busiest - 1) * 20_000_000


@pytest.mark.limit(120)
def test_a_backlog_on_kafka_is_built_and_drained(omb, kafka):
    messages = 6000
    shape = workload(
        consumerBacklogSizeGB=messages * 1024 / 2**30,
        messageSize=1024,
        producerRate=3000,
        testDuration="1s",
        warmupDuration="1s",
    )
    result = omb.run(shape, kafka.driver(), timeout_s=110)
    result.must_be_good()
    assert_nothing_lost(result)
    backlog = result.omb["backlog"]
    assert backlog["built"] and backlog["drained"]
    assert messages <= backlog["askedMessages"] <= messages + 1
    assert backlog["builtMessages"] >= backlog["askedMessages"]
    assert backlog["buildNs"] >= messages / 3000 * 1e9
    assert_cleaned_up(omb, kafka, result)


def test_more_consumers_than_partitions_are_told(omb, kafka):
    shape = workload(partitionsPerTopic=1, consumerPerSubscription=3, topics=1)
    result = omb.run(shape, kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.verdict == "SUSPECT"
    assert result.reasons("SUSPECT")["idleConsumers"].startswith("2 consumers")


# ---- the broker ----------------------------------------------------------------------------------


@pytest.mark.slow_on_kafka
def test_a_broker_that_does_not_answer_is_a_failure_in_bounded_time(omb, kafka):
    driver = kafka.driver(commonConfig="bootstrap.servers=127.0.0.1:1\n")
    began = time.monotonic()
    result = omb.run(workload(), driver, timeout_s=55)
    result.must_end(1)
    assert "127.0.0.1:1" in result.err
    errors = [line for line in result.err.splitlines() if line.startswith("omb: ")]
    assert len(errors) == 1, result.err
    assert not result.named(".omb")
    assert omb.journals() == {}
    print(f"a broker that is not there took {time.monotonic() - began:.1f} s")


def test_a_setting_that_the_client_refuses_is_a_configuration_error(omb, kafka):
    driver = kafka.driver(producerConfig="acks=all\nlinger.ms=1\nno.such.setting=1\n")
    result = omb.run(workload(), driver)
    result.must_end(2)
    assert "no.such.setting" in result.err
    assert kafka.leftovers() == []


def test_topics_that_cannot_be_written_are_never_ready_and_are_deleted(omb, kafka):
    driver = kafka.driver(topicConfig="max.message.bytes=20\n")
    result = omb.run(workload(readinessTimeout="3s"), driver)
    result.must_end(1)
    assert "omb-" in result.err  # which ones
    assert not result.named(".omb")
    assert kafka.leftovers() == []


def test_kept_topics_stay_until_cleanup_deletes_those_of_their_run(omb, kafka):
    omb.write("k.yaml", kafka.driver())
    runs = []
    for name in ("first", "second"):
        shape = workload(keepTopics=True, testDuration="1s")
        result = omb.run(shape, kafka.driver(), "-o", f"{name}.json")
        result.must_be_good()
        runs.append(result.omb["run"]["id"])
        assert len(kafka.leftovers(runs[-1])) == 2 + 2
    first, second = runs
    try:
        dry = omb.command("cleanup", "-d", "k.yaml", "--run", first, "--dry-run")
        dry.must_end(0)
        assert sorted(kafka.leftovers(first)) == sorted(
            line.split()[-1] for line in dry.out.splitlines() if "would delete" in line
        )
        wet = omb.command("cleanup", "-d", "k.yaml", "--run", first)
        wet.must_end(0)
        assert kafka.leftovers(first) == []
        assert len(kafka.leftovers(second)) == 2 + 2
        # Too young for that.
        young = omb.command("cleanup", "-d", "k.yaml", "--min-age", "1h")
        young.must_end(0)
        assert len(kafka.leftovers(second)) == 2 + 2
    finally:
        rest = omb.command("cleanup", "-d", "k.yaml", "--min-age", "0s", "--force")
    rest.must_end(0)
    assert kafka.leftovers() == []


def test_a_run_measures_soon_after_its_start(omb, kafka):
    """How soon is a matter of the machine, and is printed (-s): what is tested is that no fixed
    wait stands in the way."""
    result = omb.run(workload(testDuration="1s"), kafka.driver())
    result.must_be_good()
    assert_account_is_consistent(result)
    start_ns = result.omb["window"]["startNs"]
    print(f"the first measured message was due {start_ns / 1e9:.2f} s after the start")
    assert start_ns < 15e9
