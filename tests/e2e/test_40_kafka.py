# SPDX-License-Identifier: Apache-2.0
"""Whole runs on a real Apache Kafka (tools/broker)."""

import pytest
from harness import ROOT, assert_account_is_consistent, assert_nothing_lost, plain_workload

EXAMPLES = ROOT / "examples"
RATE = 500
SECONDS = 2
workload = plain_workload(
    name="small",
    topics=2,
    partitionsPerTopic=4,
    messageSize=200,
    consumerPerSubscription=2,
    producersPerTopic=2,
    producerRate=RATE,
    testDuration=f"{SECONDS}s",
)


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
        subscriptionsPerTopic=3, keyDistributor=keys, agents=agents, testDuration="3s"
    )
    driver = kafka.driver(producerConfig=f"acks=all\nlinger.ms=5\ncompression.type={codec}\n")
    result = omb.run(shape, driver)
    result.must_be_good()
    assert_nothing_lost(result, subscriptions=3)
    assert result.totals["sent"] == 3 * RATE
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


def test_max_is_bounded_by_bytes_in_flight(omb, kafka):
    shape = workload(producerRate="max", maxInFlight="64KiB", topics=1, testDuration="2s")
    result = omb.run(shape, kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.omb["load"]["maxInFlightBytes"] == 64 * 1024
    assert result.totals["sent"] > 64 * 1024 / 200


# ---- consumers ------------------------------------------------------------------------------------


def test_more_consumers_than_partitions_are_told(omb, kafka):
    shape = workload(partitionsPerTopic=1, consumerPerSubscription=3, topics=1)
    result = omb.run(shape, kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.verdict == "SUSPECT"
    assert result.reasons("SUSPECT")["idleConsumers"].startswith("2 consumers")


# ---- the broker ----------------------------------------------------------------------------------


def test_a_setting_that_the_client_refuses_is_a_configuration_error(omb, kafka):
    driver = kafka.driver(producerConfig="acks=all\nlinger.ms=1\nno.such.setting=1\n")
    result = omb.run(workload(), driver)
    result.must_end(2)
    assert "no.such.setting" in result.err
    assert kafka.leftovers() == []


def test_a_file_that_the_client_cannot_read_is_a_configuration_error(omb, kafka):
    secured = f"bootstrap.servers={kafka.bootstrap}\nsecurity.protocol=SSL\n"
    driver = kafka.driver(commonConfig=f"{secured}ssl.ca.location=/etc/hostname\n")
    result = omb.run(workload(), driver)
    result.must_end(2)
    assert "ssl.ca.location" in result.err
    assert kafka.leftovers() == []


def test_topics_that_cannot_be_written_are_never_ready_and_are_deleted(omb, kafka):
    driver = kafka.driver(topicConfig="max.message.bytes=20\n")
    result = omb.run(workload(readinessTimeout="3s"), driver)
    result.must_end(1)
    assert "omb-" in result.err  # which ones
    assert not result.named(".omb")
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
