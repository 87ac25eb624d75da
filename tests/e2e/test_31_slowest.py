# SPDX-License-Identifier: Apache-2.0
"""The slowest messages of a run and of its sample periods, one by one (docs/result-format.md)."""

from harness import plain_workload

LOOPBACK = {"name": "Loopback", "driver": "loopback"}
MS = 10**6
S = 10**9

RATE = 100
SPACING = S // RATE
FIRST = 19  # the sequence of message 20
STALL = 1000 * MS
KINDS = ("acknowledged", "received")
workload = plain_workload(name="slowest", producerRate=RATE, testDuration="3s", samplePeriod="2s")


def rows(slowest, kind):
    table = slowest[kind]
    return [dict(zip(table["columns"], row)) for row in table["rows"]]


def took(row, kind):
    return row[kind + "Ns"] - (row["dueNs"] or row["sentNs"])


def test_messages_that_a_stall_held_up_are_named_with_all_their_times(omb):
    """The longer the earlier they were due.  The first ten share one reading of the clock at each end; for
    another message to be as slow the machine would have to stand still for 900 ms."""
    driver = LOOPBACK | {"brokerFaults": f"stall:{STALL // MS}ms@{FIRST + 1}"}
    result = omb.run(workload(), driver)
    result.must_be_good()
    window = result.omb["window"]
    first, *others = result.omb["periods"]
    for kind in KINDS:
        named = rows(result.omb["slowest"], kind)
        assert len(named) == 20
        for i, row in enumerate(named[:10]):
            due = window["startNs"] + (FIRST + i) * SPACING
            assert (row["producer"], row["sequence"], row["dueNs"]) == (0, FIRST + i, due)
            assert due <= row["sentNs"]
            for end in ("acknowledgedNs", "receivedNs"):
                assert row[end] >= named[0]["sentNs"] + STALL
            assert row["partition"] == row["producerAgent"] == row["consumerAgent"] == 0
            assert row["consumerGeneration"] == 0 and row["measured"]
            assert row["subscription"].startswith(f"omb-{result.omb['run']['id']}-sub-")
        # The rest, too, stands in its order, and the first is the maximum of the histogram.
        times = [took(row, kind) for row in named]
        assert times == sorted(times, reverse=True)
        corrected = {"acknowledged": "correctedPublish", "received": "correctedEndToEnd"}[kind]
        assert times[0] == result.omb["latencies"][corrected]["maxNs"]
        # The stall is over 800 ms before the first period is.
        assert rows(first["slowest"], kind)[:10] == named[:10]
        for period in others:
            held_up = range(FIRST, FIRST + 10)
            found = rows(period.get("slowest", {}), kind) if "slowest" in period else []
            assert all(row["sequence"] not in held_up for row in found)


    # The summary tells the very slowest, and `show` the same messages again.
    (path,) = result.named(".omb")
    said = " ".join(omb.command("show", str(path)).out.split())
    assert f"slowest: message {FIRST} of producer 0 (partition 0, due at +0.190 s) acknowledged" in said
    head, *lines = [line.split() for line in omb.command("show", "--slowest", str(path)).out.splitlines()]
    shown = [dict(zip(head, line)) for line in lines]
    assert [row["by"] for row in shown] == [kind for kind in KINDS for _ in range(20)]
    for kind in KINDS:
        table = [row for row in shown if row["by"] == kind]
        for row, named in zip(table, rows(result.omb["slowest"], kind)):
            assert int(row["sequence"]) == named["sequence"]
            assert round(float(row["after_s"]) * S) == took(named, kind)
            assert round(float(row["due_s"]) * S) == named["dueNs"] - window["startNs"]


def test_a_result_that_names_no_message_says_so(omb):
    result = omb.run(workload(testDuration="1s"), LOOPBACK | {"brokerFaults": "error:1@1"})
    result.must_end(3)
    assert result.omb["slowest"] is None
    (path,) = result.named(".omb")
    done = omb.command("show", "--slowest", str(path))
    done.must_end(1)
    assert "no message is named" in done.err
    done = omb.command("show", "--slowest", "--lost", str(path))
    done.must_end(2)


def test_without_a_schedule_nothing_is_due(omb):
    result = omb.run(workload(producerRate="max", maxInFlight=10, testDuration="1s"), LOOPBACK)
    result.must_be_good()
    for kind, latency in (("acknowledged", "publish"), ("received", "endToEnd")):
        named = rows(result.omb["slowest"], kind)
        assert len(named) == 20
        assert all(row["dueNs"] is None for row in named)
        assert took(named[0], kind) == result.omb["latencies"][latency]["maxNs"]
