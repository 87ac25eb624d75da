# SPDX-License-Identifier: Apache-2.0
"""How long nothing was acknowledged, and nothing received, on the loopback broker."""

import pytest
from harness import assert_nothing_lost, plain_workload

MS = 1_000_000
LOOPBACK = {"name": "Loopback", "driver": "loopback"}
RATE = 1000
workload = plain_workload(
    name="outages",
    partitionsPerTopic=2,
    producersPerTopic=2,
    producerRate=RATE,
    testDuration="3s",
)


def outages(result):
    """By role; one of each at the most."""
    found = {e["role"]: e for e in result.events("outage")}
    assert len(found) == len(result.events("outage"))
    return found


def test_an_outage_is_told_from_the_last_good_answer_to_the_first_one_after_it(omb):
    result = omb.run(workload(), LOOPBACK | {"brokerFaults": "stall:1500ms@500ms"})
    result.must_be_good()
    assert_nothing_lost(result)
    found = outages(result)
    assert set(found) == {"producer", "consumer"}
    over_ns = result.omb["window"]["startNs"] + 2000 * MS
    for role, latency in (("producer", "publish"), ("consumer", "endToEnd")):
        outage = found[role]
        # No message waits for less than the silence that it ends, and nothing is handled in the stall.
        assert outage["gapNs"] <= result.omb["latencies"][latency]["maxNs"]
        assert outage["atNs"] + outage["gapNs"] >= over_ns
        assert outage["gapNs"] > 1000 * MS  # less than the stall: it may begin late, by the machine
        assert " of omb-" in outage["text"] and outage["text"].startswith("partition ")
        assert "open" not in outage
    assert found["producer"]["count"] == 2
    (said,) = result.said("summary")
    assert [(o["role"], o["gapNs"]) for o in said["outages"]] == [
        (role, found[role]["gapNs"]) for role in sorted(found, key=lambda r: found[r]["atNs"])
    ]
    warnings = [x["text"] for x in result.said("warning")]
    for what in ("no acknowledgement for ", "no message received for "):
        assert len([text for text in warnings if text.startswith(what)]) == 1, warnings


@pytest.mark.parametrize(
    "more, faults",
    [
        ({}, "stall:200ms@500ms"),  # too short
        ({"messageProcessingTime": "1500ms", "producerRate": 2}, "delay:1ms"),  # its own waiting
    ],
)
def test_what_is_ordinary_is_no_outage(omb, more, faults):
    shape = workload(testDuration="2s", **more)
    result = omb.run(shape, LOOPBACK | {"brokerFaults": faults})
    result.must_be_good()
    assert_nothing_lost(result)
    assert outages(result) == {}


def test_an_outage_that_does_not_end_is_open(omb):
    shape = workload(testDuration="2s", drainTimeout="500ms")
    result = omb.run(shape, LOOPBACK | {"brokerFaults": "stall:1h@500ms"})
    result.must_end(3)
    found = outages(result)
    assert set(found) == {"producer"}  # what was acknowledged was received: consumers are owed nothing
    assert found["producer"]["open"] is True
    # It is one until the producers are closed, which is after the drain.
    assert found["producer"]["gapNs"] > 1500 * MS


def test_what_a_consumer_is_owed_at_the_end_is_an_open_outage(omb):
    """The broker acknowledges and delivers nothing of producer 1 any more: its topic's consumers wait."""
    shape = workload(testDuration="1s", drainTimeout="1500ms", topics=2, producersPerTopic=1, partitionsPerTopic=1)
    result = omb.run(shape, LOOPBACK | {"brokerFaults": "lose:1@1#100"})
    result.must_end(3)
    found = outages(result)
    assert set(found) == {"consumer"}
    outage = found["consumer"]
    (lost,) = result.lost()
    assert (lost["first"], lost["last"]) == (100, RATE // 2 - 1)
    assert outage["open"] is True and outage["count"] == 1
    assert outage["text"] == f"partition 0 of {lost['topic']}"
    # From the first one on that never came (the one before was received at once) until the clients close.
    assert lost["firstDueNs"] <= outage["atNs"] < lost["lastDueNs"]
    assert outage["gapNs"] > 1500 * MS
