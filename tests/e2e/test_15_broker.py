# SPDX-License-Identifier: Apache-2.0
"""The embedded broker: `omb broker` with planted faults and little memory, and `omb demo`."""

import re
import socket

import pytest
from harness import EmbeddedBroker, assert_nothing_lost, plain_workload
workload = plain_workload(name="small", messageSize=200, testDuration="3s", drainTimeout="3s")


@pytest.fixture
def broker(tmp_path):
    """Starts brokers with options; what one said at its end is in `said`."""

    class Started:
        def __init__(self):
            self.now = None

        def __call__(self, *options):
            self.now = EmbeddedBroker(tmp_path / "broker", *options)
            return self.now

        def stop(self):
            said, self.now = self.now.stop(), None
            return said

    started = Started()
    yield started
    if started.now:
        started.stop()


def count(said, what):
    found = re.search(rf"(\d+) {what}", said)
    return int(found.group(1)) if found else 0


# A batch for each message, and the fault long after the last probe.
ONE_BY_ONE = {"producerConfig": "acks=all\nlinger.ms=0\nbatch.num.messages=1\n"}


def test_batches_that_the_broker_loses_are_missing_in_the_result(omb, broker):
    kafka = broker("--fault", "lose:300")
    result = omb.run(workload(), kafka.driver(**ONE_BY_ONE))
    result.must_end(3)
    lost = count(broker.stop(), "messages lost on purpose")
    assert lost >= 3000 // 300 - 1
    totals = result.totals
    assert totals["acknowledged"] == totals["sent"] == 3000
    assert totals["acknowledged"] - totals["received"] == lost
    assert "lost" in result.reasons("INVALID")


def test_batches_that_the_broker_stores_twice_are_received_twice(omb, broker):
    kafka = broker("--fault", "duplicate:300")
    result = omb.run(workload(), kafka.driver(**ONE_BY_ONE))
    result.must_be_good()
    doubled = count(broker.stop(), "messages stored twice on purpose")
    assert doubled >= 3000 // 300 - 1
    assert result.totals["received"] - result.totals["acknowledged"] == doubled
    assert "duplicated" in result.reasons("SUSPECT")


def test_batches_that_the_broker_refuses_are_sent_again_and_nothing_is_lost(omb, broker):
    kafka = broker("--fault", "error:1/20")
    result = omb.run(workload(), kafka.driver())
    result.must_be_good()
    # Without idempotence the next batch may be there before the one that is sent again.
    assert_nothing_lost(result, may={"outOfOrder"})
    assert count(broker.stop(), "messages refused on purpose") > 0


def test_connections_that_the_broker_closes_lose_nothing_of_an_idempotent_producer(omb, broker):
    kafka = broker("--fault", "close:400")
    driver = kafka.driver(producerConfig="acks=all\nlinger.ms=1\nenable.idempotence=true\n")
    result = omb.run(workload(), driver)
    result.must_be_good()
    assert_nothing_lost(result)
    assert count(broker.stop(), "connections closed on purpose") > 0


@pytest.mark.alone
def test_a_stall_of_the_broker_stands_in_the_latencies(omb, broker):
    # One every two seconds: how soon the window begins is a matter of the machine.  One that the window
    # ends in keeps less than 5 % of its messages from an acknowledgement in time.
    kafka = broker("--fault", "stall:200ms@3s/2s")
    result = omb.run(workload(testDuration="5s"), kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result)
    assert result.latency("correctedPublish").max() >= 150_000_000


def test_a_slow_consumer_stops_the_producer_and_loses_nothing(omb, broker):
    # 16 MB through 4 MB.  The client keeps 2 MB of them: with less it fetches once in a second.
    kafka = broker("--memory", "4MB")
    driver = kafka.driver(
        consumerConfig="auto.offset.reset=earliest\nenable.auto.commit=false\n"
        "queued.max.messages.kbytes=2048\n"
    )
    shape = workload(
        messageSize=10_000,
        producerRate=800,
        testDuration="2s",
        messageProcessingTime="4ms",
        drainTimeout="30s",
    )
    result = omb.run(shape, driver)
    assert result.code in (0, 3), result.err  # 3: the rate asked for was not reached
    assert_nothing_lost(result)
    said = broker.stop()
    assert "memory is full" in said
    assert count(said, "requests waited for room") > 0
    assert count(said, "messages dropped unread") == 0


def test_what_is_not_as_the_driver_file_says_stands_in_the_result(omb, broker):
    driver = broker().driver(producerConfig="acks=all\nlinger.ms=900001\nlinger.ms=0\nbatch.size=0\n")
    driver["driverClass"] = "io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver"
    driver.pop("driver")
    result = omb.run(workload(), driver, "--set", "driver=kafka")
    result.must_be_good()
    rows = {(r["section"], r["key"], r["origin"]): r for r in result.omb["driver"]}
    assert rows["producer", "batch.size", "altered"]["value"] == "1"
    assert rows["producer", "linger.ms", "no effect"]["value"] == "900001"
    assert rows["producer", "linger.ms", "file"]["value"] == "0"
    assert rows["meaning", "client defaults", ""]["value"] == "the Java client's"
    said = "2 settings are not as the driver file says: batch.size, linger.ms"
    assert result.reasons()["settings"].startswith(said)
    assert said in " ".join(result.out.split())
    assert '"clientDefaults":"the Java client\'s"' in result.out


@pytest.mark.parametrize(
    "largest, sets, advice",
    [
        (1048540, ["topicConfig.max.message.bytes=2000000"],
         "--set producerConfig.max.request.size=1048577"),
        (5000, ["topicConfig.max.message.bytes=5070", "producerConfig.batch.size=100"],
         "--set topicConfig.max.message.bytes=5071"),
        (65536, ["producerConfig.buffer.memory=65536"],
         "--set producerConfig.buffer.memory=66560"),
    ],
)
def test_messages_that_are_too_large_are_told_before_they_fail(omb, broker, largest, sets, advice):
    driver = broker().driver(clientDefaults="java")
    flags = [word for pair in sets for word in ("--set", pair)]
    load = workload(producerRate=20, testDuration="1s", randomizedPayloadPoolSize=2)
    fits = omb.run(load | {"messageSize": largest, "name": "fits"}, driver, *flags)
    assert fits.totals["sent"] == fits.totals["received"] == 20
    assert "messageSize" not in fits.err
    fails = omb.run(load | {"messageSize": largest + 1, "name": "fails"}, driver, *flags)
    fails.must_end(3)
    assert fails.totals["acknowledged"] == 0
    assert "warning: workload fails on " in fails.err
    assert advice in fails.err


def test_several_virtual_brokers_share_the_partitions(omb, broker):
    kafka = broker("--brokers", "3")
    result = omb.run(workload(partitionsPerTopic=6, consumerPerSubscription=2), kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result)


def test_four_producers_and_two_groups_count_exactly(omb, broker):
    kafka = broker()
    shape = workload(
        partitionsPerTopic=4,
        producersPerTopic=4,
        subscriptionsPerTopic=2,
        consumerPerSubscription=2,
        producerRate=20_000,
    )
    result = omb.run(shape, kafka.driver())
    result.must_be_good()
    assert_nothing_lost(result, subscriptions=2)
    assert result.totals["sent"] == 60_000
    assert result.totals["received"] == 2 * 60_000


def test_what_the_broker_cannot_do_is_told_before_it_listens(omb):
    for words, said in (
        (("-p", "x"), '--port: "x" is not a whole number in 0..65535'),
        (("--memory", "1KB"), '--memory: "1KB"'),
        (("--fault", "sing"), 'fault "sing"'),
        (("--topics", "a b"), 'topic "a b": the name is not legal'),
        (("--full", "sometimes"), "neither block nor drop-oldest"),
        (("--bind", "0.0.0.0"), "0.0.0.0 is nowhere"),
        (("--bind", "here"), '"here" is not an IPv4 address'),
        (("extra",), '"extra" is not a flag'),
    ):
        done = omb.command("broker", *(words if "-p" in words else ("-p", "0", *words)))
        done.must_end(2)
        assert said in done.err, done.err


def test_a_port_that_is_taken_is_told(omb, broker):
    port = broker().address.rpartition(":")[2]
    done = omb.command("broker", "-p", port)
    done.must_end(1)
    assert f"listening on 127.0.0.1:{port}: Address already in use" in done.err


EMBEDDED = {
    "name": "Embedded",
    "driver": "kafka",
    "broker": "embedded",
    "replicationFactor": 1,
    "consumerConfig": "auto.offset.reset=earliest\nenable.auto.commit=false\n",
}


def test_a_run_starts_the_embedded_broker_for_itself_and_ends_it(omb):
    shape = workload(testDuration="1s", producerRate=1000, consumerPerSubscription=2)
    result = omb.run(shape, EMBEDDED)
    result.must_be_good()
    assert_nothing_lost(result, subscriptions=1)
    assert result.totals["sent"] >= 1000
    # Threads of the loops and of the client library are known apart, and rates are exact.
    for agent in result.omb["agents"]:
        assert agent["loopsKnown"] == agent["threads"]
        assert agent["busiestLoop"] > 0
        assert agent["libraryThreads"] > 0
        assert agent["libraryThread"].startswith("rdk:")
    assert result.omb["window"]["ratesBy"] == "edges"
    rows = [r for r in result.omb["driver"] if r["key"] == "bootstrap.servers"]
    assert {r["origin"] for r in rows} == {"omb"}
    address = rows[0]["value"]
    assert address.startswith("127.") and not address.startswith("127.0.")
    host, port = address.rsplit(":", 1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)


def test_what_the_embedded_broker_does_wrong_is_asked_for_in_the_driver_file(omb):
    shape = workload(testDuration="1s", producerRate=1000, drainTimeout="1s")
    result = omb.run(shape, EMBEDDED | {"brokerFaults": "lose:20@1ms, delay:1ms"})
    assert result.code == 3
    assert "acknowledged messages (times subscriptions) were" in result.out
    assert result.totals["received"] < result.totals["acknowledged"]


def test_the_same_words_do_the_same_to_the_embedded_broker_and_to_loopback(omb):
    shape = workload(testDuration="2s", partitionsPerTopic=4, producersPerTopic=3, drainTimeout="1s")
    words = {"brokerFaults": "lose:97@1 duplicate:150@501..1851 error:1@1h"}
    brokers = {
        "kafka": EMBEDDED | {"producerConfig": "linger.ms=0\nbatch.num.messages=1\n"},
        "loopback": {"name": "Loopback", "driver": "loopback"},
    }
    for name, driver in brokers.items():
        result = omb.run(shape, driver | words, "-o", f"{name}.json")
        result.must_end(3)
        totals = result.totals
        assert totals["acknowledged"] == totals["sent"] == 2000, name
        # 97, 194, ... 1940; and 650, 800, ... 1850, none of which is among them.
        assert totals["received"] == 2000 - 20 + 9, name
        assert result.reasons("INVALID")["lost"].startswith("20 of 2000 "), name
        assert result.reasons("SUSPECT")["duplicated"].startswith("9 messages "), name


@pytest.mark.parametrize(
    "more, said",
    [
        ({"commonConfig": "bootstrap.servers=localhost:9092\n"}, "the broker is embedded"),
        ({"brokerFaults": "sing"}, 'brokerFaults: fault "sing"'),
        ({"broker": "external", "brokerFaults": "lose:2"}, "only with `broker: embedded`"),
        ({"broker": "own"}, "broker"),
        ({"brokerMemory": "1KB"}, "brokerMemory"),
    ],
)
def test_what_the_embedded_broker_cannot_be_is_told_before_the_run(omb, more, said):
    result = omb.run(workload(testDuration="1s"), EMBEDDED | more)
    assert result.code == 2
    assert said in result.err


@pytest.mark.alone
def test_the_demo_measures_something_and_says_what_it_is_not(omb):
    done = omb.command("demo", "-o", "out")
    done.must_end(0)
    proven = ": every acknowledged message was received once, in order"
    assert proven in " ".join(done.out.split())
    assert re.search(r"client: librdkafka \S+ with librdkafka.s defaults", done.out)
    assert "not about any product" in done.out
    results = sorted(p.suffix for p in (omb.folder / "out").iterdir())
    assert results == [".json", ".omb"]


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.limit(120)
def test_what_calibrate_finds_stands_in_later_runs(omb):
    shape = workload(testDuration="1s", consumerPerSubscription=1)
    driver = {"name": "null", "driver": "null"}
    before = omb.run(shape | {"subscriptionsPerTopic": 0, "consumerPerSubscription": 0}, driver)
    before.must_be_good()
    assert before.omb["window"]["ceilingRate"] is None
    assert "ceilingRate" not in before.out

    done = omb.command("calibrate")
    done.must_end(0)
    for words in ("no client library", "on the embedded broker", "pacing error", "wake-up error"):
        assert words in done.out
    after = omb.run(shape | {"subscriptionsPerTopic": 0, "consumerPerSubscription": 0}, driver)
    after.must_be_good()
    assert after.omb["window"]["ceilingRate"] > after.omb["window"]["publishRate"]
    assert "ceilingRate" in after.out
    shown = omb.command("demo", "-o", "out")
    shown.must_end(0)
    assert "of what it can do here (omb calibrate)" in shown.out


def test_clients_are_told_the_advertised_address_in_the_place_of_its_own(broker):
    kafka = broker("--brokers", "3", "--advertise", "127.0.0.1:7000")
    assert kafka.nodes() == ["127.0.0.1:7000", "127.0.0.1:7001", "127.0.0.1:7002"]
    assert kafka.address not in kafka.nodes()


@pytest.mark.parametrize("address", ["127.0.0.1", ":80", "host:", "host:0", "host:65536", "host:x"])
def test_an_advertised_address_is_a_host_and_a_port(omb, address):
    result = omb.command("broker", "-p", "0", "--advertise", address)
    result.must_end(2)
    assert f'--advertise: "{address}" is not HOST:PORT' in result.err
