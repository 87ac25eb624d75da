# SPDX-License-Identifier: Apache-2.0
"""Our coordinator leads workers of OMB's own program, on a real Kafka."""

import urllib.request

import pytest
from harness import HostWorker

pytestmark = [pytest.mark.java, pytest.mark.xdist_group("kafka")]

RATE = 500
SECONDS = 4


def workload(**more):
    return {
        "name": "java",
        "topics": 2,
        "partitionsPerTopic": 2,
        "messageSize": 200,
        "useRandomizedPayloads": True,
        "randomBytesRatio": 0.5,
        "randomizedPayloadPoolSize": 10,
        "subscriptionsPerTopic": 1,
        "consumerPerSubscription": 1,
        "producersPerTopic": 1,
        "producerRate": RATE,
        "warmupDuration": "1s",
        "testDuration": f"{SECONDS}s",
        "samplePeriod": "2s",
    } | more


def java_driver(kafka):
    """As OMB has them; asks for three replicas, which --set has to bring down."""
    return {
        "name": "Kafka",
        "driverClass": "io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver",
        "replicationFactor": 3,
        "topicConfig": "min.insync.replicas=1\n",
        "commonConfig": f"bootstrap.servers={kafka.bootstrap}\n",
        "producerConfig": "acks=all\nlinger.ms=1\n",
        "consumerConfig": "auto.offset.reset=earliest\nenable.auto.commit=false\n",
    }


def assert_is_sane(result):
    """Exit code 0, or 3 for a machine that was too busy to keep the rate up: nothing else is wrong."""
    assert result.code in (0, 3), result.err
    assert set(result.reasons("INVALID")) <= {"throughput"}, result.reasons()
    totals = result.totals
    assert totals["failed"] == totals["unacknowledged"] == 0
    assert totals["received"] == totals["acknowledged"] == totals["sent"]
    assert result.json["aggregatedPublishLatency50pct"] > 0
    assert result.json["aggregatedEndToEndLatency50pct"] > 0
    for name in ("publish", "publishDelay", "endToEnd"):
        assert result.latency(name).count > 0, name
    # A message is of the window in which it was answered: what was under way at its edges is a small part.
    assert result.latency("publish").count == pytest.approx(RATE * SECONDS, rel=0.5)


@pytest.mark.slow
@pytest.mark.limit(200)
@pytest.mark.parametrize("kafka", ["kafka"], indirect=True)
def test_a_java_worker_makes_a_load_to_its_end(omb, kafka, java_workers):
    url = java_workers[0].url
    result = omb.run(workload(), java_driver(kafka), "-w", url, "--set", "replicationFactor=1", timeout_s=150)
    assert_is_sane(result)
    assert f"worker {url}: OMB's own program" in result.err
    lacks = result.reasons()["workerLacks"]
    assert all(name in lacks for name in ("readiness", "events", "finish", "delete-topics")), lacks
    with urllib.request.urlopen(url + "/counters-stats") as answer:
        assert b'"messagesSent" : 0' in answer.read()  # it was told to stop


@pytest.mark.slow
@pytest.mark.limit(200)
@pytest.mark.parametrize("kafka", ["kafka"], indirect=True)
def test_two_java_workers_make_a_load_to_its_end(omb, kafka, java_workers):
    """One of them produces, the other consumes."""
    urls = ",".join(w.url for w in java_workers)
    result = omb.run(workload(), java_driver(kafka), "-w", urls, "--set", "replicationFactor=1", timeout_s=150)
    assert_is_sane(result)
    told = {w["url"]: w["counters"] for w in result.omb["workers"]}
    producer, consumer = (told[w.url] for w in java_workers)
    assert producer["acknowledged"] == consumer["received"] == result.totals["received"]
    assert producer["received"] == consumer["acknowledged"] == 0


@pytest.mark.slow
@pytest.mark.limit(200)
@pytest.mark.parametrize("kafka", ["kafka"], indirect=True)
def test_a_java_worker_and_one_of_ours_make_a_load_together(omb, kafka, java_workers, tmp_path):
    """Ours produces, and the other one consumes what it sends."""
    ours = HostWorker(tmp_path / "ours")
    urls = f"{ours.url},{java_workers[0].url}"
    result = omb.run(workload(), java_driver(kafka), "-w", urls, "--set", "replicationFactor=1", timeout_s=150)
    assert_is_sane(result)


@pytest.mark.slow
@pytest.mark.parametrize("kafka", ["kafka"], indirect=True)
def test_what_a_java_worker_cannot_do_is_refused_by_name(omb, kafka, java_workers):
    url = java_workers[0].url
    result = omb.run(workload(producerRate="max"), java_driver(kafka), "-w", url)
    result.must_end(2)
    assert f"worker {url} is OMB's own program, whose rates are finite" in result.err
    result = omb.run(workload(), {"driver": "null"}, "-w", url)
    result.must_end(2)
    assert "has no driverClass that it would know" in result.err
    nowhere = java_driver(kafka) | {"commonConfig": "bootstrap.servers=no-such-host.invalid:9092\n"}
    result = omb.run(workload(), nowhere, "-w", url)
    result.must_end(1)
    assert f"worker {url} (OMB's own program): status 500: Internal server error; its log says more" in result.err
